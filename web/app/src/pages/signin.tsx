/** How somebody comes in: by a code or a link in a mail, by a provider, or with the owner's link. */
import { useEffect, useRef, useState, type ReactNode } from 'react'
import { address } from '../api/client'
import { APIError } from '../api/problem'
import { signIn, type Methods, type SignedIn } from '../api/identity'
import { ErrorPage, LoadingPage, Middle } from '../frame/pages'
import { useAction } from '../lib/use-action'
import { t } from '../messages'
import { ErrorText, Fold, Labelled } from '../ui/bits'
import { Button, ButtonLink } from '../ui/button'
import { Icon, Mark } from '../ui/icon'

const query = new URLSearchParams(location.search)

/** A link from a mail, whose secret is in no server's log and not in the browser's history. */
function takeSecret(): string {
  const secret = location.hash.slice(1)
  if (secret) history.replaceState(null, '', location.pathname + location.search)
  return secret
}
const secret = /\/signin$/.test(location.pathname) ? takeSecret() : ''

const go = ({ next }: SignedIn): void => location.replace(address(next))

/** `next` is the page that was asked for; at /signin it stands in the address. */
export function SignInPage({ next = query.get('next') ?? '' }: { next?: string }) {
  const [methods, setMethods] = useState<Methods | null>(null)
  const [failure, setFailure] = useState<unknown>(null)
  useEffect(() => {
    signIn.methods().then(setMethods, setFailure)
  }, [])
  if (failure) return <ErrorPage error={failure} />
  if (!methods) return <LoadingPage />
  return secret ? <MailLink methods={methods} /> : <Ways methods={methods} next={next} />
}

function Ways({ methods, next }: { methods: Methods; next: string }) {
  const [asked, setAsked] = useState<{ email: string; challenge: string } | null>(null)
  const concierge = methods.mode === 'concierge'
  const nothing = !methods.email && methods.providers.length === 0
  const guest = useAction(async () => {
    await signIn.guest()
    location.replace(address(next || '/start'))
  })
  return (
    <Frame title={t('signIn.title')} lead={nothing ? t(concierge ? 'signIn.leadLink' : 'sandbox.signedOutBody') : asked || !methods.email ? '' : t(methods.signUp ? 'signIn.lead' : 'signIn.leadInvited')}>
      {query.get('link') === 'used' ? (
        <p role="alert" className="flex gap-3 rounded-lg border border-warn/50 bg-warn-soft px-4 py-3">
          <Icon name="warning" className="mt-0.5 text-warn" />
          {t('signedOut.used')}
        </p>
      ) : null}
      {query.get('failed') ? <ErrorText>{t('signIn.providerFailed')}</ErrorText> : null}
      {asked ? (
        <Code {...asked} outbox={methods.outbox} onAgain={() => setAsked(null)} />
      ) : (
        <>
          {methods.providers.map((p) => (
            <ButtonLink key={p.id} href={address(`/auth/oidc/${encodeURIComponent(p.id)}?next=${encodeURIComponent(next)}`)}>
              {t('signIn.with', { name: p.name })}
            </ButtonLink>
          ))}
          {methods.providers.length > 0 && methods.email ? (
            <p className="flex items-center gap-3 text-sm text-muted before:h-px before:flex-1 before:bg-line after:h-px after:flex-1 after:bg-line">{t('signIn.or')}</p>
          ) : null}
          {methods.email ? <Email next={next} onAsked={setAsked} /> : null}
          {methods.guest && !/^\/(sandbox|authorize)/.test(next) ? (
            <div className="flex flex-col gap-1">
              <Button busy={guest.busy} onClick={() => void guest.run()}>{t('signIn.guest')}</Button>
              <p className="text-sm text-muted">{t('signIn.guestNote')}</p>
              <ErrorText>{guest.error}</ErrorText>
            </div>
          ) : null}
        </>
      )}
      {concierge ? <Owner open={nothing || query.get('link') === 'used'} /> : null}
    </Frame>
  )
}

