// A founder talks a Sovereign into being, in one call; only the address for mail
// and the name are typed, in their box.
import assert from 'node:assert/strict'
import { openEar, words } from './ear.mjs'
import { microphone } from './microphone.mjs'
import { visit } from './visitor.mjs'

export async function call(browser, name, service, options) {
  const visitor = await visit(browser, { name, service, ...options })
  const { context, page, composer, look } = visitor
  const voice = await microphone(context, page)
  const bar = page.locator('[data-call]')
  await page.goto(service.link)
  await composer.waitFor()
  await page.getByRole('button', { name: 'Call', exact: true }).click()
  await bar.waitFor()
  await look('greeted')

  await voice.sound()
  await voice.speak('Hello, we are a dental clinic in Muscat with twelve people.') // into the greeting
  await voice.caption('person', /dental clinic in muscat/)
  // The names are spelt, not spoken.
  const mail = page.getByRole('textbox', { name: /e-?mail/i }).first()
  await mail.waitFor({ timeout: 60_000 })
  await page.getByRole('textbox', { name: /name of/i }).first().fill('Al Noor Dental')
  await mail.fill('founder@alnoor.example')
  await visitor.press(page.getByRole('button', { name: /continue/i }).last())

  await voice.caption('agent', /Al Noor Dental|Falkenstein|Helsinki/)
  await voice.speak('Actually make it Helsinki.') // into the answer
  await voice.caption('person', /make it helsinki/)
  await visitor.press(page.getByRole('button', { name: /simulated account/i }).last())
  const approve = visitor.approve().first()
  await approve.waitFor({ timeout: 120_000 })
  // The price is read, then the question is asked: a yes before that counts for nothing.
  await voice.caption('agent', /a month, without value added tax/)
  await voice.speak('Yes, create it.')
  await voice.caption('agent', /^Shall I create/)
  await voice.quiet(2000)
  assert.ok(await approve.isVisible(), 'a yes into the price has approved')
  await look('asked')
  await voice.speak('Yes, create it.')
  await voice.caption('agent', /^You said: yes create it/)
  await visitor.card('progress').waitFor()

  const { turns, deployment, draft } = await page.evaluate(async () => {
    const get = async (path) => (await fetch(`/api/v1/${path}`)).json()
    const [{ id }] = (await get('conversations')).conversations
    const [{ id: deploymentId }] = (await get('deployments')).deployments
    return { turns: (await get(`conversations/${id}`)).turns, deployment: (await get(`deployments/${deploymentId}`)).deployment, draft: await get(`drafts/${id}`) }
  })
  const said = turns.map((t) => t.human).filter(Boolean)
  const spoken = said.filter((text) => /muscat|helsinki|yes create it/.test(text))
  assert.equal(spoken.length, 3, `of what was said there is ${JSON.stringify(said)}`)
  assert.equal(deployment.approval.means, 'voice', JSON.stringify(deployment.approval))
  assert.equal(deployment.approval.words, 'yes create it')
  const { orgName, orgEmail, orgHeadquarters, orgSize, orgIndustry, region } = draft.spec
  assert.deepEqual(
    { orgName, orgEmail, orgHeadquarters, orgSize, orgIndustry, region },
    { orgName: 'Al Noor Dental', orgEmail: 'founder@alnoor.example', orgHeadquarters: 'Muscat, Oman', orgSize: 12, orgIndustry: 'healthcare', region: 'hel1' },
  )

  await visitor.card('ready').getByRole('link').first().waitFor({ timeout: 240_000 })
  assert.ok(await bar.isVisible(), 'the call has ended before the Sovereign was ready')
  await look('ready')

  // What came back is what the captions say, as far as it was not interrupted.
  const ear = openEar(service.dir)
  try {
    const captions = await voice.captions()
    const whole = captions.flatMap(({ who, text, at }, i) => (who === 'agent' && captions[i + 1]?.who === 'agent' ? [{ text, at, end: captions[i + 1].at }] : []))
    const phrases = [...new Set(captions.filter((c) => c.who === 'agent').map((c) => c.text))].filter((text) => !/\d/.test(text) && ear.knows(text))
    const compared = []
    for (const { text, at, end } of whole.filter((c) => phrases.includes(c.text))) {
      const again = await ear.hear(await voice.heard(at, end), phrases)
      compared.push({ text, again, same: words(text).join(' ') === again })
    }
    const same = compared.filter((c) => c.same).length
    assert.ok(same >= 5 && 5 * same >= 4 * compared.length, `what came back is not what the captions say: ${JSON.stringify(compared)}`)
  } finally {
    ear.close()
  }
  await page.getByRole('button', { name: 'Hang up' }).click()
  await bar.waitFor({ state: 'detached' })
  await visitor.leave()
}
