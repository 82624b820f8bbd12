import { useEffect, useRef, useState } from 'react'
import { t } from '../messages'
import type { ConversationState } from '../state/reducer'
import { sentences } from '../state/select'

/** The kinds whose later versions are worth hearing: their text says what changed. */
const moving = new Set(['plan', 'approval', 'link', 'notice', 'error'])
/** How many lines are kept; a screen reader reads only what is added. */
const kept = 12

interface Heard {
  /** Per turn, how many characters of its text have been said. */
  text: Map<string, number>
  /** Per card, the text that was said. */
  cards: Map<string, string>
}

/**
 * What a screen reader hears: a polite log that gets whole sentences, not every
 * piece of a streamed reply. History is not read out when a page is opened.
 */
export function LiveRegion({ state }: { state: ConversationState }) {
  const heard = useRef<Heard>({ text: new Map(), cards: new Map() })
  const started = useRef(false)
  const [lines, setLines] = useState<{ id: number; text: string }[]>([])
  const next = useRef(0)

  useEffect(() => {
    if (!state.synced) return
    const said = collect(state, heard.current)
    if (!started.current) {
      started.current = true // The first pass only marks the history as known.
      return
    }
    if (said.length === 0) return
    const made = said.map((text) => ({ id: next.current++, text }))
    setLines((old) => [...old, ...made].slice(-kept))
  }, [state])

  return (
    <div role="log" aria-live="polite" aria-relevant="additions" aria-label={t('chat.label')} className="sr-only">
      {lines.map((line) => (
        <p key={line.id}>{line.text}</p>
      ))}
    </div>
  )
}

/** What is new since the last time, as lines to be said. */
function collect(state: ConversationState, heard: Heard): string[] {
  const said: string[] = []
  for (const entry of state.entries) {
    const ended = entry.agent !== undefined && entry.agent.state !== 'started'
    const text = ended
      ? (entry.agent?.text ?? '')
      : state.live?.turnId === entry.key
        ? sentences(state.live.text).whole
        : ''
    const from = heard.text.get(entry.key) ?? 0
    if (text.length > from) {
      const fresh = text.slice(from).trim()
      if (fresh) said.push(from === 0 ? `${t('chat.concierge')}: ${fresh}` : fresh)
      heard.text.set(entry.key, text.length)
    }
    for (const id of entry.cards) {
      const card = state.cards[id]
      if (!card) continue
      const before = heard.cards.get(id)
      if (before === card.text || (before !== undefined && !moving.has(card.kind))) continue
      heard.cards.set(id, card.text)
      said.push([card.title, card.text].filter(Boolean).join('. '))
    }
  }
  return said
}
