/** /sandbox/data: what is kept about a person, to take along and to have erased. */
import { useState } from 'react'
import { address } from '../api/client'
import { own } from '../api/identity'
import type { Whoami } from '../api/types'
import { Header, HeaderLink } from '../frame/header'
import { useAction } from '../lib/use-action'
import { t } from '../messages'
import { Labelled } from '../ui/bits'
import { Button, ButtonLink } from '../ui/button'
import { Section } from './parts'

export default function DataPage({ whoami }: { whoami: Whoami }) {
  const concierge = whoami.mode === 'concierge'
  return (
    <div className="flex min-h-dvh flex-col">
      <a href="#main" className="skip">{t('app.skipContent')}</a>
      <Header
        whoami={whoami}
        simulated={concierge && whoami.cloud === 'simulated'}
        home={concierge ? 'start' : 'sandbox'}
        other={concierge ? <HeaderLink to="start" icon="chat" label={t('chat.concierge')} /> : <HeaderLink to="sandbox#shell" icon="terminal" label={t('shell.title')} />}
      />
      <main id="main" tabIndex={-1} className="mx-auto flex w-full max-w-[704px] flex-1 flex-col gap-10 px-4 py-6 outline-none sm:px-6 md:py-12">
        <div>
          <h1 className="display text-xl sm:text-2xl">{t('data.title')}</h1>
          <p className="text-muted">{t('data.lead')}</p>
        </div>
        <Section id="export" title={t('data.export')} lead={t('data.exportLead')}>
          <ButtonLink icon="download" download href={address('api/v1/me/export')} className="self-start">{t('data.exportPress')}</ButtonLink>
        </Section>
        <Section id="erase" title={t('data.erase')} lead={t(whoami.localOwner ? 'data.eraseOwner' : 'data.eraseLead')}>
          {whoami.localOwner ? null : <Erase name={whoami.email || whoami.subject} />}
        </Section>
      </main>
    </div>
  )
}

function Erase({ name }: { name: string }) {
  const [typed, setTyped] = useState('')
  const erase = useAction(async () => {
    await own.erase(typed.trim())
    location.replace(address('/signin'))
  })
  return (
    <form
      className="flex flex-col gap-4 rounded-lg border border-danger/50 bg-surface p-4"
      onSubmit={(e) => {
        e.preventDefault()
        void erase.run()
      }}
    >
      <ul className="flex list-disc flex-col gap-1 ps-5">
        {[t('data.erase1'), t('data.erase2'), t('data.erase3'), t('data.erase4')].map((text) => <li key={text}>{text}</li>)}
      </ul>
      <Labelled label={t('data.confirm')} hint={<bdi className="[overflow-wrap:anywhere]">{t('data.confirmHint', { name })}</bdi>} error={erase.error || undefined}>
        {(ids) => <input {...ids} name="confirm" autoComplete="off" autoCapitalize="none" spellCheck={false} required dir="ltr" value={typed} onChange={(e) => setTyped(e.target.value)} className="control" />}
      </Labelled>
      <Button type="submit" variant="danger" className="self-start" disabled={typed.trim() !== name} busy={erase.busy}>{t('data.erasePress')}</Button>
    </form>
  )
}
