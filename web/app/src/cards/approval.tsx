import { useState } from 'react'
import type { ApprovalData, Card } from '../api/types'
import { useConcierge } from '../chat/context'
import { duration, money } from '../lib/format'
import { useAction } from '../lib/use-action'
import { useNow } from '../lib/use-now'
import { t, tMaybe } from '../messages'
import { ErrorText, Labelled } from '../ui/bits'
import { Button } from '../ui/button'
import { Icon, type IconName } from '../ui/icon'
import { SignInLink } from '../ui/sign-in'
import { Frame } from './frame'

const closed: Record<string, { icon: IconName; text: () => string; className: string }> = {
  approved: { icon: 'check', text: () => t('approval.approved'), className: 'text-ok' },
  declined: { icon: 'cross', text: () => t('approval.declined'), className: 'text-muted' },
  expired: { icon: 'info', text: () => t('approval.expired'), className: 'text-muted' },
  superseded: { icon: 'info', text: () => t('approval.superseded'), className: 'text-muted' },
}

/** The words on the button: what is made, and what it costs. */
export function approvalLabel(data: ApprovalData): string {
  return data.monthly.amount === ''
    ? t('approval.buttonUnknown', { object: data.object })
    : t('approval.button', { object: data.object, price: money(data.monthly) })
}

export function ApprovalCard({ card, data }: { card: Card; data: ApprovalData }) {
  const pending = data.state === 'pending'
  const now = useNow(pending)
  const left = new Date(data.expiresAt).getTime() - now
  // The server decides; the page only stops offering what it would refuse.
  const state = pending && left <= 0 ? 'expired' : data.state
  const title = card.title || t('approval.title')
  const end = closed[state]

  return (
    <Frame
      id={card.id}
      title={title}
      simulated={data.simulated}
      tone={state === 'pending' ? (data.destructive ? 'danger' : 'call') : 'plain'}
    >
      {state === 'pending' ? (
        <Pending card={card} data={data} left={left} />
      ) : (
        <>
          <p className={`flex items-start gap-2 font-medium ${end?.className ?? ''}`}>
            {end ? <Icon name={end.icon} className="mt-0.5" /> : null}
            {end ? end.text() : tMaybe(`approval.state.${state}`, state)}
          </p>
          <p className="money text-sm text-muted">
            {money(data.monthly)} {data.monthly.amount === '' ? '' : t('cost.perMonth')}
          </p>
        </>
      )}
    </Frame>
  )
}

function Pending({ card, data, left }: { card: Card; data: ApprovalData; left: number }) {
  const { press, guest } = useConcierge()
  const [typed, setTyped] = useState('')
  const [wrong, setWrong] = useState('')
  const approve = useAction((value: string) => press(card.id, value))
  const decline = useAction(() => press(card.id, 'decline'))
  const busy = approve.busy || decline.busy

  const submit = (): void => {
    if (busy) return
    if (!data.destructive) return void approve.run('approve')
    if (typed.trim() !== data.sovereignFQDN) {
      return setWrong(t('approval.typeWrong', { name: data.sovereignFQDN }))
    }
    void approve.run(`approve:${typed.trim()}`)
  }

  return (
    <form
      noValidate
      className="flex flex-col gap-4"
      onSubmit={(event) => {
        event.preventDefault()
        submit()
      }}
    >
      <p dir="auto">{data.question.prompt}</p>
      {data.destructive ? (
        <>
          <p className="flex items-start gap-2 font-medium text-danger">
            <Icon name="warning" className="mt-0.5" />
            {t('approval.destructive')}
          </p>
          <Labelled label={t('approval.type', { name: data.sovereignFQDN })} error={wrong}>
            {(ids) => (
              <input
                {...ids}
                dir="ltr"
                value={typed}
                autoComplete="off"
                autoCapitalize="none"
                spellCheck={false}
                className="control exact"
                onChange={(event) => {
                  setTyped(event.target.value)
                  setWrong('')
                }}
              />
            )}
          </Labelled>
        </>
      ) : null}
      <div className="flex flex-col gap-2 sm:flex-row sm:flex-wrap">
        {guest ? (
          <SignInLink variant="primary" className="min-h-12" label={t('approval.signIn')} />
        ) : (
          <Button type="submit" variant={data.destructive ? 'danger' : 'primary'} busy={approve.busy} className="money min-h-12 text-balance">
            {approvalLabel(data)}
          </Button>
        )}
        {guest ? null : (
          <Button variant="quiet" busy={decline.busy} className="min-h-12" onClick={() => !busy && void decline.run()}>
            {t('approval.decline')}
          </Button>
        )}
      </div>
      <ErrorText>{approve.error || decline.error}</ErrorText>
      <div className="flex flex-col gap-1 text-sm text-muted">
        {guest ? <p>{t('approval.guestNote')}</p> : null}
        <p>{data.simulated ? t('approval.simulatedNote') : t('approval.note')}</p>
        <p className="money">{t('approval.expires', { time: duration(left) })}</p>
      </div>
    </form>
  )
}
