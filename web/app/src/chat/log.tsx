import { memo, useEffect, useLayoutEffect, useRef, useState, type ReactNode } from 'react'
import type { ApprovalData, Card } from '../api/types'
import { approvalLabel } from '../cards/approval'
import { CardView } from '../cards/card'
import { choicesOf, valuesOf } from '../cards/choice'
import { list } from '../lib/format'
import { useMedia, wide } from '../lib/use-media'
import { RichText } from '../lib/rich-text'
import { t } from '../messages'
import type { ConversationState, Entry, Side } from '../state/reducer'
import { pendingApproval, questionsOf } from '../state/select'
import { Icon } from '../ui/icon'
import type { Outgoing } from './use-outbox'

interface Props {
  state: ConversationState
  outgoing: Outgoing | null
  onSendAgain: () => void
}

/** Distance within which a place still counts as reached. */
const nearEnd = 96
/** What stays above the beginning of something new. */
const headroom = 16
/** For how long a scroll is taken as the doing of the last gesture. */
const handMs = 1000

/** The conversation as it is seen; LiveRegion is how it is heard. */
export function Log({ state, outgoing, onSendAgain }: Props) {
  const scroller = useRef<HTMLDivElement>(null)
  const content = useRef<HTMLDivElement>(null)
  const follow = useRef(true)
  const [away, setAway] = useState(false)

  const toEnd = (): void => {
    const box = scroller.current
    if (box) box.scrollTop = box.scrollHeight
  }
  // New content is followed to its end, but never so far that its beginning is
  // lost: a plan is read from its top.
  const target = (): number => {
    const box = scroller.current
    if (!box) return 0
    const end = box.scrollHeight - box.clientHeight
    const newest = [...(content.current?.querySelectorAll('[data-begins]') ?? [])].at(-1)
    if (!newest) return end
    const top = newest.getBoundingClientRect().top - box.getBoundingClientRect().top + box.scrollTop - headroom
    return Math.max(0, Math.min(end, top))
  }

  useEffect(() => {
    const box = scroller.current
    const inner = content.current
    if (!box || !inner) return
    // Only a person's own scrolling back ends the following; a phone that is turned,
    // a keyboard that comes up or a card that gets shorter does not.
    let hand = 0
    let height = 0
    let width = 0
    let last = 0
    const byHand = (): void => {
      hand = performance.now()
    }
    const gestures = ['wheel', 'touchmove', 'pointerdown', 'keydown']
    const moved = (): void => {
      const same = box.scrollHeight === height
      if (box.scrollTop >= target() - nearEnd) follow.current = true
      else if (same && box.scrollTop < last && performance.now() - hand < handMs) follow.current = false
      height = box.scrollHeight
      last = box.scrollTop
      setAway(box.scrollHeight - box.scrollTop - box.clientHeight >= nearEnd)
    }
    const resized = new ResizeObserver(() => {
      // As wide as before, there is only more to read; else the place is another.
      if (follow.current) box.scrollTop = box.clientWidth === width ? Math.max(box.scrollTop, target()) : target()
      width = box.clientWidth
      moved()
    })
    box.addEventListener('scroll', moved, { passive: true })
    for (const gesture of gestures) box.addEventListener(gesture, byHand, { passive: true })
    resized.observe(inner)
    resized.observe(box)
    return () => {
      box.removeEventListener('scroll', moved)
      for (const gesture of gestures) box.removeEventListener(gesture, byHand)
      resized.disconnect()
    }
  }, [])

  // What the person just sent or pressed is always brought into view, with what
  // comes of it.
  const acts = state.entries.filter((e) => e.human).length
  useLayoutEffect(() => {
    follow.current = true
    if (outgoing) toEnd()
  }, [outgoing, acts])

  const waiting = state.running.length > 0 && !state.live?.text
  const lastRunning = state.running.at(-1)
  const waits = pendingApproval(state)
  return (
    <div className="relative min-h-0 flex-1">
      <div ref={scroller} tabIndex={0} role="group" aria-label={t('chat.messages')} className="h-full focus-visible:-outline-offset-2 overflow-y-auto overscroll-contain px-4 sm:px-6">
        <div ref={content} className="mx-auto flex max-w-[704px] flex-col gap-6 py-6">
          {state.entries.map((entry) => (
            <EntryView
              key={entry.key}
              entry={entry}
              cards={state.cards}
              live={state.live?.turnId === entry.key ? state.live.text : ''}
              thinking={waiting && entry.key === lastRunning}
            />
          ))}
          {outgoing ? <OutgoingView outgoing={outgoing} onSendAgain={onSendAgain} /> : null}
        </div>
      </div>
      {away && waits ? (
        <WaitingApproval card={waits} />
      ) : away ? (
        <button
          type="button"
          onClick={() => {
            follow.current = true
            toEnd()
          }}
          aria-label={t('chat.latest')}
          title={t('chat.latest')}
          className="calm absolute end-4 bottom-2 flex size-11 items-center justify-center rounded-full border border-line bg-surface text-ink shadow-raised hover:bg-sunken"
        >
          <Icon name="down" />
        </button>
      ) : null}
    </div>
  )
}

