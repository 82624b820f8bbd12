import { downloads } from '../api/client'
import type { Draft } from '../api/types'
import { useConcierge } from '../chat/context'
import { day, money } from '../lib/format'
import { plural, t, tMaybe } from '../messages'
import { Badge, Fold, Skeleton } from '../ui/bits'
import { Icon, type IconName } from '../ui/icon'
import { Lines } from '../cards/cost'
import { ErrorLine, FieldRow } from './field-row'
import { groups, isBlank, otherViolations } from './fields'

/** The live Draft: the same facts as the chat, as a form. */
export function DraftPanel({ draft, loading }: { draft: Draft | null; loading: boolean }) {
  if (!draft) return loading ? <Loading /> : <Empty />
  return (
    <div className="flex flex-col gap-6 p-4">
      <Price draft={draft} />
      {isBlank(draft) ? <p className="text-sm text-muted">{t('draft.empty')}</p> : null}
      <Problems draft={draft} />
      {groups.map((group) => (
        <section key={group.id} aria-labelledby={`draft-${group.id}`}>
          <h3 id={`draft-${group.id}`} className="mb-1 text-sm font-semibold">
            {t(group.title)}
          </h3>
          <div className="rounded-lg border border-line bg-surface px-3">
            {group.fields.map((field) => (
              <FieldRow key={field.path} draft={draft} field={field} />
            ))}
          </div>
        </section>
      ))}
      <Account draft={draft} />
      <Downloads draft={draft} />
    </div>
  )
}

/**
 * How far the draft is, and what it costs: the first thing to see. The estimate
 * gives way to the plan's own price once there is a plan.
 */
function Price({ draft }: { draft: Draft }) {
  const { status, planned } = useConcierge()
  const missing = draft.missing?.length ?? 0
  const approved = planned?.approval.state === 'approved'
  const [title, note] = !planned
    ? [t('draft.estimate'), t('draft.estimateNote')]
    : approved
      ? [t('draft.approved'), t('draft.approvedNote', { object: planned.approval.object })]
      : [t('draft.planned'), t('draft.plannedNote')]
  const monthly = planned?.approval.monthly ?? draft.estimate?.monthly
  const cost = planned ? planned.cost : draft.estimate
  return (
    <section aria-label={title} className="rounded-lg border border-line bg-surface p-4">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <span className="text-sm text-muted">{title}</span>
        {status ? (
          <Badge tone={status === 'ready' ? 'ok' : status === 'failed' ? 'danger' : 'accent'}>
            {tMaybe(`progress.status.${status}`, status)}
          </Badge>
        ) : (
          <Badge tone={missing === 0 ? 'ok' : 'accent'} {...(missing === 0 ? { icon: 'check' as const } : {})}>
            {missing === 0 ? t('draft.complete') : plural('draft.missing', missing)}
          </Badge>
        )}
      </div>
      {monthly ? (
        <>
          <p className="flex flex-wrap items-baseline gap-x-2">
            <span className="money display text-xl">{money(monthly)}</span>
            {monthly.amount === '' ? null : <span className="text-sm text-muted">{t('cost.perMonth')}</span>}
          </p>
          <p className="text-sm text-muted">{note}</p>
          {cost && cost.lines.length > 0 ? (
            <div className="mt-1 -mb-2">
              <Fold label={t('cost.title')}>
                <Lines lines={cost.lines} total={money(cost.monthly)} />
                <p className="mt-1 text-xs text-muted">
                  {t('cost.asOf', { date: day(cost.pricesAsOf) })}
                </p>
              </Fold>
            </div>
          ) : null}
        </>
      ) : (
        <p className="text-sm text-muted">{t('draft.estimateNone')}</p>
      )}
    </section>
  )
}

function Problems({ draft }: { draft: Draft }) {
  const others = otherViolations(draft)
  const count = draft.violations?.length ?? 0
  if (count === 0) return null
  return (
    <div role="status" className="rounded-md bg-danger-soft p-3">
      <p className="flex items-center gap-2 text-sm font-semibold text-danger">
        <Icon name="warning" className="size-4" />
        {plural('draft.problems', count)}
      </p>
      {others.map((v) => (
        <ErrorLine key={v.path + v.message} message={v.message} suggestion={v.suggestion} />
      ))}
    </div>
  )
}

function Account({ draft }: { draft: Draft }) {
  const stored = draft.secrets?.length ?? 0
  const needed = (draft.missing ?? []).includes('account')
  const text = draft.simulatedAccount
    ? t('draft.account.simulated')
    : stored > 0
      ? plural('draft.account.stored', stored)
      : t('draft.account.none')
  return (
    <section aria-labelledby="draft-account">
      <h3 id="draft-account" className="mb-1 text-sm font-semibold">
        {t('draft.group.account')}
      </h3>
      <div className="flex min-h-12 items-center gap-3 rounded-lg border border-line bg-surface px-3 py-2">
        <Icon name="lock" className="size-4 text-muted" />
        <span className={`min-w-0 flex-1 ${draft.simulatedAccount || stored > 0 ? 'font-medium' : 'text-muted'}`}>{text}</span>
        {needed ? <Badge tone="accent">{t('draft.needed')}</Badge> : null}
      </div>
    </section>
  )
}

function Downloads({ draft }: { draft: Draft }) {
  const { conversationId } = useConcierge()
  const deployment = draft.deploymentId
  return (
    <section aria-labelledby="draft-downloads">
      <h3 id="draft-downloads" className="mb-1 text-sm font-semibold">
        {t('draft.downloads')}
      </h3>
      <ul className="rounded-lg border border-line bg-surface px-1">
        {deployment ? (
          <>
            <Download icon="file" href={downloads.tfvars(deployment)} name="tofu.auto.tfvars.json" label={t('draft.download.tfvars')} />
            <Download icon="file" href={downloads.plan(deployment)} name="plan.json" label={t('draft.download.plan')} />
          </>
        ) : null}
        <Download icon="file" href={downloads.transcript(conversationId)} name="transcript.md" label={t('draft.download.transcript')} />
      </ul>
      {deployment ? null : <p className="mt-1 text-sm text-muted">{t('draft.download.afterPlan')}</p>}
    </section>
  )
}

function Download({ icon, href, name, label }: { icon: IconName; href: string; name: string; label: string }) {
  return (
    <li className="border-t border-line first:border-t-0">
      <a
        href={href}
        download={name}
        className="calm my-1 flex min-h-10 items-center gap-3 rounded-md px-2 hover:bg-accent-soft coarse:min-h-11"
      >
        <Icon name={icon} className="size-4 text-muted" />
        <span className="min-w-0 flex-1 font-medium text-accent">{label}</span>
        <Icon name="download" className="size-4 text-muted" />
      </a>
    </li>
  )
}

function Loading() {
  return (
    <div role="status" className="flex flex-col gap-4 p-4">
      <span className="sr-only">{t('draft.loading')}</span>
      <Skeleton className="h-24" />
      <Skeleton className="h-40" />
      <Skeleton className="h-32" />
    </div>
  )
}

function Empty() {
  return <p className="p-4 text-muted">{t('draft.empty')}</p>
}
