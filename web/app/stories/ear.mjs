// An ear for what a story recorded: the recogniser that the service has, with the
// language model that the service has written.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const model = '/usr/share/pocketsphinx/model/en-us'
const binary = fileURLToPath(new URL('../../../bin/sandbox-ear', import.meta.url))

/** Starts an ear; `dir` is the data directory of a service. */
export function openEar(dir) {
  const speech = join(dir, 'speech')
  const dictionary = `${readFileSync(join(model, 'cmudict-en-us.dict'), 'latin1')}\n${readFileSync(join(speech, 'domain.dict'), 'utf8')}`
  const known = new Set(dictionary.split('\n').map((line) => line.split(' ')[0]))
  const child = spawn(binary, [model, join(speech, 'domain.arpa'), join(speech, 'domain.dict')], { stdio: ['pipe', 'pipe', 'inherit'] })
  let rest = Buffer.alloc(0)
  let take = () => undefined
  child.stdout.on('data', (piece) => {
    rest = Buffer.concat([rest, piece])
    while (rest.length >= 5 && rest.length >= 5 + rest.readUInt32LE(1)) {
      const end = 5 + rest.readUInt32LE(1)
      if (rest[0] === 'F'.charCodeAt(0)) take(JSON.parse(rest.subarray(5, end).toString()))
      rest = rest.subarray(end)
    }
  })
  const send = (kind, payload) => {
    const head = Buffer.alloc(5)
    head.write(kind)
    head.writeUInt32LE(payload.length, 1)
    child.stdin.write(Buffer.concat([head, payload]))
  }
  let utterance = 0
  return {
    /** Whether every word of a text has a sound. */
    knows: (text) => words(text).length > 0 && words(text).every((w) => known.has(w)),
    /** What 16 kHz mono samples say: one of `phrases`, or anything. */
    async hear(samples, phrases = []) {
      const rules = phrases.map((p) => words(p).join(' ')).join(' | ')
      const grammar = rules && `#JSGF V1.0;\ngrammar answer;\npublic <answer> = ${rules};\n`
      const final = new Promise((resolve) => (take = resolve))
      send('B', Buffer.from(JSON.stringify({ utterance: ++utterance, grammar })))
      for (let at = 0; at < samples.length; at += 320) {
        const piece = samples.subarray(at, at + 320)
        send('A', Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength))
      }
      send('E', Buffer.alloc(0))
      return (await final).text
    },
    close: () => child.stdin.end(),
  }
}

/** A text in the words of the recogniser. */
export const words = (text) => text.toLowerCase().replaceAll('’', "'").match(/[a-z']+|\d+/g) ?? []
