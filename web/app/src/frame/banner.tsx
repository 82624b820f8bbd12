import { useEffect, useState } from 'react'
import type { Connection } from '../api/stream'
import { t } from '../messages'
import { Icon, Spinner } from '../ui/icon'

/** Whether the browser itself says that it has no network. */
function useOffline(): boolean {
  const [offline, setOffline] = useState(() => !navigator.onLine)
  useEffect(() => {
    const update = (): void => setOffline(!navigator.onLine)
    addEventListener('online', update)
    addEventListener('offline', update)
    return () => {
      removeEventListener('online', update)
      removeEventListener('offline', update)
    }
  }, [])
  return offline
}

/** A break shorter than this is not worth a word. */
const graceMs = 1200

/** Says when what is seen may be out of date, and when it no longer is. */
export function ConnectionBanner({ connection, onRetry }: { connection: Connection; onRetry: () => void }) {
  const offline = useOffline()
  const broken = offline || connection === 'waiting' || connection === 'connecting'
  const [shown, setShown] = useState(offline)
  useEffect(() => {
    if (!broken) return setShown(false)
    const timer = setTimeout(() => setShown(true), offline ? 0 : graceMs)
    return () => clearTimeout(timer)
  }, [broken, offline])

  return (
    <div role="status">
      {shown ? (
        <div className="flex flex-wrap items-center justify-center gap-x-3 border-b border-warn/40 bg-warn-soft px-4 py-2 text-sm text-warn">
          {offline ? <Icon name="offline" className="size-4" /> : <Spinner className="size-4" />}
          <span>{offline ? t('banner.offline') : t('banner.reconnecting')}</span>
          {offline ? null : (
            <button type="button" onClick={onRetry} className="min-h-8 font-medium underline coarse:min-h-11">
              {t('banner.reconnectNow')}
            </button>
          )}
        </div>
      ) : null}
    </div>
  )
}
