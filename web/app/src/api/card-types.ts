// Generated from conversation/card/schema.json. Do not edit: npm run types.

/**
 * ApprovalData is the data of a KindApproval card. The press's value is "approve" or
 * "decline". Where Destructive is set the value must be "approve:<SovereignFQDN typed
 * by the person>".
 */
export interface ApprovalData {
  deploymentId: string
  destructive: boolean
  /** ExpiresAt is an RFC 3339 time in UTC. */
  expiresAt: string
  monthly: Money
  /** Object is what is approved, in words for the button: "Create clinic.omani.works". */
  object: string
  question: Question
  simulated: boolean
  sovereignFQDN: string
  /** State is pending, approved, declined, expired or superseded. */
  state: string
}

/**
 * BashData is the data of a KindBash card: one command of a shell session, or of an
 * agent. The card of its end replaces the card of its start.
 */
export interface BashData {
  /** Command is the command line as it was typed. */
  command: string
  /** Dir is where it was typed. */
  dir?: string
  /** ExitCode is how it ended; -1 when its session ended first. */
  exitCode?: number
  /**
   * FullScreen is true when it used the whole screen, as an editor does; it has no
   * Output then.
   */
  fullScreen?: boolean
  /** Millis is how long it ran, in milliseconds. */
  millis?: number
  /** Output is what it printed, as plain text; of a long one the two ends. */
  output?: string
  refused?: boolean
  /** Running is true until it has ended. */
  running: boolean
  /** Skipped is how many bytes are missing between the two ends. */
  skipped?: number
  /** StartedAt is RFC 3339 in UTC with milliseconds. */
  startedAt: string
  /**
   * Waiting is true while it has not begun, as somebody has to allow it first, and
   * Refused when somebody did not.
   */
  waiting?: boolean
}

/** Card is one thing shown to a person. */
export interface Card {
  /** Data is the value of the kind's type in data.go. */
  data?: unknown
  /**
   * ID is unique in its conversation, deployment or session. A later card with the same
   * ID replaces this one.
   */
  id: string
  kind: Kind
  /**
   * Seq is the journal sequence of the event that showed the card; 0 before it is
   * journalled. It is the cursor of the live stream.
   */
  seq: number
  /** Speech is what is said aloud; empty means that Text's first line is. */
  speech?: string
  /** Text is the complete plain-text rendering, a few short lines. */
  text: string
  title?: string
}

/** Choice is one possible answer. */
export interface Choice {
  /** Detail is one line under the label. */
  detail?: string
  label: string
  /** Unavailable says why it cannot be chosen now; empty means that it can. */
  unavailable?: string
  value: string
}

/**
 * ChoiceData is the data of a KindChoice card: one question answered by a press. The
 * press's value is the choice's Value.
 */
export interface ChoiceData {
  question: Question
}

/** CostData is the data of a KindCost card. All amounts are net of VAT. */
export interface CostData {
  assumptions: string[]
  /** Before is the monthly cost of what exists now, where something does. */
  before?: Money
  deploymentId: string
  hourly: Money
  lines: CostLine[]
  monthly: Money
  /** PricesAsOf is an RFC 3339 date; Stale is true when it is over 30 days old. */
  pricesAsOf: string
  simulated: boolean
  /** Source is where the prices come from, e.g. "table 2026-09-29". */
  source: string
  stale: boolean
  /** StopsMeter says what ends the costs. */
  stopsMeter: string
  /** Unknown names the lines whose price is not known; they are not in the sum. */
  unknown?: string[]
  vatNote: string
}

/** CostLine is one priced line. */
export interface CostLine {
  label: string
  monthly: Money
  quantity: number
  /** UnitMonthly and Monthly have an empty Amount where the price is unknown. */
  unitMonthly: Money
}

/** DiffData is the data of a KindDiff card: a change of a file. */
export interface DiffData {
  /** Added and Removed count lines. */
  added: number
  /** Created is true for a file that was not there before. */
  created?: boolean
  /** Cut is true when the change is longer than what is shown of it. */
  cut?: boolean
  hunks: Hunk[]
  /** Path is the file, as the agent named it. */
  path: string
  /** Problem is why it failed. */
  problem?: string
  removed: number
  /** State is running until it was made, then made or failed. */
  state: string
}

