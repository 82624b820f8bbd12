package web_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/conversation/vault"
	"github.com/openova-io/sandbox/shell"
	"github.com/openova-io/sandbox/shell/hold"
	"github.com/openova-io/sandbox/web"
	"github.com/openova-io/sandbox/web/identity"
)

// newShellConsole is a console with developer sessions on real holders.
func newShellConsole(t testing.TB, change ...func(*web.Options)) (console, *httptest.Server, shell.Options) {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "sandbox-holder")
	build := exec.Command("go", "build", "-o", program, "github.com/openova-io/sandbox/cmd/sandbox-holder")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	v, err := vault.Open(filepath.Join(dir, "vault"), vault.Options{})
	if err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(t.Context(), journal.Options{Dir: filepath.Join(dir, "journal"), Sealer: v})
	if err != nil {
		t.Fatal(err)
	}
	options := shell.Options{Journal: j, Dir: filepath.Join(dir, "sessions"), Isolation: hold.Pod, Launcher: hold.Detached{Holder: program}, Holder: program, RecordingsKeep: time.Hour}
	s, err := shell.New(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	c := newConsole(t, func(o *web.Options) {
		o.Shell, o.Journal = s, j
		for _, f := range change {
			f(o)
		}
	})
	server := httptest.NewServer(c.Handler())
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		_ = s.Close()
		_ = j.Close()
	})
	return c, server, options
}

// TestSessionAPI goes through a session's life as upstream's client does.
func TestSessionAPI(t *testing.T) {
	t.Parallel()
	c, server, _ := newShellConsole(t)
	ask := func(method, path, body string) *http.Response {
		r := c.signedIn(t, request(method, "/api/v1/sandbox/"+path, body))
		r.Header.Set("Content-Type", "application/json")
		return do(c.Handler(), r)
	}
	wantProblem(t, ask(http.MethodPost, "sessions", `{}`), http.StatusUnprocessableEntity, "invalid")
	wantProblem(t, ask(http.MethodPost, "sessions", `{"agent":"cobol"}`), http.StatusUnprocessableEntity, "invalid")
	res := ask(http.MethodPost, "sessions", `{"command":["/bin/sh","-c","stty -echo; echo ready; while read l; do echo \"got $l\"; done"],"cols":90,"rows":20}`)
	wantStatus(t, res, http.StatusCreated)
	var made shell.Session
	decode(t, res, &made)
	t.Cleanup(func() { wantStatus(t, ask(http.MethodDelete, "sessions/"+made.ID, ""), http.StatusNoContent) })

	header := c.signedIn(t, request(http.MethodGet, "/", "")).Header
	address := "ws" + strings.TrimPrefix(server.URL, "http") + "/api/v1/sandbox/sessions/" + made.ID
	dial := func(path, origin string, header http.Header) (*websocket.Conn, *http.Response, error) {
		h := header.Clone()
		if origin != "" {
			h.Set("Origin", origin)
		}
		return websocket.Dial(t.Context(), address+path, &websocket.DialOptions{HTTPHeader: h, Host: "console.omantel.omani.works"})
	}
	for what, refused := range map[string]struct {
		status int
		origin string
		header http.Header
	}{
		"a stranger":               {http.StatusUnauthorized, "", http.Header{}},
		"a page of another site":   {http.StatusForbidden, "https://evil.example", header},
		"a page without an origin": {http.StatusForbidden, "null", header},
	} {
		if _, res, err := dial("/stream", refused.origin, refused.header); err == nil || res == nil || res.StatusCode != refused.status {
			t.Errorf("%s: %v", what, err)
		}
	}
	raw, _, err := dial("/attach", "", header)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.CloseNow()
	seen := ""
	await := func(text string) {
		t.Helper()
		for !strings.Contains(seen, text) {
			_, p, err := raw.Read(t.Context())
			if err != nil {
				t.Fatalf("waiting for %q: %v; %q", text, err, seen)
			}
			seen += string(p)
		}
	}
	await("ready")
	if err := raw.Write(t.Context(), websocket.MessageText, []byte("hello\n")); err != nil {
		t.Fatal(err)
	}
	await("got hello")

	framed, _, err := dial("/stream?name=test", "http://console.omantel.omani.works", header)
	if err != nil {
		t.Fatal(err)
	}
	defer framed.CloseNow()
	framed.SetReadLimit(4 << 20)
	kinds := ""
	for !strings.Contains(kinds, "S") {
		_, p, err := framed.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		kinds += string(p[:1])
	}
	if !strings.HasPrefix(kinds, "H") {
		t.Errorf("it begins with %q", kinds)
	}
	// What only the service may send ends the connection of a client.
	if err := framed.Write(t.Context(), websocket.MessageBinary, []byte(`K{"signal":"KILL"}`)); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, _, err = framed.Read(t.Context())
	}
	if websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
		t.Errorf("a service's frame: %v", err)
	}
	// Whoever may look and not type is an observer, of a session of their own too.
	look, _, err := c.identity.Token(journal.Actor{Kind: journal.Human, Subject: "layla", Email: "layla@omantel.example", EmailVerified: true}, identity.RoleOrgViewer, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	viewer := http.Header{"Authorization": {"Bearer " + look}}
	if _, res, err := dial("/attach", "", viewer); err == nil || res == nil || res.StatusCode != http.StatusForbidden {
		t.Errorf("a viewer attaches: %v", err)
	}
	watching, _, err := dial("/stream", "", viewer)
	if err != nil {
		t.Fatal(err)
	}
	defer watching.CloseNow()
	if _, p, err := watching.Read(t.Context()); err != nil || !strings.Contains(string(p), `"role":"observer"`) {
		t.Errorf("a viewer is told %s: %v", p, err)
	}
	var list struct{ Sessions []shell.Session }
	decode(t, ask(http.MethodGet, "sessions", ""), &list)
	if len(list.Sessions) != 1 || list.Sessions[0].ID != made.ID || list.Sessions[0].Role != hold.Owner {
		t.Errorf("the list is %+v", list)
	}
	wantStatus(t, ask(http.MethodPost, "sessions/"+made.ID+"/resize", `{"cols":70,"rows":10}`), http.StatusNoContent)
	wantProblem(t, ask(http.MethodPost, "sessions/"+made.ID+"/signal", `{"signal":"STOP"}`), http.StatusUnprocessableEntity, "invalid")

	token, _, err := c.identity.Token(journal.Actor{Kind: journal.Human, Subject: "somebody-else"}, identity.RoleSovereignAdmin, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []*http.Request{
		request(http.MethodGet, "/api/v1/sandbox/sessions/"+made.ID, ""), request(http.MethodDelete, "/api/v1/sandbox/sessions/"+made.ID, ""),
		request(http.MethodGet, "/api/v1/sandbox/sessions/"+made.ID+"/recording", ""), request(http.MethodGet, "/api/v1/sandbox/sessions/"+made.ID+"/stream", ""),
	} {
		r.Header.Set("Authorization", "Bearer "+token)
		wantProblem(t, do(c.Handler(), r), http.StatusNotFound, "not-found")
	}
	res = ask(http.MethodGet, "sessions/"+made.ID+"/recording", "")
	wantStatus(t, res, http.StatusOK)
	if text := body(t, res); text != "" && !strings.HasPrefix(text, `{"`) {
		t.Errorf("the recording begins with %.60s", text)
	}
}
