import { useEffect, useState } from 'react'
import { api } from '../api/client'
import type { AppPage } from '../api/types'
import { linkAddress } from '../cards/link'
import { ErrorPage, LoadingPage } from '../frame/pages'
import { t, tMaybe } from '../messages'
import { SimulatedBadge } from '../ui/bits'
import { ButtonLink } from '../ui/button'
import { Mark } from '../ui/icon'

/** How often the state is asked for while it still moves. */
const againMs = 2000

/** Stands at the address of a simulated app: what would run here, and its release. */
export function SimulatedAppPage() {
  const [page, setPage] = useState<AppPage | null>(null)
  const [error, setError] = useState<unknown>(null)
  const settled = page?.app.state === 'installed' || page?.app.state === 'failed'

  useEffect(() => {
    if (settled) return
    const ask = (): void => void api.app().then(setPage, setError)
    ask()
    const timer = setInterval(ask, againMs)
    return () => clearInterval(timer)
  }, [settled])
  useEffect(() => {
    if (page) document.title = `${page.app.name} · ${page.fqdn}`
  }, [page])

  if (!page) return error ? <ErrorPage error={error} /> : <LoadingPage />
  const { app } = page
  const home = linkAddress(page.console)
  const facts = [
    [t('simulatedApp.release'), app.release ?? ''],
    [t('simulatedApp.version'), [app.chart, app.version].filter(Boolean).join(' ') || t('simulatedApp.unknown')],
    [t('simulatedApp.state'), app.state ? tMaybe(`sandbox.state.${app.state}`, app.state) : t('simulatedApp.unknown')],
    [t('simulatedApp.sovereign'), page.fqdn],
    [t('simulatedApp.address'), app.url],
  ] as const
  return (
    <main id="main" className="mx-auto flex min-h-dvh max-w-[560px] flex-col justify-center gap-6 px-4 py-12 outline-none">
      <div className="flex items-center justify-between gap-4">
        <Mark className="size-10" />
        <SimulatedBadge />
      </div>
      <div className="flex flex-col gap-2">
        <h1 dir="auto" className="display text-xl sm:text-2xl">{t('simulatedApp.title', { name: app.name })}</h1>
        {app.tagline ? <p dir="auto" className="text-muted">{app.tagline}</p> : null}
      </div>
      <p className="rounded-lg border border-dashed border-warn/50 bg-warn-soft px-4 py-3">
        {t('simulatedApp.note', { name: app.name })}
      </p>
      <dl className="rounded-lg border border-line bg-surface px-4">
        {facts.map(([label, value]) => (
          <div key={label} className="flex flex-wrap justify-between gap-x-4 border-t border-line py-3 first:border-t-0">
            <dt className="text-muted">{label}</dt>
            <dd className="min-w-0 font-medium [overflow-wrap:anywhere]"><bdi>{value}</bdi></dd>
          </div>
        ))}
      </dl>
      {home ? <ButtonLink href={home} className="self-start">{t('simulatedApp.console')}</ButtonLink> : null}
    </main>
  )
}
