/** What the parts of the admin page share. */
import { useCallback, useEffect, useState, type ReactNode } from 'react'
import { explain, useAction } from '../lib/use-action'
import { t } from '../messages'
import { ErrorText } from '../ui/bits'
import { Button } from '../ui/button'
import { Spinner } from '../ui/icon'
import { Sheet } from '../ui/sheet'

/** A list that is read when its part is first shown, and again when it has changed. */
export function useList<T>(read: () => Promise<T[]>): { rows: T[] | null; problem: string; reload: () => void } {
  const [rows, setRows] = useState<T[] | null>(null)
  const [problem, setProblem] = useState('')
  const reload = useCallback(() => {
    read().then(
      (list) => {
        setRows(list)
        setProblem('')
      },
      (error: unknown) => setProblem(explain(error)),
    )
  }, [read])
  useEffect(reload, [reload])
  return { rows, problem, reload }
}

export function Section({ id, title, lead, action, children }: { id: string; title: string; lead?: string; action?: ReactNode; children: ReactNode }) {
  return (
    <section aria-labelledby={id} className="flex flex-col gap-3">
      <div className="flex flex-wrap items-end justify-between gap-3">
        <div className="min-w-0">
          <h2 id={id} className="text-lg font-semibold">{title}</h2>
          {lead ? <p className="text-sm text-muted">{lead}</p> : null}
        </div>
        {action}
      </div>
      {children}
    </section>
  )
}

/** Rows, or what stands in their place. */
export function Rows<T>({ list, label, empty, row }: { list: { rows: T[] | null; problem: string }; label: string; empty: string; row: (item: T) => ReactNode }) {
  if (list.problem) return <ErrorText>{list.problem}</ErrorText>
  if (!list.rows) return <p role="status" className="flex items-center gap-3 text-muted"><Spinner />{t('app.loading')}</p>
  if (list.rows.length === 0) return <p className="rounded-lg border border-dashed border-line px-4 py-6 text-center text-muted">{empty}</p>
  return <ul aria-label={label} className="rounded-lg border border-line bg-surface">{list.rows.map(row)}</ul>
}

export function Row({ id, children, actions }: { id: string; children: ReactNode; actions?: ReactNode }) {
  return (
    <li data-row={id} className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2 border-t border-line px-4 py-3 first:border-t-0">
      <div className="min-w-0 flex-1 basis-48 [overflow-wrap:anywhere]">{children}</div>
      {actions ? <div className="flex flex-wrap items-center gap-2">{actions}</div> : null}
    </li>
  )
}

/** Asks before something that cannot be undone; its button names what it is about. */
export function Ask({ open, title, body, press, onClose, act }: { open: boolean; title: string; body: string; press: string; onClose: () => void; act: () => Promise<unknown> }) {
  const doing = useAction(async () => {
    await act()
    onClose()
  })
  return (
    <Sheet open={open} onOpenChange={(o) => !o && onClose()} from="middle" title={title} description={body}>
      <div className="flex flex-col gap-3 p-4">
        <ErrorText>{doing.error}</ErrorText>
        <Button variant="danger" busy={doing.busy} onClick={() => void doing.run()}>{press}</Button>
      </div>
    </Sheet>
  )
}

/** The roles that somebody with a role may give in an Organization. */
export function givable(role: string, home: boolean): string[] {
  const all = ['sovereign-admin', 'org-admin', 'org-developer', 'org-viewer']
  return all.slice(Math.max(all.indexOf(role), home ? 0 : 1))
}

export function RoleChoice({ roles, value, label, onChange, ...rest }: { roles: string[]; value: string; label?: string; onChange: (role: string) => void; id?: string }) {
  return (
    <select {...rest} aria-label={label} value={value} onChange={(e) => onChange(e.target.value)} className="control w-auto min-w-32">
      {roles.map((r) => (
        <option key={r} value={r}>{t(`role.${r}` as 'role.org-viewer')}</option>
      ))}
    </select>
  )
}
