// Walks the founder's story against the mock in a real browser, by keyboard
// alone, over a reload and a broken connection, under the strict policy:
// `npm run build && npm run walk`. Prints each step; the exit code is 1 on a miss.
import assert from 'node:assert/strict'
import { chromium } from 'playwright-core'
import { mock } from './server.mjs'

const server = mock({ speed: 6 })
const base = await server.listen(0)
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'],
})
const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: 'reduce' })
const page = await context.newPage()
const complaints = []
page.on('console', (m) => m.type() === 'error' && !/ERR_INTERNET_DISCONNECTED|status of 422/.test(m.text()) && complaints.push(m.text()))
page.on('pageerror', (e) => complaints.push(String(e)))
page.setDefaultTimeout(8000)

const step = (text) => console.log(`- ${text}`)
const button = (name) => page.getByRole('button', { name })
const focused = () => page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent)
/** Presses Tab until the focus is on a control of that name, as a person would. */
async function tabTo(name, key = 'Tab') {
  for (let i = 0; i < 120; i++) {
    if (name.test((await focused()) ?? '')) return
    await page.keyboard.press(key)
  }
  assert.fail(`no way by keyboard to ${name}`)
}

await page.goto(`${base}/start`)
await page.getByRole('heading', { level: 1 }).waitFor()
await page.keyboard.press('Tab')
assert.match(await focused(), /Skip/)
step('the skip link comes first')

await tabTo(/Your message/)
await page.keyboard.type('We are Al Noor Clinic in Muscat, 40 people.')
await page.keyboard.press('Enter')
await page.waitForURL(/\?c=/)
await button('Continue with the selection').waitFor()
step('the first message begins a conversation, whose id is in the address')

const log = page.getByRole('log')
await log.getByText('Which apps should be ready on the first day?').first().waitFor({ state: 'attached' })
const said = await log.textContent()
assert.equal(said.split('I noted the clinic').length, 2, `the reply is said once: ${said}`)
step('a screen reader hears the reply once, in whole sentences')

await tabTo(/Continue with the selection/, 'Shift+Tab')
await page.keyboard.press('Enter')
const email = page.getByLabel('E-mail of the owner')
await email.waitFor()
assert.match(await focused(), /Your message/)
step('after a press the focus is in the composer')

await email.focus()
await page.keyboard.press('Enter')
await page.getByText('Please fill this in.').waitFor()
assert.equal(await email.evaluate((e) => e === document.activeElement), true)
await page.keyboard.type('founder@alnoor.example')
await page.keyboard.press('Enter')
step('a form says what is missing, at the field, and is sent by Enter')

await button('Use the simulated account').waitFor()
await button(/real account/).press('Enter')
await button('Generate a key pair').press('Enter')
await button('Store in the vault').press('Enter')
await page.getByText('Download the private key first.').waitFor()
const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Download the private key' }).press('Enter')])
assert.match(download.suggestedFilename(), /ed25519$/)
await page.getByText('Private key downloaded.').waitFor()
assert.equal(await page.getByRole('link', { name: 'Download the private key' }).count(), 0)
step('a generated private key can be downloaded once')

await button('Use the simulated account').press('Enter')
const approve = button('Create alnoor.omani.works for €106.95 a month')
await approve.waitFor()
step('the approval names its object and its price')

await page.reload()
await approve.waitFor()
assert.equal(await page.getByText('We are Al Noor Clinic in Muscat, 40 people.').count(), 1)
assert.equal((await page.getByRole('log').textContent()).trim(), '', 'history is not read out')
step('a reload keeps the conversation and reads nothing out')

const conversation = server.conversation(new URL(page.url()).searchParams.get('c'))
conversation.refuse = true
await context.setOffline(true)
await page.getByText('You are offline.').waitFor()
await context.setOffline(false)
conversation.refuse = false
await page.getByText('You are offline.').waitFor({ state: 'detached' })
step('offline is said, and over when it is over')

await page.getByRole('button', { name: 'Change Workers' }).press('Enter')
await page.getByLabel('Workers').fill('60')
await page.keyboard.press('Enter')
await page.getByText('There can be at most 50 workers.').first().waitFor()
await page.getByLabel('Workers').fill('3')
await page.keyboard.press('Enter')
await button('Change Workers').waitFor()
assert.match(await focused(), /Change Workers/)
step('the Draft is edited in place; a broken rule is said at its field; the focus comes back')

await approve.press('Enter')
await page.getByText('You approved this plan.').waitFor()
await page.getByText('14 of 35').or(page.getByText(/1\d of 35/)).first().waitFor()
await button('List', { exact: true }).press('Enter')
const enter = page.getByRole('link', { name: 'Enter alnoor.omani.works' })
await enter.waitFor({ timeout: 30_000 })
assert.match(await enter.getAttribute('href'), /\/deployments\/4f1c9a2be07d5831\/enter$/)
step('approved once, built, and the way in is there')

assert.deepEqual(complaints, [])
await browser.close()
server.close()
console.log('the story holds')
