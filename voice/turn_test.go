package voice

import (
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pion/turn/v5"
	"github.com/pion/webrtc/v4"

	"github.com/openova-io/sandbox/conversation/fault"
)

// TestCallByRelay comes through a real TURN server and no other way, with the name and
// the password that the answer's links give.
func TestCallByRelay(t *testing.T) {
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	relay := Relay{URLs: []string{"turn:" + udp.LocalAddr().String() + "?transport=udp", "stun:stun.example:3478"}, Secret: "what both know"}
	if err := relay.Check(); err != nil {
		t.Fatal(err)
	}
	server, err := turn.NewServer(turn.ServerConfig{
		Realm: "sandbox", AuthHandler: turn.LongTermTURNRESTAuthHandler(relay.Secret, nil),
		PacketConnConfigs: []turn.PacketConnConfig{{PacketConn: udp, RelayAddressGenerator: &turn.RelayAddressGeneratorStatic{RelayAddress: net.IPv4(127, 0, 0, 1), Address: "127.0.0.1"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	links := relay.Links("owner", time.Now())
	parts := regexp.MustCompile(`^<(turn:[^>]+)>; rel="ice-server"; username="([^"]+)"; credential="([^"]+)"; credential-type="password"$`).FindStringSubmatch(links[0])
	if len(links) != 2 || parts == nil || links[1] != `<stun:stun.example:3478>; rel="ice-server"` {
		t.Fatalf("the links are %q", links)
	}
	s := newService(t, Options{Dialogue: newTalk(nil), Recognizer: deaf{}, Synthesizer: hum{}})
	p := dialBy(t, func(offer string) (string, error) {
		_, answer, err := s.Offer(t.Context(), person, "c1", offer)
		return answer, err
	}, route{relay: &webrtc.ICEServer{URLs: []string{parts[1]}, Username: parts[2], Credential: parts[3]}})
	p.until("the agent is heard", func() bool { return len(p.heard) > 0 })
	pair, err := p.pc.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
	if err != nil || pair.Local.Typ != webrtc.ICECandidateTypeRelay {
		t.Errorf("it takes %v, %v", pair, err)
	}
}

func TestRelayAddresses(t *testing.T) {
	for _, u := range []string{"https://turn.example", "turn:", "turn://x", "turn:a b", `turn:x">; rel="next"`, "turn:user@x", "turn"} {
		if err := (Relay{URLs: []string{u}, Secret: "x"}).Check(); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%q: %v", u, err)
		}
	}
	if err := (Relay{URLs: []string{"turns:turn.example:443?transport=tcp"}}).Check(); err == nil || !strings.Contains(err.Error(), "secret") {
		t.Errorf("without a secret: %v", err)
	}
	if links := (Relay{}).Links("x", time.Now()); len(links) != 0 {
		t.Errorf("none are %q", links)
	}
}
