// The stories of the main job, in a real browser against the real service:
// `npm run stories`, or `npm run stories -- phone` for one of them.
import { failure } from './failure.mjs'
import { founder } from './founder.mjs'
import { rough } from './rough.mjs'
import { startBrowser, startService } from './service.mjs'

const desktop = { viewport: { width: 1440, height: 900 } }
const stories = {
  desktop: { play: founder, ...desktop, schemes: ['light', 'dark'] },
  phone: { play: founder, viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
  keyboard: { play: founder, viewport: { width: 1280, height: 800 }, keyboard: true },
  rough: { play: rough, ...desktop },
  failure: { play: failure, ...desktop, args: ['--fail-releases', 'bp-harbor'] },
}

let passed = 0
let failed = 0
const browser = await startBrowser()
for (const [name, { play, args, ...options }] of Object.entries(stories)) {
  if (process.argv[2] && process.argv[2] !== name) continue
  const began = Date.now()
  const service = await startService({ args })
  try {
    await play(browser, name, service, options)
    passed++
    console.log(`ok ${name}: ${((Date.now() - began) / 1000).toFixed(1)} s`)
  } catch (error) {
    failed++
    console.error(`FAILED ${name}: ${error.stack}\n${service.errors()}`)
  } finally {
    await service.stop()
  }
}
await browser.close()
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed ? 1 : 0)
