/** What a browser with the Web Speech API has, as far as a call uses it; TypeScript does not know it. */
interface SpeechRecognition extends EventTarget {
  continuous: boolean
  interimResults: boolean
  lang: string
  start: () => void
  abort: () => void
}

interface RecognitionEvent extends Event {
  resultIndex: number
  results: ArrayLike<ArrayLike<{ transcript: string; confidence: number }> & { isFinal: boolean }>
}

/** A part of what was said: the same number again replaces it. */
export interface Piece {
  n: number
  text: string
  final: boolean
  confidence: number
}

type Maker = new () => SpeechRecognition

/** The browser's recognition of speech; most have none, or have it by another name. */
export function recognitionOf(scope: object): Maker | undefined {
  const named = scope as { SpeechRecognition?: Maker; webkitSpeechRecognition?: Maker }
  return named.SpeechRecognition ?? named.webkitSpeechRecognition
}

/** What says nothing of the recognition itself: it is begun again. */
const harmless = ['no-speech', 'aborted']

/** So many beginnings in a row that bring no words, and that end at once, are one too many. */
const mostInVain = 4
const atOnce = 1000

/**
 * Listens by the browser's recognition, for as long as it is wanted. Browsers end it
 * after some words or some silence: it is begun again then. An error ends it for good.
 */
export class BrowserEar {
  private running: SpeechRecognition | null = null
  private said = 0
  private inVain = 0

  constructor(
    private readonly maker: Maker,
    private readonly language: string,
    private readonly tell: (piece: Piece) => void,
    private readonly failed: () => void,
  ) {}

  start(): void {
    if (this.running) return
    const made = new this.maker()
    const first = this.said
    const began = Date.now()
    this.running = made
    made.continuous = true
    made.interimResults = true
    made.lang = this.language
    const current = (): boolean => this.running === made
    made.addEventListener('result', (event) => {
      if (!current()) return
      const { results, resultIndex } = event as RecognitionEvent
      this.inVain = 0
      for (let i = resultIndex; i < results.length; i++) {
        const result = results[i]
        const best = result?.[0]
        if (!result || !best) continue
        this.said = Math.max(this.said, first + i + 1)
        this.tell({ n: first + i + 1, text: best.transcript, final: result.isFinal, confidence: best.confidence })
      }
    })
    made.addEventListener('error', (event) => {
      if (current() && !harmless.includes((event as Event & { error: string }).error)) this.fail()
    })
    made.addEventListener('end', () => {
      if (!current()) return
      this.running = null
      this.inVain = Date.now() - began < atOnce ? this.inVain + 1 : 0
      if (this.inVain >= mostInVain) this.fail()
      else this.start()
    })
    try {
      made.start()
    } catch {
      this.fail()
    }
  }

  stop(): void {
    const was = this.running
    this.running = null
    was?.abort()
  }

  private fail(): void {
    this.stop()
    this.failed()
  }
}
