import { useEffect, useState } from 'react'
import { api } from './api/client'
import { APIError } from './api/problem'
import type { Whoami } from './api/types'
import { ErrorPage, LoadingPage, SignedOutPage } from './frame/pages'
import { t } from './messages'
import { SandboxPage, SandboxSignedOut } from './pages/sandbox'
import { StartPage } from './pages/start'

/** Which page the address asks for; its last part says it, also under a base path. */
const page: 'sandbox' | 'start' = /\/sandbox(\/|$)/.test(location.pathname) ? 'sandbox' : 'start'

/** Finds out who is here, then shows the page that the address asks for. */
export function App() {
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
  if (!whoami) return <LoadingPage />
  // A Sovereign has no concierge: every address leads to its landing page.
  return page === 'sandbox' || whoami.mode === 'sovereign' ? (
    <SandboxPage whoami={whoami} />
  ) : (
    <StartPage whoami={whoami} />
  )
}
