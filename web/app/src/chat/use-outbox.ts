import { useCallback, useEffect, useState } from 'react'
import { api } from '../api/client'
import { explain } from '../lib/use-action'
import type { ConversationState } from '../state/reducer'

/** A message on its way: shown until the stream brings it back as a turn. */
export interface Outgoing {
  text: string
  turnId?: string
  error?: string
}

/** Sends messages and keeps what is not yet in the log, so that nothing typed is lost. */
export function useOutbox(conversationId: string, state: ConversationState): {
  outgoing: Outgoing | null
  send: (text: string) => Promise<void>
  sendAgain: () => void
} {
  const [outgoing, setOutgoing] = useState<Outgoing | null>(null)

  const send = useCallback(
    async (text: string) => {
      setOutgoing({ text })
      try {
        const { turnId } = await api.say(conversationId, text)
        setOutgoing((old) => (old?.text === text ? { text, turnId } : old))
      } catch (error) {
        setOutgoing({ text, error: explain(error) })
      }
    },
    [conversationId],
  )

  const arrived =
    outgoing?.turnId !== undefined &&
    state.entries.some((e) => e.key === outgoing.turnId && e.human !== undefined)
  useEffect(() => {
    if (arrived) setOutgoing(null)
  }, [arrived])

  const sendAgain = useCallback(() => {
    if (outgoing?.error) void send(outgoing.text)
  }, [outgoing, send])
  return { outgoing: arrived ? null : outgoing, send, sendAgain }
}
