package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"

	"github.com/openova-io/sandbox/conversation/card"
)

// conciergeTools is the whole toolbox. What is not in it, an outside agent cannot
// do: approve, destroy, read secrets, run commands.
var conciergeTools = []string{
	"card.ask",
	"catalyst.deployments.create",
	"catalyst.deployments.events",
	"catalyst.deployments.get",
	"catalyst.draft.get",
	"catalyst.draft.set",
	"catalyst.openapi",
	"catalyst.plan.create",
	"catalyst.subdomains.check",
	"marketplace.catalog.list",
	"marketplace.region.list",
	"marketplace.sku.list",
	"skills.get",
	"skills.list",
}

// agent is an outside MCP client.
type agent struct {
	t *testing.T
	c *client.Client
}

// startAgent is a client on standard input and output; it starts the service where
// none runs.
func startAgent(t *testing.T, dir string) *agent {
	t.Helper()
	c, err := client.NewStdioMCPClient(filepath.Join(binaries, "sandbox"), nil,
		"mcp", "--data-dir", dir, "--speed", storySpeed, "--listen", "127.0.0.1:0", "--log-level", "warn", "concierge")
	if err != nil {
		t.Fatal(err)
	}
	return greeted(t, c, mcp.LATEST_PROTOCOL_VERSION)
}

// startHTTPAgent is a client over streamable HTTP of a service that runs.
func startHTTPAgent(t *testing.T, dir, revision string) *agent {
	t.Helper()
	base, token := bearer(t, dir)
	wire, err := transport.NewStreamableHTTP(base+"/mcp/concierge", transport.WithHTTPHeaders(map[string]string{"Authorization": "Bearer " + token}))
	if err != nil {
		t.Fatal(err)
	}
	// A client that is in a hurry takes a busy service for one of an older revision.
	return greeted(t, client.NewClient(wire, client.WithDiscoverTimeout(patience)), revision)
}

