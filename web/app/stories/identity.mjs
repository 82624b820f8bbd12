// The story of who is calling: by e-mail and by an OpenID provider, a colleague who
// is invited and removed, tokens, and the handover to a Sovereign of their own.
// `npm run stories`, or `node stories/identity.mjs`.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { endSessions, startBrowser, startService } from './service.mjs'
import { look as lookAt } from './visitor.mjs'

/** How long something may stay open whose right has ended, in ms. */
const within = 5000
const root = fileURLToPath(new URL('../../../', import.meta.url))
const walled = await new Promise((resolve) => spawn('bwrap', ['--version'], { stdio: 'ignore' }).once('error', () => resolve(false)).once('exit', (code) => resolve(code === 0)))
if (!walled) console.log('bubblewrap is not here: the story runs without a wall')

/** Starts a real OpenID provider that knows nadia, for a service at `url`. */
async function startProvider(dir, url) {
  const binary = join(dir, 'provider')
  const [code] = await once(spawn('go', ['build', '-o', binary, './web/identity/identitytest/provider/run'], { cwd: root, stdio: 'inherit' }), 'exit')
  assert.equal(code, 0, 'the provider does not build')
  const child = spawn(binary, [url], { stdio: ['ignore', 'pipe', 'ignore'] })
  const [issuer] = await once(createInterface({ input: child.stdout }), 'line')
  return { issuer, stop: () => child.kill('SIGTERM') }
}

/** A program that is not ours and wants to be let in: RFC 9728, 8414, 7591, 7636. */
async function startEditor(at) {
  const json = async (url, options) => (await fetch(url, options)).json()
  const resource = await json(`${at}/.well-known/oauth-protected-resource/mcp/concierge`)
  const server = await json(`${resource.authorization_servers[0]}/.well-known/oauth-authorization-server`)
  const waiting = new Map()
  const listener = createServer((req, res) => {
    const query = new URL(req.url, 'http://127.0.0.1').searchParams
    waiting.get(query.get('state'))?.(query)
    res.end('<!doctype html><html lang="en"><title>Editor</title><p>Go back to your editor.</p>')
  }).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  listener.unref()
  const back = `http://127.0.0.1:${listener.address().port}/callback`
  const { client_id } = await json(server.registration_endpoint, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ client_name: 'Omar’s editor', redirect_uris: ['http://127.0.0.1/callback'] }),
  })
  return {
    async ask() {
      const verifier = randomBytes(48).toString('base64url')
      const state = randomBytes(8).toString('hex')
      const answer = new Promise((resolve) => waiting.set(state, resolve))
      const query = new URLSearchParams({
        response_type: 'code', client_id, redirect_uri: back, state, resource: resource.resource, code_challenge_method: 'S256',
        code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      })
      return {
        url: `${server.authorization_endpoint}?${query}`,
        answer,
        tokens: async () => json(server.token_endpoint, {
          method: 'POST',
          body: new URLSearchParams({ grant_type: 'authorization_code', client_id, code: (await answer).get('code'), code_verifier: verifier, redirect_uri: back, resource: resource.resource }),
        }),
      }
    },
    use: (token, name) =>
      fetch(resource.resource, {
        method: 'POST',
        headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': name },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: {}, _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientInfo': { name: 'story', version: '1' }, 'io.modelcontextprotocol/clientCapabilities': {} } } }),
      }),
  }
}

