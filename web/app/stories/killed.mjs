// The service dies while it builds, with two pages open: nothing is lost, nothing
// is made twice.
import assert from 'node:assert/strict'
import { visit } from './visitor.mjs'

export async function killed(browser, name, service, options) {
  const visitor = await visit(browser, { name, service, ...options })
  const { context, page, look } = visitor
  await visitor.toPlan()
  const second = await context.newPage()
  await second.goto(page.url())
  await visitor.approve(second).waitFor()

  await service.fail({ stallAction: ['create_server'] })
  // Both press at once; one approval is enough.
  const buttons = await Promise.all([page, second].map((tab) => visitor.approve(tab).elementHandle()))
  await Promise.all(buttons.map((button) => button.evaluate((e) => e.click())))
  for (const tab of [page, second]) await tab.getByText('You approved this plan.').waitFor()

  // Servers are being made when it dies. What is being written stays.
  const parts = visitor.card('progress').locator('progress').first()
  await page.waitForFunction((e) => e.value > 3, await parts.elementHandle())
  await visitor.composer.fill('While you build: ')
  await service.kill()
  for (const tab of [page, second]) await tab.getByText('Connection lost.').waitFor()
  await look('service is away')
  await service.start()
  await service.fail({})
  for (const tab of [page, second]) await tab.getByText('Connection lost.').waitFor({ state: 'detached' })
  assert.equal(await visitor.composer.inputValue(), 'While you build: ')

  // Loaded again while it goes on, one has what the other has.
  await second.reload()
  await visitor.card('progress', second).waitFor()
  await look('going on', second)
  for (const tab of [page, second]) await visitor.card('ready', tab).waitFor({ timeout: 120_000 })
  for (const tab of [page, second]) await tab.locator('.react-flow__node').first().waitFor()
  const [cards, same] = await Promise.all([page, second].map((tab) => visitor.cards(tab)))
  assert.deepEqual(cards, same, 'the pages differ')
  const one = cards.map((c) => c.split(':')[0])
  assert.equal(new Set(one).size, one.length, `a card is there twice: ${one}`)
  assert.equal(one.filter((id) => /^(progress|flow|ready|approval|plan)-/.test(id)).length, 5, `cards: ${one}`)
  const made = await service.made()
  assert.equal(made.filter((m) => m.startsWith('/v1/servers ')).length, 4, `made: ${made}`)
  assert.equal(new Set(made).size, made.length, `made twice: ${made.filter((m, i) => made.indexOf(m) !== i)}`)
  await visitor.leave()
}
