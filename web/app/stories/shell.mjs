// The story of a session: one running shell on a desktop and on a phone at once,
// which outlives the service. `npm run stories`, or `node stories/shell.mjs`.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readlink } from 'node:fs/promises'
import { endSessions, startBrowser, startService } from './service.mjs'
import { look as lookAt } from './visitor.mjs'

const walled = await new Promise((resolve) => spawn('bwrap', ['--version'], { stdio: 'ignore' }).once('error', () => resolve(false)).once('exit', (code) => resolve(code === 0)))
if (!walled) console.log('bubblewrap is not here: the story runs without a wall')

const began = Date.now()
const browser = await startBrowser()
const service = await startService({ args: ['--isolation', walled ? 'bwrap' : 'none'] })
const broken = []
try {
  const context = async (options) => {
    const c = await browser.newContext({ reducedMotion: 'reduce', locale: 'en-GB', ...options })
    const page = await c.newPage()
    page.on('pageerror', (e) => broken.push(String(e)))
    page.on('console', (m) => m.type() === 'error' && !/WebSocket|Failed to load resource|ERR_CONNECTION/.test(m.text()) && broken.push(m.text()))
    return page
  }
  // A session's size is its own story: the page keeps its own here.
  const look = (page, state) => lookAt(page, `shell ${state}`, { reflow: false })
  const api = (page, path) => page.evaluate(async (p) => (await fetch(p)).json(), `/api/v1/sandbox/${path}`)

  const desktop = await context({ viewport: { width: 1440, height: 900 } })
  await desktop.goto(service.link)
  await desktop.getByRole('link', { name: 'Developer sessions' }).click()
  await desktop.getByText('No sessions yet.').waitFor()
  await look(desktop, 'empty')
  await desktop.getByRole('button', { name: 'New session' }).click()
  await desktop.getByLabel('Bash').check()
  await desktop.getByLabel(/Name/).fill('My work')
  await look(desktop, 'new')
  await desktop.getByRole('button', { name: 'Start' }).click()
  await desktop.getByText('Live').waitFor()
  const id = new URL(desktop.url()).hash.slice('#s='.length)
  const before = await api(desktop, `sessions/${id}`)

  // The phone joins the same session, with cards; it does not change its size.
  const phone = await context({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true })
  await phone.context().addCookies(await desktop.context().cookies())
  await phone.goto(`${service.url}/sandbox`)
  await phone.getByRole('button', { name: /My work/ }).first().waitFor()
  await look(phone, 'list')
  await phone.getByRole('button', { name: /^My work/ }).click()
  await phone.getByText('Live').waitFor()
  const sized = await desktop.locator('[data-size]').getAttribute('data-size')
  assert.ok(Number(sized.split('x')[0]) > 100, `the desktop's size is ${sized}`)

  await desktop.locator('.xterm-helper-textarea').focus()
  await desktop.keyboard.type('echo from the desktop; false\n')
  const card = (page, text) => page.locator('article[data-card]', { hasText: text })
  await card(phone, 'from the desktop').getByText('exit 1').waitFor()

  const compose = phone.getByLabel('Type into the session')
  await compose.fill('for i in 1 2; do\n  echo "line $i"\ndone')
  await phone.getByRole('button', { name: 'Send' }).click()
  await card(phone, 'for i in 1 2').getByText('line 2').waitFor()
  await compose.fill('export KEPT=kept-in-memory; top')
  await phone.getByRole('button', { name: 'Send' }).click()
  await phone.locator('article[data-running="true"]', { hasText: 'export KEPT' }).waitFor()
  await phone.getByRole('button', { name: 'Ctrl', exact: true }).click()
  await phone.getByRole('button', { name: 'Ctrl C' }).click()
  await phone.locator('article[data-running="false"]', { hasText: 'export KEPT' }).waitFor()
  await compose.fill("echo '日本 🎉 é'; seq 1 60")
  await phone.getByRole('button', { name: 'Send' }).click()
  await card(phone, 'seq 1 60').getByText('21 lines before').waitFor()
  assert.equal(await desktop.locator('[data-size]').getAttribute('data-size'), sized, 'the phone changed the size')
  await desktop.locator('[data-watchers="2"]').waitFor()
  await look(phone, 'cards')
  await look(desktop, 'terminal')

  // A file from the phone, and a picture that is pasted on the desktop.
  await phone.locator('input[type=file]').setInputFiles({ name: 'notes of today.txt', mimeType: 'text/plain', buffer: Buffer.from('carried over\n') })
  await phone.waitForFunction(() => document.querySelector('textarea.field').value.includes('/uploads/notes-of-today.txt '))
  await look(phone, 'attached')
  await compose.evaluate((field) => field.setSelectionRange(0, 0))
  await compose.pressSequentially('cat ')
  await phone.getByRole('button', { name: 'Send' }).click()
  await card(phone, 'carried over').waitFor()
  await desktop.locator('.xterm-helper-textarea').focus()
  await desktop.keyboard.type('wc -c < ')
  const put = desktop.waitForResponse((r) => r.url().includes('/files?'))
  await desktop.evaluate(() => {
    const data = new DataTransfer()
    data.items.add(new File([new Uint8Array(1234)], 'image.png', { type: 'image/png' }))
    document.activeElement.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }))
  })
  assert.equal((await put).status(), 201)
  await desktop.locator('[data-adding]').waitFor({ state: 'detached' })
  await desktop.keyboard.press('Enter') // its place was typed for the person
  await card(phone, '1234').waitFor()

  // What the session serves is looked at on both, at an origin of its own.
  if (walled) {
    await compose.fill(`perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => 3000, Listen => 9, ReuseAddr => 1); while ($c = $s->accept) { sysread $c, $r, 4096; print $c "HTTP/1.0 200 OK\\r\\nContent-Type: text/html\\r\\n\\r\\n<h1>hello from the session</h1>"; close $c }' &`)
    await phone.getByRole('button', { name: 'Send' }).click()
    await phone.locator('article[data-kind="preview-link"][data-state="open"]').waitFor()
    await desktop.getByRole('link', { name: 'Open port 3000' }).waitFor()
    await look(phone, 'phone-preview')
    await look(desktop, 'desktop-preview')
    for (const page of [phone, desktop]) {
      const opened = page.waitForEvent('popup')
      await page.getByRole('link', { name: 'Open port 3000' }).click()
      const preview = await opened
      await preview.getByRole('heading', { name: 'hello from the session' }).waitFor()
      const { host, pathname } = new URL(preview.url())
      assert.equal(host, `p3000-${id}.localhost:${new URL(service.url).port}`)
      assert.equal(pathname, '/')
      await preview.close()
    }
    await compose.fill('kill %1; sleep 0.1')
    await phone.getByRole('button', { name: 'Send' }).click()
    await phone.locator('article[data-kind="preview-link"][data-state="closed"]').waitFor()
  }

  // The service is killed. Both come back by themselves, to the same program.
  const cards = await phone.locator('article[data-card]').count()
  await service.kill()
  await desktop.getByText('Connection lost. Reconnecting…').waitFor()
  await phone.getByText('Connection lost. Reconnecting…').waitFor()
  assert.equal(new URL(await service.start()).origin, service.url)
  await desktop.getByText('Live').waitFor()
  await phone.getByText('Live').waitFor()
  const after = await api(desktop, `sessions/${id}`)
  assert.equal(after.pid, before.pid, 'another process runs')
  await readlink(`/proc/${after.pid}/exe`)
  assert.equal(await phone.locator('article[data-card]').count(), cards, 'cards were lost or doubled')
  await compose.fill('echo "it is $KEPT"')
  await phone.getByRole('button', { name: 'Send' }).click()
  await card(phone, 'it is').getByText('it is kept-in-memory').waitFor()
  assert.equal(await phone.locator('article[data-card]').count(), cards + 1)

  // The phone looks at the terminal, and takes its size over; then the desktop does.
  await phone.getByRole('button', { name: 'Terminal', exact: true }).click()
  await phone.getByRole('button', { name: /Fit to this window/ }).click()
  await desktop.locator(`[data-size]:not([data-size="${sized}"])`).waitFor()
  await look(phone, 'phone-terminal')
  await desktop.getByRole('button', { name: /Fit to this window/ }).click()
  await desktop.locator(`[data-size="${sized}"]`).waitFor()
  await desktop.getByRole('button', { name: 'Cards', exact: true }).click()
  await card(desktop, 'it is').waitFor()
  await look(desktop, 'desktop-cards')

  await desktop.getByRole('button', { name: 'All sessions' }).click()
  await desktop.getByRole('button', { name: 'End My work' }).click()
  await look(desktop, 'end')
  await desktop.getByRole('dialog').getByRole('button', { name: 'End My work' }).click()
  await desktop.getByText('No sessions yet.').waitFor()
  await assert.rejects(readlink(`/proc/${after.pid}/exe`), 'its process lives on')
  await phone.getByText(/^Ended|not there any more/).first().waitFor()
  assert.deepEqual(broken, [])
  console.log(`ok shell: ${((Date.now() - began) / 1000).toFixed(1)} s`)
} catch (error) {
  console.error(`FAILED shell: ${error.stack}\n${broken.join('\n')}`)
  process.exitCode = 1
} finally {
  await browser.close()
  await endSessions(service.dir) // of a story that failed
  await service.stop()
}