const began = Date.now()
const dir = await mkdtemp(join(tmpdir(), 'sandbox-identity-'))
// The provider has to know the service's address and the service the provider's.
const port = 20000 + Math.floor(Math.random() * 20000)
const url = `http://127.0.0.1:${port}`
const provider = await startProvider(dir, url)
await writeFile(join(dir, 'secret'), 'a secret of the client\n')
await writeFile(
  join(dir, 'providers.yaml'),
  JSON.stringify([{ id: 'clinic', name: 'Al Noor', issuer: provider.issuer, 'client-id': 'sandbox', 'client-secret-file': join(dir, 'secret'), 'org-claim': 'org', roles: { admins: 'org-admin' } }]),
)
const browser = await startBrowser()
const service = await startService({ args: ['--listen', `127.0.0.1:${port}`, '--oidc-file', join(dir, 'providers.yaml'), '--isolation', walled ? 'bwrap' : 'none'] })
const broken = []
try {
  const visit = async (options) => {
    const context = await browser.newContext({ reducedMotion: 'reduce', locale: 'en-GB', acceptDownloads: true, viewport: { width: 1280, height: 800 }, ...options })
    const page = await context.newPage()
    page.on('pageerror', (e) => broken.push(String(e)))
    page.on('console', (m) => m.type() === 'error' && !/WebSocket|Failed to load resource|ERR_/.test(m.text()) && broken.push(m.text()))
    return page
  }
  const look = (page, state) => lookAt(page, `identity ${state}`)
  const ask = (page, method, path, body) =>
    page.evaluate(
      async ([method, path, body]) => {
        const answer = await fetch(path, { method, headers: { 'Content-Type': 'application/json' }, ...(body ? { body: JSON.stringify(body) } : {}) })
        const text = await answer.text()
        return { status: answer.status, ...(text ? JSON.parse(text) : {}) }
      },
      [method, path, body],
    )
  /** Opens a stream in the page; the promise is how long it lasted after the call of ended. */
  const follow = (page, path, headers = {}) =>
    page.evaluate(
      async ([path, headers]) => {
        const answer = await fetch(path, { headers })
        if (!answer.ok) throw new Error(`the stream answers ${answer.status}`)
        const reader = answer.body.getReader()
        await reader.read()
        const end = async () => {
          try {
            for (let done = false; !done; ) ({ done } = await reader.read())
          } catch {
            // It was cut off.
          }
          globalThis.streamEnded = Date.now()
        }
        globalThis.streamEnded = 0
        void end()
      },
      [path, headers],
    )
  const ended = async (page, since) => {
    await page.waitForFunction(() => globalThis.streamEnded > 0, null, { timeout: within })
    const after = (await page.evaluate(() => globalThis.streamEnded)) - since
    assert.ok(after < within, `the stream ended after ${after} ms`)
  }

  // A visitor on a small phone talks first, and then signs in by e-mail.
  const layla = await visit({ viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true })
  await layla.goto(`${service.url}/start`)
  await layla.getByRole('heading', { name: 'Sign in' }).waitFor()
  await look(layla, 'sign-in')
  await layla.getByRole('button', { name: /without signing in/ }).click()
  const composer = layla.getByRole('textbox', { name: /message/i })
  await composer.fill('We are Al Fajr Clinic in Muscat, 12 people.')
  await layla.keyboard.press('Enter')
  await layla.getByText('We are Al Fajr Clinic in Muscat').first().waitFor()
  await layla.waitForURL(/\?c=/)
  const conversation = layla.url()
  await look(layla, 'guest')
  await composer.fill('Patients should book online. layla@alfajr.example')
  await layla.keyboard.press('Enter')
  await layla.getByRole('button', { name: /simulated account/i }).last().click()
  const decide = layla.getByRole('link', { name: 'Sign in to decide' })
  await decide.waitFor({ timeout: 120_000 })
  await look(layla, 'guest-plan')
  await decide.click()
  await layla.getByLabel('E-mail address').fill('Layla@AlFajr.example')
  await layla.getByRole('button', { name: 'Send me a code' }).click()
  await layla.getByLabel('Code from the mail').waitFor()
  await look(layla, 'code')
  await layla.getByLabel('Code from the mail').fill('000000')
  await layla.getByRole('button', { name: 'Sign in' }).click()
  await layla.getByRole('alert').getByText(/not right/).waitFor()

  // The owner of the computer reads the mail.
  const owner = await visit()
  await owner.goto(service.link)
  await owner.getByRole('textbox', { name: /message/i }).waitFor()
  await owner.getByRole('button', { name: 'Account' }).click()
  await look(owner, 'menu')
  await owner.getByRole('link', { name: 'Outbox' }).click()
  const mail = (to) => owner.locator(`[data-mail="${to}"]`).first()
  await mail('layla@alfajr.example').waitFor()
  await look(owner, 'outbox')
  const [code] = (await mail('layla@alfajr.example').innerText()).match(/\b\d{6}\b/)
  await layla.getByLabel('Code from the mail').fill(`${code.slice(0, 3)} ${code.slice(3)}`)
  await layla.getByRole('button', { name: 'Sign in' }).click()
  await layla.waitForURL(conversation)
  await layla.getByText('We are Al Fajr Clinic in Muscat').first().waitFor()
  const who = await ask(layla, 'GET', '/api/v1/whoami')
  assert.equal(who.email, 'layla@alfajr.example')
  assert.equal(who.role, 'org-admin')
  assert.equal((await ask(layla, 'GET', '/api/v1/outbox')).status, 403)
  // The plan was waiting for her, and names the address that she has proved.
  await layla.getByRole('button', { name: /^Create al-fajr/ }).click()
  await layla.locator('[data-card^="progress-"]').first().waitFor()
  const { deployments } = await ask(layla, 'GET', '/api/v1/deployments')
  assert.deepEqual(deployments.map((d) => d.ownerEmail), ['layla@alfajr.example'])

  // By keyboard alone, by the link of the mail, in another browser.
  const keys = await visit()
  await keys.goto(`${service.url}/sandbox`)
  await keys.getByLabel('E-mail address').focus()
  await keys.keyboard.type('layla@alfajr.example')
  await keys.keyboard.press('Enter')
  await keys.getByLabel('Code from the mail').waitFor()
  assert.equal(await keys.evaluate(() => document.activeElement?.getAttribute('name')), 'code', 'the focus is not where the code goes')
  await owner.locator('[data-mail="layla@alfajr.example"]').nth(1).waitFor()
  const second = await mail('layla@alfajr.example').getByRole('link').getAttribute('href')
  const elsewhere = await visit()
  await elsewhere.goto(second)
  await elsewhere.getByRole('heading', { name: 'Sign in with this address?' }).waitFor()
  await elsewhere.getByText('layla@alfajr.example').waitFor()
  assert.equal(new URL(elsewhere.url()).hash, '', 'the secret stays in the address')
  await look(elsewhere, 'confirm')
  await keys.goto(second)
  await keys.getByText('This is the concierge, not a Sovereign’s console.').waitFor()
  await elsewhere.getByRole('button', { name: 'Yes, sign me in' }).click()
  await elsewhere.getByText(/not good any more/).waitFor()

  // By the OpenID provider.
  const nadia = await visit()
  await nadia.goto(`${service.url}/sandbox/admin`)
  await nadia.getByRole('link', { name: 'Continue with Al Noor' }).click()
  await nadia.locator('input[name=username]').fill('nadia')
  await nadia.locator('input[name=password]').fill('verysecure')
  await nadia.locator('button[type=submit]').click()
  await nadia.waitForURL(`${service.url}/sandbox/admin`)
  await nadia.getByText('Al Noor Dental Clinic').first().waitFor()
  await nadia.getByText('nadia@alnoor.example').first().waitFor()
  await nadia.getByText('By another service').waitFor()
  await look(nadia, 'admin')

  // The owner invites a colleague, who joins in a second browser and gets to work.
  await owner.goto(`${service.url}/sandbox/admin`)
  await owner.getByRole('button', { name: 'Invite somebody' }).click()
  await owner.getByRole('dialog').getByLabel('E-mail address').fill('omar@alfajr.example')
  await look(owner, 'invite')
  await owner.getByRole('button', { name: 'Send the invitation' }).click()
  await owner.getByRole('list', { name: 'Invitations' }).getByText('omar@alfajr.example').waitFor()
  await owner.goto(`${service.url}/sandbox/outbox`)
  const invitation = await mail('omar@alfajr.example').getByRole('link').getAttribute('href')
  const omar = await visit()
  await omar.goto(invitation)
  await omar.getByRole('heading', { name: 'Join Home' }).waitFor()
  await look(omar, 'join')
  await omar.getByRole('button', { name: 'Join Home' }).click()
  await omar.waitForURL(/\/start/)
  await elsewhere.goto(invitation)
  await elsewhere.getByRole('heading', { name: 'This invitation is not good any more' }).waitFor()
  await look(elsewhere, 'over')

  for (let i = 0; i < 20; i++) await ask(owner, 'DELETE', '/api/v1/auth/pat/none') // so that the log has two pages
  // A token of his, for an editor; and one by which a program follows a conversation.
  await omar.goto(`${service.url}/sandbox/admin`)
  await omar.getByRole('button', { name: 'New token' }).first().click()
  await omar.getByLabel('What it is for').fill('my editor')
  await omar.getByRole('dialog').getByRole('button', { name: 'New token' }).click()
  const token = await omar.getByLabel('The token', { exact: true }).inputValue()
  assert.match(token, /^sbx_/)
  await look(omar, 'token')
  await omar.getByRole('button', { name: 'I have kept it' }).click()
  assert.ok(!(await omar.content()).includes(token), 'the token is shown again')
  const program = async (path) => fetch(service.url + path, { headers: { Authorization: `Bearer ${token}` } })
  assert.equal((await program('/api/v1/whoami')).status, 200)
  const mcp = await fetch(`${service.url}/mcp/concierge`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'story', version: '1' } } }),
  })
  assert.equal(mcp.status, 200)
  const conv = await ask(omar, 'POST', '/api/v1/conversations', {})
  const follower = await ask(omar, 'POST', '/api/v1/auth/pat', { name: 'follower', capabilities: ['concierge.conversation.get'] })
  const stream = await fetch(`${service.url}/api/v1/conversations/${conv.id}/stream`, { headers: { Authorization: `Bearer ${follower.token}` } })
  assert.equal(stream.status, 200)
  const reading = (async () => {
    for await (const _ of stream.body);
  })().catch(() => undefined)
  await omar.reload()
  await omar.getByRole('button', { name: 'Revoke follower' }).click()
  const revoking = Date.now()
  await omar.getByRole('dialog').getByRole('button', { name: 'Revoke follower' }).click()
  await Promise.race([reading, new Promise((_, no) => setTimeout(() => no(new Error('the stream of a revoked token goes on')), within).unref())])
  console.log(`the stream of a revoked token ended after ${Date.now() - revoking} ms`)
  await omar.getByRole('button', { name: 'Revoke my editor' }).click()
  await omar.getByRole('dialog').getByRole('button', { name: 'Revoke my editor' }).click()
  await omar.getByText('Revoked').nth(1).waitFor()
  assert.equal((await program('/api/v1/whoami')).status, 401)

  // His other editor asks by itself. On a phone somebody has to sign in first, and says no.
  const editor = await startEditor(service.url)
  const asking = await editor.ask()
  await omar.goto(asking.url)
  await omar.getByRole('heading', { name: 'Let Omar’s editor in?' }).waitFor()
  await omar.getByText('Draw up plans, with their price').waitFor()
  await look(omar, 'consent')
  await omar.getByRole('button', { name: 'Let Omar’s editor in' }).click()
  await omar.getByText('Go back to your editor.').waitFor()
  const grant = await asking.tokens()
  const tool = (token) => editor.use(token, 'catalyst.draft.get')
  assert.equal((await tool(grant.access_token)).status, 200)
  assert.equal((await fetch(`${service.url}/api/v1/whoami`, { headers: { Authorization: `Bearer ${grant.access_token}` } })).status, 401, 'a token of the toolbox is good elsewhere')
  await omar.goto(`${service.url}/sandbox/admin`)
  const place = omar.getByRole('list', { name: 'Where you are signed in' }).getByRole('listitem').filter({ hasText: 'Omar’s editor' })
  await place.getByText('A program that you let in').waitFor()
  await look(omar, 'programs')
  await place.getByRole('button', { name: 'Sign out there' }).click()
  await place.waitFor({ state: 'detached' })
  assert.equal((await tool(grant.access_token)).status, 401, 'a program goes on that was signed out')
  const phone = await visit({ viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true })
  const refused = await editor.ask()
  await phone.goto(refused.url)
  await phone.getByLabel('E-mail address').fill('layla@alfajr.example')
  await phone.getByRole('button', { name: 'Send me a code' }).click()
  await phone.getByLabel('Code from the mail').waitFor()
  await owner.goto(`${service.url}/sandbox/outbox`)
  await owner.locator('[data-mail="layla@alfajr.example"]').nth(2).waitFor()
  await phone.getByLabel('Code from the mail').fill((await mail('layla@alfajr.example').innerText()).match(/\b\d{6}\b/)[0])
  await phone.keyboard.press('Enter')
  await phone.getByRole('heading', { name: 'Let Omar’s editor in?' }).waitFor()
  await look(phone, 'consent-phone')
  await phone.getByRole('button', { name: 'Do not' }).click()
  assert.equal((await refused.answer).get('error'), 'access_denied')
  // He has a terminal and a conversation open when he is removed.
  const made = await ask(omar, 'POST', '/api/v1/sandbox/sessions', { agent: 'bash', name: 'His work' })
  assert.equal(made.status, 201, JSON.stringify(made))
  assert.equal((await ask(layla, 'POST', '/api/v1/sandbox/sessions', { agent: 'bash' })).status, 403, 'somebody from outside has a terminal')
  const terminal = await omar.context().newPage()
  await terminal.goto(`${service.url}/sandbox#s=${made.id}`)
  await terminal.getByText('Live').waitFor()
  await follow(omar, `/api/v1/conversations/${conv.id}/stream`)
  await owner.goto(`${service.url}/sandbox/admin`)
  await owner.getByRole('button', { name: 'Remove omar@alfajr.example' }).click()
  await look(owner, 'remove')
  const since = Date.now()
  await owner.getByRole('dialog').getByRole('button', { name: 'Remove omar@alfajr.example' }).click()
  await ended(omar, since)
  await terminal.getByText('Live').waitFor({ state: 'detached', timeout: within })
  const after = Date.now() - since
  assert.ok(after < within, `the terminal closed after ${after} ms`)
  console.log(`the terminal of a removed member closed after ${after} ms`)
  assert.equal((await ask(omar, 'GET', '/api/v1/whoami')).status, 401)
  await omar.reload()
  await omar.getByRole('heading', { name: 'Sign in' }).waitFor()

  // What she approved has come up meanwhile, and lets her in as who she proved to be.
  const enter = layla.locator('[data-card^="ready-"]').getByRole('link').first()
  await enter.waitFor({ timeout: 240_000 })
  await enter.click()
  await layla.waitForURL(/console\..*\.localhost.*\/sandbox/)
  assert.notEqual(new URL(layla.url()).port, new URL(service.url).port)
  await layla.getByText('layla@alfajr.example').first().waitFor()
  await layla.getByText('sovereign-admin').first().waitFor()
  await look(layla, 'handed-over')
  await layla.getByRole('link', { name: 'Developer sessions' }).click()
  await layla.getByRole('button', { name: 'New session' }).click()
  await layla.getByLabel('Bash').check()
  await layla.getByRole('button', { name: 'Start' }).click()
  await layla.getByText('Live').waitFor()
  await layla.getByLabel('Type into the session').fill('echo in my own Sovereign')
  await layla.getByRole('button', { name: 'Send' }).click()
  await layla.locator('article[data-running="false"]').getByText('in my own Sovereign', { exact: true }).waitFor()
  await layla.getByRole('button', { name: 'All sessions' }).click()
  await layla.getByRole('button', { name: /^End / }).click()
  await layla.getByRole('dialog').getByRole('button', { name: /^End / }).click()
  await layla.getByText('No sessions yet.').waitFor()

  // Who runs the Organization reads what was done in it, and takes it along.
  await owner.getByRole('button', { name: 'Account' }).click()
  await owner.getByRole('link', { name: 'What was done' }).click()
  const log = owner.getByRole('list', { name: 'What was done' })
  await log.getByText('Remove members').first().waitFor()
  const call = log.getByRole('listitem').filter({ hasText: 'Read your drafts of Sovereigns' }).filter({ hasText: 'A program of omar@alfajr.example' }).first()
  await call.getByRole('button', { name: 'Details' }).click()
  await call.getByText('access', { exact: false }).first().waitFor()
  await look(owner, 'audit')
  const rows = await log.getByRole('listitem').count()
  await owner.getByRole('button', { name: 'Show older' }).click()
  await owner.waitForFunction((n) => document.querySelectorAll('[data-row]').length > n, rows).catch(() => assert.fail('there is nothing older'))
  const take = async (page, name) => {
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name }).click()])
    return readFile(await download.path(), 'latin1')
  }
  assert.match(await take(owner, 'CSV'), /^seq,at,operation/)
  const lines = (await take(owner, 'JSON Lines')).trim().split('\n').map((line) => JSON.parse(line))
  assert.ok(lines.some((e) => e.operation === 'identity.session.start' && e.email === 'omar@alfajr.example'), 'a sign-in is not in the log')
  assert.ok(!lines.some((e) => e.email === 'nadia@alnoor.example'), 'another Organization is in the log')
  await keys.goto(`${service.url}/sandbox/audit`)
  await keys.getByRole('heading', { name: 'What was done' }).waitFor()

  // Somebody takes everything along and has it erased; who comes after that is new.
  const before = await ask(nadia, 'GET', '/api/v1/whoami')
  await nadia.goto(`${service.url}/sandbox/data`)
  assert.match(await take(nadia, 'Download everything'), /^PK/)
  await look(nadia, 'data')
  const erase = nadia.getByRole('button', { name: 'Erase everything about me' })
  await nadia.getByLabel('To go on, write who you are').fill('somebody')
  assert.ok(await erase.isDisabled(), 'it can be pressed without a name')
  await nadia.getByLabel('To go on, write who you are').fill('nadia@alnoor.example')
  await erase.click()
  await nadia.waitForURL(`${service.url}/signin`)
  assert.equal((await ask(nadia, 'GET', '/api/v1/whoami')).status, 401)
  await nadia.goto(`${service.url}/sandbox/admin`)
  await nadia.getByRole('link', { name: 'Continue with Al Noor' }).click()
  await nadia.waitForURL((u) => u.pathname !== '/signin')
  if (await nadia.locator('input[name=username]').count()) {
    await nadia.locator('input[name=username]').fill('nadia')
    await nadia.locator('input[name=password]').fill('verysecure')
    await nadia.locator('button[type=submit]').click()
  }
  await nadia.waitForURL(`${service.url}/sandbox/admin`)
  const fresh = await ask(nadia, 'GET', '/api/v1/whoami')
  assert.equal(fresh.email, 'nadia@alnoor.example')
  assert.notEqual(fresh.subject, before.subject)

  assert.deepEqual(broken, [])
  console.log(`ok identity: ${((Date.now() - began) / 1000).toFixed(1)} s`)
} catch (error) {
  console.error(`FAILED identity: ${error.stack}\n${broken.join('\n')}\n${service.errors()}`)
  if (process.env.PICTURES) {
    for (const [i, page] of browser.contexts().flatMap((c) => c.pages()).entries()) await page.screenshot({ path: `${process.env.PICTURES}/identity-failed-${i}.png` }).catch(() => undefined)
  }
  process.exitCode = 1
} finally {
  await browser.close()
  await endSessions(service.dir)
  await service.stop()
  provider.stop()
  await rm(dir, { recursive: true, force: true })
}
