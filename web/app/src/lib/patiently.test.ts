import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { patiently } from './patiently'

let network: EventTarget

beforeEach(() => {
  network = new EventTarget()
  vi.stubGlobal('addEventListener', network.addEventListener.bind(network))
  vi.stubGlobal('removeEventListener', network.removeEventListener.bind(network))
  vi.stubGlobal('navigator', { onLine: false })
})
afterEach(() => vi.unstubAllGlobals())

test('loads again when the network comes back', async () => {
  let tries = 0
  const loaded = patiently(async () => {
    if (++tries === 1) throw new Error('offline')
    return 'part'
  })
  await vi.waitFor(() => expect(tries).toBe(1))
  network.dispatchEvent(new Event('online'))
  expect(await loaded).toBe('part')
  expect(tries).toBe(2)
})

test('gives up what is not there', async () => {
  vi.stubGlobal('navigator', { onLine: true })
  let tries = 0
  const load = () => Promise.reject(new Error(`not there, ${++tries}`))
  await expect(patiently(load, 3, 1)).rejects.toThrow('not there, 3')
})
