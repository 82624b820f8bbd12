import { useId, useState } from 'react'
import type { Card, Choice, ChoiceData, Question, Spec } from '../api/types'
import { useConcierge } from '../chat/context'
import { useAction } from '../lib/use-action'
import { t } from '../messages'
import { Badge, ErrorText } from '../ui/bits'
import { Button } from '../ui/button'
import { Icon, Spinner } from '../ui/icon'
import { valueAt } from '../draft/fields'
import { Frame } from './frame'

/** The choices of a question; a yes-no question has two of its own. */
export function choicesOf(question: Question): Choice[] {
  if (question.choices && question.choices.length > 0) return question.choices
  if (question.type !== 'yes-no') return []
  return [
    { value: 'yes', label: t('card.yes') },
    { value: 'no', label: t('card.no') },
  ]
}

/** The values of a press or a suggestion: one, a JSON list, or words with commas. */
export function valuesOf(text: string): string[] {
  if (text.startsWith('[')) {
    try {
      const list: unknown = JSON.parse(text)
      if (Array.isArray(list)) return list.filter((v): v is string => typeof v === 'string')
    } catch {
      // Then it is a word that happens to begin with a bracket.
    }
  }
  return text.split(',').map((v) => v.trim()).filter(Boolean)
}

export function ChoiceCard({ card, data }: { card: Card; data: ChoiceData }) {
  const { asked, press, draft } = useConcierge()
  const action = useAction((value: string) => press(card.id, value))
  const [pressed, setPressed] = useState('')
  const state = asked(card)
  const question = data.question
  const many = question.type === 'choices'
  const answer = state.open ? undefined : (state.answer ?? knownChoice(draft?.spec, question))
  const choices = choicesOf(question)

  return (
    <Frame id={card.id} title={card.title || question.prompt}>
      {card.title && question.prompt !== card.title ? <p dir="auto">{question.prompt}</p> : null}
      {question.why ? <p dir="auto" className="text-sm text-muted">{question.why}</p> : null}
      {!state.open ? (
        <Closed choices={choices} answer={answer} />
      ) : many ? (
        <Many
          question={question}
          choices={choices}
          busy={action.busy}
          onDone={(value) => void action.run(value)}
        />
      ) : (
        <ul className="-m-1 flex flex-col gap-1">
          {choices.map((choice) => (
            <li key={choice.value}>
              <Option
                choice={choice}
                suggested={choice.value === question.suggested}
                busy={action.busy && pressed === choice.value}
                onPress={() => {
                  setPressed(choice.value)
                  void action.run(choice.value)
                }}
              />
            </li>
          ))}
        </ul>
      )}
      <ErrorText>{action.error}</ErrorText>
      {state.open && !many ? <p className="text-sm text-muted">{t('card.chooseOther')}</p> : null}
    </Frame>
  )
}

function Option({ choice, suggested, busy, onPress }: { choice: Choice; suggested: boolean; busy: boolean; onPress: () => void }) {
  const off = Boolean(choice.unavailable)
  return (
    <button
      type="button"
      disabled={off}
      aria-disabled={busy || undefined}
      onClick={onPress}
      className="calm flex min-h-12 w-full items-center gap-3 rounded-md border border-line px-3 py-2 text-start hover:not-disabled:border-accent hover:not-disabled:bg-accent-soft disabled:bg-sunken"
    >
      <Words choice={choice} />
      {suggested && !off ? <Badge tone="accent">{t('card.suggested')}</Badge> : null}
      {busy ? <Spinner className="text-accent" /> : off ? null : <Icon name="chevron" className="size-4 -rotate-90 text-muted rtl:rotate-90" />}
    </button>
  )
}

/** A choice in words: its label, and what is to be said of it. */
function Words({ choice }: { choice: Choice }) {
  const off = Boolean(choice.unavailable)
  return (
    <span className="min-w-0 flex-1">
      <span className={`block font-medium ${off ? 'text-muted' : ''}`}>
        <bdi>{choice.label}</bdi>
      </span>
      {choice.detail || off ? (
        <span className="block text-sm text-muted">
          <bdi>{off ? t('card.unavailable', { why: choice.unavailable ?? '' }) : choice.detail}</bdi>
        </span>
      ) : null}
    </span>
  )
}

interface ManyProps {
  question: Question
  choices: Choice[]
  busy: boolean
  onDone: (value: string) => void
}

function Many({ question, choices, busy, onDone }: ManyProps) {
  const name = useId()
  const [chosen, setChosen] = useState<string[]>(() =>
    valuesOf(question.suggested ?? '').filter((v) => choices.some((c) => c.value === v && !c.unavailable)),
  )
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event) => {
        event.preventDefault()
        onDone(JSON.stringify(chosen))
      }}
    >
      <fieldset className="-m-1 flex flex-col gap-1">
        <legend className="sr-only">{question.prompt}</legend>
        {choices.map((choice) => {
          const off = Boolean(choice.unavailable)
          return (
            <label
              key={choice.value}
              className={`calm flex min-h-12 items-center gap-3 rounded-md border border-line px-3 py-2 has-checked:border-accent has-checked:bg-accent-soft ${off ? 'bg-sunken' : 'cursor-pointer'}`}
            >
              <input
                type="checkbox"
                name={name}
                disabled={off}
                checked={chosen.includes(choice.value)}
                onChange={(event) =>
                  setChosen((old) =>
                    event.target.checked ? [...old, choice.value] : old.filter((v) => v !== choice.value),
                  )
                }
                className="size-5 shrink-0 accent-accent"
              />
              <Words choice={choice} />
            </label>
          )
        })}
      </fieldset>
      <Button type="submit" variant="primary" busy={busy} className="self-start">
        {t('card.choose')}
      </Button>
    </form>
  )
}

/** What the draft says now about what was asked, as a press would say it. */
function knownChoice(spec: Spec | undefined, question: Question): string | undefined {
  if (question.field === 'apps') return spec?.apps && spec.apps.length > 0 ? spec.apps.join(',') : undefined
  return valueAt(spec, question.field ?? '')
}

/** A choice card that is done: what was chosen, or that it is over. */
function Closed({ choices, answer }: { choices: Choice[]; answer: string | undefined }) {
  if (answer === undefined) return <p className="text-sm text-muted">{t('card.closedNoAnswer')}</p>
  const values = choices.some((c) => c.value === answer) ? [answer] : valuesOf(answer)
  return (
    <ul className="flex flex-wrap gap-2">
      {values.map((value) => (
        <li key={value} className="flex items-center gap-2 rounded-md bg-accent-soft px-3 py-1 text-accent">
          <Icon name="check" className="size-4" />
          <span className="sr-only">{t('card.chosen')}: </span>
          <span dir="auto" className="font-medium">{choices.find((c) => c.value === value)?.label ?? value}</span>
        </li>
      ))}
    </ul>
  )
}
