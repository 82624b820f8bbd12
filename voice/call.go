package voice

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/voice/speech"
)

// earQueue is how much sound may wait for the ear, in frames.
const earQueue = 250

// Call is one person in one conversation.
type Call struct {
	// ID is unguessable; it is the last part of the call's address.
	ID             string
	ConversationID string
	Actor          journal.Actor
	Started        time.Time

	options  *Options
	logger   *slog.Logger
	language string
	pc       *webrtc.PeerConnection
	track    *webrtc.TrackLocalStaticSample
	mouth    *mouth
	frames   chan []int16
	ear      *ear

	ctx    context.Context
	stop   context.CancelFunc
	work   sync.WaitGroup
	closed func() // tells the service
	once   sync.Once

	// ice is held while an ICE session is begun. restarts counts them, candidates are
	// those of the running one that came after its beginning.
	ice                  sync.Mutex
	restarts, candidates int
	// alive is when something was said or shown, in nanoseconds of the Unix epoch.
	alive atomic.Int64

	mu     sync.Mutex
	events *webrtc.DataChannel
	spoken map[string]*reply
	// recorder is there while the call is recorded.
	recorder *recorder
	// over has the turns that have ended: a piece of one is late.
	over  map[string]bool
	dueAt time.Time // when a call without a connection is given up
	// fallback: who is heard, or spoken for, by another engine than the wanted one.
	fallback map[string]bool
	// reason is why the call ends, where it is not the person who ends it.
	reason string
	timing timing // of the answer that is awaited
}

// reply is what the agent says in one turn, as far as it was given to the mouth.
type reply struct {
	given string // everything that was taken
	rest  string // of it, what is no sentence yet
	cut   bool   // the person interrupted: nothing more of it is said
}

// Event is what a page is told over the call's data channel, as JSON.
type Event struct {
	// Type is state, caption, unsure, recording, engine, hears or ended. unsure has words
	// that the person is asked about, in a box that can be corrected; without Text it is
	// settled. A page says settled when the person is done with it, and record, voice and
	// hears, with the State on or off: whether the call is recorded, the agent heard, and
	// the browser recognises what is said. Its words are words then, and the service says
	// hears off when it goes without.
	Type string `json:"type"`
	// State is connecting, listening, hearing, thinking or speaking; of a recording on,
	// off, or full when there is no room for more of it; of the engine that hears or
	// speaks for Who fallback, when it is not the wanted one, and back.
	State string `json:"state,omitempty"`
	// Who is person or agent; Text is what they say; Final is false while the words
	// may still change.
	Who   string `json:"who,omitempty"`
	Text  string `json:"text,omitempty"`
	Final bool   `json:"final,omitempty"`
	// N numbers the pieces of what a browser recognises, and Confidence is its own
	// measure, from 0 to 1; 0 is unknown.
	N          int     `json:"n,omitempty"`
	Confidence float64 `json:"confidence,omitempty"`
	// Reason is why the call ended.
	Reason string `json:"reason,omitempty"`
}

// send implements sender.
func (c *Call) send(packet []byte) error {
	return c.track.WriteSample(media.Sample{Data: packet, Duration: frameTime * time.Millisecond})
}

// tell sends an event to the page, if it listens.
func (c *Call) tell(e Event) {
	raw, err := json.Marshal(e)
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.events != nil && c.events.ReadyState() == webrtc.DataChannelStateOpen && c.events.BufferedAmount() < 1<<20 {
		_ = c.events.SendText(string(raw))
	}
}

// flush waits until the page has got what it was told, or half a second.
func (c *Call) flush() {
	c.mu.Lock()
	d := c.events
	c.mu.Unlock()
	if d == nil || d.ReadyState() != webrtc.DataChannelStateOpen || c.lost() {
		return
	}
	sent := make(chan struct{}, 1)
	d.SetBufferedAmountLowThreshold(0)
	d.OnBufferedAmountLow(func() {
		select {
		case sent <- struct{}{}:
		default:
		}
	})
	if d.BufferedAmount() == 0 {
		return
	}
	select {
	case <-sent:
	case <-time.After(500 * time.Millisecond):
	}
}

