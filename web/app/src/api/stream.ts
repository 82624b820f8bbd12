import { parser, type Message } from './sse'

/** How the connection is: `waiting` is a pause before the next attempt. */
export type Connection = 'connecting' | 'open' | 'waiting' | 'signed-out' | 'gone'

export interface StreamOptions {
  url: string
  onMessage: (message: Message) => void
  onConnection: (state: Connection) => void
  /** The id of the last message that is known; '' reads from the start. */
  cursor?: string
  /** Silence after which the connection is given up; heartbeats come each 15 s. */
  silenceMs?: number
  fetch?: typeof fetch
  /** Between 0 and 1; spreads the attempts of many clients. */
  random?: () => number
}

const firstWait = 500
const longestWait = 15_000

/** The pause before attempt n (0 is the first retry), with up to 30 % of spread. */
export function pause(attempt: number, random: number): number {
  const base = Math.min(longestWait, firstWait * 2 ** attempt)
  return Math.round(base * (0.7 + 0.3 * random))
}

/**
 * Follows a live stream until `close`: connects, resumes after a break with
 * Last-Event-ID, gives a silent connection up, and waits longer after each
 * failure. A 401 or 404 ends it, as trying again cannot help.
 *
 * Of the messages of one event the last one carries the id: after a break in
 * their midst the event is sent again rather than half of it lost. Readers take
 * duplicates by their seq.
 */
export class Stream {
  readonly #options: StreamOptions
  #cursor: string
  #attempt = 0
  #closed = false
  #abort: AbortController | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #wake: (() => void) | undefined

  constructor(options: StreamOptions) {
    this.#options = options
    this.#cursor = options.cursor ?? ''
    void this.#run()
  }

  /** Ends the stream; nothing is reported afterwards. */
  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#abort?.abort()
    this.#wake?.()
  }

  /** Tries at once, e.g. when the browser says that it is online again. */
  retry(): void {
    this.#attempt = 0
    this.#wake?.()
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      this.#report('connecting')
      const end = await this.#connect()
      if (this.#closed) return
      if (end === 'signed-out' || end === 'gone') return this.#report(end)
      this.#report('waiting')
      const ms = pause(this.#attempt++, (this.#options.random ?? Math.random)())
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        this.#timer = setTimeout(resolve, ms)
      })
      clearTimeout(this.#timer)
      this.#wake = undefined
    }
  }

  async #connect(): Promise<'signed-out' | 'gone' | 'broken'> {
    const abort = new AbortController()
    this.#abort = abort
    let watchdog: ReturnType<typeof setTimeout> | undefined
    const alive = (): void => {
      clearTimeout(watchdog)
      watchdog = setTimeout(() => abort.abort(), this.#options.silenceMs ?? 40_000)
    }
    try {
      alive()
      const headers: Record<string, string> = { Accept: 'text/event-stream' }
      if (this.#cursor) headers['Last-Event-ID'] = this.#cursor
      const response = await (this.#options.fetch ?? fetch)(this.#options.url, {
        headers,
        credentials: 'same-origin',
        cache: 'no-store',
        signal: abort.signal,
      })
      if (response.status === 401) return 'signed-out'
      if (response.status === 403 || response.status === 404) return 'gone'
      if (!response.ok || !response.body) return 'broken'
      this.#report('open')
      const parse = parser((message) => this.#take(message))
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
      for (;;) {
        const { done, value } = await reader.read()
        if (done) return 'broken'
        alive()
        this.#attempt = 0
        parse(value)
      }
    } catch {
      return 'broken'
    } finally {
      clearTimeout(watchdog)
    }
  }

  #take(message: Message): void {
    if (this.#closed) return
    this.#options.onMessage(message)
    if (message.id !== undefined) this.#cursor = message.id
  }

  #report(state: Connection): void {
    if (!this.#closed) this.#options.onConnection(state)
  }
}
