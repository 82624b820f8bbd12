/** Small pieces that several views share. */
import { useId, useState, type ReactNode } from 'react'
import { Collapsible } from 'radix-ui'
import { t } from '../messages'
import { Icon, type IconName } from './icon'

export type Tone = 'neutral' | 'accent' | 'warn' | 'danger' | 'ok'

const tones: Record<Tone, string> = {
  neutral: 'border-line text-muted',
  accent: 'border-transparent bg-accent-soft text-accent',
  warn: 'border-warn/40 border-dashed bg-warn-soft text-warn',
  danger: 'border-transparent bg-danger-soft text-danger',
  ok: 'border-line text-ok',
}

export function Badge({ tone = 'neutral', icon, children }: { tone?: Tone; icon?: IconName; children: ReactNode }) {
  return (
    <span className={`inline-flex shrink-0 items-center gap-1 rounded-sm border px-1.5 py-px text-xs font-medium whitespace-nowrap ${tones[tone]}`}>
      {icon ? <Icon name={icon} className="size-3.5" /> : null}
      {children}
    </span>
  )
}

/** The label that stands wherever something is simulated. */
export function SimulatedBadge() {
  return <Badge tone="warn">{t('app.simulated')}</Badge>
}

/** What went wrong, said at once to a screen reader. */
export function ErrorText({ id, children }: { id?: string; children: ReactNode }) {
  if (!children) return null
  return (
    <p id={id} role="alert" className="flex items-start gap-2 text-sm text-danger">
      <Icon name="warning" className="mt-0.5 size-4" />
      <span>{children}</span>
    </p>
  )
}

/** A part that is folded away until asked for. */
export function Fold({ label, children, open = false }: { label: ReactNode; children: ReactNode; open?: boolean }) {
  return (
    <Collapsible.Root defaultOpen={open}>
      <Collapsible.Trigger className="group calm -mx-2 flex min-h-10 w-[calc(100%+16px)] items-center gap-2 rounded-md px-2 py-1 text-start text-sm font-medium text-accent hover:bg-accent-soft coarse:min-h-11">
        <Icon name="chevron" className="size-4 -rotate-90 group-data-[state=open]:rotate-0 rtl:rotate-90 rtl:group-data-[state=open]:rotate-0" />
        <span className="min-w-0">{label}</span>
      </Collapsible.Trigger>
      <Collapsible.Content className="pt-1 pb-2">{children}</Collapsible.Content>
    </Collapsible.Root>
  )
}

interface TextFieldProps {
  label: string
  hint?: ReactNode
  error?: string | undefined
  optional?: boolean
  /** The control gets the ids that tie label, hint and error to it. */
  children: (ids: { id: string; 'aria-describedby': string | undefined; 'aria-invalid': boolean }) => ReactNode
}

/** A label, its control, a hint, and what is wrong with the value. */
export function Labelled({ label, hint, error, optional, children }: TextFieldProps) {
  const id = useId()
  const describedBy = [hint ? `${id}-hint` : '', error ? `${id}-error` : ''].filter(Boolean).join(' ')
  return (
    <div className="flex flex-col gap-1">
      <label htmlFor={id} className="text-sm font-medium">
        {label}
        {optional ? <span className="ms-1 font-normal text-muted">({t('app.optional')})</span> : null}
      </label>
      {children({ id, 'aria-describedby': describedBy || undefined, 'aria-invalid': Boolean(error) })}
      {hint ? (
        <div id={`${id}-hint`} className="text-sm text-muted">
          {hint}
        </div>
      ) : null}
      {error ? <ErrorText id={`${id}-error`}>{error}</ErrorText> : null}
    </div>
  )
}

/** Copies a text; says so in the button itself. */
export function CopyButton({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState(false)
  return (
    <button
      type="button"
      aria-label={label}
      className="calm min-h-8 shrink-0 rounded-md px-2 text-sm font-medium text-accent hover:bg-accent-soft coarse:min-h-11"
      onClick={() => {
        void navigator.clipboard?.writeText(text).then(() => {
          setCopied(true)
          setTimeout(() => setCopied(false), 2000)
        })
      }}
    >
      <span aria-live="polite">{copied ? t('app.copied') : t('app.copy')}</span>
    </button>
  )
}

/** A grey shape in the place of what is being loaded. */
export function Skeleton({ className = '' }: { className?: string }) {
  return <div aria-hidden="true" className={`breathing rounded-md bg-line ${className}`} />
}
