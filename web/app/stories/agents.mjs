// The story of a coding agent: one running session of it on a desktop and on a
// phone, asked from the phone, allowed from both, through a crash of the service.
// `npm run stories`, or `node stories/agents.mjs [agent...]`. The
// agents are the real ones; what they think with is scripted.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, readlink, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startModel } from './model.mjs'
import { endSessions, startBrowser, startService } from './service.mjs'
import { look as lookAt } from './visitor.mjs'

/** How each agent is allowed something in its terminal, and whether the service has no key for it. */
const agents = {
  'claude-code': { title: /^Claude Code/, yes: '1', ownKey: true },
  'qwen-code': { title: /^Qwen Code/, yes: '1' },
  opencode: { title: /^OpenCode/, yes: 'Enter' },
  codex: { title: /^Codex/, yes: 'y' },
}

/** The agent lacks a key: a wrong one is not kept, a good one leads back to the dialog. */
async function addKey(page, model, look) {
  await look(page, 'lacks a key')
  await page.getByRole('button', { name: 'Add key for Anthropic' }).click()
  const sheet = page.getByRole('dialog', { name: 'Add key for Anthropic' })
  await sheet.getByLabel('Key', { exact: true }).fill(`${model.key}x`)
  await sheet.getByText('Another provider').click()
  await sheet.getByLabel(/^Address/).fill(model.url)
  await look(page, 'adds a key')
  await sheet.getByRole('button', { name: 'Keep this key' }).click()
  await sheet.getByText(/does not take this key/).waitFor()
  await sheet.getByLabel('Key', { exact: true }).fill(model.key)
  await sheet.getByRole('button', { name: 'Keep this key' }).click()
  await page.getByRole('radio', { name: 'Only me' }).waitFor({ state: 'hidden' })
}

