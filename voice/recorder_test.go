package voice

import (
	"slices"
	"testing"
	"time"

	"github.com/go-audio/wav"

	"github.com/openova-io/sandbox/conversation/vault"
	"github.com/openova-io/sandbox/voice/recording"
	"github.com/openova-io/sandbox/voice/speech"
)

func newStore(t *testing.T) *recording.Store {
	t.Helper()
	v, err := vault.Open(t.TempDir(), vault.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := recording.Open(recording.Options{Dir: t.TempDir(), Sealer: v})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A call is recorded from when the person wants it, and that is said: both sides in
// step, with their captions.
func TestCallIsRecorded(t *testing.T) {
	e := newEar(t)
	store := newStore(t)
	s := newService(t, Options{Dialogue: newTalk(nil), Recognizer: e, Synthesizer: hum{}, Recordings: store})
	p := dial(t, s, "c1")
	p.tell(`{"type":"record","state":"on"}`)
	const notice = "This call is recorded from now on."
	p.until("the notice", func() bool { return p.captioned("agent", notice) && p.recording("on") })
	p.until("the notice was said", func() bool { return loud(p.heard) > speech16(time.Second) })
	p.speak(append(append(silence(300*time.Millisecond), spoken(t, "we have twelve people")...), silence(300*time.Millisecond)...), 0, nil)
	p.until("the words", func() bool { return p.captioned("person", "we have twelve people") })
	p.tell(`{"type":"record","state":"off"}`)
	p.until("the end", func() bool { return p.recording("off") })

	list, err := store.List(t.Context(), "owner", "c1")
	if err != nil || len(list) != 1 || list[0].Running {
		t.Fatalf("%+v, %v", list, err)
	}
	cues, err := store.Cues(t.Context(), "owner", list[0].ID)
	if err != nil || len(cues) < 2 {
		t.Fatalf("%+v, %v", cues, err)
	}
	f, err := store.Sound(t.Context(), "owner", list[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	buffer, err := wav.NewDecoder(f).FullPCMBuffer()
	if err != nil {
		t.Fatal(err)
	}
	side := func(n int, c recording.Cue) []int16 {
		var pcm []int16
		for i := speech16(c.From); i < speech16(c.To) && 2*i+n < len(buffer.Data); i++ {
			pcm = append(pcm, int16(buffer.Data[2*i+n]))
		}
		return pcm
	}
	for n, who := range []string{human, agent} {
		i := slices.IndexFunc(cues, func(c recording.Cue) bool { return c.Who == who })
		if i < 0 {
			t.Fatalf("nothing of the %s is in %+v", who, cues)
		}
		if pcm := side(n, cues[i]); 5*loud(pcm) < len(pcm) {
			t.Errorf("in the cue %+v, %d of %d samples are loud", cues[i], loud(pcm), len(pcm))
		}
	}
	// What was recorded of the person says what the caption says.
	i := slices.IndexFunc(cues, func(c recording.Cue) bool { return c.Who == human })
	cues[i].From = max(0, cues[i].From-time.Second/2)
	l, err := e.Listen(t.Context(), "en", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.Begin(speech.Expectation{}); err != nil {
		t.Fatal(err)
	}
	for pcm := range slices.Chunk(side(0, cues[i]), heardFrame) {
		if err := l.Hear(pcm); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := l.End(t.Context()); err != nil || r.Text != cues[i].Text {
		t.Errorf("the recording says %q and the caption %q: %v", r.Text, cues[i].Text, err)
	}
}

// TestNoticeIsHeard: who speaks into the notice that the call is recorded hears it
// afterwards, once more and whole.
func TestNoticeIsHeard(t *testing.T) {
	store := newStore(t)
	s := newService(t, Options{Dialogue: newTalk(nil), Recognizer: deaf{}, Synthesizer: hum{}, Recordings: store})
	p := dial(t, s, "c1")
	p.tell(`{"type":"record","state":"on"}`)
	const text = "This call is recorded from now on."
	said := func() (n int) {
		for _, e := range p.events {
			if e.Type == "caption" && e.Who == "agent" && e.Text == text {
				n++
			}
		}
		return n
	}
	p.until("the notice", func() bool { return said() == 1 })
	p.call.interrupt(t.Context())
	p.until("the notice again", func() bool { return said() == 2 })
	p.until("its end", func() bool {
		list, err := store.List(t.Context(), "owner", "c1")
		if err != nil || len(list) != 1 {
			t.Fatalf("%+v, %v", list, err)
		}
		cues, _ := store.Cues(t.Context(), "owner", list[0].ID)
		return slices.ContainsFunc(cues, func(c recording.Cue) bool { return c.Who == agent && c.Text == text })
	})
	p.tell(`{"type":"record","state":"off"}`)
	p.until("the end of the recording", func() bool { return p.captioned("agent", "It has ended.") })

	// Who cuts it off twice does not want to hear it, and sees it on the screen.
	p.tell(`{"type":"record","state":"on"}`)
	for n := range 2 {
		p.until("the notice of another", func() bool { return said() == 3+n })
		p.call.interrupt(t.Context())
	}
	p.call.speak("call.again", plain)
	p.until("what comes next", func() bool { return p.captioned("agent", "I want to be sure that I heard a yes.") })
	if said() != 4 {
		t.Errorf("it was said %d times", said())
	}
}

// recording tells whether a state of it was told; the lock is held.
func (p *phone) recording(state string) bool {
	return slices.ContainsFunc(p.events, func(e Event) bool { return e.Type == "recording" && e.State == state })
}

// Who says nothing for long is asked, and the call is paused; whoever reads is not.
func TestSilence(t *testing.T) {
	d := newTalk(nil)
	s := newService(t, Options{Dialogue: d, Recognizer: deaf{}, Synthesizer: hum{}, Prompt: 400 * time.Millisecond})
	reader := dial(t, s, "c2")
	reader.tell(`{"type":"voice","state":"off"}`)
	p := dial(t, s, "c1")
	p.until("the question", func() bool { return p.captioned("agent", "Are you still there?") })
	p.until("the pause", func() bool {
		return slices.ContainsFunc(p.events, func(e Event) bool { return e.Type == "ended" && e.Reason == "silence" })
	})
	_ = p.call.Close() // it is closing already; this waits
	if reader.call.ctx.Err() != nil || len(slices.DeleteFunc(reader.told(), func(e Event) bool { return e.Type != "caption" })) != 0 {
		t.Errorf("who reads was told %+v", reader.told())
	}
	dial(t, s, "c1") // the conversation goes on in another call
}
