import { lazy, Suspense, useState } from 'react'
import type { Card, FlowData } from '../api/types'
import { duration, list } from '../lib/format'
import { patiently } from '../lib/patiently'
import { useNow } from '../lib/use-now'
import { useMedia, wide } from '../lib/use-media'
import { plural, t, tMaybe } from '../messages'
import { Skeleton } from '../ui/bits'
import { IconButton } from '../ui/button'
import { Icon, Spinner, type IconName } from '../ui/icon'
import { Boundary } from '../ui/boundary'
import { Sheet } from '../ui/sheet'
import { Frame } from './frame'
// The styles come with the page: a bundler loads those of a late part only once.
import '@xyflow/react/dist/base.css'
import './flow-graph.css'

/** React Flow and the layout engine come only when somebody opens the graph. */
const FlowGraph = lazy(() => patiently(() => import('./flow-graph')))

type View = 'list' | 'graph'
const folded = 8

export function FlowCard({ card, data }: { card: Card; data: FlowData }) {
  const roomy = useMedia(wide)
  const [large, setLarge] = useState(false)
  const [chosen, setChosen] = useState<View | null>(null)
  const view: View = chosen ?? (roomy ? 'graph' : 'list')
  const done = data.nodes.filter((n) => n.status === 'succeeded').length

  return (
    <Frame
      id={card.id}
      title={card.title || t('flow.title')}
      aside={<span className="money text-sm text-muted">{t('flow.summary', { done, total: data.nodes.length })}</span>}
    >
      <div className="flex items-center justify-between gap-2">
      <div role="group" aria-label={t('flow.view')} className="flex gap-1 self-start rounded-md bg-sunken p-1">
        <ViewButton icon="list" label={t('flow.list')} on={view === 'list'} onPress={() => setChosen('list')} />
        <ViewButton icon="graph" label={t('flow.graph')} on={view === 'graph'} onPress={() => setChosen('graph')} />
      </div>
        {view === 'graph' ? <IconButton icon="enlarge" label={t('flow.enlarge')} onClick={() => setLarge(true)} /> : null}
      </div>
      {view === 'graph' ? (
        <Boundary fallback={<List data={data} />}>
          <Suspense fallback={<GraphLoading />}>
            <FlowGraph data={data} />
          </Suspense>
        </Boundary>
      ) : (
        <List data={data} />
      )}
      <Sheet open={large} onOpenChange={setLarge} from="full" title={card.title || t('flow.title')}>
        <Boundary fallback={<List data={data} />}>
          <Suspense fallback={<GraphLoading />}>
            <FlowGraph data={data} tall />
          </Suspense>
        </Boundary>
      </Sheet>
    </Frame>
  )
}

function ViewButton({ icon, label, on, onPress }: { icon: IconName; label: string; on: boolean; onPress: () => void }) {
  return (
    <button
      type="button"
      aria-pressed={on}
      onClick={onPress}
      className={`calm flex min-h-8 items-center gap-2 rounded-sm px-3 text-sm font-medium coarse:min-h-11 ${on ? 'bg-surface text-ink shadow-raised' : 'text-muted hover:text-ink'}`}
    >
      <Icon name={icon} className="size-4" />
      {label}
    </button>
  )
}

function GraphLoading() {
  return (
    <div role="status">
      <span className="sr-only">{t('flow.loading')}</span>
      <Skeleton className="h-96" />
    </div>
  )
}

const order: Record<string, number> = { failed: 0, running: 1, pending: 2, succeeded: 3 }

function List({ data }: { data: FlowData }) {
  const [all, setAll] = useState(false)
  const now = useNow(data.nodes.some((n) => n.status === 'running'))
  const labels = new Map(data.nodes.map((n) => [n.id, n.label]))
  const before = new Map<string, string[]>()
  for (const rel of data.relationships) {
    if (rel.type !== 'finish-to-start') continue
    before.set(rel.toId, [...(before.get(rel.toId) ?? []), labels.get(rel.fromId) ?? rel.fromId])
  }
  // What moves or fails first; otherwise the order of the catalogue.
  const sorted = data.nodes
    .map((node, i) => ({ node, i }))
    .sort((a, b) => (order[a.node.status] ?? 2) - (order[b.node.status] ?? 2) || a.i - b.i)
    .map(({ node }) => node)
  const shown = all ? sorted : sorted.slice(0, folded)

  return (
    <div>
      <ul className="flex flex-col">
        {shown.map((node) => {
          const after = before.get(node.id) ?? []
          const waits = node.status === 'pending' && after.length > 0 ? t('flow.after', { names: list(after) }) : ''
          const took = node.startedAt && node.endedAt && node.endedAt - node.startedAt >= 1000 ? duration(node.endedAt - node.startedAt) : ''
          const runs = node.status === 'running' && node.startedAt ? duration(now - node.startedAt) : ''
          return (
            <li key={node.id} className="flex items-start gap-3 border-t border-line py-2 first:border-t-0">
              <StatusIcon status={node.status} />
              <div className="min-w-0 flex-1">
                <div className="flex flex-wrap items-baseline justify-between gap-x-3">
                  <span dir="auto" className="font-medium">{node.label}</span>
                  <span className="money text-sm text-muted">
                    {tMaybe(`flow.status.${node.status}`, node.status)}
                    {took || runs ? ` · ${took || runs}` : ''}
                  </span>
                </div>
                {waits ? <p className="text-sm text-muted">{waits}</p> : null}
                {node.message && node.status !== 'succeeded' && node.status !== 'pending' ? (
                  <p dir="auto" className={`text-sm ${node.status === 'failed' ? 'text-danger' : 'text-muted'}`}>
                    {node.message}
                  </p>
                ) : null}
              </div>
            </li>
          )
        })}
      </ul>
      {data.nodes.length > folded ? (
        <button
          type="button"
          aria-expanded={all}
          onClick={() => setAll(!all)}
          className="calm -mx-2 mt-1 min-h-10 rounded-md px-2 text-sm font-medium text-accent hover:bg-accent-soft coarse:min-h-11"
        >
          {all ? t('flow.showLess') : plural('flow.showAll', data.nodes.length)}
        </button>
      ) : null}
    </div>
  )
}

export function StatusIcon({ status }: { status: string }) {
  const base = 'flex size-6 shrink-0 items-center justify-center'
  if (status === 'running') return <span className={`${base} text-accent`}><Spinner /></span>
  if (status === 'succeeded') return <span className={`${base} text-ok`}><Icon name="check" className="size-4" /></span>
  if (status === 'failed') return <span className={`${base} text-danger`}><Icon name="warning" className="size-4" /></span>
  return <span className={base}><span className="size-2 rounded-full border border-edge" /></span>
}
