// A rough day: a credential in the chat, a Draft changed by hand, two tabs, a
// connection that breaks and a page that is loaded again while it builds.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { visit } from './visitor.mjs'

const credential = 'ghp_aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5'

export async function rough(browser, name, service, options) {
  const visitor = await visit(browser, { name, service, ...options })
  const { context, page, look, say, press } = visitor
  await visitor.toPlan()

  // A credential is dots before it is kept, and that is said.
  await say(`my token is ${credential}`)
  await page.getByText('my token is •••').waitFor()
  await page.locator('article').filter({ hasText: /credential|secret|token/i }).last().waitFor()
  assert.ok(!(await page.content()).includes(credential), 'the credential is still on the page')
  await look('credential')

  // The Draft by hand: a broken rule is said at its field; a good value is kept.
  await press(page.getByRole('button', { name: 'Change Workers' }))
  const workers = page.getByRole('textbox', { name: 'Workers' })
  await workers.fill('60')
  await workers.press('Enter')
  const wrong = page.locator(`#${(await workers.getAttribute('id')).replaceAll(':', '\\:')}-error`)
  await wrong.waitFor()
  assert.match(await wrong.innerText(), /50/)
  assert.equal(await workers.getAttribute('aria-invalid'), 'true')
  assert.ok((await workers.getAttribute('aria-describedby')).includes(await wrong.getAttribute('id')))
  await look('broken rule')
  await workers.fill('4')
  await workers.press('Enter')
  await page.getByRole('button', { name: 'Change Workers' }).waitFor()
  await page.waitForFunction(() => document.activeElement?.getAttribute('aria-label') === 'Change Workers')
  // The chat knows: the next plan has four of them.
  await say('Please make the plan again.')
  const four = page.locator('[data-card^="plan-"]').filter({ hasText: /4 × cpx/ })
  await four.waitFor({ timeout: 60_000 })
  await visitor.approve().last().waitFor()

  // What can be taken home.
  const files = {}
  for (const label of ['OpenTofu variables', 'Plan (JSON)', 'Transcript']) {
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: label }).click()])
    files[label] = await readFile(await download.path(), 'utf8')
    assert.ok(!files[label].includes(credential), `${label} has the credential`)
  }
  assert.equal(JSON.parse(files['OpenTofu variables']).worker_count, 4)
  assert.ok(JSON.parse(files['Plan (JSON)']).resource_changes.length > 10)
  assert.match(files.Transcript, /Al Noor Dental Clinic[\s\S]*•••/)

  // A part of the page that does not come at first, as where the network is away, comes
  // when it can.
  const asked = { 'flow-graph': 0, 'elk-worker': 0 }
  for (const part of Object.keys(asked)) {
    await context.route(`**/assets/${part}*.js`, (route) => (asked[part]++ ? route.continue() : route.abort('internetdisconnected')))
  }

  // Two tabs are one conversation.
  const second = await context.newPage()
  await second.goto(page.url())
  await visitor.approve(second).last().waitFor()
  await press(visitor.approve().last())
  await second.getByText('You approved this plan.').waitFor()
  await visitor.card('progress', second).waitFor()

  // The connection breaks while it builds: it is said, and it mends by itself.
  await context.setOffline(true)
  await page.getByText('You are offline.').waitFor()
  await look('offline')
  await context.setOffline(false)
  await page.getByText('You are offline.').waitFor({ state: 'detached' })
  await page.getByText('Connection lost.').waitFor({ state: 'detached' })

  for (const [part, times] of Object.entries(asked)) assert.ok(times > 1, `${part} was not asked for again`)
  await page.locator('.react-flow__node').first().waitFor()

  // Loaded again, it shows the same and goes on.
  const shown = await page.locator('[data-card]').evaluateAll((all) => all.map((e) => e.dataset.card))
  await second.reload()
  await visitor.card('progress', second).waitFor()
  const again = await second.locator('[data-card]').evaluateAll((all) => all.map((e) => e.dataset.card))
  assert.deepEqual(shown.filter((card) => !again.includes(card)), [], 'cards are gone after loading again')
  for (const tab of [page, second]) await visitor.card('ready', tab).waitFor({ timeout: 120_000 })

  // What is not there is said in words.
  await second.goto(new URL('/nothing/here', service.url).href)
  await second.getByRole('heading', { name: 'There is nothing at this address' }).waitFor()
  await look('nothing here', second)
  await second.goto(new URL('/start?c=nothing', service.url).href)
  await second.getByRole('heading', { name: 'This conversation does not exist' }).waitFor()
  await look('no conversation', second)

  // Signed out, one tab says so, and what comes from the service is refused.
  await page.getByRole('button', { name: 'Account' }).click()
  await look('account menu')
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('heading', { name: 'Sign in', level: 1 }).waitFor()
  await look('signed out')
  await visitor.leave()
}
