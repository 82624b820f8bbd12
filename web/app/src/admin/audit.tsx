/** /sandbox/audit: who did what in the Organization, for those who run it. */
import { useCallback, useEffect, useState } from 'react'
import { address } from '../api/client'
import { may, organization, type AuditEntry } from '../api/identity'
import type { Whoami } from '../api/types'
import { Header, HeaderLink } from '../frame/header'
import { moment } from '../lib/format'
import { explain, useAction } from '../lib/use-action'
import { t, tMaybe } from '../messages'
import { Badge, ErrorText, Fold } from '../ui/bits'
import { Button, ButtonLink } from '../ui/button'
import { Row, Rows, Section } from './parts'

/** How many entries a page has. */
const size = 25

export default function AuditPage({ whoami }: { whoami: Whoami }) {
  const concierge = whoami.mode === 'concierge'
  return (
    <div className="flex min-h-dvh flex-col">
      <a href="#main" className="skip">{t('app.skipContent')}</a>
      <Header
        whoami={whoami}
        simulated={concierge && whoami.cloud === 'simulated'}
        home={concierge ? 'start' : 'sandbox'}
        other={<HeaderLink to="sandbox/admin" icon="user" label={t('admin.title')} />}
      />
      <main id="main" tabIndex={-1} className="mx-auto flex w-full max-w-[704px] flex-1 flex-col gap-6 px-4 py-6 outline-none sm:px-6 md:py-12">
        <div>
          <h1 className="display text-xl sm:text-2xl">{t('audit.title')}</h1>
          <p className="text-muted">{t('audit.lead')}</p>
        </div>
        {may(whoami, 'org.audit.read') ? <Log exports={may(whoami, 'org.audit.export')} /> : <p>{t('audit.denied')}</p>}
      </main>
    </div>
  )
}

function Log({ exports }: { exports: boolean }) {
  const [rows, setRows] = useState<AuditEntry[] | null>(null)
  const [problem, setProblem] = useState('')
  const [over, setOver] = useState(false)
  const read = useCallback(async (before: AuditEntry[]) => {
    const page = await organization.audit(before.at(-1)?.seq ?? 0, size)
    setRows([...before, ...page])
    setOver(page.length < size)
  }, [])
  const older = useAction(() => read(rows ?? []))
  useEffect(() => {
    read([]).catch((error: unknown) => setProblem(explain(error)))
  }, [read])
  return (
    <Section
      id="log"
      title={t('audit.newest')}
      action={
        exports ? (
          <div className="flex flex-wrap gap-2">
            <ButtonLink icon="download" download href={address('api/v1/audit/export?format=csv')}>{t('audit.csv')}</ButtonLink>
            <ButtonLink icon="download" download href={address('api/v1/audit/export?format=jsonl')}>{t('audit.lines')}</ButtonLink>
          </div>
        ) : null
      }
    >
      <Rows list={{ rows, problem }} label={t('audit.title')} empty={t('audit.empty')} row={(e) => <Entry key={e.seq} entry={e} />} />
      <ErrorText>{older.error}</ErrorText>
      {rows && rows.length > 0 && !over ? <Button busy={older.busy} className="self-center" onClick={() => void older.run()}>{t('audit.older')}</Button> : null}
    </Section>
  )
}

function Entry({ entry: e }: { entry: AuditEntry }) {
  const done = e.result === 'done'
  const details: [string, string | undefined][] = [
    [t('audit.at'), e.at], [t('audit.operation'), e.operation], [t('audit.target'), e.target], [t('audit.detail'), e.detail], [t('audit.from'), e.from],
    [t('audit.subject'), e.subject], [t('audit.token'), e.tokenId && `${e.tokenType ?? ''} ${e.tokenId}`], [t('audit.request'), e.requestId],
  ]
  return (
    <Row id={String(e.seq)} actions={done ? null : <Badge tone="warn">{tMaybe(`audit.result.${e.result}`, e.result)}</Badge>}>
      <span className="block font-medium">{e.title}</span>
      <span className="block text-sm text-muted">
        <bdi>{e.erased ? t('audit.erased') : who(e)}</bdi> · <time dateTime={e.at}>{moment(e.at)}</time>
      </span>
      <Fold label={t('audit.more')}>
        <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-1 text-sm">
          {details.map(([label, value]) => value ? (
            <div key={label} className="contents">
              <dt className="text-muted">{label}</dt>
              <dd className="exact [overflow-wrap:anywhere]">{value}</dd>
            </div>
          ) : null)}
        </dl>
      </Fold>
    </Row>
  )
}

/** Who it was: a person, or what acted for one. */
function who(e: AuditEntry): string {
  const person = e.email || (e.subject === 'owner' ? t('account.localOwner') : e.subject || t('audit.service'))
  if (e.kind === 'model') return t('audit.programOf', { name: person })
  return e.tokenType === 'pat' ? t('audit.tokenOf', { name: person }) : person
}
