package voice

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
	"pgregory.net/rapid"

	"github.com/openova-io/sandbox/conversation/fault"
)

const aFragment = "a=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n" +
	"a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw network-id 1\r\na=end-of-candidates\r\n"

func TestFragments(t *testing.T) {
	f, err := parseFragment(aFragment)
	if err != nil || f.ufrag != "EsAw" || len(f.candidates) != 1 || !f.end {
		t.Errorf("%+v, %v", f, err)
	}
	for name, text := range map[string]string{
		"nothing":         "",
		"no SDP":          "hello\r\n",
		"no credentials":  "a=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\n",
		"short password":  "a=ice-ufrag:EsAw\r\na=ice-pwd:short\r\n",
		"strange letters": "a=ice-ufrag:Es Aw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n",
		"two sessions":    aFragment + "a=ice-ufrag:Other\r\n",
		"a flood":         aFragment + strings.Repeat("a=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\n", mostCandidates),
		"a megabyte":      aFragment + strings.Repeat("a=x\r\n", 200000),
	} {
		if _, err := parseFragment(text); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzFragment(f *testing.F) {
	f.Add(aFragment)
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := parseFragment(text); err == nil && (len(got.ufrag) < minUfrag || len(got.pwd) < minPwd || len(got.candidates) > mostCandidates) {
			t.Fatalf("%+v", got)
		}
	})
}

// Whatever a fragment has, it comes out of a description as it went in.
func TestFragmentsSurviveDescriptions(t *testing.T) {
	was := &webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-ufrag:olda\r\na=ice-pwd:aaaaaaaaaaaaaaaaaaaaaaaa\r\n" +
		"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.9 1 typ host\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\n"}
	rapid.Check(t, func(t *rapid.T) {
		in := fragment{
			ufrag: rapid.StringMatching(`[a-zA-Z0-9+/]{4,40}`).Draw(t, "ufrag"), pwd: rapid.StringMatching(`[a-zA-Z0-9+/]{22,40}`).Draw(t, "pwd"),
			candidates: rapid.SliceOfN(rapid.StringMatching(`[0-9]{1,9} 1 udp [0-9]{1,9} 192\.0\.2\.[1-8] [1-9][0-9]{3} typ host`), 0, 8).Draw(t, "candidates"),
		}
		d, err := in.description(was)
		if err != nil {
			t.Fatal(err)
		}
		read, parsed, err := fragmentOf(&d)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseFragment(read.text(parsed))
		if err != nil || again.ufrag != in.ufrag || again.pwd != in.pwd || strings.Join(again.candidates, "|") != strings.Join(in.candidates, "|") {
			t.Fatalf("%+v became %+v: %v", in, again, err)
		}
		if strings.Contains(d.SDP, "olda") || strings.Contains(d.SDP, "192.0.2.9") {
			t.Fatal("the former ICE session is still there")
		}
	})
}

// A person's network changes while they speak and while the agent does: both are
// heard to the end, in the same call.
func TestICERestartInMidSentence(t *testing.T) {
	e := newEar(t)
	d := newTalk(nil)
	d.state.Greeting = "This is a long sentence, which is spoken while the network changes, and for quite some time after that too."
	s := newService(t, Options{Dialogue: d, Recognizer: e, Synthesizer: hum{}})
	p := dial(t, s, "c1")
	was := p.call.ETag()
	p.speak(append(append(silence(500*time.Millisecond), spoken(t, "hello we are a dental clinic in muscat")...), silence(500*time.Millisecond)...), 1500*time.Millisecond, func() {
		p.restart()
		p.changed(func() { p.events = append(p.events, Event{Type: "restarted"}) })
	})
	p.until("the words", func() bool { return p.captioned("person", "hello we are a dental clinic in muscat") })
	p.until("the restart", func() bool { return len(p.events) > 0 && p.seen("restarted") })
	from := p.length()
	p.until("the agent's voice, in the new session", func() bool { return len(p.heard) > from+speech16(time.Second) })
	if p.call.ETag() == was {
		t.Error("the ICE session has the same entity tag")
	}
	if _, err := p.call.Patch(t.Context(), was, aFragment); !errors.Is(err, ErrOtherSession) {
		t.Errorf("candidates of the former session: %v", err)
	}
	if _, err := p.call.Patch(t.Context(), "", aFragment); !errors.Is(err, ErrNoSession) {
		t.Errorf("candidates of no session: %v", err)
	}
	if _, err := p.call.Patch(t.Context(), "*", "a=ice-ufrag:x\r\n"); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("a malformed restart: %v", err)
	}
	from = p.length()
	p.until("the agent's voice, after what was refused", func() bool { return len(p.heard) > from+speech16(200*time.Millisecond) })
	p.mu.Lock()
	defer p.mu.Unlock()
	t.Logf("the longest time without a packet was %v", p.gap)
	if p.gap > 2*time.Second {
		t.Errorf("for %v nothing was heard", p.gap)
	}
}

