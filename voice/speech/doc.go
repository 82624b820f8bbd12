// Package speech is ears and a mouth: what turns sound into words and words into
// sound, behind one interface each, one engine a file.
//
// A [Recognizer] hears 16 kHz mono PCM as it comes and gives partial texts, then
// a final one. A [Synthesizer] makes sound of one sentence and gives it as it is
// made, so that a call speaks before the sentence is finished.
//
// # Engines
//
//   - [Ear] runs sandbox-ear, a child process with an embedded recogniser
//     (pocketsphinx, English). It needs no network. What it does well is what it
//     was told to expect: the words of the trade (see [LanguageModel]) and, where
//     the answers of a question are known, a [Grammar]. Free, accented speech it
//     does badly, and says so with its confidence.
//   - [Espeak] runs espeak-ng, which speaks all languages of the app.
//
// # Child processes
//
// An engine that is not Go runs outside of this process, fed by pipes: a crash
// costs one utterance and not the service. A child gets no environment but PATH
// and locale, gets text and sound by its standard input only, and ends when that is
// closed, so also when this process is killed.
//
// # Invariants
//
//   - Feeding sound never waits for the engine: a queue of [queueTime] lies in
//     between, and when it is full the utterance is lost with an error, not the
//     caller's clock.
//   - Every engine failure is a [fault.Unavailable]; the utterance that it hit is
//     rejected, never guessed.
//   - What was said is never logged.
package speech
