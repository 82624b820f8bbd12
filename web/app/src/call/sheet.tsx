import { useCallback, useEffect, useId, useState, type ReactNode } from 'react'
import { api, downloads } from '../api/client'
import type { Recording } from '../api/types'
import { duration, moment } from '../lib/format'
import { t } from '../messages'
import { ErrorText, Labelled } from '../ui/bits'
import { ButtonLink, IconButton } from '../ui/button'
import { Sheet } from '../ui/sheet'
import type { Call } from './use-call'

/** What a person can change about a call, and what was recorded of the conversation's. */
export function CallSheet({ call, conversationId }: { call: Call; conversationId: string }) {
  const [open, setOpen] = useState(false)
  return (
    <>
      <IconButton icon="list" label={t('call.more')} aria-haspopup="dialog" onClick={() => setOpen(true)} />
      <Sheet open={open} onOpenChange={setOpen} from="middle" title={t('call.more')}>
        <div className="flex flex-col gap-5 p-4">
          <Labelled label={t('call.device')} hint={call.microphones.length === 0 ? t('call.device.none') : undefined}>
            {(ids) => (
              <select
                {...ids}
                value={call.microphone}
                disabled={call.microphones.length === 0}
                onChange={(event) => call.choose(event.target.value)}
                className="min-h-10 w-full rounded-md border border-edge bg-page px-2 coarse:min-h-11"
              >
                {call.microphones.map((device, i) => (
                  <option key={device.deviceId} value={device.deviceId}>
                    {device.label || t('call.device.unnamed', { n: String(i + 1) })}
                  </option>
                ))}
              </select>
            )}
          </Labelled>
          <Choice label={t('call.onlyText')} hint={t('call.onlyTextHint')} checked={call.textOnly} onChange={call.setTextOnly} />
          {call.browserEar === null ? null : (
            <Choice label={t('call.browserEar')} hint={t('call.browserEarHint')} checked={call.browserEar} onChange={call.setBrowserEar} />
          )}
          <Choice label={t('call.record')} hint={t('call.recordHint')} checked={call.recording} onChange={call.record} />
          <Recordings conversationId={conversationId} running={call.recording} />
        </div>
      </Sheet>
    </>
  )
}

function Choice({ label, hint, checked, onChange }: { label: string; hint: ReactNode; checked: boolean; onChange: (on: boolean) => void }) {
  const id = useId()
  return (
    <div className="flex items-start gap-3">
      <input
        id={id}
        type="checkbox"
        role="switch"
        checked={checked}
        aria-describedby={`${id}-hint`}
        onChange={(event) => onChange(event.target.checked)}
        className="mt-0.5 size-6 shrink-0 accent-accent"
      />
      <div>
        <label htmlFor={id} className="text-sm font-medium">
          {label}
        </label>
        <p id={`${id}-hint`} className="text-sm text-muted">
          {hint}
        </p>
      </div>
    </div>
  )
}

/** The recordings of a conversation: to hear, to take along, to delete. */
function Recordings({ conversationId, running }: { conversationId: string; running: boolean }) {
  const [list, setList] = useState<Recording[] | null>(null)
  const [failed, setFailed] = useState(false)
  const load = useCallback(() => {
    api.recordings(conversationId).then(
      (found) => {
        setList(found)
        setFailed(false)
      },
      () => setFailed(true),
    )
  }, [conversationId])
  useEffect(load, [load, running])
  return (
    <section aria-label={t('call.recordings')} className="flex flex-col gap-3 border-t border-line pt-4">
      <h3 className="text-base font-semibold">{t('call.recordings')}</h3>
      {failed ? <ErrorText>{t('call.recordings.failed')}</ErrorText> : null}
      {list?.length === 0 ? <p className="text-sm text-muted">{t('call.recordings.none')}</p> : null}
      {list?.map((recording) => (
        <div key={recording.id} data-recording={recording.id} className="flex flex-col gap-2">
          <p className="flex items-center justify-between gap-2 text-sm">
            <span>
              {moment(recording.startedAt)} · {recording.running ? t('call.recordings.running') : duration(recording.seconds * 1000)}
            </span>
            <IconButton
              icon="cross"
              label={t('call.recordings.delete', { when: moment(recording.startedAt) })}
              onClick={() => void api.deleteRecording(recording.id).then(load, () => setFailed(true))}
            />
          </p>
          {recording.running ? null : (
            <div className="flex flex-wrap gap-2">
              <ButtonLink icon="download" href={downloads.recordingSound(recording.id)} download>
                {t('call.recordings.sound')}
              </ButtonLink>
              <ButtonLink icon="download" href={downloads.recordingCaptions(recording.id)} download>
                {t('call.recordings.captions')}
              </ButtonLink>
            </div>
          )}
        </div>
      ))}
    </section>
  )
}