/** Leads to the approval that is out of view: what it makes, and for how much. */
function WaitingApproval({ card }: { card: Card }) {
  const roomy = useMedia(wide)
  const show = (): void => {
    const target = document.querySelector<HTMLElement>(`[data-card="${CSS.escape(card.id)}"]`)
    target?.scrollIntoView({ block: 'center' })
    target?.querySelector<HTMLElement>('button, input')?.focus({ preventScroll: true })
  }
  return (
    <button
      type="button"
      onClick={show}
      className="calm absolute inset-x-4 bottom-2 mx-auto flex min-h-12 max-w-[704px] items-center gap-3 rounded-lg border border-accent bg-surface px-4 py-2 text-start shadow-raised hover:bg-accent-soft"
    >
      {roomy ? (
        <span className="min-w-0 flex-1">
          <span className="block text-sm text-muted">{t('approval.waits')}</span>
          <span className="money block font-medium text-pretty">{approvalLabel(card.data as ApprovalData)}</span>
        </span>
      ) : (
        // What it makes and for how much stands below it, in the bar of the Draft.
        <span className="min-w-0 flex-1 font-medium">{t('approval.waits')}</span>
      )}
      <Icon name="down" className="text-accent" />
    </button>
  )
}

interface EntryProps {
  entry: Entry
  cards: ConversationState['cards']
  live: string
  thinking: boolean
}

/** A turn: what the person said, what the concierge answered, what it showed. */
const EntryView = memo(function EntryView({ entry, cards, live, thinking }: EntryProps) {
  const { human, agent } = entry
  const said = human ? humanText(human, cards) : ''
  const text = agent && agent.state !== 'started' ? agent.text : live || agent?.text || ''
  return (
    <>
      <div data-begins="" aria-hidden="true" className="-mb-6" />
      {said ? <Bubble>{said}</Bubble> : null}
      {text || thinking ? (
        <Reply thinking={thinking && !text}>
          {text ? <RichText text={text} /> : null}
        </Reply>
      ) : null}
      {agent ? <Ending state={agent.state} hasText={text !== ''} /> : null}
      {entry.cards.map((id) => {
        const card = cards[id]
        return card ? <CardView key={id} card={card} /> : null
      })}
    </>
  )
})

function Bubble({ children, faded = false }: { children: ReactNode; faded?: boolean }) {
  return (
    <div className="ms-auto max-w-[85%] sm:max-w-[75%]">
      <h2 className="sr-only">{t('chat.you')}</h2>
      <div dir="auto" className={`rounded-lg rounded-ee-sm bg-accent-soft px-4 py-2.5 whitespace-pre-wrap ${faded ? 'opacity-80' : ''}`}>
        {children}
      </div>
    </div>
  )
}

function Reply({ children, thinking }: { children: ReactNode; thinking: boolean }) {
  return (
    <div className="max-w-[62ch]">
      <h2 className="sr-only">{t('chat.concierge')}</h2>
      {thinking ? (
        <p className="flex items-center gap-2 text-muted">
          <span aria-hidden="true" className="breathing size-2 rounded-full bg-accent" />
          {t('chat.thinking')}
        </p>
      ) : (
        <div dir="auto" className="flex flex-col gap-3">{children}</div>
      )}
    </div>
  )
}

function Ending({ state, hasText }: { state: Side['state']; hasText: boolean }) {
  const words = {
    cancelled: t('chat.cancelled'),
    interrupted: t('chat.interrupted'),
    failed: t('chat.failed'),
    started: '',
    finished: '',
  }[state]
  if (!words) return null
  return <p className={`text-sm ${state === 'failed' ? 'text-danger' : 'text-muted'} ${hasText ? '-mt-4' : ''}`}>{words}</p>
}

function OutgoingView({ outgoing, onSendAgain }: { outgoing: Outgoing; onSendAgain: () => void }) {
  return (
    <div className="flex flex-col gap-1">
      <Bubble faded>{outgoing.text}</Bubble>
      {outgoing.error ? (
        <p role="alert" className="ms-auto flex flex-wrap items-center justify-end gap-x-2 text-sm text-danger">
          {t('chat.notSent')} {outgoing.error}
          <button type="button" onClick={onSendAgain} className="min-h-8 font-medium underline coarse:min-h-11">
            {t('chat.sendAgain')}
          </button>
        </p>
      ) : (
        <p className="ms-auto text-xs text-muted">{t('chat.sending')}</p>
      )}
    </div>
  )
}

/** What a human turn reads like; a press reads like what was pressed. */
export function humanText(side: Side, cards: Readonly<Record<string, Card>>): string {
  if (!side.press) return side.text
  const { cardId, value } = side.press
  const card = cards[cardId]
  if (card?.kind === 'approval') {
    return value.startsWith('approve') ? t('chat.pressedApprove') : t('chat.pressedDecline')
  }
  if (card?.kind === 'secret') {
    return value === 'simulated' ? t('chat.pressedSimulated') : t('chat.pressedStored')
  }
  if (side.text) return side.text
  if (card?.kind === 'form') return t('chat.pressedForm')
  const choices = card ? questionsOf(card).flatMap(choicesOf) : []
  const values = choices.some((c) => c.value === value) ? [value] : valuesOf(value)
  return list(values.map((v) => choices.find((c) => c.value === v)?.label ?? v))
}
