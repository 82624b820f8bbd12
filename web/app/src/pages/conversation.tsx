import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { address, api } from '../api/client'
import { CallBar } from '../call/bar'
import { useCall } from '../call/use-call'
import type { Card, Whoami } from '../api/types'
import { Composer, type ComposerHandle } from '../chat/composer'
import { ConciergeProvider, type Concierge } from '../chat/context'
import { LiveRegion } from '../chat/live-region'
import { Log } from '../chat/log'
import { useOutbox } from '../chat/use-outbox'
import { DraftPanel } from '../draft/panel'
import { ConnectionBanner } from '../frame/banner'
import { MessagePage } from '../frame/pages'
import { money } from '../lib/format'
import { SignInPage } from './signin'
import { useMedia, wide } from '../lib/use-media'
import { plural, t, tMaybe } from '../messages'
import { asked, newestProgress, pendingApproval, planned } from '../state/select'
import type { ConversationState } from '../state/reducer'
import { useConversation } from '../state/use-conversation'
import { IconButton } from '../ui/button'
import { Skeleton } from '../ui/bits'
import { Icon } from '../ui/icon'
import { Sheet } from '../ui/sheet'

/** How a conversation was begun: with a first message, or with a call. */
export interface Beginning {
  text?: string
  call?: boolean
}

interface Props {
  id: string
  whoami: Whoami
  first?: Beginning | undefined
  /** Told what the conversation is about, once that is known. */
  onNamed: (id: string, name: string) => void
}

/** One conversation: the chat, and beside it, or in a sheet, the live Draft. */
export function ConversationView({ id, whoami, first, onNamed }: Props) {
  const { state, retry, takeDraft } = useConversation(id)
  const { outgoing, send, sendAgain } = useOutbox(id, state)
  const call = useCall(id)
  const { start: startCall } = call
  const roomy = useMedia(wide)
  const composer = useRef<ComposerHandle>(null)
  const sentFirst = useRef(false)

  useEffect(() => {
    if (!first || sentFirst.current) return
    sentFirst.current = true
    if (first.text) void send(first.text)
    if (first.call) startCall()
  }, [first, send, startCall])

  const name = state.draft?.spec.orgName ?? ''
  const spoken = state.entries.some((e) => e.human)
  useEffect(() => {
    if (spoken) onNamed(id, name)
  }, [id, name, spoken, onNamed])

  // A mouse and keyboard start in the composer; on a phone that would raise the
  // keyboard over what is to be read.
  useEffect(() => {
    if (matchMedia('(pointer: fine)').matches) composer.current?.focus()
  }, [])

  const press = useCallback(
    async (cardId: string, value: string) => {
      await api.press(id, cardId, value)
      // The pressed button is gone soon; the focus would be lost with it. On a
      // phone the composer would bring its keyboard.
      if (matchMedia('(pointer: fine)').matches) composer.current?.focus()
      else document.getElementById('main')?.focus()
    },
    [id],
  )
  const kept = useRef(new Map<string, unknown>()).current
  const latest = useRef(state)
  latest.current = state
  const simulated = (state.draft?.cloud ?? whoami.cloud) === 'simulated'
  const status = pendingApproval(state) ? 'awaiting-approval' : (newestProgress(state)?.status ?? '')
  const concierge = useMemo<Concierge>(
    () => ({
      conversationId: id,
      simulated,
      draft: state.draft,
      status,
      planned: planned(state),
      press,
      asked: (card: Card) => asked(latest.current, card),
      takeDraft,
      guest: whoami.role === 'guest',
      kept,
    }),
    // `asked` reads the whole state: a new value with each state lets cards ask again.
    [id, simulated, status, press, takeDraft, whoami.role, kept, state],
  )

  if (state.connection === 'signed-out') return <SignInPage next={`/start?c=${id}`} />
  if (state.connection === 'gone') {
    return (
      <MessagePage icon="info" title={t('chat.gone')} body={t('chat.goneBody')} action={t('conversations.new')} href={address('start')} />
    )
  }

  return (
    <ConciergeProvider value={concierge}>
      <div className="flex min-h-0 min-w-0 flex-1">
        <main id="main" tabIndex={-1} aria-label={t('chat.label')} className="flex min-h-0 min-w-0 flex-1 flex-col outline-none">
          <h1 className="sr-only">{t('chat.label')}</h1>
          <ConnectionBanner connection={state.connection} onRetry={retry} />
          {state.synced || state.entries.length > 0 || outgoing ? (
            <Log state={state} outgoing={outgoing} onSendAgain={sendAgain} />
          ) : (
            <Loading />
          )}
          <LiveRegion state={state} />
          <div className="shrink-0 border-t border-line bg-page ps-[max(16px,env(safe-area-inset-left))] pe-[max(16px,env(safe-area-inset-right))] pt-3 pb-[max(12px,env(safe-area-inset-bottom))] short:pt-2 short:pb-2 sm:px-6">
            {roomy ? null : <DraftBar state={state} status={status} />}
            <CallBar call={call} conversationId={id} onSend={(text) => void send(text)} />
            <Composer
              ref={composer}
              placeholder={t('composer.placeholder')}
              running={state.running.length > 0}
              onSend={(text) => void send(text)}
              beside={
                whoami.calls && call.state === 'idle' ? (
                  <IconButton icon="phone" label={t('call.start')} onClick={call.start} />
                ) : null
              }
              onStop={() => void api.cancelTurn(id).catch(() => undefined)}
            />
          </div>
        </main>
        {roomy ? (
          <aside aria-label={t('draft.label')} className="flex w-[340px] shrink-0 flex-col border-s border-line bg-page xl:w-[380px]">
            <div className="border-b border-line px-4 py-3">
              <h2 className="text-lg font-semibold">{t('draft.title')}</h2>
              {concierge.planned?.approval.state === 'approved' ? null : (
                <p className="text-sm text-muted short:hidden">{t('draft.lead')}</p>
              )}
            </div>
            <div className="min-h-0 flex-1 overflow-y-auto overscroll-contain">
              <DraftPanel draft={state.draft} loading={!state.synced} />
            </div>
          </aside>
        ) : null}
      </div>
    </ConciergeProvider>
  )
}

