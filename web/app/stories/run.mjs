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
  const look = async (state) => {
    if (pictures) await page.screenshot({ path: `${pictures}/${name}-${state}.png` })
    await page.evaluate(axe)
    const result = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }))
    assert.deepEqual(result.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' ')}`), [], `axe on ${state}`)
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

  await page.goto(service.link)
  await composer.waitFor()
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

  const enter = page.locator('[data-card^="ready-"]').getByRole('link')
  await page.locator('[data-card^="progress-"]').first().waitFor()
  await look('applying')
  await enter.first().waitFor({ timeout: 240_000 })
  await look('ready')
  assert.ok((await log.innerText()).toLowerCase().includes('ready'))

  await press(enter.first())
  await page.waitForURL(/console\..*\.localhost.*\/sandbox/)
  await page.getByText('founder@alnoor.example').first().waitFor()
  await look('console')

  assert.deepEqual(strange, [], 'requests to other places')
  assert.deepEqual(broken, [], 'errors on the page')
  await context.close()
}
