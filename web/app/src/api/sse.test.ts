import { describe, expect, it } from 'vitest'
import { parser, type Message } from './sse'

const text =
  'id: 7\nevent: card\ndata: {"a":1}\n\n' +
  ': a comment\r\nevent: delta\r\ndata: one\r\ndata: two\r\n\r\n' +
  'data:no space\n\nevent: heartbeat\ndata: {}\n\nid: 8\n\n' +
  'data: é漢字\n\n'

const want: Message[] = [
  { event: 'card', data: '{"a":1}', id: '7' },
  { event: 'delta', data: 'one\ntwo', id: undefined },
  { event: 'message', data: 'no space', id: undefined },
  { event: 'heartbeat', data: '{}', id: undefined },
  { event: 'message', data: 'é漢字', id: undefined },
]

describe('parser', () => {
  it('reads the same messages however the text is cut', () => {
    for (let size = 1; size <= text.length; size++) {
      const got: Message[] = []
      const feed = parser((message) => got.push(message))
      for (let i = 0; i < text.length; i += size) feed(text.slice(i, i + size))
      expect(got).toEqual(want)
    }
  })

  it('keeps a message back until its empty line', () => {
    const got: Message[] = []
    const feed = parser((message) => got.push(message))
    feed('data: half\n')
    expect(got).toEqual([])
    feed('\n')
    expect(got).toHaveLength(1)
  })
})
