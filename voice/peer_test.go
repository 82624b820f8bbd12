package voice

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"

	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/voice/speech"
)

var person = journal.Actor{Kind: journal.Human, Subject: "owner"}

// listen opens the two sockets of a service on this machine.
func listen(t testing.TB) (net.PacketConn, net.Listener) {
	t.Helper()
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = udp.Close(); _ = tcp.Close() })
	return udp, tcp
}

func newService(t testing.TB, o Options) *Service {
	t.Helper()
	if o.UDP == nil && o.TCP == nil {
		o.UDP, o.TCP = listen(t)
	}
	o.Loopback = true
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// phone is the other end of a call: a person's, with what they hear and are told.
type phone struct {
	t     testing.TB
	pc    *webrtc.PeerConnection
	track *webrtc.TrackLocalStaticSample
	line  *webrtc.DataChannel
	call  *Call

	mu     sync.Mutex
	events []Event
	heard  []int16 // at speech.Rate
	last   time.Time
	gap    time.Duration // the longest time without a packet
	sound  time.Time     // the last packet with a sound
	news   chan struct{} // closed and made anew with every change
}

// dial calls. networks are those that the person's machine may use.
func dial(t testing.TB, s *Service, conversationID string, networks ...webrtc.NetworkType) *phone {
	t.Helper()
	var call *Call
	p := dialBy(t, func(offer string) (answer string, err error) {
		call, answer, err = s.Offer(t.Context(), person, conversationID, offer)
		return answer, err
	}, route{networks: networks})
	p.call = call
	return p
}

// route is what the person's packets take: the networks that their machine may use,
// and what happens to their sound on the way. The zero value is a good one.
type route struct {
	networks []webrtc.NetworkType
	link     interceptor.Factory
	relay    *webrtc.ICEServer // by which alone they come
}

// dialBy calls by any way to give an offer and to get the answer.
func dialBy(t testing.TB, signal func(offer string) (string, error), r route) *phone {
	t.Helper()
	var settings webrtc.SettingEngine
	settings.SetIncludeLoopbackCandidate(true)
	if len(r.networks) > 0 {
		settings.SetNetworkTypes(r.networks)
	}
	between := &interceptor.Registry{}
	if r.link != nil {
		between.Add(r.link)
	}
	engine := &webrtc.MediaEngine{}
	if err := engine.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	p := &phone{t: t, news: make(chan struct{})}
	var err error
	api := webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithSettingEngine(settings), webrtc.WithInterceptorRegistry(between))
	var configuration webrtc.Configuration
	if r.relay != nil {
		configuration = webrtc.Configuration{ICEServers: []webrtc.ICEServer{*r.relay}, ICETransportPolicy: webrtc.ICETransportPolicyRelay}
	}
	if p.pc, err = api.NewPeerConnection(configuration); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.pc.GracefulClose() })
	if p.track, err = webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: spokenRate, Channels: 2}, "a", "b"); err != nil {
		t.Fatal(err)
	}
	if _, err := p.pc.AddTrack(p.track); err != nil {
		t.Fatal(err)
	}
	events, err := p.pc.CreateDataChannel("events", nil)
	if err != nil {
		t.Fatal(err)
	}
	p.line = events
	events.OnMessage(func(m webrtc.DataChannelMessage) {
		var e Event
		if json.Unmarshal(m.Data, &e) == nil {
			p.changed(func() { p.events = append(p.events, e) })
		}
	})
	p.pc.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { p.listen(t) })
	connected := make(chan struct{})
	p.pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			select {
			case <-connected:
			default:
				close(connected)
			}
		}
	})
	answer, err := signal(p.offer(nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-connected:
	case <-time.After(20 * time.Second):
		t.Fatal("the call does not connect")
	}
	return p
}

