// A caller whose browser recognises speech: its words count, until it fails. What the
// browser has heard is made up here, as recognition needs a service of its maker.
import assert from 'node:assert/strict'
import { microphone } from './microphone.mjs'
import { visit } from './visitor.mjs'

/** Runs in the page: a recognition that hears what it is told. */
function made() {
  let running = null
  const emit = (type, more) => running?.dispatchEvent(Object.assign(new Event(type), more))
  window.SpeechRecognition = class extends EventTarget {
    start() {
      running = this
    }
    abort() {
      running = null
    }
  }
  window.recognises = (transcript, isFinal) => emit('result', { resultIndex: 0, results: [Object.assign([{ transcript, confidence: 0.9 }], { isFinal })] })
  window.recognisesNothing = () => emit('error', { error: 'network' })
}

export async function words(browser, name, service, options) {
  const visitor = await visit(browser, { name, service, ...options })
  const { context, page, composer, look } = visitor
  const voice = await microphone(context, page)
  await context.addInitScript(made)
  await page.goto(service.link)
  await composer.waitFor()
  await page.getByRole('button', { name: 'Call', exact: true }).click()
  await voice.sound()
  await voice.quiet()
  await page.getByRole('button', { name: 'This call' }).click()
  const own = page.getByRole('switch', { name: 'Recognise what I say in this browser' })
  await own.check()
  await look('chosen')
  await page.keyboard.press('Escape')

  const speaking = voice.speak('We are a dental clinic in Muscat.')
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 1000)).then(() => window.recognises('We are a veterinary', false)))
  await page.locator('[data-call]').getByText(/We are a veterinary$/).waitFor()
  await page.evaluate(() => window.recognises('We are a veterinary clinic in Sohar.', true))
  await speaking
  await voice.caption('person', /^We are a veterinary clinic in Sohar\.$/)
  await voice.caption('agent', /Sohar/)
  await page.evaluate(() => window.recognisesNothing())
  await page.getByText('Your browser does not recognise speech now. The service listens.').waitFor()
  await look('without')
  await voice.quiet()
  await voice.speak('Make it Helsinki please.')
  await voice.caption('person', /helsinki/)
  const said = await page.evaluate(async () => {
    const get = async (path) => (await fetch(`/api/v1/${path}`)).json()
    const [{ id }] = (await get('conversations')).conversations
    return (await get(`conversations/${id}`)).turns.map((t) => t.human).filter(Boolean)
  })
  assert.ok(said.includes('We are a veterinary clinic in Sohar.'), `what was said is ${JSON.stringify(said)}`)
  assert.ok(said.some((text) => /helsinki/.test(text)), `what was said is ${JSON.stringify(said)}`)
  await page.getByRole('button', { name: 'Hang up' }).click()
  await visitor.leave()
}
