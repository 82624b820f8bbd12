package speech

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
)

// restTime is for how long an engine that failed is not asked again: nobody waits
// for it at every sentence.
const restTime = 30 * time.Second

// resting is an engine's time to recover.
type resting struct {
	mu    sync.Mutex
	until time.Time
}

func (r *resting) is() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Now().Before(r.until)
}

func (r *resting) rest() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.until = time.Now().Add(restTime)
}

// NewFallback hears with first, and where that fails with second, which hears along:
// no utterance is lost. What has to be one of some phrases is heard by second, which
// can be held to them, and the words so far are second's, which is nearer. An engine
// that failed rests. Where second does not know a language, first is alone.
func NewFallback(first, second Recognizer, logger *slog.Logger) Recognizer {
	return &fallback{first: first, second: second, logger: logger}
}

type fallback struct {
	first, second Recognizer
	logger        *slog.Logger
	resting       resting
}

func (f *fallback) Name() string { return f.first.Name() }
func (f *fallback) Close() error { return errors.Join(f.first.Close(), f.second.Close()) }

// failed notes that first failed. What was said is in no fault.
func (f *fallback) failed(err error) {
	f.resting.rest()
	f.logger.Warn("a recogniser failed, and another one hears", "engine", f.first.Name(), "error", err.Error())
}

func (f *fallback) Listen(ctx context.Context, language string, partial func(string)) (Listener, error) {
	second, err := f.second.Listen(ctx, language, partial)
	if fault.CodeOf(err) == fault.Limited {
		return nil, err
	}
	if err != nil {
		return f.first.Listen(ctx, language, partial)
	}
	first, err := f.first.Listen(ctx, language, nil)
	if err != nil {
		f.failed(err)
		return second, nil
	}
	return &both{f: f, first: first, second: second}, nil
}

// both are the engines of one call.
type both struct {
	f             *fallback
	first, second Listener
	hears         bool // first is in use
	closed        bool // the utterance is one of some phrases
}

func (b *both) Begin(x Expectation) error {
	b.closed = len(x.Phrases) > 0
	b.hears = !b.closed && !b.f.resting.is()
	if b.hears {
		b.try(b.first.Begin(x))
	}
	return b.second.Begin(x)
}

// try notes a failure of first.
func (b *both) try(err error) {
	if err != nil {
		b.hears = false
		b.first.Cancel()
		b.f.failed(err)
	}
}

func (b *both) Hear(pcm []int16) error {
	if b.hears {
		b.try(b.first.Hear(pcm))
	}
	err := b.second.Hear(pcm)
	if err != nil && b.hears { // first goes on alone
		b.second.Cancel()
		return nil
	}
	return err
}

func (b *both) End(ctx context.Context) (Result, error) {
	if !b.hears {
		r, err := b.second.End(ctx)
		r.Fallback = !b.closed
		return r, err
	}
	along, cancel := context.WithCancel(ctx)
	defer cancel()
	var other Result
	var otherErr error
	done := make(chan struct{})
	go func() { // ends with along
		defer close(done)
		other, otherErr = b.second.End(along)
	}()
	r, err := b.first.End(ctx)
	if err == nil || ctx.Err() != nil {
		cancel()
		<-done
		return r, err
	}
	b.f.failed(err)
	<-done
	other.Fallback = true
	return other, otherErr
}

func (b *both) Cancel() {
	b.first.Cancel()
	b.second.Cancel()
}

func (b *both) Close() error { return errors.Join(b.first.Close(), b.second.Close()) }

// NewFallbackVoice speaks with first, and where that fails with second. An engine
// that failed rests. One that fails in the middle of a sentence breaks it off; the
// next try is second's.
func NewFallbackVoice(first, second Synthesizer, logger *slog.Logger) Synthesizer {
	return &fallbackVoice{first: first, second: second, logger: logger}
}

type fallbackVoice struct {
	first, second Synthesizer
	logger        *slog.Logger
	resting       resting
}

func (f *fallbackVoice) Name() string { return f.first.Name() }

func (f *fallbackVoice) Speak(ctx context.Context, s Sentence) (Audio, error) {
	if !f.resting.is() {
		a, err := f.first.Speak(ctx, s)
		if err == nil {
			return &watched{a, f}, nil
		}
		if ctx.Err() != nil {
			return nil, err
		}
		f.failed(err)
	}
	a, err := f.second.Speak(ctx, s)
	if err != nil {
		return nil, err
	}
	return replacement{a}, nil
}

func (f *fallbackVoice) failed(err error) {
	f.resting.rest()
	f.logger.Warn("a voice failed, and another one speaks", "engine", f.first.Name(), "error", err.Error())
}

// watched notes when first breaks off.
type watched struct {
	Audio
	f *fallbackVoice
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Audio.Read(p)
	if err != nil && err != io.EOF {
		w.f.failed(err)
	}
	return n, err
}

// replacement is the sound of another engine than the one that was wanted.
type replacement struct{ Audio }

// Fallback tells whether a sound is another engine's than the one that was wanted.
func Fallback(a Audio) bool {
	_, ok := a.(replacement)
	return ok
}
