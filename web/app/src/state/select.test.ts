import { describe, expect, it } from 'vitest'
import type { Card, Draft } from '../api/types'
import { empty, reduce, type Action, type ConversationState } from './reducer'
import { asked, planned, sentences } from './select'

const question = (seq: number, id: string, field: string): Action => ({
  type: 'card',
  event: {
    seq,
    card: { id, kind: 'choice', seq, text: id, data: { question: { questionId: id, field, prompt: id, type: 'choice' } } },
  },
})
const human = (seq: number, turnId: string, press?: { cardId: string; value: string }): Action => ({
  type: 'turn',
  turn: { seq, turnId, role: 'human', text: 'words', state: 'started', at: '', ...(press ? { press } : {}) },
})
const draft = (seq: number, field: string): Action => ({
  type: 'draft',
  draft: { id: 'c', spec: {}, fields: { [field]: { source: 'said', at: '' } }, seq } as unknown as Draft,
})
const fold = (...actions: Action[]): ConversationState => actions.reduce(reduce, empty)
const of = (state: ConversationState, id: string): Card => state.cards[id] as Card

describe('asked', () => {
  it('is open until it is pressed, and then says what was pressed', () => {
    const open = fold(question(1, 'q1', 'region'))
    expect(asked(open, of(open, 'q1'))).toEqual({ open: true })
    const pressed = fold(question(1, 'q1', 'region'), human(2, 't1', { cardId: 'q1', value: 'fsn1' }))
    expect(asked(pressed, of(pressed, 'q1'))).toEqual({ open: false, answer: 'fsn1' })
  })

  it('closes when something else is asked', () => {
    const state = fold(question(1, 'q1', 'region'), question(2, 'q2', 'apps'))
    expect(asked(state, of(state, 'q1')).open).toBe(false)
    expect(asked(state, of(state, 'q2')).open).toBe(true)
  })

  it('closes when it was answered in words, and not before', () => {
    const before = fold(draft(1, 'region'), question(2, 'q1', 'region'))
    expect(asked(before, of(before, 'q1')).open).toBe(true)
    const why = fold(question(2, 'q1', 'region'), human(3, 't1'))
    expect(asked(why, of(why, 'q1')).open).toBe(true)
    const answered = fold(question(2, 'q1', 'region'), human(3, 't1'), draft(4, 'region'))
    expect(asked(answered, of(answered, 'q1')).open).toBe(false)
  })
})

describe('planned', () => {
  const card = (seq: number, id: string, kind: string, data: object): Action => ({
    type: 'card',
    event: { seq, card: { id, kind, seq, text: id, data } as Card },
  })
  const approval = (seq: number, deploymentId: string, state: string): Action =>
    card(seq, `approval-${deploymentId}`, 'approval', { deploymentId, state, monthly: { amount: '99.46', currency: 'EUR' } })
  const cost = (seq: number, deploymentId: string): Action => card(seq, `cost-${deploymentId}`, 'cost', { deploymentId, lines: [] })

  it('is the plan that waits or was approved, with its own cost', () => {
    expect(planned(fold())).toBeUndefined()
    const waiting = planned(fold(cost(1, 'a'), approval(2, 'a', 'pending')))
    expect(waiting?.approval.state).toBe('pending')
    expect(waiting?.cost?.deploymentId).toBe('a')
    expect(planned(fold(approval(1, 'a', 'pending'), approval(2, 'a', 'approved')))?.approval.state).toBe('approved')
  })

  it('is none when the newest was not approved, or what it made is gone', () => {
    expect(planned(fold(approval(1, 'a', 'approved'), approval(2, 'b', 'superseded')))).toBeUndefined()
    const gone = card(3, 'progress', 'progress', { deploymentId: 'a', status: 'wiped', phases: [] })
    expect(planned(fold(approval(1, 'a', 'approved'), gone))).toBeUndefined()
    expect(planned(fold(approval(1, 'a', 'approved'), gone, approval(4, 'b', 'pending')))?.approval.deploymentId).toBe('b')
  })
})

describe('sentences', () => {
  it('cuts after whole sentences only', () => {
    expect(sentences('One. Two is 1.5 long. Thr')).toEqual({ whole: 'One. Two is 1.5 long.', rest: ' Thr' })
    expect(sentences('Not yet')).toEqual({ whole: '', rest: 'Not yet' })
    expect(sentences('هل هذا صحيح؟ نعم')).toEqual({ whole: 'هل هذا صحيح؟', rest: ' نعم' })
  })
})
