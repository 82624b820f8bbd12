// A microphone that says what a story wants: flite speaks, and the page takes its
// sound for a person's. What comes back is recorded and measured, so that a story
// can wait for sound and for silence, and hear it again.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** What runs in the page before its own scripts. */
function install() {
  const sound = new AudioContext({ sampleRate: 48000 })
  const mouth = sound.createMediaStreamDestination()
  navigator.mediaDevices.getUserMedia = async () => {
    await sound.resume() // the press on the button allows it
    return mouth.stream.clone()
  }

  /** Plays a WAV file, in base64; it ends when it was said. */
  globalThis.sayAloud = async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))
    const source = sound.createBufferSource()
    source.buffer = await sound.decodeAudioData(bytes.buffer)
    source.connect(mouth)
    await new Promise((resolve) => {
      source.onended = resolve
      source.start()
    })
  }

  // What was heard of the service, at 16 kHz: whether it is loud now, and since when;
  // all its sound, and its captions with the sample at which they came.
  const heard = { loud: false, since: performance.now(), sound: [], length: 0, captions: [] }
  globalThis.heard = heard
  const Original = globalThis.RTCPeerConnection
  globalThis.RTCPeerConnection = class extends Original {
    constructor(...args) {
      super(...args)
      this.addEventListener('track', ({ track }) => {
        const recorder = sound.createScriptProcessor(2048, 1, 1)
        sound.createMediaStreamSource(new MediaStream([track])).connect(recorder)
        recorder.connect(sound.destination)
        recorder.onaudioprocess = ({ inputBuffer }) => {
          const samples = inputBuffer.getChannelData(0)
          const piece = new Int16Array(Math.floor(samples.length / 3))
          for (let i = 0; i < piece.length; i++) piece[i] = ((samples[3 * i] + samples[3 * i + 1] + samples[3 * i + 2]) / 3) * 32767
          heard.sound.push(piece)
          heard.length += piece.length
          const loud = samples.some((s) => Math.abs(s) > 0.02)
          if (loud === heard.loud) return
          heard.loud = loud
          heard.since = performance.now()
        }
      })
    }
    createDataChannel(...args) {
      const channel = super.createDataChannel(...args)
      channel.addEventListener('message', ({ data }) => {
        const told = JSON.parse(data)
        if (told.type === 'caption' && told.final) heard.captions.push({ who: told.who, text: told.text, at: heard.length })
      })
      return channel
    }
  }
}

/** Gives a page a microphone; `speak` says something with it. */
export async function microphone(context, page) {
  await context.addInitScript(install)
  return {
    async speak(text) {
      const dir = await mkdtemp(join(tmpdir(), 'sandbox-voice-'))
      try {
        const file = join(dir, 'said.wav')
        await run('flite', ['-voice', 'slt', '-t', text, '-o', file])
        await page.evaluate((wav) => globalThis.sayAloud(wav), (await readFile(file)).toString('base64'))
      } finally {
        await rm(dir, { recursive: true })
      }
    },
    /** Waits until nothing was heard of the service for `ms`. */
    quiet: (ms = 1500) =>
      page.waitForFunction((ms) => !globalThis.heard.loud && performance.now() - globalThis.heard.since > ms, ms, { polling: 50, timeout: 90_000 }),
    /** Waits until the service is heard. */
    sound: () => page.waitForFunction(() => globalThis.heard.loud, undefined, { polling: 20, timeout: 30_000 }),
    /** Waits until somebody's words came, as the service tells them. */
    caption: (who, pattern) =>
      page.waitForFunction(
        ([who, source]) => globalThis.heard.captions.some((c) => c.who === who && new RegExp(source, 'i').test(c.text)),
        [who, pattern.source],
        { polling: 100, timeout: 90_000 },
      ),
    captions: () => page.evaluate(() => globalThis.heard.captions),
    /** The sound that came back from one sample to another, at 16 kHz. */
    async heard(from, to) {
      const samples = await page.evaluate(
        ([from, to]) => {
          let at = 0
          const wanted = []
          for (const piece of globalThis.heard.sound) {
            for (let i = 0; i < piece.length; i++, at++) if (at >= from && at < to) wanted.push(piece[i])
          }
          return wanted
        },
        [from, to],
      )
      return Int16Array.from(samples)
    },
  }
}
