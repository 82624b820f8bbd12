import { useRef } from 'react'
import { api } from '../api/client'
import { Composer, type ComposerHandle } from '../chat/composer'
import { ConversationLinks, type ConversationList } from '../frame/conversations'
import { useAction } from '../lib/use-action'
import { language, t } from '../messages'
import { ErrorText } from '../ui/bits'
import { IconButton } from '../ui/button'
import type { Beginning } from './conversation'

interface Props {
  list: ConversationList
  showRecent: boolean
  /** Whether this service takes calls. */
  calls: boolean
  onOpen: (id: string, beginning?: Beginning) => void
}

/** Before a conversation: what this is, what happens, and where to begin. */
export function Landing({ list, showRecent, calls, onOpen }: Props) {
  const composer = useRef<ComposerHandle>(null)
  const begin = useAction(async (beginning: Beginning) => {
    try {
      const { id } = await api.createConversation(language)
      onOpen(id, beginning)
    } catch (error) {
      if (beginning.text) composer.current?.fill(beginning.text) // Nothing that was typed is lost.
      throw error
    }
  })
  const steps = [
    [t('landing.how1'), t('landing.how1Detail')],
    [t('landing.how2'), t('landing.how2Detail')],
    [t('landing.how3'), t('landing.how3Detail')],
  ] as const
  const examples = [t('landing.example1'), t('landing.example2'), t('landing.example3')]

  return (
    <main id="main" tabIndex={-1} className="min-h-0 flex-1 overflow-y-auto px-4 outline-none sm:px-6">
      <div className="mx-auto flex max-w-[704px] flex-col gap-8 py-8 md:py-16">
        <div className="flex flex-col gap-3">
          <h1 className="display text-2xl sm:text-3xl">{t('landing.title')}</h1>
          <p className="max-w-[60ch] text-muted">{t('landing.lead')}</p>
        </div>
        <div className="flex flex-col gap-2">
          <Composer
            ref={composer}
            placeholder={t('composer.placeholderFirst')}
            disabled={begin.busy}
            onSend={(text) => void begin.run({ text })}
            beside={calls ? <IconButton icon="phone" label={t('call.start')} onClick={() => void begin.run({ call: true })} /> : null}
          />
          <ErrorText>{begin.error}</ErrorText>
        </div>
        <section aria-labelledby="examples">
          <h2 id="examples" className="mb-2 text-sm font-semibold text-muted">{t('landing.examples')}</h2>
          <ul className="flex flex-col gap-2">
            {examples.map((example) => (
              <li key={example}>
                <button
                  type="button"
                  onClick={() => composer.current?.fill(example)}
                  className="calm min-h-11 w-full rounded-md border border-line bg-surface px-4 py-2.5 text-start hover:border-accent hover:bg-accent-soft"
                >
                  {example}
                </button>
              </li>
            ))}
          </ul>
        </section>
        <section aria-labelledby="how">
          <h2 id="how" className="mb-3 text-sm font-semibold text-muted">{t('landing.how')}</h2>
          <ol className="grid gap-4 sm:grid-cols-3">
            {steps.map(([title, detail], i) => (
              <li key={title} className="flex gap-3 sm:flex-col sm:gap-2 sm:border-t sm:border-line sm:pt-3">
                <span aria-hidden="true" className="money flex size-6 shrink-0 items-center justify-center rounded-full bg-accent-soft text-sm font-semibold text-accent">
                  {i + 1}
                </span>
                <span>
                  <span className="block font-semibold">{title}</span>
                  <span className="block text-sm text-muted">{detail}</span>
                </span>
              </li>
            ))}
          </ol>
        </section>
        {showRecent && list.items && list.items.length > 0 ? (
          <section aria-labelledby="recent">
            <h2 id="recent" className="mb-2 text-sm font-semibold text-muted">{t('landing.recent')}</h2>
            <ConversationLinks items={list.items.slice(0, 5)} current={null} onOpen={(id) => onOpen(id)} />
          </section>
        ) : null}
      </div>
    </main>
  )
}
