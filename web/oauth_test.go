package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	mcpgo "github.com/mark3labs/mcp-go/mcp"

	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/mcp"
	"github.com/openova-io/sandbox/web"
	"github.com/openova-io/sandbox/web/audit"
	"github.com/openova-io/sandbox/web/identity"
	"github.com/openova-io/sandbox/web/identity/identitytest"
)

// within is how long something may stay open whose right has ended.
const within = 5 * time.Second

// editor is a service with a toolbox, below a base path, and a person in front of a
// browser who has an editor.
type editor struct {
	t       *testing.T
	url     string // with the base path
	id      *identity.Identity
	log     *audit.Log
	browser *http.Client
	actor   journal.Actor
	waiting chan struct{} // a call that waits has begun
	ended   chan error    // and why it ended
}

type nothing struct{}

func newEditor(t *testing.T, base string) *editor {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &editor{t: t, url: "http://" + listener.Addr().String() + base, waiting: make(chan struct{}, 8), ended: make(chan error, 8)}
	k := newKept(t)
	e.log = audit.New(k.journal, nil)
	if err := identitytest.Found(t.Context(), k.journal, "clinic", map[string]string{"omar": identity.RoleOrgDeveloper, "boss": identity.RoleOrgAdmin}); err != nil {
		t.Fatal(err)
	}
	if e.id, err = identity.Open(t.Context(), identity.Options{Secrets: identitytest.Foreign(), Issuer: e.url, Journal: k.journal, Resource: web.MCPResource(e.url)}); err != nil {
		t.Fatal(err)
	}
	box := mcp.NewRegistry("box", "1", "Use it.", nil)
	mcp.Register(box, mcp.Tool{Name: "catalyst.draft.get", Description: "Reads."}, func(_ context.Context, c mcp.Caller, _ nothing) (map[string]string, error) {
		return map[string]string{"subject": c.Actor.Subject, "kind": string(c.Actor.Kind)}, nil
	})
	mcp.Register(box, mcp.Tool{Name: "catalyst.plan.create", Description: "Waits."}, func(ctx context.Context, _ mcp.Caller, _ nothing) (nothing, error) {
		mcp.Progress(ctx, "it began")
		e.waiting <- struct{}{}
		<-ctx.Done()
		e.ended <- ctx.Err()
		return nothing{}, ctx.Err()
	})
	mcp.Register(box, mcp.Tool{Name: "catalyst.deployments.create", Description: "Applies."}, func(context.Context, mcp.Caller, nothing) (nothing, error) {
		return nothing{}, nil
	})
	endpoint := box.Handler(mcp.HTTPOptions{Challenge: web.MCPChallenge(e.url), Authenticate: func(r *http.Request) (mcp.Caller, error) {
		claims, err := e.id.FromResource(r)
		if err == nil {
			err = identity.May(claims, identity.UseConcierge)
		}
		return mcp.Caller{Actor: claims.Actor("mcp"), Grants: claims.Capabilities}, err
	}})
	t.Cleanup(func() { _ = endpoint.Close() })
	c := newConsole(t, func(o *web.Options) {
		o.Mode, o.Identity, o.PublicURL, o.MCP, o.Tools, o.Audit, o.Journal = web.Concierge, e.id, e.url, endpoint, box.Needs(), e.log, k.journal
	})
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: c.Handler()}}
	server.Start()
	t.Cleanup(server.Close)
	e.sit(journal.Actor{Kind: journal.Human, Subject: "omar", Email: "omar@clinic.example", EmailVerified: true, OrgID: "clinic"})
	return e
}

// sit puts a signed-in person in front of the browser.
func (e *editor) sit(actor journal.Actor) {
	e.t.Helper()
	session, err := e.id.Redeem(e.t.Context(), e.id.NewCode(actor), identity.SignIn{})
	if err != nil {
		e.t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	e.id.SetCookies(rec, session, false)
	cookies := rec.Result().Cookies()
	e.actor, e.browser = actor, &http.Client{Transport: carrier(cookies)}
}

// carrier sends cookies along.
type carrier []*http.Cookie

func (c carrier) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	for _, cookie := range c {
		r.AddCookie(cookie)
	}
	return http.DefaultTransport.RoundTrip(r)
}

