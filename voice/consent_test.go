package voice

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/voice/speech"
)

// consentWords and refusalWords are the closed lists of English.
var consentWords, refusalWords = func() ([]string, []string) {
	var lists map[string]struct{ Explicit, Bare []string }
	var words struct{ No []string }
	for path, into := range map[string]any{"../conversation/data/consent.json": &lists, "../conversation/data/words/en.json": &words} {
		raw, err := os.ReadFile(path)
		if err == nil {
			err = json.Unmarshal(raw, into)
		}
		if err != nil {
			panic(err)
		}
	}
	return append(lists["en"].Explicit, lists["en"].Bare...), words.No
}()

const (
	priceSentence   = "It costs 142 euros and 94 cents a month, without value added tax. This is a simulation; nothing is charged."
	consentQuestion = "Shall I create al-noor-dental.omani.works for €142.94 a month?"
)

// asked is a call in which a plan was shown, its price read, and the question
// asked; during is what comes from the person meanwhile.
func (b *bench) asked(n int, during []int16) {
	turn := fmt.Sprint("t", n)
	id := fmt.Sprint("approval-", n)
	b.talk.mu.Lock()
	b.talk.state.Open = &card.Question{ID: id, Prompt: consentQuestion, Type: card.AskConsent}
	b.talk.mu.Unlock()
	b.call.uttered(Utterance{TurnID: turn, Card: &card.Card{Kind: card.KindCost, Speech: priceSentence}})
	b.call.uttered(Utterance{TurnID: turn, Card: &card.Card{Kind: card.KindApproval}})
	b.call.uttered(Utterance{TurnID: turn, Piece: "Here is the plan. "})
	b.call.uttered(Utterance{TurnID: turn, Whole: "Here is the plan. " + consentQuestion})
	b.quiet(during, 25)
}

// answered plays an answer, and the silence after it, and gives how many
// approvals it is.
func (b *bench) answered(pcm []int16) (approvals int, turns []said) {
	b.hears(pcm)
	b.quiet(nil, 90)
	turns = b.talk.take()
	for _, s := range turns {
		if s.counts && b.talk.Consents(s.text, "en") {
			approvals++
		}
	}
	return approvals, turns
}

func newConsentBench(t *testing.T) *bench {
	t.Helper()
	e := newEar(t)
	mouth, err := speech.NewEspeak("")
	if err != nil {
		t.Skip(err)
	}
	return newBench(t, e, mouth, newTalk(nil))
}

func TestAYesIsOneApproval(t *testing.T) {
	b := newConsentBench(t)
	n, missed := 0, 0
	for _, voice := range []string{"slt", "rms", "espeak:en-us"} {
		for _, phrase := range []string{"Yes, create it.", "I approve the plan."} {
			n++
			b.asked(n, nil)
			approvals, turns := b.answered(voiceOf(t, voice, phrase))
			t.Logf("%s, %q: %d approvals, %+v", voice, phrase, approvals, turns)
			if approvals > 1 {
				t.Errorf("%s, %q is %d approvals", voice, phrase, approvals)
			}
			if approvals == 0 { // it was asked again: people say it once more
				if approvals, turns = b.answered(voiceOf(t, voice, "Yes, I approve the plan.")); approvals != 1 {
					missed++
					t.Logf("and after it was asked again: %+v", turns)
				}
			}
			if again, _ := b.answered(voiceOf(t, voice, phrase)); again != 0 && approvals != 0 {
				t.Errorf("%s, %q approves twice", voice, phrase)
			}
		}
	}
	if missed > 0 {
		t.Errorf("%d of %d times nobody could approve", missed, n)
	}
}

// Nothing but a yes is a yes: no sound, no echo, no other words.
func TestSoundsThatAreNoConsent(t *testing.T) {
	b := newConsentBench(t)
	sounds := noConsent(t)
	step := len(sounds) / 12
	if os.Getenv("SANDBOX_SOAK") != "" {
		step = 1
	} else {
		t.Log("every eighteenth sound; make soak tries all of them")
	}
	tried := 0
	for i := 0; i < len(sounds); i += step {
		s := sounds[i]
		tried++
		b.asked(1000+i, s.during)
		if approvals, turns := b.answered(s.pcm); approvals != 0 {
			t.Errorf("%s is %d approvals: %+v", s.name, approvals, turns)
		}
	}
	t.Logf("%d of %d sounds were tried", tried, len(sounds))
}

