package voice

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/openova-io/sandbox/voice/speech"
)

// badLink is what a network does to the sound on its way.
type badLink struct {
	interceptor.NoOp
	loss, twice float64       // of all packets
	jitter      time.Duration // by which they come later, up to
	burst       int           // every 50 packets, so many in a row are lost
	garbage     bool          // beside every packet comes one of noise
}

func (l badLink) NewInterceptor(string) (interceptor.Interceptor, error) { return &l, nil }

func (l *badLink) BindLocalStream(_ *interceptor.StreamInfo, w interceptor.RTPWriter) interceptor.RTPWriter {
	r := rand.New(rand.NewPCG(7, 11))
	n := 0
	return interceptor.RTPWriterFunc(func(h *rtp.Header, payload []byte, a interceptor.Attributes) (int, error) {
		n++
		header, packet := h.Clone(), slices.Clone(payload)
		write := func() { _, _ = w.Write(&header, packet, a) }
		if l.garbage {
			noise, other := make([]byte, r.IntN(400)), h.Clone()
			for i := range noise {
				noise[i] = byte(r.Uint32())
			}
			header.SequenceNumber, other.SequenceNumber = 2*h.SequenceNumber, 2*h.SequenceNumber+1
			_, _ = w.Write(&other, noise, a)
		}
		switch {
		case r.Float64() < l.loss, n%50 < l.burst:
		case l.jitter > 0:
			time.AfterFunc(time.Duration(r.Int64N(int64(l.jitter))), write)
		default:
			write()
			if r.Float64() < l.twice {
				write()
			}
		}
		return len(payload), nil
	})
}

// TestWordsOverABadNetwork says a sentence over networks as there are: it is the same
// turn, or, where too much of it is lost, none or one that the person is asked about.
func TestWordsOverABadNetwork(t *testing.T) {
	e := newEar(t)
	sentence := voiceOf(t, "slt", "hello we are a dental clinic in muscat")
	for _, c := range []struct {
		name string
		link badLink
		// least is how many of the eight words have to be right.
		least int
	}{
		{"a good one", badLink{}, 8},
		{"5 % lost", badLink{loss: 0.05}, 6},
		{"20 % lost", badLink{loss: 0.2}, 5},
		{"200 ms of jitter", badLink{jitter: 200 * time.Millisecond}, 6},
		{"everything in a wrong order", badLink{jitter: 60 * time.Millisecond}, 6},
		{"every third packet twice", badLink{twice: 0.3}, 6},
		{"holes of 100 ms", badLink{burst: 5}, 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newTalk(nil)
			s := newService(t, Options{Dialogue: d, Recognizer: shared{e}, Synthesizer: hum{}})
			p := dialBy(t, func(offer string) (string, error) {
				_, answer, err := s.Offer(t.Context(), person, "c1", offer)
				return answer, err
			}, route{link: c.link})
			p.open().say(sentence) // with the first packet
			said := ""
			p.until("the sentence is heard", func() bool {
				for _, e := range p.events {
					if e.Who == "person" && (e.Final || e.Type == "unsure") && e.Text != "" {
						said = e.Text
					}
				}
				return said != ""
			})
			words := speech.Words("hello we are a dental clinic in muscat")
			right := len(words) - wordErrors(words, strings.Fields(said))
			t.Logf("%d of %d words: %q", right, len(words), said)
			if right < c.least {
				t.Errorf("only %d of %d words of %q are right: %+v", right, len(words), said, p.told())
			}
		})
	}
}

// shared is an ear that the service must not close.
type shared struct{ *speech.Ear }

func (shared) Close() error { return nil }

// TestGarbageInACall sends noise beside every packet of a voice: the call goes on, and
// so does the agent's side of it.
func TestGarbageInACall(t *testing.T) {
	s := newService(t, Options{Dialogue: newTalk(nil), Recognizer: deaf{}, Synthesizer: hum{}})
	p := dialBy(t, func(offer string) (string, error) {
		_, answer, err := s.Offer(t.Context(), person, "c1", offer)
		return answer, err
	}, route{link: badLink{garbage: true}})
	needs(t, "flite")
	p.open().say(voiceOf(t, "slt", "hello we are a dental clinic in muscat"))
	before := p.length()
	p.until("the agent's side goes on", func() bool { return len(p.heard) > before+speech.Rate/2 })
	if s.calls == nil || p.pc.ConnectionState() != webrtc.PeerConnectionStateConnected {
		t.Errorf("the call is %v", p.pc.ConnectionState())
	}
}

// gate is a socket through which nothing comes or goes while it is shut.
type gate struct {
	net.PacketConn
	shut atomic.Bool
}

func (g *gate) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		n, from, err := g.PacketConn.ReadFrom(p)
		if err != nil || !g.shut.Load() {
			return n, from, err
		}
	}
}

func (g *gate) WriteTo(p []byte, to net.Addr) (int, error) {
	if g.shut.Load() {
		return len(p), nil
	}
	return g.PacketConn.WriteTo(p, to)
}

// TestOutage cuts the network for longer than a browser takes to notice, 30 s in a
// soak: afterwards the same call goes on, and what is then said is heard.
func TestOutage(t *testing.T) {
	e := newEar(t)
	t.Parallel()
	long := 7 * time.Second
	if os.Getenv("SANDBOX_SOAK") != "" {
		long = 30 * time.Second
	}
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	g := &gate{PacketConn: udp}
	d := newTalk(nil)
	s := newService(t, Options{Dialogue: d, Recognizer: shared{e}, Synthesizer: hum{}, UDP: g})
	p := dial(t, s, "c1")
	m := p.open()
	p.until("the agent's side is there", func() bool { return len(p.heard) > speech.Rate })
	g.shut.Store(true)
	time.Sleep(long) // the outage itself
	g.shut.Store(false)
	before := p.length()
	p.until("the agent is heard again", func() bool { return len(p.heard) > before+speech.Rate/2 })
	m.say(voiceOf(t, "slt", "we are a dental clinic in muscat"))
	p.until("the person is heard again", func() bool { return p.captioned("person", "dental clinic") })
}

