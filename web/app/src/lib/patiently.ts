/**
 * Loads a part of the app that comes later, and goes on trying while the network is
 * away: React keeps a failure for ever. After the last try it fails.
 */
export async function patiently<T>(load: () => Promise<T>, tries = 8, pause = 1000): Promise<T> {
  for (let left = tries - 1; ; left--) {
    try {
      return await load()
    } catch (problem) {
      if (left <= 0) throw problem
      await online(pause)
    }
  }
}

/** Waits for a while, and then for the network; at once when it comes back. */
function online(pause: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      removeEventListener('online', done)
      clearTimeout(timer)
      resolve()
    }
    addEventListener('online', done)
    const timer = setTimeout(() => navigator.onLine && done(), pause)
  })
}
