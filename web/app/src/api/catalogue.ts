import type { CatalogueOption } from './types'

export type CatalogueList = 'regions' | 'sizes' | 'apps' | 'industries' | 'topologies'

type Row = Record<string, unknown>

const text = (row: Row, ...names: string[]): string => {
  for (const name of names) {
    const value = row[name]
    if (typeof value === 'string' && value !== '') return value
    if (typeof value === 'number') return String(value)
  }
  return ''
}

/**
 * Turns rows of the catalogue into options of a field. A row that cannot be
 * chosen keeps its reason, so that a person sees that it exists and why not;
 * other providers and what is always installed are no choice at all.
 */
export function catalogueOptions(list: CatalogueList, rows: Row[]): CatalogueOption[] {
  return rows
    .filter((row) => (row.provider ?? 'hetzner') === 'hetzner' && row.system !== true)
    .map((row) => option(list, row))
    .filter((o) => o.value !== '')
}

function option(list: CatalogueList, row: Row): CatalogueOption {
  const value = text(row, 'region', 'cloudRegion', 'slug', 'id', 'code', 'name')
  const made: CatalogueOption = { value, label: text(row, 'name', 'label', 'title') || value }
  const reason = text(row, 'reason', 'unavailable')
  switch (list) {
    case 'regions': {
      const place = [text(row, 'city'), text(row, 'country')].filter(Boolean).join(', ')
      if (place) made.label = place
      made.detail = value
      if (row.available === false) made.unavailable = reason || '-'
      break
    }
    case 'sizes': {
      made.label = value
      const parts = [
        [text(row, 'vcpu', 'vCPU', 'cores'), 'vCPU'],
        [text(row, 'memoryGB', 'memoryGb', 'memory'), 'GB'],
      ].filter(([n]) => n)
      made.detail = parts.map((p) => p.join(' ')).join(', ')
      if (row.orderable === false) made.unavailable = reason || '-'
      break
    }
    case 'apps':
      made.detail = text(row, 'tagline')
      if (row.deployable === false) made.unavailable = reason || '-'
      break
    default:
      made.detail = text(row, 'tagline', 'description')
  }
  return made
}
