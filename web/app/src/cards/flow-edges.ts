import type { FlowData, Relationship } from '../api/types'

/**
 * The finish-to-start edges that the graph draws: those whose two ends exist,
 * without the ones that follow from others (a before b before c makes a before
 * c), which would only hide the order. The list names every one.
 */
export function needed(data: FlowData): Relationship[] {
  const ids = new Set(data.nodes.map((n) => n.id))
  const edges = data.relationships.filter(
    (r) => r.type === 'finish-to-start' && ids.has(r.fromId) && ids.has(r.toId),
  )
  const next = new Map<string, string[]>()
  for (const { fromId, toId } of edges) next.set(fromId, [...(next.get(fromId) ?? []), toId])
  return edges.filter(({ fromId, toId }) => !reachesAround(next, fromId, toId))
}

/** Whether `to` is reached from `from` by a way of two steps or more. */
function reachesAround(next: Map<string, string[]>, from: string, to: string): boolean {
  const seen = new Set([from])
  const open = (next.get(from) ?? []).filter((id) => id !== to)
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (id === to) return true
    if (seen.has(id)) continue
    seen.add(id)
    open.push(...(next.get(id) ?? []))
  }
  return false
}

/** A line through points with rounded corners, as an SVG path. */
export function pathOf(points: readonly { x: number; y: number }[], radius = 6): string {
  const [first, ...rest] = points
  if (!first) return ''
  let path = `M${first.x},${first.y}`
  rest.forEach((point, i) => {
    const after = rest[i + 1]
    const before = points[i]
    if (!after || !before) {
      path += `L${point.x},${point.y}`
      return
    }
    const into = toward(point, before, radius)
    const out = toward(point, after, radius)
    path += `L${into.x},${into.y}Q${point.x},${point.y} ${out.x},${out.y}`
  })
  return path
}

/** The point on the way from `from` to `to` that is `length` away, or half-way. */
function toward(from: { x: number; y: number }, to: { x: number; y: number }, length: number): { x: number; y: number } {
  const distance = Math.hypot(to.x - from.x, to.y - from.y)
  if (distance === 0) return from
  const part = Math.min(length, distance / 2) / distance
  return { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part }
}
