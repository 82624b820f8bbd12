package web_test

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/pion/webrtc/v4"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/voice"
	"github.com/openova-io/sandbox/voice/speech"
	"github.com/openova-io/sandbox/web"
)

// idleCall is a conversation, ears and a mouth of a call in which nothing is said.
type idleCall struct{ voice.Dialogue }

func (idleCall) State(_ context.Context, actor journal.Actor, id string) (voice.State, error) {
	if id != "mine" {
		return voice.State{}, fault.New(fault.NotFound, "there is no such conversation")
	}
	return voice.State{Language: "en"}, nil
}
func (idleCall) Follow(ctx context.Context, _ string, _ func(voice.Utterance)) error {
	<-ctx.Done()
	return ctx.Err()
}
func (idleCall) Answers(card.Question, string, string) voice.Completeness { return voice.Open }
func (idleCall) Name() string                                             { return "idle" }
func (idleCall) Close() error                                             { return nil }
func (idleCall) Speak(context.Context, speech.Sentence) (speech.Audio, error) {
	return nil, fault.New(fault.Unavailable, "nothing is said")
}
func (idleCall) Listen(context.Context, string, func(string)) (speech.Listener, error) {
	return idleListener{}, nil
}

type idleListener struct{ speech.Listener }

func (idleListener) Cancel()      {}
func (idleListener) Close() error { return nil }

// offer is what a browser sends.
func offer(t *testing.T) string {
	t.Helper()
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.Close() })
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio); err != nil {
		t.Fatal(err)
	}
	o, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	return o.SDP
}

// TestWHIP is the signalling of a call, with what it refuses (RFC 9725, 4).
func TestWHIP(t *testing.T) {
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	calls, err := voice.New(voice.Options{Dialogue: idleCall{}, Recognizer: idleCall{}, Synthesizer: idleCall{}, UDP: udp, Loopback: true})
	if err != nil {
		t.Fatal(err)
	}
	defer calls.Close()
	c := newConsole(t, func(o *web.Options) {
		o.Mode, o.Calls, o.Relay = web.Concierge, calls, voice.Relay{URLs: []string{"turn:turn.example:3478"}, Secret: "x"}
	})
	send := func(method, path, kind, match, body string) *http.Response {
		r := c.signedIn(t, request(method, path, body))
		r.Header.Set("Content-Type", kind)
		if match != "" {
			r.Header.Set("If-Match", match)
		}
		return do(c.Handler(), r)
	}
	const begin, sdp, frag = "/api/v1/conversations/mine/call", "application/sdp", "application/trickle-ice-sdpfrag"
	good := offer(t)
	for name, tt := range map[string]struct {
		path, kind, body string
		status           int
		code             string
	}{
		"another type":           {begin, "text/plain", good, 415, "invalid"},
		"no description":         {begin, sdp, "hello", 422, "invalid"},
		"without audio":          {begin, sdp, strings.ReplaceAll(good, "m=audio", "m=video"), 422, "invalid"},
		"without Opus":           {begin, sdp, strings.ReplaceAll(good, "opus/48000", "speex/8000"), 422, "invalid"},
		"a megabyte":             {begin, sdp, good + strings.Repeat("a=x\r\n", 200000), 422, "invalid"},
		"a foreign conversation": {"/api/v1/conversations/theirs/call", sdp, good, 404, "not-found"},
	} {
		t.Run(name, func(t *testing.T) { wantProblem(t, send("POST", tt.path, tt.kind, "", tt.body), tt.status, tt.code) })
	}
	res := send("POST", begin, sdp, "", good)
	wantStatus(t, res, http.StatusCreated)
	location, etag := res.Header.Get("Location"), res.Header.Get("ETag")
	if location == "" || !strings.HasPrefix(etag, `"`) || res.Header.Get("Accept-Patch") != frag || res.Header.Get("Content-Type") != sdp {
		t.Fatalf("the answer has %v", res.Header)
	}
	if link := res.Header.Values("Link"); len(link) != 1 || !strings.HasPrefix(link[0], `<turn:turn.example:3478>; rel="ice-server"; username="`) {
		t.Errorf("the servers are %q", link)
	}
	wantProblem(t, send("POST", begin, sdp, "", good), 409, "conflict") // one call in a conversation

	credentials := func(sdp string) string {
		var out []string
		for _, line := range strings.Split(sdp, "\r\n") {
			if strings.HasPrefix(line, "a=ice-ufrag:") || strings.HasPrefix(line, "a=ice-pwd:") {
				out = append(out, line)
			}
		}
		return strings.Join(out[:2], "\r\n") + "\r\n"
	}
	candidates := credentials(good) + "a=candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host\r\na=end-of-candidates\r\n"
	wantProblem(t, send("PATCH", location, frag, "", candidates), 428, "conflict")
	wantProblem(t, send("PATCH", location, frag, `"another"`, candidates), 412, "conflict")
	wantProblem(t, send("PATCH", location, frag, `W/`+etag, candidates), 412, "conflict") // compared strongly
	wantProblem(t, send("PATCH", location, sdp, etag, candidates), 415, "invalid")
	wantProblem(t, send("PATCH", location, frag, etag, "a=candidate:1\r\n"), 422, "invalid")
	wantProblem(t, send("PATCH", "/api/v1/calls/0123", frag, "*", candidates), 404, "not-found")
	res = send("PATCH", location, frag, `"x", `+etag, candidates)
	wantStatus(t, res, http.StatusNoContent)
	if res.Header.Get("ETag") != "" {
		t.Error("candidates are answered with an entity tag")
	}
	res = send("PATCH", location, frag, "*", "a=ice-ufrag:another\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n")
	wantStatus(t, res, http.StatusOK)
	if again := res.Header.Get("ETag"); again == "" || again == etag || res.Header.Get("Content-Type") != frag {
		t.Errorf("the restart has %v", res.Header)
	}
	if text := body(t, res); !strings.Contains(text, "a=ice-ufrag:") || !strings.Contains(text, "a=candidate:") {
		t.Errorf("the restart is answered with %q", text)
	}
	wantProblem(t, send("PATCH", location, frag, etag, candidates), 412, "conflict") // of the former session

	// Somebody else finds nothing; whoever called hangs up, whatever they match.
	r := request("DELETE", location, "")
	token, _, err := c.identity.Token(journal.Actor{Kind: journal.Human, Subject: "omar"}, "sovereign-admin", 1<<40)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	wantProblem(t, do(c.Handler(), r), 404, "not-found")
	wantStatus(t, send("DELETE", location, "", `"another"`, ""), http.StatusOK)
	wantProblem(t, send("DELETE", location, "", "", ""), 404, "not-found")
}
