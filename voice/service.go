package voice

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/voice/recording"
	"github.com/openova-io/sandbox/voice/speech"
)

const (
	// maxOffer is the largest session description, in bytes.
	maxOffer = 64 << 10
	// connectTime is how long a call may take to connect.
	connectTime = 30 * time.Second
	// gatherTime is how long our own addresses may take to be found.
	gatherTime = 5 * time.Second
)

// Options are the parts of the calls.
type Options struct {
	Dialogue    Dialogue
	Recognizer  speech.Recognizer
	Synthesizer speech.Synthesizer
	// Recordings keeps calls that a person wants to be recorded; nil: none can be.
	Recordings *recording.Store
	// UDP and TCP are one socket each that all calls share. A locked-down network
	// lets at least TCP through. Either may be nil.
	UDP net.PacketConn
	TCP net.Listener
	// PublicIPs are the addresses that callers reach this machine at, where they
	// are not its own.
	PublicIPs []string
	// Loopback offers this machine's loopback address too, for callers on it.
	Loopback bool
	// Prompt is after how much silence of both the person is asked whether they are
	// there, a minute; after twice as much again the call ends, and the conversation is
	// kept.
	Prompt time.Duration
	// Most is how many calls there may be at once; 8.
	Most   int
	Logger *slog.Logger
}

// Service keeps the calls.
type Service struct {
	options Options
	api     *webrtc.API

	mu    sync.Mutex
	calls map[string]*Call
	busy  map[string]bool // conversations with a call, or with one that begins
	ended bool
}

// New makes the service. Fault: fault.Invalid for missing parts.
func New(o Options) (*Service, error) {
	if o.Dialogue == nil || o.Recognizer == nil || o.Synthesizer == nil || o.UDP == nil && o.TCP == nil {
		return nil, fault.New(fault.Invalid, "calls need a dialogue, ears, a mouth and a socket")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Most == 0 {
		o.Most = 8
	}
	if o.Prompt == 0 {
		o.Prompt = time.Minute
	}
	api, err := newAPI(o)
	if err != nil {
		return nil, err
	}
	return &Service{options: o, api: api, calls: map[string]*Call{}, busy: map[string]bool{}}, nil
}

// Offer takes a browser's offer (RFC 9725, 4.2) and gives the call with its
// answer, complete with candidates. Faults: [fault.Invalid] for what is no offer
// with Opus, [fault.NotFound] for somebody else's conversation, [fault.Conflict]
// for a second call in a conversation, [fault.Limited] when there is no room,
// [fault.Unavailable] when an engine is away.
func (s *Service) Offer(ctx context.Context, actor journal.Actor, conversationID, offer string) (*Call, string, error) {
	if len(offer) > maxOffer {
		return nil, "", fault.New(fault.Invalid, "the offer has %d bytes, and %d is the most", len(offer), maxOffer).At("offer")
	}
	if err := checkOffer(offer); err != nil {
		return nil, "", err
	}
	state, err := s.options.Dialogue.State(ctx, actor, conversationID)
	if err != nil {
		return nil, "", err
	}
	s.replace(actor, conversationID)
	release, err := s.admit(conversationID)
	if err != nil {
		return nil, "", err
	}
	call, answer, err := s.connect(ctx, actor, conversationID, state.Language, offer, release)
	if err != nil {
		release()
		return nil, "", err
	}
	return call, answer, nil
}

// checkOffer refuses what is not worth a peer connection.
func checkOffer(offer string) error {
	invalid := func(what string) error {
		return fault.New(fault.Invalid, "%s", what).Do("send a WebRTC offer with one audio track, as application/sdp").At("offer")
	}
	var d webrtc.SessionDescription
	d.Type, d.SDP = webrtc.SDPTypeOffer, offer
	parsed, err := d.Unmarshal()
	if err != nil {
		return invalid("the body is not a session description")
	}
	audio := false
	for _, m := range parsed.MediaDescriptions {
		if m.MediaName.Media != "audio" {
			continue
		}
		for _, a := range m.Attributes {
			audio = audio || a.Key == "rtpmap" && strings.Contains(strings.ToLower(a.Value), " opus/48000")
		}
		if !audio {
			return invalid("the offer has audio without Opus")
		}
	}
	if !audio {
		return invalid("the offer has no audio")
	}
	return nil
}

// replace ends a call of the same person in the conversation that has lost its
// connection: the page was loaded again, or its network has changed, and calls anew.
func (s *Service) replace(actor journal.Actor, conversationID string) {
	s.mu.Lock()
	var lost *Call
	for _, c := range s.calls {
		if c.ConversationID == conversationID && actor.Owns(c.Actor) && c.lost() {
			lost = c
		}
	}
	s.mu.Unlock()
	if lost != nil {
		_ = lost.Close()
	}
}

// admit takes a place for a call.
func (s *Service) admit(conversationID string) (func(), error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ended:
		return nil, fault.New(fault.Unavailable, "the service is closing").Do("call again in a moment")
	case s.busy[conversationID]:
		return nil, fault.New(fault.Conflict, "there is a call in this conversation already").Do("hang up there, or type here")
	case len(s.busy) >= s.options.Most:
		return nil, fault.New(fault.Limited, "all %d lines are taken", s.options.Most).Do("type, or call again in a few minutes")
	}
	s.busy[conversationID] = true
	return func() {
		s.mu.Lock()
		delete(s.busy, conversationID)
		s.mu.Unlock()
	}, nil
}

