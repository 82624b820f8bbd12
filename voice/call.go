package voice

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
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

	mu     sync.Mutex
	events *webrtc.DataChannel
	spoken map[string]*reply
	// over has the turns that have ended: a piece of one is late.
	over  map[string]bool
	dueAt time.Time // when a call without a connection is given up
}

// reply is what the agent says in one turn, as far as it was given to the mouth.
type reply struct {
	given string // everything that was taken
	rest  string // of it, what is no sentence yet
	cut   bool   // the person interrupted: nothing more of it is said
}

// Event is what a page is told over the call's data channel, as JSON.
type Event struct {
	// Type is state, caption, unsure or ended. unsure has words that the person is
	// asked about, in a box that can be corrected; without Text it is settled. A page
	// says settled when the person is done with it.
	Type string `json:"type"`
	// State is connecting, listening, hearing, thinking or speaking.
	State string `json:"state,omitempty"`
	// Who is person or agent; Text is what they say; Final is false while the words
	// may still change.
	Who   string `json:"who,omitempty"`
	Text  string `json:"text,omitempty"`
	Final bool   `json:"final,omitempty"`
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
			if len(m.Data) < 1<<10 && json.Unmarshal(m.Data, &told) == nil && told.Type == "settled" {
				c.ear.settled()
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
	c.mouth.begun = func(l *line) {
		c.tell(Event{Type: "caption", Who: "agent", Text: l.text, Final: true})
		c.tell(Event{Type: "state", State: "speaking"})
	}
	c.mouth.ended = func(l *line) {
		c.ear.said(l)
		if now, _ := c.mouth.speaking(); !now {
			c.tell(Event{Type: "state", State: "listening"})
		}
	}
	c.goDo(func() { c.mouth.run(c.ctx) })
	c.goDo(func() { c.mouth.make(c.ctx) })
	c.goDo(func() { c.ear.run(c.ctx, c.frames) })
	c.goDo(func() {
		err := c.options.Dialogue.Follow(c.ctx, c.ConversationID, c.uttered)
		if c.ctx.Err() == nil {
			c.logger.Warn("a call lost its conversation", "call", c.ID, "error", err)
			go c.Close()
		}
	})
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
		if turnID == "" {
			continue
		}
		if err := c.options.Dialogue.Heard(ctx, c.Actor, c.ConversationID, turnID, text); err != nil {
			c.logger.Warn("what was heard was not journalled", "call", c.ID, "error", err.Error())
		}
	}
}

// Close ends the call and waits. It may be called again.
func (c *Call) Close() error {
	c.once.Do(func() {
		c.tell(Event{Type: "ended"})
		c.mu.Lock()
		c.stop()
		c.mu.Unlock()
		_ = c.pc.Close()
		c.work.Wait()
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