/** Fact is one line of a summary. */
export interface Fact {
  /** Field is the Draft field behind it, where there is one. */
  field?: string
  label: string
  value: string
}

/**
 * FlowData is the data of a KindFlow card, in upstream's flow contract v1 with times in
 * milliseconds.
 */
export interface FlowData {
  flowId: string
  nodes: FlowNode[]
  relationships: Relationship[]
  status: string
}

/** FlowNode is one release. */
export interface FlowNode {
  endedAt?: number
  family?: string
  id: string
  label: string
  /** Message is the release's newest word, if any. */
  message?: string
  startedAt?: number
  /** pending, running, succeeded, failed */
  status: string
}

/**
 * FormData is the data of a KindForm card: one or more questions answered together. The
 * press's value is a JSON object from field to text.
 */
export interface FormData {
  questions: Question[]
  submit: string
}

/** Hunk is a piece of a change in the unified format. */
export interface Hunk {
  /** Lines begin with a space, + or -. */
  lines: string[]
  newStart: number
  oldStart: number
}

/**
 * Kind says how a card's Data is to be read. A client that does not know a kind shows
 * Title and Text.
 */
export type Kind = 'text' | 'tool-call' | 'choice' | 'form' | 'secret' | 'plan' | 'cost' | 'approval' | 'progress' | 'flow' | 'link' | 'notice' | 'error' | 'diff' | 'bash' | 'preview-link' | 'permission' | 'todo' | 'image' | (string & {})

/** Link is one address. URL is absolute, or a path on this service. */
export interface Link {
  detail?: string
  label: string
  /** Primary is true for the one thing to do next. */
  primary?: boolean
  url: string
}

/** LinkData is the data of a KindLink card. */
export interface LinkData {
  links: Link[]
}

/**
 * Money is an exact amount. Amount is a decimal string; it is empty where the price is
 * unknown, which is shown as unknown and never as zero.
 */
export interface Money {
  amount: string
  currency: string
}

/** NoticeData is the data of KindNotice and KindError cards. */
export interface NoticeData {
  /**
   * Actions are what the person can press, none where there is nothing to do. The
   * press's value is the choice's Value.
   */
  actions?: Choice[]
  /** DeploymentID is the deployment that the notice is about, where it is. */
  deploymentId?: string
  /** Level is info, warning or error. */
  level: string
  /** Violations are listed where the notice is about input. */
  violations?: NoticeViolation[]
}

/** NoticeViolation is a broken rule, as shown. */
export interface NoticeViolation {
  message: string
  path: string
  suggestion?: string
}

/**
 * PermissionData is the data of a KindPermission card: an agent asks whether it may do
 * something. It can be answered here or in the terminal; the first answer counts.
 */
export interface PermissionData {
  /** By is where it was answered: here or terminal. */
  by?: string
  /** Detail is what it wants to do with it: a command, or a path. */
  detail: string
  /** Hunks are the change that it wants to make, if it is one. */
  hunks?: Hunk[]
  /** State is waiting, then allowed, denied, or gone when nobody waits any more. */
  state: string
  /** Tool is what the agent wants to use, in its own words. */
  tool: string
}

/** Phase is one step of a deployment. */
export interface Phase {
  /** Detail is the newest line of the phase. */
  detail?: string
  /** Done and Total count the phase's parts; Total 0 means that it has none. */
  done: number
  finishedAt?: string
  id: string
  label: string
  /** StartedAt and FinishedAt are RFC 3339, or empty. */
  startedAt?: string
  /** State is pending, running, succeeded, failed or cancelled. */
  state: string
  total: number
  /** TypicalSeconds is how long it usually takes; 0 where that is not known. */
  typicalSeconds?: number
}

/** PlanChange is one resource of a plan. */
export interface PlanChange {
  /** Action is create, update, delete, replace or read. */
  action: string
  address: string
  /** Group is a heading in plain words: Servers, Network, Access. */
  group: string
  /** Label is the resource in plain words, e.g. "Worker 1 (cpx32)". */
  label: string
}

