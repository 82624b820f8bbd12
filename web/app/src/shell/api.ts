/** The calls of the session list. */
import { address } from '../api/client'
import { APIError, problemOf } from '../api/problem'
import type { Watcher, Exit } from './protocol'

export type SessionState = 'starting' | 'working' | 'waiting' | 'idle' | 'ended' | 'lost'

/** What an agent may do without asking, the narrowest first. */
export type Mode = 'plan' | 'ask' | 'edit' | 'all'

export interface Session {
  id: string
  name: string
  agent?: string
  dir: string
  repository?: string
  branch?: string
  isolation: 'bwrap' | 'pod' | 'none'
  mode?: Mode
  /** Whose model key the agent thinks with. */
  payer?: Payer
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

/** A Git repository to work in. */
export interface Repository {
  url: string
  branch?: string
  token?: string
}

/** The wire formats of models. */
export type ModelAPI = 'anthropic' | 'openai'

export type Payer = 'person' | 'organization' | 'service'

/** What may be shown of a model key: not the key. */
export interface ModelKey {
  url: string
  model?: string
  ending: string
  addedAt: string
}

/** What agents of one wire format think with, and whose keys there are. */
export interface ModelInfo {
  api: ModelAPI
  agents: string[]
  uses?: Payer
  own?: ModelKey
  organization?: ModelKey
  service: boolean
  url: string
}

export interface Agents {
  agents: { name: string; title: string; available: boolean; get?: string; version?: string; modes?: Mode[]; needs?: ModelAPI }[]
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

const invited = (invitation: string): string => (invitation ? `?invitation=${encodeURIComponent(invitation)}` : '')

export const shell = {
  agents: () => call<Agents>('GET', 'agents'),
  models: async () => (await call<{ models: ModelInfo[] }>('GET', 'models')).models,
  setModel: (api: ModelAPI, organization: boolean, value: { key: string; model?: string; url?: string }) =>
    call<void>('PUT', `models/${api}${organization ? '/organization' : ''}`, value),
  removeModel: (api: ModelAPI, organization: boolean) => call<void>('DELETE', `models/${api}${organization ? '/organization' : ''}`),
  sessions: async () => (await call<{ sessions: Session[] }>('GET', 'sessions')).sessions,
  session: (id: string, invitation: string) => call<Session>('GET', `sessions/${id}${invited(invitation)}`),
  create: (agent: string, name: string, mode?: Mode, repository?: Repository) =>
    call<Session>('POST', 'sessions', { agent, ...(name ? { name } : {}), ...(mode ? { mode } : {}), ...(repository ? { repository } : {}) }),
  /** Goes on with an agent's session that has ended. */
  resume: (id: string) => call<Session>('POST', 'sessions', { resume: id }),
  prompt: (id: string, text: string, invitation: string) => call<void>('POST', `sessions/${id}/prompt${invited(invitation)}`, { text }),
  /** Puts a file into a session and gives where it is, as the session sees it. */
  put: async (id: string, file: File, invitation: string) => {
    const query = new URLSearchParams({ name: file.name, ...(invitation ? { invitation } : {}) })
    const response = await fetch(address(`api/v1/sandbox/sessions/${id}/files?${query}`), {
      method: 'POST',
      cache: 'no-store',
      credentials: 'same-origin',
      headers: { 'Content-Type': 'application/octet-stream' },
      body: file,
    }).catch(() => {
      throw new APIError({ status: 0, code: 'unavailable' })
    })
    if (!response.ok) throw await problemOf(response)
    return ((await response.json()) as { path: string }).path
  },
  answer: (id: string, card: string, allow: boolean, invitation: string) =>
    call<unknown>('POST', `sessions/${id}/permissions/${encodeURIComponent(card)}${invited(invitation)}`, { decision: allow ? 'allow' : 'deny' }),
  /** What a browser subscribes to notifications with. */
  push: () => call<{ publicKey: string }>('GET', 'push'),
  /** Gives the device's id. */
  subscribe: async (s: PushSubscription, device: string) =>
    (await call<{ id: string }>('POST', 'push/devices', { endpoint: s.endpoint, keys: s.toJSON().keys, device })).id,
  unsubscribe: (device: string) => call<void>('DELETE', `push/devices/${device}`),
  rename: (id: string, name: string) => call<Session>('PATCH', `sessions/${id}`, { name }),
  end: (id: string) => call<void>('DELETE', `sessions/${id}`),
}

/** Leads to what a port of a session serves, at an origin of its own. */
export const preview = (id: string, port: number, invitation: string): string => address(`api/v1/sandbox/sessions/${id}/previews/${port}${invited(invitation)}`)

export const recording = (id: string): string => address(`api/v1/sandbox/sessions/${id}/recording`)