func greeted(t *testing.T, c *client.Client, revision string) *agent {
	t.Helper()
	t.Cleanup(func() { _ = c.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := c.Start(ctx); err != nil {
		t.Fatal(err)
	}
	var hello mcp.InitializeRequest
	hello.Params.ProtocolVersion = revision
	hello.Params.ClientInfo = mcp.Implementation{Name: "outside-agent", Version: "1.0.0"}
	res, err := c.Initialize(ctx, hello)
	if err != nil {
		t.Fatalf("the toolbox does not greet: %v", err)
	}
	if res.ProtocolVersion != revision || !strings.Contains(res.Instructions, "cannot approve") {
		t.Errorf("the greeting is in %s: %s", res.ProtocolVersion, res.Instructions)
	}
	return &agent{t, c}
}

// call uses a tool. The structured result goes to into; refused is the text of a
// result that is an error.
func (a *agent) call(tool string, arguments, into any) (refused string) {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(a.t.Context(), patience)
	defer cancel()
	var r mcp.CallToolRequest
	r.Params.Name, r.Params.Arguments = tool, arguments
	res, err := a.c.CallTool(ctx, r)
	if err != nil {
		a.t.Fatalf("%s: %v", tool, err)
	}
	if into != nil {
		raw, err := json.Marshal(res.StructuredContent)
		if err == nil {
			err = json.Unmarshal(raw, into)
		}
		if err != nil {
			a.t.Fatalf("%s answered %s: %v", tool, raw, err)
		}
	}
	if !res.IsError {
		return ""
	}
	for _, c := range res.Content {
		if text, ok := c.(mcp.TextContent); ok {
			refused += text.Text
		}
	}
	if refused == "" {
		a.t.Errorf("%s was refused without a word", tool)
	}
	return refused
}

// must uses a tool that has to work.
func (a *agent) must(tool string, arguments, into any) {
	a.t.Helper()
	if refused := a.call(tool, arguments, into); refused != "" {
		a.t.Fatalf("%s was refused: %s", tool, refused)
	}
}

// ask sends a request over the socket, where the owner is signed in, and gives
// the answer's status.
func ask(t *testing.T, dir, method, path string, body, into any) int {
	t.Helper()
	var in io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		in = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, "http://sandbox"+path, in)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := local(dir).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if into != nil {
		if err := json.Unmarshal(raw, into); err != nil {
			t.Fatalf("%s %s answered %d %s: %v", method, path, res.StatusCode, raw, err)
		}
	}
	return res.StatusCode
}

func TestToolboxIsExactlyTheConcierges(t *testing.T) {
	a := startAgent(t, home(t))
	list, err := a.c.ListTools(t.Context(), mcp.ListToolsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, tool := range list.Tools {
		names = append(names, tool.Name)
		if tool.Description == "" || tool.InputSchema.Type != "object" {
			t.Errorf("%s has the description %q and takes %q", tool.Name, tool.Description, tool.InputSchema.Type)
		}
	}
	slices.Sort(names)
	if !slices.Equal(names, conciergeTools) {
		t.Errorf("the tools are %q, want %q", names, conciergeTools)
	}
	for _, name := range []string{"catalyst.deployments.approve", "catalyst.deployments.destroy", "shell"} {
		var r mcp.CallToolRequest
		r.Params.Name = name
		if res, err := a.c.CallTool(t.Context(), r); err == nil && !res.IsError {
			t.Errorf("%s can be called", name)
		}
	}
}

// A change that breaks a rule is refused as a whole, with the rule.
func TestToolboxRefusesBadChanges(t *testing.T) {
	a := startAgent(t, home(t))
	var problem struct {
		Code       string
		Violations []struct{ Path, Rule, Message string }
	}
	refused := a.call("catalyst.draft.set", map[string]any{"changes": []map[string]any{
		{"field": "orgName", "value": "Acme"}, {"field": "orgEmail", "value": "nobody"},
	}}, &problem)
	if refused == "" || problem.Code != "invalid" || len(problem.Violations) != 1 || problem.Violations[0].Path != "orgEmail" {
		t.Errorf("the refusal is %q %+v", refused, problem)
	}
	var draft struct{ Spec struct{ OrgName string } }
	if a.must("catalyst.draft.get", map[string]any{}, &draft); draft.Spec.OrgName != "" {
		t.Errorf("half of the change was made: %q", draft.Spec.OrgName)
	}
}

// browser is a person's, over TCP.
type browser struct {
	t    *testing.T
	base string
	c    *http.Client
}

// stranger has followed no sign-in link.
func stranger(t *testing.T, dir string) browser {
	t.Helper()
	i, ok := serviceInfo(t.Context(), dir)
	if !ok {
		t.Fatal("the service does not run")
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return browser{t, i.URL, &http.Client{Jar: jar, Timeout: 10 * time.Second}}
}

// signedIn has followed the owner's.
func signedIn(t *testing.T, dir string) browser {
	t.Helper()
	b := stranger(t, dir)
	var link struct{ URL string }
	if code := ask(t, dir, http.MethodPost, "/local/link", nil, &link); code != http.StatusOK {
		t.Fatalf("a sign-in link is answered %d", code)
	}
	res, err := b.c.Get(link.URL)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("signing in is answered %d", res.StatusCode)
	}
	return b
}

// do sends a request of the page and gives the answer's status.
func (b browser) do(method, path string, body, into any) int {
	b.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		b.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.base+path, bytes.NewReader(raw))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	res, err := b.c.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	if into != nil && res.StatusCode < 300 {
		if err := json.NewDecoder(res.Body).Decode(into); err != nil {
			b.t.Fatalf("%s %s: %v", method, path, err)
		}
	}
	return res.StatusCode
}

// bearer gives a token of the owner's, which here is what a browser has.
func bearer(t *testing.T, dir string) (base, token string) {
	t.Helper()
	b := signedIn(t, dir)
	u, err := url.Parse(b.base)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range b.c.Jar.Cookies(u) {
		if !strings.HasSuffix(c.Name, "_refresh") {
			token = c.Value
		}
	}
	if token == "" {
		t.Fatal("the browser has no token")
	}
	return b.base, token
}

// planned is what catalyst.plan.create answers.
type planned struct {
	DeploymentID, DraftID, Digest, Status, Link, Next, SovereignFQDN string
	Add                                                              int
	Cost                                                             struct{ Monthly card.Money }
}

// draftPlan brings an agent to a plan. Named is the draft that its client has to
// name, if it has no session.
func (a *agent) draftPlan(named, org string) planned {
	a.t.Helper()
	changes := []map[string]any{
		{"field": "orgName", "value": org},
		{"field": "orgEmail", "value": "platform@acme.example"},
		{"field": "orgHeadquarters", "value": "Berlin, Germany"},
		{"field": "apps", "value": []string{"nextcloud"}},
		{"field": "simulatedAccount", "value": true},
	}
	set, this := map[string]any{"changes": changes}, map[string]any{}
	if named != "" {
		set["draftId"] = named
	}
	var draft struct{ ID string }
	a.must("catalyst.draft.set", set, &draft)
	if named != "" {
		this["draftId"] = draft.ID
	}
	var p planned
	a.must("catalyst.plan.create", this, &p)
	if p.DraftID != draft.ID {
		a.t.Errorf("the plan of the draft %s is of %s", draft.ID, p.DraftID)
	}
	return p
}

// approve opens an agent's link as its person does, compares what is there with
// what the agent was told, and presses the button.
func (b browser) approve(p planned) {
	b.t.Helper()
	id, ok := strings.CutPrefix(p.Link, b.base+"/start?c=")
	if !ok {
		b.t.Fatalf("the link is %q, the service %q", p.Link, b.base)
	}
	if code := b.do(http.MethodGet, strings.TrimPrefix(p.Link, b.base), nil, nil); code != http.StatusOK {
		b.t.Errorf("the link is answered %d", code)
	}
	var c struct{ Cards []card.Card }
	if code := b.do(http.MethodGet, "/api/v1/conversations/"+id, nil, &c); code != http.StatusOK {
		b.t.Fatalf("the conversation is answered %d", code)
	}
	shown := map[card.Kind]card.Card{}
	for _, x := range c.Cards {
		shown[x.Kind] = x
	}
	var plan card.PlanData
	raw, _ := json.Marshal(shown[card.KindPlan].Data)
	_ = json.Unmarshal(raw, &plan)
	if plan.Digest != p.Digest || plan.DeploymentID != p.DeploymentID || plan.Add != p.Add || plan.SovereignFQDN != p.SovereignFQDN {
		b.t.Errorf("the person sees %s and the agent %+v", raw, p)
	}
	if cost := shown[card.KindCost]; !strings.Contains(cost.Text, p.Cost.Monthly.Amount) {
		b.t.Errorf("the person reads %q and the agent %+v", cost.Text, p.Cost)
	}
	press := map[string]any{"press": map[string]string{"cardId": shown[card.KindApproval].ID, "value": "approve"}}
	if code := b.do(http.MethodPost, "/api/v1/conversations/"+id+"/turns", press, nil); code != http.StatusAccepted {
		b.t.Fatalf("the button is answered %d", code)
	}
}

// An outside agent drafts and plans; it cannot start what its owner has not
// approved. The owner opens its link, signed in, sees the same plan and presses the
// button, and the agent follows it to the end.
func TestOutsideAgentToReady(t *testing.T) {
	needTofu(t)
	for name, x := range map[string]struct {
		start func(t *testing.T, dir string) *agent
		named string
	}{
		"stdio": {startAgent, ""},
		"http": {func(t *testing.T, dir string) *agent {
			startAgent(t, dir) // the service
			return startHTTPAgent(t, dir, "2026-07-28")
		}, "new"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := home(t)
			a := x.start(t, dir)
			plan := a.draftPlan(x.named, "Acme")
			if len(plan.Digest) < 64 || plan.Status != "awaiting-approval" || plan.Add == 0 || !strings.Contains(plan.Next, plan.Link) {
				t.Errorf("the plan is %+v", plan)
			}
			this := map[string]any{"deploymentId": plan.DeploymentID}
			var problem struct{ Code, Hint string }
			if refused := a.call("catalyst.deployments.create", this, &problem); refused == "" || problem.Code != "denied" || !strings.Contains(problem.Hint, plan.Link) {
				t.Fatalf("starting before the approval answered %q, %+v", refused, problem)
			}
			if code := stranger(t, dir).do(http.MethodGet, "/api/v1/conversations/"+plan.DraftID, nil, nil); code != http.StatusUnauthorized {
				t.Errorf("a stranger with the link is answered %d", code)
			}
			signedIn(t, dir).approve(plan)

			var d struct {
				Status, Reason, ConsoleURL, Next string
				Releases                         []struct{ Name, State string }
			}
			tick := time.NewTicker(time.Second)
			defer tick.Stop()
			for range 200 {
				a.must("catalyst.deployments.get", this, &d)
				if d.Status == "ready" || d.Status == "failed" {
					break
				}
				<-tick.C
			}
			if d.Status != "ready" || d.ConsoleURL == "" || len(d.Releases) != 36 || !strings.Contains(d.Next, plan.Link) {
				t.Fatalf("the deployment is %s (%s) at %q with %d releases; next: %s", d.Status, d.Reason, d.ConsoleURL, len(d.Releases), d.Next)
			}
			// Now it is harmless: it is there.
			a.must("catalyst.deployments.create", this, nil)
			createdOnce(t, dir)
		})
	}
}

