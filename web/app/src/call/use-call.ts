import { useCallback, useEffect, useRef, useState } from 'react'
import { address } from '../api/client'
import { problemOf } from '../api/problem'

/** What a call is doing, in the words that a person is shown. */
export type CallState = 'idle' | 'connecting' | 'listening' | 'hearing' | 'thinking' | 'speaking'

/** What is being said, by the person or by the agent. */
export interface Caption {
  who: 'person' | 'agent'
  text: string
  final: boolean
}

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
  problem: 'microphone' | 'denied' | 'lost' | { title: string; detail?: string } | null
  start: () => void
  hangUp: () => void
  mute: () => void
}

interface Line {
  events: RTCDataChannel
  peer: RTCPeerConnection
  microphone: MediaStream
  audio: HTMLAudioElement
  sound: AudioContext
  location: string
}

/** All our addresses are in the offer: the service does not take them later. */
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

/** A voice call in one conversation, over WHIP (RFC 9725). */
export function useCall(conversationId: string): Call {
  const [state, setState] = useState<CallState>('idle')
  const [caption, setCaption] = useState<Caption | null>(null)
  const [unsure, setUnsure] = useState('')
  const [muted, setMuted] = useState(false)
  const [level, setLevel] = useState(0)
  const [problem, setProblem] = useState<Call['problem']>(null)
  const line = useRef<Line | null>(null)
  const attempt = useRef(0)

  const end = useCallback((why: Call['problem']) => {
    attempt.current++
    const was = line.current
    line.current = null
    if (was) {
      was.peer.close()
      was.microphone.getTracks().forEach((track) => track.stop())
      was.audio.srcObject = null
      void was.sound.close()
      if (was.location) void fetch(was.location, { method: 'DELETE', keepalive: true }).catch(() => undefined)
    }
    setState('idle')
    setCaption(null)
    setUnsure('')
    setLevel(0)
    setMuted(false)
    setProblem(why)
  }, [])

  const begin = useCallback(async () => {
    const mine = ++attempt.current
    setProblem(null)
    setState('connecting')
    let microphone: MediaStream
    try {
      microphone = await navigator.mediaDevices.getUserMedia({
        audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
      })
    } catch (error) {
      const name = error instanceof DOMException ? error.name : ''
      return end(name === 'NotAllowedError' || name === 'SecurityError' ? 'denied' : 'microphone')
    }
    const peer = new RTCPeerConnection()
    const audio = new Audio()
    audio.autoplay = true
    const sound = new AudioContext()
    const events = peer.createDataChannel('events')
    const made: Line = { events, peer, microphone, audio, sound, location: '' }
    if (mine !== attempt.current) {
      microphone.getTracks().forEach((track) => track.stop())
      peer.close()
      return
    }
    line.current = made
    for (const track of microphone.getAudioTracks()) peer.addTrack(track, microphone)
    peer.addEventListener('track', (event) => {
      audio.srcObject = event.streams[0] ?? new MediaStream([event.track])
      void audio.play().catch(() => undefined)
    })
    peer.addEventListener('connectionstatechange', () => {
      if (line.current === made && ['failed', 'closed'].includes(peer.connectionState)) end('lost')
    })
    events.addEventListener('message', (message: MessageEvent<string>) => {
      if (line.current !== made) return
      const told = JSON.parse(message.data) as { type: string; state?: CallState; who?: Caption['who']; text?: string; final?: boolean }
      if (told.type === 'state' && told.state) setState(told.state)
      if (told.type === 'caption' && told.who) setCaption({ who: told.who, text: told.text ?? '', final: told.final ?? false })
      if (told.type === 'unsure') setUnsure(told.text ?? '')
      if (told.type === 'ended') end(null)
    })
    meter(sound, microphone, (heard) => line.current === made && setLevel(heard))
    try {
      await peer.setLocalDescription(await peer.createOffer())
      await gathered(peer)
      const response = await fetch(address(`api/v1/conversations/${encodeURIComponent(conversationId)}/call`), {
        method: 'POST',
        headers: { 'Content-Type': 'application/sdp', Accept: 'application/sdp' },
        body: peer.localDescription?.sdp ?? '',
      })
      if (!response.ok) throw await problemOf(response)
      made.location = address(response.headers.get('Location') ?? '')
      if (line.current !== made) return void fetch(made.location, { method: 'DELETE' }).catch(() => undefined)
      await peer.setRemoteDescription({ type: 'answer', sdp: await response.text() })
    } catch (error) {
      if (line.current === made) end(error instanceof Error && error.message ? { title: error.message } : 'lost')
    }
  }, [conversationId, end])

  useEffect(() => () => end(null), [end])

  const mute = useCallback(() => {
    setMuted((was) => {
      line.current?.microphone.getAudioTracks().forEach((track) => (track.enabled = was))
      return !was
    })
  }, [])

  const settle = useCallback(() => {
    setUnsure('')
    if (line.current?.events.readyState === 'open') line.current.events.send('{"type":"settled"}')
  }, [])

  const start = useCallback(() => void begin(), [begin])

  return { state, caption, unsure, settle, muted, level, problem, start, hangUp: () => end(null), mute }
}

/** Tells how loud a stream is, ten times a second, until its context is closed. */
function meter(sound: AudioContext, stream: MediaStream, tell: (level: number) => void): void {
  const analyser = sound.createAnalyser()
  analyser.fftSize = 512
  sound.createMediaStreamSource(stream).connect(analyser)
  const samples = new Float32Array(analyser.fftSize)
  const timer = setInterval(() => {
    if (sound.state === 'closed') return clearInterval(timer)
    analyser.getFloatTimeDomainData(samples)
    let loudest = 0
    for (const sample of samples) loudest = Math.max(loudest, Math.abs(sample))
    tell(Math.min(1, loudest * 1.5))
  }, 100)
}
