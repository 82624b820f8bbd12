import { useEffect, useState } from 'react'
import { t } from '../messages'
import { Button, IconButton } from '../ui/button'
import { CallSheet } from './sheet'
import { Badge, ErrorText } from '../ui/bits'
import type { Call } from './use-call'

/** What a call shows while it lasts: its state, what is said, and the way out. */
export function CallBar({ call, conversationId, onSend }: { call: Call; conversationId: string; onSend: (text: string) => void }) {
  if (call.state === 'idle') return call.problem ? <Problem call={call} /> : null
  return (
    <section
      aria-label={t('call.label')}
      data-call={call.state}
      className="mx-auto mb-2 w-full max-w-[704px] rounded-lg border border-edge bg-surface px-3 py-2"
    >
      {call.unsure ? <Unsure call={call} onSend={onSend} /> : null}
      <div className="flex flex-wrap items-center justify-end gap-x-3 gap-y-1">
        <Meter level={call.muted ? 0 : call.level} />
        <div className="min-w-40 flex-1">
          <p className="flex flex-wrap items-center gap-x-2 text-sm font-medium">
            <span role="status">{call.textOnly ? t('call.textOnly') : call.muted ? t('call.muted') : t(`call.${call.state}`)}</span>
            {call.recording ? <Badge tone="danger">{t('call.recording')}</Badge> : null}
            {call.quality && call.quality !== 'good' ? <Badge tone="warn">{t(`call.quality.${call.quality}`)}</Badge> : null}
          </p>
          <p className="line-clamp-2 text-sm text-muted" dir="auto">
            {call.caption ? `${t(`call.${call.caption.who}`)} ${tail(call.caption.text)}` : t('call.captions')}
          </p>
        </div>
        <div className="flex items-center gap-2">
          <IconButton
            icon={call.muted ? 'microphoneOff' : 'microphone'}
            label={call.muted ? t('call.unmute') : t('call.mute')}
            aria-pressed={call.muted}
            onClick={call.mute}
          />
          <CallSheet call={call} conversationId={conversationId} />
          <Button variant="danger" icon="hangUp" onClick={call.hangUp}>
            {t('call.hangUp')}
          </Button>
        </div>
      </div>
      {call.note && call.note !== 'recording' ? (
        <p role="status" className="mt-1 text-sm text-muted">
          {t(`call.note.${call.note}`)}
        </p>
      ) : null}
    </section>
  )
}

/** What was heard, and not well: it counts once the person has said so. */
function Unsure({ call, onSend }: { call: Call; onSend: (text: string) => void }) {
  const { unsure, settle } = call
  const [text, setText] = useState(unsure)
  useEffect(() => setText(unsure), [unsure])
  return (
    <form
      className="mb-2 flex flex-wrap items-end gap-2 border-b border-line pb-2"
      onSubmit={(event) => {
        event.preventDefault()
        if (text.trim()) onSend(text.trim())
        settle()
      }}
    >
      <label className="min-w-0 flex-1 basis-full text-sm sm:basis-40">
        <span className="text-muted">{t('call.unsure')}</span>
        <input
          dir="auto"
          value={text}
          onChange={(event) => setText(event.target.value)}
          className="mt-1 block min-h-10 w-full rounded-md border border-edge bg-page px-2 coarse:min-h-11"
        />
      </label>
      <Button type="submit" variant="primary">
        {t('call.unsureSend')}
      </Button>
      <Button type="button" onClick={settle}>
        {t('call.unsureDrop')}
      </Button>
    </form>
  )
}

/** The end of what is being said is what is being said now. */
function tail(text: string): string {
  const most = 90
  if (text.length <= most) return text
  return `… ${text.slice(text.indexOf(' ', text.length - most) + 1)}`
}

function Problem({ call }: { call: Call }) {
  const { problem } = call
  if (!problem) return null
  return (
    <div className="mx-auto mb-2 w-full max-w-[704px]">
      {problem === 'paused' ? (
        <p role="status" className="text-sm text-muted">{t('call.problem.paused')}</p>
      ) : (
        <ErrorText>{typeof problem === 'string' ? t(`call.problem.${problem}`) : problem.title}</ErrorText>
      )}
    </div>
  )
}

/** Five bars that follow the microphone; a person sees that they are heard. */
function Meter({ level }: { level: number }) {
  return (
    <svg viewBox="0 0 24 20" width="24" height="20" aria-hidden="true" className="shrink-0 text-accent">
      {[0, 1, 2, 3, 4].map((i) => {
        const height = level * 5 > i ? 6 + i * 3 : 3
        return <rect key={i} x={i * 5} y={(20 - height) / 2} width="3" height={height} rx="1.5" fill="currentColor" />
      })}
    </svg>
  )
}
