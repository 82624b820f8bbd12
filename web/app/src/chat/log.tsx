import { memo, useEffect, useLayoutEffect, useMemo, useRef, useState, type ReactNode } from 'react'
import type { Card } from '../api/types'
import { CardView } from '../cards/card'
import { choicesOf, valuesOf } from '../cards/choice'
import { list } from '../lib/format'
import { RichText } from '../lib/rich-text'
import { t } from '../messages'
import type { ConversationState, Entry, Side } from '../state/reducer'
import { ordered, questionsOf } from '../state/select'
import { Icon } from '../ui/icon'
import type { Outgoing } from './use-outbox'

interface Props {
  state: ConversationState
  outgoing: Outgoing | null
  onSendAgain: () => void
}

/** Distance from the end below which new content keeps the end in view. */
const nearEnd = 96

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

  useEffect(() => {
    const box = scroller.current
    const inner = content.current
    if (!box || !inner) return
    const moved = (): void => {
      follow.current = box.scrollHeight - box.scrollTop - box.clientHeight < nearEnd
      setAway(!follow.current)
    }
    const resized = new ResizeObserver(() => {
      if (follow.current) toEnd()
      else moved()
    })
    box.addEventListener('scroll', moved, { passive: true })
    resized.observe(inner)
    resized.observe(box)
    return () => {
      box.removeEventListener('scroll', moved)
      resized.disconnect()
    }
  }, [])

  // What the person just sent is always brought into view.
  useLayoutEffect(() => {
    if (!outgoing) return
    follow.current = true
    toEnd()
  }, [outgoing])

  const waiting = state.running.length > 0 && !state.live?.text
  const lastRunning = state.running.at(-1)
  const entries = useMemo(() => ordered(state), [state])
  return (
    <div className="relative min-h-0 flex-1">
      <div ref={scroller} tabIndex={0} role="group" aria-label={t('chat.messages')} className="h-full focus-visible:-outline-offset-2 overflow-y-auto overscroll-contain px-4 sm:px-6">
        <div ref={content} className="mx-auto flex max-w-[704px] flex-col gap-6 py-6">
          {entries.map((entry) => (
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
      {away ? (
        <button
          type="button"
          onClick={() => {
            follow.current = true
            toEnd()
          }}
          aria-label={t('chat.latest')}
          title={t('chat.latest')}
          className="calm absolute inset-x-0 bottom-2 mx-auto flex size-11 items-center justify-center rounded-full border border-line bg-surface text-ink shadow-raised hover:bg-sunken"
        >
          <Icon name="down" />
        </button>
      ) : null}
    </div>
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