/** PlanData is the data of a KindPlan card. */
export interface PlanData {
  add: number
  /** Advisories are warnings that do not stop the plan. */
  advisories?: string[]
  change: number
  /** Changes are the resources, grouped by Group. */
  changes: PlanChange[]
  deploymentId: string
  destroy: number
  /** Digest is the SHA-256 of the saved plan and its tfvars, 64 hex characters. */
  digest: string
  /** Facts are the plan in plain words: label and value, in reading order. */
  facts: Fact[]
  replace: number
  /** Simulated is true where no real cloud is touched. */
  simulated: boolean
  sovereignFQDN: string
}

/**
 * PreviewLinkData is the data of a KindPreviewLink card: a port of the session is
 * listened on, and may be looked at.
 */
export interface PreviewLinkData {
  /** Port is 1 to 65535. */
  port: number
  /** State is open or closed. */
  state: string
}

/**
 * ProgressData is the data of a KindProgress card: named phases, never a made up
 * percentage.
 */
export interface ProgressData {
  /** Cancellable is true while a cancel would still do something. */
  cancellable: boolean
  deploymentId: string
  phases: Phase[]
  /** Simulated is true where no real cloud is touched. */
  simulated: boolean
  /** Status is upstream's deployment status. */
  status: string
}

/** Question is what is being asked, as data. */
export interface Question {
  choices?: Choice[]
  /**
   * Field is the Draft field that the answer sets, as a JSON path of upstream's
   * request, e.g. "orgEmail" or "regions[0].cloudRegion".
   */
  field?: string
  optional?: boolean
  /** Prompt is the question as a person reads it. */
  prompt: string
  /** ID is unique in the conversation. */
  questionId: string
  /** Suggested is the value proposed, if any; Why says why, in a few words. */
  suggested?: string
  type: QuestionType
  why?: string
}

/** QuestionType is the type of an answer. */
export type QuestionType = 'text' | 'choice' | 'choices' | 'number' | 'email' | 'domain' | 'yes-no' | 'consent' | 'secret'

/** Relationship is an edge: ToID starts when FromID finishes. */
export interface Relationship {
  fromId: string
  toId: string
  type: string
}

/**
 * SecretData is the data of a KindSecret card: a form whose values go to the vault by
 * POST /api/v1/secrets. When all are stored the client presses the card with the value
 * "stored"; "simulated" uses the simulated account.
 */
export interface SecretData {
  fields: SecretField[]
  question: Question
  /** SimulatedAccount is true where the button "Use the simulated account" is offered. */
  simulatedAccount: boolean
}

/** SecretField is one value that the vault takes. */
export interface SecretField {
  /**
   * Generate is true where the service can make the value (an SSH key) and lets the
   * person download the private part once.
   */
  generate?: boolean
  /** HelpURL leads to the provider's page where the value is made. */
  helpURL?: string
  hint?: string
  label: string
  /** Masked is false for values that are not secret, such as a public key. */
  masked: boolean
  maxLength?: number
  /** MinLength and MaxLength are in characters; 0 means no limit. */
  minLength?: number
  /**
   * Purpose is the vault's name for it: hetzner-token, object-storage-access-key,
   * object-storage-secret-key, ssh-public-key, hetzner-project-id.
   */
  purpose: string
}

/**
 * TextData is the data of a KindText card of a session, where it says who speaks. Cards
 * of conversations have none.
 */
export interface TextData {
  /** From is person or agent. */
  from: string
  /** Streaming is true while more of it is to come. */
  streaming?: boolean
}

/** TodoData is the data of a KindTodo card: the agent's plan. */
export interface TodoData {
  items: TodoItem[]
}

/** TodoItem is one step of the plan. */
export interface TodoItem {
  /** State is pending, active or done. */
  state: string
  text: string
}

/**
 * ToolCallData is the data of a KindToolCall card: what the agent does, in words a
 * person reads.
 */
export interface ToolCallData {
  /** State is running, succeeded or failed. */
  state: string
  tool: string
}