// begin wires the peer connection's callbacks and starts the goroutines.
func (c *Call) begin() {
	c.pc.OnDataChannel(func(d *webrtc.DataChannel) {
		d.OnOpen(func() {
			c.mu.Lock()
			c.events = d
			c.mu.Unlock()
			c.tell(Event{Type: "state", State: "listening"})
		})
		d.OnMessage(func(m webrtc.DataChannelMessage) {
			var told Event
			if len(m.Data) < 1<<10 && json.Unmarshal(m.Data, &told) == nil {
				c.asked(told)
			}
		})
	})
	c.pc.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		if t.Kind() == webrtc.RTPCodecTypeAudio {
			c.goDo(func() { c.hear(t) })
		}
	})
	c.pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		switch s {
		case webrtc.PeerConnectionStateFailed:
			c.logger.Info("a call's connection was lost", "call", c.ID)
			go c.Close()
		case webrtc.PeerConnectionStateClosed:
			go c.Close()
		case webrtc.PeerConnectionStateConnected:
			c.mu.Lock()
			first := c.dueAt != (time.Time{})
			c.dueAt = time.Time{}
			c.mu.Unlock()
			if first {
				c.greet()
			}
		}
	})
	c.mouth.voiced = func(fallback bool) { c.engine(agent, fallback) }
	c.mouth.sounded = func(frame []int16) { c.recording((*recorder).tick, frame) }
	c.mouth.begun = func(l *line) {
		c.times(l)
		c.record(func(r *recorder) { r.begins(agent, l.text) })
		c.tell(Event{Type: "caption", Who: "agent", Text: l.text, Final: true})
		c.tell(Event{Type: "state", State: "speaking"})
	}
	c.mouth.ended = func(l *line) {
		c.record(func(r *recorder) { r.ends(agent, l.text) })
		if l.part != prompting {
			c.lives()
		}
		c.ear.said(l)
		if now, _ := c.mouth.speaking(); !now {
			c.tell(Event{Type: "state", State: "listening"})
		}
	}
	c.goDo(func() { c.mouth.run(c.ctx) })
	c.goDo(func() { c.mouth.make(c.ctx) })
	c.goDo(func() { c.ear.run(c.ctx, c.frames) })
	c.lives()
	c.goDo(c.waitForSigns)
	c.goDo(func() {
		err := c.options.Dialogue.Follow(c.ctx, c.ConversationID, c.uttered)
		if c.ctx.Err() == nil {
			c.logger.Warn("a call lost its conversation", "call", c.ID, "error", err)
			go c.Close()
		}
	})
}

// asked takes what the page wants.
func (c *Call) asked(e Event) {
	switch {
	case e.Type == "settled":
		c.ear.settled()
	case e.Type == "hears":
		c.ear.browser.set(e.State == "on")
	case e.Type == "words":
		c.ear.spells(e)
	case e.Type == "record" && e.State == "on":
		c.startRecording()
	case e.Type == "voice":
		c.mouth.hush(e.State == "off")
		c.lives()
	case e.Type == "record" && e.State == "off":
		c.stopRecording(nil, "off")
	}
}

// engine tells the page when somebody's engine is another one than was wanted, and
// when it is the wanted one again.
func (c *Call) engine(who string, fallback bool) {
	c.mu.Lock()
	changed := c.fallback[who] != fallback
	if c.fallback == nil {
		c.fallback = map[string]bool{}
	}
	c.fallback[who] = fallback
	c.mu.Unlock()
	if !changed {
		return
	}
	state := "back"
	if fallback {
		state = "fallback"
	}
	c.tell(Event{Type: "engine", Who: who, State: state})
}

// lost tells whether the person cannot be reached now.
func (c *Call) lost() bool {
	switch c.pc.ConnectionState() {
	case webrtc.PeerConnectionStateDisconnected, webrtc.PeerConnectionStateFailed, webrtc.PeerConnectionStateClosed:
		return true
	}
	return false
}

// goDo runs a goroutine that Close waits for.
func (c *Call) goDo(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx.Err() == nil {
		c.work.Go(f)
	}
}

// greet speaks the greeting of a conversation in which nobody has spoken yet.
func (c *Call) greet() {
	s, err := c.options.Dialogue.State(c.ctx, c.Actor, c.ConversationID)
	if err != nil {
		return
	}
	whole, rest := speech.Sentences(s.Greeting)
	for _, text := range append(whole, rest) {
		if text = strings.TrimSpace(text); text != "" {
			c.mouth.say(&line{text: text})
		}
	}
}

// hear reads the person's track.
func (c *Call) hear(t *webrtc.TrackRemote) {
	d, err := newDecoder()
	if err != nil {
		c.logger.Error("a call has no ears", "error", err.Error())
		return
	}
	var order sequencer
	var rest []int16
	for {
		p, _, err := t.ReadRTP()
		if err != nil {
			return // the connection has ended
		}
		for _, payload := range order.add(p) {
			rest = append(rest, d.decode(payload)...)
			for len(rest) >= heardFrame {
				frame := make([]int16, heardFrame)
				copy(frame, rest)
				rest = append(rest[:0], rest[heardFrame:]...)
				c.recording((*recorder).heard, frame)
				select {
				case c.frames <- frame:
				default: // the machine is too slow: better a gap than a growing delay
				}
			}
		}
	}
}

