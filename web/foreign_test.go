package web_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"

	"github.com/openova-io/sandbox/mcp"
	"github.com/openova-io/sandbox/web/identity"
)

var askers atomic.Uint32

// nextAddress is an address that nobody has asked from.
func nextAddress() string {
	n := askers.Add(1)
	return "198.18." + strconv.Itoa(int(n>>8&255)) + "." + strconv.Itoa(int(n&255)) + ":1234"
}

// bodies are what routes have to be sent to get as far as looking for whose it is.
var bodies = map[string]string{
	"POST /api/v1/conversations/{id}/turns":                 `{"text":"hello"}`,
	"PATCH /api/v1/drafts/{id}":                             `{"changes":[{"field":"orgName","value":"x"}]}`,
	"PATCH /api/v1/organizations/{org}":                     `{"name":"x"}`,
	"PATCH /api/v1/organizations/{org}/members/{subject}":   `{"role":"org-viewer"}`,
	"POST /api/v1/organizations/{org}/invitations":          `{"email":"x@y.example","role":"org-viewer"}`,
	"PATCH /api/v1/sandbox/sessions/{id}":                   `{"name":"x"}`,
	"POST /api/v1/sandbox/sessions/{id}/resize":             `{"rows":10,"cols":10}`,
	"POST /api/v1/sandbox/sessions/{id}/signal":             `{"signal":"INT"}`,
	"POST /api/v1/sandbox/sessions/{id}/invitations":        `{"role":"observer"}`,
	"POST /api/v1/deployments/{id}/approval":                `{"value":"approve"}`,
	"POST /api/v1/sandbox/sessions/{id}/prompt":             `{"text":"x"}`,
	"POST /api/v1/sandbox/sessions/{id}/permissions/{card}": `{"decision":"allow"}`,
	"POST /api/v1/sandbox/sessions/{id}/files":              `x`,
}

// named are routes that name something in their body, and of which noun it is.
var named = map[string]struct{ noun, body string }{
	"POST /api/v1/secrets":           {"drafts", `{"draftId":"ID","values":{"hetzner-token":"x"}}`},
	"POST /api/v1/auth/organization": {"organizations", `{"id":"ID"}`},
}

// unowned are parameters that name nobody's.
var unowned = regexp.MustCompile(`\{(provider|list|phase|api)\}`)

// aim puts the founder's ids into a route. noun is the first parameter's; none is
// true where the route names nothing of anybody's.
func (w *world) aim(t *testing.T, route string) (method, path, body, noun string, none bool) {
	t.Helper()
	method, path, _ = strings.Cut(route, " ")
	if n, ok := named[route]; ok {
		return method, path, strings.Replace(n.body, "ID", w.ids[n.noun], 1), n.noun, false
	}
	body = bodies[route]
	if strings.HasSuffix(path, "/call") {
		body = w.offer
	}
	parts := strings.Split(strings.NewReplacer("{list}", "apps", "{phase}", "apply", "{provider}", "clinic", "{api}", "anthropic").Replace(path), "/")
	for i, p := range parts {
		if !strings.HasPrefix(p, "{") {
			continue
		}
		of := parts[i-1]
		if of == "sessions" || of == "pat" {
			of = parts[i-2] + "/" + of
		}
		id, ok := w.ids[of]
		if !ok {
			t.Errorf("%s names something of %q, and the world has none", route, of)
		}
		if noun == "" {
			noun = of
		}
		parts[i] = id
	}
	return method, strings.Join(parts, "/"), body, noun, noun == ""
}

// shared are what everybody of an Organization knows of.
var shared = map[string]bool{"deployments": true, "organizations": true}

