/** The cards of coding agents: what is said, what is changed, and what is asked. */
import type { Card, DiffData, Hunk, NoticeData, PermissionData, PreviewLinkData, TextData, TodoData, ToolCallData } from '../api/card-types'
import { RichText } from '../lib/rich-text'
import { useAction } from '../lib/use-action'
import { t } from '../messages'
import { Button, ButtonLink } from '../ui/button'
import { Icon, Spinner } from '../ui/icon'

/** Answers a permission card. */
export type Answer = (card: string, allow: boolean) => Promise<unknown>

/** Where a port of the session can be looked at. */
export type Preview = (port: number) => string

export function AgentCard({ card, answer, preview }: { card: Card; answer: Answer | null; preview: Preview | null }) {
  switch (card.kind) {
    case 'preview-link':
      return card.data ? <PreviewLink card={card} data={card.data as PreviewLinkData} preview={preview} /> : <Plain card={card} />
    case 'text':
      return <Said card={card} data={card.data as TextData | undefined} />
    case 'diff':
      return card.data ? <Diff card={card} data={card.data as DiffData} /> : <Plain card={card} />
    case 'permission':
      return card.data ? <Permission card={card} data={card.data as PermissionData} answer={answer} /> : <Plain card={card} />
    case 'todo':
      return card.data ? <Todo card={card} data={card.data as TodoData} /> : <Plain card={card} />
    case 'tool-call':
      return card.data ? <ToolCall card={card} data={card.data as ToolCallData} /> : <Plain card={card} />
    case 'notice':
    case 'error':
      return <Notice card={card} data={card.data as NoticeData | undefined} />
    default:
      return <Plain card={card} />
  }
}

/** A card of a kind that this app does not know reads well as its text. */
function Plain({ card }: { card: Card }) {
  return <pre data-card={card.id} data-kind={card.kind} className="exact rounded-lg border border-line bg-surface p-3 whitespace-pre-wrap">{card.text}</pre>
}

function Said({ card, data }: { card: Card; data: TextData | undefined }) {
  const person = data?.from === 'person'
  return (
    <article
      data-card={card.id}
      data-kind="text"
      data-from={data?.from}
      data-streaming={data?.streaming ? 'true' : undefined}
      dir="auto"
      className={`flex max-w-full flex-col gap-2 [overflow-wrap:anywhere] ${person ? 'self-end rounded-lg bg-accent-soft px-3 py-2 whitespace-pre-wrap' : 'px-1'}`}
    >
      <span className="sr-only">{t(person ? 'shell.fromPerson' : 'shell.fromAgent')}</span>
      {person ? card.text : <RichText text={card.text} />}
    </article>
  )
}

function PreviewLink({ card, data, preview }: { card: Card; data: PreviewLinkData; preview: Preview | null }) {
  const open = data.state === 'open'
  return (
    <article data-card={card.id} data-kind="preview-link" data-state={data.state} className="flex flex-wrap items-center gap-x-3 gap-y-2 rounded-lg border border-line bg-surface px-3 py-2">
      <h2 className="font-semibold">{t('shell.port', { port: String(data.port) })}</h2>
      <span className="min-w-0 flex-1 text-sm text-muted">{t(open ? 'shell.port.open' : 'shell.port.closed')}</span>
      {open && preview ? <PreviewButton port={data.port} preview={preview} /> : null}
    </article>
  )
}

/** Opens a port of the session beside this page. */
export function PreviewButton({ port, preview, className = '' }: { port: number; preview: Preview; className?: string }) {
  return (
    <ButtonLink icon="external" href={preview(port)} target="_blank" rel="noopener noreferrer" className={className}>
      {t('shell.preview', { port: String(port) })}
      <span className="sr-only"> {t('secret.opens')}</span>
    </ButtonLink>
  )
}

function Diff({ card, data }: { card: Card; data: DiffData }) {
  const failed = data.state === 'failed'
  return (
    <article data-card={card.id} data-kind="diff" data-state={data.state} className={`overflow-hidden rounded-lg border bg-surface ${failed ? 'border-danger/60' : 'border-line'}`}>
      <header className="flex flex-wrap items-center gap-x-3 gap-y-1 px-3 py-2">
        <Icon name={failed ? 'cross' : 'edit'} className={`size-4 shrink-0 ${failed ? 'text-danger' : 'text-muted'}`} />
        <bdi dir="ltr" className="exact min-w-0 flex-1 font-semibold [overflow-wrap:anywhere]">{data.path}</bdi>
        <Counts added={data.added} removed={data.removed} />
        <span className={`text-sm ${failed ? 'text-danger' : 'text-muted'}`}>
          {t(failed ? 'shell.change.failed' : data.created ? 'shell.change.created' : 'shell.change.made')}
        </span>
      </header>
      {failed && data.problem ? <p dir="auto" className="border-t border-line px-3 py-2 text-sm">{data.problem}</p> : null}
      <Hunks hunks={data.hunks} />
      {data.cut ? <p className="border-t border-line px-3 py-2 text-sm text-muted">{t('shell.change.cut')}</p> : null}
    </article>
  )
}

