package speech_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/openova-io/sandbox/voice/speech"
)

func TestSoundsOfNames(t *testing.T) {
	for word, want := range map[string]string{
		"nizwa": "N IY Z W AH", "sharjah": "SH AA R JH AA", "jeddah": "JH EH D AA", "kyiv": "K Y IY V", "Malmö": "M AA L M OW",
		"antalya": "AA N T AA L Y AH", "busan": "B UW S AA N", "utrecht": "UW T R EH CH T", "مسقط": "", "k8s": "",
	} {
		got := speech.Sounds(word)
		if got != want {
			t.Errorf("%s sounds %q, want %q", word, got, want)
		}
		for _, p := range strings.Fields(got) {
			if !slices.Contains(speech.Phones, p) {
				t.Errorf("%s has the sound %q, which is none", word, p)
			}
		}
	}
}

func FuzzSounds(f *testing.F) {
	f.Add("Ras Al Khaimah")
	f.Fuzz(func(t *testing.T, word string) {
		for _, p := range strings.Fields(speech.Sounds(word)) {
			if !slices.Contains(speech.Phones, p) {
				t.Errorf("%q has the sound %q, which is none", word, p)
			}
		}
	})
}
