package voice

import (
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/openova-io/sandbox/voice/speech"
)

// utterance is what an endpointer found.
type utterance struct {
	from, to time.Duration // of the sound that was heard of it
	speech   bool
}

// endpoints runs a sound through an endpointer.
func endpoints(pcm []int16, far func(time.Duration) Completeness) []utterance {
	var e endpointer
	var all []utterance
	var at time.Duration
	for len(pcm) >= heardFrame {
		at += frameTime * time.Millisecond
		c := e.hear(pcm[:heardFrame], far(at))
		pcm = pcm[heardFrame:]
		if c.begins != nil {
			all = append(all, utterance{from: at - time.Duration(len(c.begins))*frameTime*time.Millisecond})
		}
		if c.ends {
			all[len(all)-1].to, all[len(all)-1].speech = at, c.speech
		}
	}
	return all
}

func always(c Completeness) func(time.Duration) Completeness {
	return func(time.Duration) Completeness { return c }
}

// spoken is the sound of a sentence by flite, without silence around it.
func spoken(t testing.TB, text string) []int16 {
	t.Helper()
	if _, err := exec.LookPath("flite"); err != nil {
		t.Skip("flite is not installed; make packages installs it")
	}
	out := filepath.Join(t.TempDir(), "said.wav")
	if raw, err := exec.Command("flite", "-voice", "rms", "-t", text, "-o", out).CombinedOutput(); err != nil {
		t.Fatalf("flite: %v: %s", err, raw)
	}
	wav, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return speech.PCMSamples(wav[44:])
}

func silence(d time.Duration) []int16 {
	return make([]int16, int(d.Seconds()*speech.Rate))
}

// noisy adds white noise of so many units.
func noisy(pcm []int16, amplitude float64) []int16 {
	r := rand.New(rand.NewPCG(1, 2))
	out := make([]int16, len(pcm))
	for i, s := range pcm {
		out[i] = int16(max(-32768, min(32767, float64(s)+amplitude*r.NormFloat64())))
	}
	return out
}

func TestUtterancesAreFoundInNoise(t *testing.T) {
	var sound []int16
	sentences := []string{"hello we are a dental clinic in muscat", "we have twelve people", "yes", "what happens to my data", "show me the plan"}
	sound = append(sound, silence(time.Second)...)
	for _, s := range sentences {
		sound = append(append(sound, spoken(t, s)...), silence(1500*time.Millisecond)...)
	}
	for _, amplitude := range []float64{0, 30, 150} {
		found := endpoints(noisy(sound, amplitude), always(Open))
		if len(found) != len(sentences) {
			t.Errorf("with noise of %.0f, %d utterances were found in %d", amplitude, len(found), len(sentences))
		}
		for i, u := range found {
			if !u.speech || u.to == 0 {
				t.Errorf("with noise of %.0f, utterance %d is %+v", amplitude, i, u)
			}
		}
	}
}

func TestThePauseFollowsTheAnswer(t *testing.T) {
	sound := append(append(silence(time.Second), spoken(t, "two workers")...), silence(2*time.Second)...)
	var last time.Duration
	for _, c := range []Completeness{Wholly, Open, Partly} {
		found := endpoints(sound, always(c))
		if len(found) != 1 || found[0].to <= last {
			t.Fatalf("with an answer that is %v: %+v, and before %v", c, found, last)
		}
		last = found[0].to
	}
}

func TestClicksAndSilenceAreNoSpeech(t *testing.T) {
	if found := endpoints(silence(10*time.Second), always(Open)); len(found) != 0 {
		t.Errorf("silence: %+v", found)
	}
	if found := endpoints(noisy(silence(10*time.Second), 300), always(Open)); len(found) != 0 {
		t.Errorf("steady noise: %+v", found)
	}
	keys := silence(10 * time.Second)
	for at := speech.Rate; at < len(keys)-200; at += speech.Rate / 2 { // a key pressed twice a second
		for i := range 160 {
			keys[at+i] = int16(12000 * math.Exp(-float64(i)/30) * math.Sin(float64(i)))
		}
	}
	for _, u := range endpoints(keys, always(Open)) {
		if u.speech {
			t.Errorf("keys: %+v", u)
		}
	}
}

func TestAMonologueIsTakenInParts(t *testing.T) {
	hum := silence(2 * time.Minute)
	for i := range hum { // a voice that swells and falls and never pauses
		at := float64(i) / speech.Rate
		hum[i] = int16(6000 * (1.2 + math.Sin(2*math.Pi*3*at)) * math.Sin(2*math.Pi*300*at) * min(1, at))
	}
	found := endpoints(hum, always(Open))
	if len(found) < 2 || found[0].to-found[0].from > longest+time.Second {
		t.Errorf("two minutes without a pause: %+v", found)
	}
}

func TestOpusBothWaysAndWithLoss(t *testing.T) {
	e, err := newEncoder()
	if err != nil {
		t.Fatal(err)
	}
	d, err := newDecoder()
	if err != nil {
		t.Fatal(err)
	}
	tone := make([]int16, spokenFrame)
	heard, loud := 0, 0
	for i := range 100 {
		for k := range tone {
			tone[k] = int16(8000 * math.Sin(2*math.Pi*440*float64(i*spokenFrame+k)/spokenRate))
		}
		packet, err := e.encode(tone)
		if err != nil {
			t.Fatal(err)
		}
		if i%10 == 9 {
			packet = nil // lost
		}
		pcm := d.decode(packet)
		heard += len(pcm)
		var detect detector
		if i > 5 && detect.level(pcm) > 50 {
			loud++
		}
	}
	if heard != 100*heardFrame {
		t.Errorf("%d samples were heard of %d", heard, 100*heardFrame)
	}
	if loud < 85 {
		t.Errorf("the tone is in %d of 94 frames", loud)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{0x78, 1, 2, 3})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, packet []byte) {
		d, err := newDecoder()
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if n := len(d.decode(packet)); n == 0 || n > 120*speech.Rate/1000 {
				t.Fatalf("%d samples", n)
			}
		}
	})
}

// A browser sends nothing for silence: the clock ends the turn all the same, and
// what did not come says nothing about the noise of the room.
func TestEndpointWithoutPackets(t *testing.T) {
	var e endpointer
	room := rand.New(rand.NewPCG(1, 2))
	noise := func(loud float64) []int16 {
		f := make([]int16, heardFrame)
		for i := range f {
			f[i] = int16(loud * room.NormFloat64())
		}
		return f
	}
	for range 150 {
		e.hear(noise(100), Open)
	}
	began := false
	for range 25 {
		began = e.hear(noise(4000), Open).begins != nil || began
	}
	if !began {
		t.Fatal("speech is not heard")
	}
	n := 0
	for ; ; n++ {
		if c := e.miss(Wholly); c.ends {
			if !c.speech {
				t.Error("it was no speech")
			}
			break
		}
		if n > 100 {
			t.Fatal("the turn does not end")
		}
	}
	if d := time.Duration(n+1) * frameTime * time.Millisecond; d < pauseComplete || d > pauseComplete+frameTime*time.Millisecond {
		t.Errorf("it ends after %v, want %v", d, pauseComplete)
	}
	for range 50 {
		if e.miss(Open).ends {
			t.Fatal("there is nothing that could end")
		}
	}
	for range 100 {
		if e.hear(noise(100), Open).begins != nil {
			t.Fatal("the noise of the room is taken for speech")
		}
	}
}