func (s *Service) connect(ctx context.Context, actor journal.Actor, conversationID, language, offer string, release func()) (_ *Call, answer string, err error) {
	c := &Call{ConversationID: conversationID, Actor: actor, Started: time.Now().UTC(), options: &s.options, language: language,
		logger: s.options.Logger, frames: make(chan []int16, earQueue), spoken: map[string]*reply{}, over: map[string]bool{}, dueAt: time.Now().Add(connectTime)}
	var id [16]byte
	_, _ = rand.Read(id[:])
	c.ID = hex.EncodeToString(id[:])
	c.ctx, c.stop = context.WithCancel(context.Background())
	c.closed = func() {}
	c.ear = &ear{call: c, logger: s.options.Logger}
	c.mouth = newMouth(s.options.Synthesizer, language, c, s.options.Logger)
	defer func() {
		if err != nil {
			c.stop()
			if c.pc != nil {
				_ = c.pc.Close()
			}
			c.ear.close()
		}
	}()
	if c.ear.listener, err = s.options.Recognizer.Listen(ctx, language, c.ear.heardPartial); err != nil {
		return nil, "", err
	}
	if c.pc, err = s.api.NewPeerConnection(webrtc.Configuration{}); err != nil {
		return nil, "", fault.Wrap(err, fault.Unavailable, "a call cannot be made now")
	}
	c.track, err = webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: spokenRate, Channels: 2}, "voice", "agent")
	if err != nil {
		return nil, "", fault.Wrap(err, fault.Internal, "a call has no track")
	}
	out, err := c.pc.AddTrack(c.track)
	if err != nil {
		return nil, "", fault.Wrap(err, fault.Internal, "a call has no track")
	}
	c.goDo(func() { drain(out) })
	c.begin()
	if err := c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return nil, "", fault.Wrap(err, fault.Invalid, "the offer cannot be used").(*fault.Error).At("offer")
	}
	local, err := c.pc.CreateAnswer(nil)
	if err != nil {
		return nil, "", fault.Wrap(err, fault.Invalid, "the offer cannot be answered").(*fault.Error).At("offer")
	}
	gathered := webrtc.GatheringCompletePromise(c.pc)
	if err := c.pc.SetLocalDescription(local); err != nil {
		return nil, "", fault.Wrap(err, fault.Internal, "the answer cannot be used")
	}
	select {
	case <-gathered:
	case <-ctx.Done():
		return nil, "", ctx.Err()
	case <-time.After(gatherTime):
		return nil, "", fault.New(fault.Unavailable, "this machine found no address for calls")
	}
	s.mu.Lock()
	s.calls[c.ID] = c
	s.mu.Unlock()
	c.closed = func() {
		s.mu.Lock()
		delete(s.calls, c.ID)
		s.mu.Unlock()
		release()
	}
	c.goDo(func() { c.expire() })
	return c, c.pc.LocalDescription().SDP, nil
}

// expire ends a call that never connected.
func (c *Call) expire() {
	timer := time.NewTimer(connectTime)
	defer timer.Stop()
	select {
	case <-c.ctx.Done():
	case <-timer.C:
		c.mu.Lock()
		late := c.dueAt != (time.Time{})
		c.mu.Unlock()
		if late {
			go c.Close()
		}
	}
}

// Call gives a call of the actor's; somebody else's is NotFound.
func (s *Service) Call(actor journal.Actor, id string) (*Call, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.calls[id]; c != nil && actor.Owns(c.Actor) {
		return c, nil
	}
	return nil, fault.New(fault.NotFound, "there is no such call; it may have ended")
}

// Close ends all calls and waits. It may be called again.
func (s *Service) Close() error {
	s.mu.Lock()
	s.ended = true
	var all []*Call
	for _, c := range s.calls {
		all = append(all, c)
	}
	s.mu.Unlock()
	for _, c := range all {
		_ = c.Close()
	}
	return nil
}
