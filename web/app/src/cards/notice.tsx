import type { Card, NoticeData } from '../api/types'
import { RichText } from '../lib/rich-text'
import { t } from '../messages'
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
          <div dir="auto" className="flex flex-col gap-2"><RichText text={card.text} /></div>
        ) : (
          <>
            <p dir="auto">{card.text.split('\n')[0]}</p>
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
      </div>
    </article>
  )
}
