import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** The scripted model; its Go program ends with its standard input. */
export async function startModel(key) {
  const root = fileURLToPath(new URL('../../..', import.meta.url))
  const child = spawn('go', ['run', './shell/agent/scripted/serve', '--key', key], { cwd: root, stdio: ['pipe', 'pipe', 'inherit'] })
  const url = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve)
    child.once('exit', (code) => reject(new Error(`the model ended with ${code}`)))
  })
  return { url, key, go: () => fetch(`${url}/_go`), stop: () => child.stdin.end() }
}
