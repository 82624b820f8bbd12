import ELK, { type ElkExtendedEdge, type ElkNode } from 'elkjs/lib/elk-api'
import workerURL from 'elkjs/lib/elk-worker.min.js?url'
import type { FlowData, Relationship } from '../api/types'
import { patiently } from '../lib/patiently'
import { needed } from './flow-edges'

export const nodeWidth = 140
export const nodeHeight = 36

export interface Point {
  x: number
  y: number
}

export interface Layout {
  places: Map<string, Point>
  /** The bends of each edge, from end to end, by [edgeId]. */
  routes: Map<string, Point[]>
}

export const edgeId = (rel: Relationship): string => `${rel.fromId}>${rel.toId}`

/** The names of nodes and edges: the layout depends on nothing else. */
export function shapeOf(data: FlowData): string {
  return JSON.stringify([data.nodes.map((n) => n.id), needed(data).map(edgeId)])
}

const known = new Map<string, Promise<Layout>>()

/** Lays the graph out, once for each shape: opening it again costs nothing. */
export function layout(data: FlowData): Promise<Layout> {
  const shape = shapeOf(data)
  let made = known.get(shape)
  if (!made) {
    made = arrange(data)
    known.set(shape, made)
    made.catch(() => known.delete(shape))
  }
  return made
}

/** From left to right; a worker that did not come is tried again. */
const arrange = (data: FlowData): Promise<Layout> => patiently(() => arrangeOnce(data))

/** Does it in a worker of its own. */
async function arrangeOnce(data: FlowData): Promise<Layout> {
  let fail: (problem: unknown) => void = () => undefined
  const broken = new Promise<never>((_, reject) => (fail = reject))
  const elk = new ELK({
    workerUrl: workerURL,
    workerFactory: (url) => {
      const worker = new Worker(url ?? workerURL)
      worker.addEventListener('error', () => fail(new Error('the layout engine did not come'))) // ELK waits for it for ever
      return worker
    },
  })
  try {
    const graph: ElkNode = {
      id: 'root',
      layoutOptions: {
        'elk.algorithm': 'layered',
        'elk.direction': 'RIGHT',
        'elk.edgeRouting': 'ORTHOGONAL',
        'elk.spacing.nodeNode': '14',
        'elk.spacing.edgeNode': '10',
        'elk.layered.spacing.nodeNodeBetweenLayers': '28',
        'elk.layered.spacing.edgeNodeBetweenLayers': '14',
        'elk.layered.spacing.edgeEdgeBetweenLayers': '8',
        'elk.layered.mergeEdges': 'true',
        'elk.layered.nodePlacement.strategy': 'NETWORK_SIMPLEX',
        'elk.separateConnectedComponents': 'false',
      },
      children: data.nodes.map((n) => ({ id: n.id, width: nodeWidth, height: nodeHeight })),
      edges: needed(data).map((r) => ({ id: edgeId(r), sources: [r.fromId], targets: [r.toId] })),
    }
    const placed = await Promise.race([elk.layout(graph), broken])
    return {
      places: new Map((placed.children ?? []).map((n) => [n.id, { x: n.x ?? 0, y: n.y ?? 0 }])),
      routes: new Map((placed.edges ?? []).map((e) => [e.id, route(e)])),
    }
  } finally {
    elk.terminateWorker()
  }
}

function route(edge: ElkExtendedEdge): Point[] {
  const section = edge.sections?.[0]
  return section ? [section.startPoint, ...(section.bendPoints ?? []), section.endPoint] : []
}
