// The stories of the main job, in a real browser against the real service:
// `npm run stories`, or `node stories/run.mjs phone` for one of them.
import { cpus } from 'node:os'
import { call } from './call.mjs'
import { failure, stock } from './failure.mjs'
import { founder } from './founder.mjs'
import { killed } from './killed.mjs'
import { rough } from './rough.mjs'
import { startBrowser, startService } from './service.mjs'
import { tabs } from './tabs.mjs'
import { abandon } from './visitor.mjs'
import { words } from './words.mjs'

const desktop = { viewport: { width: 1440, height: 900 } }
const touch = { hasTouch: true, isMobile: true }
// The founder's story is played at 320 px itself.
// The long ones first, so that they do not wait for a turn at the end.
const stories = {
  call: { play: call, reflow: false, viewport: { width: 390, height: 844 }, ...touch },
  failure: { play: failure, ...desktop },
  rough: { play: rough, ...desktop },
  killed: { play: killed, ...desktop },
  keyboard: { play: founder, reflow: false, viewport: { width: 1280, height: 800 }, keyboard: true },
  desktop: { play: founder, reflow: false, ...desktop },
  tablet: { play: founder, reflow: false, viewport: { width: 820, height: 1180 }, ...touch },
  phone: { play: founder, reflow: false, viewport: { width: 390, height: 844 }, ...touch },
  narrow: { play: founder, reflow: false, viewport: { width: 320, height: 640 }, ...touch },
  tabs: { play: tabs, ...desktop },
  words: { play: words, reflow: false, viewport: { width: 390, height: 844 }, ...touch },
  stock: { play: stock, ...desktop, args: ['--out-of-stock', 'cpx32@hel1'] },
}

const wanted = process.argv.slice(2)
const queue = Object.entries(stories).filter(([name]) => wanted.length === 0 || wanted.includes(name))
const browser = await startBrowser()
// Without a browser there is nothing more to tell.
browser.once('disconnected', () => queue.splice(0))
let passed = 0
let failed = 0

async function tell([name, { play, args, ...options }]) {
  const began = Date.now()
  const service = await startService({ args })
  try {
    await play(browser, name, service, options)
    passed++
    console.log(`ok ${name}: ${((Date.now() - began) / 1000).toFixed(1)} s`)
  } catch (error) {
    failed++
    console.error(`FAILED ${name}: ${error.stack}\n${service.errors()}`)
    await abandon(name)
  } finally {
    await service.stop()
  }
}

// A story mostly waits for its cloud: there is a teller for each core.
await Promise.all(
  cpus().map(async () => {
    for (let next = queue.shift(); next; next = queue.shift()) await tell(next)
  }),
)
await browser.close()
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed || passed === 0 ? 1 : 0)
