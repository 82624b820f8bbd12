// A person in front of the app: what the stories do with a page, and what they
// check on every state of it.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'

const axe = await readFile(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8')
const pictures = process.env.PICTURES

/** Opens a page of `service` as a new visitor. `keyboard` presses without a pointer. */
export async function visit(browser, { name, service, keyboard = false, schemes = ['light'], ...options }) {
  const context = await browser.newContext({ reducedMotion: 'reduce', locale: 'en-GB', acceptDownloads: true, ...options })
  const strange = []
  const broken = []
  const watch = (page) => {
    page.on('request', (r) => {
      const { hostname, protocol } = new URL(r.url())
      if (protocol !== 'blob:' && hostname !== '127.0.0.1' && !hostname.endsWith('.localhost')) strange.push(r.url())
    })
    page.on('pageerror', (e) => broken.push(String(e)))
  }
  context.on('page', watch)
  const page = await context.newPage()
  const composer = page.getByRole('textbox', { name: /message/i })

  return {
    context, page, composer,
    card: (kind, on = page) => on.locator(`[data-card^="${kind}-"]`).last(),
    approve: (on = page) => on.getByRole('button', { name: /^Create .+ for/ }),

    /** axe, a picture where they are wanted, and nothing sideways at 320 px. */
    async look(state, on = page) {
      if (pictures) await on.screenshot({ path: `${pictures}/${name}-${state}.png` })
      await on.evaluate(axe)
      for (const colorScheme of schemes) {
        await on.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
        const result = await on.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }))
        assert.deepEqual(result.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' ')}`), [], `axe on ${state}, ${colorScheme}`)
      }
      const size = on.viewportSize()
      await on.setViewportSize({ width: 320, height: 640 })
      assert.ok((await on.evaluate(() => document.documentElement.scrollWidth)) <= 320, `${state} scrolls sideways at 320 px`)
      await on.setViewportSize(size)
    },
    async press(target) {
      await target.waitFor()
      if (!keyboard) return target.click()
      await target.focus()
      await page.keyboard.press('Enter')
    },
    async say(text) {
      if (keyboard) {
        await composer.focus()
        await page.keyboard.type(text)
      } else await composer.fill(text)
      await page.keyboard.press('Enter')
    },
    /** Goes from the sign-in link to a plan that waits, without looking around. */
    async toPlan() {
      await page.goto(service.link)
      await composer.waitFor()
      await this.say('We are Al Noor Dental Clinic in Muscat, 12 people. Patients should book online and we share files. founder@alnoor.example')
      await this.press(page.getByRole('button', { name: /simulated account/i }).last())
      await this.approve().first().waitFor({ timeout: 120_000 })
    },
    async leave() {
      assert.deepEqual(strange, [], 'requests to other places')
      assert.deepEqual(broken, [], 'errors on the page')
      await context.close()
    },
  }
}
