package voice

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openova-io/sandbox/voice/speech"
)

// reply is what the agent is saying when it is spoken over.
const reply1, reply2 = "Your Sovereign gets three servers in Helsinki and a load balancer before them.", " The database is kept on the second and is copied to the third every night."

// TestSpokenOver plays sounds over the agent's voice, at the pace of people: what
// people do while they listen changes nothing, and what they say stops it.
func TestSpokenOver(t *testing.T) {
	e := newEar(t)
	mouth, err := speech.NewEspeak("")
	if err != nil {
		t.Skip(err)
	}
	r := rand.New(rand.NewPCG(3, 5))
	for _, c := range []struct {
		name  string
		sound []int16
		// echo is the agent's own voice, as it comes back from a loudspeaker.
		echo bool
		// stops says that the agent is interrupted, and turn what is then said, if
		// it is known.
		stops bool
		turn  string
	}{
		{name: "cough", sound: cough(r, 260)},
		{name: "clicks", sound: clicks(r, 8)},
		{name: "music", sound: music(r, 2)},
		{name: "mm-hmm", sound: voiceOf(t, "slt", "mm hmm")},
		{name: "ok", sound: voiceOf(t, "rms", "ok")},
		{name: "its own voice, coming back", echo: true},
		{name: "stop", sound: voiceOf(t, "slt", "stop"), stops: true},
		{name: "wait", sound: voiceOf(t, "rms", "wait"), stops: true},
		{name: "stop of another", sound: voiceOf(t, "awb", "stop"), stops: true},
		{name: "wait of another", sound: voiceOf(t, "slt", "wait"), stops: true},
		{name: "wait of a Scot", sound: voiceOf(t, "awb", "wait"), stops: true},
		{name: "wait a moment", sound: voiceOf(t, "rms", "wait a moment"), stops: true},
		{name: "hold on", sound: voiceOf(t, "awb", "hold on"), stops: true},
		{name: "yeah", sound: voiceOf(t, "rms", "yeah")},
		{name: "right", sound: voiceOf(t, "slt", "right")},
		{name: "talk-over", sound: voiceOf(t, "slt", "no I want it to be in Berlin"), stops: true, turn: "berlin"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, e, mouth, newTalk(nil))
			b.call.uttered(Utterance{TurnID: "t", Piece: reply1 + reply2[:1]})
			b.call.uttered(Utterance{TurnID: "t", Whole: reply1 + reply2})
			sound := slices.Concat(silence(600*time.Millisecond), c.sound, silence(1500*time.Millisecond))
			var stopped, waited time.Duration // from the sound's beginning, and until it went on
			spoken := 0
			back := make([][]int16, 8) // the way to the person's ear and back, in frames
			for i := range back {
				back[i] = make([]int16, heardFrame)
			}
			clock := time.NewTicker(frameTime * time.Millisecond)
			defer clock.Stop()
			for at := time.Duration(0); at < 25*time.Second; {
				<-clock.C
				b.call.mouth.mu.Lock()
				left := len(b.call.mouth.lines)
				ready := left > 0 && (len(b.call.mouth.lines[0].frames) > 0 || b.call.mouth.lines[0].whole)
				paused := b.call.mouth.paused
				b.call.mouth.mu.Unlock()
				if left > 0 && !ready && spoken == 0 { // the clock of the test stands while the voice is made
					continue
				}
				if left > 0 && !paused {
					spoken++
				} else if left > 0 {
					waited += frameTime * time.Millisecond
				}
				if stopped == 0 && spoken > 0 && (paused || left == 0) {
					stopped = at - 600*time.Millisecond
				}
				frame := make([]int16, heardFrame)
				if len(sound) >= heardFrame {
					frame, sound = slices.Clone(sound[:heardFrame]), sound[heardFrame:]
				} else if left == 0 {
					break
				}
				played := b.call.mouth.frame()
				if c.echo {
					frame = back[0]
					back = append(back[1:], echoOf(played))
				}
				b.call.ear.hear(b.call.ctx, frame)
				at += frameTime * time.Millisecond
			}
			b.call.mouth.mu.Lock()
			rest := len(b.call.mouth.lines)
			b.call.mouth.mu.Unlock()
			b.talk.mu.Lock()
			turns, heard, cancelled := fmt.Sprintf("%+v", b.talk.turns), strings.Join(b.talk.heard, " | "), b.talk.cancelled
			b.talk.mu.Unlock()
			t.Logf("silent %v after the sound began, for %v; turns %s; heard %q; cancelled %d", stopped, waited, turns, heard, cancelled)
			said := time.Duration(spoken) * frameTime * time.Millisecond
			switch {
			case rest > 0:
				t.Error("it never came to its end")
			case !c.stops && (turns != "[]" || said < 7*time.Second):
				t.Errorf("it stopped after %v, with the turns %s", said, turns)
			case !c.stops && waited > 3*time.Second: // a guess of the recogniser may make it hesitate
				t.Errorf("it went on only after %v", waited)
			case c.stops && (said > 4*time.Second || c.turn == "" && turns != "[]" || !strings.Contains(strings.ToLower(turns), c.turn)):
				t.Errorf("it went on for %v, with the turns %s", said, turns)
			case c.stops && (heard == "" || strings.Contains(heard, "every night")):
				t.Errorf("what was heard of it is kept as %q", heard)
			}
		})
	}
}

// echoOf is a frame of the agent's voice as the person's microphone has it.
func echoOf(played []int16) []int16 {
	out := make([]int16, heardFrame)
	for i := range out {
		if at := i * spokenRate / speech.Rate; at < len(played) {
			out[i] = int16(float64(played[at]) * 0.4)
		}
	}
	return out
}
