// Starts the real service on a data directory of its own, and a real browser.
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'

const binary = process.env.SANDBOX_BINARY ?? fileURLToPath(new URL('../../../bin/sandbox', import.meta.url))

/** Starts `sandbox serve` on a free port; `link` signs its owner in, once. */
export async function startService({ speed = 60, args = [] } = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'sandbox-story-'))
  const child = spawn(binary, ['serve', '--data-dir', dir, '--listen', '127.0.0.1:0', '--speed', String(speed), '--log-level', 'warn', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let errors = ''
  child.stderr.on('data', (d) => (errors += d))
  const link = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const found = line.match(/https?:\/\/\S+\/auth\/link\?code=\S+/)
      if (found) resolve(found[0])
    })
    child.once('exit', (code) => reject(new Error(`the service ended with ${code}: ${errors}`)))
  })
  const url = new URL(link).origin
  return {
    dir, url, link,
    errors: () => errors,
    async stop() {
      // The simulated cloud outlives the service by design; a story takes it down.
      const ended = new Promise((resolve) => child.once('exit', resolve))
      await new Promise((resolve) => spawn(binary, ['stop', '--data-dir', dir], { stdio: 'inherit' }).once('exit', resolve))
      await ended
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** A browser that asks nobody else for anything. */
export function startBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  })
}
