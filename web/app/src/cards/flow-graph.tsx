import {
  BaseEdge,
  Controls,
  Handle,
  MarkerType,
  Position,
  ReactFlow,
  type Edge,
  type EdgeProps,
  type Node,
  type NodeProps,
} from '@xyflow/react'
import { useEffect, useMemo, useState } from 'react'
import type { FlowData, FlowNode } from '../api/types'
import { useMedia } from '../lib/use-media'
import { t, tMaybe } from '../messages'
import { Skeleton } from '../ui/bits'
import { StatusIcon } from './flow'
import { needed, pathOf } from './flow-edges'
import { edgeId, layout, nodeHeight, nodeWidth, shapeOf, type Layout, type Point } from './flow-layout'

type ReleaseNode = Node<{ node: FlowNode }, 'release'>
type WayEdge = Edge<{ points: Point[] }, 'way'>

const nodeTypes = { release: Release }
const edgeTypes = { way: Way }

/**
 * The releases and what waits for what. It shows nothing that the list does not
 * say, so it is one image to a screen reader; positions change only when the
 * set of releases does, never with their status.
 */
export default function FlowGraph({ data, tall = false }: { data: FlowData; tall?: boolean }) {
  const shape = shapeOf(data)
  const [made, setMade] = useState<Layout | null>(null)
  const [error, setError] = useState<unknown>(null)
  const still = useMedia('(prefers-reduced-motion: reduce)')

  useEffect(() => {
    let live = true
    layout(data).then(
      (found) => live && setMade(found),
      (cause: unknown) => live && setError(cause ?? new Error('layout')),
    )
    return () => {
      live = false
    }
    // The layout depends on the shape alone; `data` changes with every status.
  }, [shape])

  const nodes = useMemo<ReleaseNode[]>(
    () =>
      data.nodes
        .filter((node) => made?.places.has(node.id))
        .map((node) => ({
          id: node.id,
          type: 'release',
          position: made?.places.get(node.id) ?? { x: 0, y: 0 },
          width: nodeWidth,
          height: nodeHeight,
          data: { node },
        })),
    [data.nodes, made],
  )
  const edges = useMemo<WayEdge[]>(() => {
    const status = new Map(data.nodes.map((n) => [n.id, n.status]))
    return needed(data).map((r) => ({
      id: edgeId(r),
      type: 'way',
      data: { points: made?.routes.get(edgeId(r)) ?? [] },
      source: r.fromId,
      target: r.toId,
      className: `flow-edge flow-edge-${status.get(r.fromId) === 'succeeded' ? 'done' : 'open'}`,
      markerEnd: { type: MarkerType.ArrowClosed, width: 12, height: 12, color: 'var(--color-edge)' },
    }))
  }, [data, made])

  if (error) throw error // The boundary shows the list instead.
  if (!made) return <Skeleton className={tall ? 'h-full' : 'h-96'} />
  return (
    <div dir="ltr" role="group" aria-label={t('flow.graphLabel')} className={`flow-graph rounded-md border border-line bg-page ${tall ? 'h-full' : 'h-[min(400px,60dvh)]'}`}>
      <ReactFlow
        nodes={nodes}
        edges={edges}
        nodeTypes={nodeTypes}
        edgeTypes={edgeTypes}
        fitView
        fitViewOptions={{ padding: 0.03, minZoom: 0.5, duration: still ? 0 : 120 }}
        minZoom={0.15}
        maxZoom={1.5}
        nodesDraggable={false}
        nodesConnectable={false}
        nodesFocusable={false}
        edgesFocusable={false}
        elementsSelectable={false}
        zoomOnScroll={false}
        preventScrolling={false}
        proOptions={{ hideAttribution: true }}
      >
        <Controls showInteractive={false} orientation="horizontal" position="bottom-left" />
      </ReactFlow>
    </div>
  )
}

/** An edge along the way that the layout found for it. */
function Way({ data, markerEnd }: EdgeProps<WayEdge>) {
  return <BaseEdge path={pathOf(data?.points ?? [])} {...(markerEnd ? { markerEnd } : {})} />
}

const looks: Record<string, string> = {
  pending: 'border-line text-muted',
  running: 'border-accent',
  succeeded: 'border-line',
  failed: 'border-danger',
}

function Release({ data }: NodeProps<ReleaseNode>) {
  const { node } = data
  const status = tMaybe(`flow.status.${node.status}`, node.status)
  return (
    <div
      title={[node.label, status, node.message].filter(Boolean).join(' · ')}
      className={`flex h-full items-center gap-1 rounded-md border bg-surface ps-1 pe-2 text-sm ${looks[node.status] ?? looks.pending}`}
    >
      <Handle type="target" position={Position.Left} isConnectable={false} />
      <StatusIcon status={node.status} />
      <span className="min-w-0 truncate">
        {node.label}
        <span className="sr-only"> ({status})</span>
      </span>
      <Handle type="source" position={Position.Right} isConnectable={false} />
    </div>
  )
}
