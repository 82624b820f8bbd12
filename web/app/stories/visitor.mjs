// A person in front of the app: what the stories do with a page, and what they
// check on every state of it.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'

const axe = await readFile(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8')
const pictures = process.env.PICTURES

/** What axe judges by colours; everything else is the same in light and dark. */
const colours = ['color-contrast', 'link-in-text-block']

/**
 * Checks a state of a page: axe in light and in dark, and nothing sideways as it
 * is and, where it is not played at that width too, at 320 px. A picture of each
 * is taken where PICTURES names a folder.
 */
export async function look(page, state, { reflow = true } = {}) {
  await page.evaluate(axe)
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    if (pictures) await page.screenshot({ path: `${pictures}/${state.replaceAll(' ', '-')}-${colorScheme}.png` })
    const only = colorScheme === 'dark' ? { runOnly: { type: 'rule', values: colours } } : {}
    const { violations } = await page.evaluate((o) => globalThis.axe.run(document, { resultTypes: ['violations'], ...o }), only)
    assert.deepEqual(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' ')}`), [], `axe on ${state}, ${colorScheme}`)
  }
  await straight(page, state)
  const size = page.viewportSize()
  if (!reflow) return
  await page.setViewportSize({ width: 320, height: 640 })
  await straight(page, state)
  await page.setViewportSize(size)
}

/** Nothing goes sideways. */
async function straight(page, state) {
  assert.deepEqual(await page.evaluate(sideways), [], `${state} goes sideways at ${page.viewportSize().width} px`)
}

/**
 * What scrolls sideways or stands outside of the page, as far as it is seen, once
 * the page has had a second of frames to settle in its size. A graph, a terminal
 * and a program's exact text have both directions.
 */
async function sideways() {
  const free = '.react-flow, .shell-terminal, pre, .sr-only'
  const seen = { visibilityProperty: true, opacityProperty: true }
  const measure = () => {
    const wrong = []
    if (document.documentElement.scrollWidth > innerWidth) wrong.push(`the page is ${document.documentElement.scrollWidth} px wide`)
    for (const element of document.body.querySelectorAll('*')) {
      if (element.closest(free) || !element.checkVisibility(seen)) continue
      const { overflowX } = getComputedStyle(element)
      const scrolls = /auto|scroll/.test(overflowX) && element.scrollWidth > element.clientWidth
      const { left, right, width } = element.getBoundingClientRect()
      if (scrolls || (width > 1 && (left < -1 || right > innerWidth + 1))) wrong.push(`${left}..${right}: ${element.outerHTML.slice(0, 200)}`)
    }
    return wrong
  }
  for (let frames = 0; ; frames++) {
    const wrong = measure()
    if (wrong.length === 0 || frames === 60) return wrong
    await new Promise(requestAnimationFrame)
  }
}

const contexts = new Map()

/** Ends a story that failed, with a picture of what its pages show. */
export async function abandon(name) {
  const context = contexts.get(name)
  for (const [i, page] of (pictures && context ? context.pages() : []).entries()) {
    await page.screenshot({ path: `${pictures}/${name}-failed-${i}.png` }).catch(() => undefined)
  }
  await context?.close().catch(() => undefined)
}

/** Opens a page of `service` as a new visitor. `keyboard` is one without a pointer. */
export async function visit(browser, { name, service, keyboard = false, reflow = true, ...options }) {
  const context = await browser.newContext({ reducedMotion: 'reduce', locale: 'en-GB', acceptDownloads: true, ...options })
  contexts.set(name, context)
  const strange = []
  const broken = []
  const watch = (page) => {
    page.on('request', (r) => {
      const { hostname, protocol } = new URL(r.url())
      if (protocol !== 'blob:' && hostname !== '127.0.0.1' && !hostname.endsWith('.localhost')) strange.push(r.url())
    })
    page.on('pageerror', (e) => broken.push(String(e)))
    // What the network does is the story's own doing; the policy's refusals are not.
    page.on('console', (m) => m.type() === 'error' && !/Failed to load resource|ERR_/.test(m.text()) && broken.push(m.text()))
  }
  context.on('page', watch)
  const page = await context.newPage()
  const composer = page.getByRole('textbox', { name: /message/i })

  return {
    context, page, composer,
    card: (kind, on = page) => on.locator(`[data-card^="${kind}-"]`).last(),
    approve: (on = page) => on.getByRole('button', { name: /^(Create|Change) .+ for/ }),
    look: (state, on = page) => look(on, `${name} ${state}`, { reflow }),
    async press(target) {
      await target.waitFor()
      if (!keyboard) return target.click()
      await reach(page, target)
      await page.keyboard.press('Enter')
    },
    async say(text) {
      if (keyboard) {
        await reach(page, composer)
        await page.keyboard.type(text)
      } else await composer.fill(text)
      await page.keyboard.press('Enter')
    },
    /** Goes from the sign-in link to asking for a plan, without looking around. */
    async askForPlan() {
      await page.goto(service.link)
      await composer.waitFor()
      await this.say('We are Al Noor Dental Clinic in Muscat, 12 people. Patients should book online and we share files. founder@alnoor.example')
      await this.press(page.getByRole('button', { name: /simulated account/i }).last())
    },
    async toPlan() {
      await this.askForPlan()
      await this.approve().first().waitFor({ timeout: 120_000 })
    },
    /** Every card with what it says, in the order of the page. */
    cards: (on = page) => on.locator('[data-card]').evaluateAll((all) => all.map((e) => `${e.dataset.card}: ${e.innerText.replaceAll(/Expires in .*/g, '')}`)),
    async leave() {
      assert.deepEqual(strange, [], 'requests to other places')
      assert.deepEqual(broken, [], 'errors on the page')
      await context.close()
    },
  }
}

/** Goes to `target` with the Tab key; where the focus stands is seen, all the way. */
async function reach(page, target) {
  for (let presses = 0; presses < 150; presses++) {
    if (await target.evaluate((e) => e === document.activeElement)) return
    await page.keyboard.press('Tab')
    assert.equal(await page.evaluate(hidden), '', 'the focus is not seen')
  }
  assert.fail(`the Tab key does not lead to ${target}`)
}

/** Says what has the focus and does not show it; '' where all is well. */
function hidden() {
  const element = document.activeElement
  if (!element || element === document.body) return ''
  const { left, top, width, height } = element.getBoundingClientRect()
  const ring = [element, element.parentElement].some((e) => e && getComputedStyle(e).outlineStyle !== 'none')
  const x = Math.min(Math.max(left + width / 2, 1), innerWidth - 1)
  const y = Math.min(Math.max(top + height / 2, 1), innerHeight - 1)
  const on = document.elementFromPoint(x, y)
  const seen = on !== null && (element.contains(on) || on.contains(element))
  return ring && seen ? '' : `${ring ? 'covered' : 'no ring'}: ${element.outerHTML.slice(0, 200)}`
}
