/** Model keys: what coding agents think with, and whose bill that is. */
import { useState } from 'react'
import { may } from '../api/identity'
import type { Whoami } from '../api/types'
import { Ask, Row, Rows, Section } from '../admin/parts'
import { useAction } from '../lib/use-action'
import { t } from '../messages'
import { ErrorText, Fold, Labelled } from '../ui/bits'
import { Button } from '../ui/button'
import { Sheet } from '../ui/sheet'
import { shell, type ModelAPI, type ModelInfo } from './api'

interface ModelsProps {
  whoami: Whoami
  list: { rows: ModelInfo[] | null; problem: string; reload: () => void }
  onAdd: (api: ModelAPI) => void
  onChange: () => void
}

/** What there is for each wire format, and what a new session takes of it. */
export function Models({ whoami, list, onAdd, onChange }: ModelsProps) {
  const [going, setGoing] = useState<{ api: ModelAPI; organization: boolean } | null>(null)
  const all = may(whoami, 'org.model.change') && Boolean(whoami.orgId)
  const mine = may(whoami, 'sandbox.session.pay')
  return (
    <Section id="models" title={t('models.title')} lead={t('models.lead')}>
      <Rows
        list={list}
        label={t('models.title')}
        empty=""
        row={(m) => (
          <Row
            key={m.api}
            id={m.api}
            actions={
              mine ? (
                <>
                  {m.own ? <Button variant="quiet" onClick={() => setGoing({ api: m.api, organization: false })}>{t('models.removeOwn')}</Button> : null}
                  {m.organization && all ? <Button variant="quiet" onClick={() => setGoing({ api: m.api, organization: true })}>{t('models.removeOrganization')}</Button> : null}
                  <Button onClick={() => onAdd(m.api)} aria-label={t(m.own ? 'models.changeOf' : 'models.addOf', { name: t(`models.${m.api}`) })}>{t(m.own ? 'models.change' : 'models.add')}</Button>
                </>
              ) : null
            }
          >
            <span className="block font-medium">{t(`models.${m.api}`)}</span>
            <span className="block text-sm text-muted">{t('models.for', { agents: m.agents.join(', ') })}</span>
            <Uses of={m} />
          </Row>
        )}
      />
      <Ask
        open={going !== null}
        title={t('models.removeTitle')}
        body={t(going?.organization ? 'models.removeOrganizationBody' : 'models.removeBody')}
        press={t(going?.organization ? 'models.removeOrganization' : 'models.removeOwn')}
        onClose={() => setGoing(null)}
        act={async () => {
          if (going) await shell.removeModel(going.api, going.organization)
          onChange()
        }}
      />
    </Section>
  )
}

/** Whose key a new session takes. */
function Uses({ of }: { of: ModelInfo }) {
  const key = of.uses === 'person' ? of.own : of.uses === 'organization' ? of.organization : undefined
  return (
    <span data-uses={of.uses ?? 'none'} className="block text-sm">
      {t(`models.uses.${of.uses ?? 'none'}`)}
      {key ? <bdi dir="ltr" className="exact text-muted"> ••••{key.ending}{key.model ? ` · ${key.model}` : ''}{key.url === of.url ? '' : ` · ${new URL(key.url).host}`}</bdi> : null}
    </span>
  )
}

interface AddProps {
  whoami: Whoami
  model: ModelInfo | undefined
  onClose: () => void
  onKept: () => void
}

/** The sheet that takes a key. */
export function AddModel({ whoami, model, onClose, onKept }: AddProps) {
  return (
    <Sheet open={model !== undefined} onOpenChange={(o) => !o && onClose()} from="middle" title={t('models.addOf', { name: model ? t(`models.${model.api}`) : '' })} description={t('models.addLead')}>
      {model ? <Form key={model.api} whoami={whoami} model={model} onKept={onKept} /> : null}
    </Sheet>
  )
}

function Form({ whoami, model, onKept }: { whoami: Whoami; model: ModelInfo; onKept: () => void }) {
  const [key, setKey] = useState('')
  const [name, setName] = useState('')
  const [url, setURL] = useState('')
  const [organization, setOrganization] = useState(false)
  const keep = useAction(async () => {
    await shell.setModel(model.api, organization, { key: key.trim(), ...(name.trim() ? { model: name.trim() } : {}), ...(url.trim() ? { url: url.trim() } : {}) })
    onKept()
  })
  const exact = { autoCapitalize: 'off', autoCorrect: 'off', spellCheck: false, dir: 'ltr', className: 'control exact' } as const
  return (
    <form className="flex flex-col gap-4 p-4" onSubmit={(e) => { e.preventDefault(); void keep.run() }}>
      <Labelled label={t('models.key')} hint={t('models.keyHint')}>
        {(ids) => <input {...ids} {...exact} required type="password" autoComplete="new-password" maxLength={4096} value={key} onChange={(e) => setKey(e.target.value)} />}
      </Labelled>
      <Labelled label={t('models.model')} optional={model.api === 'anthropic'} hint={t(`models.modelHint.${model.api}`)}>
        {(ids) => <input {...ids} {...exact} required={model.api === 'openai'} autoComplete="off" maxLength={200} value={name} onChange={(e) => setName(e.target.value)} />}
      </Labelled>
      <Fold label={t('models.elsewhere')}>
        <Labelled label={t('models.url')} optional hint={t(`models.urlHint.${model.api}`)}>
          {(ids) => <input {...ids} {...exact} type="url" autoComplete="off" placeholder={model.url} value={url} onChange={(e) => setURL(e.target.value)} />}
        </Labelled>
      </Fold>
      {may(whoami, 'org.model.change') && whoami.orgId ? (
        <fieldset>
          <legend className="mb-1 text-sm font-medium">{t('models.who')}</legend>
          <div className="flex flex-col rounded-md border border-line">
            {[false, true].map((all) => (
              <label key={String(all)} className="flex min-h-11 items-center gap-3 border-t border-line px-3 first:border-t-0">
                <input type="radio" name="who" checked={organization === all} onChange={() => setOrganization(all)} className="size-4 accent-accent" />
                <span className="py-2">{t(all ? 'models.everybody' : 'models.me')}</span>
              </label>
            ))}
          </div>
        </fieldset>
      ) : null}
      <ErrorText>{keep.error}</ErrorText>
      <Button type="submit" variant="primary" busy={keep.busy}>{t('models.keep')}</Button>
    </form>
  )
}
