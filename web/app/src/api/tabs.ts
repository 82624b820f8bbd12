import type { Message } from './sse'
import { Stream, type Connection, type StreamOptions } from './stream'

/** The part of `navigator.locks` that is used here. */
export interface Locks {
  request(name: string, options: { signal?: AbortSignal; steal?: boolean }, held: () => Promise<void>): Promise<unknown>
}

/** The part of `BroadcastChannel` that is used here. */
export interface Channel {
  onmessage: ((event: MessageEvent) => void) | null
  postMessage(word: unknown): void
  close(): void
}

export interface TabStreamOptions extends StreamOptions {
  /** undefined where the browser has none: then each tab has its own stream. */
  locks?: Locks | undefined
  channel?: (name: string) => Channel
}

/** What the tabs say to each other about one stream. */
type Word =
  | { kind: 'message'; message: Message }
  | { kind: 'connection'; connection: Connection }
  /** How far the teller is. */
  | { kind: 'at'; cursor: string; connection: Connection }
  | { kind: 'ask' }
  | { kind: 'retry' }

/**
 * A `Stream` that the tabs of a browser share: one of them, the teller, is connected
 * and tells the others. A browser has six connections to a server, and a seventh
 * tab would get nothing at all.
 *
 * A tab that comes later reads by itself until it is where the teller is, and then
 * listens, so nobody keeps a history for it. The teller holds a Web Lock; when its
 * tab goes, the next in the queue goes on from where it is. A teller that says
 * nothing, as its tab is frozen, is replaced.
 */
export class TabStream {
  readonly #options: TabStreamOptions
  readonly #name: string
  #channel: Channel | undefined
  #own: Stream | undefined
  #cursor = ''
  /** False in the midst of an event of several messages. */
  #whole = true
  #connection: Connection | undefined
  #telling = false
  #closed = false
  #queued = new AbortController()
  #release: (() => void) | undefined
  #silence: ReturnType<typeof setTimeout> | undefined

  constructor(options: TabStreamOptions) {
    this.#options = options
    this.#name = `stream ${options.url}`
    const locks = 'locks' in options ? options.locks : globalThis.navigator?.locks
    this.#connect()
    if (!locks || !('BroadcastChannel' in globalThis)) return
    const open = options.channel ?? ((name) => new BroadcastChannel(name))
    this.#channel = open(this.#name)
    this.#channel.onmessage = (event) => this.#hear(event.data as Word, locks)
    void this.#queue(locks, {})
  }

  /** Ends this tab's part in the stream; nothing is reported afterwards. */
  close(): void {
    this.#closed = true
    this.#own?.close()
    this.#own = undefined
    clearTimeout(this.#silence)
    this.#queued.abort()
    this.#release?.()
    this.#channel?.close()
    this.#channel = undefined
  }

  /** Tries at once, e.g. when the browser says that it is online again. */
  retry(): void {
    if (this.#own) this.#own.retry()
    else this.#say({ kind: 'retry' })
  }

  async #queue(locks: Locks, how: { steal?: boolean }): Promise<void> {
    const queued = (this.#queued = new AbortController())
    try {
      await locks.request(this.#name, how.steal ? how : { signal: queued.signal }, () => {
        if (this.#closed) return Promise.resolve()
        this.#tell()
        return new Promise((resolve) => (this.#release = resolve))
      })
    } catch {
      // It was given up, or another tab took it.
      if (this.#closed || queued.signal.aborted) return
      this.#telling = false
      void this.#queue(locks, {})
      this.#say({ kind: 'ask' })
    }
  }

  #tell(): void {
    this.#telling = true
    clearTimeout(this.#silence)
    if (!this.#own) this.#connect()
    this.#answer()
  }

  #answer(): void {
    if (this.#whole) this.#say({ kind: 'at', cursor: this.#cursor, connection: this.#connection ?? 'connecting' })
  }

  #connect(): void {
    this.#whole = true
    this.#own = new Stream({
      ...this.#options,
      cursor: this.#cursor,
      onMessage: (message) => {
        this.#take(message)
        if (this.#telling) this.#say({ kind: 'message', message })
        else if (message.id !== undefined) this.#say({ kind: 'ask' })
      },
      onConnection: (connection) => {
        if (this.#telling) this.#say({ kind: 'connection', connection })
        this.#report(connection)
      },
    })
  }

  #hear(word: Word, locks: Locks): void {
    if (this.#telling) {
      if (word.kind === 'ask') this.#answer()
      if (word.kind === 'retry') this.#own?.retry()
      return
    }
    if (word.kind === 'ask' || word.kind === 'retry') return
    if (this.#own) {
      const at = word.kind === 'at' ? word.cursor : word.kind === 'message' ? word.message.id : undefined
      if (at === undefined || !this.#whole || Number(this.#cursor) < Number(at)) return
      this.#own.close()
      this.#own = undefined
    } else if (word.kind === 'at' && Number(this.#cursor) < Number(word.cursor)) {
      // Something was missed: it is read up by this tab itself.
      clearTimeout(this.#silence)
      this.#connect()
      return
    } else if (word.kind === 'message') this.#take(word.message)
    if (word.kind !== 'message') this.#report(word.connection)
    if (this.#closed) return
    clearTimeout(this.#silence)
    this.#silence = setTimeout(() => {
      this.#queued.abort()
      void this.#queue(locks, { steal: true })
    }, this.#options.silenceMs ?? 40_000)
  }

  #take(message: Message): void {
    if (this.#closed) return
    if (message.id !== undefined) this.#cursor = message.id
    this.#whole = message.id !== undefined || (this.#whole && (message.event === 'delta' || message.event === 'heartbeat'))
    this.#options.onMessage(message)
  }

  /** Reports a change; one that trying again cannot help ends this tab's part. */
  #report(connection: Connection): void {
    if (this.#closed || connection === this.#connection) return
    this.#connection = connection
    this.#options.onConnection(connection)
    if (connection === 'signed-out' || connection === 'gone') this.close()
  }

  #say(word: Word): void {
    this.#channel?.postMessage(word)
  }
}