// offer gives a complete offer of the person's.
func (p *phone) offer(o *webrtc.OfferOptions) string {
	p.t.Helper()
	offer, err := p.pc.CreateOffer(o)
	if err == nil {
		err = p.pc.SetLocalDescription(offer)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	<-webrtc.GatheringCompletePromise(p.pc)
	return p.pc.LocalDescription().SDP
}

// restart begins another ICE session, as a page does after a change of network.
func (p *phone) restart() {
	p.t.Helper()
	p.offer(&webrtc.OfferOptions{ICERestart: true})
	f, d, err := fragmentOf(p.pc.LocalDescription())
	if err != nil {
		p.t.Fatal(err)
	}
	answer, err := p.call.Patch(p.t.Context(), "*", f.text(d))
	if err != nil {
		p.t.Fatal(err)
	}
	theirs, err := parseFragment(answer)
	if err != nil {
		p.t.Fatal(err)
	}
	again, err := theirs.description(p.pc.CurrentRemoteDescription())
	if err == nil {
		err = p.pc.SetRemoteDescription(again)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *phone) changed(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	close(p.news)
	p.news = make(chan struct{})
}

// listen hears the agent; it ends with the connection.
func (p *phone) listen(t *webrtc.TrackRemote) {
	d, err := newDecoder()
	if err != nil {
		return
	}
	for {
		packet, _, err := t.ReadRTP()
		if err != nil {
			return
		}
		pcm := slices.Clone(d.decode(packet.Payload))
		p.changed(func() {
			if now := time.Now(); !p.last.IsZero() {
				p.gap, p.last = max(p.gap, now.Sub(p.last)), now
			} else {
				p.last = now
			}
			p.heard = append(p.heard, pcm...)
			if loud(pcm) > len(pcm)/20 {
				p.sound = p.last
			}
		})
	}
}

// speak sends a sound in real time, and then nothing; during is called after so
// much of it.
func (p *phone) speak(pcm []int16, after time.Duration, during func()) {
	p.t.Helper()
	e, err := newEncoder()
	if err != nil {
		p.t.Fatal(err)
	}
	tick := time.NewTicker(frameTime * time.Millisecond)
	defer tick.Stop()
	at := time.Duration(0)
	for len(pcm) >= heardFrame {
		frame := make([]int16, spokenFrame)
		for i := range frame {
			frame[i] = pcm[i*heardFrame/spokenFrame]
		}
		pcm = pcm[heardFrame:]
		packet, err := e.encode(frame)
		if err != nil {
			p.t.Fatal(err)
		}
		<-tick.C
		_ = p.track.WriteSample(media.Sample{Data: slices.Clone(packet), Duration: frameTime * time.Millisecond})
		if at += frameTime * time.Millisecond; during != nil && at >= after {
			go during()
			during = nil
		}
	}
}

// tell sends something over the call's data channel.
func (p *phone) tell(message string) {
	p.t.Helper()
	p.until("the line is open", func() bool { return p.line.ReadyState() == webrtc.DataChannelStateOpen && len(p.events) > 0 })
	if err := p.line.SendText(message); err != nil {
		p.t.Fatal(err)
	}
}

// until waits for what is seen of the call.
func (p *phone) until(what string, seen func() bool) {
	p.t.Helper()
	late := time.NewTimer(30 * time.Second)
	defer late.Stop()
	for {
		p.mu.Lock()
		ok, news := seen(), p.news
		p.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-news:
		case <-late.C:
			p.t.Fatalf("%s: it does not come about; events: %+v", what, p.told())
		}
	}
}

func (p *phone) told() []Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.events)
}

// captioned tells whether somebody's final words were captioned; the lock is held.
func (p *phone) captioned(who, text string) bool {
	return slices.ContainsFunc(p.events, func(e Event) bool {
		return e.Type == "caption" && e.Who == who && e.Final && strings.Contains(e.Text, text)
	})
}

// selected is the transport that the person's packets take: udp or tcp.
func (p *phone) selected() string {
	pair, err := p.pc.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
	if err != nil || pair == nil {
		return ""
	}
	return pair.Local.Protocol.String()
}

// hum is a voice without words that never ends, at 16 kHz.
type hum struct{}

func (hum) Name() string { return "hum" }

func (hum) Speak(ctx context.Context, s speech.Sentence) (speech.Audio, error) {
	return &humming{left: speech.Rate * len(s.Text) / 14}, nil
}

type humming struct{ at, left int }

func (*humming) Rate() int    { return speech.Rate }
func (*humming) Close() error { return nil }
func (h *humming) Read(p []byte) (int, error) {
	n := min(len(p)/2, h.left)
	if n == 0 {
		return 0, io.EOF
	}
	pcm := make([]int16, n)
	for i := range pcm {
		pcm[i] = int16(8000 * ((h.at+i)%80 - 40) / 40)
	}
	h.at, h.left = h.at+n, h.left-n
	return copy(p, speech.PCMBytes(pcm)), nil
}

// deaf hears nothing.
type deaf struct{}

func (deaf) Name() string { return "deaf" }
func (deaf) Close() error { return nil }
func (deaf) Listen(context.Context, string, func(string)) (speech.Listener, error) {
	return deaf{}, nil
}
func (deaf) Begin(speech.Expectation) error             { return nil }
func (deaf) Hear([]int16) error                         { return nil }
func (deaf) End(context.Context) (speech.Result, error) { return speech.Result{}, nil }
func (deaf) Cancel()                                    {}

// seen tells whether an event of a type came; the lock is held.
func (p *phone) seen(kind string) bool {
	return slices.ContainsFunc(p.events, func(e Event) bool { return e.Type == kind })
}

// length is how much was heard, in samples.
func (p *phone) length() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.heard)
}

func speech16(d time.Duration) int { return int(d.Seconds() * speech.Rate) }

// loud is how many samples are part of a sound.
func loud(pcm []int16) int {
	n := 0
	for _, s := range pcm {
		if s > 300 || s < -300 {
			n++
		}
	}
	return n
}
