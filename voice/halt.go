package voice

import (
	"context"
	"slices"
	"time"

	"github.com/openova-io/sandbox/voice/speech"
)

// noWords is what people say while they listen: it interrupts nobody and is no
// turn. stopWords interrupt whatever else there is in an utterance; where there is
// nothing else, haltWords are all that was meant: to be silent, and to listen.
var (
	noWords   = []string{"mm", "hmm", "mhm", "uh", "huh", "um", "ah", "oh", "ok", "okay", "yeah", "right", "i", "see", "sure", "a", "the"}
	stopWords = []string{"stop", "wait", "hold", "no", "pause", "moment", "sorry"}
	haltWords = []string{"stop", "wait", "hold", "on", "pause", "moment", "sorry", "one", "just", "please"}
)

// Short words over the agent's voice are looked at after glanceAfter of silence, if
// they have glanceMost of voice at the most: who says "stop" does not want to wait
// until it is sure that nothing follows.
const (
	glanceAfter = 180 * time.Millisecond
	glanceMost  = 900 * time.Millisecond
)

// stopPhrases are what makes the agent silent, as a closed set: a recogniser of
// everything takes a single short word for many another.
var stopPhrases = []string{
	"stop", "stop please", "please stop", "stop it", "wait", "wait please", "please wait", "wait a moment", "just wait", "hold on", "hold on please",
	"one moment", "one moment please", "just a moment", "pause", "no stop", "no wait",
}

// halts tells whether words say nothing but that the agent should be silent.
func halts(words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(stopWords, w) && slices.Contains(haltWords, w) }) &&
		!slices.ContainsFunc(words, func(w string) bool { return !slices.Contains(haltWords, w) && !slices.Contains(noWords, w) })
}

// interrupts tells whether what was heard so far pauses the agent. A recogniser
// guesses a short word into many a sound, so that one alone has to be a stop word.
func interrupts(text string) bool {
	n := 0
	for _, w := range speech.Words(text) {
		if slices.Contains(stopWords, w) {
			return true
		}
		if !slices.Contains(noWords, w) {
			n++
		}
	}
	return n >= 2
}

// wordy tells whether words are more than a sign of listening.
func wordy(text string) bool {
	words := speech.Words(text)
	if slices.ContainsFunc(words, func(w string) bool { return slices.Contains(stopWords, w) }) {
		return true
	}
	return slices.ContainsFunc(words, func(w string) bool { return !slices.Contains(noWords, w) })
}

// glances tells whether what was said so far may be a word that wants silence.
func (e *ear) glances() bool {
	now, firm := e.call.mouth.speaking()
	if !now || firm || e.closedSet || !e.keeps || e.early != nil {
		return false
	}
	return e.cutter.silence >= glanceAfter && e.cutter.voice >= shortest && e.cutter.voice <= glanceMost
}

// glance looks at a short utterance over the agent's voice before it is known whether
// more follows. What is no wish for silence goes on, with what was heard of it.
func (e *ear) glance(ctx context.Context) {
	r, err := e.listener.End(ctx)
	own := 2*e.itsOwn > e.voiced
	stops := halts(speech.Words(r.Text)) && !(own && e.says(r.Text))
	if err == nil && !stops && !own && len(speech.Words(r.Text)) <= 3 {
		var closed speech.Result
		if closed, err = e.again(ctx, speech.Expectation{Phrases: stopPhrases}); err == nil && closed.Text != "" {
			r, stops = closed, true
		}
	}
	if err == nil && !stops {
		e.early = &r
		e.mu.Lock()
		e.before = r.Text
		e.mu.Unlock()
		err = e.listener.Begin(speech.Expectation{})
	}
	switch {
	case err != nil:
		if ctx.Err() == nil {
			e.logger.Warn("an utterance was lost", "error", err.Error())
		}
		e.hearing = false
		e.cutter.drop()
	case stops:
		e.hearing = false
		e.cutter.drop()
		e.silence(ctx, r.Text)
	}
}

// again hears the running utterance once more.
func (e *ear) again(ctx context.Context, x speech.Expectation) (speech.Result, error) {
	if err := e.listener.Begin(x); err != nil {
		return speech.Result{}, err
	}
	for _, f := range e.heard {
		if err := e.listener.Hear(f); err != nil {
			e.listener.Cancel()
			return speech.Result{}, err
		}
	}
	return e.listener.End(ctx)
}

// silence is what a person wanted who said no more than that.
func (e *ear) silence(ctx context.Context, text string) {
	e.call.interrupt(ctx)
	e.call.tell(Event{Type: "caption", Who: "person", Text: text, Final: true})
	e.call.tell(Event{Type: "state", State: "listening"})
}
