import { beforeEach, expect, test, vi } from 'vitest'
import { BrowserEar, recognitionOf, type Piece } from './recognition'

/** A browser's recognition that hears what a test says. */
class Heard extends EventTarget {
  static all: Heard[] = []
  static broken = false
  continuous = false
  interimResults = false
  lang = ''
  aborted = false
  constructor() {
    super()
    Heard.all.push(this)
  }
  start(): void {
    if (Heard.broken) throw new Error()
  }
  abort(): void {
    this.aborted = true
    this.emit('end')
  }
  emit(type: string, more: object = {}): void {
    this.dispatchEvent(Object.assign(new Event(type), more))
  }
  hears(resultIndex: number, ...results: [text: string, isFinal: boolean][]): void {
    this.emit('result', { resultIndex, results: results.map(([transcript, isFinal]) => Object.assign([{ transcript, confidence: 0.9 }], { isFinal })) })
  }
}

const told: Piece[] = []
const failed = vi.fn()
const newest = (): Heard => Heard.all[Heard.all.length - 1] as Heard
const ear = (): BrowserEar => new BrowserEar(Heard as never, 'en', (piece) => told.push(piece), failed)

beforeEach(() => {
  Heard.all = []
  Heard.broken = false
  told.length = 0
  failed.mockReset()
  vi.useFakeTimers()
})

test('a browser without recognition has none', () => {
  expect(recognitionOf({})).toBeUndefined()
  expect(recognitionOf({ webkitSpeechRecognition: Heard })).toBe(Heard)
})

test('pieces are numbered on, also when the browser begins anew', () => {
  const listening = ear()
  listening.start()
  listening.start()
  expect(Heard.all).toHaveLength(1)
  expect(newest()).toMatchObject({ continuous: true, interimResults: true, lang: 'en' })
  newest().hears(0, ['we are', false])
  newest().hears(0, ['We are a clinic', true], ['in', false])
  vi.advanceTimersByTime(60_000)
  newest().emit('end')
  expect(Heard.all).toHaveLength(2)
  newest().hears(0, ['Muscat', true])
  expect(told.map((p) => [p.n, p.text, p.final])).toEqual([
    [1, 'we are', false], [1, 'We are a clinic', true], [2, 'in', false], [3, 'Muscat', true],
  ])
  expect(told[3]?.confidence).toBe(0.9)
})

test('silence is no failure, and an error is one', () => {
  const listening = ear()
  listening.start()
  newest().emit('error', { error: 'no-speech' })
  vi.advanceTimersByTime(8000)
  newest().emit('end')
  expect(failed).not.toHaveBeenCalled()
  const broken = newest()
  broken.emit('error', { error: 'network' })
  expect(failed).toHaveBeenCalledTimes(1)
  broken.hears(0, ['late', true])
  broken.emit('error', { error: 'network' })
  expect(told).toEqual([])
  expect(failed).toHaveBeenCalledTimes(1)
})

test('one that cannot listen is not begun for ever', () => {
  const listening = ear()
  listening.start()
  for (let i = 0; i < 20; i++) newest().emit('end')
  expect(Heard.all.length).toBeLessThan(6)
  expect(failed).toHaveBeenCalledTimes(1)
  Heard.broken = true
  listening.start()
  expect(failed).toHaveBeenCalledTimes(2)
})

test('who does not want it any more is not heard', () => {
  const listening = ear()
  listening.start()
  const was = newest()
  listening.stop()
  was.hears(0, ['late', true])
  expect(was.aborted).toBe(true)
  expect(told).toEqual([])
  expect(Heard.all).toHaveLength(1)
  expect(failed).not.toHaveBeenCalled()
})
