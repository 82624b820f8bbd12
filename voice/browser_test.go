package voice

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openova-io/sandbox/voice/speech"
)

// speaks says a sentence to the call, and in its middle what its browser makes of it.
func (b *bench) speaks(sound []int16, words ...Event) []said {
	sound = slices.Concat(silence(300*time.Millisecond), sound)
	half := len(sound) * 2 / 3 / heardFrame * heardFrame
	b.hears(sound[:half])
	for _, w := range words {
		w.Type = "words"
		b.call.asked(w)
	}
	b.hears(slices.Concat(sound[half:], silence(2500*time.Millisecond)))
	return b.talk.take()
}

// TestWordsOfTheBrowser: who has chosen the browser's recognition is understood by its
// words, and by the service's whenever these are missing.
func TestWordsOfTheBrowser(t *testing.T) {
	e := newEar(t)
	mouth, err := speech.NewEspeak("")
	if err != nil {
		t.Skip(err)
	}
	b := newBench(t, e, mouth, newTalk(nil))
	helsinki := voiceOf(t, "slt", "I want it to be in Helsinki")
	only := func(what string, turns []said, want func(string) bool) {
		t.Helper()
		if len(turns) != 1 || !want(turns[0].text) || turns[0].counts {
			t.Errorf("%s: %+v", what, turns)
		}
	}
	own := func(text string) bool { return strings.Contains(text, "helsinki") }
	is := func(text string) func(string) bool { return func(got string) bool { return got == text } }

	only("not chosen", b.speaks(helsinki, Event{N: 1, Text: "Al Qurum Clinic", Final: true}), own)
	b.call.asked(Event{Type: "hears", State: "on"})
	only("whole", b.speaks(helsinki, Event{N: 1, Text: "it", Confidence: 0.1}, Event{N: 1, Text: "It is the Al Qurum Clinic,", Final: true, Confidence: 0.9}, Event{N: 2, Text: "in Muscat.", Final: true}),
		is("It is the Al Qurum Clinic, in Muscat."))
	only("not yet final", b.speaks(helsinki, Event{N: 3, Text: "In Falkenstein"}), is("In Falkenstein"))
	only("the end of what was said before", b.speaks(helsinki, Event{N: 3, Text: "In Falkenstein please", Final: true}), own)
	only("a flood", b.speaks(helsinki, Event{N: 4, Text: strings.Repeat("word ", 1000), Final: true}), own)
	if b.call.ear.browser.on {
		t.Error("it is still waited for, having told nothing twice")
	}
	b.call.asked(Event{Type: "hears", State: "on"})
	only("taken up again", b.speaks(helsinki, Event{N: 7, Text: "Two workers", Final: true}), is("Two workers"))

	// What it hears while the agent speaks may be the agent.
	b.call.uttered(Utterance{TurnID: "t", Piece: reply1 + reply2[:1]})
	b.call.uttered(Utterance{TurnID: "t", Whole: reply1 + reply2})
	b.quiet(slices.Concat(silence(900*time.Millisecond), voiceOf(t, "slt", "no I want it to be in Berlin"), silence(1500*time.Millisecond)), 0)
	for range 2 {
		b.call.asked(Event{Type: "words", N: 8, Text: "yes three servers in Nuremberg", Final: true})
		b.hears(silence(1500 * time.Millisecond))
	}
	for _, turn := range b.talk.take() {
		if strings.Contains(turn.text, "Nuremberg") {
			t.Errorf("it took the agent's words for the person's: %+v", turn)
		}
	}
}

// TestBrowserDoesNotConsent: whatever a page says that it has heard, only what the
// service hears is a consent.
func TestBrowserDoesNotConsent(t *testing.T) {
	b := newConsentBench(t)
	b.call.asked(Event{Type: "hears", State: "on"})
	for i, sound := range [][]int16{voiceOf(t, "slt", "no thank you"), voiceOf(t, "rms", "what does that include"), cough(rand.New(rand.NewPCG(1, 2)), 300)} {
		b.asked(i, nil)
		for n, text := range []string{"yes create it", "I approve the plan"} {
			b.call.asked(Event{Type: "words", N: 10*i + n + 1, Text: text, Final: true, Confidence: 1})
		}
		if approvals, turns := b.answered(sound); approvals != 0 {
			t.Errorf("a page has approved: %+v", turns)
		}
	}
}

// TestPiecesOfABrowser: what a page sends is bounded, and only of the running utterance.
func TestPiecesOfABrowser(t *testing.T) {
	b := &browser{}
	b.set(true)
	b.begins(false)
	for n := range 1000 {
		b.takes(n+1, piece{text: "word", final: true})
	}
	if len(b.pieces) != mostPieces {
		t.Errorf("%d pieces are kept", len(b.pieces))
	}
	if r, lost := b.ends(t.Context(), false, 3); len(strings.Fields(r.Text)) != mostPieces || lost {
		t.Errorf("it has %q, lost %v", r.Text, lost)
	}
	for _, n := range []int{-1, 0, 1, 1000} {
		if got := b.takes(n, piece{text: "late"}); got != "" {
			t.Errorf("piece %d of what is over is %q", n, got)
		}
	}
	b.begins(false)
	if got := b.takes(2000, piece{text: "  two words ", confidence: 0.1}); got != "two words" {
		t.Errorf("it has %q", got)
	}
	if r, _ := b.ends(t.Context(), false, 2); r.Text != "two words" || r.Confidence >= surely {
		t.Errorf("unclear words are %+v", r)
	}
}
