import { describe, expect, it } from 'vitest'
import { plural } from '../messages'
import { duration, money } from './format'

describe('money', () => {
  it('is exact and never shows an unknown price as zero', () => {
    expect(money({ amount: '106.95', currency: 'EUR' })).toBe('€106.95')
    expect(money({ amount: '0.1671', currency: 'EUR' }, 4)).toBe('€0.1671')
    expect(money({ amount: '9007199254740993.01', currency: 'EUR' })).toBe('€9,007,199,254,740,993.01')
    expect(money({ amount: '', currency: 'EUR' })).toBe('not known')
  })
})

describe('duration', () => {
  it('is exact below an hour and short above', () => {
    expect([0, 4400, 60_000, 65_000, 3_720_000].map(duration)).toEqual(['0 s', '4 s', '1 min', '1 min 05 s', '1 h 2 min'])
    expect(duration(-5)).toBe('0 s')
  })
})

describe('plural', () => {
  it('chooses the form by number', () => {
    expect([1, 3].map((n) => plural('draft.missing', n))).toEqual(['1 answer to go', '3 answers to go'])
  })
})
