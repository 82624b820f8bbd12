// Signalling of a call by WHIP (RFC 9725): an offer by POST, candidates and ICE
// restarts by PATCH, the end by DELETE.
import { address } from '../api/client'
import { APIError, problemOf } from '../api/problem'

const fragmentType = 'application/trickle-ice-sdpfrag'

/** What an ICE session has of its own (RFC 8840, 9). */
const ofSession = /^a=(ice-ufrag|ice-pwd|candidate|end-of-candidates|remote-candidates)(:|$)/

/** The lines of a description before its first section, and of each section. */
function parts(sdp: string): string[][] {
  const all: string[][] = [[]]
  for (const line of sdp.split(/\r?\n/).filter(Boolean)) {
    if (line.startsWith('m=')) all.push([])
    all.at(-1)?.push(line)
  }
  return all
}

const written = (lines: string[]): string => lines.map((line) => `${line}\r\n`).join('')

/** The ICE session of a description, as a fragment: of its first section, which all others are bundled with. */
export function fragmentOf(sdp: string): string {
  const [session = [], first = []] = parts(sdp)
  return written([
    ...session.filter((line) => /^a=(ice-ufrag|ice-pwd|ice-options|group):/.test(line)),
    ...first.filter((line) => /^(m=|a=mid:|a=ice-ufrag:|a=ice-pwd:|a=candidate:)/.test(line)),
    'a=end-of-candidates',
  ])
}

/** A description with the ICE session of a fragment in place of its own. */
export function withSession(sdp: string, fragment: string): string {
  const theirs = parts(fragment).flat()
  const credentials = theirs.filter((line) => /^a=ice-(ufrag|pwd):/.test(line))
  const candidates = theirs.filter((line) => /^a=(candidate:|end-of-candidates)/.test(line))
  return written(
    parts(sdp).flatMap((lines, i) => [
      ...lines.filter((line) => !ofSession.test(line)),
      ...(i > 0 ? credentials : []),
      ...(i === 1 ? candidates : []),
    ]),
  )
}

async function request(method: string, url: string, type: string, body: string, headers: Record<string, string> = {}): Promise<Response> {
  let response: Response
  try {
    response = await fetch(url, { method, headers: { 'Content-Type': type, ...headers }, body, credentials: 'same-origin', cache: 'no-store' })
  } catch {
    throw new APIError({ status: 0, code: 'unavailable' })
  }
  if (!response.ok) throw await problemOf(response)
  return response
}

/** One call as the service knows it. */
export interface Session {
  url: string
  etag: string
  /** The service's description: of ICE it is kept up to date. */
  answer: string
  /** Ways round a network that lets nothing through directly. */
  relays: RTCIceServer[]
}

/** The STUN and TURN servers of an answer's Link fields (RFC 9725, 4.6). */
export function relaysOf(link: string): RTCIceServer[] {
  const all: RTCIceServer[] = []
  for (const [, url = '', rest = ''] of link.matchAll(/<([^>]*)>((?:\s*;\s*[a-z-]+="[^"]*")*)/g)) {
    const values = new Map(Array.from(rest.matchAll(/([a-z-]+)="([^"]*)"/g), ([, name = '', value = '']) => [name, value]))
    if (values.get('rel') !== 'ice-server') continue
    const username = values.get('username')
    const credential = values.get('credential')
    all.push({ urls: url, ...(username && credential ? { username, credential } : {}) })
  }
  return all
}

/** Begins a call with an offer whose candidates may follow. */
export async function post(conversationId: string, offer: string): Promise<Session> {
  const url = address(`api/v1/conversations/${encodeURIComponent(conversationId)}/call`)
  const response = await request('POST', url, 'application/sdp', offer, { Accept: 'application/sdp' })
  return {
    url: address(response.headers.get('Location') ?? ''),
    etag: response.headers.get('ETag') ?? '',
    answer: await response.text(),
    relays: relaysOf(response.headers.get('Link') ?? ''),
  }
}

/** Sends the candidates that were found after the offer. */
export async function trickle(session: Session, sdp: string): Promise<void> {
  await request('PATCH', session.url, fragmentType, fragmentOf(sdp), { 'If-Match': session.etag })
}

/** Begins another ICE session in the same call. */
export async function restart(session: Session, sdp: string): Promise<void> {
  const response = await request('PATCH', session.url, fragmentType, fragmentOf(sdp), { 'If-Match': '*' })
  session.answer = withSession(session.answer, await response.text())
  session.etag = response.headers.get('ETag') ?? ''
}

/** Ends a call; also while the page is being left. */
export function hangUp(session: Session): void {
  void fetch(session.url, { method: 'DELETE', keepalive: true, credentials: 'same-origin' }).catch(() => undefined)
}
