/** What is a person's own: access tokens for programs, and where they are signed in. */
import { useState } from 'react'
import { own, type OwnSession, type Token } from '../api/identity'
import { day, moment } from '../lib/format'
import { useAction } from '../lib/use-action'
import { t, tMaybe } from '../messages'
import { Badge, CopyButton, ErrorText, Fold, Labelled } from '../ui/bits'
import { Button } from '../ui/button'
import { Sheet } from '../ui/sheet'
import { Ask, Row, Rows, Section, useList } from './parts'

export function Tokens() {
  const list = useList(own.tokens)
  const [making, setMaking] = useState(false)
  const [going, setGoing] = useState<Token | null>(null)
  const now = Date.now()
  return (
    <Section
      id="tokens"
      title={t('admin.tokens')}
      lead={t('admin.tokensLead')}
      action={<Button icon="plus" onClick={() => setMaking(true)}>{t('admin.makeToken')}</Button>}
    >
      <Rows
        list={list}
        label={t('admin.tokens')}
        empty={t('admin.noTokens')}
        row={(x) => {
          const good = !x.revoked_at && Date.parse(x.expires_at) > now
          return (
            <Row
              key={x.jti}
              id={x.name}
              actions={
                good ? (
                  <Button variant="quiet" aria-label={t('admin.revoke', { name: x.name })} onClick={() => setGoing(x)}>{t('admin.revokeShort')}</Button>
                ) : (
                  <Badge>{x.revoked_at ? t('admin.revoked') : t('admin.ended')}</Badge>
                )
              }
            >
              <bdi className="block font-medium">{x.name}</bdi>
              <span className="block text-sm text-muted">
                {good ? t('admin.until', { date: day(x.expires_at) }) : day(x.revoked_at ?? x.expires_at)} · {x.last_used_at ? t('admin.used', { when: moment(x.last_used_at) }) : t('admin.neverUsed')}
              </span>
              <Fold label={t('admin.may')}>
                <span className="exact block text-sm text-muted">{x.capabilities.join(' ')}</span>
              </Fold>
            </Row>
          )
        }}
      />
      <Sheet open={making} onOpenChange={setMaking} from="middle" title={t('admin.makeToken')} description={t('admin.makeTokenLead')}>
        <MakeToken onMade={list.reload} onDone={() => setMaking(false)} />
      </Sheet>
      <Ask
        open={going !== null}
        title={t('admin.revokeTitle')}
        body={t('admin.revokeBody')}
        press={t('admin.revoke', { name: going?.name ?? '' })}
        onClose={() => setGoing(null)}
        act={async () => {
          if (going) await own.revokeToken(going.jti)
          list.reload()
        }}
      />
    </Section>
  )
}

function MakeToken({ onMade, onDone }: { onMade: () => void; onDone: () => void }) {
  const [name, setName] = useState('')
  const [days, setDays] = useState(7)
  const [made, setMade] = useState('')
  const make = useAction(async () => {
    setMade((await own.makeToken(name.trim(), days)).token)
    onMade()
  })
  if (made) {
    return (
      <div className="flex flex-col gap-4 p-4">
        <p role="status">{t('admin.tokenOnce')}</p>
        <textarea readOnly rows={4} data-token aria-label={t('admin.token')} value={made} onFocus={(e) => e.target.select()} className="control exact resize-none text-sm" />
        <div className="flex justify-end">
          <CopyButton text={made} label={t('admin.copyToken')} />
        </div>
        <Button variant="primary" onClick={onDone}>{t('admin.kept')}</Button>
      </div>
    )
  }
  return (
    <form className="flex flex-col gap-4 p-4" onSubmit={(e) => { e.preventDefault(); if (name.trim()) void make.run() }}>
      <Labelled label={t('admin.tokenName')} hint={t('admin.tokenNameHint')} error={make.error || undefined}>
        {(ids) => <input {...ids} required maxLength={80} value={name} onChange={(e) => setName(e.target.value)} className="control" />}
      </Labelled>
      <Labelled label={t('admin.tokenDays')}>
        {({ id }) => (
          <select id={id} value={days} onChange={(e) => setDays(Number(e.target.value))} className="control">
            {[1, 7, 30, 90].map((d) => <option key={d} value={d}>{t(d === 1 ? 'admin.oneDay' : 'admin.days', { n: d })}</option>)}
          </select>
        )}
      </Labelled>
      <Button type="submit" variant="primary" busy={make.busy}>{t('admin.makeToken')}</Button>
    </form>
  )
}

export function Sessions() {
  const list = useList(own.sessions)
  const end = useAction(async (s: OwnSession) => {
    await own.endSession(s.id)
    list.reload()
  })
  return (
    <Section id="sessions" title={t('admin.sessions')} lead={t('admin.sessionsLead')}>
      <ErrorText>{end.error}</ErrorText>
      <Rows
        list={list}
        label={t('admin.sessions')}
        empty={t('admin.noSessions')}
        row={(s) => (
          <Row
            key={s.id}
            id={s.id}
            actions={s.current ? <Badge tone="accent">{t('admin.thisBrowser')}</Badge> : <Button variant="quiet" busy={end.busy} onClick={() => void end.run(s)}>{t('admin.endSession')}</Button>}
          >
            <span className="block font-medium">{s.method === 'oauth' ? <bdi>{s.agent}</bdi> : device(s.agent)}</span>
            <span className="text-sm text-muted">
              {tMaybe(`method.${s.method.split(':')[0]}`, s.method)} · {t('admin.seen', { when: moment(s.seen_at) })}
            </span>
          </Row>
        )}
      />
    </Section>
  )
}

/** The browser and the system of a user agent, as a person knows them. */
export function device(agent: string): string {
  const browser = /Edg\//.test(agent) ? 'Edge' : /Firefox\//.test(agent) ? 'Firefox' : /(Chrome|CriOS)\//.test(agent) ? 'Chrome' : /Safari\//.test(agent) ? 'Safari' : ''
  const system = (/(iPhone|iPad|Android|Windows|Mac OS X|Linux)/.exec(agent)?.[0] ?? '').replace('Mac OS X', 'macOS')
  return [browser, system].filter(Boolean).join(', ') || t('admin.otherDevice')
}
