import { useState } from 'react'
import type { CatalogueOption } from '../api/types'
import { t } from '../messages'
import { ErrorText, Labelled, Skeleton } from '../ui/bits'
import { Button } from '../ui/button'
import type { FieldSpec } from './fields'

/** What is in an editor and not yet saved: text, or what is ticked. */
export type Written = string | string[]

/** A value as its editor begins with it. */
export function writable(value: string | number | boolean | string[] | undefined): Written {
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  return Array.isArray(value) ? value : String(value ?? '')
}

interface Props {
  field: FieldSpec
  written: Written
  onWrite: (written: Written) => void
  options: CatalogueOption[] | null
  listFailed: boolean
  busy: boolean
  error: string
  onSave: (value: string | number | boolean | string[] | null) => void
  onCancel: () => void
}

/** Edits one field in its place. Escape leaves it as it was. */
export function Editor({ field, written, onWrite, options, listFailed, busy, error, onSave, onCancel }: Props) {
  const text = Array.isArray(written) ? '' : written
  const chosen = Array.isArray(written) ? written : []
  const [problem, setProblem] = useState('')

  const submit = (): void => {
    const trimmed = text.trim()
    switch (field.kind) {
      case 'many':
        return onSave(chosen)
      case 'toggle':
        return onSave(trimmed === 'yes')
      case 'number':
        if (trimmed === '') return onSave(null)
        if (!/^\d{1,6}$/.test(trimmed)) return setProblem(t('form.number'))
        return onSave(Number(trimmed))
      default:
        return onSave(trimmed === '' ? null : trimmed)
    }
  }

  return (
    <form
      noValidate
      className="flex flex-col gap-3"
      onSubmit={(event) => {
        event.preventDefault()
        if (!busy) submit()
      }}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return
        event.stopPropagation()
        event.preventDefault()
        onCancel()
      }}
    >
      {field.kind === 'many' ? (
        <Many label={t(field.label)} options={options} failed={listFailed} chosen={chosen} onChange={onWrite} />
      ) : (
        <Labelled label={t(field.label)} hint={field.hint ? t(field.hint) : undefined} error={problem || error}>
          {(ids) => {
            const props = {
              ...ids,
              value: text,
              autoFocus: true,
              className: 'control',
              onChange: (event: { target: { value: string } }) => {
                onWrite(event.target.value)
                setProblem('')
              },
            }
            if (field.kind === 'toggle') {
              return (
                <select {...props}>
                  <option value="yes">{t('draft.yes')}</option>
                  <option value="no">{t('draft.no')}</option>
                </select>
              )
            }
            if (field.kind === 'select' && !listFailed) return <Select {...props} options={options} />
            const exact = field.kind === 'email' || field.kind === 'domain'
            return (
              <input
                {...props}
                type={field.kind === 'email' ? 'email' : 'text'}
                inputMode={field.kind === 'number' ? 'numeric' : undefined}
                dir={exact ? 'ltr' : 'auto'}
                spellCheck={exact ? false : undefined}
                autoCapitalize={exact ? 'none' : undefined}
                autoComplete="off"
              />
            )
          }}
        </Labelled>
      )}
      {field.kind === 'many' ? <ErrorText>{error}</ErrorText> : null}
      <div className="flex gap-2">
        <Button type="submit" variant="primary" busy={busy}>
          {busy ? t('draft.saving') : t('draft.save')}
        </Button>
        <Button variant="quiet" onClick={onCancel}>
          {t('app.cancel')}
        </Button>
      </div>
    </form>
  )
}

interface SelectProps {
  options: CatalogueOption[] | null
  value: string
  id: string
  'aria-describedby': string | undefined
  'aria-invalid': boolean
  className: string
  autoFocus: boolean
  onChange: (event: { target: { value: string } }) => void
}

function Select({ options, ...props }: SelectProps) {
  const known = options?.some((o) => o.value === props.value) ?? false
  return (
    <select {...props}>
      {known ? null : <option value={props.value}>{props.value || t('draft.chooseOne')}</option>}
      {(options ?? []).map((o) => (
        <option key={o.value} value={o.value} disabled={Boolean(o.unavailable)}>
          {[o.label, o.detail].filter(Boolean).join(' · ')}
          {o.unavailable ? ` (${t('card.unavailableShort')})` : ''}
        </option>
      ))}
    </select>
  )
}

interface ManyProps {
  label: string
  options: CatalogueOption[] | null
  failed: boolean
  chosen: string[]
  onChange: (chosen: string[]) => void
}

function Many({ label, options, failed, chosen, onChange }: ManyProps) {
  if (failed) return <ErrorText>{t('error.offline')}</ErrorText>
  if (!options) return <Skeleton className="h-40" />
  return (
    <fieldset className="flex flex-col gap-1">
      <legend className="text-sm font-medium">{label}</legend>
      <div className="mt-1 flex max-h-72 flex-col overflow-y-auto rounded-md border border-line">
        {options.map((o) => (
          <label
            key={o.value}
            className={`flex min-h-11 items-center gap-3 border-t border-line px-3 py-1.5 first:border-t-0 ${o.unavailable ? 'text-muted' : 'cursor-pointer hover:bg-sunken'}`}
          >
            <input
              type="checkbox"
              className="size-5 shrink-0 accent-accent"
              checked={chosen.includes(o.value)}
              disabled={Boolean(o.unavailable) && !chosen.includes(o.value)}
              onChange={(event) =>
                onChange(event.target.checked ? [...chosen, o.value] : chosen.filter((v) => v !== o.value))
              }
            />
            <span className="min-w-0">
              <span dir="auto" className="block">{o.label}</span>
              <span dir="auto" className="block text-sm text-muted">
                {o.unavailable ? t('card.unavailableShort') : o.detail}
              </span>
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  )
}
