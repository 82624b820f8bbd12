package web_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/openova-io/sandbox/conversation"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/conversation/vault"
	"github.com/openova-io/sandbox/mcp"
	"github.com/openova-io/sandbox/mcp/concierge"
	"github.com/openova-io/sandbox/shell"
	"github.com/openova-io/sandbox/shell/hold"
	"github.com/openova-io/sandbox/shell/push"
	"github.com/openova-io/sandbox/voice"
	"github.com/openova-io/sandbox/voice/recording"
	"github.com/openova-io/sandbox/voice/speech"
	"github.com/openova-io/sandbox/web"
	"github.com/openova-io/sandbox/web/audit"
	"github.com/openova-io/sandbox/web/identity"
	"github.com/openova-io/sandbox/web/identity/identitytest"
)

// canary is a word in everything that the founder has.
const canary = "Zephyrine"

// world is two Organizations on one service, each with somebody of every role. In
// "ours" the founder has one of everything that there is.
type world struct {
	concierge, console console
	people             map[string]journal.Actor
	tokens             map[string]string // by person
	// ids are the founder's, by the first parameter's place in a route.
	ids   map[string]string
	offer string
	box   *mcp.Client
	tools *mcp.Registry
}

// somebody is a person of the world: "theirs/org-viewer".
func somebody(org, role string) string { return org + "/" + role }

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{people: map[string]journal.Actor{}, tokens: map[string]string{}, ids: map[string]string{}}
	keys, err := vault.Open(t.TempDir(), vault.Options{})
	must(t, err)
	j, err := journal.Open(t.Context(), journal.Options{Dir: t.TempDir(), Sealer: keys})
	must(t, err)
	t.Cleanup(func() { _ = j.Close() })
	for _, org := range []string{"ours", "theirs"} {
		members := map[string]string{}
		for _, role := range identity.Roles() {
			members[org+"-"+role] = role
			w.people[somebody(org, role)] = journal.Actor{Kind: journal.Human, Subject: org + "-" + role, Email: role + "@" + org + ".example", EmailVerified: true, OrgID: org}
		}
		if org == "ours" {
			members["founder"] = identity.RoleOrgAdmin
			members["canary-member"] = identity.RoleOrgViewer
			w.people["founder"] = journal.Actor{Kind: journal.Human, Subject: "founder", Email: "founder@" + strings.ToLower(canary) + ".example", EmailVerified: true, OrgID: org}
		}
		must(t, identitytest.Found(t.Context(), j, org, members))
	}
	id, err := identity.Open(t.Context(), identity.Options{
		Secrets: identitytest.Foreign(), Issuer: publicURL, Journal: j, Mailer: make(identitytest.Outbox, 8), Resource: web.MCPResource(publicURL),
	})
	must(t, err)
	for name, actor := range w.people {
		s, err := id.Redeem(t.Context(), id.NewCode(actor), identity.SignIn{Agent: canaryOf(name)})
		must(t, err)
		w.tokens[name] = s.Access
	}
	guest, err := id.Guest(t.Context(), identity.SignIn{})
	must(t, err)
	w.tokens[identity.RoleGuest] = guest.Access

	service, cat := newProvisioner(t, j, keys)
	conversations, err := conversation.New(conversation.Options{
		Journal: j, Models: []conversation.Model{mute{}},
		Toolbox: func(context.Context, string, journal.Actor) (conversation.Toolbox, error) {
			return nil, context.Canceled
		},
	})
	must(t, err)
	t.Cleanup(func() { _ = conversations.Close() })
	founder := w.people["founder"]
	w.deploy(t, j, founder)
	w.session(t, j, founder)
	sessions, err := shell.New(t.Context(), shell.Options{Journal: j, Dir: t.TempDir(), Isolation: hold.Pod, Launcher: hold.Detached{}})
	must(t, err)
	t.Cleanup(func() { _ = sessions.Close() })
	told, err := push.Open(t.Context(), push.Options{Vault: keys, Contact: publicURL})
	must(t, err)
	t.Cleanup(told.Close)
	device, err := told.Subscribe(t.Context(), founder.Subject, push.Subscription{Endpoint: "https://push.example.net/" + canary, Device: canary, Keys: push.Keys{
		P256dh: "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4", Auth: "BTBZMqHH6r4Tts7J_aSIgg"}}) // the example's in RFC 8291, section 5
	must(t, err)
	w.ids["devices"] = device.ID
	calls := newCalls(t, conversations)
	recordings, err := recording.Open(recording.Options{Dir: t.TempDir(), Sealer: keys})
	must(t, err)
	w.tools = concierge.New(concierge.Options{
		Provisioner: service, Catalogue: cat, OpenAPI: web.OpenAPI, PublicURL: publicURL,
		Begin: func(ctx context.Context, actor journal.Actor, _ string) (string, error) {
			c, err := conversations.Create(ctx, actor, conversation.CreateOptions{Channel: "mcp"})
			return c.ID, err
		},
		Own: func(ctx context.Context, actor journal.Actor, id string) error {
			_, err := conversations.Get(ctx, actor, id)
			return err
		},
	})
	w.box, err = w.tools.Local(t.Context())
	must(t, err)
	t.Cleanup(func() { _ = w.box.Close() })
	set := func(mode web.Mode) func(*web.Options) {
		return func(o *web.Options) {
			o.Mode, o.Identity, o.Journal, o.Shell, o.Audit = mode, id, j, sessions, audit.New(j, nil)
			o.Conversations, o.Provisioner, o.Catalogue, o.Calls = conversations, service, cat, calls
			o.MCP, o.Tools, o.Guests, o.Recordings, o.Push = http.NotFoundHandler(), w.tools.Needs(), true, recordings, told
		}
	}
	w.concierge, w.console = newConsole(t, set(web.Concierge)), newConsole(t, set(web.SovereignConsole))
	w.fill(t, id)
	w.record(t, recordings)
	return w
}

