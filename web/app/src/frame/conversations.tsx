import { useCallback, useEffect, useState } from 'react'
import { api } from '../api/client'
import type { ConversationSummary } from '../api/types'
import { moment } from '../lib/format'
import { t } from '../messages'
import { Skeleton } from '../ui/bits'
import { Button } from '../ui/button'

export interface ConversationList {
  items: ConversationSummary[] | null
  failed: boolean
  reload: () => void
}

/** The person's conversations, newest first. */
export function useConversations(): ConversationList {
  const [items, setItems] = useState<ConversationSummary[] | null>(null)
  const [failed, setFailed] = useState(false)
  const reload = useCallback(() => {
    setFailed(false)
    api.conversations().then(
      (found) => setItems([...found].sort((a, b) => when(b).localeCompare(when(a)))),
      () => setFailed(true),
    )
  }, [])
  useEffect(reload, [reload])
  return { items, failed, reload }
}

const when = (c: ConversationSummary): string => c.updatedAt || c.createdAt || ''

interface Props {
  list: ConversationList
  /** Better names than the first words, by id. */
  names: Record<string, string>
  current: string | null
  onOpen: (id: string) => void
  onNew: () => void
}

export function Conversations({ list, names, current, onOpen, onNew }: Props) {
  return (
    <div className="flex min-h-0 flex-1 flex-col gap-3 p-3">
      <Button icon="plus" className="w-full" onClick={onNew}>
        {t('conversations.new')}
      </Button>
      {list.failed ? (
        <div className="flex flex-col items-start gap-2 p-2 text-sm">
          <p className="text-danger">{t('conversations.failed')}</p>
          <Button onClick={list.reload}>{t('app.retry')}</Button>
        </div>
      ) : list.items === null ? (
        <div role="status" className="flex flex-col gap-2">
          <span className="sr-only">{t('app.loading')}</span>
          <Skeleton className="h-12" />
          <Skeleton className="h-12" />
        </div>
      ) : list.items.length === 0 ? (
        <p className="p-2 text-sm text-muted">{t('conversations.empty')}</p>
      ) : (
        <ConversationLinks items={list.items} names={names} current={current} onOpen={onOpen} />
      )}
    </div>
  )
}

interface LinksProps {
  items: ConversationSummary[]
  names?: Record<string, string>
  current: string | null
  onOpen: (id: string) => void
}

export function ConversationLinks({ items, names = {}, current, onOpen }: LinksProps) {
  return (
    <ul className="-mx-1 flex min-h-0 flex-col gap-0.5 overflow-y-auto px-1">
      {items.map((item) => (
        <li key={item.id}>
          <a
            href={`?c=${encodeURIComponent(item.id)}`}
            aria-current={item.id === current ? 'page' : undefined}
            onClick={(event) => {
              if (event.metaKey || event.ctrlKey || event.shiftKey) return
              event.preventDefault()
              onOpen(item.id)
            }}
            className="calm flex min-h-12 flex-col justify-center rounded-md px-3 py-1.5 hover:bg-sunken aria-[current]:bg-accent-soft"
          >
            <span className="truncate font-medium">
              <bdi>{names[item.id] || item.title || t('conversations.untitled')}</bdi>
            </span>
            <span className="text-sm text-muted">{moment(when(item))}</span>
          </a>
        </li>
      ))}
    </ul>
  )
}
