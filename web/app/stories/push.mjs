// The story of a device that is told: an agent asks, a notification says so, and its
// Allow answers. `npm run stories`, or `node stories/push.mjs`. The push service is
// one of ours, since Chromium has none here; what it was sent is decrypted, and
// delivered to the service worker as Chromium would.
import assert from 'node:assert/strict'
import { createDecipheriv, createECDH, hkdfSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startModel } from './model.mjs'
import { endSessions, startBrowser, startService } from './service.mjs'
import { look as lookAt } from './visitor.mjs'

const key = createECDH('prime256v1')
key.generateKeys()
const auth = randomBytes(16)

/** Opens a message as a browser does (RFC 8188, RFC 8291). */
function open(body) {
  const [salt, id, sealed] = [body.subarray(0, 16), body.subarray(21, 21 + body[20]), body.subarray(21 + body[20])]
  const ikm = hkdfSync('sha256', key.computeSecret(id), auth, Buffer.concat([Buffer.from('WebPush: info\0'), key.getPublicKey(), id]), 32)
  const part = (info, n) => Buffer.from(hkdfSync('sha256', ikm, salt, `Content-Encoding: ${info}\0`, n))
  const d = createDecipheriv('aes-128-gcm', part('aes128gcm', 16), part('nonce', 12))
  d.setAuthTag(sealed.subarray(-16))
  const plain = Buffer.concat([d.update(sealed.subarray(0, -16)), d.final()])
  return plain.subarray(0, plain.lastIndexOf(2)).toString()
}

const sent = []
const sink = createServer(async (request, response) => {
  const chunks = []
  for await (const c of request) chunks.push(c)
  response.writeHead(201).end()
  sent.push(open(Buffer.concat(chunks)))
  sink.emit('message')
})
sink.listen(0, '127.0.0.1')
await once(sink, 'listening')
const at = `127.0.0.1:${sink.address().port}`
const patience = () => ({ signal: AbortSignal.timeout(60_000) })
const next = async () => {
  while (sent.length === 0) await once(sink, 'message', patience())
  return sent.shift()
}

const began = Date.now()
const dir = await mkdtemp(join(tmpdir(), 'sandbox-push-'))
const secret = 'the-provider-s-own-key'
await writeFile(join(dir, 'key'), `${secret}\n`, { mode: 0o600 })
const [browser, model] = await Promise.all([startBrowser(), startModel(secret)])
const service = await startService({
  args: ['--isolation', 'bwrap', '--anthropic-base-url', model.url, '--anthropic-key-file', join(dir, 'key'), '--agent-model', 'scripted', '--push-inside', at],
})
const broken = []
try {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, reducedMotion: 'reduce', locale: 'en-GB' })
  await context.grantPermissions(['notifications'], { origin: service.url })
  await context.addInitScript(({ endpoint, keys }) => {
    const kept = 'subscribed'
    const made = { endpoint, toJSON: () => ({ endpoint, keys }), unsubscribe: async () => sessionStorage.removeItem(kept) }
    PushManager.prototype.subscribe = async ({ applicationServerKey }) => {
      if (!applicationServerKey) throw new Error('no key')
      sessionStorage.setItem(kept, 'yes')
      return made
    }
    PushManager.prototype.getSubscription = async () => (sessionStorage.getItem(kept) ? made : null)
  }, { endpoint: `http://${at}/device`, keys: { p256dh: key.getPublicKey().toString('base64url'), auth: auth.toString('base64url') } })
  const page = await context.newPage()
  page.setDefaultTimeout(60_000)
  page.on('pageerror', (e) => broken.push(String(e)))
  await page.goto(service.link)
  await page.getByRole('link', { name: 'Developer sessions' }).click()
  await page.getByRole('button', { name: 'New session' }).click()
  await page.getByRole('radio', { name: /^Claude Code/ }).check()
  await page.getByRole('radio', { name: /^Ask/ }).check()
  await page.getByLabel(/Name/).fill('The work')
  await page.getByRole('button', { name: 'Start' }).click()
  await page.getByText('Live').waitFor()
  const id = new URL(page.url()).hash.slice('#s='.length)
  await page.getByRole('button', { name: 'All sessions' }).click()

  // The switch, and its states.
  await page.locator('[data-notify="off"]').waitFor()
  await lookAt(page, 'push off', { reflow: false })
  await page.getByRole('button', { name: 'Notify this device' }).click()
  await page.locator('[data-notify="on"]').waitFor()
  await lookAt(page, 'push on', { reflow: false })

  // The agent asks, and the device is told.
  const answered = (path, body) => page.evaluate(async ([p, b]) => (await fetch(p, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(b) })).status, [`/api/v1/sandbox/sessions/${id}/${path}`, body])
  assert.equal(await answered('prompt', { text: 'do: write /home/sandbox/work/note.txt hello ;; say Done.' }), 204)
  const text = await next()
  const message = JSON.parse(text)
  assert.deepEqual({ ...message, card: '' }, { session: id, name: 'The work', what: 'waiting', text: 'Write: /home/sandbox/work/note.txt', card: '' })
  assert.ok(!text.includes(secret))

  const cdp = await context.newCDPSession(page)
  const registered = new Promise((resolve) => cdp.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => registrations[0] && resolve(registrations[0].registrationId)))
  await cdp.send('ServiceWorker.enable')
  const registrationId = await registered
  const deliver = (data) => cdp.send('ServiceWorker.deliverPushMessage', { origin: service.url, registrationId, data })
  const worker = context.serviceWorkers()[0] ?? (await context.waitForEvent('serviceworker'))
  const shown = (want) => worker.evaluate(async (w) => {
    for (const end = Date.now() + 20_000; Date.now() < end; ) {
      const all = (await self.registration.getNotifications()).map(({ title, body, actions }) => ({ title, body, actions: actions.map((a) => a.action) }))
      if (all.some((n) => n.body.includes(w))) return all
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    throw new Error(`no notification says ${w}`)
  }, want)
  const press = (action) => worker.evaluate(async (a) => {
    const [notification] = await self.registration.getNotifications()
    self.dispatchEvent(new NotificationEvent('notificationclick', { notification, action: a }))
  }, action)

  await deliver('this is none of ours')
  await deliver(text)
  assert.deepEqual(await shown('note.txt'), [{ title: 'The work waits for you', body: 'Write: /home/sandbox/work/note.txt', actions: ['allow', 'deny'] }])
  await press('allow')
  await page.goto(`${service.url}/sandbox#s=${id}`)
  await page.locator('article[data-kind="permission"][data-state="allowed"][data-by="here"]').waitFor()
  await page.locator('article[data-kind="diff"][data-state="made"]').waitFor()

  // Pressed once more, it says that somebody was first.
  await deliver(text)
  await shown('note.txt')
  await press('deny')
  assert.deepEqual((await shown('answered already'))[0].actions, [])

  // Off is off.
  await page.getByRole('button', { name: 'All sessions' }).click()
  await page.getByRole('button', { name: 'Stop notifying' }).click()
  await page.locator('[data-notify="off"]').waitFor()
  assert.deepEqual(await page.evaluate(async () => (await (await fetch('/api/v1/sandbox/push')).json()).devices), [])
  assert.deepEqual(broken, [])
  console.log(`ok push: ${((Date.now() - began) / 1000).toFixed(1)} s`)
} catch (error) {
  console.error(`FAILED push: ${error.stack}\n${broken.join('\n')}\n${service.errors()}`)
  process.exitCode = 1
} finally {
  model.stop()
  sink.close()
  await browser.close()
  await endSessions(service.dir)
  await service.stop()
  await rm(dir, { recursive: true, force: true })
}
