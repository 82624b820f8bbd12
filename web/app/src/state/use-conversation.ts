import { useCallback, useEffect, useReducer, useRef } from 'react'
import { streamAddress } from '../api/client'
import { TabStream } from '../api/tabs'
import type { Draft } from '../api/types'
import { actionOf } from './decode'
import { empty, reduce, type ConversationState } from './reducer'

/** History is taken as complete when the stream has been quiet for this long. */
const quietMs = 350

/**
 * Follows one conversation. The caller gives the component a key of the
 * conversation's id, so that another conversation starts from nothing.
 */
export function useConversation(id: string): {
  state: ConversationState
  retry: () => void
  /** Takes the answer of a PATCH at once; the stream brings the same soon. */
  takeDraft: (draft: Draft) => void
} {
  const [state, dispatch] = useReducer(reduce, empty)
  const stream = useRef<TabStream | null>(null)

  useEffect(() => {
    let quiet: ReturnType<typeof setTimeout> | undefined
    const settle = (): void => {
      clearTimeout(quiet)
      quiet = setTimeout(() => dispatch({ type: 'synced' }), quietMs)
    }
    const made = new TabStream({
      url: streamAddress(id),
      onMessage: (message) => {
        const action = actionOf(message)
        if (action) dispatch(action)
        if (message.event === 'heartbeat') dispatch({ type: 'synced' })
        else settle()
      },
      onConnection: (connection) => {
        dispatch({ type: 'connection', connection })
        if (connection === 'open') settle()
      },
    })
    stream.current = made
    const online = (): void => made.retry()
    window.addEventListener('online', online)
    return () => {
      clearTimeout(quiet)
      window.removeEventListener('online', online)
      made.close()
    }
  }, [id])

  const retry = useCallback(() => stream.current?.retry(), [])
  const takeDraft = useCallback(
    (draft: Draft) => dispatch({ type: 'draft', draft }),
    [],
  )
  return { state, retry, takeDraft }
}
