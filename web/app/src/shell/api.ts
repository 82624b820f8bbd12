/** The calls of the session list. */
import { address } from '../api/client'
import { APIError, problemOf } from '../api/problem'
import type { Watcher, Exit } from './protocol'

export type SessionState = 'starting' | 'working' | 'idle' | 'ended' | 'lost'

export interface Session {
  id: string
  name: string
  agent?: string
  dir: string
  isolation: 'bwrap' | 'pod' | 'none'
  state: SessionState
  createdAt: string
  lastActivityAt: string
  exit?: Exit
  role: string
  title?: string
  watchers?: Watcher[]
  lastCommand?: string
  pid?: number
}

export interface Agents {
  agents: { name: string; title: string; available: boolean }[]
  isolation: Session['isolation']
  problem?: string
}

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(address(`api/v1/sandbox/${path}`), {
    method,
    cache: 'no-store',
    credentials: 'same-origin',
    headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch(() => {
    throw new APIError({ status: 0, code: 'unavailable' })
  })
  if (!response.ok) throw await problemOf(response)
  return (response.status === 204 ? undefined : await response.json()) as T
}

export const shell = {
  agents: () => call<Agents>('GET', 'agents'),
  sessions: async () => (await call<{ sessions: Session[] }>('GET', 'sessions')).sessions,
  create: (agent: string, name: string) => call<Session>('POST', 'sessions', { agent, ...(name ? { name } : {}) }),
  rename: (id: string, name: string) => call<Session>('PATCH', `sessions/${id}`, { name }),
  end: (id: string) => call<void>('DELETE', `sessions/${id}`),
}

export const recording = (id: string): string => address(`api/v1/sandbox/sessions/${id}/recording`)