func canaryOf(name string) string {
	if name == "founder" {
		return canary
	}
	return "a browser"
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// deploy writes the founder's deployment.
func (w *world) deploy(t *testing.T, j *journal.Journal, founder journal.Actor) {
	t.Helper()
	w.ids["deployments"] = "0123456789abcdef"
	events := story(12)
	for i, e := range events {
		if e.Type == "deployment.created" {
			events[i] = journal.New(e.Type, map[string]any{
				"draftId": "founders-draft", "conversationId": "founders-draft", "owner": founder, "cloud": "simulated",
				"spec": map[string]any{"sovereignFQDN": "omantel.omani.works", "orgName": canary},
			})
		}
		events[i] = events[i].By(founder).Of(founder.Subject)
	}
	_, err := j.Append(t.Context(), "deployment."+w.ids["deployments"], 0, events...)
	must(t, err)
}

// session writes a developer session of the founder's that has ended.
func (w *world) session(t *testing.T, j *journal.Journal, founder journal.Actor) {
	t.Helper()
	w.ids["sandbox/sessions"], w.ids["permissions"], w.ids["previews"] = "00000000000000000000000000000001", "ask-1", "3000"
	_, err := j.Append(t.Context(), "session."+w.ids["sandbox/sessions"], 0,
		journal.New("session.created", map[string]any{"name": canary, "agent": "bash", "dir": "/", "isolation": hold.Pod, "owner": founder, "org": founder.OrgID}).By(founder),
		journal.New("session.exited", map[string]any{"code": 0}).By(founder))
	must(t, err)
}

// fill lets the founder make what can be made by the API.
func (w *world) fill(t *testing.T, id *identity.Identity) {
	t.Helper()
	var made struct {
		ID, JTI string
		Token   string
	}
	decode(t, w.ask(t, "founder", http.MethodPost, "/api/v1/conversations", `{"language":"en"}`), &made)
	w.ids["conversations"], w.ids["drafts"] = made.ID, made.ID
	wantStatus(t, w.ask(t, "founder", http.MethodPost, "/api/v1/conversations/"+made.ID+"/turns", `{"text":"We are the `+canary+` Clinic"}`), http.StatusAccepted)
	wantStatus(t, w.ask(t, "founder", http.MethodPatch, "/api/v1/drafts/"+made.ID, `{"changes":[{"field":"orgName","value":"`+canary+`"}]}`), http.StatusOK)
	decode(t, w.ask(t, "founder", http.MethodPost, "/api/v1/auth/pat", `{"name":"`+canary+`"}`), &made)
	w.ids["auth/pat"] = made.JTI
	decode(t, w.ask(t, "founder", http.MethodPost, "/api/v1/organizations/ours/invitations", `{"email":"`+canary+`@guest.example","role":"org-viewer"}`), &made)
	w.ids["organizations"], w.ids["invitations"], w.ids["members"] = "ours", made.ID, "canary-member"
	list, err := id.Sessions(t.Context(), identity.Claims{Subject: "founder"})
	must(t, err)
	w.ids["auth/sessions"] = list[0].ID

	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	must(t, err)
	t.Cleanup(func() { _ = pc.Close() })
	_, err = pc.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio)
	must(t, err)
	offer, err := pc.CreateOffer(nil)
	must(t, err)
	w.offer = offer.SDP
	res := w.ask(t, "founder", http.MethodPost, "/api/v1/conversations/"+w.ids["conversations"]+"/call", w.offer)
	wantStatus(t, res, http.StatusCreated)
	w.ids["calls"] = strings.TrimPrefix(res.Header.Get("Location"), "/api/v1/calls/")
}

