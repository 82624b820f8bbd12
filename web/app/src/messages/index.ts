import { en } from './en'

type English = typeof en
export type MessageKey = keyof English

type Category = 'zero' | 'one' | 'two' | 'few' | 'many' | 'other'
/** The keys that are chosen by number, without their last part. */
export type PluralKey = MessageKey extends infer K
  ? K extends `${infer Base}.other`
    ? Base
    : never
  : never
type Placeholders<S extends string> = S extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Placeholders<Rest>
  : never
/** The keys whose text has nothing to fill in, for tables of labels. */
export type PlainKey = {
  [K in MessageKey]: [Placeholders<English[K]>] extends [never] ? K : never
}[MessageKey]
type Values<K extends MessageKey> = Record<Placeholders<English[K]>, string | number>

/** A language: every key of English, plus the plural forms it needs. */
export type Messages = Record<MessageKey, string> &
  Partial<Record<`${PluralKey}.${Exclude<Category, 'one' | 'other'>}`, string>>

/** The languages there are; each comes with the page that speaks it. */
const languages: Record<string, Messages> = { en }

const wanted = typeof navigator === 'undefined' ? [] : navigator.languages

/** The language of the page: the first wanted one that there is, else English. */
export const language: string =
  wanted.map((tag) => tag.split('-')[0] ?? '').find((tag) => tag in languages) ?? 'en'

/** The locale for numbers and dates: the person's own, where it fits the language. */
export const locale: string = wanted.find((tag) => tag.split('-')[0] === language) ?? language

/** The writing direction of the language. */
export const direction: 'ltr' | 'rtl' = ['ar', 'fa', 'he', 'ur'].includes(language) ? 'rtl' : 'ltr'

const messages = languages[language] ?? en
const plurals = new Intl.PluralRules(language)

function fill(text: string, values: Record<string, string | number> | undefined): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values?.[name] ?? whole))
}

/** The text of a key; its placeholders must all be given. */
export function t<K extends MessageKey>(
  key: K,
  ...values: [Placeholders<English[K]>] extends [never] ? [] : [Values<K>]
): string {
  return fill(messages[key], values[0])
}

/** The text of a key for a number, which fills `{n}`. */
export function plural(key: PluralKey, n: number): string {
  const all = messages as Record<string, string>
  const text = all[`${key}.${plurals.select(n)}`] ?? all[`${key}.other`] ?? ''
  return fill(text, { n: new Intl.NumberFormat(locale).format(n) })
}

/** The text of a key that is put together at run time, or `otherwise`. */
export function tMaybe(key: string, otherwise: string): string {
  return (messages as Record<string, string>)[key] ?? otherwise
}
