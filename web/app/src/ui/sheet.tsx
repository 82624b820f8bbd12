import { Dialog } from 'radix-ui'
import type { ReactNode } from 'react'
import { t } from '../messages'
import { IconButton } from './button'

interface Props {
  open: boolean
  onOpenChange: (open: boolean) => void
  title: string
  /** From the bottom (the Draft on a phone), the start side, the middle, or full size. */
  from: 'bottom' | 'start' | 'middle' | 'full'
  description?: string
  children: ReactNode
}

const places = {
  bottom: 'rise inset-x-0 bottom-0 max-h-[88dvh] rounded-t-lg border-t pb-[env(safe-area-inset-bottom)]',
  start: 'fade inset-y-0 start-0 w-[min(320px,88vw)] border-e',
  full: 'fade inset-2 rounded-lg border sm:inset-6',
  middle: 'fade inset-x-4 top-1/2 m-auto max-h-[88dvh] max-w-[440px] -translate-y-1/2 rounded-lg border',
}

/**
 * A dialog that takes the focus, keeps it, and gives it back. The veil is our
 * own element: Radix's locks scrolling by a style element that it injects, which
 * the Content-Security-Policy forbids.
 */
export function Sheet({ open, onOpenChange, title, from, description, children }: Props) {
  return (
    <Dialog.Root open={open} onOpenChange={onOpenChange}>
      <Dialog.Portal>
        <div aria-hidden="true" className="fade fixed inset-0 z-40 bg-veil" />
        <Dialog.Content
          className={`fixed z-50 flex flex-col border-line bg-surface shadow-sheet ${places[from]}`}
          {...(description ? {} : { 'aria-describedby': undefined })}
        >
          <div className="flex min-h-14 shrink-0 items-center justify-between gap-2 border-b border-line ps-4 pe-2">
            <Dialog.Title className="text-lg font-semibold">{title}</Dialog.Title>
            <Dialog.Close asChild>
              <IconButton icon="close" label={t('app.close')} />
            </Dialog.Close>
          </div>
          {description ? (
            <Dialog.Description className="px-4 pt-4 text-base text-muted">{description}</Dialog.Description>
          ) : null}
          <div className="min-h-0 flex-1 overflow-y-auto overscroll-contain">{children}</div>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  )
}
