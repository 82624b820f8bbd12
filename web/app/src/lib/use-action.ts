import { useCallback, useEffect, useRef, useState } from 'react'
import { APIError } from '../api/problem'
import { t } from '../messages'

/** What a person reads about a failed request. */
export function explain(error: unknown): string {
  if (error instanceof APIError) {
    if (error.offline) return t('error.offline')
    const said = error.violations.map((v) => [v.message, v.suggestion].filter(Boolean).join(' '))
    const text = said.length > 0 ? said.join(' ') : error.message || t('error.unknown')
    return error.status >= 500 && error.requestId
      ? `${text} (${t('error.requestId', { id: error.requestId })})`
      : text
  }
  return t('error.unknown')
}

/**
 * One request at a time with its state: a second press while the first is on
 * its way does nothing, so no button can be pressed twice by accident.
 */
export function useAction<A extends unknown[]>(
  action: (...args: A) => Promise<unknown>,
): { run: (...args: A) => Promise<boolean>; busy: boolean; error: string; failure: unknown; clear: () => void } {
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState<unknown>(null)
  const inFlight = useRef(false)
  const mounted = useRef(true)
  const latest = useRef(action)
  useEffect(() => {
    latest.current = action
  })
  useEffect(() => {
    mounted.current = true
    return () => {
      mounted.current = false
    }
  }, [])

  const run = useCallback(async (...args: A) => {
    if (inFlight.current) return false
    inFlight.current = true
    setBusy(true)
    setFailure(null)
    try {
      await latest.current(...args)
      return true
    } catch (error) {
      if (mounted.current) setFailure(error)
      return false
    } finally {
      inFlight.current = false
      if (mounted.current) setBusy(false)
    }
  }, [])
  const clear = useCallback(() => setFailure(null), [])
  return { run, busy, error: failure === null ? '' : explain(failure), failure, clear }
}
