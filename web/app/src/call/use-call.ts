import { useCallback, useEffect, useRef, useState } from 'react'
import { APIError } from '../api/problem'
import { meter, watchQuality, type Quality } from './measure'
import { BrowserEar, recognitionOf } from './recognition'
import { hangUp, post, restart, trickle, type Session } from './whip'

/** What a call is doing, in the words that a person is shown. */
export type CallState = 'idle' | 'connecting' | 'reconnecting' | 'listening' | 'hearing' | 'thinking' | 'speaking'

/** What is being said, by the person or by the agent. */
export interface Caption {
  who: 'person' | 'agent'
  text: string
  final: boolean
}

/** What the person is told besides, once it happens. */
export type Note = 'recording' | 'recordingEnded' | 'recordingFull' | 'ears' | 'mouth' | 'browser'

export interface Call {
  state: CallState
  caption: Caption | null
  /** Words that were not heard well: the person corrects them, or says them again. */
  unsure: string
  settle: () => void
  muted: boolean
  /** How loud the person is, from 0 to 1. */
  level: number
  /** Why there is no call, once one was tried. */
  problem: 'microphone' | 'denied' | 'lost' | 'insecure' | 'paused' | { title: string; detail?: string } | null
  quality: Quality | null
  note: Note | null
  /** The microphones that there are, and the one in use. */
  microphones: MediaDeviceInfo[]
  microphone: string
  choose: (deviceId: string) => void
  recording: boolean
  record: (on: boolean) => void
  /** The agent writes and does not speak, and the microphone is off. */
  textOnly: boolean
  setTextOnly: (on: boolean) => void
  /** The browser recognises what is said; null where it cannot. */
  browserEar: boolean | null
  setBrowserEar: (on: boolean) => void
  start: () => void
  hangUp: () => void
  mute: () => void
}

/** What lasts as long as a call does, also when its connection is made anew. */
interface Line {
  microphone: MediaStream
  audio: HTMLAudioElement
  sound: AudioContext
  connection: Connection | null
  mending: boolean
  /** Servers that the service has named for callers without a direct way. */
  relays: RTCIceServer[]
  /** What the person wants of the service, told anew to each connection. */
  wants: { record: boolean; textOnly: boolean; browserEar: boolean }
  /** The browser's recognition, once it was wanted. */
  ear: BrowserEar | null
  muted: boolean
}

interface Connection {
  peer: RTCPeerConnection
  events: RTCDataChannel
  session: Session
}

/** What the service tells over the call's data channel. */
interface Told {
  type: string
  state?: string
  who?: Caption['who']
  text?: string
  final?: boolean
  reason?: string
}

/** What the microphone is asked for: on a loudspeaker a call hears itself without it. */
const sound: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true }

/** How long a call that has lost its connection is tried to be taken up again. */
const patience = 90_000

/** How long a direct way to the service is waited for, where there is another. */
const direct = 3000

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Waits until a peer has found its addresses, or long enough. */
async function gathered(peer: RTCPeerConnection): Promise<void> {
  if (peer.iceGatheringState === 'complete') return
  await new Promise<void>((resolve) => {
    const late = setTimeout(resolve, 2000)
    peer.addEventListener('icegatheringstatechange', () => {
      if (peer.iceGatheringState !== 'complete') return
      clearTimeout(late)
      resolve()
    })
  })
}

/** Waits until a peer is connected; rejects when it takes too long. */
async function connected(peer: RTCPeerConnection, most: number): Promise<void> {
  if (peer.connectionState === 'connected') return
  await new Promise<void>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error()), most)
    peer.addEventListener('connectionstatechange', () => {
      if (peer.connectionState !== 'connected') return
      clearTimeout(late)
      resolve()
    })
  })
}

