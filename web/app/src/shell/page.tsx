/** The developer shell: the list of sessions, and one of them. */
import { useCallback, useEffect, useId, useState } from 'react'
import type { Whoami } from '../api/types'
import { useList } from '../admin/parts'
import { Header, HeaderLink } from '../frame/header'
import { explain, useAction } from '../lib/use-action'
import { t, tMaybe } from '../messages'
import { Button, ButtonLink, IconButton } from '../ui/button'
import { Icon, Spinner } from '../ui/icon'
import { Sheet } from '../ui/sheet'
import { recording, shell, type Agents, type Mode, type ModelAPI, type Session } from './api'
import { AddModel, Models } from './models'
import { Notify } from './notify'
import { SessionView } from './session'

/** What the address says after its #: a session, and an invitation to it. */
function wanted(): { id: string; invitation: string } {
  const hash = new URLSearchParams(location.hash.slice(1))
  return { id: hash.get('s') ?? '', invitation: hash.get('invitation') ?? '' }
}

export default function ShellPage({ whoami, simulated }: { whoami: Whoami; simulated: boolean }) {
  const [at, setAt] = useState(wanted)
  const [sessions, setSessions] = useState<Session[] | null>(null)
  const [agents, setAgents] = useState<Agents | null>(null)
  const [problem, setProblem] = useState<unknown>(null)
  const [asking, setAsking] = useState(false)
  const models = useList(shell.models)
  const [keying, setKeying] = useState<{ api: ModelAPI; asked: boolean } | null>(null)
  const [ending, setEnding] = useState<Session | null>(null)

  useEffect(() => {
    const moved = (): void => setAt(wanted())
    addEventListener('hashchange', moved)
    return () => removeEventListener('hashchange', moved)
  }, [])
  const load = useCallback(() => {
    shell.sessions().then(
      (list) => {
        setSessions(list)
        setProblem(null)
      },
      setProblem,
    )
  }, [])
  const loadAgents = useCallback(() => shell.agents().then(setAgents, setProblem), [])
  useEffect(() => {
    load()
    void loadAgents()
  }, [load, loadAgents])
  // The list is small and changes by other hands too, so it is asked again while it is seen.
  useEffect(() => {
    if (at.id) return
    load()
    const timer = setInterval(() => document.visibilityState === 'visible' && load(), 2000)
    return () => clearInterval(timer)
  }, [at.id, load])

  const open = (id: string): void => {
    location.hash = id ? `s=${id}` : 'shell'
  }
  const goOn = useAction(async (s: Session) => open((await shell.resume(s.id)).id))
  const end = useAction(async (s: Session) => {
    await shell.end(s.id)
    setEnding(null)
    load()
  })

  if (at.id) {
    const name = sessions?.find((s) => s.id === at.id)?.name ?? t('shell.session')
    return <SessionView key={at.id} id={at.id} name={name} invitation={at.invitation} onBack={() => open('')} />
  }
  return (
    <div className="flex min-h-dvh flex-col">
      <a href="#main" className="skip" onClick={(e) => { e.preventDefault(); document.getElementById('main')?.focus() }}>{t('app.skipContent')}</a>
      <Header
        whoami={whoami}
        simulated={simulated}
        home={whoami.mode === 'sovereign' ? 'sandbox' : 'start'}
        other={whoami.mode === 'sovereign' ? null : <HeaderLink to="start" icon="chat" label={t('chat.concierge')} />}
      />
      <main id="main" tabIndex={-1} className="mx-auto flex w-full max-w-[704px] flex-1 flex-col gap-6 px-4 py-6 outline-none sm:px-6 md:py-12">
        <div className="flex flex-wrap items-end justify-between gap-4">
          <div>
            <h1 className="text-xl font-semibold tracking-tight sm:text-2xl">{t('shell.title')}</h1>
            <p className="text-muted">{t('shell.lead')}</p>
          </div>
          <Button variant="primary" icon="plus" onClick={() => setAsking(true)} disabled={!agents}>{t('shell.new')}</Button>
        </div>
        {agents?.isolation === 'none' ? <Note text={t('shell.noWall')} /> : null}
        {agents?.problem ? <Note text={agents.problem} /> : null}
        {problem ? <Note text={explain(problem)} /> : null}
        {goOn.error ? <Note text={goOn.error} /> : null}
        {sessions === null ? (
          problem ? null : <p role="status" className="flex items-center gap-3 text-muted"><Spinner />{t('app.loading')}</p>
        ) : sessions.length === 0 ? (
          <p className="rounded-lg border border-dashed border-line px-4 py-12 text-center text-muted">{t('shell.empty')}</p>
        ) : (
          <ul aria-label={t('shell.title')} className="rounded-lg border border-line bg-surface">
            {sessions.map((s) => (
              <li key={s.id} data-session={s.id} className="flex items-center gap-2 border-t border-line ps-4 pe-2 first:border-t-0">
                <button type="button" onClick={() => open(s.id)} className="flex min-h-16 min-w-0 flex-1 flex-col justify-center py-2 text-start">
                  <span className="flex items-center gap-2 font-medium">
                    <StateDot state={s.state} />
                    <bdi className="truncate">{s.name}</bdi>
                    <span className="text-sm font-normal text-muted">{t(`shell.state.${s.state}`)}</span>
                  </span>
                  <span dir="ltr" className="exact w-full truncate text-sm text-muted">{s.lastCommand || s.dir}</span>
                </button>
                {s.mode && (s.state === 'ended' || s.state === 'lost') && agents?.isolation === 'bwrap' ? (
                  <Button variant="quiet" busy={goOn.busy} aria-label={t('shell.goOnWith', { name: s.name })} onClick={() => void goOn.run(s)}>{t('shell.goOn')}</Button>
                ) : null}
                <ButtonLink variant="quiet" href={recording(s.id)} download icon="download" className="max-sm:sr-only">{t('shell.recording')}</ButtonLink>
                <IconButton icon="close" label={t('shell.endOf', { name: s.name })} onClick={() => setEnding(s)} />
              </li>
            ))}
          </ul>
        )}
        {sessions && sessions.length > 0 ? <Notify /> : null}
        {sessions ? <Models whoami={whoami} list={models} onAdd={(api) => setKeying({ api, asked: false })} onChange={() => { models.reload(); void loadAgents() }} /> : null}
      </main>
      {agents ? <NewSession agents={agents} known={[...new Set((sessions ?? []).flatMap((s) => s.repository ?? []))]} open={asking} onKey={(api) => { setAsking(false); setKeying({ api, asked: true }) }} onOpenChange={setAsking} onMade={(s) => { setAsking(false); setSessions([s, ...(sessions ?? [])]); open(s.id) }} /> : null}
      <AddModel
        whoami={whoami}
        model={models.rows?.find((m) => m.api === keying?.api)}
        onClose={() => setKeying(null)}
        onKept={() => {
          const again = keying?.asked ?? false
          setKeying(null)
          models.reload()
          void loadAgents().then(() => setAsking(again))
        }}
      />
      <Sheet open={ending !== null} onOpenChange={(o) => !o && setEnding(null)} from="middle" title={t('shell.endTitle')} description={t('shell.endBody', { name: ending?.name ?? '' })}>
        <div className="flex flex-col gap-3 p-4">
          {end.error ? <Note text={end.error} /> : null}
          <Button variant="danger" busy={end.busy} onClick={() => ending && void end.run(ending)}>{t('shell.endOf', { name: ending?.name ?? '' })}</Button>
        </div>
      </Sheet>
    </div>
  )
}

