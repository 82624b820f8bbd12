package voice

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openova-io/sandbox/voice/speech"
)

// What the trade's sentences are: people say them to the concierge, in other words
// than the language model was given where that could be.
var trade = []string{
	"hello we are a dental clinic in muscat", "we have twelve people", "patients should book online and we want to share files",
	"actually make it helsinki and two workers", "what is a worker", "how much will it cost a month", "what happens to my data",
	"i want nextcloud please", "why falkenstein", "yes that is right", "show me the plan", "we run a small hotel in berlin",
	"there are about thirty of us", "no high availability please", "can we have a wiki as well", "where is my data stored",
	"how long does it take", "can i cancel it later", "our guests should pay online", "make it cheaper please",
	"use a free address", "remove the wiki", "is there something cheaper", "put it in nuremberg",
}

// Sentences that are about something else.
var unscripted = []string{
	"the weather has been terrible all week", "my brother has bought a yellow bicycle", "please call me again after lunch",
	"the last company that we worked with closed its office", "i do not really understand computers", "let me ask my wife about that first",
	"there was a long queue at the airport this morning", "we moved into the new building in january",
}

// BenchmarkWords is how many words are wrong after everything that happens to them
// on their way: encoded, decoded, cut into utterances, recognised. The speakers are
// three voices of flite that the model was not made with; an utterance that is cut in
// two has the words of both.
func BenchmarkWords(b *testing.B) {
	e := newEar(b)
	for b.Loop() {
		for name, sentences := range map[string][]string{"trade": trade, "unscripted": unscripted} {
			words, wrong := 0, 0
			for _, voice := range []string{"slt", "rms", "awb"} {
				for _, s := range sentences {
					want, got := speech.Words(s), throughEverything(b, e, voiceOf(b, voice, s))
					n := wordErrors(want, got)
					if words, wrong = words+len(want), wrong+n; n > 0 {
						b.Logf("%s: %d wrong: %q heard as %q", voice, n, s, strings.Join(got, " "))
					}
				}
			}
			b.ReportMetric(100*float64(wrong)/float64(words), name+"-wrong-%")
		}
	}
}

// throughEverything gives the words of a sound that goes through the codec, the
// endpointing and the ear.
func throughEverything(t testing.TB, e *speech.Ear, pcm []int16) []string {
	t.Helper()
	l, err := e.Listen(t.Context(), "en", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var cutter endpointer
	var words []string
	hearing := false
	for _, frame := range throughCodec(t, slices.Concat(silence(time.Second), pcm, silence(1500*time.Millisecond))) {
		cut := cutter.hear(frame, Open)
		if cut.begins != nil {
			hearing = true
			if err := l.Begin(speech.Expectation{}); err != nil {
				t.Fatal(err)
			}
			for _, f := range cut.begins {
				_ = l.Hear(f)
			}
		} else if hearing {
			_ = l.Hear(frame)
		}
		if cut.ends && hearing {
			hearing = false
			r, err := l.End(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			words = append(words, strings.Fields(r.Text)...)
		}
	}
	return words
}

// throughCodec gives a sound's frames as the other end hears them.
func throughCodec(t testing.TB, pcm []int16) [][]int16 {
	t.Helper()
	d, err := newDecoder()
	if err != nil {
		t.Fatal(err)
	}
	var frames [][]int16
	for _, packet := range encoded(t, pcm) {
		frames = append(frames, slices.Clone(d.decode(packet)))
	}
	return frames
}

// encoded gives a sound's packets.
func encoded(t testing.TB, pcm []int16) [][]byte {
	t.Helper()
	e, err := newEncoder()
	if err != nil {
		t.Fatal(err)
	}
	var packets [][]byte
	for ; len(pcm) >= heardFrame; pcm = pcm[heardFrame:] {
		frame := make([]int16, spokenFrame)
		for i := range frame {
			frame[i] = pcm[i*heardFrame/spokenFrame]
		}
		packet, err := e.encode(frame)
		if err != nil {
			t.Fatal(err)
		}
		packets = append(packets, slices.Clone(packet))
	}
	return packets
}

// wordErrors counts the words that have to be changed to make got of want.
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

// BenchmarkSound is what a second of a call's sound costs, in milliseconds of one
// core, part by part.
func BenchmarkSound(b *testing.B) {
	e := newEar(b)
	pcm := voiceOf(b, "slt", strings.Join(trade, ". "))
	seconds := float64(len(pcm)) / speech.Rate
	cost := func(name string, f func()) {
		began := time.Now()
		f()
		b.ReportMetric(float64(time.Since(began).Microseconds())/1000/seconds, name+"-ms/s")
	}
	for b.Loop() {
		var packets [][]byte
		cost("encode", func() { packets = encoded(b, pcm) })
		var frames [][]int16
		d, err := newDecoder()
		if err != nil {
			b.Fatal(err)
		}
		cost("decode", func() {
			for _, p := range packets {
				frames = append(frames, slices.Clone(d.decode(p)))
			}
		})
		cost("endpoint", func() {
			var cutter endpointer
			for _, f := range frames {
				cutter.hear(f, Open)
			}
		})
		l, err := e.Listen(b.Context(), "en", nil)
		if err != nil {
			b.Fatal(err)
		}
		cost("recognise", func() {
			for said := range slices.Chunk(frames, 100) { // it waits for two seconds at most
				if err := l.Begin(speech.Expectation{}); err != nil {
					b.Fatal(err)
				}
				for _, f := range said {
					if err := l.Hear(f); err != nil {
						b.Fatal(err)
					}
				}
				if _, err := l.End(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
		_ = l.Close()
	}
}