// slow is an ear that takes three times as long as the sound does.
type slow struct{ deaf }

func (slow) Listen(context.Context, string, func(string)) (speech.Listener, error) {
	return slow{}, nil
}
func (slow) Hear([]int16) error { time.Sleep(3 * frameTime * time.Millisecond); return nil }

// TestSlowEar: an engine that cannot keep up costs words, but neither the agent's
// voice nor memory, and the call can be hung up.
func TestSlowEar(t *testing.T) {
	needs(t, "flite")
	s := newService(t, Options{Dialogue: newTalk(nil), Recognizer: slow{}, Synthesizer: hum{}})
	p := dial(t, s, "c1")
	p.call.uttered(Utterance{TurnID: "t", Whole: strings.Repeat("This is a long sentence about nothing. ", 12)})
	p.open().say(voiceOf(t, "slt", strings.Repeat("we are a dental clinic in muscat and we go on ", 3)))
	p.mu.Lock()
	gap := p.gap
	p.mu.Unlock()
	if gap > 500*time.Millisecond {
		t.Errorf("the agent was not heard for %v", gap)
	}
	if n := len(p.call.frames); n > earQueue {
		t.Errorf("%d frames wait", n)
	}
	closed := make(chan struct{})
	go func() { _ = p.call.Close(); close(closed) }()
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Error("the call cannot be hung up")
	}
}

// breaking is a voice that breaks off in the middle of its first attempts.
type breaking struct {
	hum
	mu    sync.Mutex
	fails map[string]int // by sentence
}

type broken struct {
	speech.Audio
	left int
}

var errBroken = errors.New("the voice is gone")

func (b *broken) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errBroken
	}
	n, err := b.Audio.Read(p[:min(len(p), b.left)])
	if b.left -= n; err == io.EOF {
		err = errBroken
	}
	return n, err
}

func (v *breaking) Speak(ctx context.Context, s speech.Sentence) (speech.Audio, error) {
	a, err := v.hum.Speak(ctx, s)
	v.mu.Lock()
	defer v.mu.Unlock()
	if err == nil && v.fails[s.Text] > 0 {
		v.fails[s.Text]--
		return &broken{a, speech.Rate}, nil // half a second of it
	}
	return a, err
}

// TestVoiceThatBreaksOff: a sentence that broke off is said again, from its beginning;
// one that cannot be said is left out, and the next one is said.
func TestVoiceThatBreaksOff(t *testing.T) {
	v := &breaking{fails: map[string]int{"This one breaks off once in its middle.": 1, "This one can never be said to its end.": 9}}
	s := newService(t, Options{Dialogue: newTalk(nil), Recognizer: deaf{}, Synthesizer: v})
	p := dial(t, s, "c1")
	p.until("the line is open", func() bool { return len(p.events) > 0 })
	p.call.uttered(Utterance{TurnID: "t", Whole: "This one breaks off once in its middle. This one can never be said to its end. This one is good."})
	p.until("the last is said", func() bool { return p.captioned("agent", "This one is good.") })
	if v.fails["This one breaks off once in its middle."] != 0 || !p.captioned("agent", "breaks off once") {
		t.Errorf("the first was not said again: %+v", p.told())
	}
}

// TestCallsLeaveNothing makes calls one after the other, 1,000 in a soak: afterwards
// there are as many goroutines as before, and no more memory in use.
func TestCallsLeaveNothing(t *testing.T) {
	calls := 50
	if os.Getenv("SANDBOX_SOAK") != "" {
		calls = 1000
	}
	s := newService(t, Options{Dialogue: newTalk(nil), Recognizer: deaf{}, Synthesizer: hum{}})
	var cleanups []func()
	one := func() {
		p := dial(once{t, &cleanups}, s, "c1")
		p.until("the agent's side is there", func() bool { return len(p.heard) > 0 })
		_ = p.call.Close()
		for _, f := range slices.Backward(cleanups) {
			f()
		}
		cleanups = nil
	}
	settled := func() (goroutines int, heap uint64) {
		var m runtime.MemStats
		for range 3 {
			runtime.GC()
		}
		runtime.ReadMemStats(&m)
		return runtime.NumGoroutine(), m.HeapAlloc
	}
	for range 5 {
		one()
	}
	goroutines, heap := settled()
	for range calls {
		one()
	}
	deadline := time.Now().Add(10 * time.Second)
	after, more := settled()
	for after > goroutines+5 && time.Now().Before(deadline) { // what ends by itself, such as a timer of ICE
		time.Sleep(100 * time.Millisecond)
		after, more = settled()
	}
	t.Logf("after %d calls: %d goroutines, before %d; %d KiB of heap, before %d", calls, after, goroutines, more>>10, heap>>10)
	if after > goroutines+5 {
		t.Errorf("%d calls left %d goroutines", calls, after-goroutines)
	}
	if more > heap+4<<20 {
		t.Errorf("%d calls left %d KiB", calls, (more-heap)>>10)
	}
}

// once is a test whose cleanups are run by hand.
type once struct {
	testing.TB
	cleanups *[]func()
}

func (o once) Cleanup(f func()) { *o.cleanups = append(*o.cleanups, f) }
