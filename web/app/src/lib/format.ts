import type { Money } from '../api/types'
import { locale, t } from '../messages'

/**
 * An amount as a person reads it. It is formatted from the decimal string
 * itself, so no cent is lost to floating point. Unknown is never zero.
 */
export function money(value: Money, digits = 2): string {
  if (value.amount === '') return t('cost.unknown')
  try {
    const format = new Intl.NumberFormat(locale, {
      style: 'currency',
      currency: value.currency,
      minimumFractionDigits: 2,
      maximumFractionDigits: digits,
    })
    return format.format(value.amount as unknown as number)
  } catch {
    return `${value.amount} ${value.currency}`
  }
}

/** A length of time, exact to the second below an hour. */
export function duration(ms: number): string {
  const total = Math.max(0, Math.round(ms / 1000))
  const s = total % 60
  const m = Math.floor(total / 60) % 60
  const h = Math.floor(total / 3600)
  if (h > 0) return t('time.hoursMinutes', { h, m })
  if (m > 0 && s === 0) return t('time.minutes', { m })
  if (m > 0) return t('time.minutesSeconds', { m, s: String(s).padStart(2, '0') })
  return t('time.seconds', { s })
}

/** A date such as "29 Sept 2026" from an RFC 3339 date or time; '' if it is none. */
export function day(value: string): string {
  const date = new Date(value)
  if (Number.isNaN(date.getTime())) return value
  return new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeZone: 'UTC' }).format(date)
}

/** A moment as a person speaks of it: the time today, else the date. */
export function moment(value: string, now = new Date()): string {
  const date = new Date(value)
  if (Number.isNaN(date.getTime())) return ''
  const today = date.toDateString() === now.toDateString()
  return new Intl.DateTimeFormat(locale, today ? { timeStyle: 'short' } : { dateStyle: 'medium' }).format(date)
}

/** Words joined as in a sentence: "a, b and c". */
export function list(words: readonly string[]): string {
  return new Intl.ListFormat(locale, { type: 'conjunction' }).format(words)
}
