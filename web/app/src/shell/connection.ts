/** One client of a session: a WebSocket that comes back by itself. */
import { address } from '../api/client'
import { decode, encode, pieces, type Exit, type Hello, type Size } from './protocol'

export type Link = 'connecting' | 'live' | 'lost' | 'ended' | 'refused'

/** What happens on a connection. */
export interface Listener {
  link(state: Link): void
  hello(hello: Hello): void
  /** A picture of the whole screen. `painted` is called when it is shown. */
  snapshot(cols: number, rows: number, paint: Uint8Array, painted: () => void): void
  data(bytes: Uint8Array, painted: () => void): void
  size(size: Size): void
  title(title: string): void
  card(card: { id: string; seq: number }): void
  doing(state: string): void
  exit(exit: Exit): void
  latency(milliseconds: number): void
}

/** Output is acknowledged when so many bytes were painted. */
const ackEvery = 64 * 1024
const pingEvery = 5000

export class Connection {
  private socket: WebSocket | null = null
  private timer = 0
  private pinger = 0
  private tries = 0
  private closed = false
  private hello: Hello | null = null
  /** What is painted is of this run of the holder, up to this offset. */
  private epoch = ''
  private have = 0
  private since = 0
  private acked = 0
  private view = { cols: 0, rows: 0, visible: false }

  constructor(
    private readonly session: string,
    private readonly invitation: string,
    private readonly name: string,
    private readonly listener: Listener,
  ) {}

  /** Connects; comes back after every loss until close. */
  open(): void {
    if (this.closed) return
    window.clearTimeout(this.timer)
    this.listener.link(this.tries === 0 ? 'connecting' : 'lost')
    const url = new URL(address(`api/v1/sandbox/sessions/${encodeURIComponent(this.session)}/stream`))
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
    const query = { name: this.name, since: this.since, ...this.view, ...(this.epoch ? { epoch: this.epoch, have: this.have } : {}) }
    for (const [key, value] of Object.entries(query)) url.searchParams.set(key, String(value))
    if (this.invitation) url.searchParams.set('invitation', this.invitation)
    const socket = new WebSocket(url)
    socket.binaryType = 'arraybuffer'
    this.socket = socket
    let opened = false
    socket.onopen = () => {
      opened = true
    }
    socket.onmessage = (e: MessageEvent<ArrayBuffer>) => {
      if (socket === this.socket) this.receive(e.data)
    }
    socket.onclose = () => {
      if (socket === this.socket && !this.closed) void this.lost(opened)
    }
    window.clearInterval(this.pinger)
    this.pinger = window.setInterval(() => this.send(encode.ping(performance.now())), pingEvery)
  }

  /** Asks whether the session is still there: a refused upgrade does not say why. */
  private async lost(opened: boolean): Promise<void> {
    this.listener.link('lost')
    if (!opened) {
      const query = this.invitation ? `?invitation=${encodeURIComponent(this.invitation)}` : ''
      const answer = await fetch(address(`api/v1/sandbox/sessions/${encodeURIComponent(this.session)}${query}`), { cache: 'no-store' }).catch(() => null)
      if (answer && (answer.status === 401 || answer.status === 403 || answer.status === 404)) {
        this.close()
        this.listener.link('refused')
        return
      }
    }
    this.tries++
    this.timer = window.setTimeout(() => this.open(), Math.min(100 * 2 ** Math.min(this.tries, 5), 3000))
  }

  private receive(message: ArrayBuffer): void {
    const f = decode(message)
    switch (f.kind) {
      case 'hello':
        this.tries = 0
        this.hello = f.hello
        this.listener.hello(f.hello)
        this.listener.link('live')
        this.send(encode.ping(performance.now()))
        break
      case 'snapshot':
        // Only what was painted counts as had: a hello alone promises nothing.
        this.epoch = this.hello?.epoch ?? ''
        this.have = this.acked = f.offset
        this.listener.snapshot(f.cols, f.rows, f.paint, () => {})
        break
      case 'data': {
        if (f.offset !== this.have) {
          // A gap would show a wrong screen: begin again from a picture.
          this.epoch = ''
          this.socket?.close()
          return
        }
        this.have += f.bytes.length
        const upTo = this.have
        const socket = this.socket
        this.listener.data(f.bytes, () => {
          if (socket === this.socket && upTo - this.acked >= ackEvery) {
            this.acked = upTo
            this.send(encode.ack(upTo))
          }
        })
        break
      }
      case 'size':
        this.listener.size(f.size)
        break
      case 'title':
        this.listener.title(f.title)
        break
      case 'card': {
        const card = f.card as { id: string; seq: number }
        this.since = Math.max(this.since, card.seq)
        this.listener.card(card)
        break
      }
      case 'doing':
        this.listener.doing(f.state)
        break
      case 'exit':
        this.listener.exit(f.exit)
        this.close()
        this.listener.link('ended')
        break
      case 'pong':
        this.listener.latency(performance.now() - f.sent)
        break
    }
  }

  private send(message: Uint8Array<ArrayBuffer>): boolean {
    if (this.socket?.readyState !== WebSocket.OPEN) return false
    this.socket.send(message)
    return true
  }

  /** Types. What cannot be sent now is not kept: late keys do harm. */
  input(data: string): boolean {
    return pieces(data).every((p) => this.send(encode.input(p)))
  }

  binary(data: string): boolean {
    return this.send(encode.binary(data))
  }

  /** Says what this client could show, and whether it shows the terminal. */
  resize(cols: number, rows: number, visible: boolean): void {
    const { view } = this
    if (view.cols === cols && view.rows === rows && view.visible === visible) return
    this.view = { cols, rows, visible }
    this.send(encode.resize(cols, rows, visible))
  }

  claim(): void {
    this.send(encode.claim())
  }

  /** Tries at once, e.g. when the network or the page is back. */
  retry(): void {
    if (!this.closed && this.socket?.readyState !== WebSocket.OPEN && this.socket?.readyState !== WebSocket.CONNECTING) this.open()
  }

  close(): void {
    this.closed = true
    window.clearTimeout(this.timer)
    window.clearInterval(this.pinger)
    this.socket?.close()
    this.socket = null
  }
}
