package speech

import (
	"context"
	"io"
)

// Rate is the sample rate of what a [Listener] hears, in Hz: mono, signed 16 bit.
const Rate = 16000

// Expectation is what would answer the open question.
type Expectation struct {
	// Phrases are all that can be meant, in small letters without punctuation, such
	// as "yes", "the second one", "helsinki". Empty: anything may be said.
	Phrases []string
}

// Result is an utterance in words.
type Result struct {
	// Text is in small letters without punctuation; empty when nothing was
	// understood.
	Text string
	// Confidence is from 0 to 1, of a word on average; the engine's own measure, good
	// for comparing with its own others only.
	Confidence float64
	// Fallback: it was not heard by the engine that was wanted; see [NewFallback].
	Fallback bool
}

// Recognizer turns sound into words.
type Recognizer interface {
	// Name is what `sandbox doctor` and the metrics call it.
	Name() string
	// Listen takes an engine for one call; partial is called with the words so far
	// whenever they change, from a goroutine of the engine. Faults:
	// fault.Unavailable when the engine is away, fault.Invalid for a language it
	// does not know, fault.Limited when all engines are taken.
	Listen(ctx context.Context, language string, partial func(text string)) (Listener, error)
	// Close ends the engines. It may be called again.
	Close() error
}

// Listener hears one call, one utterance after the other. It is used by one
// goroutine.
type Listener interface {
	// Begin starts an utterance.
	Begin(Expectation) error
	// Hear takes the utterance's next samples, at [Rate]. It does not wait for the
	// engine.
	Hear(pcm []int16) error
	// End gives the utterance in words.
	End(context.Context) (Result, error)
	// Cancel forgets the utterance that has begun, if any.
	Cancel()
	// Close gives the engine back. It may be called again.
	Close() error
}

// Sentence is what is to be said.
type Sentence struct {
	// Text as a person would say it; see [Spoken].
	Text string
	// Language is a BCP 47 tag.
	Language string
}

// Synthesizer turns a sentence into sound.
type Synthesizer interface {
	Name() string
	// Speak begins to make the sound of a sentence; it can be read as it is made.
	// Faults: fault.Unavailable when the engine is away or fails.
	Speak(context.Context, Sentence) (Audio, error)
}

// Audio is mono signed 16 bit little-endian PCM. Close ends the making of it.
type Audio interface {
	io.ReadCloser
	// Rate is in Hz.
	Rate() int
}
