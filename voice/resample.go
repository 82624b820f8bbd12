package voice

import (
	"io"

	"github.com/openova-io/sandbox/voice/speech"
)

// resampler reads audio frame by frame at [spokenRate]. Linear interpolation is
// enough from a voice's 16 to 22 kHz upwards: what it adds lies above the voice
// and below what can be heard of it, at a thousandth of the cost of an encoder.
type resampler struct {
	audio speech.Audio
	raw   []byte
	step  float64 // input samples per output sample
	at    float64 // where between prev and next the next sample lies, from 0 to below 1
	prev  float64
	next  float64
	begun bool
	ended bool
	in    []int16
	pos   int
	odd   int // bytes of a sample that has not come whole
}

func newResampler(a speech.Audio) *resampler {
	return &resampler{audio: a, raw: make([]byte, 4096), step: float64(a.Rate()) / spokenRate}
}

// sample gives the next input sample.
func (r *resampler) sample() (float64, error) {
	for r.pos == len(r.in) {
		n, err := r.audio.Read(r.raw[r.odd:])
		n += r.odd
		if n >= 2 {
			r.in, r.pos = speech.PCMSamples(r.raw[:n&^1]), 0
		}
		if r.odd = n & 1; r.odd == 1 {
			r.raw[0] = r.raw[n-1]
		}
		if err != nil && n < 2 {
			return 0, err
		}
	}
	s := float64(r.in[r.pos])
	r.pos++
	return s, nil
}

// frame fills one frame; the last one ends with silence. io.EOF means that there
// was nothing left.
func (r *resampler) frame(out []int16) error {
	if r.ended {
		return io.EOF
	}
	if !r.begun {
		r.begun = true
		var err error
		if r.next, err = r.sample(); err != nil {
			r.ended = true
			return err
		}
		r.prev = r.next
	}
	for i := range out {
		for r.at >= 1 {
			s, err := r.sample()
			if err == io.EOF {
				r.ended = true
				clear(out[i:])
				if i == 0 {
					return io.EOF
				}
				return nil
			}
			if err != nil {
				r.ended = true
				return err
			}
			r.prev, r.next = r.next, s
			r.at--
		}
		out[i] = int16(r.prev + (r.next-r.prev)*r.at)
		r.at += r.step
	}
	return nil
}
