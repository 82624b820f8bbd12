import { lazy, Suspense, useEffect, useState } from 'react'
import { address, api } from '../api/client'
import { mayShell } from '../api/identity'
import { APIError } from '../api/problem'
import type { Sovereign, SovereignApp, Whoami } from '../api/types'
import { linkAddress } from '../cards/link'
import { ErrorPage, LoadingPage, MessagePage } from '../frame/pages'
import { Header } from '../frame/header'
import { patiently } from '../lib/patiently'
import { t, tMaybe } from '../messages'
import { Badge } from '../ui/bits'
import { ButtonLink } from '../ui/button'
import { Icon } from '../ui/icon'
import { SignInPage } from './signin'
// The styles of what comes late come with the page: a bundler loads them only once.
import '@xterm/xterm/css/xterm.css'
import '../shell/shell.css'

/** The terminal weighs more than the rest of the app, so it comes when it is wanted. */
const ShellPage = lazy(() => patiently(() => import('../shell/page')))

/** Whether the address asks for the developer shell and not for the landing page. */
function useShellWanted(): boolean {
  const read = (): boolean => /^#(shell$|s=)/.test(location.hash)
  const [wanted, setWanted] = useState(read)
  useEffect(() => {
    const moved = (): void => setWanted(read())
    addEventListener('hashchange', moved)
    return () => removeEventListener('hashchange', moved)
  }, [])
  return wanted
}

/**
 * /sandbox: the developer shell of those whom a computer's owner lets in, and on a Sovereign where
 * the handover leads, what is there, and its developer shell.
 */
export function SandboxPage({ whoami }: { whoami: Whoami }) {
  const [sovereign, setSovereign] = useState<Sovereign | null>(null)
  const [error, setError] = useState<unknown>(null)
  const shellWanted = useShellWanted()
  useEffect(() => {
    if (whoami.mode === 'sovereign') api.sovereign().then(setSovereign, setError)
  }, [whoami.mode])

  if (whoami.mode === 'sovereign' ? shellWanted : mayShell(whoami)) {
    return (
      <Suspense fallback={<LoadingPage />}>
        <ShellPage whoami={whoami} simulated={whoami.mode === 'sovereign' && (sovereign?.simulated ?? false)} />
      </Suspense>
    )
  }
  if (whoami.mode !== 'sovereign') {
    return (
      <MessagePage icon="info" title={t('app.name')} body={t('sandbox.notHere')} action={t('sandbox.toStart')} href={address('start')} />
    )
  }
  if (error instanceof APIError && error.signedOut) return <SignInPage next="/sandbox" />
  if (error) return <ErrorPage error={error} />
  if (!sovereign) return <LoadingPage label={t('sandbox.loading')} />
  return <Welcome whoami={whoami} sovereign={sovereign} />
}

function Welcome({ whoami, sovereign }: { whoami: Whoami; sovereign: Sovereign }) {
  const facts = [
    [t('account.signedInAs'), whoami.email || whoami.subject],
    [t('sandbox.role'), whoami.role ?? ''],
    [t('sandbox.organization'), sovereign.orgName],
    [t('sandbox.address'), sovereign.fqdn],
  ].filter(([, value]) => value)
  return (
    <div className="flex min-h-dvh flex-col">
      <a href="#main" className="skip">{t('app.skipContent')}</a>
      <Header whoami={whoami} simulated={sovereign.simulated} home="sandbox" />
      <main id="main" tabIndex={-1} className="mx-auto flex w-full max-w-[704px] flex-1 flex-col gap-8 px-4 py-8 outline-none sm:px-6 md:py-16">
        <div className="flex flex-col gap-3">
          <h1 dir="auto" className="display text-xl text-balance sm:text-2xl">
            {t('sandbox.title', { name: sovereign.orgName || sovereign.fqdn })}
          </h1>
          <p className="text-muted">{t('sandbox.lead', { fqdn: sovereign.fqdn })}</p>
        </div>
        <ButtonLink variant="primary" href="#shell" className="self-start">{t('sandbox.sessions')}</ButtonLink>
        {sovereign.simulated ? (
          <p className="flex gap-3 rounded-lg border border-dashed border-warn/50 bg-warn-soft px-4 py-3">
            <Icon name="info" className="mt-0.5 text-warn" />
            {t('sandbox.simulatedNote')}
          </p>
        ) : null}
        <dl className="rounded-lg border border-line bg-surface px-4">
          {facts.map(([label, value]) => (
            <div key={label} className="flex flex-wrap justify-between gap-x-4 border-t border-line py-3 first:border-t-0">
              <dt className="text-muted">{label}</dt>
              <dd className="min-w-0 font-medium [overflow-wrap:anywhere]"><bdi>{value}</bdi></dd>
            </div>
          ))}
        </dl>
        <section aria-labelledby="apps">
          <h2 id="apps" className="mb-2 text-lg font-semibold">{t('sandbox.apps')}</h2>
          {sovereign.apps.length === 0 ? (
            <p className="text-muted">{t('sandbox.appsEmpty')}</p>
          ) : (
            <ul className="rounded-lg border border-line bg-surface">
              {sovereign.apps.map((app) => (
                <li key={app.slug} className="border-t border-line first:border-t-0">
                  <AppLink app={app} />
                </li>
              ))}
            </ul>
          )}
        </section>
      </main>
    </div>
  )
}

function AppLink({ app }: { app: SovereignApp }) {
  const { name, url } = app
  const href = linkAddress(app.here || url)
  const text = (
    <span className="min-w-0 flex-1">
      <span className="block font-medium">{name}</span>
      {app.tagline ? <span dir="auto" className="block text-sm text-muted">{app.tagline}</span> : null}
      <span className="exact block text-muted">{app.here || url}</span>
    </span>
  )
  if (!href) return <div className="flex min-h-14 items-center gap-3 px-4 py-2">{text}</div>
  return (
    <a
      href={href}
      target="_blank"
      rel="noopener noreferrer"
      className="calm flex min-h-14 items-center gap-3 px-4 py-2 hover:bg-accent-soft"
    >
      {text}
      {app.state ? (
        <Badge tone={app.state === 'installed' ? 'ok' : app.state === 'failed' ? 'danger' : 'neutral'}>
          {tMaybe(`sandbox.state.${app.state}`, app.state)}
        </Badge>
      ) : null}
      <Icon name="external" className="size-4 text-muted" />
      <span className="sr-only">{t('secret.opens')}</span>
    </a>
  )
}
