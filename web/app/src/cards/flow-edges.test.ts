import { describe, expect, it } from 'vitest'
import { needed, pathOf } from './flow-edges'

describe('needed', () => {
  const rel = (fromId: string, toId: string, type = 'finish-to-start') => ({ fromId, toId, type })
  const graph = (...relationships: ReturnType<typeof rel>[]) => ({
    flowId: 'f',
    status: 'running',
    nodes: ['a', 'b', 'c'].map((id) => ({ id, label: id, status: 'pending' })),
    relationships,
  })
  it('leaves out what follows from other edges, and what has no end', () => {
    const data = graph(rel('a', 'b'), rel('b', 'c'), rel('a', 'c'), rel('a', 'x'), rel('a', 'b', 'contains'))
    expect(needed(data)).toEqual([rel('a', 'b'), rel('b', 'c')])
  })
  it('ends on a cycle', () => {
    expect(needed(graph(rel('a', 'b'), rel('b', 'a')))).toHaveLength(2)
  })
  it('draws round corners', () => {
    expect(pathOf([{ x: 0, y: 0 }, { x: 20, y: 0 }, { x: 20, y: 20 }])).toBe('M0,0L14,0Q20,0 20,6L20,20')
    expect(pathOf([])).toBe('')
  })
})
