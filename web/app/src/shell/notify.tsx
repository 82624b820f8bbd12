/** The switch that lets sessions tell this device something (Push API). */
import { useEffect, useState } from 'react'
import { address } from '../api/client'
import { useAction } from '../lib/use-action'
import { t } from '../messages'
import { Button } from '../ui/button'
import { shell } from './api'

interface State {
  is: 'unsupported' | 'denied' | 'off' | 'on'
  /** The device's id where it is on. */
  id?: string
}

/** Whether this browser has what is needed; on iOS only an app of the home screen has. */
const supported = (): boolean => 'serviceWorker' in navigator && 'PushManager' in window && 'Notification' in window

const scope = (): string => new URL(address('')).pathname

async function registration(): Promise<ServiceWorkerRegistration> {
  await navigator.serviceWorker.register(address('notify.js'), { scope: scope() })
  return navigator.serviceWorker.ready
}

async function now(): Promise<State> {
  if (!supported()) return { is: 'unsupported' }
  if (Notification.permission === 'denied') return { is: 'denied' }
  const worker = await navigator.serviceWorker.getRegistration(scope())
  const known = await worker?.pushManager.getSubscription()
  if (!known || Notification.permission !== 'granted') return { is: 'off' }
  // The service may have forgotten it, or be another one at the same address.
  return { is: 'on', id: await shell.subscribe(known, deviceName()) }
}

const deviceName = (): string => {
  const data = (navigator as { userAgentData?: { platform?: string } }).userAgentData
  return data?.platform || navigator.platform || t('shell.phone')
}

export function Notify() {
  const [state, setState] = useState<State | null>(null)
  useEffect(() => {
    now().then(setState, () => setState({ is: 'off' }))
  }, [])
  const turn = useAction(async (on: boolean) => {
    const worker = await registration()
    if (!on) {
      if (state?.id) await shell.unsubscribe(state.id)
      await (await worker.pushManager.getSubscription())?.unsubscribe()
      setState({ is: 'off' })
      return
    }
    if ((await Notification.requestPermission()) !== 'granted') {
      setState(await now())
      return
    }
    const { publicKey } = await shell.push()
    const made = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: publicKey })
    setState({ is: 'on', id: await shell.subscribe(made, deviceName()) })
  })
  if (state === null) return null
  return (
    <section aria-label={t('notify.title')} data-notify={state.is} className="flex flex-wrap items-center justify-between gap-3 rounded-lg border border-line px-4 py-3">
      <div className="min-w-0 flex-1">
        <p className="text-sm text-muted">{t(`notify.${state.is}`)}</p>
        {turn.error ? <p role="alert" className="text-sm text-danger">{turn.error}</p> : null}
      </div>
      {state.is === 'on' || state.is === 'off' ? (
        <Button busy={turn.busy} onClick={() => void turn.run(state.is === 'off')}>{t(state.is === 'on' ? 'notify.stop' : 'notify.start')}</Button>
      ) : null}
    </section>
  )
}
