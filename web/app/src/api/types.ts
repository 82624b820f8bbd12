/** The shapes of the service's JSON that are not cards. Times are RFC 3339 UTC. */
import type { Card, CostLine, Money } from './card-types'

export type * from './card-types'

export type Cloud = 'simulated' | 'hetzner'

/** GET /api/v1/whoami. */
export interface Whoami {
  subject: string
  email: string
  localOwner: boolean
  cloud?: Cloud
  mode: 'concierge' | 'sovereign'
  fqdn?: string
  /** In the Organization, or guest for somebody who has not signed in. */
  role?: string
  /** The Organization that the caller acts in. */
  orgId?: string
  capabilities?: string[]
  /** Whether the caller may read the mails that this service does not send. */
  outbox?: boolean
  /** Whether this machine takes voice calls. */
  calls?: boolean
}

/** GET /api/v1/sovereign: what a new Sovereign's console shows. */
export interface Sovereign {
  fqdn: string
  orgName: string
  apps: SovereignApp[]
  simulated: boolean
}

export interface SovereignApp {
  slug: string
  name: string
  tagline?: string
  release?: string
  chart?: string
  version?: string
  state?: 'pending' | 'installing' | 'installed' | 'degraded' | 'failed'
  url: string
  /** The page that stands for an app that is simulated. */
  here?: string
}

/** GET /api/v1/app, at the address of a simulated app. */
export interface AppPage {
  app: SovereignApp
  fqdn: string
  console: string
}

/** One row of GET /api/v1/conversations. */
export interface ConversationSummary {
  id: string
  title?: string
  createdAt?: string
  updatedAt?: string
}

/** A call that was recorded. */
export interface Recording {
  id: string
  startedAt: string
  seconds: number
  running?: boolean
}

export type FieldSource = 'said' | 'accepted' | 'suggested' | 'default' | 'derived'

export interface DraftField {
  source: FieldSource
  why?: string
  at: string
}

export interface Violation {
  path: string
  rule?: string
  value?: string
  message: string
  suggestion?: string
}

export interface Region {
  provider: string
  cloudRegion: string
  controlPlaneSize: string
  workerSize: string
  /** 0 to 50. */
  workerCount: number
}

export interface Spec {
  orgName?: string
  orgEmail?: string
  orgIndustry?: string
  orgHeadquarters?: string
  orgSize?: number
  orgCompliance?: string[]
  sovereignFQDN?: string
  sovereignDomainMode?: string
  sovereignPoolDomain?: string
  sovereignSubdomain?: string
  provider?: string
  haEnabled?: boolean
  bcpTopology?: string
  marketplaceEnabled?: boolean
  regions?: Region[]
  sshPublicKey?: string
  apps?: string[] | null
  components?: string[] | null
}

/** The estimate of a draft: a cost by the price table, net of VAT. */
export interface Cost {
  hourly: Money
  monthly: Money
  lines: CostLine[]
  unknown?: string[]
  assumptions: string[]
  vatNote: string
  source: string
  pricesAsOf: string
  stale: boolean
}

export interface Sizing {
  memoryMiB: number
  cpuMillis: number
  workerSize: string
  workers: number
}

export interface Draft {
  id: string
  spec: Spec
  fields: Record<string, DraftField>
  secrets: string[] | null
  simulatedAccount: boolean
  missing: string[] | null
  violations: Violation[] | null
  sizing?: Sizing
  estimate?: Cost
  cloud: Cloud
  deploymentId?: string
  deploymentStatus?: string
  approvalState?: string
  approvalObject?: string
  seq: number
}

/** One change of PATCH /api/v1/drafts/{id}; a null value clears the field. */
export interface Change {
  field: string
  value: string | number | boolean | string[] | null
  source?: 'said' | 'accepted'
}

/** POST /api/v1/sshkey/generate. Nothing of it is kept by the service. */
export interface SSHKey {
  publicKey: string
  privateKey: string
  fingerprint: string
}

/** RFC 9457 problem+json. */
export interface Problem {
  type?: string
  /** What was wrong. */
  title?: string
  status: number
  /** What to do about it. */
  detail?: string
  code?: string
  path?: string
  violations?: Violation[]
  requestId?: string
}

export type TurnState = 'started' | 'finished' | 'cancelled' | 'interrupted' | 'failed'

/** The live stream's `turn`: one side of a turn. */
export interface TurnEvent {
  seq: number
  turnId: string
  role: 'human' | 'agent'
  text: string
  state: TurnState
  press?: { cardId: string; value: string }
  model?: string
  at: string
}

/** The live stream's `card`. */
export interface CardEvent {
  /** Where the card stands in the log; its own seq says how new it is. */
  seq: number
  turnId?: string
  card: Card
}

/** The live stream's `delta`: a piece of the running turn's text. */
export interface DeltaEvent {
  turnId: string
  text: string
}

/** Rows of GET /api/v1/catalogue/..., as far as the Draft panel needs them. */
export interface CatalogueOption {
  value: string
  label: string
  detail?: string
  unavailable?: string
}
