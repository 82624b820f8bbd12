// A clinic's founder goes from hello to the console of their Sovereign.
import assert from 'node:assert/strict'
import { visit } from './visitor.mjs'

/** What the first page may weigh on the wire, in bytes. */
const heaviest = 300 * 1024

export async function founder(browser, name, service, options) {
  const visitor = await visit(browser, { name, service, ...options })
  const { context, page, composer, look, press, say } = visitor

  const wire = await context.newCDPSession(page)
  await wire.send('Network.enable')
  let weight = 0
  wire.on('Network.loadingFinished', (e) => (weight += e.encodedDataLength))
  await page.goto(service.link)
  await composer.waitFor()
  await page.waitForLoadState('networkidle')
  await wire.detach()
  assert.ok(weight < heaviest, `the first page weighs ${weight} bytes`)
  await look('start')

  let messages = 0
  await say('Hi, we are Al Noor Dental Clinic in Muscat, 12 people. Patients should book online and we share files.')
  messages++
  await page.getByRole('textbox', { name: /e-?mail/i }).first().waitFor()
  await look('asked')
  await say('founder@alnoor.example')
  messages++
  const simulated = page.getByRole('button', { name: /simulated account/i })
  await simulated.first().waitFor()
  await look('account')
  await press(simulated.last())
  messages++

  const approve = visitor.approve().first()
  await approve.waitFor({ timeout: 120_000 })
  assert.match(await approve.innerText(), /^Create al-noor-dental-clinic\.omani\.works for €\d+\.\d\d a month$/)
  await look('plan')
  await press(approve)
  messages++
  assert.ok(messages <= 4, `${messages} messages from hello to approval`)

  await visitor.card('progress').waitFor()
  await look('applying')
  const ready = visitor.card('ready')
  const enter = ready.getByRole('link').first()
  await enter.waitFor({ timeout: 240_000 })
  await look('ready')
  // What a screen reader heard, once each.
  const heard = await page.getByRole('log').locator('p').allInnerTexts()
  assert.ok(heard.some((line) => /is ready/.test(line)), `it was not said that it is ready: ${heard}`)
  assert.equal(new Set(heard).size, heard.length, `something was said twice: ${heard}`)

  const app = ready.getByRole('link', { name: /Nextcloud/ })
  const [tab] = await Promise.all([context.waitForEvent('page'), press(app)])
  await tab.getByRole('heading', { name: 'Nextcloud would open here' }).waitFor()
  assert.match(tab.url(), /^http:\/\/nextcloud\.[a-z0-9-]+\.localhost:\d+\/$/)
  for (const fact of ['app-nextcloud', 'Installed', 'https://nextcloud.']) await tab.getByText(fact).first().waitFor()
  await look('app', tab)
  await tab.close()

  await press(enter)
  await page.waitForURL(/console\..*\.localhost.*\/sandbox/)
  await page.getByText('founder@alnoor.example').first().waitFor()
  await look('console')
  await visitor.leave()
}