// Candidates may come after the offer.
func TestTrickle(t *testing.T) {
	s := newService(t, Options{Dialogue: newTalk(nil), Recognizer: deaf{}, Synthesizer: hum{}})
	p := dial(t, s, "c1")
	f, d, err := fragmentOf(p.pc.LocalDescription())
	if err != nil {
		t.Fatal(err)
	}
	f.candidates = append(f.candidates, "1 1 udp 1 nowhere.invalid 9 typ host", "nonsense")
	if answer, err := p.call.Patch(t.Context(), p.call.ETag(), f.text(d)); err != nil || answer != "" {
		t.Errorf("%q, %v", answer, err)
	}
	for range 2 * mostCandidates {
		if _, err = p.call.Patch(t.Context(), "*", f.text(d)); err != nil {
			break
		}
	}
	if fault.CodeOf(err) != fault.Invalid {
		t.Errorf("candidates without end: %v", err)
	}
	from := p.length()
	p.until("the clock goes on", func() bool { return len(p.heard) > from+speech16(100*time.Millisecond) })
}

// Where a network lets no UDP through, the call is by TCP.
func TestCallByTCP(t *testing.T) {
	d := newTalk(nil)
	d.state.Greeting = "Hello, how are you today?"
	s := newService(t, Options{Dialogue: d, Recognizer: deaf{}, Synthesizer: hum{}})
	p := dial(t, s, "c1", webrtc.NetworkTypeTCP4)
	if got := p.selected(); got != "tcp" {
		t.Errorf("the call is by %q", got)
	}
	p.until("the greeting", func() bool { return p.captioned("agent", "Hello") && loud(p.heard) > speech16(time.Second)/2 })
	p.restart()
	from := p.length()
	p.until("the clock goes on", func() bool { return len(p.heard) > from+speech16(500*time.Millisecond) })
	if got := p.selected(); got != "tcp" {
		t.Errorf("after the restart the call is by %q", got)
	}
}

// Who calls anew after their call was lost takes its place; others wait.
func TestLostCallGivesWay(t *testing.T) {
	s := newService(t, Options{Dialogue: newTalk(nil), Recognizer: deaf{}, Synthesizer: hum{}})
	p := dial(t, s, "c1")
	if _, _, err := s.Offer(t.Context(), person, "c1", p.pc.LocalDescription().SDP); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("a second call: %v", err)
	}
	_ = p.pc.GracefulClose() // as a page that was left: nothing more comes
	lost := p.call
	deadline := time.After(20 * time.Second)
	for !lost.lost() {
		select {
		case <-lost.ctx.Done():
		case <-deadline:
			t.Fatal("that the person is gone is not noticed")
		case <-time.After(20 * time.Millisecond):
			continue
		}
		break
	}
	again := dial(t, s, "c1")
	if again.call == lost {
		t.Error("it is the same call")
	}
	if _, err := s.Call(person, lost.ID); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("the former call: %v", err)
	}
}
