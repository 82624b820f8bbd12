// A clinic's founder goes from hello to the console of their Sovereign.
import assert from 'node:assert/strict'
import { visit } from './visitor.mjs'

/** What the first page may weigh on the wire, in bytes. */
const heaviest = 300 * 1024
/** The fixed kit of a Sovereign, and the two apps that the clinic asked for. */
const kit = 35
const apps = ['Cal.com', 'Nextcloud']

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
  const plan = await visitor.card('plan').innerText()
  for (const fact of ['to create', 'Helsinki', ...apps]) assert.ok(plan.includes(fact), `the plan does not say ${fact}: ${plan}`)
  const [price] = (await approve.innerText()).match(/(?<=^Create al-noor-dental-clinic\.omani\.works for )€\d+\.\d\d(?= a month$)/) ?? []
  assert.ok(price, `the button does not name what it makes and its price: ${await approve.innerText()}`)
  assert.ok((await visitor.card('cost').innerText()).includes(price), `the cost is not ${price}`)
  await look('plan')
  // Two stops on the way, so that there is something to look at.
  await service.fail({ stallAction: ['create_server'], stallRelease: ['bp-harbor'] })
  const greens = await watchGreens(page)
  await press(approve)
  messages++
  assert.ok(messages <= 4, `${messages} messages from hello to approval`)

  const progress = visitor.card('progress')
  await page.waitForFunction((e) => e.value > 3, await progress.locator('progress').first().elementHandle())
  await inView(progress)
  await look('applying')
  await service.fail({ stallRelease: ['bp-harbor'] })
  const flow = visitor.card('flow')
  await flow.getByText(/(\d\d) of \d+ installed/).waitFor({ timeout: 120_000 })
  await page.locator('.react-flow__node').or(flow.getByRole('listitem')).first().waitFor()
  await inView(progress)
  await look('installing')
  await service.fail({})

  const ready = visitor.card('ready')
  const enter = ready.getByRole('link').first()
  await enter.waitFor({ timeout: 240_000 })
  await inView(enter)
  await look('ready')
  const counts = await greens()
  assert.equal(counts.at(-1), `${kit + apps.length} of ${kit + apps.length} installed`)
  assert.ok(counts.length > 3, `the releases did not turn green one after the other: ${counts}`)
  const greenOnes = counts.map((c) => Number.parseInt(c))
  assert.deepEqual(greenOnes, greenOnes.toSorted((a, b) => a - b), 'a release went back')
  await press(flow.getByRole('button', { name: 'List' }))
  await press(flow.getByRole('button', { name: /^Show all/ }))
  const installed = flow.getByRole('listitem').filter({ hasText: 'Installed' })
  assert.equal(await installed.count(), kit + apps.length)
  for (const app of apps) await installed.filter({ hasText: app }).first().waitFor()
  await look('releases')

  // What a screen reader heard, once each.
  const heard = await page.getByRole('log').locator('p').allInnerTexts()
  assert.ok(heard.some((line) => /is ready/.test(line)), `it was not said that it is ready: ${heard}`)
  assert.equal(new Set(heard).size, heard.length, `something was said twice: ${heard}`)

  const addresses = await ready.getByRole('link').evaluateAll((all) => all.map((a) => a.textContent))
  for (const app of apps) assert.ok(addresses.some((a) => a.includes(app) && a.includes('http')), `the last card has no address for ${app}: ${addresses}`)
  assert.ok((await ready.innerText()).includes('console.al-noor-dental-clinic'), 'the last card does not name the console')
  const app = ready.getByRole('link', { name: /Nextcloud/ })
  const [tab] = await Promise.all([context.waitForEvent('page'), press(app)])
  await tab.getByRole('heading', { name: 'Nextcloud would open here' }).waitFor()
  assert.match(tab.url(), /^http:\/\/nextcloud\.[a-z0-9-]+\.localhost:\d+\/$/)
  for (const fact of ['app-nextcloud', 'Installed', 'https://nextcloud.']) await tab.getByText(fact).first().waitFor()
  await look('app', tab)
  await tab.close()

  // The link hands over, signed in, to another service than this one.
  await press(enter)
  await page.waitForURL(/console\..*\.localhost.*\/sandbox/)
  assert.notEqual(new URL(page.url()).port, new URL(service.url).port)
  await page.getByText('founder@alnoor.example').first().waitFor()
  await page.getByText('sovereign-admin').first().waitFor()
  await look('console')
  await visitor.leave()
}

/** Writes down the counts that the card of releases shows; call what it gives to read them. */
async function watchGreens(page) {
  await page.evaluate(() => {
    globalThis.greens = []
    const read = () => {
      const count = document.querySelector('[data-card^="flow-"]')?.textContent.match(/\d+ of \d+ installed/)?.[0]
      if (count && globalThis.greens.at(-1) !== count) globalThis.greens.push(count)
    }
    new MutationObserver(read).observe(document.body, { childList: true, characterData: true, subtree: true })
  })
  return () => page.evaluate(() => globalThis.greens)
}

/** What comes of a press is in view by itself. */
async function inView(target) {
  const [top, bottom] = await target.evaluate((e) => {
    const { top, bottom } = e.getBoundingClientRect()
    const log = e.closest('[role=group][tabindex="0"]').getBoundingClientRect()
    return [Math.round(top - log.top), Math.round(log.bottom - Math.min(bottom, top + 48))]
  })
  assert.ok(top >= -8 && bottom >= 0, `out of view: ${top} px below the top, ${bottom} px above the end`)
}