// record keeps a second of a call of the founder's.
func (w *world) record(t *testing.T, recordings *recording.Store) {
	t.Helper()
	r, err := recordings.Begin(t.Context(), "founder", w.ids["conversations"])
	must(t, err)
	for range 50 {
		r.Frame(nil, nil)
	}
	r.Said(recording.Cue{To: time.Second, Who: "person", Text: canary})
	must(t, r.Close())
	list, err := recordings.List(t.Context(), "founder", w.ids["conversations"])
	must(t, err)
	w.ids["recordings"] = list[0].ID
}

// ask sends a request of somebody's, each from an address of its own, so that no
// limit of the network is met.
func (w *world) ask(t *testing.T, who, method, path, body string) *http.Response {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	r := request(method, path, body).WithContext(ctx)
	if token := w.tokens[who]; token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	} else {
		r.RemoteAddr = nextAddress()
	}
	switch {
	case strings.HasSuffix(path, "/call"):
		r.Header.Set("Content-Type", "application/sdp")
	case body != "":
		r.Header.Set("Content-Type", "application/json")
	}
	c := w.concierge
	if strings.Contains(path, "/sandbox/") || strings.HasSuffix(path, "/sovereign") {
		c = w.console
	}
	rec := httptest.NewRecorder()
	c.Handler().ServeHTTP(rec, r)
	return rec.Result()
}

// newCalls keeps calls whose ears and mouth do nothing.
func newCalls(t *testing.T, conversations *conversation.Service) *voice.Service {
	t.Helper()
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = udp.Close() })
	s, err := voice.New(voice.Options{Dialogue: talk{conversations: conversations}, Recognizer: deaf{}, Synthesizer: dumb{}, UDP: udp, Loopback: true})
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// talk knows whose a conversation is, and nothing else.
type talk struct {
	voice.Dialogue
	conversations *conversation.Service
}

func (d talk) State(ctx context.Context, actor journal.Actor, id string) (voice.State, error) {
	c, err := d.conversations.Get(ctx, actor, id)
	return voice.State{Language: c.Language}, err
}

func (talk) Follow(ctx context.Context, _ string, _ func(voice.Utterance)) error {
	<-ctx.Done()
	return ctx.Err()
}

type deaf struct{ speech.Recognizer }

func (deaf) Listen(context.Context, string, func(string)) (speech.Listener, error) {
	return silence{}, nil
}

type silence struct{ speech.Listener }

func (silence) Begin(speech.Expectation) error             { return nil }
func (silence) Hear([]int16) error                         { return nil }
func (silence) End(context.Context) (speech.Result, error) { return speech.Result{}, nil }
func (silence) Cancel()                                    {}
func (silence) Close() error                               { return nil }

type dumb struct{ speech.Synthesizer }

func (dumb) Speak(ctx context.Context, _ speech.Sentence) (speech.Audio, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}
