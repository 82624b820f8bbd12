package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/mcp"
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

// agent is an MCP client of `sandbox mcp concierge`.
type agent struct {
	t *testing.T
	c *client.Client
}

func startAgent(t *testing.T, dir string) *agent {
	t.Helper()
	c, err := client.NewStdioMCPClient(filepath.Join(binaries, "sandbox"), nil,
		"mcp", "--data-dir", dir, "--speed", storySpeed, "--listen", "127.0.0.1:0", "--log-level", "warn", "concierge")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var hello mcp.InitializeRequest
	hello.Params.ProtocolVersion = mcp.LATEST_PROTOCOL_VERSION
	hello.Params.ClientInfo = mcp.Implementation{Name: "outside-agent", Version: "1.0.0"}
	if _, err := c.Initialize(ctx, hello); err != nil {
		t.Fatalf("the toolbox does not greet: %v", err)
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

// An outside agent drafts and plans; it cannot start what its owner has not
// approved, and follows what its owner has.
func TestOutsideAgentToReady(t *testing.T) {
	needTofu(t)
	dir := home(t)
	a := startAgent(t, dir)
	a.must("catalyst.draft.set", map[string]any{"changes": []map[string]any{
		{"field": "orgName", "value": "Acme"},
		{"field": "orgEmail", "value": "platform@acme.example"},
		{"field": "orgHeadquarters", "value": "Berlin, Germany"},
		{"field": "apps", "value": []string{"nextcloud"}},
		{"field": "simulatedAccount", "value": true},
	}}, nil)
	var plan struct {
		DeploymentID, Digest, Status, Link, SovereignFQDN string
		Add                                               int
	}
	a.must("catalyst.plan.create", map[string]any{}, &plan)
	i, ok := serviceInfo(t.Context(), dir)
	if !ok {
		t.Fatal("the service does not run")
	}
	if len(plan.Digest) < 64 || !strings.HasPrefix(plan.Link, i.URL+"/start?c=") || plan.Status != "awaiting-approval" || plan.Add == 0 {
		t.Errorf("the plan is %+v", plan)
	}
	this := map[string]any{"deploymentId": plan.DeploymentID}
	var problem struct{ Code string }
	if refused := a.call("catalyst.deployments.create", this, &problem); refused == "" || problem.Code != "denied" {
		t.Fatalf("starting before the approval answered %q, code %q", refused, problem.Code)
	}

	path := "/api/v1/deployments/" + plan.DeploymentID
	var state struct {
		Deployment struct {
			Approval struct{ CardID, Digest string }
		}
	}
	if code := ask(t, dir, http.MethodGet, path, nil, &state); code != http.StatusOK {
		t.Fatalf("reading the deployment answered %d", code)
	}
	approval := state.Deployment.Approval
	if approval.Digest != plan.Digest {
		t.Errorf("the approval is for %q and the plan is %q", approval.Digest, plan.Digest)
	}
	if code := ask(t, dir, http.MethodPost, path+"/approval", map[string]string{"cardId": approval.CardID, "value": "approve"}, nil); code >= 300 {
		t.Fatalf("approving answered %d", code)
	}
	// Now it is harmless: it is under way already.
	a.must("catalyst.deployments.create", this, nil)

	var d struct {
		Status, Reason, ConsoleURL string
		Releases                   []struct{ Name, State string }
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
	if d.Status != "ready" || d.ConsoleURL == "" || len(d.Releases) != 36 {
		t.Fatalf("the deployment is %s (%s) at %q with %d releases", d.Status, d.Reason, d.ConsoleURL, len(d.Releases))
	}
	createdOnce(t, dir)
}