const tones: Record<string, string> = { ready: 'text-ok', failed: 'text-danger', cancelled: 'text-muted' }

/** On a phone: what the draft comes to, always in view, and the way into it. */
function DraftBar({ state, status }: { state: ConversationState; status: string }) {
  const [open, setOpen] = useState(false)
  const { draft } = state
  const missing = draft?.missing?.length ?? 0
  const price = planned(state)?.approval.monthly ?? draft?.estimate?.monthly
  const name = draft?.spec.sovereignFQDN || draft?.spec.orgName || t('draft.title')
  return (
    <>
      <button
        type="button"
        aria-haspopup="dialog"
        onClick={() => setOpen(true)}
        className="calm mx-auto mb-2 flex min-h-11 w-full max-w-[704px] items-center gap-2 rounded-md px-1 text-start hover:bg-sunken"
      >
        <span className="sr-only">{t('draft.open')}: </span>
        <span className="flex min-w-0 flex-1 items-center gap-3">
          <span className="min-w-0 flex-1">
            <bdi className="block truncate text-sm leading-5 font-medium">{name}</bdi>
            {draft ? (
              <span className={`block text-xs ${tones[status] ?? (missing > 0 || status ? 'text-accent' : 'text-ok')}`}>
                {status
                  ? tMaybe(`progress.status.${status}`, status)
                  : missing > 0
                    ? plural('draft.missing', missing)
                    : t('draft.complete')}
              </span>
            ) : null}
          </span>
          {price ? (
            <span className="shrink-0 text-end">
              <span className="money display block text-base leading-5">{money(price)}</span>
              <span className="block text-xs text-muted">{t('cost.perMonth')}</span>
            </span>
          ) : null}
        </span>
        <Icon name="chevron" className="size-4 rotate-180 text-muted" />
      </button>
      <Sheet open={open} onOpenChange={setOpen} from="bottom" title={t('draft.title')}>
        <div className="bg-page">
          <DraftPanel draft={draft} loading={!state.synced} />
        </div>
      </Sheet>
    </>
  )
}

function Loading() {
  return (
    <div role="status" className="min-h-0 flex-1 overflow-hidden px-4 sm:px-6">
      <span className="sr-only">{t('chat.loading')}</span>
      <div className="mx-auto flex max-w-[704px] flex-col gap-6 py-6">
        <Skeleton className="h-16 w-3/4" />
        <Skeleton className="ms-auto h-10 w-1/2" />
        <Skeleton className="h-40" />
      </div>
    </div>
  )
}
