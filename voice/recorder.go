package voice

import (
	"sync"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/voice/recording"
)

// Who speaks, in captions.
const (
	human = "person"
	agent = "agent"
)

// mostHeld is how many frames of the person's may wait for the clock: what comes
// later than that has lost its place.
const mostHeld = 25

// recorder puts both directions of a call onto one clock, the mouth's.
type recorder struct {
	writer *recording.Writer

	mu     sync.Mutex
	person [][]int16
	open   map[string]recording.Cue // what is being said, by who
}

// heard takes a frame of the person's, at [speech.Rate].
func (r *recorder) heard(frame []int16) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.person = append(r.person, frame); len(r.person) > mostHeld {
		r.person = r.person[1:]
	}
}

// tick takes a frame of the agent's, at [spokenRate]; nil is silence.
func (r *recorder) tick(frame []int16) {
	var mine []int16
	if frame != nil {
		const by = spokenRate / recording.Rate
		mine = make([]int16, len(frame)/by)
		for i := range mine {
			sum := 0
			for _, s := range frame[i*by : (i+1)*by] {
				sum += int(s)
			}
			mine[i] = int16(sum / by)
		}
	}
	r.mu.Lock()
	var theirs []int16
	if len(r.person) > 0 {
		theirs, r.person = r.person[0], r.person[1:]
	}
	r.mu.Unlock()
	r.writer.Frame(theirs, mine)
}

// begins marks that somebody begins to speak.
func (r *recorder) begins(who, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open[who] = recording.Cue{From: r.writer.Now(), Who: who, Text: text}
}

// ends marks that they have said something. An empty text is nothing.
func (r *recorder) ends(who, text string) {
	r.mu.Lock()
	c, ok := r.open[who]
	delete(r.open, who)
	r.mu.Unlock()
	if c.Who, c.To, c.Text = who, r.writer.Now(), text; ok && text != "" {
		r.writer.Said(c)
	}
}

// record does something with the recorder, if the call is recorded.
func (c *Call) record(do func(*recorder)) {
	c.mu.Lock()
	r := c.recorder
	c.mu.Unlock()
	if r != nil {
		do(r)
	}
}

// recording gives a frame to the recorder, if the call is recorded.
func (c *Call) recording(to func(*recorder, []int16), frame []int16) {
	c.record(func(r *recorder) { to(r, frame) })
}

// startRecording records the call from now on, and says so.
func (c *Call) startRecording() {
	if c.options.Recordings == nil {
		c.tell(Event{Type: "recording", State: "off", Reason: "this service keeps no recordings"})
		return
	}
	c.mu.Lock()
	running := c.recorder != nil || c.ctx.Err() != nil
	c.mu.Unlock()
	if running { // the page's messages come one after the other
		return
	}
	w, err := c.options.Recordings.Begin(c.ctx, c.Actor.Subject, c.ConversationID)
	if err != nil {
		c.logger.Warn("a call is not recorded", "call", c.ID, "error", err.Error())
		c.tell(Event{Type: "recording", State: "full", Reason: fault.From(err).Speech()})
		return
	}
	r := &recorder{writer: w, open: map[string]recording.Cue{}}
	c.mu.Lock()
	c.recorder = r
	c.mu.Unlock()
	c.tell(Event{Type: "recording", State: "on"})
	c.speak("call.recording.on", notice)
	c.goDo(func() { // a recording can end by itself
		select {
		case <-c.ctx.Done():
		case <-w.Ended():
			c.stopRecording(r, "full")
		}
	})
}

// stopRecording ends a recording, or the one that there is, and tells the state.
func (c *Call) stopRecording(which *recorder, state string) {
	c.mu.Lock()
	r := c.recorder
	if r == nil || which != nil && which != r {
		c.mu.Unlock()
		return
	}
	c.recorder = nil
	c.mu.Unlock()
	_ = r.writer.Close()
	if state == "" {
		return
	}
	c.tell(Event{Type: "recording", State: state})
	c.speak("call.recording.off", plain)
}
