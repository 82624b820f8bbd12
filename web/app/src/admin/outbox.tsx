/** /sandbox/outbox: the mails of a service that sends none, for its owner. */
import { useEffect } from 'react'
import { own } from '../api/identity'
import type { Whoami } from '../api/types'
import { Header, HeaderLink } from '../frame/header'
import { moment } from '../lib/format'
import { t } from '../messages'
import { Rows, useList } from './parts'

export default function OutboxPage({ whoami }: { whoami: Whoami }) {
  const list = useList(own.mails)
  const { reload } = list
  // Mails come by other hands, so the list is asked for again while it is seen.
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === 'visible' && reload(), 2000)
    return () => clearInterval(timer)
  }, [reload])
  return (
    <div className="flex min-h-dvh flex-col">
      <a href="#main" className="skip">{t('app.skipContent')}</a>
      <Header whoami={whoami} simulated={whoami.cloud === 'simulated'} home="start" other={<HeaderLink to="start" icon="chat" label={t('chat.concierge')} />} />
      <main id="main" tabIndex={-1} className="mx-auto flex w-full max-w-[704px] flex-1 flex-col gap-6 px-4 py-6 outline-none sm:px-6 md:py-12">
        <div>
          <h1 className="display text-xl sm:text-2xl">{t('outbox.title')}</h1>
          <p className="text-muted">{t('outbox.lead')}</p>
        </div>
        <Rows
          list={list}
          label={t('outbox.title')}
          empty={t('outbox.empty')}
          row={(m) => (
            <li key={m.id} data-mail={m.to} className="flex flex-col gap-2 border-t border-line px-4 py-4 first:border-t-0">
              <p className="flex flex-wrap justify-between gap-x-4 text-sm text-muted">
                <bdi className="[overflow-wrap:anywhere]">{m.to}</bdi>
                <span>{moment(m.at)}</span>
              </p>
              <h2 className="font-medium">{m.subject}</h2>
              <p className="whitespace-pre-line [overflow-wrap:anywhere]"><Text text={m.text} /></p>
            </li>
          )}
        />
      </main>
    </div>
  )
}

/** A mail's text, whose links to this service can be followed. */
function Text({ text }: { text: string }) {
  const parts = text.split(/(https?:\/\/\S+)/)
  return parts.map((part, i) => {
    const here = i % 2 === 1 && URL.canParse(part) && new URL(part).origin === location.origin
    return here ? <a key={i} href={part} target="_blank" rel="noopener" className="text-accent underline">{t('outbox.link')}</a> : part
  })
}
