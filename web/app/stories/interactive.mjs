// Prints how long /start takes from a click on its link until it answers, with
// nothing in the browser's cache: `node stories/interactive.mjs`, one line a figure,
// tab-separated. It answers when the message box is there, the page was painted, and
// what kept the main thread for more than 50 ms is over, with a quiet second behind.
import { startBrowser, startService } from './service.mjs'

const loads = 7
const devices = {
  'time to interactive of /start, desktop': { slower: 1, viewport: { width: 1440, height: 900 } },
  'time to interactive of /start, phone with a fourth of the speed': { slower: 4, viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
}

/** Runs in the page, before anything of the page's own. */
function watch() {
  window.busyUntil = 0
  new PerformanceObserver((list) => {
    for (const task of list.getEntries()) window.busyUntil = task.startTime + task.duration
  }).observe({ type: 'longtask', buffered: true })
  const look = () => {
    if (document.querySelector('textarea:enabled')) window.answersAt = performance.now()
    else requestAnimationFrame(look)
  }
  look()
}

async function load(browser, storageState, url, { slower, ...options }) {
  const context = await browser.newContext({ ...options, storageState })
  const page = await context.newPage()
  await (await context.newCDPSession(page)).send('Emulation.setCPUThrottlingRate', { rate: slower })
  await page.addInitScript(watch)
  await page.goto(`${url}/start`)
  await page.waitForFunction(() => {
    const [painted] = performance.getEntriesByName('first-contentful-paint')
    const at = Math.max(window.answersAt ?? Infinity, window.busyUntil, painted?.startTime ?? Infinity)
    return performance.now() > at + 1000
  })
  const ms = await page.evaluate(() => Math.max(window.answersAt, window.busyUntil, performance.getEntriesByName('first-contentful-paint')[0].startTime))
  await context.close()
  return ms
}

const service = await startService()
const browser = await startBrowser()
try {
  const signedIn = await browser.newContext()
  await (await signedIn.newPage()).goto(service.link)
  const state = await signedIn.storageState()
  for (const [name, device] of Object.entries(devices)) {
    const took = []
    for (let i = 0; i < loads; i++) took.push(await load(browser, state, service.url, device))
    took.sort((a, b) => a - b)
    console.log([name, took[Math.floor(loads / 2)].toFixed(0), 'ms', '-', '-'].join('\t'))
  }
} finally {
  await browser.close()
  await service.stop()
}
