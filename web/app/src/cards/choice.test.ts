import { describe, expect, it } from 'vitest'
import { choicesOf, valuesOf } from './choice'

describe('valuesOf', () => {
  it('reads one value, a JSON list, and words with commas', () => {
    expect(valuesOf('fsn1')).toEqual(['fsn1'])
    expect(valuesOf('["a","b"]')).toEqual(['a', 'b'])
    expect(valuesOf('a, b')).toEqual(['a', 'b'])
    expect(valuesOf('[a')).toEqual(['[a'])
    expect(valuesOf('')).toEqual([])
  })
})

describe('choicesOf', () => {
  it('gives a yes-no question its two answers', () => {
    expect(choicesOf({ questionId: 'q', prompt: '?', type: 'yes-no' }).map((c) => c.value)).toEqual(['yes', 'no'])
    expect(choicesOf({ questionId: 'q', prompt: '?', type: 'text' })).toEqual([])
  })
})
