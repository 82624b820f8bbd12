package mcp_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	mcpgo "github.com/mark3labs/mcp-go/mcp"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/mcp"
)

// The revisions of the protocol that are served.
const (
	sessionRevision   = "2025-11-25"
	statelessRevision = "2026-07-28"
)

// patience bounds every wait; what is awaited usually comes at once.
const patience = 20 * time.Second

type echoIn struct {
	Text  string    `json:"text" limit:"min=2,max=20" jsonschema:"what comes back"`
	Mode  string    `json:"mode,omitempty" limit:"enum=loud|quiet" jsonschema:"how"`
	Count int       `json:"count,omitempty" limit:"min=1,max=3" jsonschema:"how often"`
	Code  string    `json:"code,omitempty" limit:"match=^[a-f]{2,3}$" jsonschema:"two or three letters a to f"`
	Tags  []string  `json:"tags,omitempty" limit:"max=2" jsonschema:"words"`
	Parts []part    `json:"parts,omitempty" jsonschema:"parts"`
	Any   mcp.Value `json:"any,omitzero" jsonschema:"anything"`
}

type part struct {
	Name string `json:"name" jsonschema:"its name"`
}

type failIn struct {
	How string `json:"how" jsonschema:"a code, or panic, plain, infinite"`
}

type progressIn struct {
	Steps int `json:"steps" limit:"min=0,max=60" jsonschema:"how many"`
}

type empty struct{}

// box is a toolbox with what the tests need to know of it.
type box struct {
	*mcp.Registry
	calls     atomic.Int32
	waiting   chan string     // the text of each wait that began
	cancelled chan error      // why each wait ended
	release   chan struct{}   // ends one wait
	callers   chan mcp.Caller // who asked
	sessions  chan string     // in which session
}

func newBox(t *testing.T) *box {
	t.Helper()
	b := &box{
		waiting: make(chan string, 64), cancelled: make(chan error, 64), release: make(chan struct{}, 64),
		callers: make(chan mcp.Caller, 64), sessions: make(chan string, 64),
	}
	b.Registry = mcp.NewRegistry("box", "1.2.3", "Use it.", nil)
	mcp.Register(b.Registry, mcp.Tool{Name: "box.echo", Title: "Echo", Description: "Gives it back.", ReadOnly: true, Idempotent: true},
		func(ctx context.Context, c mcp.Caller, in echoIn) (echoIn, error) {
			b.calls.Add(1)
			b.callers <- c
			b.sessions <- mcp.Session(ctx)
			return in, nil
		})
	mcp.Register(b.Registry, mcp.Tool{Name: "box.fail", Description: "Fails.", Capability: "box.danger"},
		func(_ context.Context, _ mcp.Caller, in failIn) (map[string]any, error) {
			switch in.How {
			case "panic":
				panic("canary-panic")
			case "plain":
				return nil, errors.New("canary-cause")
			case "infinite":
				return map[string]any{"f": func() {}}, nil
			}
			return nil, fault.Wrap(errors.New("canary-cause"), fault.Code(in.How), "it is %s", in.How).(*fault.Error).At("how").Do("Do otherwise.")
		})
	mcp.Register(b.Registry, mcp.Tool{Name: "box.wait", Description: "Waits."},
		func(ctx context.Context, _ mcp.Caller, in failIn) (empty, error) {
			b.waiting <- in.How
			select {
			case <-ctx.Done():
				b.cancelled <- ctx.Err()
				return empty{}, ctx.Err()
			case <-b.release:
				return empty{}, nil
			}
		})
	mcp.Register(b.Registry, mcp.Tool{Name: "box.progress", Description: "Tells."},
		func(ctx context.Context, _ mcp.Caller, in progressIn) (empty, error) {
			for i := range in.Steps {
				mcp.Progress(ctx, fmt.Sprintf("step %d", i+1))
			}
			return empty{}, nil
		})
	return b
}

func anna() mcp.Caller { return caller("anna") }

func caller(subject string) mcp.Caller {
	return mcp.Caller{Actor: journal.Actor{Kind: journal.Human, Subject: subject}, Grants: mcp.Everything}
}

// authenticate knows people by tokens that are their names; "down" is when it
// cannot know.
func authenticate(r *http.Request) (mcp.Caller, error) {
	name := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch name {
	case "anna", "bert":
		return caller(name), nil
	case "down":
		return mcp.Caller{}, fault.New(fault.Unavailable, "the keys are away")
	}
	return mcp.Caller{}, fault.New(fault.Unauthenticated, "you are not signed in")
}

// serve serves the box over HTTP.
func (b *box) serve(t *testing.T, change ...func(*mcp.HTTPOptions)) *httptest.Server {
	t.Helper()
	o := mcp.HTTPOptions{Authenticate: authenticate}
	for _, f := range change {
		f(&o)
	}
	e := b.Handler(o)
	s := httptest.NewServer(e)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// outside is a real client over HTTP that speaks one revision.
func outside(t *testing.T, url, token, revision string) *client.Client {
	t.Helper()
	c, err := client.NewStreamableHttpClient(url, transport.WithHTTPHeaders(map[string]string{"Authorization": "Bearer " + token}))
	if err != nil {
		t.Fatal(err)
	}
	return greet(t, c, revision)
}

func greet(t *testing.T, c *client.Client, revision string) *client.Client {
	t.Helper()
	t.Cleanup(func() { _ = c.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := c.Start(ctx); err != nil {
		t.Fatal(err)
	}
	var hello mcpgo.InitializeRequest
	hello.Params.ProtocolVersion = revision
	hello.Params.ClientInfo = mcpgo.Implementation{Name: "outside", Version: "1"}
	res, err := c.Initialize(ctx, hello)
	if err != nil {
		t.Fatal(err)
	}
	if res.ProtocolVersion != revision || res.ServerInfo.Name != "box" || res.Instructions != "Use it." {
		t.Fatalf("the greeting is %+v", res)
	}
	return c
}

// use calls a tool and gives its result.
func use(t *testing.T, c *client.Client, tool string, arguments any) *mcpgo.CallToolResult {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var r mcpgo.CallToolRequest
	r.Params.Name, r.Params.Arguments = tool, arguments
	res, err := c.CallTool(ctx, r)
	if err != nil {
		t.Fatalf("%s: %v", tool, err)
	}
	return res
}

func toolNames(t *testing.T, c *client.Client) []string {
	t.Helper()
	res, err := c.ListTools(t.Context(), mcpgo.ListToolsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, tool := range res.Tools {
		out = append(out, tool.Name)
	}
	slices.Sort(out)
	return out
}

// inside is the client in the same process.
func inside(t *testing.T, b *box) *mcp.Client {
	t.Helper()
	c, err := b.Local(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func problem(t *testing.T, raw json.RawMessage) fault.Error {
	t.Helper()
	var f fault.Error
	if err := json.Unmarshal(raw, &f); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return f
}

func await[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("no %s within %v", what, patience)
		panic("unreachable")
	}
}
