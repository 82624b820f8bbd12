/** The calls by which people sign in, and look after their Organization. */
import { call, send } from './client'
import type { Whoami } from './types'

export interface Provider {
  id: string
  name: string
}

/** GET /api/v1/auth/methods: the ways in. */
export interface Methods {
  email: boolean
  /** Who has not been invited gets an account, too. */
  signUp: boolean
  /** Mails are not sent, but kept for the owner of the computer. */
  outbox: boolean
  /** One may talk before signing in. */
  guest: boolean
  mode: Whoami['mode']
  providers: Provider[]
}

export interface SignedIn {
  next: string
  email: string
}

export interface Invited {
  organization: string
  email: string
  role: string
  expires_at: string
}

export interface Organization {
  id: string
  name: string
  plan: string
  role: string
  current: boolean
}

export interface Member {
  subject: string
  email: string
  role: string
  joined_at: string
}

export interface Invitation {
  id: string
  email: string
  role: string
  created_at: string
  expires_at: string
}

export interface Token {
  jti: string
  name: string
  audience: string
  capabilities: string[]
  created_at: string
  expires_at: string
  last_used_at?: string
  revoked_at?: string
}

export interface OwnSession {
  id: string
  method: string
  agent: string
  started_at: string
  seen_at: string
  expires_at: string
  current: boolean
}

/** POST /api/v1/oauth/request: what a program asks a person for. */
export interface Asked {
  /** The name that it gives itself. */
  client: string
  /** The host, or the scheme, that the person is led back to. */
  to: string
  ownComputer: boolean
  organization: string
  until: string
  tools: { name: string; title: string }[]
}

/** GET /api/v1/audit: one thing that was done, or tried. */
export interface AuditEntry {
  seq: number
  at: string
  operation: string
  /** What it is, in plain words. */
  title: string
  kind: 'human' | 'model' | 'system'
  result: string
  subject?: string
  email?: string
  via?: string
  from?: string
  tokenType?: string
  tokenId?: string
  target?: string
  detail?: string
  requestId?: string
  /** The person was erased since. */
  erased?: boolean
}

export interface KeptMail {
  id: string
  at: string
  to: string
  subject: string
  text: string
}

const id = encodeURIComponent
const done = (response: Promise<unknown>): Promise<void> => response.then(() => undefined)

export const signIn = {
  methods: () => call<Methods>('GET', 'api/v1/auth/methods'),
  askCode: (email: string, next: string) => call<{ challenge: string }>('POST', 'api/v1/auth/code', { email, next }),
  verify: (challenge: string, code: string) => call<SignedIn>('POST', 'api/v1/auth/code/verify', { challenge, code }),
  mailLink: (token: string, confirm: boolean) =>
    call<SignedIn | { confirm: true; email: string }>('POST', 'api/v1/auth/mail-link', { token, confirm }),
  guest: () => done(send('POST', 'api/v1/auth/guest')),
  invited: (token: string) => call<Invited>('POST', 'api/v1/auth/invitation', { token }),
  join: (token: string) => call<SignedIn>('POST', 'api/v1/auth/invitation/accept', { token }),
}

export const organization = {
  list: async () => (await call<{ organizations: Organization[] }>('GET', 'api/v1/organizations')).organizations,
  found: (name: string) => call<Organization>('POST', 'api/v1/organizations', { name }),
  rename: (org: string, name: string) => done(send('PATCH', `api/v1/organizations/${id(org)}`, { name })),
  enter: (org: string) => done(send('POST', 'api/v1/auth/organization', { id: org })),
  members: async (org: string) => (await call<{ members: Member[] }>('GET', `api/v1/organizations/${id(org)}/members`)).members,
  changeRole: (org: string, subject: string, role: string) =>
    done(send('PATCH', `api/v1/organizations/${id(org)}/members/${id(subject)}`, { role })),
  remove: (org: string, subject: string) => done(send('DELETE', `api/v1/organizations/${id(org)}/members/${id(subject)}`)),
  invitations: async (org: string) =>
    (await call<{ invitations: Invitation[] }>('GET', `api/v1/organizations/${id(org)}/invitations`)).invitations,
  invite: (org: string, email: string, role: string) =>
    call<Invitation>('POST', `api/v1/organizations/${id(org)}/invitations`, { email, role }),
  audit: async (before: number, limit: number) =>
    (await call<{ entries: AuditEntry[] }>('GET', `api/v1/audit?limit=${limit}${before ? `&before=${before}` : ''}`)).entries,
  uninvite: (org: string, invitation: string) => done(send('DELETE', `api/v1/organizations/${id(org)}/invitations/${id(invitation)}`)),
}

export const program = {
  asks: (query: string) => call<Asked | { redirect: string }>('POST', 'api/v1/oauth/request', { query }),
  decide: (query: string, allow: boolean) => call<{ redirect: string }>('POST', 'api/v1/oauth/decision', { query, allow }),
}

export const own = {
  tokens: async () => (await call<{ tokens: Token[] }>('GET', 'api/v1/auth/pat')).tokens,
  makeToken: (name: string, days: number) => call<Token & { token: string }>('POST', 'api/v1/auth/pat', { name, ttl_hours: days * 24 }),
  revokeToken: (jti: string) => done(send('DELETE', `api/v1/auth/pat/${id(jti)}`)),
  sessions: async () => (await call<{ sessions: OwnSession[] }>('GET', 'api/v1/auth/sessions')).sessions,
  endSession: (sid: string) => done(send('DELETE', `api/v1/auth/sessions/${id(sid)}`)),
  erase: (confirm: string) => done(send('DELETE', 'api/v1/me', { confirm })),
  mails: async () => (await call<{ mails: KeptMail[] }>('GET', 'api/v1/outbox')).mails,
}

/** Whether somebody may do what a capability names: a grant is it, or a stem of it with `.*`. */
export function may(whoami: Whoami, capability: string): boolean {
  return (whoami.capabilities ?? []).some((grant) => {
    const stem = grant.endsWith('.*') ? grant.slice(0, -2) : ''
    return grant === capability || (stem !== '' && (capability === stem || capability.startsWith(`${stem}.`)))
  })
}

/** Whether somebody may use developer sessions here: on a concierge they run on its own machine. */
export function mayShell(whoami: Whoami): boolean {
  return (whoami.mode === 'sovereign' || whoami.localOwner || whoami.orgId === 'home') && may(whoami, 'sandbox.session.list')
}
