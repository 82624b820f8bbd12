// Takes a screenshot of every design state and runs axe-core on it, against the
// mock and the built app: `npm run build && npm run shots [-- state,state]`.
// Pictures go to dev/out; the exit code is 1 if anything is violated.
import { mkdir, readFile } from 'node:fs/promises'
import { chromium } from 'playwright-core'
import { mock } from './server.mjs'

const only = process.argv[2]?.split(',')
const out = new URL('./out/', import.meta.url)
await mkdir(out, { recursive: true })
const axe = await readFile(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8')

const sizes = { phone: [390, 844], small: [320, 640], tablet: [820, 1180], desktop: [1440, 900] }
const every = ['phone', 'small', 'tablet', 'desktop']
/** state: [path, sizes, what to do before the picture, mode of the mock]. */
const states = {
  landing: ['/start', every],
  question: ['/start?c=question', every],
  choice: ['/start?c=choice', ['phone', 'desktop']],
  form: ['/start?c=form', ['phone', 'desktop']],
  secret: ['/start?c=secret', ['phone', 'desktop']],
  secretform: ['/start?c=secret', ['phone', 'desktop'], (p) => p.getByRole('button', { name: /real account/ }).click()],
  pending: ['/start?c=pending', every],
  plan: ['/start?c=pending', ['phone', 'desktop'], (p) => show(p, 'plan-4f1c9a2be07d5831')],
  cost: ['/start?c=pending', ['phone', 'small', 'desktop'], (p) => show(p, 'cost-4f1c9a2be07d5831')],
  expired: ['/start?c=expired', ['phone']],
  destructive: ['/start?c=destructive', ['phone', 'desktop']],
  applying: ['/start?c=applying', ['phone', 'desktop'], (p) => show(p, 'progress-4f1c9a2be07d5831')],
  releases: ['/start?c=releases', every, (p) => p.waitForTimeout(900)],
  enlarged: ['/start?c=releases', ['phone', 'desktop'], async (p) => {
    await p.getByRole('button', { name: 'Graph', exact: true }).click()
    await p.getByRole('button', { name: 'Enlarge the graph' }).click()
    await p.waitForTimeout(900)
  }],
  rtl: ['/start?c=arabic', ['phone', 'desktop'], (p) => p.evaluate(() => (document.documentElement.dir = 'rtl'))],
  failed: ['/start?c=failed', ['phone', 'desktop'], (p) => p.waitForTimeout(900)],
  ready: ['/start?c=ready', every, (p) => p.waitForTimeout(900)],
  cancel: ['/start?c=applying', ['phone', 'desktop'], (p) => p.getByRole('button', { name: 'Cancel the deployment' }).click()],
  notices: ['/start?c=notices', ['phone', 'desktop']],
  violations: ['/start?c=violations', ['desktop']],
  thinking: ['/start?c=thinking', ['phone']],
  arabic: ['/start?c=arabic', ['phone', 'desktop']],
  loading: ['/start?c=empty', ['phone', 'desktop']],
  gone: ['/start?c=missing', ['phone']],
  offline: ['/start?c=question', ['phone', 'desktop'], (p) => p.context().setOffline(true)],
  draftsheet: ['/start?c=question', ['phone', 'small'], (p) => p.getByRole('button', { name: 'Open the draft' }).click()],
  draftedit: ['/start?c=question', ['desktop'], (p) => p.getByRole('button', { name: 'Change Region' }).click()],
  draftapps: ['/start?c=question', ['desktop'], (p) => p.getByRole('button', { name: 'Change Apps' }).click()],
  menu: ['/start?c=question', ['phone', 'desktop'], (p) => p.getByRole('button', { name: 'Account' }).click()],
  list: ['/start?c=question', ['phone'], (p) => p.getByRole('button', { name: 'Open conversations' }).click()],
  signedout: ['/start', ['phone', 'desktop'], null, 'signed-out'],
  error: ['/start', ['phone'], null, 'broken'],
  sandbox: ['/sandbox', every, null, 'sovereign'],
  sandboxout: ['/sandbox', ['phone'], null, 'signed-out'],
}

function show(page, card) {
  return page.locator(`[data-card="${card}"]`).evaluate((e) => e.scrollIntoView({ block: 'start', behavior: 'instant' }))
}

const server = mock()
const base = await server.listen(0)
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'],
})
let bad = 0
for (const [name, [path, wanted, act, mode]] of Object.entries(states)) {
  if (only && !only.includes(name)) continue
  server.setMode(mode ?? 'concierge')
  for (const size of wanted) {
    for (const colorScheme of size === 'phone' || size === 'desktop' ? ['light', 'dark'] : ['light']) {
      const [width, height] = sizes[size]
      const context = await browser.newContext({ viewport: { width, height }, colorScheme, bypassCSP: false, reducedMotion: 'reduce', hasTouch: width < 900, locale: 'en-GB' })
      const page = await context.newPage()
      const complaints = []
      page.on('console', (m) => m.type() === 'error' && !/status of (401|404|500)|ERR_INTERNET_DISCONNECTED/.test(m.text()) && complaints.push(m.text()))
      page.on('pageerror', (e) => complaints.push(String(e)))
      page.on('request', (r) => !r.url().startsWith(base) && !r.url().startsWith('blob:') && complaints.push(`other origin: ${r.url()}`))
      await page.goto(base + path)
      await page.waitForTimeout(name === 'loading' ? 150 : 900)
      if (act) await act(page)
      await page.waitForTimeout(act ? 400 : 50)
      await page.screenshot({ path: new URL(`${name}-${size}-${colorScheme}.png`, out).pathname })
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
      if (wide > 0) complaints.push(`scrolls sideways by ${wide} px`)
      // The DevTools protocol evaluates in the page without a script element, so
      // the page's own strict policy stays in force.
      await page.evaluate(axe)
      const { violations } = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }))
      for (const v of violations) complaints.push(`${v.id}: ${v.help}: ${v.nodes.slice(0, 2).map((n) => `${n.target} ${n.any?.[0]?.message ?? ''}`).join(' | ')}`)
      for (const c of complaints) console.log(`${name} ${size} ${colorScheme}: ${c}`)
      bad += complaints.length
      await context.close()
    }
  }
}
await browser.close()
server.close()
console.log(bad === 0 ? 'no violations' : `${bad} violations`)
process.exit(bad === 0 ? 0 : 1)
