// Starts the real service on a data directory of its own, and a real browser.
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'

const binary = process.env.SANDBOX_BINARY ?? fileURLToPath(new URL('../../../bin/sandbox', import.meta.url))

/**
 * Starts `sandbox serve` on a free port; `link` signs its owner in, once. A
 * service that was killed starts again on the same port and data directory.
 */
export async function startService({ speed = 60, args = [] } = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'sandbox-story-'))
  let child
  let errors = ''
  const ended = () => new Promise((resolve) => child.once('exit', resolve))
  const start = async () => {
    child = spawn(binary, ['serve', '--data-dir', dir, '--listen', '127.0.0.1:0', '--speed', String(speed), '--log-level', 'warn', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child.stderr.on('data', (d) => (errors += d))
    return new Promise((resolve, reject) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        const found = line.match(/https?:\/\/\S+\/auth\/link\?code=\S+/)
        if (found) resolve(found[0])
      })
      child.once('exit', (code) => reject(new Error(`the service ended with ${code}: ${errors}`)))
    })
  }
  /** A page of the simulated cloud beside its API. */
  const cloud = async (page, faults) => {
    const [address, token] = await Promise.all(['address', 'token'].map(async (f) => (await readFile(join(dir, 'cloud', f), 'utf8')).trim()))
    const answer = await fetch(`http://${address}/_simulator/${page}`, {
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      ...(faults ? { method: 'POST', body: JSON.stringify(faults) } : {}),
    })
    if (!answer.ok) throw new Error(`the simulated cloud answered ${answer.status} to ${page}`)
    return answer.json()
  }

  const link = await start()
  return {
    dir, link,
    url: new URL(link).origin,
    errors: () => errors,
    /** Ends it as a crash would. */
    async kill() {
      const gone = ended()
      child.kill('SIGKILL')
      await gone
    },
    start,
    /** What goes wrong in the simulated cloud from now on; {} is nothing. */
    fail: (faults) => cloud('faults', faults),
    /** What the simulated cloud was asked to make: path and name of each, as often as it was made. */
    async made() {
      const { requests } = await cloud('requests?method=POST')
      return requests.filter((r) => r.status === 201 && r.name && r.path.split('/').length === 3).map((r) => `${r.path} ${r.name}`)
    },
    async stop() {
      // The simulated cloud outlives the service by design; a story takes it down.
      const gone = child.exitCode === null && child.signalCode === null ? ended() : null
      await new Promise((resolve) => spawn(binary, ['stop', '--data-dir', dir], { stdio: 'inherit' }).once('exit', resolve))
      await gone
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** Ends the developer sessions of a data directory, which outlive their service by design. */
export async function endSessions(dir) {
  for (const id of await readdir(join(dir, 'sessions')).catch(() => [])) {
    const { pid } = JSON.parse(await readFile(join(dir, 'sessions', id, 'process.json'), 'utf8'))
    try {
      process.kill(pid, 'SIGTERM')
      // It is nobody's child here, so its end is looked for.
      for (let i = 0; i < 500; i++) {
        process.kill(pid, 0)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    } catch {
      // It has ended.
    }
  }
}

/** A browser that asks nobody else for anything. */
export function startBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  })
}