/** A voice call in one conversation, over WHIP (RFC 9725). */
export function useCall(conversationId: string): Call {
  const [state, setState] = useState<CallState>('idle')
  const [caption, setCaption] = useState<Caption | null>(null)
  const [unsure, setUnsure] = useState('')
  const [muted, setMuted] = useState(false)
  const [level, setLevel] = useState(0)
  const [problem, setProblem] = useState<Call['problem']>(null)
  const [quality, setQuality] = useState<Quality | null>(null)
  const [note, setNote] = useState<Note | null>(null)
  const [microphones, setMicrophones] = useState<MediaDeviceInfo[]>([])
  const [microphone, setMicrophone] = useState('')
  const [recording, setRecording] = useState(false)
  const [textOnly, setText] = useState(false)
  const [browserEar, setEar] = useState(false)
  const line = useRef<Line | null>(null)
  const attempt = useRef(0)

  const end = useCallback((why: Call['problem']) => {
    attempt.current++
    const was = line.current
    line.current = null
    if (was) {
      was.microphone.getTracks().forEach((track) => track.stop())
      was.ear?.stop()
      was.audio.srcObject = null
      void was.sound.close()
      if (was.connection) {
        was.connection.peer.close()
        hangUp(was.connection.session)
      }
    }
    setState('idle')
    setCaption(null)
    setUnsure('')
    setLevel(0)
    setMuted(false)
    setQuality(null)
    setNote(null)
    setRecording(false)
    setText(false)
    setEar(false)
    setProblem(why)
  }, [])

  const withoutBrowser = useRef<(made: Line) => void>(() => undefined)

  /** Makes a connection for a line; the conversation goes on in it. */
  const connect = useCallback(
    async (made: Line) => {
      const peer = new RTCPeerConnection({ iceServers: made.relays })
      const events = peer.createDataChannel('events')
      for (const track of made.microphone.getAudioTracks()) peer.addTrack(track, made.microphone)
      const current = (): boolean => line.current === made && made.connection?.peer === peer
      peer.addEventListener('track', (event) => {
        made.audio.srcObject = event.streams[0] ?? new MediaStream([event.track])
        void made.audio.play().catch(() => undefined)
      })
      peer.addEventListener('connectionstatechange', () => {
        if (current() && ['disconnected', 'failed'].includes(peer.connectionState)) void mend.current(made)
      })
      events.addEventListener('message', (message: MessageEvent<string>) => {
        if (!current()) return
        const told = JSON.parse(message.data) as Told
        if (told.type === 'state' && told.state) setState(told.state as CallState)
        if (told.type === 'caption' && told.who) setCaption({ who: told.who, text: told.text ?? '', final: told.final ?? false })
        if (told.type === 'unsure') setUnsure(told.text ?? '')
        if (told.type === 'recording') {
          setRecording(told.state === 'on')
          if (told.state !== 'on') made.wants.record = false
          setNote(told.state === 'on' ? 'recording' : told.state === 'full' ? 'recordingFull' : 'recordingEnded')
        }
        if (told.type === 'engine' && told.state !== 'back') setNote(told.who === 'agent' ? 'mouth' : 'ears')
        if (told.type === 'engine' && told.state === 'back') setNote(null)
        if (told.type === 'hears' && told.state === 'off') withoutBrowser.current(made)
        if (told.type === 'ended') end(told.reason === 'silence' ? 'paused' : null)
      })
      events.addEventListener('open', () => {
        if (made.wants.textOnly) events.send(JSON.stringify({ type: 'voice', state: 'off' }))
        if (made.wants.browserEar) events.send(JSON.stringify({ type: 'hears', state: 'on' }))
        if (made.wants.record) events.send(JSON.stringify({ type: 'record', state: 'on' }))
      })
      try {
        await peer.setLocalDescription(await peer.createOffer())
        const session = await post(conversationId, peer.localDescription?.sdp ?? '')
        if (line.current !== made) {
          hangUp(session)
          throw new Error()
        }
        made.connection = { peer, events, session }
        await peer.setRemoteDescription({ type: 'answer', sdp: session.answer })
        await gathered(peer)
        await trickle(session, peer.localDescription?.sdp ?? '')
        // The servers are known only now: where the direct ways do not lead there, the
        // call is taken up once more by them.
        const first = made.relays.length === 0
        made.relays = session.relays
        if (first && session.relays.length > 0) {
          peer.setConfiguration({ iceServers: session.relays })
          connected(peer, direct).catch(() => current() && void mend.current(made))
        }
      } catch (error) {
        peer.close()
        throw error
      }
    },
    [conversationId, end],
  )

  /** Takes a call up again whose connection was lost, or whose network has changed. */
  const mend = useRef<(made: Line) => Promise<void>>(async () => undefined)
  mend.current = async (made: Line) => {
    if (made.mending || line.current !== made) return
    made.mending = true
    setState('reconnecting')
    const until = Date.now() + patience
    let gone = false
    for (let wait = 500; line.current === made && Date.now() < until; wait = Math.min(2 * wait, 5000)) {
      try {
        const was = made.connection
        if (gone || !was) {
          was?.peer.close()
          made.connection = null
          await connect(made)
        } else {
          if (was.peer.signalingState !== 'stable') await was.peer.setLocalDescription({ type: 'rollback' })
          await was.peer.setLocalDescription(await was.peer.createOffer({ iceRestart: true }))
          await gathered(was.peer)
          await restart(was.session, was.peer.localDescription?.sdp ?? '')
          await was.peer.setRemoteDescription({ type: 'answer', sdp: was.session.answer })
        }
        if (made.connection) await connected(made.connection.peer, 10_000)
        made.mending = false
        if (line.current === made) setState('listening')
        return
      } catch (error) {
        if (error instanceof APIError && error.signedOut) break
        // The service has given the call up, or was started anew: call again.
        gone ||= error instanceof APIError && (error.status === 404 || error.status === 409)
      }
      await pause(wait)
    }
    if (line.current === made) end('lost')
  }

  const begin = useCallback(async () => {
    const mine = ++attempt.current
    setProblem(null)
    setState('connecting')
    // A page without https gets no microphone, and not even an error.
    if (!navigator.mediaDevices) return end('insecure')
    let microphone: MediaStream
    try {
      microphone = await navigator.mediaDevices.getUserMedia({ audio: sound })
    } catch (error) {
      const name = error instanceof DOMException ? error.name : ''
      return end(name === 'NotAllowedError' || name === 'SecurityError' ? 'denied' : 'microphone')
    }
    if (mine !== attempt.current) {
      microphone.getTracks().forEach((track) => track.stop())
      return
    }
    const audio = new Audio()
    audio.autoplay = true
    const context = new AudioContext()
    const made: Line = { microphone, audio, sound: context, connection: null, mending: false, relays: [], wants: { record: false, textOnly: false, browserEar: false }, muted: false, ear: null }
    line.current = made
    meter(made, (heard) => line.current === made && setLevel(heard))
    watchQuality(made, (seen) => line.current === made && setQuality(seen))
    setMicrophone(microphone.getAudioTracks()[0]?.getSettings().deviceId ?? '')
    void listMicrophones().then(setMicrophones)
    try {
      await connect(made)
    } catch (error) {
      if (line.current === made) end(error instanceof Error && error.message ? { title: error.message } : 'lost')
    }
  }, [connect, end])

  // A network that has come back or changed has other addresses: the old ones are
  // not waited for.
  useEffect(() => {
    const changed = (): void => {
      if (line.current?.connection) void mend.current(line.current)
    }
    const left = (): void => {
      if (line.current?.connection) hangUp(line.current.connection.session)
    }
    // Its estimates change all the time; what counts is another kind of network.
    const network = (navigator as { connection?: EventTarget & { type?: string } }).connection
    let kind = network?.type
    const switched = (): void => {
      if (network?.type === kind) return
      kind = network?.type
      changed()
    }
    addEventListener('online', changed)
    addEventListener('pagehide', left)
    network?.addEventListener('change', switched)
    return () => {
      removeEventListener('online', changed)
      removeEventListener('pagehide', left)
      network?.removeEventListener('change', switched)
    }
  }, [])

  useEffect(() => () => end(null), [end])

  const tell = useCallback((message: object) => {
    const events = line.current?.connection?.events
    if (events?.readyState === 'open') events.send(JSON.stringify(message))
  }, [])

  /** The microphone is on where nothing says otherwise. */
  const listen = useCallback(() => {
    const made = line.current
    const on = !!made && !made.muted && !made.wants.textOnly
    made?.microphone.getAudioTracks().forEach((track) => (track.enabled = on))
    if (on && made.wants.browserEar) made.ear?.start()
    else made?.ear?.stop()
  }, [])

  const setBrowserEar = useCallback(
    (on: boolean) => {
      const made = line.current
      const maker = recognitionOf(window)
      if (!made || !maker) return
      made.ear ??= new BrowserEar(maker, document.documentElement.lang || navigator.language, (piece) => line.current === made && tell({ type: 'words', ...piece }), () => withoutBrowser.current(made))
      made.wants.browserEar = on
      setEar(on)
      setNote(null)
      tell({ type: 'hears', state: on ? 'on' : 'off' })
      listen()
    },
    [listen, tell],
  )

  /** It has failed: the service listens, as it has all the time. */
  withoutBrowser.current = (made: Line) => {
    if (line.current !== made || !made.wants.browserEar) return
    setBrowserEar(false)
    setNote('browser')
  }

  const mute = useCallback(() => {
    const made = line.current
    if (!made) return
    made.muted = !made.muted
    setMuted(made.muted)
    listen()
  }, [listen])

  const setTextOnly = useCallback(
    (on: boolean) => {
      const made = line.current
      if (!made) return
      made.wants.textOnly = on
      setText(on)
      listen()
      tell({ type: 'voice', state: on ? 'off' : 'on' })
    },
    [listen, tell],
  )

  const record = useCallback(
    (on: boolean) => {
      if (line.current) line.current.wants.record = on
      tell({ type: 'record', state: on ? 'on' : 'off' })
    },
    [tell],
  )

  /** Another microphone, in the same call. */
  const choose = useCallback(
    (deviceId: string) => {
      const made = line.current
      if (!made) return
      void (async () => {
        const other = await navigator.mediaDevices.getUserMedia({ audio: { ...sound, deviceId: { exact: deviceId } } })
        const track = other.getAudioTracks()[0]
        if (line.current !== made || !track) return other.getTracks().forEach((t) => t.stop())
        await made.connection?.peer.getSenders().find((sender) => sender.track?.kind === 'audio')?.replaceTrack(track)
        made.microphone.getTracks().forEach((t) => t.stop())
        made.microphone = other
        setMicrophone(deviceId)
        listen()
      })().catch(() => setMicrophone(made.microphone.getAudioTracks()[0]?.getSettings().deviceId ?? ''))
    },
    [listen],
  )

  useEffect(() => {
    const changed = (): void => void listMicrophones().then(setMicrophones)
    navigator.mediaDevices?.addEventListener('devicechange', changed)
    return () => navigator.mediaDevices?.removeEventListener('devicechange', changed)
  }, [])

  const settle = useCallback(() => {
    setUnsure('')
    tell({ type: 'settled' })
  }, [tell])

  const start = useCallback(() => void begin(), [begin])

  return {
    state, caption, unsure, settle, muted, level, problem, quality, note, microphones, microphone, choose,
    recording, record, textOnly, setTextOnly, browserEar: recognitionOf(window) ? browserEar : null, setBrowserEar, start, hangUp: () => end(null), mute,
  }
}

async function listMicrophones(): Promise<MediaDeviceInfo[]> {
  const all = (await navigator.mediaDevices?.enumerateDevices()) ?? []
  return all.filter((device) => device.kind === 'audioinput' && device.deviceId)
}
