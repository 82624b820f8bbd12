// The stories of the main job, in a real browser against the real service:
// `npm run stories`, or `npm run stories -- phone` for one of them.
import { readFile } from 'node:fs/promises'
import assert from 'node:assert/strict'
import { startBrowser, startService } from './service.mjs'

const axe = await readFile(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8')
const pictures = process.env.PICTURES

const stories = {
  desktop: { viewport: { width: 1440, height: 900 } },
  phone: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
  keyboard: { viewport: { width: 1280, height: 800 }, keyboard: true },
}

let passed = 0
let failed = 0
const browser = await startBrowser()
for (const [name, story] of Object.entries(stories)) {
  if (process.argv[2] && process.argv[2] !== name) continue
  const began = Date.now()
  const service = await startService()
  try {
    await founder(name, service, story)
    passed++
    console.log(`ok ${name}: ${((Date.now() - began) / 1000).toFixed(1)} s`)
  } catch (error) {
    failed++
    console.error(`FAILED ${name}: ${error.stack}\n${service.errors()}`)
  } finally {
    await service.stop()
  }
}
await browser.close()
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed ? 1 : 0)

/** A clinic's founder goes from hello to the console of their Sovereign. */
async function founder(name, service, { keyboard, ...options }) {
  const context = await browser.newContext({ ...options, reducedMotion: 'reduce', locale: 'en-GB' })
  const page = await context.newPage()
  const strange = []
  page.on('request', (r) => {
    const host = new URL(r.url()).hostname
    if (host !== '127.0.0.1' && !host.endsWith('.localhost')) strange.push(r.url())
  })
  const broken = []
  page.on('pageerror', (e) => broken.push(String(e)))
  const look = async (state, on = page) => {
    if (pictures) await on.screenshot({ path: `${pictures}/${name}-${state}.png` })
    await on.evaluate(axe)
    for (const colorScheme of ['light', 'dark']) {
      await on.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      const result = await on.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }))
      assert.deepEqual(result.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' ')}`), [], `axe on ${state}, ${colorScheme}`)
    }
    await on.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' })
    const { width, height } = on.viewportSize()
    await on.setViewportSize({ width: 320, height: 640 })
    assert.ok((await on.evaluate(() => document.documentElement.scrollWidth)) <= 320, `${state} scrolls sideways at 320 px`)
    await on.setViewportSize({ width, height })
  }
  const press = async (target) => {
    await target.waitFor()
    if (!keyboard) return target.click()
    await target.focus()
    await page.keyboard.press('Enter')
  }
  const log = page.getByRole('log')
  const composer = page.getByRole('textbox', { name: /message/i })
  const say = async (text) => {
    if (keyboard) {
      await composer.focus()
      await page.keyboard.type(text)
    } else await composer.fill(text)
    await page.keyboard.press('Enter')
  }

  // What the first page weighs on the wire, as the browser counts it.
  const wire = await context.newCDPSession(page)
  await wire.send('Network.enable')
  let weight = 0
  wire.on('Network.loadingFinished', (e) => (weight += e.encodedDataLength))
  await page.goto(service.link)
  await composer.waitFor()
  await page.waitForLoadState('networkidle')
  await wire.detach()
  assert.ok(weight < 300 * 1024, `the first page weighs ${weight} bytes`)
  await look('start')

  let messages = 0
  await say('Hi, we are Al Noor Dental Clinic in Muscat, 12 people. Patients should book online and we share files.')
  messages++
  const email = page.getByRole('textbox', { name: /e-?mail/i })
  await email.first().waitFor()
  await look('asked')
  await say('founder@alnoor.example')
  messages++
  const simulated = page.getByRole('button', { name: /simulated account/i })
  await simulated.first().waitFor()
  await look('account')
  await press(simulated.last())
  messages++

  const approve = page.getByRole('button', { name: /^Create .+ for/ })
  await approve.first().waitFor({ timeout: 120_000 })
  assert.match(await approve.first().innerText(), /€|EUR/)
  await look('plan')
  await press(approve.first())
  messages++
  assert.ok(messages <= 4, `${messages} messages from hello to approval`)

  const ready = page.locator('[data-card^="ready-"]')
  const enter = ready.getByRole('link')
  await page.locator('[data-card^="progress-"]').first().waitFor()
  await look('applying')
  await enter.first().waitFor({ timeout: 240_000 })
  await look('ready')
  assert.ok((await log.innerText()).toLowerCase().includes('ready'))

  const app = ready.getByRole('link', { name: /Nextcloud/ })
  const [tab] = await Promise.all([context.waitForEvent('page'), press(app)])
  await tab.getByRole('heading', { name: 'Nextcloud would open here' }).waitFor()
  assert.match(tab.url(), /^http:\/\/nextcloud\.[a-z0-9-]+\.localhost:\d+\/$/)
  for (const fact of ['app-nextcloud', 'Installed', 'https://nextcloud.']) await tab.getByText(fact).first().waitFor()
  await look('app', tab)
  await tab.close()

  await press(enter.first())
  await page.waitForURL(/console\..*\.localhost.*\/sandbox/)
  await page.getByText('founder@alnoor.example').first().waitFor()
  await look('console')

  assert.deepEqual(strange, [], 'requests to other places')
  assert.deepEqual(broken, [], 'errors on the page')
  await context.close()
}
