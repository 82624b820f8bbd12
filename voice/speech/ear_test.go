package speech_test

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/voice/speech"
)

// hear plays a sound to a listener in frames of 20 ms.
func hear(t testing.TB, l speech.Listener, x speech.Expectation, pcm []int16) speech.Result {
	t.Helper()
	if err := l.Begin(x); err != nil {
		t.Fatal(err)
	}
	for len(pcm) > 0 {
		n := min(len(pcm), speech.Rate/50)
		if err := l.Hear(pcm[:n]); err != nil {
			t.Fatal(err)
		}
		pcm = pcm[n:]
	}
	r, err := l.End(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// errors counts the words that have to be changed to make got of want.
func wordErrors(want, got []string) int {
	row := make([]int, len(got)+1)
	for j := range row {
		row[j] = j
	}
	for i, w := range want {
		last := row[0]
		row[0] = i + 1
		for j, g := range got {
			cost := 1
			if w == g {
				cost = 0
			}
			last, row[j+1] = row[j+1], min(last+cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(got)]
}

// The embedded ear is made for what a call is about: there at most one word in
// ten is wrong, also of sentences that the language model has not been given.
func TestEarHearsTheTrade(t *testing.T) {
	e := newEar(t, speech.EarOptions{})
	var partials []string
	l, err := e.Listen(t.Context(), "en-GB", func(text string) { partials = append(partials, text) })
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	words, wrong := 0, 0
	for _, voice := range []string{"rms", "slt"} {
		for _, s := range []string{
			"hello we are a dental clinic in muscat", "we have twelve people", "patients should book online and we want to share files",
			"actually make it helsinki and two workers", "what is a worker", "how much will it cost a month", "what happens to my data",
			"i want nextcloud please", "why falkenstein", "yes that is right", "show me the plan",
		} {
			r := hear(t, l, speech.Expectation{}, said(t, voice, s))
			n := wordErrors(speech.Words(s), strings.Fields(r.Text))
			words, wrong = words+len(speech.Words(s)), wrong+n
			t.Logf("%s: %d wrong: %q heard as %q (%.3f)", voice, n, s, r.Text, r.Confidence)
		}
	}
	if 10*wrong > words {
		t.Errorf("%d of %d words are wrong", wrong, words)
	}
	if len(partials) == 0 {
		t.Error("no words came while they were being said")
	}
}

// A question with known answers is heard by its grammar, and everything else is
// rejected rather than taken for one of them.
func TestGrammarHearsItsPhrasesAndNothingElse(t *testing.T) {
	e := newEar(t, speech.EarOptions{})
	l, err := e.Listen(t.Context(), "en", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	x := speech.Expectation{Phrases: []string{"yes", "no", "i approve", "yes i approve the plan", "wait"}}
	for _, s := range []string{"yes", "no", "I approve", "yes, I approve the plan", "wait"} {
		if r := hear(t, l, x, said(t, "rms", s)); r.Text != strings.Join(speech.Words(s), " ") {
			t.Errorf("%q was heard as %q", s, r.Text)
		}
	}
	for _, s := range []string{"what does that cost exactly", "my brother has a yellow bicycle", "the weather in london is terrible today", "tell me about helsinki"} {
		if r := hear(t, l, x, said(t, "slt", s)); r.Text != "" {
			t.Errorf("%q was heard as %q", s, r.Text)
		}
	}
	if r := hear(t, l, x, make([]int16, speech.Rate)); r.Text != "" {
		t.Errorf("silence was heard as %q", r.Text)
	}
}

func TestEarThatDiesCostsOneUtterance(t *testing.T) {
	e := newEar(t, speech.EarOptions{})
	l, err := e.Listen(t.Context(), "en", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.Begin(speech.Expectation{}); err != nil {
		t.Fatal(err)
	}
	speech.KillForTest(l)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := l.End(ctx); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("the utterance ended with %v", err)
	}
	if r := hear(t, l, speech.Expectation{}, said(t, "rms", "what happens to my data")); r.Text != "what happens to my data" {
		t.Errorf("the next one was heard as %q", r.Text)
	}
}

func TestEarsHaveAnEnd(t *testing.T) {
	e := newEar(t, speech.EarOptions{Most: 1})
	l, err := e.Listen(t.Context(), "en", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Listen(t.Context(), "en", nil); fault.CodeOf(err) != fault.Limited {
		t.Errorf("a second call got %v", err)
	}
	_ = l.Close()
	l, err = e.Listen(t.Context(), "en", nil)
	if err != nil {
		t.Fatalf("after the first call has ended: %v", err)
	}
	_ = l.Close()
	if _, err := e.Listen(t.Context(), "ar", nil); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("a language that it does not know gave %v", err)
	}
}

func TestEarThatIsNoEar(t *testing.T) {
	missing := speech.EarOptions{Path: "/nonexistent/sandbox-ear", Model: model, Dir: t.TempDir(), Sentences: []string{"yes"}}
	if _, err := speech.NewEar(missing); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("a missing binary gave %v", err)
	}
	path, err := exec.LookPath("true")
	if err != nil {
		t.Fatal(err)
	}
	e := newEar(t, speech.EarOptions{Path: path})
	if _, err := e.Listen(t.Context(), "en", nil); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("a binary that ends at once gave %v", err)
	}
}
