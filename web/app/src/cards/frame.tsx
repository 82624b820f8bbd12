import type { ReactNode } from 'react'
import { SimulatedBadge } from '../ui/bits'

interface Props {
  id: string
  title: string
  simulated?: boolean
  aside?: ReactNode
  tone?: 'plain' | 'call' | 'danger' | 'warn'
  children: ReactNode
}

const tones = {
  plain: 'border-line',
  call: 'border-accent ring-1 ring-accent',
  danger: 'border-danger',
  warn: 'border-warn/50',
}

/** The frame that every card has: a heading, what it is about, and its content. */
export function Frame({ id, title, simulated = false, aside, tone = 'plain', children }: Props) {
  const heading = `card-${id}`
  return (
    <article
      aria-labelledby={heading}
      data-card={id}
      className={`overflow-hidden rounded-lg border bg-surface shadow-raised ${tones[tone]}`}
    >
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-line px-4 py-2.5">
        <h2 id={heading} className="min-w-0 flex-[1_1_140px] text-base font-semibold">
          <bdi>{title}</bdi>
        </h2>
        {aside}
        {simulated ? <SimulatedBadge /> : null}
      </div>
      <div className="flex flex-col gap-4 p-4">{children}</div>
    </article>
  )
}
