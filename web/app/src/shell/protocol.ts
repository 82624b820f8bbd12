/**
 * The frames of a session's WebSocket, as the service's OpenAPI document
 * describes them: one byte for the kind, then the payload.
 */

export interface Hello {
  version: number
  epoch: string
  offset: number
  client: number
  role: 'owner' | 'driver' | 'observer'
}

export interface Watcher {
  client: number
  name: string
  role: string
  visible: boolean
}

export interface Size {
  cols: number
  rows: number
  owner: number
  watchers: Watcher[]
}

export interface Exit {
  code: number
  signal?: string
  error?: string
}

export type Frame =
  | { kind: 'hello'; hello: Hello }
  | { kind: 'snapshot'; offset: number; cols: number; rows: number; paint: Uint8Array }
  | { kind: 'data'; offset: number; bytes: Uint8Array }
  | { kind: 'size'; size: Size }
  | { kind: 'title'; title: string }
  | { kind: 'card'; card: unknown }
  | { kind: 'doing'; state: string }
  | { kind: 'exit'; exit: Exit }
  | { kind: 'pong'; sent: number }
  | { kind: 'unknown' }

const text = new TextDecoder()
const bytes = new TextEncoder()

function json<T>(payload: Uint8Array): T {
  return JSON.parse(text.decode(payload)) as T
}

/** Reads one message; throws on one that is cut short. */
export function decode(message: ArrayBuffer): Frame {
  const all = new Uint8Array(message)
  const view = new DataView(message)
  const payload = all.subarray(1)
  switch (String.fromCharCode(all[0] ?? 0)) {
    case 'H':
      return { kind: 'hello', hello: json<Hello>(payload) }
    case 'S':
      return {
        kind: 'snapshot',
        offset: Number(view.getBigUint64(1)),
        cols: view.getUint16(9),
        rows: view.getUint16(11),
        paint: all.subarray(13),
      }
    case 'D':
      return { kind: 'data', offset: Number(view.getBigUint64(1)), bytes: all.subarray(9) }
    case 'Z':
      return { kind: 'size', size: json<Size>(payload) }
    case 'T':
      return { kind: 'title', title: json<{ title: string }>(payload).title }
    case 'C':
      return { kind: 'card', card: json<unknown>(payload) }
    case 'W':
      return { kind: 'doing', state: json<{ state: string }>(payload).state }
    case 'X':
      return { kind: 'exit', exit: json<Exit>(payload) }
    case 'p':
      return { kind: 'pong', sent: view.getFloat64(1) }
    default:
      return { kind: 'unknown' }
  }
}

type Message = Uint8Array<ArrayBuffer>

function message(kind: string, payload: Uint8Array): Message {
  const out = new Uint8Array(payload.length + 1)
  out[0] = kind.charCodeAt(0)
  out.set(payload, 1)
  return out
}

export const encode = {
  input: (data: string): Message => message('I', bytes.encode(data)),
  binary: (data: string): Message => message('I', Uint8Array.from(data, (c) => c.charCodeAt(0) & 0xff)),
  resize: (cols: number, rows: number, visible: boolean): Message =>
    message('R', bytes.encode(JSON.stringify({ cols, rows, visible }))),
  claim: (): Message => message('F', new Uint8Array()),
  ack: (offset: number): Message => {
    const out = new Uint8Array(9)
    out[0] = 'A'.charCodeAt(0)
    new DataView(out.buffer).setBigUint64(1, BigInt(offset))
    return out
  },
  ping: (now: number): Message => {
    const out = new Uint8Array(9)
    out[0] = 'P'.charCodeAt(0)
    new DataView(out.buffer).setFloat64(1, now)
    return out
  },
}

/** The longest piece of input that goes into one message; a paste is cut up. */
const piece = 32 * 1024

/** Input as messages that the service takes, whole characters each. */
export function pieces(data: string): string[] {
  if (data.length <= piece) return [data]
  const out: string[] = []
  for (let i = 0; i < data.length; ) {
    let end = Math.min(i + piece, data.length)
    const code = data.charCodeAt(end - 1)
    if (end < data.length && code >= 0xd800 && code < 0xdc00) end--
    out.push(data.slice(i, end))
    i = end
  }
  return out
}

/**
 * Text as a program sees it pasted: between the marks of bracketed paste where
 * it asked for them. The end mark inside the text is taken out, so that pasted
 * text cannot end the paste and type.
 */
export function pasted(data: string, bracketed: boolean): string {
  const clean = data.replace(/\r?\n/g, '\r')
  return bracketed ? `\x1b[200~${clean.replaceAll('\x1b[201~', '')}\x1b[201~` : clean
}