// TestOwnershipMatrix is every route by every role, in the founder's Organization
// and in another one, aimed at what is the founder's: 403 where the role does not
// grant the route's capability, 404 where it does and the thing is somebody else's,
// and neither where it is one's own. A route with an id that the world does not know
// fails the test.
func TestOwnershipMatrix(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	names := needed(t)
	checked := map[string]int{}
	for _, route := range slices.Sorted(maps.Keys(names)) {
		capability := names[route]
		if capability == identity.Public || capability == identity.ClusterKubeconfig || capability == identity.UseConcierge {
			continue // by everybody, by the cluster's own bearer, by the matrix of tools
		}
		method, path, body, noun, none := w.aim(t, route)
		wantStatus(t, w.ask(t, "nobody", method, path, body), http.StatusUnauthorized)
		for _, org := range []string{"ours", "theirs"} {
			for _, role := range append(identity.Roles(), identity.RoleGuest) {
				who := somebody(org, role)
				if role == identity.RoleGuest {
					who = role
				}
				granted := slices.ContainsFunc(identity.Grants(role, identity.PlanEnterprise), func(g string) bool { return identity.Covers(g, capability) })
				mine := org == "ours" && role != identity.RoleGuest && shared[noun]
				switch {
				case !granted:
					if got := w.ask(t, who, method, path, body).StatusCode; got != http.StatusForbidden {
						t.Errorf("%s by %s answers %d, and is not granted", route, who, got)
					}
				case !none && !mine:
					if got := w.ask(t, who, method, path, body).StatusCode; got != http.StatusNotFound {
						t.Errorf("%s of somebody else's by %s answers %d", route, who, got)
					}
				case none && method != http.MethodGet, mine && method != http.MethodGet, strings.HasSuffix(path, "/logs"):
					continue // it is theirs to do, and the world stays as it is
				default:
					res := w.ask(t, who, method, path, body)
					if res.StatusCode == http.StatusForbidden || res.StatusCode == http.StatusNotFound && mine {
						t.Errorf("%s by %s answers %d, and is theirs", route, who, res.StatusCode)
					}
					if org == "theirs" && strings.Contains(strings.ToLower(opened(t, res)), strings.ToLower(canary)) {
						t.Errorf("%s by %s tells of another Organization", route, who)
					}
				}
				checked[org]++
			}
		}
		if !none && method == http.MethodGet && !strings.HasSuffix(path, "/stream") && !strings.HasSuffix(path, "/logs") && !strings.HasSuffix(path, "/attach") && noun != "drafts" {
			if got := w.ask(t, "founder", method, path, body).StatusCode; got == http.StatusForbidden || got == http.StatusNotFound && !strings.HasSuffix(path, "/recording") && !strings.HasSuffix(path, "/tfvars") {
				t.Errorf("%s of one's own answers %d", route, got)
			}
		}
	}
	if checked["ours"] < 200 || checked["theirs"] < 200 {
		t.Errorf("only %v were checked", checked)
	}
	w.socketsOfOthers(t)
}

// socketsOfOthers: a WebSocket to somebody else's session is refused as one to a
// session that there is not, before it is upgraded.
func (w *world) socketsOfOthers(t *testing.T) {
	t.Helper()
	server := httptest.NewServer(w.console.Handler())
	defer server.Close()
	for _, id := range []string{w.ids["sandbox/sessions"], "00000000000000000000000000000009"} {
		for _, way := range []string{"stream", "attach", "stream?invitation=" + strings.Repeat("ab", 24)} {
			for _, org := range []string{"ours", "theirs"} {
				for _, role := range []string{identity.RoleSovereignAdmin, identity.RoleOrgAdmin, identity.RoleOrgDeveloper} {
					header := http.Header{"Authorization": {"Bearer " + w.tokens[somebody(org, role)]}}
					_, res, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(server.URL, "http")+"/api/v1/sandbox/sessions/"+id+"/"+way, &websocket.DialOptions{HTTPHeader: header, Host: "console.omantel.omani.works"})
					if err == nil || res == nil || res.StatusCode != http.StatusNotFound {
						t.Errorf("%s to %s by %s/%s: %v", way, id, org, role, err)
					}
				}
			}
		}
	}
}

// arguments are what tools have to be given besides an id.
var arguments = map[string]map[string]any{
	"catalyst.draft.set": {"changes": []any{map[string]any{"field": "orgName", "value": "x"}}},
	"card.ask":           {"questions": []any{map[string]any{"prompt": "Which?", "type": "text"}}},
}

// TestOwnershipToolMatrix is every tool by every role in both Organizations, with
// the founder's ids: not found, whoever asks, but for what an Organization shares.
func TestOwnershipToolMatrix(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	everything := mcp.Caller{Actor: w.people["founder"], Grants: mcp.Everything}
	list, err := w.box.List(t.Context(), everything)
	must(t, err)
	aimed := 0
	for _, tool := range list {
		var schema struct {
			Properties map[string]json.RawMessage
		}
		must(t, json.Unmarshal(tool.InputSchema, &schema))
		args, noun := maps.Clone(arguments[tool.Name]), ""
		if args == nil {
			args = map[string]any{}
		}
		for property, of := range map[string]string{"draftId": "drafts", "deploymentId": "deployments", "conversationId": "conversations"} {
			if _, has := schema.Properties[property]; has {
				args[property], noun = w.ids[of], of
			}
		}
		for property := range schema.Properties {
			if strings.HasSuffix(property, "Id") && args[property] == nil && property != "questionId" {
				t.Errorf("the tool %s takes a %s that the world does not know", tool.Name, property)
			}
		}
		if noun == "" {
			continue
		}
		aimed++
		raw, err := json.Marshal(args)
		must(t, err)
		for _, org := range []string{"ours", "theirs"} {
			for _, role := range identity.Roles() {
				grants := identity.Grants(role, identity.PlanEnterprise)
				caller := mcp.Caller{Actor: w.people[somebody(org, role)], Grants: grants}
				res, err := w.box.Call(t.Context(), caller, tool.Name, raw)
				must(t, err)
				var f struct{ Code string }
				_ = json.Unmarshal(res.Structured, &f)
				theirs := org == "ours" && shared[noun] && mcp.Grants(grants).Allow(w.tools.Needs()[tool.Name])
				if found := !res.IsError || f.Code != "not-found"; found != theirs {
					t.Errorf("%s of the founder's by %s/%s: %s", tool.Name, org, role, res.Text)
				}
			}
		}
	}
	if aimed < 5 {
		t.Errorf("only %d tools take an id", aimed)
	}
}
