// A deployment fails: what failed is said, and there is a way on.
import assert from 'node:assert/strict'
import { visit } from './visitor.mjs'

export async function failure(browser, name, service, options) {
  const visitor = await visit(browser, { name, service, ...options })
  const { look, press } = visitor
  await visitor.toPlan()
  await press(visitor.approve().first())
  const ended = visitor.card('ended')
  const again = ended.getByRole('button', { name: /try again/i })
  await again.waitFor({ timeout: 120_000 })
  assert.match(await ended.innerText(), /Harbor/)
  await look('failed')
  await press(again)
  // The cluster fails in the same way; that it was tried is what counts.
  await visitor.page.locator('[data-card^="ended-"]').nth(1).waitFor({ timeout: 120_000 })
  await visitor.leave()
}
