package voice

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/openova-io/sandbox/voice/speech"
)

// browser is the recognition of the caller's own browser, for who has chosen it. It
// hears the microphone by itself and tells the words; when something was said, and
// whether it interrupts, is still for the ear to say. Its words are a turn that is typed
// as much as one that is heard: they never consent, as [Call] has not heard them.
type browser struct {
	mu sync.Mutex
	on bool
	// hearing is true in an utterance, and clear is false in one that the agent was heard
	// in, whose words may be the agent's.
	hearing, clear bool
	// pieces are the words of the running utterance by the browser's number, which only
	// grows; those up to used are of former ones.
	pieces map[int]piece
	used   int
	most   int
	// changed is closed when a piece is.
	changed chan struct{}
	// missed counts utterances in a row in which it told nothing.
	missed int
}

// piece is a part of what was said, as the browser has it.
type piece struct {
	text       string
	confidence float64
	final      bool
}

const (
	// browserWait is how long its last words may come later than the end of an utterance.
	browserWait = 400 * time.Millisecond
	// browserMissed utterances without its words switch it off.
	browserMissed = 2
	// mostPieces and mostWords bound what a page can make the call keep.
	mostPieces, mostWords = 64, 400
	// browserSurely is how confident it is of words that need no look: on a scale of its
	// own, on which unknown is 0.
	browserSurely = 0.5
)

// set switches it on or off.
func (b *browser) set(on bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.on, b.missed = on, 0
	b.drop()
	b.used, b.most = 0, 0 // a recognition that begins counts anew
}

// drop forgets the words so far. The lock is held.
func (b *browser) drop() {
	b.pieces, b.used = map[int]piece{}, b.most
}

// begins is the beginning of an utterance; deaf says that its words are not wanted.
func (b *browser) begins(deaf bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.drop()
	b.hearing, b.clear = true, !deaf
}

// takes takes words, and gives what the running utterance is then; empty when that is
// not known.
func (b *browser) takes(n int, p piece) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.most = max(b.most, n)
	p.text = strings.TrimSpace(p.text)
	if !b.on || n <= b.used || len(p.text) > mostWords || len(b.pieces) >= mostPieces && b.pieces[n].text == "" {
		return ""
	}
	b.pieces[n] = p
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
	if !b.hearing || !b.clear {
		return ""
	}
	r, _ := b.words()
	return r.Text
}

// tells is true when it has words of the running utterance.
func (b *browser) tells() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.on && b.hearing && b.clear && len(b.pieces) > 0
}

// words are the words of the running utterance, and whether they may still change. The
// lock is held.
func (b *browser) words() (r speech.Result, final bool) {
	var said []string
	r.Confidence, final = 1, len(b.pieces) > 0
	numbers := make([]int, 0, len(b.pieces))
	for n := range b.pieces {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	for _, n := range numbers {
		p := b.pieces[n]
		if p.text == "" {
			continue
		}
		said = append(said, p.text)
		final = final && p.final
		if p.confidence > 0 && p.confidence < browserSurely {
			r.Confidence = min(r.Confidence, p.confidence*surely/browserSurely) // on the scale of the ear
		}
	}
	r.Text = strings.Join(said, " ")
	return r, final
}

// ends gives the words of an utterance that has ended, or none: it is off, says nothing
// in time, or may have heard the agent. over says that the agent was heard meanwhile, and
// heard how many words the ear has; lost is true when it is switched off, as it has not
// told what was said several times.
func (b *browser) ends(ctx context.Context, over bool, heard int) (r speech.Result, lost bool) {
	late := time.NewTimer(browserWait)
	defer late.Stop()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.on {
		return speech.Result{}, false
	}
	for waiting := !over; waiting; {
		words, final := b.words()
		if r = words; final {
			break
		}
		changed := make(chan struct{})
		b.changed = changed
		b.mu.Unlock()
		select {
		case <-changed:
		case <-late.C:
			waiting = false
		case <-ctx.Done():
			waiting = false
		}
		b.mu.Lock()
	}
	b.hearing = false
	b.drop()
	switch {
	case over:
		return speech.Result{}, false
	case r.Text != "":
		b.missed = 0
	case heard > 1: // less than that was perhaps a noise
		b.missed++
	}
	if b.missed >= browserMissed {
		b.on = false
		return speech.Result{}, true
	}
	return r, false
}

// spells takes words of the browser's recognition.
func (e *ear) spells(v Event) {
	text := e.browser.takes(v.N, piece{v.Text, v.Confidence, v.Final})
	if text == "" {
		return
	}
	e.mu.Lock()
	if e.open != nil {
		e.far = e.call.options.Dialogue.Answers(*e.open, text, e.call.language)
	}
	e.mu.Unlock()
	e.call.tell(Event{Type: "caption", Who: "person", Text: text})
}

// spelled is what the browser has heard of an utterance that has ended, where that is
// known, else what the ear has.
func (e *ear) spelled(ctx context.Context, r speech.Result) speech.Result {
	e.mu.Lock()
	over := e.overlapped
	e.mu.Unlock()
	words, lost := e.browser.ends(ctx, over, len(speech.Words(r.Text)))
	if lost {
		e.call.tell(Event{Type: "hears", State: "off"})
	}
	if words.Text == "" {
		return r
	}
	return words
}
