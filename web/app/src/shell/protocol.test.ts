import { describe, expect, it } from 'vitest'
import { decode, encode, pasted, pieces } from './protocol'

const buffer = (...parts: (string | number[])[]): ArrayBuffer =>
  Uint8Array.from(parts.flatMap((p) => (typeof p === 'string' ? [...new TextEncoder().encode(p)] : p))).buffer

describe('the frames of a session', () => {
  it('reads a snapshot', () => {
    const f = decode(buffer('S', [0, 0, 0, 0, 0, 0, 1, 2], [0, 80], [0, 24], 'paint'))
    expect(f).toEqual({ kind: 'snapshot', offset: 258, cols: 80, rows: 24, paint: new TextEncoder().encode('paint') })
  })
  it('reads data, a size, a title, a card and an exit', () => {
    expect(decode(buffer('D', [0, 0, 0, 0, 0, 0, 0, 9], 'x'))).toMatchObject({ kind: 'data', offset: 9 })
    expect(decode(buffer('Z', '{"cols":1,"rows":2,"owner":3,"watchers":[]}'))).toMatchObject({ kind: 'size', size: { owner: 3 } })
    expect(decode(buffer('T', '{"title":"✳"}'))).toEqual({ kind: 'title', title: '✳' })
    expect(decode(buffer('C', '{"id":"a"}'))).toEqual({ kind: 'card', card: { id: 'a' } })
    expect(decode(buffer('X', '{"code":7}'))).toEqual({ kind: 'exit', exit: { code: 7 } })
  })
  it('ignores what it does not know and throws on what is cut short', () => {
    expect(decode(buffer('?', 'x'))).toEqual({ kind: 'unknown' })
    expect(() => decode(buffer('S', [0, 0]))).toThrow()
  })
  it('writes acknowledgements that the service reads', () => {
    expect([...encode.ack(258)]).toEqual(['A'.charCodeAt(0), 0, 0, 0, 0, 0, 0, 1, 2])
    const ping = encode.ping(1.5)
    ping[0] = 'p'.charCodeAt(0)
    expect(decode(ping.buffer)).toEqual({ kind: 'pong', sent: 1.5 })
  })
})

describe('input', () => {
  it('cuts a long paste between characters', () => {
    const long = '🎉'.repeat(40000)
    const cut = pieces(long)
    expect(cut.length).toBeGreaterThan(1)
    expect(cut.join('')).toBe(long)
    for (const p of cut) expect(new TextDecoder().decode(new TextEncoder().encode(p))).toBe(p)
  })
  it('cannot end a bracketed paste from inside', () => {
    expect(pasted('a\nb\x1b[201~rm', true)).toBe('\x1b[200~a\rbrm\x1b[201~')
    expect(pasted('a\nb', false)).toBe('a\rb')
  })
})
