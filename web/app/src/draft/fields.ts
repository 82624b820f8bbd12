import type { CatalogueList } from '../api/catalogue'
import type { Draft, DraftField, Spec, Violation } from '../api/types'
import type { PlainKey } from '../messages'

/** How a field is shown and edited. */
export interface FieldSpec {
  /** The JSON path that a change names. */
  path: string
  label: PlainKey
  kind: 'text' | 'email' | 'domain' | 'number' | 'select' | 'many' | 'toggle' | 'fixed'
  /** Where the options of a select or many come from. */
  list?: CatalogueList
  value: (spec: Spec) => string | number | boolean | string[] | undefined
  hint?: PlainKey
  /** Other paths that `missing` and `violations` use for the same field. */
  also?: string[]
}

export interface GroupSpec {
  id: string
  title: PlainKey
  fields: FieldSpec[]
}

/** The Draft as a person reads it: from who, over where, to what. */
export const groups: GroupSpec[] = [
  {
    id: 'org',
    title: 'draft.group.org',
    fields: [
      { path: 'orgName', label: 'draft.field.orgName', kind: 'text', value: (s) => s.orgName },
      { path: 'orgEmail', label: 'draft.field.orgEmail', kind: 'email', value: (s) => s.orgEmail },
      { path: 'orgIndustry', label: 'draft.field.orgIndustry', kind: 'select', list: 'industries', value: (s) => s.orgIndustry },
      { path: 'orgSize', label: 'draft.field.orgSize', kind: 'number', value: (s) => s.orgSize || undefined },
      { path: 'orgHeadquarters', label: 'draft.field.orgHeadquarters', kind: 'text', value: (s) => s.orgHeadquarters },
    ],
  },
  {
    id: 'place',
    title: 'draft.group.place',
    fields: [
      { path: 'sovereignSubdomain', label: 'draft.field.sovereignSubdomain', kind: 'domain', value: (s) => s.sovereignSubdomain },
      { path: 'sovereignFQDN', label: 'draft.field.sovereignFQDN', kind: 'fixed', value: (s) => s.sovereignFQDN },
      {
        path: 'regions[0].cloudRegion',
        label: 'draft.field.region',
        kind: 'select',
        list: 'regions',
        value: (s) => s.regions?.[0]?.cloudRegion || undefined,
        also: ['region', 'regions'],
      },
    ],
  },
  {
    id: 'size',
    title: 'draft.group.size',
    fields: [
      {
        path: 'haEnabled',
        label: 'draft.field.haEnabled',
        kind: 'toggle',
        hint: 'draft.field.haHint',
        value: (s) => s.haEnabled,
      },
      {
        path: 'regions[0].controlPlaneSize',
        label: 'draft.field.controlPlaneSize',
        kind: 'select',
        list: 'sizes',
        value: (s) => s.regions?.[0]?.controlPlaneSize || undefined,
        also: ['controlPlaneSize'],
      },
      {
        path: 'regions[0].workerSize',
        label: 'draft.field.workerSize',
        kind: 'select',
        list: 'sizes',
        value: (s) => s.regions?.[0]?.workerSize || undefined,
        also: ['workerSize'],
      },
      {
        path: 'regions[0].workerCount',
        label: 'draft.field.workerCount',
        kind: 'number',
        value: (s) => s.regions?.[0]?.workerCount,
        also: ['workerCount'],
      },
    ],
  },
  {
    id: 'apps',
    title: 'draft.group.apps',
    fields: [{ path: 'apps', label: 'draft.field.apps', kind: 'many', list: 'apps', value: (s) => s.apps ?? undefined }],
  },
]

const paths = (field: FieldSpec): string[] => [field.path, ...(field.also ?? [])]

/** Where a field's value came from, if it has one. */
export function sourceOf(draft: Draft, field: FieldSpec): DraftField | undefined {
  for (const path of paths(field)) {
    const found = draft.fields[path]
    if (found) return found
  }
  return undefined
}

/** Whether a plan still needs the field from the person. */
export function isMissing(draft: Draft, field: FieldSpec): boolean {
  return (draft.missing ?? []).some((path) => paths(field).includes(path))
}

/** The rules that a field's value breaks; an index counts as its list's. */
export function violationsOf(draft: Draft, field: FieldSpec): Violation[] {
  const own = paths(field)
  return (draft.violations ?? []).filter(
    (v) => own.includes(v.path) || own.some((path) => v.path.startsWith(`${path}[`) && field.kind === 'many'),
  )
}

/** The broken rules that belong to no field shown here. */
export function otherViolations(draft: Draft): Violation[] {
  const shown = groups.flatMap((g) => g.fields)
  return (draft.violations ?? []).filter((v) => !shown.some((f) => violationsOf(draft, f).includes(v)))
}

/** Whether there is anything to see or to answer in a draft yet. */
export function isBlank(draft: Draft): boolean {
  return !Object.values(draft.fields).some((f) => f.source !== 'default' && f.source !== 'derived')
}

/** The value at a JSON path such as regions[0].cloudRegion, as text. */
export function valueAt(spec: Spec | undefined, path: string): string | undefined {
  let at: unknown = spec
  for (const part of path.split(/[.[\]]+/).filter(Boolean)) {
    if (typeof at !== 'object' || at === null) return undefined
    at = (at as Record<string, unknown>)[part]
  }
  return (typeof at === 'string' && at !== '') || typeof at === 'number' ? String(at) : undefined
}
