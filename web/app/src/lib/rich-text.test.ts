import { describe, expect, it } from 'vitest'
import { blocks } from './rich-text'

describe('blocks', () => {
  it('tells paragraphs from lists', () => {
    expect(blocks('One\ntwo\n\n- a\n- b\n1. c').map((b) => [b.kind, b.lines])).toEqual([
      ['p', ['One', 'two']],
      ['ul', ['a', 'b']],
      ['ol', ['c']],
    ])
  })
})
