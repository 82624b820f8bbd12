/** The pages that stand in the place of the one that was asked for. */
import type { ReactNode } from 'react'
import { address } from '../api/client'
import { explain } from '../lib/use-action'
import { t } from '../messages'
import { Button, ButtonLink } from '../ui/button'
import { Icon, Mark, Spinner, type IconName } from '../ui/icon'

export function Middle({ children }: { children: ReactNode }) {
  return (
    <main id="main" tabIndex={-1} className="mx-auto flex min-h-dvh max-w-[480px] flex-col justify-center gap-6 px-4 py-12 outline-none">
      {children}
    </main>
  )
}

export function LoadingPage({ label = t('app.loading') }: { label?: string }) {
  return (
    <Middle>
      <p role="status" className="flex items-center justify-center gap-3 text-muted">
        <Spinner className="size-5" />
        {label}
      </p>
    </Middle>
  )
}

export function ErrorPage({ error }: { error: unknown }) {
  return (
    <Middle>
      <Icon name="warning" className="size-8 text-danger" />
      <h1 className="text-xl font-semibold">{t('error.pageTitle')}</h1>
      <p>{explain(error)}</p>
      <Button variant="primary" className="self-start" onClick={() => location.reload()}>
        {t('error.reload')}
      </Button>
    </Middle>
  )
}

export function CrashPage() {
  return (
    <Middle>
      <Icon name="warning" className="size-8 text-danger" />
      <h1 className="text-xl font-semibold">{t('error.pageTitle')}</h1>
      <p>{t('error.crash')}</p>
      <Button variant="primary" className="self-start" onClick={() => location.reload()}>
        {t('error.reload')}
      </Button>
    </Middle>
  )
}

/** What the service answered the page itself with; 0 where the browser does not say. */
function answered(): number {
  const [entry] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[]
  return entry?.responseStatus ?? 0
}

/** An address that leads nowhere, or to something that does not answer yet. */
export function NotFoundPage() {
  const later = answered() >= 500
  return (
    <Middle>
      <Mark className="size-10" />
      <div className="flex flex-col gap-2">
        <h1 className="display text-xl">{later ? t('notYet.title') : t('notFound.title')}</h1>
        <p className="text-muted">{later ? t('notYet.body') : t('notFound.body')}</p>
      </div>
      <div className="flex flex-wrap gap-3">
        {later ? (
          <Button variant="primary" onClick={() => location.reload()}>
            {t('app.retry')}
          </Button>
        ) : null}
        <ButtonLink variant={later ? 'secondary' : 'primary'} href={address('/')}>
          {t('notFound.action')}
        </ButtonLink>
      </div>
    </Middle>
  )
}

interface MessagePageProps {
  icon: IconName
  title: string
  body: string
  action: string
  href: string
}

export function MessagePage({ icon, title, body, action, href }: MessagePageProps) {
  return (
    <Middle>
      <Icon name={icon} className="size-8 text-muted" />
      <h1 className="text-xl font-semibold">{title}</h1>
      <p className="text-muted">{body}</p>
      <ButtonLink variant="primary" href={href} className="self-start">
        {action}
      </ButtonLink>
    </Middle>
  )
}
