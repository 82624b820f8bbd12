import type { Message } from '../api/sse'
import type { CardEvent, DeltaEvent, Draft, TurnEvent } from '../api/types'
import type { Action } from './reducer'

/**
 * A message of the live stream as an action; null for heartbeats, for events
 * that this client does not know, and for what cannot be read.
 */
export function actionOf(message: Message): Action | null {
  if (!['turn', 'card', 'draft', 'delta'].includes(message.event)) return null
  let value: unknown
  try {
    value = JSON.parse(message.data)
  } catch {
    return null
  }
  if (typeof value !== 'object' || value === null) return null
  switch (message.event) {
    case 'turn': {
      const turn = value as TurnEvent
      if (!turn.turnId) return null
      return { type: 'turn', turn: { ...turn, text: turn.text ?? '' } }
    }
    case 'card': {
      const event = value as CardEvent
      if (!event.card?.id) return null
      return { type: 'card', event }
    }
    case 'draft': {
      const draft = value as Draft
      if (!draft.spec) return null
      return { type: 'draft', draft }
    }
    default: {
      const delta = value as DeltaEvent
      return delta.turnId ? { type: 'delta', delta } : null
    }
  }
}
