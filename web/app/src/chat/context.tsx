import { createContext, useContext } from 'react'
import type { Card, Draft } from '../api/types'
import type { Asked } from '../state/select'

/** What cards and the Draft can do; one value per open conversation. */
export interface Concierge {
  conversationId: string
  simulated: boolean
  draft: Draft | null
  /** Presses a card; resolves when the service has taken it. */
  press: (cardId: string, value: string) => Promise<void>
  /** Whether a card's question is open, and what was answered. */
  asked: (card: Card) => Asked
  takeDraft: (draft: Draft) => void
}

const Context = createContext<Concierge | null>(null)

export const ConciergeProvider = Context.Provider

export function useConcierge(): Concierge {
  const value = useContext(Context)
  if (!value) throw new Error('useConcierge outside of a conversation')
  return value
}
