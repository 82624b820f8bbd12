import { useEffect, useRef } from 'react'
import { api } from '../api/client'
import type { CatalogueOption, Draft, FieldSource } from '../api/types'
import { useConcierge, useKept } from '../chat/context'
import { list } from '../lib/format'
import { useAction } from '../lib/use-action'
import { t } from '../messages'
import { Badge, ErrorText } from '../ui/bits'
import { Icon } from '../ui/icon'
import { Editor, writable, type Written } from './editor'
import { isMissing, sourceOf, violationsOf, type FieldSpec } from './fields'
import { useCatalogue } from './use-catalogue'

const words = (source: FieldSource): string =>
  ({
    said: t('draft.source.said'),
    accepted: t('draft.source.accepted'),
    suggested: t('draft.source.suggested'),
    default: t('draft.source.default'),
    derived: t('draft.source.derived'),
  })[source]

type Value = string | number | boolean | string[] | undefined

/** A value in words: labels of the catalogue instead of its slugs. */
export function display(value: Value, options: CatalogueOption[] | null): string {
  const label = (slug: string): string => options?.find((o) => o.value === slug)?.label ?? slug
  if (value === undefined || value === '') return ''
  if (typeof value === 'boolean') return value ? t('draft.yes') : t('draft.no')
  if (Array.isArray(value)) return list(value.map(label))
  return typeof value === 'number' ? String(value) : label(value)
}

/** One field of the Draft: its value, where it came from, and a way to change it. */
export function FieldRow({ draft, field }: { draft: Draft; field: FieldSpec }) {
  const { takeDraft, status } = useConcierge()
  const [written, setWritten] = useKept<Written | null>(`draft ${field.path}`, null)
  const editing = written !== null
  const opener = useRef<HTMLButtonElement>(null)
  const wasEditing = useRef(false)
  const value = field.value(draft.spec)
  const source = sourceOf(draft, field)
  const violations = violationsOf(draft, field)
  const missing = isMissing(draft, field)
  // What is being built, or stands, was agreed to with its plan.
  const open = source?.source === 'suggested' && ['', 'awaiting-approval', 'failed', 'cancelled'].includes(status)
  // Sizes and toggles read well as they are; names of the catalogue are fetched.
  const named = field.list !== 'sizes' && (editing || (value !== undefined && String(value) !== ''))
  const { options, failed } = useCatalogue(named || editing ? field.list : undefined)
  const label = t(field.label)
  const text = display(value, options)

  const save = useAction(async (next: string | number | boolean | string[] | null, by: 'said' | 'accepted') => {
    takeDraft(await api.changeDraft(draft.id, [{ field: field.path, value: next, source: by }]))
    setWritten(null)
  })

  useEffect(() => {
    if (wasEditing.current && !editing) opener.current?.focus()
    wasEditing.current = editing
  }, [editing])

  if (written !== null) {
    return (
      <div className="border-t border-line py-3 first:border-t-0">
        <Editor
          field={field}
          written={written}
          onWrite={setWritten}
          options={options}
          listFailed={failed}
          busy={save.busy}
          error={save.error}
          onSave={(next) => void save.run(next, 'said')}
          onCancel={() => {
            save.clear()
            setWritten(null)
          }}
        />
      </div>
    )
  }

  return (
    <div className="border-t border-line py-2 first:border-t-0">
      <div className="flex items-start gap-2">
        <dl className="min-w-0 flex-1">
          <dt className="flex flex-wrap items-center gap-x-2 text-sm text-muted">
            {label}
            {source && text ? <Source source={source.source} open={open} /> : null}
            {missing ? <Badge tone="accent">{t('draft.needed')}</Badge> : null}
          </dt>
          <dd className={text ? 'font-medium' : 'text-muted'}>
            <bdi>{text || t('draft.notSet')}</bdi>
          </dd>
        </dl>
        {open && text && violations.length === 0 && value !== undefined && field.kind !== 'fixed' ? (
          <button
            type="button"
            aria-label={t('draft.agreeLabel', { field: label, value: text })}
            onClick={() => void save.run(value, 'accepted')}
            className="calm mt-1 min-h-8 shrink-0 rounded-md border border-line px-2.5 text-sm font-medium text-accent hover:bg-accent-soft coarse:min-h-11"
          >
            {t('draft.agree')}
          </button>
        ) : null}
        {field.kind === 'fixed' ? null : (
          <button
            ref={opener}
            type="button"
            aria-label={t('draft.edit', { field: label })}
            title={t('draft.edit', { field: label })}
            onClick={() => setWritten(writable(value))}
            className="calm mt-1 flex size-8 shrink-0 items-center justify-center rounded-md text-muted hover:bg-sunken hover:text-ink coarse:size-11"
          >
            <Icon name="edit" className="size-4" />
          </button>
        )}
      </div>
      {source?.why && source.source !== 'said' && text ? (
        <p dir="auto" className="text-sm text-muted">{source.why}</p>
      ) : null}
      {violations.map((v) => (
        <ErrorLine key={v.rule + v.message} message={v.message} suggestion={v.suggestion} />
      ))}
      <ErrorText>{save.error}</ErrorText>
    </div>
  )
}

/** Only what still waits for the person's word stands out. */
function Source({ source, open }: { source: FieldSource; open: boolean }) {
  if (open) return <Badge tone="accent">{words(source)}</Badge>
  return (
    <span className="text-xs">
      <span aria-hidden="true">· </span>
      {words(source)}
    </span>
  )
}

/** A broken rule at its field; not an alert, as it stays until it is put right. */
export function ErrorLine({ message, suggestion }: { message: string; suggestion: string | undefined }) {
  return (
    <p className="mt-1 flex items-start gap-2 text-sm text-danger">
      <Icon name="warning" className="mt-0.5 size-4" />
      <span dir="auto">
        {message} {suggestion ? <span className="text-ink">{suggestion}</span> : null}
      </span>
    </p>
  )
}
