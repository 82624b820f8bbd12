import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { pause, Stream, type Connection } from './stream'

/** A server of one stream whose connections the test holds in its hands. */
function server() {
  const asked: (string | null)[] = []
  const bodies: ReadableStreamDefaultController<Uint8Array>[] = []
  const answers: number[] = []
  const fetch = ((_url: string, init: RequestInit) => {
    asked.push(new Headers(init.headers).get('Last-Event-ID'))
    const status = answers.shift() ?? 200
    if (status === 0) return Promise.reject(new TypeError('refused'))
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        bodies.push(controller)
        init.signal?.addEventListener('abort', () => controller.error(new Error('aborted')))
      },
    })
    return Promise.resolve(new Response(body, { status }))
  }) as typeof globalThis.fetch
  const send = (text: string): void => bodies.at(-1)?.enqueue(new TextEncoder().encode(text))
  const drop = (): void => bodies.at(-1)?.close()
  return { fetch, asked, answers, send, drop }
}

describe('Stream', () => {
  let stream: Stream | undefined
  const seen: string[] = []
  const states: Connection[] = []
  const open = (fetch: typeof globalThis.fetch): void => {
    stream = new Stream({
      url: 'http://test/stream',
      fetch,
      random: () => 1,
      silenceMs: 1000,
      onMessage: (m) => seen.push(`${m.event}:${m.data}`),
      onConnection: (c) => states.push(c),
    })
  }
  beforeEach(() => {
    vi.useFakeTimers()
    seen.length = 0
    states.length = 0
  })
  afterEach(() => {
    stream?.close()
    vi.useRealTimers()
  })
  const tick = (ms = 0): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)

  it('resumes so that an event of several messages is never half lost', async () => {
    const s = server()
    open(s.fetch)
    await tick()
    s.send('id: 4\ndata: a\n\ndata: b\n\n')
    await tick()
    s.drop()
    await tick(500)
    expect(s.asked).toEqual([null, '4'])
    expect(seen).toEqual(['message:a', 'message:b'])
    s.send('data: b\n\nid: 5\ndata: c\n\n')
    await tick()
    s.drop()
    await tick(1000)
    expect(s.asked).toEqual([null, '4', '5'])
    expect(states.slice(0, 5)).toEqual(['connecting', 'open', 'waiting', 'connecting', 'open'])
  })

  it('waits longer after each failure, and not after a success', async () => {
    const s = server()
    s.answers.push(0, 503, 0)
    open(s.fetch)
    await tick()
    expect(s.asked).toHaveLength(1)
    await tick(500)
    expect(s.asked).toHaveLength(2)
    await tick(500)
    expect(s.asked).toHaveLength(2)
    await tick(500)
    expect(s.asked).toHaveLength(3)
    await tick(2000)
    expect(s.asked).toHaveLength(4)
    expect(states.at(-1)).toBe('open')
    expect([0, 3, 20].map((n) => pause(n, 1))).toEqual([500, 4000, 15000])
    expect(pause(20, 0)).toBe(10500)
  })

  it('gives a silent connection up, and takes a heartbeat for life', async () => {
    const s = server()
    open(s.fetch)
    await tick(900)
    s.send('event: heartbeat\ndata: {}\n\n')
    await tick(900)
    expect(states.at(-1)).toBe('open')
    await tick(200)
    expect(states.at(-1)).toBe('waiting')
  })

  it('ends when nobody is signed in or there is no such conversation', async () => {
    for (const [status, state] of [[401, 'signed-out'], [404, 'gone']] as const) {
      const s = server()
      s.answers.push(status)
      states.length = 0
      open(s.fetch)
      await tick(60_000)
      expect(states).toEqual(['connecting', state])
      expect(s.asked).toHaveLength(1)
    }
  })

  it('tries at once when told, and says nothing after close', async () => {
    const s = server()
    s.answers.push(0, 0, 0, 0, 0)
    open(s.fetch)
    await tick(4000)
    const before = s.asked.length
    stream?.retry()
    await tick()
    expect(s.asked.length).toBe(before + 1)
    stream?.close()
    const said = states.length
    await tick(60_000)
    expect(states.length).toBe(said)
  })
})
