package speech_test

import (
	"slices"
	"testing"

	"github.com/openova-io/sandbox/voice/speech"
)

func TestSpoken(t *testing.T) {
	for text, want := range map[string]string{
		"By the price table it is **€142.94** a month before VAT.": "By the price table it is 142 euros and 94 cents a month before VAT.",
		"€1,200 a month": "1200 euros a month",
		"€2.05":          "2 euros and 5 cents",
		"Two cpx32 in fsn1, at console.alnoor.omani.works.": "Two C P X 32 in fsn1, at console dot alnoor dot omani dot works.",
		"Open https://console.alnoor.omani.works/x?y now":   "Open the link on your screen now",
		"[the plan](https://x.example/p) is `ready`":        "the plan is ready",
	} {
		if got := speech.Spoken(text, "en-GB"); got != want {
			t.Errorf("%q is said %q, want %q", text, got, want)
		}
	}
}

func TestSentencesOfATextThatIsBeingWritten(t *testing.T) {
	text := "Noted: it costs €142.94 a month. Where are the people? One\nTwo. And"
	var all []string
	rest := ""
	for _, r := range text {
		var whole []string
		whole, rest = speech.Sentences(rest + string(r))
		all = append(all, whole...)
	}
	want := []string{"Noted: it costs €142.94 a month.", "Where are the people?", "One", "Two."}
	if !slices.Equal(all, want) || rest != "And" {
		t.Errorf("got %q and %q", all, rest)
	}
}
