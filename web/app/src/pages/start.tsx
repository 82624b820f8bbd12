import { useCallback, useEffect, useState } from 'react'
import { mayShell } from '../api/identity'
import type { Whoami } from '../api/types'
import { Conversations, useConversations } from '../frame/conversations'
import { Header, HeaderLink } from '../frame/header'
import { useMedia, veryWide } from '../lib/use-media'
import { t } from '../messages'
import { IconButton } from '../ui/button'
import { Sheet } from '../ui/sheet'
import { ConversationView, type Beginning } from './conversation'
import { Landing } from './landing'

const fromAddress = (): string | null => new URLSearchParams(location.search).get('c')

/** /start: the concierge. The conversation's id is in the address, so a reload keeps it. */
export function StartPage({ whoami }: { whoami: Whoami }) {
  const [id, setId] = useState(fromAddress)
  const [first, setFirst] = useState<({ id: string } & Beginning) | null>(null)
  const [menu, setMenu] = useState(false)
  const list = useConversations()
  const { reload } = list
  const sidebar = useMedia(veryWide)
  const [names, setNames] = useState<Record<string, string>>({})
  // The list is asked for again when a conversation gets its title.
  const named = useCallback(
    (conversation: string, name: string) => {
      if (name) setNames((old) => ({ ...old, [conversation]: name }))
      reload()
    },
    [reload],
  )

  useEffect(() => {
    const back = (): void => setId(fromAddress())
    addEventListener('popstate', back)
    return () => removeEventListener('popstate', back)
  }, [])

  const open = useCallback(
    (next: string | null, beginning?: Beginning) => {
      history.pushState(null, '', next ? `?c=${encodeURIComponent(next)}` : location.pathname)
      setFirst(next && beginning ? { id: next, ...beginning } : null)
      setId(next)
      setMenu(false)
      if (beginning) reload()
    },
    [reload],
  )

  const conversations = (
    <Conversations list={list} names={names} current={id} onOpen={(next) => open(next)} onNew={() => open(null)} />
  )
  return (
    <div className="relative flex h-dvh flex-col overflow-clip">
      <a href="#main" className="skip">{id ? t('app.skip') : t('app.skipContent')}</a>
      <Header
        whoami={whoami}
        simulated={whoami.cloud === 'simulated'}
        home="start"
        other={mayShell(whoami) ? <HeaderLink to="sandbox" icon="terminal" label={t('shell.title')} /> : null}
        start={
          sidebar ? null : (
            <>
              <IconButton icon="menu" label={t('conversations.open')} aria-haspopup="dialog" onClick={() => setMenu(true)} />
              <Sheet open={menu} onOpenChange={setMenu} from="start" title={t('conversations.label')}>
                {conversations}
              </Sheet>
            </>
          )
        }
      />
      <div className="flex min-h-0 flex-1">
        {sidebar ? (
          <nav aria-label={t('conversations.label')} className="flex w-[256px] shrink-0 flex-col border-e border-line bg-surface">
            {conversations}
          </nav>
        ) : null}
        {id ? (
          <ConversationView key={id} id={id} whoami={whoami} first={first?.id === id ? first : undefined} onNamed={named} />
        ) : (
          <Landing list={list} showRecent={!sidebar} calls={whoami.calls === true} onOpen={open} />
        )}
      </div>
    </div>
  )
}
