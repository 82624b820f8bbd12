/** The Organization: its name, the others that one is in, members and invitations. */
import { useCallback, useState } from 'react'
import { may, organization, type Invitation, type Member, type Organization } from '../api/identity'
import type { Whoami } from '../api/types'
import { day } from '../lib/format'
import { useAction } from '../lib/use-action'
import { t } from '../messages'
import { Badge, ErrorText, Labelled } from '../ui/bits'
import { Button } from '../ui/button'
import { Sheet } from '../ui/sheet'
import { Ask, givable, RoleChoice, Row, Rows, Section, useList } from './parts'

export function Organizations({ whoami }: { whoami: Whoami }) {
  const list = useList(organization.list)
  const [naming, setNaming] = useState<'rename' | 'found' | null>(null)
  const current = list.rows?.find((o) => o.current)
  const enter = useAction(async (org: Organization) => {
    await organization.enter(org.id)
    location.reload()
  })
  return (
    <Section
      id="organization"
      title={t('admin.organization')}
      action={
        <div className="flex flex-wrap gap-2">
          {current && may(whoami, 'org.change') ? <Button icon="edit" onClick={() => setNaming('rename')}>{t('admin.rename')}</Button> : null}
          {may(whoami, 'org.create') && whoami.email ? <Button icon="plus" onClick={() => setNaming('found')}>{t('admin.found')}</Button> : null}
        </div>
      }
    >
      <ErrorText>{enter.error}</ErrorText>
      <Rows
        list={list}
        label={t('admin.organization')}
        empty={t('admin.noOrganization')}
        row={(o) => (
          <Row
            key={o.id}
            id={o.id}
            actions={o.current ? <Badge tone="accent">{t('admin.current')}</Badge> : <Button busy={enter.busy} onClick={() => void enter.run(o)}>{t('admin.enter', { name: o.name })}</Button>}
          >
            <bdi className="block font-medium">{o.name}</bdi>
            <span className="text-sm text-muted">{t(`role.${o.role}` as 'role.org-viewer')} · {t('admin.plan', { plan: o.plan })}</span>
          </Row>
        )}
      />
      <Naming
        key={naming ?? ''}
        open={naming !== null}
        title={naming === 'found' ? t('admin.found') : t('admin.rename')}
        value={naming === 'rename' ? (current?.name ?? '') : ''}
        onClose={() => setNaming(null)}
        save={async (name) => {
          if (naming === 'found') await organization.found(name)
          else if (current) await organization.rename(current.id, name)
          list.reload()
        }}
      />
    </Section>
  )
}

function Naming({ open, title, value, onClose, save }: { open: boolean; title: string; value: string; onClose: () => void; save: (name: string) => Promise<void> }) {
  const [name, setName] = useState(value)
  const saving = useAction(async () => {
    await save(name.trim())
    onClose()
  })
  return (
    <Sheet open={open} onOpenChange={(o) => !o && onClose()} from="middle" title={title}>
      <form className="flex flex-col gap-4 p-4" onSubmit={(e) => { e.preventDefault(); if (name.trim()) void saving.run() }}>
        <Labelled label={t('admin.name')} error={saving.error || undefined}>
          {(ids) => <input {...ids} required maxLength={80} value={name} onChange={(e) => setName(e.target.value)} className="control" />}
        </Labelled>
        <Button type="submit" variant="primary" busy={saving.busy}>{t('admin.save')}</Button>
      </form>
    </Sheet>
  )
}

