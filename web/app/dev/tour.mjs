// Walks the founder's story against the real service (bin/sandbox, simulated
// cloud) and takes a picture of every state at every size, light and dark:
// `npm run tour [-- state,state]`. Pictures go to dev/out/tour; a page that
// scrolls sideways ends it with 1.
import { mkdir } from 'node:fs/promises'
import { startBrowser, startService } from '../stories/service.mjs'

const only = process.argv[2]?.split(',')
const out = new URL('./out/tour/', import.meta.url)
await mkdir(out, { recursive: true })

const wide = { tablet: [820, 1180], desktop: [1440, 900] }
const narrow = { small: [320, 640], phone: [390, 844], landscape: [844, 390] }

const browser = await startBrowser()
const service = await startService()
let bad = 0
try {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: 'reduce', locale: 'en-GB' })
  const page = await context.newPage()
  await page.goto(service.link)
  const composer = page.getByRole('textbox', { name: /message/i })
  await composer.waitFor()
  // A second person's hand: the same session on a phone, with touch.
  const phoneContext = await browser.newContext({ viewport: { width: 390, height: 844 }, reducedMotion: 'reduce', locale: 'en-GB', hasTouch: true, isMobile: true, storageState: await context.storageState() })
  const phone = await phoneContext.newPage()

  /** Pictures of what `page` shows; the phone follows to the same address. */
  const look = async (state, { act, settle = 500, on = page } = {}) => {
    if (only && !only.includes(state)) return
    if (phone.url() !== on.url()) await phone.goto(on.url())
    else await phone.reload()
    await phone.waitForTimeout(900)
    for (const [view, sizes] of [[on, wide], [phone, narrow]]) {
      for (const [size, [width, height]] of Object.entries(sizes)) {
        await view.setViewportSize({ width, height })
        if (act) await act(view, size)
        for (const colorScheme of ['light', 'dark']) {
          await view.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
          await view.waitForTimeout(colorScheme === 'light' ? settle : 120)
          await view.screenshot({ path: new URL(`${state}-${size}-${colorScheme}.png`, out).pathname })
        }
        const over = await view.evaluate(() => document.documentElement.scrollWidth - innerWidth)
        if (over > 0) bad++, console.log(`${state} ${size}: scrolls sideways by ${over} px`)
      }
    }
    await on.setViewportSize({ width: 1440, height: 900 })
    console.log(`pictures of ${state}`)
  }
  const say = async (text) => {
    await composer.fill(text)
    await composer.press('Enter')
  }
  const settled = () => page.getByRole('button', { name: 'Stop the reply' }).waitFor({ state: 'detached' })

  await look('start')
  await say('hello')
  await page.waitForTimeout(600)
  await settled()
  await look('greeting')
  await say('We are Al Noor Dental Clinic in Muscat, 12 people. Patients should book online and we share files.')
  await page.getByRole('textbox', { name: /e-?mail/i }).first().waitFor()
  await look('asked')
  await say('founder@alnoor.example')
  const simulated = page.getByRole('button', { name: /simulated account/i })
  await simulated.first().waitFor()
  await settled()
  await look('account')
  await look('credentials', { act: async (p) => { const b = p.getByRole('button', { name: /real account/ }); if ((await b.getAttribute('aria-expanded')) !== 'true') await b.click() } })
  await simulated.last().click()
  const approve = page.getByRole('button', { name: /^Create .+ for/ })
  await approve.first().waitFor({ timeout: 120_000 })
  await settled()
  await look('approval')
  const show = (kind) => ({ act: (p) => p.locator(`[data-card^="${kind}-"]`).last().evaluate((e) => e.scrollIntoView({ block: 'start', behavior: 'instant' })) })
  await look('plan', show('plan'))
  await look('cost', show('cost'))
  await approve.first().click()
  await page.locator('[data-card^="progress-"]').first().waitFor()
  await look('applying', show('progress'))
  await page.locator('[data-card^="flow-"]').first().waitFor({ timeout: 120_000 })
  await look('flow', { ...show('flow'), settle: 1200 })
  const enter = page.locator('[data-card^="ready-"]').getByRole('link')
  await enter.first().waitFor({ timeout: 240_000 })
  await look('ready')
  await look('flowdone', { ...show('flow'), settle: 1200 })
  const url = page.url()
  await page.goto(url.replace(/c=.*/, 'c=nothing'))
  await page.waitForTimeout(500)
  await look('gone')
  await page.goto(new URL('/nothing/here', url).href)
  await look('404')
  await page.goto(url)
  await enter.first().waitFor()
  const [tab] = await Promise.all([
    context.waitForEvent('page', { timeout: 5000 }).catch(() => page),
    enter.first().click(),
  ])
  await tab.waitForURL(/\.localhost/)
  await tab.getByText('founder@alnoor.example').first().waitFor()
  phoneContext.addCookies((await context.storageState()).cookies)
  await look('console', { on: tab })
} finally {
  await browser.close()
  await service.stop()
}
process.exit(bad ? 1 : 0)