// page is what a page of the app asks.
func (e *editor) page(path string, in, out any) int {
	e.t.Helper()
	raw, _ := json.Marshal(in)
	req, err := http.NewRequestWithContext(e.t.Context(), http.MethodPost, e.url+path, strings.NewReader(string(raw)))
	if err != nil {
		e.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Origin", "http://"+req.URL.Host)
	res, err := e.browser.Do(req)
	if err != nil {
		e.t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		e.t.Fatal(err)
	}
	return res.StatusCode
}

// connect is what an editor does: it is refused, finds out, registers, sends the
// person to the browser, and comes back with a code.
func (e *editor) connect(store transport.TokenStore) *client.Client {
	e.t.Helper()
	c, err := client.NewOAuthStreamableHttpClient(e.url+"/mcp/concierge", client.OAuthConfig{
		RedirectURI: "http://127.0.0.1:7777/callback", PKCEEnabled: true, TokenStore: store,
	})
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { _ = c.Close() })
	if err := c.Start(e.t.Context()); err != nil {
		e.t.Fatal(err)
	}
	_, err = c.Initialize(e.t.Context(), hello())
	handler := client.GetOAuthHandler(err)
	if handler == nil {
		e.t.Fatalf("the first answer is %v", err)
	}
	if err := handler.RegisterClient(e.t.Context(), "Omar's editor"); err != nil {
		e.t.Fatal(err)
	}
	verifier, _ := client.GenerateCodeVerifier()
	state, _ := client.GenerateState()
	to, err := handler.GetAuthorizationURL(e.t.Context(), state, client.GenerateCodeChallenge(verifier))
	if err != nil {
		e.t.Fatal(err)
	}
	query, ok := strings.CutPrefix(to, e.url+"/authorize")
	if !ok {
		e.t.Fatalf("it sends people to %s", to)
	}
	var shown struct {
		Client, To, Organization string
		OwnComputer              bool
		Tools                    []struct{ Name, Title string }
	}
	if code := e.page("/api/v1/oauth/request", map[string]string{"query": query}, &shown); code != http.StatusOK || shown.Client != "Omar's editor" ||
		!shown.OwnComputer || shown.Organization != "clinic" || len(shown.Tools) != 3 || shown.Tools[0].Title != "Apply plans that a person has approved" {
		e.t.Fatalf("the person is shown %+v (%d)", shown, code)
	}
	var decided struct{ Redirect string }
	if code := e.page("/api/v1/oauth/decision", map[string]any{"query": query, "allow": true}, &decided); code != http.StatusOK {
		e.t.Fatalf("the press is answered %d", code)
	}
	u, err := url.Parse(decided.Redirect)
	if err != nil || u.Host != "127.0.0.1:7777" || u.Query().Get("iss") != e.url {
		e.t.Fatalf("the way back is %s: %v", decided.Redirect, err)
	}
	if err := handler.ProcessAuthorizationResponse(e.t.Context(), u.Query().Get("code"), u.Query().Get("state"), verifier); err != nil {
		e.t.Fatal(err)
	}
	if _, err := c.Initialize(e.t.Context(), hello()); err != nil {
		e.t.Fatal(err)
	}
	return c
}

func hello() mcpgo.InitializeRequest {
	in := mcpgo.InitializeRequest{}
	in.Params.ProtocolVersion = "2025-11-25"
	in.Params.ClientInfo = mcpgo.Implementation{Name: "editor", Version: "1"}
	return in
}

func use(t *testing.T, c *client.Client, name string) (string, error) {
	t.Helper()
	req := mcpgo.CallToolRequest{}
	req.Params.Name = name
	res, err := c.CallTool(t.Context(), req)
	if err != nil {
		return "", err
	}
	text := ""
	for _, content := range res.Content {
		if x, ok := content.(mcpgo.TextContent); ok {
			text += x.Text
		}
	}
	if res.IsError {
		return "", errors.New(text)
	}
	return text, nil
}

