import { useState } from 'react'
import type { Card, FormData, Question, Spec } from '../api/types'
import { useConcierge } from '../chat/context'
import { useAction } from '../lib/use-action'
import { t } from '../messages'
import { ErrorText, Labelled } from '../ui/bits'
import { Button } from '../ui/button'
import { Icon } from '../ui/icon'
import { valueAt } from '../draft/fields'
import { choicesOf } from './choice'
import { Frame } from './frame'

const email = /^[^\s@]+@[^\s@]+\.[^\s@]+$/
const domain = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i

/** What is wrong with a value, before it is sent; the service checks again. */
export function problemWith(question: Question, value: string): string {
  const text = value.trim()
  if (text === '') return question.optional ? '' : t('app.required')
  switch (question.type) {
    case 'email':
      return email.test(text) ? '' : t('form.email')
    case 'number':
      return /^\d+$/.test(text) ? '' : t('form.number')
    case 'domain':
      return domain.test(text) ? '' : t('form.domain')
    default:
      return ''
  }
}

const key = (question: Question): string => question.field || question.questionId

export function FormCard({ card, data }: { card: Card; data: FormData }) {
  const { asked, press, draft } = useConcierge()
  const state = asked(card)
  const [values, setValues] = useState<Record<string, string>>(() =>
    Object.fromEntries(data.questions.map((q) => [key(q), q.suggested ?? ''])),
  )
  const [problems, setProblems] = useState<Record<string, string>>({})
  const action = useAction((value: string) => press(card.id, value))

  const submit = (form: HTMLFormElement): void => {
    const found: Record<string, string> = {}
    for (const q of data.questions) {
      const problem = problemWith(q, values[key(q)] ?? '')
      if (problem) found[key(q)] = problem
    }
    setProblems(found)
    if (Object.keys(found).length > 0) {
      requestAnimationFrame(() => form.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus())
      return
    }
    const answers = Object.fromEntries(
      Object.entries(values).map(([field, value]) => [field, value.trim()] as const).filter(([, value]) => value !== ''),
    )
    void action.run(JSON.stringify(answers))
  }

  if (!state.open) {
    return (
      <Frame id={card.id} title={card.title || data.questions[0]?.prompt || ''}>
        <Sent questions={data.questions} values={read(state.answer) ?? knownOf(draft?.spec, data.questions)} />
      </Frame>
    )
  }
  return (
    <Frame id={card.id} title={card.title || data.questions[0]?.prompt || ''}>
      <form
        noValidate
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault()
          submit(event.currentTarget)
        }}
      >
        {data.questions.map((question) => (
          <Labelled
            key={question.questionId}
            label={question.prompt}
            hint={question.why}
            error={problems[key(question)]}
            optional={question.optional ?? false}
          >
            {(ids) => (
              <Input
                ids={ids}
                question={question}
                value={values[key(question)] ?? ''}
                onChange={(value) => {
                  setValues((old) => ({ ...old, [key(question)]: value }))
                  setProblems((old) => ({ ...old, [key(question)]: '' }))
                }}
              />
            )}
          </Labelled>
        ))}
        <ErrorText>{action.error}</ErrorText>
        <Button type="submit" variant="primary" busy={action.busy} className="self-start">
          {data.submit || t('card.submit')}
        </Button>
      </form>
    </Frame>
  )
}

interface InputProps {
  ids: { id: string; 'aria-describedby': string | undefined; 'aria-invalid': boolean }
  question: Question
  value: string
  onChange: (value: string) => void
}

function Input({ ids, question, value, onChange }: InputProps) {
  const choices = choicesOf(question)
  if (choices.length > 0) {
    return (
      <select {...ids} value={value} onChange={(event) => onChange(event.target.value)} className="control">
        <option value="">{t('draft.chooseOne')}</option>
        {choices.map((choice) => (
          <option key={choice.value} value={choice.value} disabled={Boolean(choice.unavailable)}>
            {choice.label}
          </option>
        ))}
      </select>
    )
  }
  const exact = question.type === 'email' || question.type === 'domain'
  return (
    <input
      {...ids}
      value={value}
      dir={exact ? 'ltr' : 'auto'}
      type={question.type === 'email' ? 'email' : 'text'}
      inputMode={question.type === 'number' ? 'numeric' : question.type === 'email' ? 'email' : undefined}
      autoComplete={question.type === 'email' ? 'email' : question.field === 'orgName' ? 'organization' : 'off'}
      autoCapitalize={exact ? 'none' : undefined}
      spellCheck={exact ? false : undefined}
      onChange={(event) => onChange(event.target.value)}
      className="control"
    />
  )
}

function Sent({ questions, values }: { questions: Question[]; values: Record<string, string> }) {
  if (!questions.some((q) => values[key(q)])) return <p className="text-sm text-muted">{t('card.closedNoAnswer')}</p>
  return (
    <dl className="flex flex-col gap-2">
      {questions.map((q) => (
        <div key={q.questionId} className="flex flex-wrap items-baseline justify-between gap-x-4">
          <dt className="text-sm text-muted">{q.prompt}</dt>
          <dd dir="auto" className="flex items-center gap-2 font-medium">
            <Icon name="check" className="size-4 text-accent" />
            {values[key(q)] || '–'}
          </dd>
        </div>
      ))}
    </dl>
  )
}

/** What the draft says now about what was asked. */
export function knownOf(spec: Spec | undefined, questions: Question[]): Record<string, string> {
  const known: Record<string, string> = {}
  for (const question of questions) {
    const value = valueAt(spec, question.field ?? '')
    if (value === undefined) continue
    known[key(question)] = choicesOf(question).find((c) => c.value === value)?.label ?? value
  }
  return known
}

function read(answer: string | undefined): Record<string, string> | null {
  if (answer === undefined) return null
  try {
    const value: unknown = JSON.parse(answer)
    return typeof value === 'object' && value !== null ? (value as Record<string, string>) : null
  } catch {
    return null
  }
}
