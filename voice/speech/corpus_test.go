package speech_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/openova-io/sandbox/voice/speech"
)

// TestCorpusHasItsWords: what is said is made of the words of the patterns and of the
// slots, and of no others, such as two that have grown together.
func TestCorpusHasItsWords(t *testing.T) {
	raw, err := os.ReadFile("data/en.txt")
	if err != nil {
		t.Fatal(err)
	}
	patterns := strings.NewReplacer("(", " ", ")", " ", "|", " ").Replace(string(raw))
	known := map[string]bool{}
	for _, w := range strings.Fields(patterns) {
		known[w] = true
	}
	values := slots()
	values["number"] = []string{"two", "twelve"}
	for _, all := range values {
		for _, v := range all {
			for _, w := range strings.Fields(v) {
				known[w] = true
			}
		}
	}
	all := speech.Corpus("en", values)
	for _, s := range all {
		for _, w := range strings.Fields(s) {
			if !known[w] {
				t.Fatalf("%q in %q is no word", w, s)
			}
		}
		if strings.ContainsAny(s, "(|){}") || s != strings.Join(strings.Fields(s), " ") {
			t.Errorf("%q is no sentence", s)
		}
	}
	for _, want := range []string{"use a free address", "what is a worker", "can we have a wiki as well", "how long does it take", "actually make it helsinki"} {
		if !slices.Contains(all, want) {
			t.Errorf("nobody says %q", want)
		}
	}
	if len(all) < 500 {
		t.Errorf("there are only %d sentences", len(all))
	}
}
