import { useImperativeHandle, useRef, useState, type ReactNode, type Ref } from 'react'
import { t } from '../messages'
import { ErrorText } from '../ui/bits'
import { Icon } from '../ui/icon'

export const longest = 4000

export interface ComposerHandle {
  focus: () => void
  fill: (text: string) => void
}

interface Props {
  onSend: (text: string) => void
  placeholder: string
  /** While a reply is running it can be stopped instead. */
  running?: boolean
  onStop?: () => void
  disabled?: boolean
  /** A further way of saying something, beside the field. */
  beside?: ReactNode
  ref?: Ref<ComposerHandle>
}

/** Where a person writes. It grows with the text, up to a third of the screen. */
export function Composer({ onSend, placeholder, running = false, onStop, disabled = false, beside, ref }: Props) {
  const area = useRef<HTMLTextAreaElement>(null)
  const [text, setText] = useState('')
  const tooLong = text.length > longest

  useImperativeHandle(ref, () => ({
    focus: () => area.current?.focus(),
    fill: (value) => {
      setText(value)
      area.current?.focus()
    },
  }))

  const send = (): void => {
    const said = text.trim()
    if (said === '' || tooLong || disabled) return
    setText('')
    onSend(said)
    area.current?.focus()
  }

  const stopping = running && text.trim() === ''
  return (
    <form
      className="mx-auto w-full max-w-[704px]"
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
    >
      {tooLong ? <ErrorText>{t('composer.tooLong', { max: longest })}</ErrorText> : null}
      <div className="flex items-end gap-2 rounded-lg border border-edge bg-surface p-1.5 ps-4 focus-within:border-accent focus-within:outline-2 focus-within:-outline-offset-1 focus-within:outline-accent">
        <textarea
          ref={area}
          rows={1}
          dir="auto"
          value={text}
          disabled={disabled}
          placeholder={placeholder}
          aria-label={t('composer.label')}
          aria-describedby="composer-hint"
          enterKeyHint="send"
          className="field-sizing-content max-h-[33dvh] min-h-10 min-w-0 flex-1 resize-none bg-transparent py-2 outline-none coarse:min-h-11"
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => {
            if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return
            event.preventDefault()
            send()
          }}
        />
        {beside}
        {stopping ? (
          <button
            type="button"
            onClick={onStop}
            aria-label={t('composer.stop')}
            title={t('composer.stop')}
            className="calm flex size-10 shrink-0 items-center justify-center rounded-md border border-edge text-ink hover:bg-sunken coarse:size-11"
          >
            <Icon name="stop" />
          </button>
        ) : (
          <button
            type="submit"
            disabled={text.trim() === '' || tooLong || disabled}
            aria-label={t('composer.send')}
            title={t('composer.send')}
            className="calm flex size-10 shrink-0 items-center justify-center rounded-md bg-accent text-on-accent hover:not-disabled:bg-accent-strong disabled:bg-sunken disabled:text-muted coarse:size-11"
          >
            <Icon name="send" />
          </button>
        )}
      </div>
      <p id="composer-hint" className="sr-only">
        {t('composer.hint')}
      </p>
    </form>
  )
}
