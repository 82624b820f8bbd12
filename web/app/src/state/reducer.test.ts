import { describe, expect, it } from 'vitest'
import type { Card, Draft, TurnEvent } from '../api/types'
import { empty, reduce, type Action, type ConversationState } from './reducer'

const human = (seq: number, turnId: string, text = 'hello', press?: TurnEvent['press']): Action => ({
  type: 'turn',
  turn: { seq, turnId, role: 'human', text, state: 'started', at: '2026-11-23T10:00:00.000Z', ...(press ? { press } : {}) },
})
const agent = (seq: number, turnId: string, text = 'answer', state: TurnEvent['state'] = 'finished'): Action => ({
  type: 'turn',
  turn: { seq, turnId, role: 'agent', text, state, at: '2026-11-23T10:00:01.000Z' },
})
const card = (seq: number, id: string, text = id, turnId?: string): Action => ({
  type: 'card',
  event: { seq, ...(turnId ? { turnId } : {}), card: { id, kind: 'notice', seq, text } satisfies Card },
})
const draft = (seq: number, orgName: string): Action => ({
  type: 'draft',
  draft: { id: 'c', spec: { orgName }, fields: {}, seq } as unknown as Draft,
})
const delta = (turnId: string, text: string): Action => ({ type: 'delta', delta: { turnId, text } })

const fold = (actions: Action[], from: ConversationState = empty): ConversationState => actions.reduce(reduce, from)

const story: Action[] = [
  agent(1, 't0', 'Welcome.'),
  draft(2, ''),
  human(3, 't1'),
  draft(4, 'Al Noor'),
  card(5, 'q1', 'Which?', 't1'),
  agent(6, 't1'),
  card(7, 'progress', '1 of 2'),
  card(9, 'progress', '2 of 2'),
]

describe('reduce', () => {
  it('puts a turn together from its two sides and its cards', () => {
    const state = fold(story)
    expect(state.entries.map((e) => [e.key, e.human?.text, e.agent?.text, e.cards])).toEqual([
      ['t0', undefined, 'Welcome.', []],
      ['t1', 'hello', 'answer', ['q1']],
      ['card:progress', undefined, undefined, ['progress']],
    ])
    expect(state.seq).toBe(9)
    expect(state.draft?.spec.orgName).toBe('Al Noor')
  })

  it('moves a plan that is made anew to the turn that asked for it', () => {
    const plan = (seq: number, turnId: string): Action => ({
      type: 'card',
      event: { seq, turnId, card: { id: 'plan-d', kind: 'plan', seq, text: `plan ${seq}` } satisfies Card },
    })
    const events = [human(1, 't1'), plan(2, 't1'), agent(3, 't1'), human(4, 't2'), plan(5, 't2'), agent(6, 't2')]
    const once = fold(events)
    expect(once.entries.map((e) => e.cards)).toEqual([[], ['plan-d']])
    expect(once.cards['plan-d']?.text).toBe('plan 5')
    for (let i = 0; i < events.length; i++) expect(fold(events.slice(i), once)).toEqual(once)
  })

  it('puts the press that approved before what it set off', () => {
    const shown = (seq: number, id: string, kind: string, data?: unknown): Action => ({
      type: 'card',
      event: { seq, card: { id, kind, seq, text: id, data } satisfies Card },
    })
    const approval = shown(1, 'approval-1', 'approval', { deploymentId: 'd' })
    const state = fold([
      approval,
      shown(2, 'progress-d', 'progress'),
      shown(2, 'flow-d', 'flow'),
      human(3, 't1', 'Approved', { cardId: 'approval-1', value: 'approve' }),
      agent(4, 't1'),
      human(5, 't2', 'Thanks'),
    ])
    expect(state.entries.map((e) => e.key)).toEqual(['card:approval-1', 't1', 'card:progress-d', 'card:flow-d', 't2'])
  })

  it('takes the newer state of a card, whatever message brought it', () => {
    const progress = (message: number, seq: number): Action => ({
      type: 'card',
      event: { seq: message, card: { id: 'progress-d', kind: 'progress', seq, text: 'progress' } satisfies Card },
    })
    expect(fold([progress(2, 20), progress(15, 15)]).cards['progress-d']?.seq).toBe(20)
  })

  it('is not changed by a replay of everything', () => {
    const once = fold(story)
    expect(fold(story, once)).toEqual(once)
  })

  it('is not changed by duplicates from any point on', () => {
    const once = fold(story)
    for (let i = 0; i < story.length; i++) {
      expect(fold(story.slice(i), once)).toEqual(once)
      expect(fold([...story.slice(0, i), ...story.slice(Math.max(0, i - 3))])).toEqual(once)
    }
  })

  it('replaces a card in its place and keeps where it was first seen', () => {
    const state = fold([...story, human(10, 't2'), card(11, 'q1', 'Which now?')])
    expect(state.cards.q1?.text).toBe('Which now?')
    expect(state.entries.find((e) => e.key === 't1')?.cards).toEqual(['q1'])
    expect(state.firstSeen.q1).toBe(5)
  })

  it('does not let an older card, draft or turn win', () => {
    const state = fold([...story, card(6, 'progress', 'old'), draft(3, 'old'), agent(5, 't1', 'old')])
    expect(state.cards.progress?.text).toBe('2 of 2')
    expect(state.draft?.spec.orgName).toBe('Al Noor')
    expect(state.entries[1]?.agent?.text).toBe('answer')
  })

  it('puts a card without a turn into the running one', () => {
    const state = fold([human(1, 't1'), card(2, 'plan'), agent(3, 't1')])
    expect(state.entries).toHaveLength(1)
    expect(state.entries[0]?.cards).toEqual(['plan'])
  })

  it('shows deltas until the turn, which replaces them, has finished', () => {
    let state = fold([human(1, 't1'), delta('t1', 'Hel'), delta('t1', 'lo')])
    expect(state.live).toEqual({ turnId: 't1', text: 'Hello' })
    expect(state.running).toEqual(['t1'])
    state = fold([agent(2, 't1', 'Hello.')], state)
    expect(state.live).toBeNull()
    expect(state.running).toEqual([])
    expect(fold([delta('t1', 'late')], state).live).toBeNull()
  })

  it('keeps what the person saw of a cancelled turn', () => {
    const state = fold([human(1, 't1'), delta('t1', 'Half of'), agent(2, 't1', 'Half of', 'cancelled')])
    expect(state.entries[0]?.agent).toMatchObject({ text: 'Half of', state: 'cancelled' })
    expect(state.live).toBeNull()
  })

  it('drops streamed text when the connection breaks, and keeps the rest', () => {
    let state = fold([{ type: 'connection', connection: 'open' }, human(1, 't1'), delta('t1', 'Hel')])
    state = fold([{ type: 'connection', connection: 'waiting' }, { type: 'connection', connection: 'open' }], state)
    expect(state.live).toBeNull()
    expect(state.running).toEqual(['t1'])
    state = fold([human(1, 't1'), agent(2, 't1')], state)
    expect(state.entries).toHaveLength(1)
    expect(state.running).toEqual([])
  })
})
