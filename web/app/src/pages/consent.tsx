/** /authorize: a program asks to be let in to the concierge's tools, and a person decides. */
import { useEffect, useState } from 'react'
import { address } from '../api/client'
import { program, type Asked } from '../api/identity'
import { APIError } from '../api/problem'
import type { Whoami } from '../api/types'
import { ErrorPage, LoadingPage } from '../frame/pages'
import { day } from '../lib/format'
import { useAction } from '../lib/use-action'
import { waiting } from '../lib/waiting'
import { t } from '../messages'
import { ErrorText } from '../ui/bits'
import { Button, ButtonLink } from '../ui/button'
import { Icon } from '../ui/icon'
import { Frame } from './signin'

export default function ConsentPage({ whoami }: { whoami: Whoami }) {
  const [query] = useState(waiting.read)
  const [asked, setAsked] = useState<Asked | null>(null)
  const [failure, setFailure] = useState<unknown>(null)
  const decide = useAction(async (allow: boolean) => leave((await program.decide(query, allow)).redirect))
  useEffect(() => {
    if (!query) return
    program.asks(query).then((answer) => ('redirect' in answer ? leave(answer.redirect) : setAsked(answer)), setFailure)
  }, [query])

  if (!query || (failure instanceof APIError && failure.status < 500 && !failure.offline)) {
    return (
      <Frame title={t('consent.noneTitle')} lead={failure instanceof APIError ? failure.message : t('consent.none')}>
        <ButtonLink variant="primary" href={address('/')} className="self-start">{t('notFound.action')}</ButtonLink>
      </Frame>
    )
  }
  if (failure) return <ErrorPage error={failure} />
  if (!asked) return <LoadingPage />
  return (
    <Frame title={t('consent.title', { name: asked.client })} lead={t('consent.lead')}>
      <dl className="rounded-lg border border-line bg-surface px-4">
        {[
          [t('consent.as'), whoami.email || t('account.localOwner')],
          [t('admin.organization'), asked.organization],
          [t('consent.back'), asked.ownComputer ? t('consent.ownComputer', { to: asked.to }) : asked.to],
          [t('consent.until'), day(asked.until)],
        ].map(([label, value]) => (
          <div key={label} className="flex flex-wrap justify-between gap-x-4 border-t border-line py-3 first:border-t-0">
            <dt className="text-muted">{label}</dt>
            <dd className="min-w-0 font-medium [overflow-wrap:anywhere]"><bdi>{value}</bdi></dd>
          </div>
        ))}
      </dl>
      <section aria-labelledby="may" className="flex flex-col gap-2">
        <h2 id="may" className="font-semibold">{t('consent.may')}</h2>
        <List icon="check" tone="text-ok" items={asked.tools.map((tool) => tool.title)} />
      </section>
      <section aria-labelledby="never" className="flex flex-col gap-2">
        <h2 id="never" className="font-semibold">{t('consent.never')}</h2>
        <List icon="cross" tone="text-muted" items={[t('consent.never1'), t('consent.never2'), t('consent.never3')]} />
      </section>
      <p className="flex gap-3 rounded-lg border border-warn/50 bg-warn-soft px-4 py-3">
        <Icon name="warning" className="mt-0.5 text-warn" />
        <span>{t('consent.beware')}</span>
      </p>
      <ErrorText>{decide.error}</ErrorText>
      <div className="flex flex-wrap gap-3">
        <Button variant="primary" busy={decide.busy} onClick={() => void decide.run(true)}>{t('consent.allow', { name: asked.client })}</Button>
        <Button disabled={decide.busy} onClick={() => void decide.run(false)}>{t('consent.refuse')}</Button>
      </div>
    </Frame>
  )
}

function List({ icon, tone, items }: { icon: 'check' | 'cross'; tone: string; items: string[] }) {
  return (
    <ul className="flex flex-col gap-1">
      {items.map((text) => (
        <li key={text} className="flex gap-2">
          <Icon name={icon} className={`mt-0.5 size-4 ${tone}`} />
          <span className="min-w-0">{text}</span>
        </li>
      ))}
    </ul>
  )
}

/** To the program, which waits for the answer; there is no way back to this page. */
function leave(to: string): void {
  waiting.forget()
  location.replace(to)
}
