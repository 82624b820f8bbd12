/** A session as cards: what a phone shows instead of a terminal. */
import { useEffect, useRef } from 'react'
import type { BashData, Card } from '../api/card-types'
import { AgentCard, type Answer, type Preview } from './agent-cards'
import { locale, plural, t } from '../messages'
import { Icon, Spinner } from '../ui/icon'

interface Props {
  cards: readonly Card[]
  /** The last lines of the screen, for the command that runs. */
  tail: string
  fullScreen: boolean
  onTerminal: () => void
  /** Whether an agent is in the session, and how its questions are answered; null for who only watches. */
  agent: boolean
  answer: Answer | null
  preview: Preview | null
}

export function Cards({ cards, tail, fullScreen, onTerminal, agent, answer, preview }: Props) {
  const end = useRef<HTMLDivElement>(null)
  const stays = useRef(true)
  const scroller = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (stays.current) end.current?.scrollIntoView({ block: 'end' })
  }, [cards, tail])
  return (
    <div
      ref={scroller}
      tabIndex={0}
      role="log"
      aria-label={t('shell.cards')}
      className="min-h-0 flex-1 overflow-y-auto overscroll-contain px-3 py-4 outline-offset-[-2px]"
      onScroll={() => {
        const s = scroller.current
        if (s) stays.current = s.scrollHeight - s.scrollTop - s.clientHeight < 80
      }}
    >
      <div className="mx-auto flex max-w-[704px] flex-col gap-3">
        {cards.length === 0 ? <p className="py-8 text-center text-muted">{t('shell.noCards')}</p> : null}
        {cards.map((card) => (
          card.kind === 'bash'
            ? <CommandCard key={card.id} card={card} tail={agent ? '' : tail} fullScreen={!agent && fullScreen} onTerminal={onTerminal} />
            : <AgentCard key={card.id} card={card} answer={answer} preview={preview} />
        ))}
        <div ref={end} />
      </div>
    </div>
  )
}

function CommandCard({ card, tail, fullScreen, onTerminal }: { card: Card } & Pick<Props, 'tail' | 'fullScreen' | 'onTerminal'>) {
  const data = card.data as BashData | undefined
  if (card.kind !== 'bash' || !data) {
    return null
  }
  const output = data.running ? (fullScreen ? '' : data.output || (data.waiting ? '' : tail)) : (data.output ?? '')
  const failed = !data.running && data.exitCode !== 0
  return (
    <article data-card={card.id} data-running={data.running} className={`overflow-hidden rounded-lg border bg-surface ${failed ? 'border-danger/60' : 'border-line'}`}>
      <header className="flex items-start gap-2 px-3 py-2">
        <pre dir="ltr" className="exact min-w-0 flex-1 font-semibold whitespace-pre-wrap text-ink [overflow-wrap:anywhere]">{data.command}</pre>
        <span className={`flex shrink-0 items-center gap-1 text-sm ${failed ? 'text-danger' : 'text-muted'}`}>
          {data.running && !data.waiting ? <Spinner /> : <Icon name={failed ? 'cross' : 'check'} className="size-4" />}
          {data.running
            ? t(data.waiting ? 'shell.needsPermission' : 'shell.running')
            : data.refused
              ? t('shell.refused')
            : failed
              ? t('shell.exit', { code: data.exitCode ?? -1 })
              : t('shell.took', { time: took(data.millis ?? 0) })}
        </span>
      </header>
      {data.fullScreen || (data.running && fullScreen) ? (
        <div className="flex flex-wrap items-center justify-between gap-2 border-t border-line px-3 py-2 text-sm text-muted">
          {t('shell.fullScreen')}
          {data.running ? (
            <button type="button" onClick={onTerminal} className="min-h-10 font-medium text-accent coarse:min-h-11">
              {t('shell.toTerminal')}
            </button>
          ) : null}
        </div>
      ) : output ? (
        <Output text={output} />
      ) : null}
    </article>
  )
}

const shown = 40

function Output({ text }: { text: string }) {
  const lines = text.split('\n')
  const hidden = lines.length - shown
  const body = (part: string[]) => (
    <pre dir="ltr" className="exact px-3 py-2 whitespace-pre-wrap text-ink [overflow-wrap:anywhere]">{part.join('\n')}</pre>
  )
  if (hidden <= 0) return <div className="border-t border-line bg-sunken">{body(lines)}</div>
  return (
    <div className="border-t border-line bg-sunken">
      <details>
        <summary className="min-h-10 cursor-pointer px-3 py-2 text-sm text-muted coarse:min-h-11">{plural('shell.linesBefore', hidden)}</summary>
        {body(lines.slice(0, hidden))}
      </details>
      {body(lines.slice(hidden))}
    </div>
  )
}

/** A duration as people say it. */
function took(millis: number): string {
  const unit = millis < 1000 ? 'millisecond' : millis < 60_000 ? 'second' : 'minute'
  const value = unit === 'millisecond' ? millis : unit === 'second' ? millis / 1000 : millis / 60_000
  return new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: unit === 'millisecond' ? 0 : 1 }).format(value)
}
