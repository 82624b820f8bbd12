// A mock of the service for working on the app: the same API shapes, a scripted
// story, and design states by name. It serves dist with the strict headers that
// the app has to live with. Conversations named after a state show that state;
// `npm run mock`, then /start?c=pending. Nothing of this is in the product.
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import { extname } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import * as story from './story.mjs'
import { playback } from './playback.mjs'

const dist = new URL('../dist/', import.meta.url)
const types = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.png': 'image/png', '.webmanifest': 'application/manifest+json' }
const csp =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self'; worker-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'self'; frame-ancestors 'none'"

export function mock({ speed = 1 } = {}) {
  const conversations = new Map()
  const open = (id) => {
    if (!conversations.has(id)) conversations.set(id, playback(id, speed))
    return conversations.get(id)
  }
  let mode = 'concierge'

  const json = (res, status, body) => {
    res.writeHead(status, { 'Content-Type': status >= 400 ? 'application/problem+json' : 'application/json' })
    res.end(body === undefined ? '' : JSON.stringify(body))
  }
  const problem = (res, status, code, detail, extra = {}) => json(res, status, { status, code, title: code, detail, requestId: 'mock-1', ...extra })

  async function api(req, res, url) {
    const path = url.pathname.replace('/api/v1/', '')
    const body = await read(req)
    const [noun, id, verb] = path.split('/')
    if (noun === 'whoami') {
      if (mode === 'signed-out') return problem(res, 401, 'unauthenticated', 'Nobody is signed in.')
      if (mode === 'broken') return problem(res, 500, 'internal', 'something went wrong on our side')
      return json(res, 200, mode === 'sovereign'
        ? { mode, subject: 'u1', email: 'founder@alnoor.example', localOwner: false, fqdn: story.ids.fqdn, role: 'sovereign-admin' }
        : { mode: 'concierge', subject: 'owner', email: 'founder@alnoor.example', localOwner: true, cloud: 'simulated' })
    }
    if (noun === 'sovereign') {
      return json(res, 200, { fqdn: story.ids.fqdn, orgName: 'Al Noor Clinic', simulated: true, apps: story.ready.data.links.slice(1).map((l) => ({ slug: l.label.toLowerCase(), name: l.label, url: l.url })) })
    }
    if (noun === 'catalogue') return json(res, 200, { items: story.catalogue[id] ?? [] })
    if (noun === 'sshkey') return json(res, 200, { publicKey: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMockMockMockMockMockMockMockMockMockMockMock catalyst@alnoor.omani.works', privateKey: 'mock private key\n', fingerprint: 'SHA256:mockmockmockmockmockmockmockmockmockmockmoc' })
    if (noun === 'secrets') return json(res, 201, { stored: Object.keys(body.values ?? {}) })
    if (noun === 'deployments') return verb === 'cancel' ? json(res, 202, {}) : json(res, 200, { mock: true })
    if (noun === 'drafts') {
      const c = open(id)
      if (req.method === 'GET') return json(res, 200, c.draft())
      const bad = body.changes?.find((x) => x.field.endsWith('workerCount') && x.value > 50)
      if (bad) return problem(res, 422, 'invalid', 'draft has 1 problem(s)', { violations: [{ path: bad.field, rule: 'range', message: 'There can be at most 50 workers.', suggestion: 'Use 50 or fewer.' }] })
      return json(res, 200, c.change(body.changes ?? []))
    }
    if (noun !== 'conversations') return problem(res, 404, 'not-found', 'There is no such path.')
    if (!id && req.method === 'POST') {
      const made = `c${Date.now().toString(36)}`
      open(made)
      return json(res, 201, { id: made })
    }
    if (!id) {
      const now = Date.now()
      return json(res, 200, { conversations: [
        { id: 'pending', title: 'Al Noor Clinic', updatedAt: new Date(now - 6e5).toISOString() },
        { id: 'ready', title: 'Studio Linde, Berlin', updatedAt: new Date(now - 9e7).toISOString() },
        { id: 'question', title: 'عيادة النور، مسقط', updatedAt: new Date(now - 3e8).toISOString() },
      ] })
    }
    if (id === 'missing') return problem(res, 404, 'not-found', 'There is no such conversation.')
    const c = open(id)
    if (verb === 'turns') return json(res, 202, { turnId: c.turn(body) })
    if (verb === 'cancel') return c.cancel(), json(res, 202, {})
    if (verb === 'transcript') return res.writeHead(200, { 'Content-Type': 'text/markdown' }).end('# Transcript\n')
    if (verb === 'stream') return stream(req, res, c)
    return json(res, 200, { id })
  }

  function stream(req, res, c) {
    if (c.refuse) return void req.socket.destroy()
    res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
    res.flushHeaders()
    const send = (m) => res.write(`event: ${m.event}\n${m.id ? `id: ${m.id}\n` : ''}data: ${JSON.stringify(m.data)}\n\n`)
    const stop = c.follow(Number(req.headers['last-event-id'] ?? 0), send)
    const beat = setInterval(() => res.write('event: heartbeat\ndata: {}\n\n'), 15_000)
    res.on('close', () => (clearInterval(beat), stop()))
  }

  const server = createServer(async (req, res) => {
    const url = new URL(req.url, 'http://mock')
    res.setHeader('Content-Security-Policy', csp)
    res.setHeader('X-Content-Type-Options', 'nosniff')
    res.setHeader('Referrer-Policy', 'same-origin')
    if (url.pathname.startsWith('/api/')) return api(req, res, url)
    if (url.pathname === '/') return res.writeHead(302, { Location: '/start' }).end()
    const file = ['/start', '/sandbox'].includes(url.pathname) ? 'index.html' : url.pathname.slice(1)
    const target = new URL(file, dist)
    if (!target.href.startsWith(dist.href) || !(await stat(target).catch(() => null))?.isFile()) return res.writeHead(404).end('not found')
    res.writeHead(200, { 'Content-Type': types[extname(file)] ?? 'application/octet-stream' })
    createReadStream(fileURLToPath(target)).pipe(res)
  })
  return {
    listen: (port = 4790) => new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve(`http://127.0.0.1:${server.address().port}`))),
    setMode: (m) => (mode = m),
    conversation: open,
    close: () => (server.closeAllConnections(), server.close()),
  }
}

async function read(req) {
  let text = ''
  for await (const piece of req) text += piece
  try {
    return text ? JSON.parse(text) : {}
  } catch {
    return {}
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  console.log(`mock: ${await mock().listen()}/start`)
}
