/** Pure questions about a conversation's state. */
import type {
  ApprovalData,
  Card,
  ChoiceData,
  CostData,
  Draft,
  FormData,
  ProgressData,
  Question,
  SecretData,
} from '../api/types'
import type { ConversationState } from './reducer'

const asking = new Set(['choice', 'form', 'secret'])

/** The questions that a card asks, if it asks any. */
export function questionsOf(card: Card): Question[] {
  switch (card.kind) {
    case 'choice':
      return present((card.data as ChoiceData | undefined)?.question)
    case 'secret':
      return present((card.data as SecretData | undefined)?.question)
    case 'form':
      return (card.data as FormData | undefined)?.questions ?? []
    default:
      return []
  }
}

const present = (question: Question | undefined): Question[] => (question ? [question] : [])

/** How an asking card stands: open, or closed with what was answered, if known. */
export type Asked = { open: true } | { open: false; answer: string | undefined }

/**
 * A question is open until it is pressed, asked anew, or answered in words:
 * then the draft's field is said or accepted and a human turn came after it.
 */
export function asked(state: ConversationState, card: Card): Asked {
  let answered = false
  const seen = state.firstSeen[card.id] ?? 0
  for (const { human } of state.entries) {
    if (human?.press?.cardId === card.id && human.state !== 'failed') {
      return { open: false, answer: human.press.value }
    }
    if (human && human.seq > seen) answered = true
  }
  const questions = questionsOf(card)
  if (answered && questions.length > 0 && questions.every((q) => known(state.draft, q))) {
    return { open: false, answer: undefined }
  }
  return lastAsking(state) === card.id ? { open: true } : { open: false, answer: undefined }
}

function known(draft: Draft | null, question: Question): boolean {
  if (!draft || !question.field) return false
  if (question.field === 'account') return !(draft.missing ?? []).includes('account')
  const source = draft.fields[question.field]?.source
  return source === 'said' || source === 'accepted'
}

function lastAsking(state: ConversationState): string | undefined {
  let last: string | undefined
  for (const entry of state.entries) {
    for (const id of entry.cards) {
      if (asking.has(state.cards[id]?.kind ?? '')) last = id
    }
  }
  return last
}

/** The approval that waits for the person, if there is one. */
export function pendingApproval(state: ConversationState): Card | undefined {
  return Object.values(state.cards).find(
    (c) => c.kind === 'approval' && (c.data as ApprovalData | undefined)?.state === 'pending',
  )
}

/** What a plan comes to, and whether the person has approved it. */
export interface Planned {
  approval: ApprovalData
  cost?: CostData
}

/** The plan that waits for the person or was approved by them, if there is one. */
export function planned(state: ConversationState): Planned | undefined {
  const cards = Object.values(state.cards)
  let newest: Card | undefined
  for (const card of cards) {
    if (card.kind === 'approval' && card.seq >= (newest?.seq ?? 0)) newest = card
  }
  const approval = newest?.data as ApprovalData | undefined
  if (!approval || !['pending', 'approved'].includes(approval.state)) return undefined
  // What was cancelled or removed is not paid for; the draft is about what may come.
  const status = newestProgress(state)
  if (status?.deploymentId === approval.deploymentId && ['cancelled', 'wiped'].includes(status.status)) return undefined
  const cost = cards.find(
    (c) => c.kind === 'cost' && (c.data as CostData | undefined)?.deploymentId === approval.deploymentId,
  )?.data as CostData | undefined
  return cost ? { approval, cost } : { approval }
}

/** The newest progress, if a deployment is or was under way. */
export function newestProgress(state: ConversationState): ProgressData | undefined {
  let newest: Card | undefined
  for (const card of Object.values(state.cards)) {
    if (card.kind === 'progress' && card.seq >= (newest?.seq ?? 0)) newest = card
  }
  return newest?.data as ProgressData | undefined
}

/** Cuts what can be read aloud off a growing text: whole sentences, then the rest. */
export function sentences(text: string): { whole: string; rest: string } {
  const end = /[.!?。؟…](?=\s)|\n/g
  let cut = 0
  for (let match = end.exec(text); match; match = end.exec(text)) cut = match.index + match[0].length
  return { whole: text.slice(0, cut), rest: text.slice(cut) }
}
