/** The typed client of the service's HTTP API. Every call rejects with an APIError. */
import { APIError, problemOf } from './problem'
import type {
  AppPage,
  CatalogueOption,
  Change,
  ConversationSummary,
  Draft,
  Recording,
  Sovereign,
  SSHKey,
  Whoami,
} from './types'
import { catalogueOptions, type CatalogueList } from './catalogue'

/** The app's root: its script lies one folder below it, however deep the page is. */
const root = (): string =>
  import.meta.env.DEV ? new URL('/', location.href).toString() : new URL(/* @vite-ignore */ '..', import.meta.url).toString()

/** The address of a path of this service, also under a base path. */
export function address(path: string): string {
  return new URL(path.replace(/^\//, ''), root()).toString()
}

export async function send(method: string, path: string, body?: unknown): Promise<Response> {
  const headers: Record<string, string> = { Accept: 'application/json' }
  const init: RequestInit = { method, headers, credentials: 'same-origin', cache: 'no-store' }
  if (body !== undefined) {
    headers['Content-Type'] = 'application/json'
    init.body = JSON.stringify(body)
  }
  let response: Response
  try {
    response = await fetch(address(path), init)
  } catch {
    throw new APIError({ status: 0, code: 'unavailable' })
  }
  if (!response.ok) throw await problemOf(response)
  return response
}

export async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await send(method, path, body)
  if (response.status === 204) return undefined as T
  return (await response.json()) as T
}

const id = encodeURIComponent

/** A list comes as an array or under one name; both are read. */
function rows<T>(answer: unknown, ...names: string[]): T[] {
  if (Array.isArray(answer)) return answer as T[]
  const object = (answer ?? {}) as Record<string, unknown>
  for (const name of names) {
    if (Array.isArray(object[name])) return object[name] as T[]
  }
  return []
}

export const api = {
  whoami: () => call<Whoami>('GET', 'api/v1/whoami'),
  app: () => call<AppPage>('GET', 'api/v1/app'),
  sovereign: () => call<Sovereign>('GET', 'api/v1/sovereign'),
  signOut: () => send('DELETE', 'api/v1/auth/session').then(() => undefined),

  conversations: async () =>
    rows<ConversationSummary>(
      await call<unknown>('GET', 'api/v1/conversations'),
      'conversations',
      'items',
    ),
  createConversation: (language: string) =>
    call<{ id: string }>('POST', 'api/v1/conversations', { language }),
  say: (conversation: string, text: string) =>
    call<{ turnId: string }>('POST', `api/v1/conversations/${id(conversation)}/turns`, { text }),
  press: (conversation: string, cardId: string, value: string) =>
    call<{ turnId: string }>('POST', `api/v1/conversations/${id(conversation)}/turns`, {
      press: { cardId, value },
    }),
  cancelTurn: (conversation: string) =>
    send('POST', `api/v1/conversations/${id(conversation)}/cancel`, {}).then(() => undefined),

  recordings: async (conversation: string) =>
    rows<Recording>(await call<unknown>('GET', `api/v1/conversations/${id(conversation)}/recordings`), 'recordings'),
  deleteRecording: (recording: string) => send('DELETE', `api/v1/recordings/${id(recording)}`).then(() => undefined),

  draft: (draftId: string) => call<Draft>('GET', `api/v1/drafts/${id(draftId)}`),
  changeDraft: (draftId: string, changes: Change[]) =>
    call<Draft>('PATCH', `api/v1/drafts/${id(draftId)}`, { changes }),
  storeSecrets: (draftId: string, values: Record<string, string>) =>
    call<{ stored: string[] }>('POST', 'api/v1/secrets', { draftId, values }),
  generateSSHKey: (fqdn?: string) =>
    call<SSHKey>('POST', 'api/v1/sshkey/generate', fqdn ? { fqdn } : {}),
  catalogue: async (list: CatalogueList): Promise<CatalogueOption[]> =>
    catalogueOptions(list, rows(await call<unknown>('GET', `api/v1/catalogue/${list}`), 'items', list)),

  cancelDeployment: (deployment: string) =>
    send('POST', `api/v1/deployments/${id(deployment)}/cancel`, {}).then(() => undefined),
}

/** Addresses of what can be downloaded. */
export const downloads = {
  transcript: (conversation: string) =>
    address(`api/v1/conversations/${id(conversation)}/transcript`),
  recordingSound: (recording: string) => address(`api/v1/recordings/${id(recording)}/sound`),
  recordingCaptions: (recording: string) => address(`api/v1/recordings/${id(recording)}/captions`),
  tfvars: (deployment: string) => address(`api/v1/deployments/${id(deployment)}/tfvars`),
  plan: (deployment: string) => address(`api/v1/deployments/${id(deployment)}/plan`),
}

/** The address of a conversation's live stream. */
export function streamAddress(conversation: string): string {
  return address(`api/v1/conversations/${id(conversation)}/stream`)
}
