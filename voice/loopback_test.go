package voice

import (
	"slices"
	"testing"
	"time"
)

// TestOwnSound compares what the agent says with itself, softer and later, and with
// somebody else's words.
func TestOwnSound(t *testing.T) {
	needs(t, "flite")
	said := voiceOf(t, "slt", reply1+reply2)
	for _, c := range []struct {
		name  string
		heard []int16
		// least and most bound in how many of a hundred frames it is taken for the
		// agent's own.
		least, most int
	}{
		{"40 ms later", later(said, 2), 90, 100},
		{"400 ms later", later(said, 20), 90, 100},
		{"somebody else", voiceOf(t, "rms", "no please let us put the whole of it into Falkenstein and not into Helsinki because that is nearer to us"), 0, 15},
		{"nothing", silence(6 * time.Second), 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var sent, got levels
			own, all := 0, 0
			for at := 0; at+heardFrame <= min(len(said), len(c.heard)); at += heardFrame {
				sent.add(said[at : at+heardFrame])
				got.add(c.heard[at : at+heardFrame])
				if at/heardFrame < compared+wayBack {
					continue
				}
				if all++; got.follows(&sent) {
					own++
				}
			}
			if all < 100 {
				t.Fatalf("only %d frames were compared", all)
			}
			if share := own * 100 / all; share < c.least || share > c.most {
				t.Errorf("%d %% of %d frames are taken for the agent's own, want %d to %d", share, all, c.least, c.most)
			} else {
				t.Logf("%d %% of %d frames", share, all)
			}
		})
	}
}

// later is a sound at two fifths of its strength, so many frames later.
func later(pcm []int16, frames int) []int16 {
	out := slices.Concat(make([]int16, frames*heardFrame), pcm)
	for i := range out {
		out[i] = int16(float64(out[i]) * 0.4)
	}
	return out
}
