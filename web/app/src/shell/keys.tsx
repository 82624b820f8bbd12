/** Keys that a phone's keyboard does not have, and the line to type into. */
import { useRef, useState } from 'react'
import { useAction } from '../lib/use-action'
import { t } from '../messages'
import { IconButton } from '../ui/button'
import { filesOf, useFiles } from './files'
import { pasted } from './protocol'
import type { Terminal } from './terminal'

interface Props {
  terminal: Terminal | null
  input: (data: string) => boolean
  disabled: boolean
}

export function QuickKeys({ terminal, input, disabled }: Props) {
  const [ctrl, setCtrl] = useState(false)
  const arrow = (letter: string): string => (terminal?.applicationCursor ? `\x1bO${letter}` : `\x1b[${letter}`)
  const keys: [label: string, name: string, data: () => string][] = [
    ['Esc', t('shell.keyEscape'), () => '\x1b'],
    ['Tab', t('shell.keyTab'), () => '\t'],
    ['↑', t('shell.keyUp'), () => arrow('A')],
    ['↓', t('shell.keyDown'), () => arrow('B')],
    ['←', t('shell.keyLeft'), () => arrow('D')],
    ['→', t('shell.keyRight'), () => arrow('C')],
  ]
  const look = 'calm min-h-10 min-w-11 shrink-0 rounded-md border border-edge bg-surface px-2 text-sm coarse:min-h-11 disabled:opacity-55'
  return (
    <div dir="ltr" role="group" aria-label={t('shell.keys')} className="flex gap-1 overflow-x-auto px-2 py-1">
      <button type="button" aria-pressed={ctrl} aria-expanded={ctrl} disabled={disabled} className={`${look} ${ctrl ? 'border-accent bg-accent-soft' : ''}`} onClick={() => setCtrl(!ctrl)}>
        Ctrl
      </button>
      {ctrl
        ? ['C', 'D', 'Z', 'L', 'R', 'A', 'E', 'U', 'W'].map((letter) => (
            <button key={letter} type="button" disabled={disabled} className={look} aria-label={`Ctrl ${letter}`} onClick={() => { input(String.fromCharCode(letter.charCodeAt(0) - 64)); setCtrl(false) }}>
              {letter}
            </button>
          ))
        : keys.map(([label, name, data]) => (
            <button key={label} type="button" disabled={disabled} className={look} aria-label={name} onClick={() => input(data())}>
              {label}
            </button>
          ))}
    </div>
  )
}

/**
 * A real text field: what is typed into a terminal key by key is doubled and
 * lost by the keyboards of phones. It goes out as one bracketed paste and Enter.
 */
interface ComposeProps extends Props {
  hint: string
  /** Whether what is in the session takes input already. */
  ready: boolean
  /** Hands a prompt to an agent; null types into the terminal. */
  prompt: ((text: string) => Promise<unknown>) | null
  /** Puts a file into the session and gives where it is. */
  put: (file: File) => Promise<string>
}

export function ComposeBar({ terminal, input, disabled, hint, ready, prompt, put }: ComposeProps) {
  const [text, setText] = useState('')
  const hand = useAction(async (line: string) => {
    await prompt?.(line)
    setText('')
  })
  const field = useRef<HTMLTextAreaElement>(null)
  const chooser = useRef<HTMLInputElement>(null)
  const files = useFiles(put, (paths) => {
    setText((before) => `${before}${before === '' || /\s$/.test(before) ? '' : ' '}${paths} `)
    field.current?.focus()
  })
  const problem = hand.error || files.error
  const send = (): void => {
    if (disabled || !ready) return
    const line = text.replace(/\n+$/, '')
    if (prompt && line.trim() !== '') {
      void hand.run(line)
      field.current?.focus()
      return
    }
    const data = line === '' ? '' : pasted(line, terminal?.bracketed ?? false)
    if (input(`${data}\r`)) setText('')
    field.current?.focus()
  }
  return (
    <form
      data-ready={ready}
      className="flex flex-wrap items-end gap-2 px-2 pt-1 pb-2"
      onSubmit={(e) => {
        e.preventDefault()
        send()
      }}
    >
      {problem ? <p role="alert" className="w-full rounded-md border border-warn/50 bg-warn-soft px-3 py-2 text-sm">{problem}</p> : null}
      <input
        ref={chooser}
        type="file"
        multiple
        hidden
        tabIndex={-1}
        aria-label={t('shell.attach')}
        onChange={(e) => {
          files.take([...(e.target.files ?? [])])
          e.target.value = '' // the same one again is a change
        }}
      />
      <IconButton icon={files.busy ? 'more' : 'clip'} label={t(files.busy ? 'shell.attaching' : 'shell.attach')} type="button" disabled={disabled || files.busy} onClick={() => chooser.current?.click()} />
      <textarea
        ref={field}
        value={text}
        rows={Math.min(Math.max(text.split('\n').length, 1), 6)}
        aria-label={t('shell.compose')}
        placeholder={hint}
        dir="ltr"
        autoCapitalize="off"
        autoComplete="off"
        autoCorrect="off"
        spellCheck={false}
        enterKeyHint="send"
        className="field exact field-sizing-content max-h-40 min-h-11 min-w-0 flex-1 resize-none rounded-md border border-edge bg-surface px-3 py-2"
        onChange={(e) => setText(e.target.value)}
        onPaste={(e) => {
          const pastedFiles = filesOf(e.clipboardData)
          if (pastedFiles.length === 0) return
          e.preventDefault()
          files.take(pastedFiles)
        }}
        onKeyDown={(e) => {
          if (e.key === 'Enter' && !e.shiftKey && !e.nativeEvent.isComposing) {
            e.preventDefault()
            send()
          }
        }}
      />
      <IconButton icon="send" label={t('shell.send')} type="submit" disabled={disabled || !ready || hand.busy} className="bg-accent text-on-accent hover:bg-accent-strong hover:text-on-accent" />
    </form>
  )
}
