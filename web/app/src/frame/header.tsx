import { Popover } from 'radix-ui'
import type { ReactNode } from 'react'
import { address, api } from '../api/client'
import { may } from '../api/identity'
import type { Whoami } from '../api/types'
import { setTheme, useTheme, type Theme } from '../lib/theme'
import { t } from '../messages'
import { SimulatedBadge } from '../ui/bits'
import { Button } from '../ui/button'
import { Icon, Mark, type IconName } from '../ui/icon'
import { SignInLink } from '../ui/sign-in'

interface Props {
  whoami: Whoami | null
  simulated: boolean
  /** Stands before the name, e.g. the button of the list of conversations. */
  start?: ReactNode
  /** Leads to the other page of this service. */
  other?: ReactNode
  home: string
}

export function Header({ whoami, simulated, start, other, home }: Props) {
  return (
    <header className="flex h-14 short:h-12 shrink-0 items-center gap-2 border-b border-line bg-surface px-2 sm:px-4">
      {start}
      <a href={address(home)} className="flex min-h-10 items-center gap-2 rounded-md px-1 font-semibold">
        <Mark />
        <span className="whitespace-nowrap max-[359px]:sr-only">{t('app.name')}</span>
      </a>
      <div className="flex flex-1 items-center justify-end gap-1">
        {simulated ? (
          <span title={t('app.simulatedLong')} className="me-1 flex">
            <SimulatedBadge />
          </span>
        ) : null}
        {other}
        {whoami?.role === 'guest' ? (
          <SignInLink />
        ) : null}
        <AccountMenu whoami={whoami} />
      </div>
    </header>
  )
}

/** A way to the other page; on a phone its icon. */
export function HeaderLink({ to, icon, label }: { to: string; icon: IconName; label: string }) {
  return (
    <a
      href={address(to)}
      title={label}
      className="calm flex min-h-10 min-w-10 items-center justify-center gap-2 rounded-md px-2 text-sm font-medium text-muted hover:bg-sunken hover:text-ink coarse:min-h-11 coarse:min-w-11"
    >
      <Icon name={icon} />
      <span className="max-sm:sr-only">{label}</span>
    </a>
  )
}

/** Who is signed in, and how the page looks. */
function AccountMenu({ whoami }: { whoami: Whoami | null }) {
  return (
    <Popover.Root>
      <Popover.Trigger
        aria-label={t('account.label')}
        title={t('account.label')}
        className="calm flex size-10 items-center justify-center rounded-md text-muted hover:bg-sunken hover:text-ink coarse:size-11"
      >
        <Icon name="user" />
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          align="end"
          sideOffset={4}
          collisionPadding={8}
          aria-label={t('account.label')}
          className="fade z-50 flex w-72 flex-col gap-4 rounded-lg border border-line bg-surface p-4 shadow-sheet"
        >
          {whoami ? (
            <div>
              <p className="text-sm text-muted">{t('account.signedInAs')}</p>
              <p className="font-medium [overflow-wrap:anywhere]">
                <bdi>{whoami.email || t(whoami.localOwner ? 'account.localOwner' : 'account.guest')}</bdi>
              </p>
              {whoami.localOwner && whoami.email ? <p className="text-sm text-muted">{t('account.localOwner')}</p> : null}
            </div>
          ) : null}
          {whoami ? (
            <nav aria-label={t('account.label')} className="-mx-2 flex flex-col">
              {whoami.role !== 'guest' ? <MenuLink to="/sandbox/admin" icon="user" label={t('admin.title')} /> : null}
              {may(whoami, 'org.audit.read') ? <MenuLink to="/sandbox/audit" icon="list" label={t('audit.title')} /> : null}
              <MenuLink to="/sandbox/data" icon="lock" label={t('data.title')} />
              {whoami.outbox ? <MenuLink to="/sandbox/outbox" icon="file" label={t('outbox.title')} /> : null}
            </nav>
          ) : null}
          <ThemeChoice />
          {whoami ? (
            <Button onClick={() => void api.signOut().finally(() => location.reload())}>{t('account.signOut')}</Button>
          ) : null}
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  )
}

function MenuLink({ to, icon, label }: { to: string; icon: IconName; label: string }) {
  return (
    <a href={address(to)} className="calm flex min-h-10 items-center gap-3 rounded-md px-2 hover:bg-sunken coarse:min-h-11">
      <Icon name={icon} className="text-muted" />
      {label}
    </a>
  )
}

function ThemeChoice() {
  const theme = useTheme()
  const themes: [Theme, string][] = [
    ['system', t('theme.system')],
    ['light', t('theme.light')],
    ['dark', t('theme.dark')],
  ]
  return (
    <fieldset>
      <legend className="mb-1 text-sm text-muted">{t('theme.label')}</legend>
      <div className="flex flex-col rounded-md border border-line">
        {themes.map(([value, label]) => (
          <label key={value} className="flex min-h-10 cursor-pointer items-center gap-3 border-t border-line px-3 first:border-t-0 coarse:min-h-11">
            <input
              type="radio"
              name="theme"
              value={value}
              checked={theme === value}
              onChange={() => setTheme(value)}
              className="size-4 accent-accent"
            />
            {label}
          </label>
        ))}
      </div>
    </fieldset>
  )
}
