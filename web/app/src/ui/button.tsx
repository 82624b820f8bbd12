import type { AnchorHTMLAttributes, ButtonHTMLAttributes, ReactNode } from 'react'
import { Icon, Spinner, type IconName } from './icon'

export type Variant = 'primary' | 'secondary' | 'quiet' | 'danger'

const base =
  'calm inline-flex items-center justify-center gap-2 rounded-md border px-4 py-2 text-base font-medium leading-5 text-center min-h-10 coarse:min-h-11 disabled:opacity-55 no-underline'
const variants: Record<Variant, string> = {
  primary:
    'border-transparent bg-accent text-on-accent hover:not-disabled:bg-accent-strong forced-border',
  secondary: 'border-edge bg-surface text-ink hover:not-disabled:bg-sunken',
  quiet: 'border-transparent bg-transparent text-accent hover:not-disabled:bg-accent-soft',
  danger: 'border-transparent bg-danger text-on-danger hover:not-disabled:opacity-90 forced-border',
}

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  variant?: Variant
  icon?: IconName
  /** Shows that the press is on its way; further presses do nothing. */
  busy?: boolean
  children: ReactNode
}

export function Button({ variant = 'secondary', icon, busy = false, className = '', children, ...rest }: Props) {
  return (
    <button
      type="button"
      {...rest}
      aria-disabled={busy || undefined}
      className={`${base} ${variants[variant]} ${className}`}
    >
      {busy ? <Spinner /> : icon ? <Icon name={icon} /> : null}
      <span className="min-w-0">{children}</span>
    </button>
  )
}

interface LinkProps extends AnchorHTMLAttributes<HTMLAnchorElement> {
  variant?: Variant
  icon?: IconName
  children: ReactNode
}

export function ButtonLink({ variant = 'secondary', icon, className = '', children, ...rest }: LinkProps) {
  return (
    <a {...rest} className={`${base} ${variants[variant]} ${className}`}>
      {icon ? <Icon name={icon} /> : null}
      <span className="min-w-0">{children}</span>
    </a>
  )
}

interface IconButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  icon: IconName
  label: string
}

export function IconButton({ icon, label, className = '', ...rest }: IconButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      aria-label={label}
      title={label}
      className={`calm inline-flex size-10 items-center justify-center rounded-md text-muted hover:bg-sunken hover:text-ink coarse:size-11 ${className}`}
    >
      <Icon name={icon} />
    </button>
  )
}
