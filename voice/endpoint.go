package voice

import (
	"math"
	"slices"
	"time"
)

const (
	// floorTime is over how long the noise around a person is measured.
	floorTime = 3 * time.Second
	// floorPart is which part of it is the floor: the quietest tenth is never speech.
	floorPart = 0.10
	// aboveFloor is how much louder than the floor speech is, in dB.
	aboveFloor = 8
	// Who speaks with the first packet of a call leaves no time to learn the noise of
	// their room: so many frames of so many dB are taken to have come before.
	unknownRoom, unknownFrames = 45, 8
	// quietest is what is never speech, in dB above one unit of 16 bit.
	quietest = 28
	// onset: speech begins when this many of the last onsetOf frames have it, so that
	// a click does not.
	onset, onsetOf = 3, 4
	// preroll is what is heard from before the onset, in frames: the first sound of a
	// word is often too soft to be noticed as one.
	preroll = 15
)

// detector tells frames with a voice from frames without, by their energy in the
// band of a voice over a floor that follows the room. It is as good as a far
// larger one in steady noise, and knows nothing of babble: whether a voice says
// words is for the recogniser to tell.
type detector struct {
	high, low  float64 // state of the filters
	last       float64
	levels     []float64 // of the last floorTime, a ring
	next       int
	sorted     []float64
	floor      float64
	sinceFloor int
	recent     [onsetOf]bool
	frames     int
}

// level gives a frame's level in the band from 200 Hz to 3.4 kHz, in dB.
func (d *detector) level(pcm []int16) float64 {
	// One-pole filters at 16 kHz: a = exp(-2 pi f / rate).
	const highA, lowA = 0.9245, 0.2631
	sum := 0.0
	for _, s := range pcm {
		x := float64(s)
		d.high = highA * (d.high + x - d.last)
		d.last = x
		d.low = (1-lowA)*d.high + lowA*d.low
		sum += d.low * d.low
	}
	if len(pcm) == 0 {
		return 0
	}
	return 10 * math.Log10(sum/float64(len(pcm))+1)
}

// voiced tells whether a frame of [heardFrame] samples has a voice, and whether
// the last frames together are the onset of speech.
func (d *detector) voiced(pcm []int16) (voice, begins bool) {
	level := d.level(pcm)
	if d.levels == nil {
		d.levels = slices.Repeat([]float64{unknownRoom}, unknownFrames)
	}
	most := int(floorTime / (frameTime * time.Millisecond))
	if len(d.levels) < most {
		d.levels = append(d.levels, level)
	} else {
		d.levels[d.next] = level
		d.next = (d.next + 1) % most
	}
	if d.sinceFloor--; d.sinceFloor <= 0 { // five times a second is often enough
		d.sinceFloor = 10
		d.sorted = append(d.sorted[:0], d.levels...)
		slices.Sort(d.sorted)
		d.floor = d.sorted[int(floorPart*float64(len(d.sorted)))]
	}
	voice = level > quietest && level > d.floor+aboveFloor
	d.recent[d.frames%onsetOf] = voice
	d.frames++
	n := 0
	for _, v := range d.recent {
		if v {
			n++
		}
	}
	return voice, n >= onset
}

// The pauses after which a person has finished, by what they have said so far.
const (
	// pauseComplete: the words so far answer what was asked.
	pauseComplete = 450 * time.Millisecond
	// pauseOpen: they may go on.
	pauseOpen = 1000 * time.Millisecond
	// pausePartial: they are in the middle of an answer, such as a list or a number.
	pausePartial = 1400 * time.Millisecond
	// longest is after how much speech a turn is taken without a pause.
	longest = 45 * time.Second
	// shortest is how much voice an utterance has at least; less is a cough or a click.
	shortest = 80 * time.Millisecond
)

// pause is how long a person is silent when they have finished.
func (c Completeness) pause() time.Duration {
	switch c {
	case Wholly:
		return pauseComplete
	case Partly:
		return pausePartial
	}
	return pauseOpen
}

// endpointer cuts what is heard into utterances. It is fed frame by frame and
// owns no goroutine.
type endpointer struct {
	detector detector
	before   [][]int16 // the last frames without speech, for the pre-roll
	speaking bool
	voice    time.Duration // of the utterance
	silence  time.Duration // since its last voiced frame
	length   time.Duration
}

// cut is what a frame meant.
type cut struct {
	// begins: an utterance begins with these frames, this one included.
	begins [][]int16
	// ends: the utterance has ended, this frame included.
	ends bool
	// silence is how long nobody had spoken then.
	silence time.Duration
	// false when it was too short to be speech.
	speech bool
	// voice: this frame has a voice.
	voice bool
}

// hear takes a frame; far says how far what was heard so far answers the
// question. The frame is not kept by reference.
func (e *endpointer) hear(frame []int16, far Completeness) cut {
	const step = frameTime * time.Millisecond
	voice, begins := e.detector.voiced(frame)
	if !e.speaking {
		e.before = append(e.before, slices.Clone(frame))
		if len(e.before) > preroll {
			e.before = slices.Delete(e.before, 0, 1)
		}
		if !begins {
			return cut{voice: voice}
		}
		e.speaking, e.voice, e.silence, e.length = true, onset*step, 0, time.Duration(len(e.before))*step
		frames := e.before
		e.before = nil
		return cut{begins: frames, voice: voice}
	}
	return e.goesOn(voice, far)
}

// miss takes a frame of the clock in which nothing came: browsers send nothing for
// silence, and networks have holes. It says nothing about the room.
func (e *endpointer) miss(far Completeness) cut {
	if !e.speaking {
		return cut{}
	}
	return e.goesOn(false, far)
}

// drop forgets the running utterance: it was understood before its end.
func (e *endpointer) drop() {
	e.speaking = false
	e.detector.recent = [onsetOf]bool{}
}

// goesOn counts a frame of an utterance.
func (e *endpointer) goesOn(voice bool, far Completeness) cut {
	const step = frameTime * time.Millisecond
	e.length += step
	if voice {
		e.voice += step
		e.silence = 0
	} else {
		e.silence += step
	}
	if e.silence < far.pause() && e.length < longest {
		return cut{voice: voice}
	}
	e.speaking = false
	e.detector.recent = [onsetOf]bool{} // what was voice is over
	return cut{ends: true, silence: e.silence, speech: e.voice >= shortest, voice: voice}
}
