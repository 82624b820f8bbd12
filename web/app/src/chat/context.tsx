import { createContext, useCallback, useContext, useState } from 'react'
import type { Card, Draft } from '../api/types'
import type { Asked, Planned } from '../state/select'

/** What cards and the Draft can do; one value per open conversation. */
export interface Concierge {
  conversationId: string
  simulated: boolean
  draft: Draft | null
  /** The deployment's status, '' before there is one; see progress.status in messages. */
  status: string
  /** The plan that waits for approval, or was approved. */
  planned: Planned | undefined
  /** Presses a card; resolves when the service has taken it. */
  press: (cardId: string, value: string) => Promise<void>
  /** Whether a card's question is open, and what was answered. */
  asked: (card: Card) => Asked
  takeDraft: (draft: Draft) => void
  /** Nobody has signed in yet: what spends money or takes a secret has to wait. */
  guest: boolean
  /** What is being written and not yet sent, by the place it is written in; see useKept. */
  kept: Map<string, unknown>
}

const Context = createContext<Concierge | null>(null)

export const ConciergeProvider = Context.Provider

export function useConcierge(): Concierge {
  const value = useContext(Context)
  if (!value) throw new Error('useConcierge outside of a conversation')
  return value
}

/**
 * State that outlives its component: the Draft moves between its column and its
 * sheet when a tablet is turned, and what was typed in it moves along.
 */
export function useKept<T>(key: string, initial: T): [T, (value: T) => void] {
  const { kept } = useConcierge()
  const [value, setValue] = useState<T>(kept.has(key) ? (kept.get(key) as T) : initial)
  const keep = useCallback(
    (next: T) => {
      kept.set(key, next)
      setValue(next)
    },
    [kept, key],
  )
  return [value, keep]
}