/** It is shown by its end only, and goes when its owner says so. */
async function removeKey(page, look) {
  await page.getByRole('button', { name: 'All sessions' }).click()
  const row = page.locator('[data-row="anthropic"]')
  await row.getByText('Your key').waitFor()
  await look(page, 'has a key')
  await page.getByRole('button', { name: 'Remove my key' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Remove my key' }).click()
  await row.getByText('No key yet').waitFor()
}

async function play(browser, model, key, name) {
  const { title, yes, ownKey } = agents[name]
  const service = await startService({
    args: ['--isolation', 'bwrap', '--model-hosts', new URL(model.url).host, '--openai-base-url', `${model.url}/v1`, '--openai-key-file', key, '--agent-model', 'scripted'],
  })
  const broken = []
  try {
    const context = async (options) => {
      const c = await browser.newContext({ reducedMotion: 'reduce', locale: 'en-GB', ...options })
      const page = await c.newPage()
      page.setDefaultTimeout(90_000)
      page.on('pageerror', (e) => broken.push(String(e)))
      page.on('console', (m) => m.type() === 'error' && !/WebSocket|Failed to load resource|ERR_CONNECTION/.test(m.text()) && broken.push(m.text()))
      return page
    }
    const look = (page, state) => lookAt(page, `${name} ${state}`, { reflow: false })
    const api = (page, path) => page.evaluate(async (p) => (await fetch(p)).json(), `/api/v1/sandbox/${path}`)

    const desktop = await context({ viewport: { width: 1440, height: 900 } })
    await desktop.goto(service.link)
    await desktop.getByRole('link', { name: 'Developer sessions' }).click()
    await desktop.getByRole('button', { name: 'New session' }).click()
    if (ownKey) await addKey(desktop, model, look)
    await desktop.getByRole('radio', { name: title }).check()
    await desktop.getByRole('radio', { name: /^Ask/ }).check()
    await desktop.getByLabel(/Name/).fill('The work')
    await look(desktop, 'new')
    await desktop.getByRole('button', { name: 'Start' }).click()
    await desktop.getByText('Live').waitFor()
    const id = new URL(desktop.url()).hash.slice('#s='.length)
    const before = await api(desktop, `sessions/${id}`)
    assert.equal(before.mode, 'ask')
    assert.equal(before.payer, ownKey ? 'person' : 'service')
    const file = `${before.dir}/hello.txt`

    const phone = await context({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, colorScheme: 'dark' })
    await phone.context().addCookies(await desktop.context().cookies())
    await phone.goto(`${service.url}/sandbox#s=${id}`)
    await phone.getByText('Live').waitFor()
    const card = (page, kind, state) => page.locator(`article[data-kind="${kind}"]${state ? `[data-state="${state}"]` : ''}`)
    const allow = (page) => card(page, 'permission', 'waiting').getByRole('button', { name: 'Allow' })

    // The prompt comes from the phone, when the agent takes one.
    await phone.getByLabel('Type into the session').fill(
      `do: say I shall write a file, and then look at it. ;; write ${file} hello world ;; say Now I change it.\\n\\nLine by line.\\n ;; pause ;; edit ${file} hello world => goodbye world ;; run cat hello.txt; exit 3 ;; say It is **done**.`,
    )
    await phone.locator('[data-ready="true"]').waitFor()
    await phone.getByRole('button', { name: 'Send' }).click()
    await card(phone, 'text').filter({ hasText: 'I shall write a file' }).and(phone.locator('[data-from="agent"]')).first().waitFor()

    // It asks on both; the phone answers, and the terminal's dialog closes.
    await allow(phone).waitFor()
    await look(phone, 'asks on the phone')
    await look(desktop, 'asks')
    await phone.getByRole('button', { name: 'All sessions' }).click()
    await phone.getByRole('button', { name: /^The work waiting for you/ }).click()
    await allow(phone).click()
    await card(phone, 'permission', 'allowed').waitFor()
    await card(phone, 'diff', 'made').getByText('+hello world').waitFor()

    // In the middle of what it says the service is killed. The agent goes on.
    await phone.locator('[data-streaming="true"], [data-from="agent"]').filter({ hasText: 'Now I change it' }).waitFor()
    await service.kill()
    await desktop.getByText('Connection lost. Reconnecting…').waitFor()
    await phone.getByText('Connection lost. Reconnecting…').waitFor()
    await model.go()
    assert.equal(new URL(await service.start()).origin, service.url)
    await desktop.getByText('Live').waitFor()
    await phone.getByText('Live').waitFor()
    const after = await api(desktop, `sessions/${id}`)
    assert.equal(after.pid, before.pid, 'another process runs')
    await readlink(`/proc/${after.pid}/exe`)

    // This time the terminal answers. The phone's card closes by itself.
    await allow(phone).waitFor()
    const late = await card(phone, 'permission', 'waiting').getAttribute('data-card')
    await desktop.locator('.xterm-helper-textarea').focus()
    await desktop.keyboard.press(yes)
    await phone.locator(`article[data-card="${late}"][data-state="allowed"][data-by="terminal"]`).waitFor()
    const answer = await phone.evaluate(async (p) => (await fetch(p, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"decision":"deny"}' })).status, `/api/v1/sandbox/sessions/${id}/permissions/${late}`)
    assert.equal(answer, 409, 'a late answer was taken')
    await card(phone, 'diff', 'made').getByText('+goodbye world').or(card(phone, 'diff', 'made').getByText('+goodbye')).first().waitFor()

    // A command, allowed from the phone, with its exit code.
    await allow(phone).click()
    await phone.locator('article[data-running="false"]').getByText('exit 3', { exact: true }).waitFor()
    await phone.locator('article[data-running="false"]').getByText('goodbye world').waitFor()
    await card(phone, 'text').filter({ hasText: 'It is done.' }).and(phone.locator('[data-from="agent"]')).waitFor()
    await phone.locator('[data-doing="idle"]').waitFor()
    await look(phone, 'done on the phone')
    await look(desktop, 'done')

    // Every card is there once, on both, whoever was away.
    const cards = (page) => page.locator('article[data-card]').evaluateAll((all) => all.map((a) => `${a.dataset.kind ?? 'bash'} ${a.dataset.card}`))
    const seen = await cards(phone)
    assert.equal(new Set(seen).size, seen.length, `cards were doubled: ${seen}`)
    for (const [kind, n] of Object.entries({ diff: 2, permission: 3, bash: 1 })) {
      assert.equal(seen.filter((c) => c.startsWith(kind)).length, n, `cards of ${kind}: ${seen}`)
    }
    await desktop.getByRole('button', { name: 'Cards', exact: true }).click()
    await card(desktop, 'text').filter({ hasText: 'It is done.' }).and(desktop.locator('[data-from="agent"]')).waitFor()
    assert.deepEqual(await cards(desktop), seen)
    await look(desktop, 'cards')
    assert.equal(await readFile(join(service.dir, 'sessions', id, 'home', 'work', 'hello.txt'), 'utf8'), 'goodbye world\n')
    if (ownKey) await removeKey(desktop, look)
    assert.deepEqual(broken, [])
  } catch (error) {
    error.stack += `\n${broken.join('\n')}\n${service.errors()}`
    throw error
  } finally {
    await endSessions(service.dir)
    await service.stop()
  }
}

const wanted = process.argv.slice(2)
const dir = await mkdtemp(join(tmpdir(), 'sandbox-model-'))
await writeFile(join(dir, 'key'), 'the-provider-s-own-key\n', { mode: 0o600 })
const [browser, model] = await Promise.all([startBrowser(), startModel('the-provider-s-own-key')])
for (const name of wanted.length > 0 ? wanted : Object.keys(agents)) {
  const began = Date.now()
  try {
    await play(browser, model, join(dir, 'key'), name)
    console.log(`ok ${name}: ${((Date.now() - began) / 1000).toFixed(1)} s`)
  } catch (error) {
    console.error(`FAILED ${name}: ${error.stack}`)
    process.exitCode = 1
  }
}
model.stop()
await browser.close()
await rm(dir, { recursive: true, force: true })
