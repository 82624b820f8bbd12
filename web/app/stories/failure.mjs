// Deployments fail: what failed is said, and a press goes on from there.
import assert from 'node:assert/strict'
import { visit } from './visitor.mjs'

/** A server breaks, then a release; both times a press ends well, with nothing made twice. */
export async function failure(browser, name, service, options) {
  const visitor = await visit(browser, { name, service, ...options })
  const { page, look, press } = visitor
  await visitor.toPlan()
  await service.fail({ failAction: ['create_server'], times: 1, failRelease: ['bp-harbor'] })
  await press(visitor.approve().first())
  const ended = page.locator('[data-card^="ended-"]')
  const again = page.getByRole('button', { name: /try again/i })
  await again.waitFor({ timeout: 120_000 })
  assert.match(await ended.first().innerText(), /could not be created/)
  await look('no server')
  const before = await service.made()

  // What is missing is a plan of its own, with a price and an approval of its own.
  await press(again)
  const approvals = page.locator('[data-card^="approval-"]')
  await approvals.nth(1).waitFor({ timeout: 120_000 })
  const confirm = approvals.nth(1).getByRole('textbox')
  await confirm.waitFor()
  await look('another plan')
  await confirm.fill('al-noor')
  await visitor.approve().last().click()
  await page.getByText(/does not match/).waitFor()
  await look('another name')
  await confirm.fill('al-noor-dental-clinic.omani.works')
  await press(visitor.approve().last())

  // The cluster fails at a release, and says which.
  await ended.nth(1).waitFor({ timeout: 120_000 })
  assert.match(await ended.nth(1).innerText(), /Harbor/)
  await look('no release')
  await service.fail({})
  await press(again.last())
  await visitor.card('ready').waitFor({ timeout: 120_000 })
  await page.locator('.react-flow__node').first().waitFor()
  assert.equal(await approvals.count(), 2, 'an approval was asked for nothing')
  await look('ready after all')

  // Whoever comes later reads the same.
  const cards = await visitor.cards()
  await page.reload()
  await visitor.card('ready').waitFor()
  await page.locator('.react-flow__node').first().waitFor()
  assert.deepEqual(await visitor.cards(), cards)

  const made = await service.made()
  const twice = made.filter((m, i) => made.indexOf(m) !== i)
  assert.equal(twice.length, 1, `made twice, and only the broken server was to be: ${twice}`)
  assert.ok(before.includes(twice[0]) && twice[0].startsWith('/v1/servers '))
  await visitor.leave()
}

/** A size is sold out before there is a plan, another after it was approved. */
export async function stock(browser, name, service, options) {
  const visitor = await visit(browser, { name, service, ...options })
  const { page, look, press, say } = visitor
  const resize = async (size) => {
    await press(page.getByRole('button', { name: 'Change Worker size' }))
    const field = page.getByLabel('Worker size', { exact: true })
    await field.selectOption(size)
    await press(page.getByRole('button', { name: 'Save' }))
    await page.getByRole('button', { name: 'Change Worker size' }).waitFor()
  }
  const soldOut = (size) => new RegExp(`${size} is out of stock in Helsinki[\\s\\S]*The nearest is (\\w+) `)
  const nearest = async (said, size) => {
    const [, other] = (await said.innerText()).match(soldOut(size)) ?? []
    assert.ok(other, `no other size is named: ${await said.innerText()}`)
    return other
  }

  await visitor.askForPlan()
  const refused = page.getByText(soldOut('cpx32')).last()
  await refused.waitFor({ timeout: 120_000 })
  const second = await nearest(refused, 'cpx32')
  await look('sold out')
  await resize(second)
  await say('Please make the plan.')
  await visitor.approve().waitFor({ timeout: 120_000 })
  assert.match(await visitor.card('plan').innerText(), new RegExp(`× ${second}`))

  await service.fail({ outOfStock: [`${second}@hel1`] })
  await press(visitor.approve())
  const ended = visitor.card('ended')
  const again = ended.getByRole('button', { name: /try again/i })
  await again.waitFor({ timeout: 120_000 })
  const third = await nearest(ended, second)
  await look('sold out meanwhile')
  await resize(third)
  await press(again)
  await page.locator('[data-card^="approval-"]').nth(1).waitFor({ timeout: 120_000 })
  assert.match(await visitor.card('plan').innerText(), new RegExp(`× ${third}`))
  await look('another size')
  await press(visitor.approve().last())
  await visitor.card('ready').waitFor({ timeout: 120_000 })
  await visitor.leave()
}