function Counts({ added, removed }: { added: number; removed: number }) {
  return (
    <span dir="ltr" className="flex gap-2 text-sm tabular-nums">
      <span className="text-ok"><span aria-hidden="true">+{added}</span><span className="sr-only">{t('shell.added', { n: added })}</span></span>
      <span className="text-danger"><span aria-hidden="true">−{removed}</span><span className="sr-only">{t('shell.removed', { n: removed })}</span></span>
    </span>
  )
}

function Hunks({ hunks }: { hunks: readonly Hunk[] }) {
  if (hunks.length === 0) return null
  return (
    <div dir="ltr" tabIndex={0} role="group" aria-label={t('shell.change.made')} className="max-h-96 overflow-auto border-t border-line bg-sunken py-1 outline-offset-[-2px]">
      {hunks.map((h, i) => (
        <div key={i} className={i > 0 ? 'mt-1 border-t border-dashed border-line pt-1' : ''}>
          {h.lines.map((line, n) => (
            <pre
              key={n}
              className={`exact min-w-full px-3 whitespace-pre-wrap [overflow-wrap:anywhere] ${
                line.startsWith('+') ? 'bg-accent-soft text-ink' : line.startsWith('-') ? 'bg-danger-soft text-ink' : 'text-muted'
              }`}
            >
              {line}
            </pre>
          ))}
        </div>
      ))}
    </div>
  )
}

function Permission({ card, data, answer }: { card: Card; data: PermissionData; answer: Answer | null }) {
  const act = useAction(async (allow: boolean) => answer?.(card.id, allow))
  const waiting = data.state === 'waiting'
  const state = data.state === 'waiting' || data.state === 'gone' ? data.state : `${data.state}.${data.by || 'terminal'}`
  return (
    <article
      data-card={card.id}
      data-kind="permission"
      data-state={data.state}
      data-by={data.by}
      className={`overflow-hidden rounded-lg border bg-surface ${waiting ? 'border-warn' : 'border-line'}`}
    >
      <header className="flex flex-wrap items-center gap-x-3 gap-y-1 px-3 py-2">
        <Icon name={waiting ? 'warning' : data.state === 'allowed' ? 'check' : 'cross'} className={`size-4 shrink-0 ${waiting ? 'text-warn' : 'text-muted'}`} />
        <h2 className="min-w-0 flex-1 font-semibold">{t('shell.asks', { tool: data.tool })}</h2>
        <span className="text-sm text-muted">{t(`shell.permission.${state}` as 'shell.permission.waiting')}</span>
      </header>
      {data.detail ? <pre dir="ltr" className="exact border-t border-line px-3 py-2 whitespace-pre-wrap [overflow-wrap:anywhere]">{data.detail}</pre> : null}
      {waiting ? <Hunks hunks={data.hunks ?? []} /> : null}
      {waiting && answer ? (
        <div className="flex flex-wrap gap-2 border-t border-line p-3">
          <Button variant="primary" busy={act.busy} onClick={() => void act.run(true)}>{t('shell.allow')}</Button>
          <Button disabled={act.busy} onClick={() => void act.run(false)}>{t('shell.deny')}</Button>
        </div>
      ) : null}
      {act.error ? <p role="alert" className="border-t border-line px-3 py-2 text-sm">{act.error}</p> : null}
    </article>
  )
}

function Todo({ card, data }: { card: Card; data: TodoData }) {
  return (
    <article data-card={card.id} data-kind="todo" className="rounded-lg border border-line bg-surface px-3 py-2">
      <h2 className="font-semibold">{t('shell.todo')}</h2>
      <ul className="mt-1 flex flex-col gap-1">
        {data.items.map((item, i) => (
          <li key={i} dir="auto" className={`flex items-start gap-2 ${item.state === 'done' ? 'text-muted line-through' : ''}`}>
            {item.state === 'active' ? <Spinner /> : <Icon name={item.state === 'done' ? 'check' : 'dot'} className="mt-1 size-4 shrink-0 text-muted" />}
            <span className="sr-only">{t(`shell.todo.${item.state}` as 'shell.todo.done')}: </span>
            <span className="min-w-0">{item.text}</span>
          </li>
        ))}
      </ul>
    </article>
  )
}

function ToolCall({ card, data }: { card: Card; data: ToolCallData }) {
  const [first = ''] = card.text.split('\n')
  const failed = data.state === 'failed'
  return (
    <article data-card={card.id} data-kind="tool-call" data-state={data.state} className="flex items-start gap-2 px-1 text-sm text-muted">
      {data.state === 'running' ? <Spinner /> : <Icon name={failed ? 'cross' : 'check'} className={`mt-0.5 size-4 shrink-0 ${failed ? 'text-danger' : ''}`} />}
      <span dir="ltr" className="exact min-w-0 flex-1 [overflow-wrap:anywhere]">{first}</span>
      <span>{t(`shell.tool.${data.state}` as 'shell.tool.failed')}</span>
    </article>
  )
}

function Notice({ card, data }: { card: Card; data: NoticeData | undefined }) {
  const bad = card.kind === 'error' || data?.level === 'error'
  return (
    <article
      data-card={card.id}
      data-kind={card.kind}
      dir="auto"
      className={bad ? 'rounded-lg border border-danger/60 bg-danger-soft px-3 py-2 whitespace-pre-line' : 'px-1 text-sm text-muted'}
    >
      {card.text}
    </article>
  )
}
