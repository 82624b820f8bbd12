import type { Card, PlanChange, PlanData } from '../api/types'
import { plural, t, tMaybe } from '../messages'
import { CopyButton, Fold } from '../ui/bits'
import { Icon } from '../ui/icon'
import { Frame } from './frame'

/** The signs that people know from plans; a word always stands beside them. */
const signs: Record<string, { sign: string; tone: string }> = {
  create: { sign: '+', tone: 'text-ok' },
  update: { sign: '~', tone: 'text-warn' },
  replace: { sign: '±', tone: 'text-danger' },
  delete: { sign: '−', tone: 'text-danger' },
  read: { sign: '·', tone: 'text-muted' },
}

export function PlanCard({ card, data }: { card: Card; data: PlanData }) {
  const groups = grouped(data.changes ?? [])
  const counts = [
    { n: data.add, word: t('plan.add'), action: 'create' },
    { n: data.change, word: t('plan.change'), action: 'update' },
    { n: data.replace, word: t('plan.replace'), action: 'replace' },
    { n: data.destroy, word: t('plan.destroy'), action: 'delete' },
  ].filter((c) => c.n > 0)
  const onlyNew = data.change === 0 && data.replace === 0 && data.destroy === 0

  return (
    <Frame id={card.id} title={card.title || t('plan.title')} simulated={data.simulated}>
      <ul aria-label={t('plan.counts')} className="flex flex-wrap gap-x-6 gap-y-2">
        {counts.map(({ n, word, action }) => (
          <li key={action} className={`flex items-baseline gap-1.5 ${n > 0 ? signs[action]?.tone : 'text-muted'}`}>
            <span aria-hidden="true" className="font-mono text-lg font-semibold">
              {signs[action]?.sign}
            </span>
            <span className="money display text-xl">{n}</span>
            <span className="text-sm">{word}</span>
          </li>
        ))}
      </ul>
      {onlyNew ? <p className="-mt-2 text-sm text-muted">{t('plan.onlyNew')}</p> : null}

      <dl className="flex flex-col">
        {(data.facts ?? []).map((fact) => (
          <div key={fact.label} className="flex flex-wrap justify-between gap-x-4 border-t border-line py-2 first:border-t-0 first:pt-0">
            <dt className="text-sm leading-6 text-muted">{fact.label}</dt>
            <dd dir="auto" className="min-w-0 text-end font-medium">
              {fact.value}
            </dd>
          </div>
        ))}
      </dl>

      {data.advisories && data.advisories.length > 0 ? (
        <div className="rounded-md bg-warn-soft p-3 text-sm">
          <h3 className="flex items-center gap-2 font-semibold text-warn">
            <Icon name="warning" className="size-4" />
            {t('plan.advisories')}
          </h3>
          <ul className="mt-1 flex flex-col gap-1">
            {data.advisories.map((advice) => (
              <li key={advice} dir="auto">
                {advice}
              </li>
            ))}
          </ul>
        </div>
      ) : null}

      <div className="-mb-2 border-t border-line pt-2">
        <Fold label={plural('plan.resources', data.changes?.length ?? 0)}>
          <div className="flex flex-col gap-4 pt-1">
            {groups.map(([group, changes]) => (
              <div key={group}>
                <h3 className="flex justify-between gap-2 text-sm font-semibold">
                  <span>{group}</span>
                  <span className="font-normal text-muted">{plural('plan.groupCount', changes.length)}</span>
                </h3>
                <ul className="mt-1 flex flex-col">
                  {changes.map((change) => (
                    <Change key={change.address} change={change} />
                  ))}
                </ul>
              </div>
            ))}
          </div>
        </Fold>
        <Fold label={t('plan.raw')}>
          <Raw data={data} />
        </Fold>
      </div>
    </Frame>
  )
}

function Change({ change }: { change: PlanChange }) {
  const look = signs[change.action] ?? signs.read
  return (
    <li className="flex items-baseline gap-2 py-1 text-sm">
      <span aria-hidden="true" className={`w-3 shrink-0 text-center font-mono font-semibold ${look?.tone}`}>
        {look?.sign}
      </span>
      <span className="sr-only">{tMaybe(`plan.action.${change.action}`, change.action)}: </span>
      <span dir="auto" className="min-w-0 flex-1">
        {change.label}
      </span>
    </li>
  )
}

function Raw({ data }: { data: PlanData }) {
  const text = (data.changes ?? [])
    .map((c) => `${signs[c.action]?.sign ?? '·'} ${c.address}`)
    .join('\n')
  return (
    <div className="flex flex-col gap-3">
      <pre
        tabIndex={0}
        dir="ltr"
        aria-label={t('plan.raw')}
        className="max-h-72 overflow-auto rounded-md bg-sunken p-3 font-mono text-xs"
      >
        {text}
      </pre>
      <div>
        <div className="flex items-center justify-between gap-2">
          <span className="text-sm font-medium">{t('plan.digest')}</span>
          <CopyButton text={data.digest} label={`${t('app.copy')}: ${t('plan.digest')}`} />
        </div>
        <p className="exact text-muted">{data.digest}</p>
        <p className="mt-1 text-sm text-muted">{t('plan.digestNote')}</p>
      </div>
    </div>
  )
}

function grouped(changes: PlanChange[]): [string, PlanChange[]][] {
  const groups = new Map<string, PlanChange[]>()
  for (const change of changes) {
    const group = groups.get(change.group)
    if (group) group.push(change)
    else groups.set(change.group, [change])
  }
  return [...groups]
}
