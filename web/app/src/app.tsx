import { useEffect, useState } from 'react'
import { api } from './api/client'
import { APIError } from './api/problem'
import type { Whoami } from './api/types'
import { ErrorPage, LoadingPage, NotFoundPage, SignedOutPage } from './frame/pages'
import { t } from './messages'
import { SimulatedAppPage } from './pages/simulated-app'
import { SandboxPage, SandboxSignedOut } from './pages/sandbox'
import { StartPage } from './pages/start'

/** Which page the address asks for, also under a base path. */
const page = pageAt(location.pathname)

/** The service answers the root itself only at the address of a simulated app. */
export function pageAt(path: string): 'sandbox' | 'start' | 'app' | 'none' {
  if (/\/sandbox(\/|$)/.test(path)) return 'sandbox'
  if (/\/start\/?$/.test(path)) return 'start'
  return path === '/' ? 'app' : 'none'
}

export function App() {
  return page === 'app' ? <SimulatedAppPage /> : <SignedInApp />
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

  if (error instanceof APIError && error.signedOut) {
    return page === 'sandbox' ? <SandboxSignedOut /> : <SignedOutPage />
  }
  if (error) return <ErrorPage error={error} />
  if (page === 'none') return <NotFoundPage />
  if (!whoami) return <LoadingPage />
  // A Sovereign has no concierge: every address leads to its landing page.
  return page === 'sandbox' || whoami.mode === 'sovereign' ? (
    <SandboxPage whoami={whoami} />
  ) : (
    <StartPage whoami={whoami} />
  )
}