// TestAnEditorIsLetIn is the whole way of a client that is not ours: discovery,
// registration, consent, tools, another token, with and without a base path.
func TestAnEditorIsLetIn(t *testing.T) {
	for _, base := range []string{"", "/some/base"} {
		t.Run("base"+strings.ReplaceAll(base, "/", "_"), func(t *testing.T) {
			t.Parallel()
			e := newEditor(t, base)
			store := client.NewMemoryTokenStore()
			c := e.connect(store)
			list, err := c.ListTools(t.Context(), mcpgo.ListToolsRequest{})
			if err != nil || len(list.Tools) != 3 {
				t.Fatalf("%+v: %v", list, err)
			}
			if text, err := use(t, c, "catalyst.draft.get"); err != nil || text != `{"kind":"model","subject":"omar"}` {
				t.Errorf("the tool answers %s, %v", text, err)
			}
			if _, err := use(t, c, "catalyst.destroy"); err == nil {
				t.Error("a tool that there is not answers")
			}
			first, err := store.GetToken(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			e.tokenIsForTheToolboxOnly(first.AccessToken)
			// When its token has ended it gets the next one by itself.
			old := *first
			old.ExpiresAt = time.Now().Add(-time.Minute)
			if err := store.SaveToken(t.Context(), &old); err != nil {
				t.Fatal(err)
			}
			if _, err := use(t, c, "catalyst.draft.get"); err != nil {
				t.Fatal(err)
			}
			if next, err := store.GetToken(t.Context()); err != nil || next.AccessToken == first.AccessToken || next.RefreshToken == first.RefreshToken {
				t.Errorf("it goes on with the same token: %v", err)
			}
			e.callsAreInTheLog()
		})
	}
}

func (e *editor) tokenIsForTheToolboxOnly(token string) {
	e.t.Helper()
	for _, path := range []string{"/api/v1/whoami", "/api/v1/conversations", "/api/v1/audit"} {
		req, err := http.NewRequestWithContext(e.t.Context(), http.MethodGet, e.url+path, nil)
		if err != nil {
			e.t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			e.t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusUnauthorized {
			e.t.Errorf("%s takes a token of the toolbox: %d", path, res.StatusCode)
		}
	}
}

func (e *editor) callsAreInTheLog() {
	e.t.Helper()
	page, err := e.log.Page(e.t.Context(), "clinic", 0, 100)
	if err != nil {
		e.t.Fatal(err)
	}
	var said []string
	for _, x := range page {
		said = append(said, x.Operation+" "+x.Target+" "+x.Result+" "+x.TokenType+" "+x.Via)
		if x.Subject != "omar" || x.TokenID == "" || x.From != "127.0.0.1" || x.RequestID == "" {
			e.t.Errorf("it says %+v", x)
		}
	}
	slices.Reverse(said)
	want := []string{
		"identity.client.allow  done session web", "identity.client.allow  done session web",
		"catalyst.draft.get catalyst.draft.get done access mcp", "mcp.concierge.use catalyst.destroy not-found access mcp", "catalyst.draft.get catalyst.draft.get done access mcp",
	}
	if !slices.Equal(said, want) {
		e.t.Errorf("the log says\n%s", strings.Join(said, "\n"))
	}
}

// TestStreamsEndWithWhatTheyHangOn: a call of an editor that is under way ends when
// the person, the editor itself, or an admin takes its right away.
func TestStreamsEndWithWhatTheyHangOn(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *editor, *client.Token){
		"revoked by the editor": func(t *testing.T, e *editor, token *client.Token) {
			res, err := http.PostForm(e.url+"/oauth/revoke", url.Values{"token": {token.RefreshToken}})
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			wantStatus(t, res, http.StatusOK)
		},
		"ended by the person": func(t *testing.T, e *editor, _ *client.Token) {
			list, err := e.id.Sessions(t.Context(), identity.Claims{Subject: "omar"})
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(list, func(s identity.OwnSession) bool { return s.Method == "oauth" })
			if err := e.id.EndSession(t.Context(), identity.Claims{Subject: "omar"}, list[i].ID); err != nil {
				t.Fatal(err)
			}
		},
		"the role was lowered": func(t *testing.T, e *editor, _ *client.Token) {
			boss := identity.Claims{Subject: "boss", OrgID: "clinic", Role: identity.RoleOrgAdmin}
			if err := e.id.ChangeMember(t.Context(), boss, "clinic", "omar", identity.RoleOrgViewer); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEditor(t, "")
			store := client.NewMemoryTokenStore()
			c := e.connect(store)
			token, err := store.GetToken(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			answered := make(chan error, 1)
			go func() { // ends with the call
				_, err := use(t, c, "catalyst.plan.create")
				answered <- err
			}()
			<-e.waiting
			began := time.Now()
			end(t, e, token)
			select {
			case <-e.ended:
			case <-time.After(within):
				t.Fatal("the call goes on")
			}
			select {
			case err := <-answered:
				if err == nil {
					t.Error("the call was answered")
				}
			case <-time.After(within - time.Since(began)):
				t.Fatal("the stream stays open")
			}
			t.Logf("ended after %v", time.Since(began))
		})
	}
}

// The documents are where the RFCs put them, and name what is there.
func TestOAuthDocuments(t *testing.T) {
	t.Parallel()
	e := newEditor(t, "/some/base")
	root := strings.TrimSuffix(e.url, "/some/base")
	for _, at := range []string{root + "/.well-known/oauth-authorization-server/some/base", e.url + "/.well-known/oauth-authorization-server"} {
		var doc map[string]any
		read(t, at, &doc)
		if doc["issuer"] != e.url || doc["authorization_endpoint"] != e.url+"/authorize" || doc["token_endpoint"] != e.url+"/oauth/token" {
			t.Errorf("%s says %v", at, doc)
		}
	}
	for _, at := range []string{root + "/.well-known/oauth-protected-resource/some/base/mcp/concierge", e.url + "/.well-known/oauth-protected-resource/mcp/concierge"} {
		var doc struct {
			Resource string
			Servers  []string `json:"authorization_servers"`
		}
		read(t, at, &doc)
		if doc.Resource != e.url+"/mcp/concierge" || !slices.Equal(doc.Servers, []string{e.url}) {
			t.Errorf("%s says %+v", at, doc)
		}
	}
}

// Who comes without a good token is told where to find out.
func TestTheToolboxSaysHowToGetIn(t *testing.T) {
	t.Parallel()
	e := newEditor(t, "/some/base")
	for token, wrong := range map[string]bool{"": false, "Bearer nonsense": true} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.url+"/mcp/concierge", strings.NewReader(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", token)
		res, err := e.browser.Do(req) // a browser's cookies make no difference
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		said := res.Header.Get("WWW-Authenticate")
		if res.StatusCode != http.StatusUnauthorized || !strings.Contains(said, `resource_metadata="`+e.url+`/.well-known/oauth-protected-resource/mcp/concierge"`) || strings.Contains(said, "invalid_token") != wrong {
			t.Errorf("%q is answered %d, %s", token, res.StatusCode, said)
		}
	}
}

func read(t *testing.T, at string, out any) {
	t.Helper()
	res, err := http.Get(at)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		raw, _ := io.ReadAll(res.Body)
		t.Fatalf("%s answers %d: %s", at, res.StatusCode, raw)
	}
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		t.Fatal(err)
	}
}

