import { useState } from 'react'
import { api } from '../api/client'
import { APIError } from '../api/problem'
import type { Card, SecretData, SecretField } from '../api/types'
import { useConcierge } from '../chat/context'
import { useAction } from '../lib/use-action'
import { t } from '../messages'
import { ErrorText, Fold, Labelled } from '../ui/bits'
import { Button, IconButton } from '../ui/button'
import { Icon } from '../ui/icon'
import { SignInLink } from '../ui/sign-in'
import { Frame } from './frame'
import { SSHKeyField } from './ssh-key'

/** Which lengths a value may have, in words; '' where any will do. */
export function lengthRule(field: SecretField): string {
  const min = field.minLength ?? 0
  const max = field.maxLength ?? 0
  if (min > 0 && min === max) return t('secret.exactly', { n: min })
  if (min > 0 && max > 0) return t('secret.between', { min, max })
  if (min > 0) return t('secret.atLeast', { min })
  return ''
}

function problemWith(field: SecretField, value: string): string {
  const length = [...value.trim()].length
  if (length === 0) return t('app.required')
  const fits = length >= (field.minLength ?? 0) && (!field.maxLength || length <= field.maxLength)
  return fits ? '' : lengthRule(field)
}

export function SecretCard({ card, data }: { card: Card; data: SecretData }) {
  const { asked, press, guest } = useConcierge()
  const state = asked(card)
  const simulated = useAction(() => press(card.id, 'simulated'))
  const title = card.title || data.question.prompt

  if (!state.open) {
    const done =
      state.answer === 'simulated' ? t('secret.doneSimulated') : state.answer ? t('secret.doneStored') : ''
    return (
      <Frame id={card.id} title={title}>
        {done ? (
          <p className="flex items-center gap-2 font-medium text-accent">
            <Icon name="check" className="size-4" />
            {done}
          </p>
        ) : (
          <p className="text-sm text-muted">{t('card.closedNoAnswer')}</p>
        )}
      </Frame>
    )
  }

  const form = guest ? <SignInLink className="self-start" label={t('secret.signIn')} /> : <SecretForm card={card} data={data} />
  return (
    <Frame id={card.id} title={title}>
      {data.question.prompt !== title ? <p dir="auto">{data.question.prompt}</p> : null}
      {data.simulatedAccount ? (
        <>
          <div className="flex flex-col gap-2">
            <Button variant="primary" className="self-start" busy={simulated.busy} onClick={() => void simulated.run()}>
              {t('secret.simulated')}
            </Button>
            <p className="text-sm text-muted">{t('secret.simulatedDetail')}</p>
            <ErrorText>{simulated.error}</ErrorText>
          </div>
          {data.fields.length > 0 ? <Fold label={t('secret.orReal')}>{form}</Fold> : null}
        </>
      ) : (
        form
      )}
    </Frame>
  )
}

/** The fields; their values live in this form only until they are stored. */
function SecretForm({ card, data }: { card: Card; data: SecretData }) {
  const { conversationId, draft, press } = useConcierge()
  const [values, setValues] = useState<Record<string, string>>({})
  const [problems, setProblems] = useState<Record<string, string>>({})
  const [keyUnsaved, setKeyUnsaved] = useState(false)

  const action = useAction(async () => {
    try {
      await api.storeSecrets(conversationId, values)
    } catch (error) {
      if (error instanceof APIError) {
        const found = error.violations.filter((v) => data.fields.some((f) => v.path.endsWith(f.purpose)))
        for (const v of found) {
          const purpose = data.fields.find((f) => v.path.endsWith(f.purpose))?.purpose ?? ''
          setProblems((old) => ({ ...old, [purpose]: [v.message, v.suggestion].filter(Boolean).join(' ') }))
        }
      }
      throw error
    }
    setValues({})
    await press(card.id, 'stored')
  })

  const submit = (form: HTMLFormElement): void => {
    const found: Record<string, string> = {}
    for (const field of data.fields) {
      const problem = problemWith(field, values[field.purpose] ?? '')
      if (problem) found[field.purpose] = problem
      else if (field.generate && keyUnsaved) found[field.purpose] = t('secret.downloadFirst')
    }
    setProblems(found)
    if (Object.keys(found).length === 0) return void action.run()
    requestAnimationFrame(() => form.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus())
  }

  const set = (purpose: string, value: string): void => {
    setValues((old) => ({ ...old, [purpose]: value }))
    setProblems((old) => ({ ...old, [purpose]: '' }))
  }

  return (
    <form
      noValidate
      autoComplete="off"
      className="flex flex-col gap-4"
      onSubmit={(event) => {
        event.preventDefault()
        submit(event.currentTarget)
      }}
    >
      <p className="flex items-start gap-2 text-sm text-muted">
        <Icon name="lock" className="size-4 mt-0.5" />
        {t('secret.vault')}
      </p>
      {data.fields.map((field) =>
        field.generate ? (
          <SSHKeyField
            key={field.purpose}
            field={field}
            fqdn={draft?.spec.sovereignFQDN}
            value={values[field.purpose] ?? ''}
            error={problems[field.purpose]}
            onChange={(value) => set(field.purpose, value)}
            onUnsaved={setKeyUnsaved}
          />
        ) : (
          <SecretInput
            key={field.purpose}
            field={field}
            value={values[field.purpose] ?? ''}
            error={problems[field.purpose]}
            onChange={(value) => set(field.purpose, value)}
          />
        ),
      )}
      <ErrorText>{action.error}</ErrorText>
      <Button type="submit" variant="primary" icon="lock" busy={action.busy} className="self-start">
        {t('secret.store')}
      </Button>
    </form>
  )
}

interface InputProps {
  field: SecretField
  value: string
  error: string | undefined
  onChange: (value: string) => void
}

function SecretInput({ field, value, error, onChange }: InputProps) {
  const [shown, setShown] = useState(false)
  const hint = (
    <>
      {[field.hint, lengthRule(field)].filter(Boolean).join(' ')}{' '}
      {field.helpURL?.startsWith('https://') ? (
        <a href={field.helpURL} target="_blank" rel="noopener noreferrer" className="text-accent underline">
          {t('secret.where')} <span className="sr-only">{t('secret.opens')}</span>
        </a>
      ) : null}
    </>
  )
  return (
    <Labelled label={field.label} hint={hint} error={error}>
      {(ids) => (
        <div className="flex items-center gap-1">
          <input
            {...ids}
            dir="ltr"
            type={field.masked && !shown ? 'password' : 'text'}
            value={value}
            autoComplete={field.masked ? 'new-password' : 'off'}
            autoCapitalize="none"
            spellCheck={false}
            data-1p-ignore=""
            onChange={(event) => onChange(event.target.value)}
            className="control exact"
          />
          {field.masked ? (
            <IconButton
              icon={shown ? 'cross' : 'eye'}
              label={`${shown ? t('secret.hide') : t('secret.show')}: ${field.label}`}
              aria-pressed={shown}
              onClick={() => setShown(!shown)}
            />
          ) : null}
        </div>
      )}
    </Labelled>
  )
}
