/** What of a call is measured. */
interface Measured {
  microphone: MediaStream
  sound: AudioContext
  connection: { peer: RTCPeerConnection } | null
}

export type Quality = 'good' | 'fair' | 'poor'

/** Tells how loud a call's microphone is, ten times a second, while the call lasts. */
export function meter(made: Measured, tell: (level: number) => void): void {
  const analyser = made.sound.createAnalyser()
  analyser.fftSize = 512
  const samples = new Float32Array(analyser.fftSize)
  let source: MediaStreamAudioSourceNode | null = null
  const timer = setInterval(() => {
    if (made.sound.state === 'closed') return clearInterval(timer)
    if (source?.mediaStream !== made.microphone) {
      source?.disconnect()
      source = made.sound.createMediaStreamSource(made.microphone)
      source.connect(analyser)
    }
    analyser.getFloatTimeDomainData(samples)
    let loudest = 0
    for (const sample of samples) loudest = Math.max(loudest, Math.abs(sample))
    tell(Math.min(1, loudest * 1.5))
  }, 100)
}

/** How good a connection is, by what got lost of the agent's voice and how long the way is. */
export function qualityOf(lost: number, roundTrip: number): Quality {
  if (lost > 0.08 || roundTrip > 0.6) return 'poor'
  return lost > 0.02 || roundTrip > 0.3 ? 'fair' : 'good'
}

/** Tells how good a call's connection is, every other second, while the call lasts. */
export function watchQuality(made: Measured, tell: (quality: Quality) => void): void {
  let before = { received: 0, lost: 0 }
  const timer = setInterval(() => {
    if (made.sound.state === 'closed') return clearInterval(timer)
    const peer = made.connection?.peer
    if (peer?.connectionState !== 'connected') return
    void peer.getStats().then((stats) => {
      let now = { received: 0, lost: 0 }
      let roundTrip = 0
      stats.forEach((entry: { type: string; packetsReceived?: number; packetsLost?: number; nominated?: boolean; currentRoundTripTime?: number }) => {
        if (entry.type === 'inbound-rtp') now = { received: entry.packetsReceived ?? 0, lost: entry.packetsLost ?? 0 }
        if (entry.type === 'candidate-pair' && entry.nominated) roundTrip = entry.currentRoundTripTime ?? 0
      })
      const lost = Math.max(0, now.lost - before.lost)
      const received = Math.max(0, now.received - before.received)
      before = now
      if (lost + received > 0) tell(qualityOf(lost / (lost + received), roundTrip))
    })
  }, 2000)
}
