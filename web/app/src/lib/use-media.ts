import { useSyncExternalStore } from 'react'

/** Whether a media query holds, and again whenever that changes. */
export function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (listener) => {
      const media = matchMedia(query)
      media.addEventListener('change', listener)
      return () => media.removeEventListener('change', listener)
    },
    () => matchMedia(query).matches,
  )
}

/** The Draft stands beside the chat from this width on; below it is a sheet. */
export const wide = '(min-width: 52rem)'
/** The list of conversations stands beside the chat from this width on. */
export const veryWide = '(min-width: 80rem)'
