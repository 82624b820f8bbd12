import type { Connection } from '../api/stream'
import type { ApprovalData, Card, CardEvent, DeltaEvent, Draft, TurnEvent } from '../api/types'

/** One side of a turn, as of its newest event. */
export interface Side {
  seq: number
  text: string
  state: TurnEvent['state']
  press?: { cardId: string; value: string }
  model?: string
  at: string
}

/** What the log shows together: a turn's two sides and the cards shown in it. */
export interface Entry {
  /** The turn's id, or `card:<id>` for a card that came outside any turn. */
  key: string
  human?: Side
  agent?: Side
  /** Ids of cards in the order they were first shown. */
  cards: string[]
}

/** Everything a view of one conversation is drawn from. */
export interface ConversationState {
  /** The highest seq seen. */
  seq: number
  entries: readonly Entry[]
  cards: Readonly<Record<string, Card>>
  /** For each card the seq it was first seen with: what came after answers it. */
  firstSeen: Readonly<Record<string, number>>
  draft: Draft | null
  /** Streamed text of the running turn; the finished turn replaces it. */
  live: { turnId: string; text: string } | null
  /** Ids of the turns that were started and have not ended. */
  running: readonly string[]
  connection: Connection
  /** True once the history has been replayed. */
  synced: boolean
}

export type Action =
  | { type: 'turn'; turn: TurnEvent }
  | { type: 'card'; event: CardEvent }
  | { type: 'draft'; draft: Draft }
  | { type: 'delta'; delta: DeltaEvent }
  | { type: 'connection'; connection: Connection }
  | { type: 'synced' }

export const empty: ConversationState = {
  seq: 0,
  entries: [],
  cards: {},
  firstSeen: {},
  draft: null,
  live: null,
  running: [],
  connection: 'connecting',
  synced: false,
}

/**
 * The fold of the live stream. It is pure and idempotent: each turn side, card
 * and draft keeps the value with the highest seq, so replays, duplicates and a
 * stream that starts over after a reconnect change nothing.
 */
export function reduce(state: ConversationState, action: Action): ConversationState {
  switch (action.type) {
    case 'turn':
      return turn(state, action.turn)
    case 'card':
      return card(state, action.event)
    case 'draft':
      if (state.draft && action.draft.seq < state.draft.seq) return state
      return { ...advance(state, action.draft.seq), draft: action.draft }
    case 'delta':
      return delta(state, action.delta)
    case 'connection':
      if (state.connection === action.connection) return state
      // Pieces that were lost with the connection cannot be asked for again:
      // better no live text than one with a hole.
      return {
        ...state,
        connection: action.connection,
        live: action.connection === 'open' ? state.live : null,
      }
    case 'synced':
      return state.synced ? state : { ...state, synced: true }
  }
}

function advance(state: ConversationState, seq: number): ConversationState {
  return seq > state.seq ? { ...state, seq } : state
}

function turn(state: ConversationState, event: TurnEvent): ConversationState {
  const index = state.entries.findIndex((e) => e.key === event.turnId)
  const old = state.entries[index]
  const before = old?.[event.role]
  if (before && before.seq >= event.seq) return advance(state, event.seq)

  const side: Side = { seq: event.seq, text: event.text, state: event.state, at: event.at }
  if (event.press) side.press = event.press
  if (event.model) side.model = event.model
  const entry: Entry = { ...(old ?? { key: event.turnId, cards: [] }), [event.role]: side }

  const next = advance(state, event.seq)
  const ended = entry.agent !== undefined && entry.agent.state !== 'started'
  const running = state.running.filter((id) => id !== event.turnId)
  return {
    ...next,
    entries: old ? put(state.entries, index, entry) : state.entries.toSpliced(placeOf(state, side), 0, entry),
    running: ended ? running : [...running, event.turnId],
    live: ended && state.live?.turnId === event.turnId ? null : state.live,
  }
}

/**
 * Where a new turn stands: last, but for the press that approved a plan. What it
 * set off may have been told of before the press itself was.
 */
function placeOf(state: ConversationState, side: Side): number {
  const approval = state.cards[side.press?.cardId ?? '']
  let at = state.entries.length
  if (approval?.kind !== 'approval') return at
  const { deploymentId } = approval.data as ApprovalData
  const begun = new Set([`card:progress-${deploymentId}`, `card:flow-${deploymentId}`])
  while (begun.has(state.entries[at - 1]?.key ?? '')) at--
  return at
}

function card(state: ConversationState, event: CardEvent): ConversationState {
  const { seq, card: shown, turnId } = event
  // A replay shows a deployment's newest card at the place where it came up: the
  // card's own seq says how new it is, the message's where it stands.
  const version = Math.max(seq, shown.seq || 0)
  const before = state.cards[shown.id]
  if (before && before.seq > version) return state
  const next: ConversationState = {
    ...advance(state, seq),
    cards: { ...state.cards, [shown.id]: { ...shown, seq: version } },
  }
  // It keeps its place, and only what it says has moved on, unless it is a plan that
  // was made anew: that stands with the turn that asked for it and its approval.
  if (before && !(planned.has(shown.kind) && version > before.seq)) return next
  if (before) next.entries = without(state.entries, shown.id)

  next.firstSeen = { ...state.firstSeen, [shown.id]: seq }
  const key = turnId || state.running.at(-1) || `card:${shown.id}`
  const index = next.entries.findIndex((e) => e.key === key)
  const entry = next.entries[index] ?? { key, cards: [] }
  next.entries = put(next.entries, index, { ...entry, cards: [...entry.cards, shown.id] })
  return next
}

/** The cards of a plan, which is the same deployment's when it is made anew. */
const planned = new Set(['plan', 'cost'])

/** The entries without a card; one that had nothing else is gone with it. */
function without(entries: readonly Entry[], cardId: string): Entry[] {
  return entries
    .map((e) => (e.cards.includes(cardId) ? { ...e, cards: e.cards.filter((id) => id !== cardId) } : e))
    .filter((e) => e.human || e.agent || e.cards.length > 0)
}

function delta(state: ConversationState, event: DeltaEvent): ConversationState {
  const entry = state.entries.find((e) => e.key === event.turnId)
  if (entry?.agent && entry.agent.state !== 'started') return state // It came late.
  const text = state.live?.turnId === event.turnId ? state.live.text + event.text : event.text
  return { ...state, live: { turnId: event.turnId, text }, synced: true }
}

function put(entries: readonly Entry[], index: number, entry: Entry): Entry[] {
  if (index < 0) return [...entries, entry]
  return entries.map((e, i) => (i === index ? entry : e))
}
