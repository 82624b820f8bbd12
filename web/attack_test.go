package web_test

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"

	"github.com/openova-io/sandbox/web/identity"
)

// TestPlantedSession: whoever puts a session of their own, or a name of their
// choosing, into somebody's browser gets nothing of what is done in it afterwards.
func TestPlantedSession(t *testing.T) {
	m := newManned(t)
	eve := m.browser(t)
	m.signIn(eve, "eve@evil.example")
	victim := m.browser(t)
	planted := maps.Clone(eve.cookies)
	maps.Copy(victim.cookies, planted)
	layla := m.signIn(victim, "layla@omantel.example")
	if layla.Email != "layla@omantel.example" {
		t.Fatalf("the browser is %+v", layla)
	}
	for name, c := range planted {
		if now := victim.cookies[name]; now != nil && now.Value == c.Value {
			t.Errorf("the cookie %s is the one that was planted", name)
		}
	}
	eve.cookies = planted
	wantProblem(t, eve.ask(http.MethodGet, "/api/v1/whoami", ""), http.StatusUnauthorized, "unauthenticated")

	chosen := m.browser(t)
	for name := range planted {
		chosen.cookies[name] = &http.Cookie{Name: name, Value: "chosen-by-eve"}
	}
	m.signIn(chosen, "omar@omantel.example")
	for name, c := range chosen.cookies {
		if c.Value == "chosen-by-eve" {
			t.Errorf("the cookie %s is what somebody has chosen", name)
		}
	}
}

// TestStrangeIDs: an id that is a path, or no text, is one that there is not, on
// every route that takes one and for whoever may do anything.
func TestStrangeIDs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	founder := w.tokens[somebody("ours", identity.RoleSovereignAdmin)]
	parameters, asked := regexp.MustCompile(`\{[^}]+\}`), 0
	for _, route := range slices.Sorted(maps.Keys(needed(t))) {
		method, path, _ := strings.Cut(route, " ")
		if !parameters.MatchString(path) {
			continue
		}
		for _, id := range []string{"..%2f..%2f..%2fetc%2fpasswd", "%2e%2e", "%2e%2e%2fkeys", "..%5c..%5cx", "%00", "a%0d%0ab", "x%2f..%2f" + w.ids["deployments"], strings.Repeat("a", 3000), "*", "%3e"} {
			r := request(method, parameters.ReplaceAllString(path, id), bodies[route])
			r.Header.Set("Authorization", "Bearer "+founder)
			r.Header.Set("Content-Type", "application/json")
			r.RemoteAddr = nextAddress()
			c := w.concierge
			if strings.Contains(path, "/sandbox/") {
				c = w.console
			}
			asked++
			if res := do(c.Handler(), r); res.StatusCode < 400 || res.StatusCode >= 500 {
				t.Errorf("%s with the id %.40s answers %d: %.200s", route, id, res.StatusCode, body(t, res))
			}
		}
	}
	if asked < 200 {
		t.Errorf("only %d were asked", asked)
	}
}

// TestRevokedTokenEndsItsCall: a tool call of a program that is under way ends when
// the program's personal access token is revoked.
func TestRevokedTokenEndsItsCall(t *testing.T) {
	t.Parallel()
	e := newEditor(t, "")
	omar := identity.Claims{
		Type: identity.TypeSession, Subject: "omar", OrgID: "clinic", Role: identity.RoleOrgDeveloper,
		Capabilities: identity.Grants(identity.RoleOrgDeveloper, identity.PlanEnterprise),
	}
	token, made, err := e.id.CreateToken(t.Context(), omar, identity.TokenOptions{Name: "his editor"})
	must(t, err)
	c, err := client.NewStreamableHttpClient(e.url+"/mcp/concierge", transport.WithHTTPHeaders(map[string]string{"Authorization": "Bearer " + token}))
	must(t, err)
	defer c.Close()
	must(t, c.Start(t.Context()))
	_, err = c.Initialize(t.Context(), hello())
	must(t, err)
	answered := make(chan error, 1)
	go func() { // ends with the call
		_, err := use(t, c, "catalyst.plan.create")
		answered <- err
	}()
	<-e.waiting
	began := time.Now()
	must(t, e.id.RevokeToken(t.Context(), omar, made.ID))
	for _, what := range []<-chan error{e.ended, answered} {
		select {
		case err := <-what:
			if err == nil {
				t.Error("it was answered")
			}
		case <-time.After(within - time.Since(began)):
			t.Fatal("the call goes on")
		}
	}
	t.Logf("ended after %v", time.Since(began))
}