// uttered takes what the agent says and shows. It is called by the follower.
func (c *Call) uttered(u Utterance) {
	c.lives()
	c.mu.Lock()
	if c.over[u.TurnID] && u.Card == nil {
		c.mu.Unlock()
		return
	}
	r := c.spoken[u.TurnID]
	if r == nil {
		r = &reply{}
		c.spoken[u.TurnID] = r
	}
	var say []*line
	switch {
	case u.Card != nil:
		if u.Card.Kind == card.KindCost && u.Card.Speech != "" {
			say = append(say, &line{turnID: u.TurnID, text: u.Card.Speech, part: price})
		}
	case u.Piece != "":
		say = c.sentences(u.TurnID, r, u.Piece, false)
	default:
		missing, ok := strings.CutPrefix(strings.TrimSpace(u.Whole), strings.TrimSpace(r.given))
		if !ok && r.given != "" {
			missing = ""
		}
		say = c.sentences(u.TurnID, r, missing, true)
		delete(c.spoken, u.TurnID)
		c.over[u.TurnID] = true
	}
	if len(say) > 0 && c.timing.answered.IsZero() {
		c.timing.answered = time.Now()
	}
	c.mu.Unlock()
	if u.Card != nil {
		c.ear.shown(u)
	}
	if u.Whole != "" { // what is asked now tells which of the lines are its question
		c.ear.refresh(c.ctx)
	}
	for _, l := range say {
		c.ear.asks(l)
		c.mouth.say(l)
	}
}

// speak says one of the service's own texts, which is no turn.
func (c *Call) speak(name string, p part, args ...any) {
	c.mouth.say(&line{text: c.options.Dialogue.Text(c.language, name, args...), part: p})
}

// sentences gives the lines that a further piece of a reply makes whole.
func (c *Call) sentences(turnID string, r *reply, piece string, end bool) []*line {
	r.given += piece
	whole, rest := speech.Sentences(r.rest + piece)
	r.rest = rest
	if end {
		if rest = strings.TrimSpace(rest); rest != "" {
			whole = append(whole, rest)
		}
		r.rest = ""
	}
	if r.cut {
		return nil
	}
	var lines []*line
	for _, text := range whole {
		// A list is for the eyes: read out it takes a minute that nobody listens to.
		if !strings.HasPrefix(text, "- ") {
			lines = append(lines, &line{turnID: turnID, text: text})
		}
	}
	return lines
}

// interrupt stops what the agent is saying; what was heard of it is journalled.
func (c *Call) interrupt(ctx context.Context) {
	cut := c.mouth.drop()
	c.mu.Lock()
	running := false
	for id, r := range c.spoken {
		r.cut, running = true, true
		if _, ok := cut[id]; !ok {
			cut[id] = ""
		}
	}
	c.mu.Unlock()
	if running {
		if err := c.options.Dialogue.Cancel(ctx, c.Actor, c.ConversationID); err != nil {
			c.logger.Debug("a turn was not cancelled", "call", c.ID, "error", err.Error())
		}
	}
	for turnID, text := range cut {
		c.record(func(r *recorder) { r.ends(agent, text) })
		if turnID == "" {
			continue
		}
		if err := c.options.Dialogue.Heard(ctx, c.Actor, c.ConversationID, turnID, text); err != nil {
			c.logger.Warn("what was heard was not journalled", "call", c.ID, "error", err.Error())
		}
	}
}

// end closes the call for a reason that the page is told. It does not wait, so that
// the call's own goroutines can ask for it.
func (c *Call) end(reason string) {
	c.mu.Lock()
	c.reason = reason
	c.mu.Unlock()
	go c.Close()
}

// Close ends the call and waits. It may be called again.
func (c *Call) Close() error {
	c.once.Do(func() {
		c.mu.Lock()
		reason := c.reason
		c.mu.Unlock()
		c.tell(Event{Type: "ended", Reason: reason})
		c.flush()
		c.mu.Lock()
		c.stop()
		c.mu.Unlock()
		_ = c.pc.Close()
		c.work.Wait()
		c.stopRecording(nil, "")
		c.ear.close()
		c.closed()
	})
	return nil
}

// drain reads what the browser reports of the agent's track; nobody needs it, and
// the sender's buffer must not fill up.
func drain(s *webrtc.RTPSender) {
	for {
		if _, _, err := s.ReadRTCP(); err != nil {
			return
		}
	}
}