// Calls in the wrong order say what comes first.
func TestOutsideAgentOutOfOrder(t *testing.T) {
	dir := home(t)
	stdio := startAgent(t, dir)
	for name, a := range map[string]*agent{"stdio": stdio, "http": startHTTPAgent(t, dir, "2025-11-25")} {
		for _, tool := range []string{"catalyst.deployments.create", "catalyst.deployments.get", "catalyst.deployments.events"} {
			if refused := a.call(tool, map[string]any{}, nil); !strings.Contains(refused, "catalyst.plan.create") {
				t.Errorf("%s, %s before anything: %q", name, tool, refused)
			}
		}
		if refused := a.call("catalyst.plan.create", map[string]any{}, nil); !strings.Contains(refused, "orgName") || !strings.Contains(refused, "orgEmail") {
			t.Errorf("%s, a plan of nothing: %q", name, refused)
		}
	}
	if refused := startHTTPAgent(t, dir, "2026-07-28").call("catalyst.plan.create", map[string]any{}, nil); !strings.Contains(refused, `"new"`) {
		t.Errorf("a client without a session is told %q", refused)
	}
}

// Several clients of one person at once have a draft each, and the plans of both
// wait side by side.
func TestTwoOutsideAgents(t *testing.T) {
	needTofu(t)
	dir := home(t)
	one := startAgent(t, dir)
	two := startAgent(t, dir)
	three := startHTTPAgent(t, dir, "2025-11-25")
	plans := make([]planned, 2)
	var both sync.WaitGroup
	both.Go(func() { plans[0] = one.draftPlan("", "One") })
	both.Go(func() { plans[1] = two.draftPlan("", "Two") })
	both.Wait()
	if plans[0].DraftID == plans[1].DraftID || plans[0].DeploymentID == plans[1].DeploymentID || plans[0].SovereignFQDN == plans[1].SovereignFQDN {
		t.Errorf("the plans are %+v", plans)
	}
	var draft struct{ Spec struct{ OrgName string } }
	if three.must("catalyst.draft.get", map[string]any{}, &draft); draft.Spec.OrgName != "" {
		t.Errorf("the third client begins with %q", draft.Spec.OrgName)
	}
	for i, a := range []*agent{one, two} {
		var d struct{ Approval struct{ State string } }
		if a.must("catalyst.deployments.get", map[string]any{}, &d); d.Approval.State != "pending" {
			t.Errorf("the plan of client %d is %s", i+1, d.Approval.State)
		}
	}
	signedIn(t, dir).approve(plans[1])
	this := map[string]any{"deploymentId": plans[0].DeploymentID}
	var problem struct{ Code string }
	if refused := one.call("catalyst.deployments.create", this, &problem); refused == "" || problem.Code != "denied" {
		t.Errorf("the other plan was approved with it: %q", refused)
	}
}

