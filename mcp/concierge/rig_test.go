package concierge_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	tfjson "github.com/hashicorp/terraform-json"
	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	mcpgo "github.com/mark3labs/mcp-go/mcp"

	"github.com/openova-io/sandbox/conversation"
	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/conversation/vault"
	"github.com/openova-io/sandbox/mcp"
	"github.com/openova-io/sandbox/mcp/concierge"
	"github.com/openova-io/sandbox/provisioner"
	"github.com/openova-io/sandbox/provisioner/tofu"
	"github.com/openova-io/sandbox/web"
)

const patience = 20 * time.Second

// rig is the toolbox on a real provisioner and real conversations, on a real
// journal and vault. Only tofu is played, by an engine that the test can hold.
type rig struct {
	t             *testing.T
	box           *mcp.Registry
	provisioner   *provisioner.Service
	conversations *conversation.Service
	journal       *journal.Journal
	engine        *engine
	url           string
	waiting       func() string
}

func newRig(t *testing.T) *rig {
	t.Helper()
	v, err := vault.Open(t.TempDir(), vault.Options{})
	must(t, err)
	j, err := journal.Open(t.Context(), journal.Options{Dir: t.TempDir(), Sealer: v, Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	t.Cleanup(func() { j.Close() })
	catalogue, err := provisioner.LoadCatalogue()
	must(t, err)
	r := &rig{t: t, journal: j, engine: &engine{hold: make(chan struct{}), began: make(chan struct{}, 16)}, waiting: func() string { return "" }}
	close(r.engine.hold)
	r.provisioner, err = provisioner.New(provisioner.Options{
		Journal: j, Vault: v, Catalogue: catalogue, Engine: r.engine, Cloud: provisioner.Simulated, Watcher: never{}, Minter: never{},
		CloudEndpoint: func(context.Context) (provisioner.Endpoint, error) {
			return provisioner.Endpoint{URL: "http://127.0.0.1:9/v1", Token: "simulated-token"}, nil
		},
		Entrance: func(context.Context, provisioner.Deployment) (string, error) { return "", nil },
		Stage:    stage{r}, PublicURL: "https://sandbox.example",
	})
	must(t, err)
	r.conversations, err = conversation.New(conversation.Options{Journal: j, Models: []conversation.Model{mute{}},
		Toolbox: func(context.Context, string, journal.Actor) (conversation.Toolbox, error) {
			return nil, fault.New(fault.Unavailable, "nobody talks here")
		}})
	must(t, err)
	t.Cleanup(func() { _ = r.conversations.Close() })
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.provisioner.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })

	r.box = concierge.New(concierge.Options{
		Provisioner: r.provisioner, Catalogue: catalogue, Stage: stage{r}, Skills: packs{}, OpenAPI: web.OpenAPI,
		PublicURL: "https://sandbox.example", Version: "test", Waiting: func() string { return r.waiting() },
		Begin: func(ctx context.Context, actor journal.Actor, session string) (string, error) {
			o := conversation.CreateOptions{Channel: "mcp"}
			if session != "" {
				o.ID = "mcp" + hex.EncodeToString([]byte(session))[:24]
			}
			actor.Kind = journal.Human
			c, err := r.conversations.Create(ctx, actor, o)
			return c.ID, err
		},
		Own: func(ctx context.Context, actor journal.Actor, id string) error {
			_, err := r.conversations.Get(ctx, actor, id)
			return err
		},
	})
	e := r.box.Handler(mcp.HTTPOptions{Authenticate: func(req *http.Request) (mcp.Caller, error) {
		return person(req.Header.Get("X-Person")), nil
	}})
	s := httptest.NewServer(e)
	t.Cleanup(func() { s.CloseClientConnections(); s.Close(); _ = e.Close() })
	r.url = s.URL
	return r
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// person is an agent that acts for somebody.
func person(name string) mcp.Caller {
	return mcp.Caller{Actor: journal.Actor{Kind: journal.Human, Subject: name, LocalOwner: true}, Grants: mcp.Everything}
}

// human is that somebody.
func human(name string) journal.Actor {
	return journal.Actor{Kind: journal.Human, Subject: name, LocalOwner: true}
}

// agent holds the toolbox somehow.
type agent struct {
	t   *testing.T
	use func(tool string, arguments json.RawMessage) (structured json.RawMessage, text string, refused bool)
}

// house is the agent in a conversation of its own.
func (r *rig) house(name string) (agent, string) {
	r.t.Helper()
	c, err := r.conversations.Create(r.t.Context(), human(name), conversation.CreateOptions{Channel: "web"})
	must(r.t, err)
	box, err := r.box.Local(r.t.Context())
	must(r.t, err)
	r.t.Cleanup(func() { _ = box.Close() })
	who := person(name)
	who.ConversationID = c.ID
	return agent{r.t, func(tool string, arguments json.RawMessage) (json.RawMessage, string, bool) {
		res, err := box.Call(r.t.Context(), who, tool, arguments)
		must(r.t, err)
		return res.Structured, res.Text, res.IsError
	}}, c.ID
}

// outside is a client over HTTP, in one revision of the protocol.
func (r *rig) outside(name, revision string) agent {
	r.t.Helper()
	c, err := client.NewStreamableHttpClient(r.url, transport.WithHTTPHeaders(map[string]string{"Authorization": "Bearer x", "X-Person": name}))
	must(r.t, err)
	r.t.Cleanup(func() { _ = c.Close() })
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	must(r.t, c.Start(ctx))
	var hello mcpgo.InitializeRequest
	hello.Params.ProtocolVersion, hello.Params.ClientInfo = revision, mcpgo.Implementation{Name: "outside", Version: "1"}
	_, err = c.Initialize(ctx, hello)
	must(r.t, err)
	return agent{r.t, func(tool string, arguments json.RawMessage) (json.RawMessage, string, bool) {
		ctx, cancel := context.WithTimeout(r.t.Context(), patience)
		defer cancel()
		var req mcpgo.CallToolRequest
		req.Params.Name, req.Params.Arguments = tool, arguments
		res, err := c.CallTool(ctx, req)
		must(r.t, err)
		raw, err := json.Marshal(res.StructuredContent)
		must(r.t, err)
		return raw, res.Content[0].(mcpgo.TextContent).Text, res.IsError
	}}
}

const (
	withSessions    = "2025-11-25"
	withoutSessions = "2026-07-28"
)

// ok calls a tool that has to work.
func (a agent) ok(tool, arguments string, into any) {
	a.t.Helper()
	raw, text, refused := a.use(tool, json.RawMessage(arguments))
	if refused {
		a.t.Fatalf("%s %s was refused: %s", tool, arguments, text)
	}
	if into != nil {
		if err := json.Unmarshal(raw, into); err != nil {
			a.t.Fatalf("%s answered %s: %v", tool, raw, err)
		}
	}
}

// no calls a tool that has to refuse, and gives the fault.
func (a agent) no(tool, arguments string) fault.Error {
	a.t.Helper()
	raw, text, refused := a.use(tool, json.RawMessage(arguments))
	var f fault.Error
	if !refused || json.Unmarshal(raw, &f) != nil || f.Code == "" || f.Message == "" || text == "" {
		a.t.Errorf("%s %s was answered %s", tool, arguments, raw)
	}
	return f
}

// complete is what makes a draft complete.
const complete = `[{"field":"orgName","value":"Acme"},{"field":"orgEmail","value":"platform@acme.example"},` +
	`{"field":"orgHeadquarters","value":"Berlin, Germany"},{"field":"apps","value":["nextcloud"]},{"field":"simulatedAccount","value":true}]`

// shown are the cards of a conversation, the newest of each id.
func (r *rig) shown(owner, id string) map[card.Kind]card.Card {
	r.t.Helper()
	c, err := r.conversations.Get(r.t.Context(), human(owner), id)
	must(r.t, err)
	out := map[card.Kind]card.Card{}
	for _, x := range c.Cards {
		out[x.Kind] = x
	}
	return out
}

type stage struct{ r *rig }

func (s stage) Show(ctx context.Context, id string, cards ...card.Card) error {
	return s.r.conversations.Show(ctx, id, cards...)
}

func (s stage) Link(ctx context.Context, id, deploymentID string) error {
	return s.r.conversations.Link(ctx, id, deploymentID)
}

type mute struct{}

func (mute) Name() string { return "mute" }
func (mute) Respond(context.Context, conversation.Request, func(string)) (conversation.Response, error) {
	return conversation.Response{}, fault.New(fault.Unavailable, "mute")
}

// never is what no test here gets to.
type never struct{}

func (never) Parse([]byte, []string) error { return fault.New(fault.Unavailable, "never") }
func (never) Watch(context.Context, []byte, []string, func(provisioner.Release) error) error {
	return fault.New(fault.Unavailable, "never")
}
func (never) PublicJWK() string { return `{"kty":"RSA"}` }
func (never) MintHandover(context.Context, provisioner.Handover) (string, error) {
	return "", fault.New(fault.Unavailable, "never")
}

type packs struct{}

func (packs) List() []concierge.Skill {
	return []concierge.Skill{{Name: "healthcare", Title: "Healthcare", Industries: []string{"healthcare"}}}
}

func (packs) Get(name string) (concierge.Skill, error) {
	if name != "healthcare" {
		return concierge.Skill{}, fault.New(fault.NotFound, "there is no pack %q", name)
	}
	return concierge.Skill{Name: name, Title: "Healthcare", Text: "# Healthcare"}, nil
}

// engine plans two resources, when the test lets it, and applies nothing.
type engine struct {
	provisioner.Engine // what is not below is never reached

	mu      sync.Mutex
	hold    chan struct{}
	began   chan struct{}
	plans   int
	applies int
}

func (e *engine) Plan(ctx context.Context, r tofu.Request) (*tofu.Plan, error) {
	e.mu.Lock()
	e.plans++
	n, hold := e.plans, e.hold
	e.mu.Unlock()
	e.began <- struct{}{}
	select {
	case <-hold:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	p := &tfjson.Plan{FormatVersion: "1.2"}
	for _, kind := range []string{"hcloud_network", "hcloud_server"} {
		p.ResourceChanges = append(p.ResourceChanges, &tfjson.ResourceChange{Address: kind + ".main", Mode: tfjson.ManagedResourceMode, Type: kind, Name: "main",
			Change: &tfjson.Change{Actions: tfjson.Actions{tfjson.ActionCreate}, After: map[string]any{"name": "x", "server_type": "cpx32", "location": "fsn1"}}})
	}
	return &tofu.Plan{Digest: fmt.Sprintf("%064x", n), JSON: []byte(`{"format_version":"1.2"}`), Parsed: p}, nil
}

func (e *engine) Discard(context.Context, string) error { return nil }

func (e *engine) Apply(context.Context, tofu.Apply) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.applies++
	return fault.New(fault.Unavailable, "nothing is applied here")
}

func (e *engine) applied() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.applies
}
