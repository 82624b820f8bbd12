// Two tabs of one conversation: one of them is connected, and both show everything.
import assert from 'node:assert/strict'
import { visit } from './visitor.mjs'

export async function tabs(browser, name, service, options) {
  const visitor = await visit(browser, { name, service, ...options })
  const { context, page, composer } = visitor
  const open = new Set()
  const isStream = (request) => new URL(request.url()).pathname.endsWith('/stream')
  context.on('request', (r) => isStream(r) && open.add(r))
  context.on('requestfailed', (r) => open.delete(r))
  context.on('requestfinished', (r) => open.delete(r))
  const connected = () => [...open].map((r) => r.frame().page())
  const said = (text, on) => on.getByText(text).first().waitFor()

  await page.goto(service.link)
  await composer.fill('We are Al Noor Dental Clinic in Muscat, 12 people.')
  await page.keyboard.press('Enter')
  await page.waitForURL(/\?c=/)
  await page.getByRole('textbox', { name: /e-?mail/i }).first().waitFor()

  const second = await context.newPage()
  const left = context.waitForEvent('requestfailed', { predicate: isStream })
  await second.goto(page.url())
  await said('We are Al Noor Dental Clinic', second)
  await left
  assert.deepEqual(connected(), [page], 'the second tab has a connection of its own')

  await composer.fill('founder@alnoor.example')
  await page.keyboard.press('Enter')
  const account = (on) => on.getByRole('button', { name: /simulated account/i }).last()
  await account(page).waitFor()
  await account(second).waitFor()
  assert.deepEqual(connected(), [page])

  // The tab that was connected goes; the other goes on, and misses nothing.
  const taken = context.waitForEvent('request', { predicate: isStream })
  await page.close()
  assert.equal((await taken).frame().page(), second)
  await account(second).click()
  await visitor.approve(second).first().waitFor({ timeout: 120_000 })
  assert.equal(await second.getByText('We are Al Noor Dental Clinic').count(), 1, 'a message is there twice')
  await visitor.leave()
}
