import { lazy, Suspense, useEffect, useState, type ComponentType, type LazyExoticComponent } from 'react'
import { api } from './api/client'
import { APIError } from './api/problem'
import type { Whoami } from './api/types'
import { ErrorPage, LoadingPage, NotFoundPage } from './frame/pages'
import { patiently } from './lib/patiently'
import { waiting } from './lib/waiting'
import { t } from './messages'
import { SimulatedAppPage } from './pages/simulated-app'
import { SandboxPage } from './pages/sandbox'
import { JoinPage, SignInPage } from './pages/signin'
import { StartPage } from './pages/start'

/** Which page the address asks for, also under a base path. */
const page = pageAt(location.pathname)

/** The service answers the root itself only at the address of a simulated app. */
export function pageAt(path: string): 'admin' | 'outbox' | 'audit' | 'data' | 'sandbox' | 'start' | 'signin' | 'join' | 'authorize' | 'app' | 'none' {
  const named = /\/(?:sandbox\/(admin|outbox|audit|data)|(signin|join|authorize))\/?$/.exec(path)
  if (named) return (named[1] ?? named[2]) as 'admin'
  if (/\/sandbox(\/|$)/.test(path)) return 'sandbox'
  if (/\/start\/?$/.test(path)) return 'start'
  return path === '/' ? 'app' : 'none'
}

/** They are not what most come for, so they come when they are wanted. */
const rare: Record<string, LazyExoticComponent<ComponentType<{ whoami: Whoami }>> | undefined> = {
  admin: lazy(() => patiently(() => import('./admin/page'))),
  outbox: lazy(() => patiently(() => import('./admin/outbox'))),
  audit: lazy(() => patiently(() => import('./admin/audit'))),
  data: lazy(() => patiently(() => import('./admin/data'))),
  authorize: lazy(() => patiently(() => import('./pages/consent'))),
}

/** The page that was asked for, as a way back to it. */
const here = (): string => location.pathname + location.search + location.hash

export function App() {
  if (page === 'app') return <SimulatedAppPage />
  if (page === 'signin') return <SignInPage />
  if (page === 'join') return <JoinPage />
  return <SignedInApp />
}

/** Finds out who is here, then shows the page that the address asks for. */
function SignedInApp() {
  const [whoami, setWhoami] = useState<Whoami | null>(null)
  const [error, setError] = useState<unknown>(null)

  useEffect(() => {
    api.whoami().then(setWhoami, setError)
  }, [])
  useEffect(() => {
    document.title = page === 'sandbox' && whoami?.fqdn ? `${whoami.fqdn} · ${t('app.name')}` : t('app.name')
  }, [whoami])

  if (page === 'authorize' && (whoami?.role === 'guest' || (error instanceof APIError && error.signedOut))) {
    waiting.keep()
    return <SignInPage next="/authorize" />
  }
  if (error instanceof APIError && error.signedOut) return <SignInPage next={here()} />
  if (error) return <ErrorPage error={error} />
  if (page === 'none') return <NotFoundPage />
  if (!whoami) return <LoadingPage />
  const Rare = rare[page]
  if (Rare) return <Suspense fallback={<LoadingPage />}><Rare whoami={whoami} /></Suspense>
  // A Sovereign has no concierge: every address leads to its landing page.
  return page === 'sandbox' || whoami.mode === 'sovereign' ? (
    <SandboxPage whoami={whoami} />
  ) : (
    <StartPage whoami={whoami} />
  )
}
