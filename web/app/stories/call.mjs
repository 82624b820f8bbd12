// A founder talks a Sovereign into being, in one call; only the address for mail
// and the name are typed, in their box.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
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
  const more = async (what) => {
    await page.getByRole('button', { name: 'This call' }).click()
    await what(page.getByRole('dialog'))
  }
  // It is recorded from here on, and said so.
  await more(async (sheet) => {
    await sheet.getByRole('switch', { name: 'Record this call' }).click()
    await voice.caption('agent', /^This call is recorded/)
    await sheet.getByText('Being recorded').waitFor()
    await look('this call')
    await page.keyboard.press('Escape')
  })
  // The names are spelt, not spoken.
  const mail = page.getByRole('textbox', { name: /e-?mail/i }).first()
  await mail.waitFor({ timeout: 60_000 })
  await page.getByRole('textbox', { name: /name of/i }).first().fill('Al Noor Dental')
  await mail.fill('founder@alnoor.example')
  await visitor.press(page.getByRole('button', { name: /continue/i }).last())

  await voice.caption('agent', /Al Noor Dental|Falkenstein|Helsinki/)
  // Into the answer; and in the middle of it the network changes.
  const sessions = []
  page.on('response', (response) => response.request().method() === 'PATCH' && sessions.push([response.status(), response.request().headers()['if-match']]))
  const speaking = voice.speak('Actually make it Helsinki.')
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 700)).then(() => dispatchEvent(new Event('online'))))
  await speaking
  await voice.caption('person', /helsinki/)
  assert.deepEqual(sessions, [[200, '*']], 'ICE was not restarted once')
  await voice.caption('agent', /Helsinki, Finland/) // the answer is heard out: a press would cut it short
  await voice.quiet()
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
  await more(async (sheet) => {
    await sheet.getByRole('switch', { name: 'Record this call' }).click()
    await recorded(page, sheet, service)
    await page.keyboard.press('Escape')
  })
  await page.getByRole('button', { name: 'Hang up' }).click()
  await bar.waitFor({ state: 'detached' })
  await visitor.leave()
}

/** The recording: its sound and its captions fit what happened, and it can be deleted. */
async function recorded(page, sheet, service) {
  const load = async (name) => {
    const [download] = await Promise.all([page.waitForEvent('download'), sheet.getByRole('link', { name }).first().click()])
    return readFile(await download.path())
  }
  const wav = await load(/WAV/)
  assert.equal(wav.toString('latin1', 0, 4) + wav.toString('latin1', 8, 12), 'RIFFWAVE')
  assert.equal(wav.readUInt32LE(4), wav.length - 8, 'the size in the WAV is not the file’s')
  assert.deepEqual([wav.readUInt16LE(22), wav.readUInt32LE(24), wav.readUInt16LE(34)], [2, 16000, 16])
  const vtt = (await load(/VTT/)).toString()
  const seconds = (wav.length - 44) / 64000
  const cues = [...vtt.matchAll(/([\d:.]+) --> ([\d:.]+)\n<v (You|Concierge)>(.*)/g)].map(([, from, to, who, text]) => ({ from: at(from), to: at(to), who, text }))
  assert.match(vtt, /^WEBVTT\n/)
  for (const [who, text] of [['Concierge', /^This call is recorded/], ['You', /helsinki/], ['You', /^yes create it/], ['Concierge', /^You said: yes create it/]]) {
    const cue = cues.find((c) => c.who === who && text.test(c.text))
    assert.ok(cue && cue.from < cue.to && cue.to <= seconds + 0.1, `${who} ${text} is not in ${vtt}`)
    // Whoever speaks is heard in their own channel.
    assert.ok(loudness(wav, who === 'You' ? 0 : 1, cue) > 200, `nothing is heard of ${who}: ${cue.text}`)
  }
  // What was heard is what the caption says.
  const ear = openEar(service.dir)
  try {
    const { from, to } = cues.find((c) => c.who === 'You' && /helsinki/.test(c.text))
    assert.match(await ear.hear(channel(wav, 0, from - 0.3, to)), /helsinki/)
  } finally {
    ear.close()
  }
  await sheet.getByRole('button', { name: /Delete the recording/ }).click()
  await sheet.getByText('Nothing of this conversation was recorded.').waitFor()
}

const at = (stamp) => stamp.split(':').reduce((sum, part) => 60 * sum + Number(part), 0)

/** One side of a recording from one second to another. */
function channel(wav, side, from, to) {
  const first = Math.max(0, Math.round(from * 16000))
  const samples = new Int16Array(Math.min(Math.round(to * 16000), (wav.length - 44) / 4) - first)
  for (let i = 0; i < samples.length; i++) samples[i] = wav.readInt16LE(44 + 4 * (first + i) + 2 * side)
  return samples
}

function loudness(wav, side, { from, to }) {
  const samples = channel(wav, side, from, to)
  return Math.sqrt(samples.reduce((sum, s) => sum + s * s, 0) / samples.length)
}