export function Frame({ title, lead, children }: { title: string; lead: string; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · ${t('app.name')}`
  }, [title])
  return (
    <Middle>
      <Mark className="size-10" />
      <div className="flex flex-col gap-2">
        <h1 className="display text-xl sm:text-2xl">{title}</h1>
        {lead ? <p className="text-muted">{lead}</p> : null}
      </div>
      {children}
    </Middle>
  )
}

function Email({ next, onAsked }: { next: string; onAsked: (asked: { email: string; challenge: string }) => void }) {
  const [email, setEmail] = useState('')
  const ask = useAction(async () => {
    const { challenge } = await signIn.askCode(email.trim(), next)
    onAsked({ email: email.trim(), challenge })
  })
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(e) => {
        e.preventDefault()
        if (email.trim()) void ask.run()
      }}
    >
      <Labelled label={t('signIn.email')} error={ask.error || undefined}>
        {(ids) => (
          <input
            {...ids} type="email" name="email" autoComplete="email" inputMode="email" required maxLength={254} dir="ltr"
            value={email} onChange={(e) => setEmail(e.target.value)} className="control"
          />
        )}
      </Labelled>
      <Button type="submit" variant="primary" busy={ask.busy}>{t('signIn.send')}</Button>
    </form>
  )
}

function Code({ email, challenge, outbox, onAgain }: { email: string; challenge: string; outbox: boolean; onAgain: () => void }) {
  const [code, setCode] = useState('')
  const input = useRef<HTMLInputElement>(null)
  const verify = useAction(async (typed: string) => go(await signIn.verify(challenge, typed)))
  useEffect(() => input.current?.focus(), [])
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(e) => {
        e.preventDefault()
        if (code) void verify.run(code)
      }}
    >
      <p role="status">
        {t('signIn.sent')} <bdi className="font-medium [overflow-wrap:anywhere]">{email}</bdi>. {t(outbox ? 'signIn.sentOutbox' : 'signIn.sentNote')}
      </p>
      <Labelled label={t('signIn.code')} error={verify.error || undefined}>
        {(ids) => (
          <input
            {...ids} ref={input} name="code" autoComplete="one-time-code" inputMode="numeric" required maxLength={9} dir="ltr"
            value={code} onChange={(e) => setCode(e.target.value)} className="control money text-xl tracking-[0.2em]"
          />
        )}
      </Labelled>
      <div className="flex flex-wrap gap-3">
        <Button type="submit" variant="primary" busy={verify.busy}>{t('signIn.enter')}</Button>
        <Button variant="quiet" onClick={onAgain}>{t('signIn.again')}</Button>
      </div>
    </form>
  )
}

/** The link of a mail: at once in the browser that asked, elsewhere after a press. */
function MailLink({ methods }: { methods: Methods }) {
  const [confirm, setConfirm] = useState('')
  const [over, setOver] = useState(false)
  const began = useRef(false)
  const enter = useAction(async (sure: boolean) => {
    try {
      const answer = await signIn.mailLink(secret, sure)
      if ('confirm' in answer) setConfirm(answer.email)
      else go(answer)
    } catch (error) {
      if (error instanceof APIError && error.signedOut) setOver(true)
      throw error
    }
  })
  useEffect(() => {
    if (began.current) return
    began.current = true
    void enter.run(false)
  }, [enter])
  if (confirm) {
    return (
      <Frame title={t('signIn.confirmTitle')} lead={t('signIn.confirmBody')}>
        <p className="font-medium [overflow-wrap:anywhere]"><bdi>{confirm}</bdi></p>
        <ErrorText>{enter.error}</ErrorText>
        <Button variant="primary" className="self-start" busy={enter.busy} onClick={() => void enter.run(true)}>{t('signIn.confirm')}</Button>
      </Frame>
    )
  }
  if (!enter.error) return <LoadingPage label={t('signIn.entering')} />
  return (
    <>
      {over ? <p role="alert" className="mx-auto max-w-[480px] px-4 pt-8 text-danger">{enter.error}</p> : <ErrorText>{enter.error}</ErrorText>}
      <Ways methods={methods} next="" />
    </>
  )
}

/** Who started the service has a link of their own. */
function Owner({ open }: { open: boolean }) {
  return (
    <Fold label={t('signIn.owner')} open={open}>
      <ol className="flex flex-col gap-3 rounded-lg border border-line bg-surface p-4">
        {[t('signedOut.step1'), t('signedOut.step2'), t('signedOut.step3')].map((step, i) => (
          <li key={step} className="flex gap-3">
            <span aria-hidden="true" className="money flex size-6 shrink-0 items-center justify-center rounded-full bg-accent-soft text-sm font-semibold text-accent">
              {i + 1}
            </span>
            <span className="min-w-0 flex-1">{step}</span>
          </li>
        ))}
      </ol>
    </Fold>
  )
}

const invitation = /\/join$/.test(location.pathname) ? takeSecret() : ''

/** /join: an invitation to an Organization, which takes a press. */
export function JoinPage() {
  const [invited, setInvited] = useState<Awaited<ReturnType<typeof signIn.invited>> | null>(null)
  const [failure, setFailure] = useState<unknown>(null)
  const join = useAction(async () => go(await signIn.join(invitation)))
  useEffect(() => {
    signIn.invited(invitation).then(setInvited, setFailure)
  }, [])
  if (failure) {
    if (!(failure instanceof APIError) || failure.status !== 404) return <ErrorPage error={failure} />
    return (
      <Frame title={t('join.overTitle')} lead={t('join.overBody')}>
        <ButtonLink variant="primary" href={address('/signin')} className="self-start">{t('signIn.title')}</ButtonLink>
      </Frame>
    )
  }
  if (!invited) return <LoadingPage />
  return (
    <Frame title={t('join.title', { name: invited.organization })} lead={t('join.lead')}>
      <dl className="rounded-lg border border-line bg-surface px-4">
        {[
          [t('signIn.email'), invited.email],
          [t('sandbox.role'), t(`role.${invited.role}` as 'role.org-viewer')],
        ].map(([label, value]) => (
          <div key={label} className="flex flex-wrap justify-between gap-x-4 border-t border-line py-3 first:border-t-0">
            <dt className="text-muted">{label}</dt>
            <dd className="min-w-0 font-medium [overflow-wrap:anywhere]"><bdi>{value}</bdi></dd>
          </div>
        ))}
      </dl>
      <ErrorText>{join.error}</ErrorText>
      <Button variant="primary" className="self-start" busy={join.busy} onClick={() => void join.run()}>{t('join.press', { name: invited.organization })}</Button>
    </Frame>
  )
}
