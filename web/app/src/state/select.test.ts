import { describe, expect, it } from 'vitest'
import type { Card, Draft } from '../api/types'
import { empty, reduce, type Action, type ConversationState } from './reducer'
import { asked, ordered, sentences } from './select'

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

describe('sentences', () => {
  it('cuts after whole sentences only', () => {
    expect(sentences('One. Two is 1.5 long. Thr')).toEqual({ whole: 'One. Two is 1.5 long.', rest: ' Thr' })
    expect(sentences('Not yet')).toEqual({ whole: '', rest: 'Not yet' })
    expect(sentences('هل هذا صحيح؟ نعم')).toEqual({ whole: 'هل هذا صحيح؟', rest: ' نعم' })
  })
})

describe('ordered', () => {
  const at = (n: number): string => `2026-11-23T10:00:0${n}.000Z`
  const turn = (seq: number, turnId: string, role: 'human' | 'agent', n: number): Action => ({
    type: 'turn',
    turn: { seq, turnId, role, text: turnId, state: 'finished', at: at(n) },
  })
  const shown = (message: number, seq: number, id: string, kind: string, data?: unknown): Action => ({
    type: 'card',
    event: { seq: message, card: { id, kind, seq, text: id, data } },
  })
  const progress = (message: number, seq: number): Action =>
    shown(message, seq, 'progress-d1', 'progress', {
      phases: [
        { id: 'a', startedAt: at(5), finishedAt: at(6) },
        { id: 'b', startedAt: at(6), finishedAt: at(8) },
      ],
    })
  const flow = (message: number, seq: number): Action => shown(message, seq, 'flow-d1', 'flow')
  const ready = (message: number, seq: number): Action => shown(message, seq, 'ready-d1', 'link')
  const plan = [turn(1, 't1', 'human', 1), shown(3, 3, 'plan-d1', 'plan'), turn(4, 't1', 'agent', 2)]
  const approve = [turn(5, 't2', 'human', 4), turn(8, 't2', 'agent', 5)]
  const chat = [turn(9, 't3', 'human', 7), turn(10, 't3', 'agent', 7)]

  it('reads the same live and replayed', () => {
    const live = fold(...plan, ...approve, progress(8, 8), flow(8, 8), ...chat, progress(20, 20), ready(20, 20))
    const replayed = fold(plan[0]!, progress(2, 20), flow(2, 20), ready(2, 20), plan[1]!, plan[2]!, ...approve, ...chat)
    const shape = (state: ConversationState) => ordered(state).map((e) => [e.human?.text ?? '', e.cards])
    const want = [
      ['t1', ['plan-d1']],
      ['t2', []],
      ['', ['progress-d1', 'flow-d1']],
      ['t3', []],
      ['', ['ready-d1']],
    ]
    expect(shape(live)).toEqual(want)
    expect(shape(replayed)).toEqual(want)
  })

  it('takes the newer state of a card, whatever message brought it', () => {
    const state = fold(progress(2, 20), progress(15, 15))
    expect(state.cards['progress-d1']?.seq).toBe(20)
  })
})
