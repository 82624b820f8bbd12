import { useState } from 'react'
import { api } from '../api/client'
import type { Card, Phase, ProgressData } from '../api/types'
import { duration } from '../lib/format'
import { useAction } from '../lib/use-action'
import { useNow } from '../lib/use-now'
import { t, tMaybe } from '../messages'
import { Badge, ErrorText, type Tone } from '../ui/bits'
import { Button } from '../ui/button'
import { Icon, Spinner } from '../ui/icon'
import { Sheet } from '../ui/sheet'
import { Frame } from './frame'

const tones: Record<string, Tone> = { ready: 'ok', failed: 'danger', cancelled: 'neutral', wiped: 'neutral' }
const final = ['ready', 'failed', 'cancelled', 'wiped']

export function ProgressCard({ card, data }: { card: Card; data: ProgressData }) {
  const running = !final.includes(data.status)
  const now = useNow(running)
  return (
    <Frame
      id={card.id}
      title={card.title || t('progress.title')}
      simulated={data.simulated}
      aside={data.status === 'ready' ? null : (
        <Badge tone={tones[data.status] ?? 'accent'}>
          {tMaybe(`progress.status.${data.status}`, data.status)}
        </Badge>
      )}
    >
      <ol className="flex flex-col">
        {data.phases.map((phase, i) => (
          <PhaseRow key={phase.id} phase={phase} now={now} last={i === data.phases.length - 1} />
        ))}
      </ol>
      {data.cancellable ? <Cancel data={data} /> : null}
    </Frame>
  )
}

function PhaseRow({ phase, now, last }: { phase: Phase; now: number; last: boolean }) {
  const state = tMaybe(`progress.phase.${phase.state}`, phase.state)
  return (
    <li className="relative flex gap-3 pb-4 last:pb-0" aria-current={phase.state === 'running' ? 'step' : undefined}>
      {last ? null : <span aria-hidden="true" className="absolute start-[11px] top-7 bottom-0 w-px bg-line" />}
      <PhaseIcon state={phase.state} />
      <div className="min-w-0 flex-1">
        <div className="flex flex-wrap items-baseline justify-between gap-x-3">
          <span dir="auto" className={phase.state === 'pending' ? 'text-muted' : 'font-medium'}>
            {phase.label} <span className="sr-only">({state})</span>
          </span>
          <span className="money text-sm text-muted">{timing(phase, now)}</span>
        </div>
        {phase.total > 0 && phase.state !== 'pending' ? (
          <Parts done={phase.done} total={phase.total} label={phase.label} />
        ) : null}
        {phase.detail && (phase.state === 'running' || phase.state === 'failed') ? (
          <p dir="auto" className={`mt-0.5 text-sm ${phase.state === 'failed' ? 'text-danger' : 'text-muted'}`}>
            {phase.detail}
          </p>
        ) : null}
      </div>
    </li>
  )
}

/** What is really done, of what is really there: a count, not a forecast. */
function Parts({ done, total, label }: { done: number; total: number; label: string }) {
  return (
    <div className="mt-1.5 flex items-center gap-3">
      <progress
        value={done}
        max={total}
        aria-label={label}
        className="h-1 min-w-0 flex-1 appearance-none overflow-hidden rounded-full bg-line [&::-moz-progress-bar]:bg-accent [&::-webkit-progress-bar]:bg-line [&::-webkit-progress-value]:bg-accent"
      />
      <span className="money text-sm text-muted">{t('progress.count', { done, total })}</span>
    </div>
  )
}

function timing(phase: Phase, now: number): string {
  const start = phase.startedAt ? new Date(phase.startedAt).getTime() : 0
  const usual = phase.typicalSeconds ? t('progress.typical', { time: duration(phase.typicalSeconds * 1000) }) : ''
  if (phase.state === 'running' && start > 0) {
    return [duration(now - start), usual].filter(Boolean).join(' · ')
  }
  if (phase.finishedAt && start > 0) return duration(new Date(phase.finishedAt).getTime() - start)
  return phase.state === 'pending' ? usual : ''
}

function PhaseIcon({ state }: { state: string }) {
  const base = 'mt-0 flex size-6 shrink-0 items-center justify-center rounded-full'
  switch (state) {
    case 'running':
      return <span className={`${base} text-accent`}><Spinner className="size-5" /></span>
    case 'succeeded':
      return <span className={`${base} bg-accent-soft text-accent`}><Icon name="check" className="size-3.5" /></span>
    case 'failed':
      return <span className={`${base} bg-danger-soft text-danger`}><Icon name="cross" className="size-3.5" /></span>
    case 'cancelled':
      return <span className={`${base} bg-sunken text-muted`}><Icon name="stop" className="size-3.5" /></span>
    default:
      return <span className={base}><span className="size-2 rounded-full border border-edge" /></span>
  }
}

function Cancel({ data }: { data: ProgressData }) {
  const [open, setOpen] = useState(false)
  const cancel = useAction(async () => {
    await api.cancelDeployment(data.deploymentId)
    setOpen(false)
  })
  return (
    <>
      <Button variant="secondary" className="self-start" onClick={() => setOpen(true)}>
        {t('progress.cancel')}
      </Button>
      <Sheet
        open={open}
        onOpenChange={setOpen}
        from="middle"
        title={t('progress.cancelTitle')}
        description={data.simulated ? t('progress.cancelBodySimulated') : t('progress.cancelBody')}
      >
        <div className="flex flex-col gap-2 p-4">
          <ErrorText>{cancel.error}</ErrorText>
          <Button variant="danger" busy={cancel.busy} onClick={() => void cancel.run()}>
            {t('progress.cancelYes')}
          </Button>
          <Button onClick={() => setOpen(false)}>{t('progress.cancelNo')}</Button>
        </div>
      </Sheet>
    </>
  )
}
