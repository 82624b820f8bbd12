import type { Card, Choice, NoticeData } from '../api/types'
import { useConcierge } from '../chat/context'
import { RichText } from '../lib/rich-text'
import { useAction } from '../lib/use-action'
import { t } from '../messages'
import { ErrorText } from '../ui/bits'
import { Button } from '../ui/button'
import { Icon, type IconName } from '../ui/icon'

const looks: Record<string, { icon: IconName; box: string; ink: string }> = {
  info: { icon: 'info', box: 'border-line bg-surface', ink: 'text-muted' },
  warning: { icon: 'warning', box: 'border-warn/50 bg-warn-soft', ink: 'text-warn' },
  error: { icon: 'warning', box: 'border-danger/50 bg-danger-soft', ink: 'text-danger' },
}

/** Notices and errors: what happened, what to change, in words. */
export function NoticeCard({ card, data }: { card: Card; data: NoticeData | undefined }) {
  const level = data?.level ?? (card.kind === 'error' ? 'error' : 'info')
  const look = looks[level] ?? looks.info
  const heading = `card-${card.id}`
  const violations = data?.violations ?? []
  // The text is complete by itself; here the title has said its first line.
  const lines = card.text.split('\n')
  const text = lines.length > 1 && lines[0]?.replace(/[.!]$/, '') === card.title ? lines.slice(1).join('\n') : card.text
  return (
    <article
      {...(card.title ? { 'aria-labelledby': heading } : { 'aria-label': t('chat.concierge') })}
      data-card={card.id}
      className={`flex gap-3 rounded-lg border px-4 py-3 ${look?.box}`}
    >
      <Icon name={look?.icon ?? 'info'} className={`mt-0.5 ${look?.ink}`} />
      <div className="flex min-w-0 flex-1 flex-col gap-2">
        {card.title ? <h2 id={heading} dir="auto" className="font-semibold">{card.title}</h2> : null}
        {violations.length === 0 ? (
          <div dir="auto" className="flex flex-col gap-2"><RichText text={text} /></div>
        ) : (
          <>
            <p dir="auto">{text.split('\n')[0]}</p>
            <h3 className="text-sm font-semibold">{t('notice.violations')}</h3>
            <ul className="flex list-disc flex-col gap-1 ps-5">
              {violations.map((v) => (
                <li key={v.path + v.message} dir="auto">
                  {v.message} {v.suggestion ? <span className="text-muted">{v.suggestion}</span> : null}
                </li>
              ))}
            </ul>
          </>
        )}
        {data?.actions && data.actions.length > 0 ? <Actions card={card} actions={data.actions} /> : null}
      </div>
    </article>
  )
}

/** What the person can do about it. The service does it, and tells when a press came too late. */
function Actions({ card, actions }: { card: Card; actions: Choice[] }) {
  const { press } = useConcierge()
  const action = useAction((value: string) => press(card.id, value))
  return (
    <div className="flex flex-col items-start gap-2 pt-1">
      {actions.map((a) => (
        <Button key={a.value} variant="secondary" busy={action.busy} disabled={Boolean(a.unavailable)} onClick={() => void action.run(a.value)}>
          {a.label}
        </Button>
      ))}
      <ErrorText>{action.error}</ErrorText>
    </div>
  )
}