// The endpoints of programs speak OAuth, keep nothing, and are limited.
func TestOAuthEndpoints(t *testing.T) {
	t.Parallel()
	e := newEditor(t, "")
	wrong := func(res *http.Response, err error) (status int, code string) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var out struct{ Error string }
		_ = json.NewDecoder(res.Body).Decode(&out)
		return res.StatusCode, out.Error
	}
	if status, code := wrong(http.Post(e.url+"/oauth/token", "application/json", strings.NewReader(`{}`))); status != 400 || code != "invalid_request" {
		t.Errorf("JSON at the token endpoint: %d %s", status, code)
	}
	if status, code := wrong(http.PostForm(e.url+"/oauth/token?grant_type=refresh_token", url.Values{"x": {"y"}})); status != 400 || code != "unsupported_grant_type" {
		t.Errorf("a parameter in the address: %d %s", status, code)
	}
	if status, code := wrong(http.PostForm(e.url+"/oauth/token", url.Values{"grant_type": {"refresh_token"}, "client_id": {"x"}, "refresh_token": {"a.b.1.c"}})); status != 401 || code != "invalid_client" {
		t.Errorf("a made-up program: %d %s", status, code)
	}
	if status, code := wrong(http.Post(e.url+"/oauth/register", "application/json", strings.NewReader(`{"redirect_uris":["http://evil.example/"]}`))); status != 400 || code != "invalid_redirect_uri" {
		t.Errorf("a bad address: %d %s", status, code)
	}
	if status, _ := wrong(http.Post(e.url+"/oauth/register", "application/json", strings.NewReader(`{"redirect_uris":["`+strings.Repeat("a", 20<<10)+`"]}`))); status != 400 {
		t.Errorf("a long description: %d", status)
	}
	limited := 0
	for range 60 {
		if status, _ := wrong(http.Post(e.url+"/oauth/register", "application/json", strings.NewReader(`{"client_name":"x","redirect_uris":["https://editor.example/"]}`))); status == http.StatusTooManyRequests {
			limited++
		}
	}
	if limited < 35 {
		t.Errorf("of 60 registrations from one address %d were refused", limited)
	}
	var out struct{ Code string }
	if code := e.page("/api/v1/oauth/decision", map[string]string{"query": "client_id=x"}, &out); code != http.StatusUnprocessableEntity {
		t.Errorf("no decision is answered %d", code)
	}
}