interface LineProps {
  label: string
  value: string
  onChange: (value: string) => void
  optional?: boolean
  type?: 'text' | 'url' | 'password'
  note?: string
  list?: string
  placeholder?: string
}

/** A line of the dialog for something exact, which no keyboard should improve. */
function Line({ label, value, onChange, optional = false, type = 'text', note = '', list, placeholder }: LineProps) {
  const id = useId()
  return (
    <label className="flex flex-col gap-1">
      <span className="font-medium">{label} {optional ? <span className="font-normal text-muted">({t('app.optional')})</span> : null}</span>
      <input
        value={value}
        onChange={(e) => onChange(e.target.value)}
        type={type}
        list={list}
        placeholder={placeholder}
        dir="ltr"
        autoCapitalize="off"
        autoComplete={type === 'password' ? 'new-password' : 'off'}
        autoCorrect="off"
        spellCheck={false}
        aria-describedby={note ? id : undefined}
        className="exact min-h-11 min-w-0 rounded-md border border-edge bg-surface px-3"
      />
      {note ? <span id={id} className="text-sm text-muted">{note}</span> : null}
    </label>
  )
}

function Note({ text }: { text: string }) {
  return (
    <p role="alert" className="flex gap-3 rounded-lg border border-warn/50 bg-warn-soft px-4 py-3 whitespace-pre-line">
      <Icon name="warning" className="mt-0.5 shrink-0 text-warn" />
      <span className="min-w-0">{text}</span>
    </p>
  )
}