// An editor that starts the toolbox and asks nothing leaves no conversation
// behind.
func TestAnIdleClientLeavesNothing(t *testing.T) {
	dir := home(t)
	startAgent(t, dir)
	var list struct{ Conversations []struct{ ID string } }
	if code := ask(t, dir, http.MethodGet, "/api/v1/conversations", nil, &list); code != http.StatusOK || len(list.Conversations) != 0 {
		t.Errorf("answered %d, there are %v", code, list.Conversations)
	}
}

// The endpoint wants a bearer, and answers nobody else.
func TestHTTPToolboxWantsABearer(t *testing.T) {
	dir := home(t)
	startAgent(t, dir)
	b := signedIn(t, dir)
	send := func(change func(*http.Request)) *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.base+"/mcp/concierge", strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		change(req)
		res, err := b.c.Do(req) // with the cookie of a signed-in browser
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res
	}
	if res := send(func(*http.Request) {}); res.StatusCode != http.StatusUnauthorized || res.Header.Get("WWW-Authenticate") != `Bearer realm="sandbox", resource_metadata="`+b.base+`/.well-known/oauth-protected-resource/mcp/concierge"` {
		t.Errorf("a cookie alone is answered %d, %q", res.StatusCode, res.Header.Get("WWW-Authenticate"))
	}
	if res := send(func(r *http.Request) { r.Header.Set("Authorization", "Bearer nonsense") }); res.StatusCode != http.StatusUnauthorized || !strings.Contains(res.Header.Get("WWW-Authenticate"), `error="invalid_token"`) {
		t.Errorf("a wrong token is answered %d, %q", res.StatusCode, res.Header.Get("WWW-Authenticate"))
	}
	_, token := bearer(t, dir)
	for _, origin := range []string{"https://evil.example", "null"} {
		if res := send(func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token); r.Header.Set("Origin", origin) }); res.StatusCode != http.StatusForbidden {
			t.Errorf("the origin %s is answered %d", origin, res.StatusCode)
		}
	}
	if res := send(func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }); res.StatusCode != http.StatusOK || res.Header.Get("Mcp-Session-Id") == "" {
		t.Errorf("a good token is answered %d", res.StatusCode)
	}
}

// A script that writes its requests, closes its side and reads gets every answer,
// and nothing else on standard output.
func TestToolboxInAPipe(t *testing.T) {
	dir := home(t)
	cmd := exec.CommandContext(t.Context(), filepath.Join(binaries, "sandbox"), "mcp", "--data-dir", dir, "--speed", storySpeed, "--listen", "127.0.0.1:0", "concierge")
	cmd.Stdin = strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}
{"jsonrpc":"2.0","method":"notifications/initialized"}
not a message
{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"catalyst.draft.set","arguments":{"changes":[{"field":"orgName","value":"Acme"}]}}}
{"jsonrpc":"2.0","id":3,"method":"tools/list"}`)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		var m struct{ ID, Result, Error json.RawMessage }
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Errorf("%q is no message: %v", line, err)
		}
		seen[string(m.ID)] = m.Result != nil
	}
	if !seen["1"] || !seen["2"] || !seen["3"] || seen["null"] || len(seen) != 4 {
		t.Errorf("answered are %v", seen)
	}
}