export function Members({ whoami }: { whoami: Whoami }) {
  const org = whoami.orgId ?? ''
  const list = useList(useCallback(() => organization.members(org), [org]))
  const [going, setGoing] = useState<Member | null>(null)
  const roles = givable(whoami.role ?? '', org === 'home')
  const change = useAction(async (m: Member, role: string) => {
    await organization.changeRole(org, m.subject, role)
    if (m.subject === whoami.subject) location.reload() // what one may do oneself is another now
    list.reload()
  })
  return (
    <Section id="members" title={t('admin.members')}>
      <ErrorText>{change.error}</ErrorText>
      <Rows
        list={list}
        label={t('admin.members')}
        empty={t('admin.noMembers')}
        row={(m) => (
          <Row
            key={m.subject}
            id={m.email}
            actions={
              <>
                {may(whoami, 'org.member.change') && roles.includes(m.role) ? (
                  <RoleChoice roles={roles} value={m.role} label={t('admin.roleOf', { name: m.email })} onChange={(role) => void change.run(m, role)} />
                ) : (
                  <Badge>{t(`role.${m.role}` as 'role.org-viewer')}</Badge>
                )}
                {may(whoami, 'org.member.remove') && roles.includes(m.role) ? (
                  <Button variant="quiet" aria-label={t('admin.remove', { name: m.email })} onClick={() => setGoing(m)}>{t('admin.removeShort')}</Button>
                ) : null}
              </>
            }
          >
            <bdi className="block font-medium">{m.email}</bdi>
            <span className="text-sm text-muted">{t('admin.since', { date: day(m.joined_at) })}</span>
          </Row>
        )}
      />
      <Ask
        open={going !== null}
        title={t('admin.removeTitle')}
        body={t('admin.removeBody')}
        press={t('admin.remove', { name: going?.email ?? '' })}
        onClose={() => setGoing(null)}
        act={async () => {
          if (going) await organization.remove(org, going.subject)
          list.reload()
        }}
      />
    </Section>
  )
}

export function Invitations({ whoami }: { whoami: Whoami }) {
  const org = whoami.orgId ?? ''
  const list = useList(useCallback(() => organization.invitations(org), [org]))
  const [asking, setAsking] = useState(false)
  const take = useAction(async (i: Invitation) => {
    await organization.uninvite(org, i.id)
    list.reload()
  })
  return (
    <Section
      id="invitations"
      title={t('admin.invitations')}
      action={may(whoami, 'org.invitation.create') ? <Button variant="primary" icon="plus" onClick={() => setAsking(true)}>{t('admin.invite')}</Button> : null}
    >
      <ErrorText>{take.error}</ErrorText>
      <Rows
        list={list}
        label={t('admin.invitations')}
        empty={t('admin.noInvitations')}
        row={(i) => (
          <Row
            key={i.id}
            id={i.email}
            actions={
              may(whoami, 'org.invitation.revoke') ? (
                <Button variant="quiet" aria-label={t('admin.uninvite', { name: i.email })} busy={take.busy} onClick={() => void take.run(i)}>{t('admin.uninviteShort')}</Button>
              ) : null
            }
          >
            <bdi className="block font-medium">{i.email}</bdi>
            <span className="text-sm text-muted">{t(`role.${i.role}` as 'role.org-viewer')} · {t('admin.until', { date: day(i.expires_at) })}</span>
          </Row>
        )}
      />
      <Sheet open={asking} onOpenChange={setAsking} from="middle" title={t('admin.invite')} description={t('admin.inviteLead')}>
        <Invite roles={givable(whoami.role ?? '', org === 'home')} invite={async (email, role) => {
          await organization.invite(org, email, role)
          setAsking(false)
          list.reload()
        }} />
      </Sheet>
    </Section>
  )
}

function Invite({ roles, invite }: { roles: string[]; invite: (email: string, role: string) => Promise<void> }) {
  const [email, setEmail] = useState('')
  const [role, setRole] = useState('org-developer')
  const inviting = useAction(async () => invite(email.trim(), role))
  return (
    <form className="flex flex-col gap-4 p-4" onSubmit={(e) => { e.preventDefault(); if (email.trim()) void inviting.run() }}>
      <Labelled label={t('signIn.email')} error={inviting.error || undefined}>
        {(ids) => <input {...ids} type="email" inputMode="email" autoComplete="off" required maxLength={254} dir="ltr" value={email} onChange={(e) => setEmail(e.target.value)} className="control" />}
      </Labelled>
      <Labelled label={t('sandbox.role')} hint={t(`role.${role}.may` as 'role.org-viewer.may')}>
        {({ id }) => <RoleChoice id={id} roles={roles} value={role} onChange={setRole} />}
      </Labelled>
      <Button type="submit" variant="primary" busy={inviting.busy}>{t('admin.sendInvitation')}</Button>
    </form>
  )
}
