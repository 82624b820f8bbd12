// Package openai is ears and a mouth elsewhere: any endpoint that speaks OpenAI's
// audio API, of OpenAI itself or of a server of one's own.
//
// [Ears] sends an utterance when it has ended, and while it is running what there
// is of it, so that a person can interrupt and the end of a turn can be seen.
// [Mouth] asks for one sentence at a time and plays it as it comes.
//
// It is a package of its own since the SDK is a large part of what compiling the
// program costs, and a first build goes without it.
//
// # Invariants
//
//   - The key and what was said are in no error and no log.
//   - Every request ends: each has a time for its first byte and one for every
//     further piece. What may be tried again is tried again, within that time.
//   - An answer that is none is a [fault.Unavailable]; nothing is guessed.
package openai