// noSound is what must not approve: in the answer's place, or while the agent
// reads the price and the question.
type noSound struct {
	name        string
	pcm, during []int16
}

func noConsent(t *testing.T) []noSound {
	var all []noSound
	add := func(name string, pcm []int16) { all = append(all, noSound{name: name, pcm: pcm}) }
	r := rand.New(rand.NewPCG(7, 11))
	voices := []string{"slt", "rms", "awb", "espeak:en-us", "espeak:en-gb"}
	others := []string{
		"no", "no thank you", "wait", "not yet", "stop", "mm hmm", "uh huh", "ok", "hmm", "what does that include", "yes but cheaper",
		"yesterday was nice", "guess what", "i do not approve", "do not create it", "never mind", "is it safe", "who would create it",
		"make it helsinki", "yes no maybe", "my address is in berlin", "can you say that again", "chess please",
	}
	for _, phrase := range others {
		for _, v := range voices {
			add(v+": "+phrase, voiceOf(t, v, phrase))
		}
	}
	for i, v := range voices { // a room full of talk
		for _, phrase := range others[9:14] {
			one, two := voiceOf(t, v, phrase+" and then we went to the market"), voiceOf(t, voices[(i+1)%len(voices)], "the weather will be fine tomorrow they say")
			add("babble", mixed(one, two))
		}
	}
	for i := range 15 {
		add("cough", cough(r, 120+20*i))
		add("clicks", clicks(r, 1+i))
		add("music", music(r, 1+i%4))
	}
	for _, v := range voices {
		for _, own := range []string{consentQuestion, priceSentence, "Here is the plan."} {
			echo := voiceOf(t, v, speech.Spoken(own, "en"))
			add("echo: "+own, quieter(echo, 0.5))
			// A yes over the agent's own voice is no yes either.
			all = append(all, noSound{name: "echo while it is read: " + own, during: quieter(echo, 0.3)})
		}
		yes := voiceOf(t, v, "yes create it")
		all = append(all, noSound{name: v + ": yes while it is read", during: append(silence(4*time.Second), yes...)})
	}
	return all
}

func mixed(a, b []int16) []int16 {
	out := make([]int16, max(len(a), len(b)))
	for i := range out {
		s := 0
		if i < len(a) {
			s += int(a[i])
		}
		if i < len(b) {
			s += int(b[i])
		}
		out[i] = int16(max(-32768, min(32767, s)))
	}
	return out
}

func quieter(pcm []int16, by float64) []int16 {
	out := make([]int16, len(pcm))
	for i, s := range pcm {
		out[i] = int16(float64(s) * by)
	}
	return out
}

// cough is a burst of breath of some ms, twice.
func cough(r *rand.Rand, ms int) []int16 {
	out := make([]int16, speech.Rate*(2*ms+200)/1000)
	n, low := speech.Rate*ms/1000, 0.0
	for _, at := range []int{0, n + speech.Rate/8} {
		for i := range n {
			low = 0.7*low + 0.3*r.NormFloat64()
			if at+i < len(out) {
				out[at+i] = int16(9000 * low * math.Exp(-3*float64(i)/float64(n)) * min(1, float64(i)/80))
			}
		}
	}
	return out
}

// clicks are keys, n of them.
func clicks(r *rand.Rand, n int) []int16 {
	out := make([]int16, n*speech.Rate/6+speech.Rate/4)
	for k := range n {
		at := k*speech.Rate/6 + r.IntN(800)
		for i := range 160 {
			out[at+i] = int16(12000 * math.Exp(-float64(i)/30) * math.Sin(float64(i)*(0.5+r.Float64())))
		}
	}
	return out
}

// music is a tune of so many voices.
func music(r *rand.Rand, voices int) []int16 {
	out := make([]int16, 2*speech.Rate)
	for range voices {
		f := 0.0
		for i := range out {
			if i%(speech.Rate/4) == 0 {
				f = 220 * math.Pow(2, float64(r.IntN(24))/12)
			}
			at := float64(i) / speech.Rate
			out[i] += int16(2500 * (math.Sin(2*math.Pi*f*at) + 0.4*math.Sin(4*math.Pi*f*at) + 0.2*math.Sin(6*math.Pi*f*at)))
		}
	}
	return out
}