function StateDot({ state }: { state: Session['state'] }) {
  const look = { starting: 'bg-warn', working: 'bg-accent', waiting: 'bg-warn', idle: 'bg-ok', ended: 'bg-edge', lost: 'bg-danger' }[state]
  return <span aria-hidden="true" className={`size-2 shrink-0 rounded-full ${look}`} />
}

interface NewProps {
  agents: Agents
  /** Repositories that were worked in before. */
  known: string[]
  open: boolean
  onOpenChange: (open: boolean) => void
  /** An agent lacks a key. */
  onKey: (api: ModelAPI) => void
  onMade: (session: Session) => void
}

function NewSession({ agents, known, open, onOpenChange, onKey, onMade }: NewProps) {
  const first = agents.agents.find((a) => a.available)?.name ?? ''
  const [agent, setAgent] = useState(first)
  const [name, setName] = useState('')
  const [mode, setMode] = useState<Mode>('ask')
  const modes = agents.agents.find((a) => a.name === agent)?.modes ?? []
  const [url, setURL] = useState('')
  const [branch, setBranch] = useState('')
  const [token, setToken] = useState('')
  const make = useAction(async () => {
    const repository = url.trim() === '' ? undefined : { url: url.trim(), ...(branch.trim() ? { branch: branch.trim() } : {}), ...(token ? { token } : {}) }
    onMade(await shell.create(agent, name.trim(), modes.includes(mode) ? mode : undefined, repository))
  })
  return (
    <Sheet open={open} onOpenChange={onOpenChange} from="middle" title={t('shell.new')} description={tMaybe(`shell.isolation.${agents.isolation}`, '')}>
      <form className="flex flex-col gap-4 p-4" onSubmit={(e) => { e.preventDefault(); void make.run() }}>
        <fieldset>
          <legend className="mb-1 font-medium">{t('shell.agent')}</legend>
          <div className="flex flex-col rounded-md border border-line">
            {agents.agents.map((a) => (
              <div key={a.name} className="flex flex-wrap items-center gap-x-3 border-t border-line px-3 first:border-t-0">
                <label className="flex min-h-11 min-w-0 flex-1 items-center gap-3">
                  <input type="radio" name="agent" value={a.name} checked={agent === a.name} disabled={!a.available} onChange={() => setAgent(a.name)} className="size-4 accent-accent" />
                  <span className="min-w-0 flex-1 py-2">
                    {a.title}
                    {a.version ? <span className="text-sm text-muted"> {a.version}</span> : null}
                    {a.available ? null : <span className="block text-sm text-muted">{a.needs ? t('shell.needsKey') : a.get || t('shell.notInstalled')}</span>}
                  </span>
                </label>
                {a.needs ? <Button onClick={() => a.needs && onKey(a.needs)} aria-label={t('models.addOf', { name: t(`models.${a.needs}`) })}>{t('models.add')}</Button> : null}
              </div>
            ))}
          </div>
        </fieldset>
        {modes.length > 0 ? (
          <fieldset>
            <legend className="mb-1 font-medium">{t('shell.mode')}</legend>
            <div className="flex flex-col rounded-md border border-line">
              {modes.map((m) => (
                <label key={m} className="flex min-h-11 items-center gap-3 border-t border-line px-3 first:border-t-0">
                  <input type="radio" name="mode" value={m} checked={mode === m} onChange={() => setMode(m)} className="size-4 accent-accent" />
                  <span className="min-w-0 flex-1 py-2">
                    {t(`shell.mode.${m}`)}
                    <span className="block text-sm text-muted">{t(`shell.modeOf.${m}`)}</span>
                  </span>
                </label>
              ))}
            </div>
          </fieldset>
        ) : null}
        <Line label={t('shell.repository')} optional value={url} onChange={setURL} type="url" list="shell-repositories" placeholder="https://github.com/…" />
        <datalist id="shell-repositories">{known.map((k) => <option key={k} value={k} />)}</datalist>
        {url.trim() === '' ? null : (
          <>
            <Line label={t('shell.branch')} optional value={branch} onChange={setBranch} note={t('shell.branchNote')} />
            <Line label={t('shell.token')} optional value={token} onChange={setToken} type="password" note={t('shell.tokenNote')} />
          </>
        )}
        <label className="flex flex-col gap-1">
          <span className="font-medium">{t('shell.name')} <span className="font-normal text-muted">({t('app.optional')})</span></span>
          <input value={name} maxLength={80} onChange={(e) => setName(e.target.value)} className="min-h-11 rounded-md border border-edge bg-surface px-3" />
        </label>
        {make.error ? <Note text={make.error} /> : null}
        <Button type="submit" variant="primary" busy={make.busy} disabled={!agent}>{t('shell.start')}</Button>
      </form>
    </Sheet>
  )
}
