package voice

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/voice/speech"
)

// interruptAfter is how much voice interrupts the agent, if there is a word in it.
const interruptAfter = 200 * time.Millisecond

// holeTime is after how long without a packet the clock goes on by itself: more
// than what packets are late by, less than any pause that ends a turn.
const holeTime = 240 * time.Millisecond

// nothing is a frame in which nothing was heard.
var nothing [heardFrame]int16

// noWords is what people say while they listen: it interrupts nobody and is no
// turn. stopWords interrupt whatever else there is in an utterance.
var (
	noWords   = []string{"mm", "hmm", "mhm", "uh", "huh", "um", "ah", "oh", "ok", "okay", "yeah", "right", "i", "see", "sure", "a", "the"}
	stopWords = []string{"stop", "wait", "hold", "no", "pause", "moment", "sorry"}
)

// wordy tells whether words are more than a sign of listening.
func wordy(text string) bool {
	words := speech.Words(text)
	if slices.ContainsFunc(words, func(w string) bool { return slices.Contains(stopWords, w) }) {
		return true
	}
	return slices.ContainsFunc(words, func(w string) bool { return !slices.Contains(noWords, w) })
}

// ear turns what the person says into turns of the conversation.
type ear struct {
	call     *Call
	listener speech.Listener
	logger   *slog.Logger
	cutter   endpointer

	mu   sync.Mutex
	open *card.Question
	// partial is what the running utterance is so far, and how far that answers.
	partial string
	far     Completeness
	// overlapped: the agent was heard while the person spoke.
	overlapped bool
	paused     bool
	voice      time.Duration
	// costDue: a price is to be read out; costHeard and questionHeard: it was, to
	// the end, and the question for consent too.
	costDue, costHeard, questionHeard bool
	// lately is what the agent said in the last seconds, for telling an echo.
	lately []utteredAt
}

type utteredAt struct {
	text string
	at   time.Time
}

// heardPartial takes the words so far; it is called by the engine.
func (e *ear) heardPartial(text string) {
	e.mu.Lock()
	e.partial = text
	e.far = Open
	if e.open != nil {
		e.far = e.call.options.Dialogue.Answers(*e.open, text, e.call.language)
	}
	e.mu.Unlock()
	e.call.tell(Event{Type: "caption", Who: "person", Text: text})
}

// question is what is being asked.
func (e *ear) question() *card.Question {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.open
}

// expectCost remembers that a price is about to be read out.
func (e *ear) expectCost() {
	e.mu.Lock()
	e.costDue, e.costHeard, e.questionHeard = true, false, false
	e.mu.Unlock()
}

// said takes a line that was heard to its end.
func (e *ear) said(l *line) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lately = append(e.lately, utteredAt{l.text, time.Now()})
	if len(e.lately) > 8 {
		e.lately = e.lately[1:]
	}
	switch {
	case l.firm && e.open != nil && e.open.Type == card.AskConsent && strings.HasSuffix(strings.TrimSpace(e.open.Prompt), l.text):
		e.questionHeard = true
	case l.firm && e.costDue:
		e.costDue, e.costHeard = false, true
	}
}

// refresh asks the conversation what is open.
func (e *ear) refresh(ctx context.Context) {
	s, err := e.call.options.Dialogue.State(ctx, e.call.Actor, e.call.ConversationID)
	if err != nil {
		return
	}
	e.mu.Lock()
	e.open = s.Open
	e.mu.Unlock()
}

// expectation is what would answer the open question, where that is a closed set.
func (e *ear) expectation() speech.Expectation {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.open != nil && e.open.Type == card.AskConsent && e.questionHeard {
		return speech.Expectation{Phrases: e.call.options.Dialogue.Consenting(e.call.language)}
	}
	return speech.Expectation{}
}

