package web_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/mcp"
	"github.com/openova-io/sandbox/mcp/concierge"
	"github.com/openova-io/sandbox/web"
	"github.com/openova-io/sandbox/web/identity"
	"github.com/openova-io/sandbox/web/identity/identitytest"
)

// needed are the capabilities of the described operations: "GET /path" to name.
func needed(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for path, item := range document(t).Paths.Map() {
		for method, op := range item.Operations() {
			name, _ := op.Extensions["x-capability"].(string)
			out[method+" "+path] = name
		}
	}
	return out
}

// TestEveryRouteHasACapability: one, in the registry, and "public" exactly where
// the description wants no caller.
func TestEveryRouteHasACapability(t *testing.T) {
	names := needed(t)
	for _, r := range slices.Sorted(maps.Keys(routes(t))) {
		if _, ok := identity.CapabilityNamed(names[r]); !ok {
			t.Errorf("%s names the capability %q, which is not in the registry", r, names[r])
		}
	}
	for path, item := range document(t).Paths.Map() {
		for method, op := range item.Operations() {
			open := op.Security != nil && len(*op.Security) == 0
			if public := names[method+" "+path] == identity.Public; public != open {
				t.Errorf("%s %s: public is %v, open is %v", method, path, public, open)
			}
		}
	}
}

// TestMatrix is every route by every role: refused exactly where the role does not
// grant the route's capability, and before anything is done.
func TestMatrix(t *testing.T) {
	servers := map[web.Mode]console{
		web.Concierge:        newConsole(t, func(o *web.Options) { o.Mode, o.Guests, o.MCP = web.Concierge, true, http.NotFoundHandler() }),
		web.SovereignConsole: newConsole(t, nil),
	}
	names := needed(t)
	refusals := 0
	for _, role := range append(identity.Roles(), identity.RoleGuest, "invented", "") {
		grants := identity.Grants(role, identity.PlanEnterprise)
		// Both servers have the same keys.
		token, _, err := servers[web.Concierge].identity.Token(journal.Actor{Kind: journal.Human, Subject: "somebody"}, role, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range slices.Sorted(maps.Keys(names)) {
			method, path, _ := strings.Cut(r, " ")
			name := names[r]
			if strings.HasPrefix(path, "/mcp/") || name == identity.ClusterKubeconfig {
				continue // proved otherwise
			}
			server := servers[web.Concierge]
			if path == "/api/v1/sovereign" {
				server = servers[web.SovereignConsole]
			}
			req := request(method, strings.NewReplacer("{id}", "0123456789abcdef", "{list}", "apps", "{phase}", "apply").Replace(path), "")
			req.Header.Set("Authorization", "Bearer "+token)
			refused := do(server.Handler(), req).StatusCode == http.StatusForbidden
			granted := name == identity.Public || slices.ContainsFunc(grants, func(g string) bool { return identity.Covers(g, name) })
			if refused == granted {
				t.Errorf("%q: %s (%s) refused is %v", role, r, name, refused)
			}
			if refused {
				refusals++
			}
		}
	}
	if refusals < 50 {
		t.Errorf("only %d refusals", refusals)
	}
}

// TestToolMatrix is every tool by every role: listed and found exactly where the
// role grants the tool's capability.
func TestToolMatrix(t *testing.T) {
	box := concierge.New(concierge.Options{OpenAPI: web.OpenAPI})
	agent, err := box.Local(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer agent.Close()
	refusals := 0
	for _, role := range append(identity.Roles(), identity.RoleGuest, "invented", "") {
		grants := identity.Grants(role, identity.PlanEnterprise)
		caller := mcp.Caller{Actor: journal.Actor{Subject: "somebody"}, Grants: grants}
		list, err := agent.List(t.Context(), caller)
		if err != nil {
			t.Fatal(err)
		}
		for tool, name := range box.Needs() {
			if _, ok := identity.CapabilityNamed(name); !ok {
				t.Errorf("the tool %s names the capability %q, which is not in the registry", tool, name)
			}
			granted := slices.ContainsFunc(grants, func(g string) bool { return identity.Covers(g, name) })
			if listed := slices.ContainsFunc(list, func(d mcp.Described) bool { return d.Name == tool }); listed != granted {
				t.Errorf("%q: %s (%s) listed is %v", role, tool, name, listed)
			}
			if granted {
				continue
			}
			refusals++
			if res, err := agent.Call(t.Context(), caller, tool, nil); err == nil && !res.IsError {
				t.Errorf("%q: %s, which is not listed, can be called", role, tool)
			}
		}
	}
	if refusals < 20 {
		t.Errorf("only %d refusals", refusals)
	}
}

// A tool whose capability nobody has written down keeps the server from starting.
func TestUnknownToolStopsTheServer(t *testing.T) {
	id, err := identity.Open(t.Context(), identity.Options{Secrets: identitytest.Foreign(), Issuer: publicURL})
	if err != nil {
		t.Fatal(err)
	}
	o := web.Options{Mode: web.Concierge, Identity: id, PublicURL: publicURL, Owner: owner, Tools: map[string]string{"catalyst.destroy": "catalyst.destroy"}}
	if _, err := web.New(o); err == nil || !strings.Contains(err.Error(), "catalyst.destroy") {
		t.Errorf("it starts: %v", err)
	}
}

// TestForeignIDsAreNotFound: whoever may do anything still finds nothing of
// somebody else's, while its owner does.
func TestForeignIDsAreNotFound(t *testing.T) {
	b := newBusy(t, nil)
	for _, r := range slices.Sorted(maps.Keys(needed(t))) {
		method, path, _ := strings.Cut(r, " ")
		conversation := strings.Contains(path, "/conversations/{id}") || strings.Contains(path, "/drafts/{id}")
		if !conversation && !strings.Contains(path, "/deployments/{id}") || strings.HasSuffix(path, "/kubeconfig") || strings.Contains(path, "/drafts/") || strings.HasSuffix(path, "/call") {
			continue
		}
		body := ""
		switch {
		case strings.HasSuffix(path, "/turns"):
			body = `{"text":"hello"}`
		case method == http.MethodPatch:
			body = `{"changes":[{"field":"orgName","value":"x"}]}`
		}
		path = strings.Replace(path, "{phase}", "apply", 1)
		address := strings.Replace(path, "{id}", b.id, 1)
		if !conversation {
			address = strings.Replace(path, "{id}", b.dep, 1)
		}
		res := do(b.console.Handler(), b.console.signedIn(t, request(method, address, body)))
		if res.StatusCode != http.StatusNotFound {
			t.Errorf("%s of somebody else answers %d", r, res.StatusCode)
		}
		if conversation && method == http.MethodGet && !strings.HasSuffix(path, "/stream") {
			if res := do(b.console.LocalHandler(), request(method, address, "")); res.StatusCode != http.StatusOK {
				t.Errorf("%s of one's own answers %d", r, res.StatusCode)
			}
		}
	}
}

func TestPersonOnly(t *testing.T) {
	c := identity.Claims{Type: identity.TypePAT, Capabilities: []string{"catalyst.*"}}
	if identity.May(c, "catalyst.plan.create") != nil || identity.May(c, identity.Approve) == nil {
		t.Error("a program approves, or cannot plan")
	}
	if identity.May(identity.Claims{Type: identity.TypeSession, Capabilities: []string{"nothing.*"}}, "nothing.known") == nil {
		t.Error("what is not in the registry is allowed")
	}
}
