/** /sandbox/admin: an Organization and its people, and what is one's own. */
import { may } from '../api/identity'
import type { Whoami } from '../api/types'
import { Header, HeaderLink } from '../frame/header'
import { t } from '../messages'
import { Invitations, Members, Organizations } from './organization'
import { Sessions, Tokens } from './own'

export default function AdminPage({ whoami }: { whoami: Whoami }) {
  const concierge = whoami.mode === 'concierge'
  return (
    <div className="flex min-h-dvh flex-col">
      <a href="#main" className="skip">{t('app.skipContent')}</a>
      <Header
        whoami={whoami}
        simulated={concierge && whoami.cloud === 'simulated'}
        home={concierge ? 'start' : 'sandbox'}
        other={concierge ? <HeaderLink to="start" icon="chat" label={t('chat.concierge')} /> : <HeaderLink to="sandbox#shell" icon="terminal" label={t('shell.title')} />}
      />
      <main id="main" tabIndex={-1} className="mx-auto flex w-full max-w-[704px] flex-1 flex-col gap-10 px-4 py-6 outline-none sm:px-6 md:py-12">
        <div>
          <h1 className="display text-xl sm:text-2xl">{t('admin.title')}</h1>
          <p className="text-muted">{t('admin.lead')}</p>
        </div>
        {may(whoami, 'org.read') ? <Organizations whoami={whoami} /> : null}
        {may(whoami, 'org.member.list') && whoami.orgId ? <Members whoami={whoami} /> : null}
        {may(whoami, 'org.invitation.list') && whoami.orgId ? <Invitations whoami={whoami} /> : null}
        {may(whoami, 'identity.token.list') ? <Tokens /> : null}
        {may(whoami, 'identity.session.list') ? <Sessions /> : null}
      </main>
    </div>
  )
}