// run hears frames until ctx ends.
func (e *ear) run(ctx context.Context, frames <-chan []int16) {
	e.refresh(ctx)
	hearing := false
	hole := time.NewTimer(holeTime)
	defer hole.Stop()
	for {
		var frame []int16
		select {
		case <-ctx.Done():
			return
		case frame = <-frames:
			hole.Reset(holeTime)
		case <-hole.C:
			hole.Reset(frameTime * time.Millisecond)
		}
		e.mu.Lock()
		far := e.far
		e.mu.Unlock()
		var cut cut
		if frame != nil {
			cut = e.cutter.hear(frame, far)
		} else if cut = e.cutter.miss(far); hearing {
			frame = nothing[:]
		}
		if cut.begins != nil {
			hearing = e.begin(cut.begins)
		} else if hearing && frame != nil {
			if err := e.listener.Hear(frame); err != nil {
				e.logger.Warn("an utterance was lost", "error", err.Error())
				e.listener.Cancel()
				hearing = false
			}
		}
		if hearing {
			e.bargeIn(cut.voice)
		}
		if cut.ends && hearing {
			hearing = false
			e.end(ctx, cut.speech)
		}
	}
}

// begin starts an utterance.
func (e *ear) begin(frames [][]int16) bool {
	if err := e.listener.Begin(e.expectation()); err != nil {
		e.logger.Warn("an utterance cannot be heard", "error", err.Error())
		return false
	}
	now, _ := e.call.mouth.speaking()
	e.mu.Lock()
	e.partial, e.far, e.overlapped, e.paused, e.voice = "", Open, now, false, 0
	e.mu.Unlock()
	for _, f := range frames {
		if err := e.listener.Hear(f); err != nil {
			e.listener.Cancel()
			return false
		}
	}
	e.call.tell(Event{Type: "state", State: "hearing"})
	return true
}

// bargeIn pauses the agent when a person speaks words over it.
func (e *ear) bargeIn(voice bool) {
	now, firm := e.call.mouth.speaking()
	e.mu.Lock()
	if voice {
		e.voice += frameTime * time.Millisecond
	}
	e.overlapped = e.overlapped || now
	pause := now && !firm && !e.paused && e.voice >= interruptAfter && wordy(e.partial) && !e.echo(e.partial)
	e.mu.Unlock()
	if pause && e.call.mouth.pause() {
		e.mu.Lock()
		e.paused = true
		e.mu.Unlock()
	}
}

// echo tells whether words are the agent's own, coming back. The lock is held.
func (e *ear) echo(text string) bool {
	words := speech.Words(text)
	if len(words) < 2 {
		return false
	}
	for _, l := range e.lately {
		if time.Since(l.at) > 10*time.Second {
			continue
		}
		own := speech.Words(l.text)
		same := 0
		for _, w := range words {
			if slices.Contains(own, w) {
				same++
			}
		}
		if 5*same >= 4*len(words) {
			return true
		}
	}
	return false
}

// end takes the utterance for what it is.
func (e *ear) end(ctx context.Context, isSpeech bool) {
	resume := func() {
		e.call.mouth.resume()
		state := "listening"
		if now, _ := e.call.mouth.speaking(); now {
			state = "speaking"
		}
		e.call.tell(Event{Type: "state", State: state})
	}
	if !isSpeech {
		e.listener.Cancel()
		resume()
		return
	}
	r, err := e.listener.End(ctx)
	if err != nil {
		if ctx.Err() == nil {
			e.logger.Warn("an utterance was not understood", "error", err.Error())
		}
		resume()
		return
	}
	now, firm := e.call.mouth.speaking()
	e.mu.Lock()
	overlapped, paused := e.overlapped, e.paused
	own := overlapped && e.echo(r.Text)
	counts := !overlapped && e.questionHeard && e.costHeard
	e.partial, e.far = "", Open
	e.mu.Unlock()
	// A sign of listening is an answer only where nobody was speaking.
	if r.Text == "" || own || (now || paused) && !wordy(r.Text) || firm {
		resume()
		return
	}
	e.call.tell(Event{Type: "caption", Who: "person", Text: r.Text, Final: true})
	if now || paused {
		e.call.interrupt(ctx)
	}
	e.call.tell(Event{Type: "state", State: "thinking"})
	if err := e.call.options.Dialogue.Say(ctx, e.call.Actor, e.call.ConversationID, r.Text, counts); err != nil {
		e.logger.Warn("a turn was refused", "error", err.Error())
		e.call.mouth.resume()
	}
}

func (e *ear) close() {
	if e.listener != nil {
		_ = e.listener.Close()
	}
}
