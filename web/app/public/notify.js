// The service worker: it shows what developer sessions tell, and answers for the
// person who presses Allow or Deny. It caches nothing and sees no request.

/** @type {Record<string, string>} */
const words = {
  waiting: '{name} waits for you',
  finished: '{name} is finished',
  failed: '{name} failed',
  allow: 'Allow',
  deny: 'Deny',
  late: 'This was answered already.',
  lost: 'That did not reach the session. Open it to answer.',
}

const address = (path) => new URL(path, self.registration.scope).toString()
const page = (session) => address(`sandbox#s=${session}`)

/** A window of the app that shows the session and is looked at. */
async function watching(session) {
  const all = await self.clients.matchAll({ type: 'window', includeUncontrolled: true })
  return all.some((c) => c.visibilityState === 'visible' && c.focused && c.url === page(session))
}

async function show(message) {
  if (!message?.session || !words[message.what] || (await watching(message.session))) return
  await self.registration.showNotification(words[message.what].replace('{name}', message.name || 'Sandbox'), {
    body: message.text,
    tag: message.session,
    renotify: true,
    icon: address('assets/icon-192.png'),
    data: { session: message.session, card: message.card || '' },
    actions: message.card ? [{ action: 'allow', title: words.allow }, { action: 'deny', title: words.deny }] : [],
  })
}

async function answer(session, card, decision) {
  const said = await fetch(address(`api/v1/sandbox/sessions/${session}/permissions/${encodeURIComponent(card)}`), {
    method: 'POST',
    credentials: 'same-origin',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ decision }),
  }).catch(() => null)
  if (said?.ok) return
  await self.registration.showNotification('Sandbox', { body: said?.status === 409 ? words.late : words.lost, tag: session, data: { session, card: '' } })
}

async function open(session) {
  for (const c of await self.clients.matchAll({ type: 'window', includeUncontrolled: true })) {
    if (c.url.startsWith(address('sandbox'))) {
      await c.focus()
      await c.navigate(page(session)).catch(() => self.clients.openWindow(page(session)))
      return
    }
  }
  await self.clients.openWindow(page(session))
}

self.addEventListener('install', () => self.skipWaiting())
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()))
self.addEventListener('push', (event) => {
  let message = null
  try {
    message = event.data?.json() ?? null
  } catch {
    // not one of ours
  }
  event.waitUntil(show(message))
})
self.addEventListener('notificationclick', (event) => {
  const { session, card } = event.notification.data ?? {}
  event.notification.close()
  if (!session) return
  event.waitUntil(card && (event.action === 'allow' || event.action === 'deny') ? answer(session, card, event.action) : open(session))
})
