import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Connection } from './stream'
import { TabStream, type Channel, type Locks } from './tabs'

/** A browser: one lock, one channel, and the connections of its tabs to a server. */
function browser() {
  let holder: ((reason: Error) => void) | undefined
  const waiting: (() => void)[] = []
  const locks: Locks = {
    request(_name, { signal, steal }, held) {
      return new Promise((resolve, reject) => {
        const hold = (): void => {
          if (signal?.aborted) return next()
          holder = reject
          void held().then((value) => {
            resolve(value)
            if (holder === reject) next()
          })
        }
        const next = (): void => {
          holder = undefined
          waiting.shift()?.()
        }
        signal?.addEventListener('abort', () => reject(new DOMException('given up', 'AbortError')))
        if (steal) holder?.(new DOMException('stolen', 'AbortError'))
        if (steal || !holder) hold()
        else waiting.push(hold)
      })
    },
  }
  const channels = new Set<Channel>()
  const channelOf = (tab: Tab): Channel => {
    const made: Channel = {
      onmessage: null,
      postMessage: (word) => {
        if (tab.frozen) return
        for (const other of channels) if (other !== made) queueMicrotask(() => channels.has(other) && other.onmessage?.({ data: structuredClone(word) } as MessageEvent))
      },
      close: () => channels.delete(made),
    }
    channels.add(made)
    return made
  }
  const tabs: Tab[] = []
  class Tab {
    readonly seen: string[] = []
    readonly states: Connection[] = []
    readonly asked: (string | null)[] = []
    readonly bodies: ReadableStreamDefaultController<Uint8Array>[] = []
    status = 200
    connected = false
    /** A frozen tab tells nothing. */
    frozen = false
    readonly #stream: TabStream
    constructor() {
      tabs.push(this)
      this.#stream = new TabStream({
        url: 'http://test/stream',
        locks,
        channel: () => channelOf(this),
        random: () => 1,
        silenceMs: 1000,
        onMessage: (m) => this.seen.push(m.data),
        onConnection: (c) => this.states.push(c),
        fetch: (_url, init) => {
          this.asked.push(new Headers(init?.headers).get('Last-Event-ID'))
          this.connected = this.status === 200
          const body = new ReadableStream<Uint8Array>({
            start: (controller) => {
              this.bodies.push(controller)
              init?.signal?.addEventListener('abort', () => {
                this.connected = false
                controller.error(new Error('aborted'))
              })
            },
          })
          return Promise.resolve(new Response(body, { status: this.status }))
        },
      })
    }
    send(text: string): void {
      this.bodies.at(-1)?.enqueue(new TextEncoder().encode(text))
    }
    close(): void {
      this.#stream.close()
    }
  }
  return { open: () => new Tab(), tabs }
}

describe('TabStream', () => {
  let b = browser()
  beforeEach(() => {
    vi.useFakeTimers()
    b = browser()
  })
  afterEach(() => {
    for (const tab of b.tabs) tab.close()
    vi.useRealTimers()
  })
  const tick = (ms = 0): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)

  /** Two tabs of one conversation, the second behind the first. */
  async function two() {
    const first = b.open()
    await tick()
    first.send('id: 4\ndata: a\n\n')
    await tick()
    const second = b.open()
    await tick()
    return { first, second }
  }

  it('lets a second tab read what has been, and then listen to the first', async () => {
    const { first, second } = await two()
    expect(second.connected).toBe(true)
    second.send('data: a\n\n')
    await tick()
    expect(second.connected).toBe(true)
    second.send('id: 4\ndata: end\n\n')
    await tick()
    expect([first.connected, second.connected]).toEqual([true, false])
    first.send('data: b\n\nid: 5\ndata: c\n\n')
    await tick()
    expect(second.seen).toEqual(['a', 'end', 'b', 'c'])
    expect(second.states).toEqual(['connecting', 'open'])
  })

  it('does not begin to listen in the midst of an event', async () => {
    const { first, second } = await two()
    first.send('data: half\n\n')
    await tick()
    second.send('id: 4\ndata: a\n\n')
    await tick()
    expect(second.connected).toBe(true)
    first.send('id: 5\ndata: whole\n\n')
    await tick()
    expect(second.connected).toBe(true)
    second.send('data: half\n\nid: 5\ndata: whole\n\n')
    await tick()
    expect(second.connected).toBe(false)
    expect(second.seen).toEqual(['a', 'half', 'whole'])
  })

  it('goes on from where it is when the tab that told it closes', async () => {
    const { first, second } = await two()
    second.send('id: 4\ndata: a\n\n')
    await tick()
    first.send('id: 7\ndata: b\n\n')
    await tick()
    first.close()
    await tick()
    expect(second.asked).toEqual([null, '7'])
    second.send('id: 8\ndata: c\n\n')
    await tick()
    expect(second.seen).toEqual(['a', 'b', 'c'])
  })

  it('takes over from a tab that is frozen, which listens when it wakes up', async () => {
    const { first, second } = await two()
    second.send('id: 4\ndata: a\n\n')
    await tick(900)
    first.send('event: heartbeat\ndata: {}\n\n')
    await tick()
    first.frozen = true
    await tick(900)
    expect(second.connected).toBe(false)
    first.send('event: heartbeat\ndata: {}\n\n')
    await tick(200)
    expect(second.connected).toBe(true)
    first.frozen = false
    await tick()
    expect([first.connected, second.connected]).toEqual([false, true])
    second.send('id: 5\ndata: b\n\n')
    await tick()
    expect(first.seen.at(-1)).toBe('b')
    expect(second.seen.filter((x) => x !== '{}')).toEqual(['a', 'b'])
  })

  it('tells every tab that nobody is signed in, and a new tab tries for itself', async () => {
    const { first, second } = await two()
    second.send('id: 4\ndata: a\n\n')
    await tick()
    first.status = 401
    first.bodies.at(-1)?.close()
    await tick(1000)
    expect(first.states.at(-1)).toBe('signed-out')
    expect(second.states.at(-1)).toBe('signed-out')
    expect(second.asked).toHaveLength(1)
    const third = b.open()
    await tick()
    expect(third.connected).toBe(true)
  })
})
