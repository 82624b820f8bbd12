/** One session: its terminal and its cards, of the same running program. */
import { useCallback, useEffect, useRef, useState, type SyntheticEvent } from 'react'
import type { Card, PreviewLinkData } from '../api/card-types'
import { useMedia, wide } from '../lib/use-media'
import { t, tMaybe } from '../messages'
import { Button, IconButton } from '../ui/button'
import { PreviewButton } from './agent-cards'
import { preview as previewAddress, shell, type Session } from './api'
import { Cards } from './cards'
import { Connection, type Link } from './connection'
import { filesOf, useFiles } from './files'
import { ComposeBar, QuickKeys } from './keys'
import { pasted, type Exit, type Hello, type Size } from './protocol'
import { Terminal } from './terminal'

interface Props {
  id: string
  name: string
  invitation: string
  onBack: () => void
}

export function SessionView({ id, name, invitation, onBack }: Props) {
  const big = useMedia(wide)
  const [view, setView] = useState<'terminal' | 'cards'>(big ? 'terminal' : 'cards')
  const [link, setLink] = useState<Link>('connecting')
  const [hello, setHello] = useState<Hello | null>(null)
  const [size, setSize] = useState<Size | null>(null)
  const [title, setTitle] = useState('')
  const [cards, setCards] = useState<Card[]>([])
  const [doing, setDoing] = useState('')
  const [known, setKnown] = useState<Session | null>(null)
  const [exit, setExit] = useState<Exit | null>(null)
  const [latency, setLatency] = useState<number | null>(null)
  const [screen, setScreen] = useState({ tail: '', fullScreen: false })
  // A program that asks for pastes to be marked is there to take some.
  const [takes, setTakes] = useState(false)
  const [finding, setFinding] = useState(false)
  const host = useRef<HTMLDivElement>(null)
  const terminal = useRef<Terminal | null>(null)
  const connection = useRef<Connection | null>(null)
  const showing = useRef(view)

  /** Says what this window could show. */
  const measure = useCallback(() => {
    const shown = showing.current === 'terminal' && document.visibilityState === 'visible'
    const fits = shown ? terminal.current?.fits() : null
    if (fits) connection.current?.resize(fits.cols, fits.rows, true)
    else connection.current?.resize(0, 0, false)
  }, [])

  useEffect(() => {
    const box = host.current
    if (!box) return
    let wanted = 0
    const conn = new Connection(id, invitation, deviceName(), {
      link: setLink,
      hello: setHello,
      size: setSize,
      title: setTitle,
      latency: setLatency,
      exit: setExit,
      doing: setDoing,
      card: (c) => setCards((all) => withCard(all, c as Card)),
      snapshot: (cols, rows, paint, painted) => term.snapshot(cols, rows, paint, () => { painted(); look() }),
      data: (bytes, painted) => term.data(bytes, () => { painted(); look() }),
    })
    const term = new Terminal(box, (data) => conn.input(data), (data) => conn.binary(data))
    // The cards show the end of the screen, at most a few times a second.
    const look = (): void => {
      wanted ||= window.setTimeout(() => {
        wanted = 0
        setTakes(term.bracketed)
        if (showing.current === 'cards') setScreen({ tail: term.tail(12), fullScreen: term.fullScreen })
      }, 150)
    }
    terminal.current = term
    connection.current = conn
    measure()
    conn.open()
    const resized = new ResizeObserver(measure)
    resized.observe(box)
    const back = (): void => {
      measure()
      conn.retry()
    }
    document.addEventListener('visibilitychange', back)
    window.addEventListener('online', back)
    return () => {
      window.clearTimeout(wanted)
      resized.disconnect()
      document.removeEventListener('visibilitychange', back)
      window.removeEventListener('online', back)
      conn.close()
      term.dispose()
      terminal.current = null
      connection.current = null
    }
  }, [id, invitation, measure])

  useEffect(() => {
    shell.session(id, invitation).then(setKnown, () => {}) // the connection says what is wrong
  }, [id, invitation])

  useEffect(() => {
    showing.current = view
    measure()
    if (view === 'terminal' && big) terminal.current?.xterm.focus()
    const term = terminal.current
    if (view === 'cards' && term) setScreen({ tail: term.tail(12), fullScreen: term.fullScreen })
  }, [view, big, measure])

  const input = useCallback((data: string) => connection.current?.input(data) ?? false, [])
  const put = useCallback((file: File) => shell.put(id, file, invitation), [id, invitation])
  const files = useFiles(put, (paths) => input(pasted(`${paths} `, terminal.current?.bracketed ?? false)))
  const mayType = link === 'live' && hello?.role !== 'observer'
  /** Files that are pasted or dropped into the terminal; text is xterm.js's. */
  const drop = (e: SyntheticEvent, dropped: File[]): void => {
    if (dropped.length === 0 || !mayType) return
    e.preventDefault()
    e.stopPropagation()
    files.take(dropped)
  }
  const mine = size?.owner === hello?.client
  const watched = size !== null && size.watchers.length > 0
  const preview = mayType && !exit ? (port: number) => previewAddress(id, port, invitation) : null
  const ports = view === 'terminal' && preview ? cards.filter((c) => c.kind === 'preview-link').map((c) => c.data as PreviewLinkData).filter((d) => d.state === 'open') : []
  const ready = !known?.mode || takes
  return (
    <main id="main" className="shell-page flex flex-col">
      <header className="flex min-h-14 shrink-0 flex-wrap items-center gap-x-2 border-b border-line bg-surface px-2">
        <IconButton icon="list" label={t('shell.back')} onClick={onBack} />
        <div className="min-w-0 flex-1">
          <h1 className="truncate font-semibold"><bdi>{name}</bdi></h1>
          <p className="truncate text-sm text-muted" role="status">
            {exit ? ended(exit) : t(`shell.link.${link}`)}
            {link === 'live' && latency !== null ? ` · ${t('shell.latency', { ms: Math.max(1, Math.round(latency)) })}` : ''}
            {doing && !exit ? <span data-doing={doing}> · {tMaybe(`shell.state.${doing}`, doing)}</span> : null}
            {known?.mode ? <> · {t('shell.modeIs', { mode: tMaybe(`shell.mode.${known.mode}`, known.mode) })}</> : null}
            {known?.payer ? <span className="max-sm:hidden"> · {t(`models.uses.${known.payer}`)}</span> : null}
            {title ? <span className="max-sm:hidden"> · <bdi>{title}</bdi></span> : null}
          </p>
        </div>
        <div role="group" aria-label={t('shell.view')} className="flex rounded-md border border-edge p-0.5">
          {(['terminal', 'cards'] as const).map((v) => (
            <button
              key={v}
              type="button"
              aria-pressed={view === v}
              onClick={() => setView(v)}
              className={`calm min-h-9 rounded px-3 text-sm coarse:min-h-11 ${view === v ? 'bg-accent font-medium text-on-accent' : 'text-muted'}`}
            >
              {t(`shell.view.${v}`)}
            </button>
          ))}
        </div>
      </header>
      {watched || ports.length > 0 ? (
        <div className="flex min-h-8 shrink-0 flex-wrap items-center gap-2 border-b border-line bg-sunken px-3 py-0.5 text-sm text-muted">
          <span className="min-w-0 flex-1 truncate" data-watchers={size?.watchers.length ?? 0}>
            {watched ? t('shell.watching', { who: size.watchers.map((w) => (w.client === hello?.client ? t('shell.you') : w.name)).join(', ') }) : null}
          </span>
          {preview ? ports.map((d) => <PreviewButton key={d.port} port={d.port} preview={preview} className="min-h-8! py-0! text-sm" />) : null}
          {size && view === 'terminal' && mayType && !mine ? (
            <Button className="min-h-8! py-0! text-sm" onClick={() => connection.current?.claim()}>
              {t('shell.claim', { size: `${size.cols}×${size.rows}` })}
            </Button>
          ) : null}
          {view === 'terminal' ? (
            <button type="button" aria-pressed={finding} className="min-h-8 px-2 text-accent" onClick={() => setFinding(!finding)}>
              {t('shell.search')}
            </button>
          ) : null}
        </div>
      ) : null}
      {finding && view === 'terminal' ? (
        <input
          type="search"
          autoFocus
          aria-label={t('shell.search')}
          placeholder={t('shell.searchHint')}
          className="m-2 min-h-10 rounded-md border border-edge bg-surface px-3"
          onChange={(e) => terminal.current?.search.findPrevious(e.target.value, { incremental: true })}
          onKeyDown={(e) => {
            if (e.key === 'Enter') terminal.current?.search[e.shiftKey ? 'findNext' : 'findPrevious'](e.currentTarget.value)
            if (e.key === 'Escape') setFinding(false)
          }}
        />
      ) : null}
      {files.busy && view === 'terminal' ? <p role="status" data-adding className="border-b border-line bg-sunken px-3 py-1 text-sm text-muted">{t('shell.attaching')}</p> : null}
      {files.error && view === 'terminal' ? <p role="alert" className="border-b border-warn/50 bg-warn-soft px-3 py-1 text-sm">{files.error}</p> : null}
      <div
        onPasteCapture={(e) => drop(e, filesOf(e.clipboardData))}
        onDragOver={(e) => e.preventDefault()}
        onDrop={(e) => drop(e, filesOf(e.dataTransfer))}
        data-size={size ? `${size.cols}x${size.rows}` : ''}
        className={`shell-terminal min-h-0 flex-1 overflow-auto ${view === 'terminal' ? '' : 'shell-hidden'}`}
        aria-hidden={view !== 'terminal'}
        inert={view !== 'terminal'}
      >
        <div ref={host} className="size-full" />
      </div>
      {view === 'cards' ? <Cards cards={cards} tail={screen.tail} fullScreen={screen.fullScreen} onTerminal={() => setView('terminal')} agent={Boolean(known?.mode)} answer={mayType ? (card, allow) => shell.answer(id, card, allow, invitation) : null} preview={preview} /> : null}
      {view === 'cards' || !big ? (
        <div className="shrink-0 border-t border-line bg-sunken pb-[env(safe-area-inset-bottom)]">
          <QuickKeys terminal={terminal.current} input={input} disabled={!mayType} />
          <ComposeBar terminal={terminal.current} input={input} disabled={!mayType} ready={ready}
            put={put} hint={t(!ready ? 'shell.startsHint' : known?.mode ? 'shell.promptHint' : 'shell.composeHint')} prompt={known?.mode ? (text) => shell.prompt(id, text, invitation) : null} />
        </div>
      ) : null}
    </main>
  )
}

/** The cards with one added, or replaced by its id. */
function withCard(all: Card[], card: Card): Card[] {
  const at = all.findIndex((c) => c.id === card.id)
  return at < 0 ? [...all, card] : all.with(at, card)
}

function ended(exit: Exit): string {
  if (exit.error) return exit.error
  if (exit.signal) return t('shell.endedSignal', { signal: exit.signal })
  return t('shell.ended', { code: exit.code })
}

function deviceName(): string {
  return matchMedia('(pointer: coarse)').matches ? t('shell.phone') : t('shell.desktop')
}
