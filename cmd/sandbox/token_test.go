package main_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"
)

// makeToken makes an access token by the command and gives it with its id.
func makeToken(t *testing.T, dir string, args ...string) (token, jti string) {
	t.Helper()
	out, err := sandbox(t, dir, append([]string{"token", "create", "--json"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	var made struct{ Token, JTI string }
	if err := json.Unmarshal([]byte(out), &made); err != nil || !strings.HasPrefix(made.Token, "sbx_") || made.JTI == "" {
		t.Fatalf("the command says %.60s: %v", out, err)
	}
	return made.Token, made.JTI
}

// program calls a running service with a token.
type program struct {
	t           *testing.T
	base, token string
}

func (p program) do(ctx context.Context, method, path string, body any) *http.Response {
	p.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		p.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(ctx, method, p.base+path, bytes.NewReader(raw))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	return res
}

func (p program) status(method, path string, body any) int {
	p.t.Helper()
	res := p.do(p.t.Context(), method, path, body)
	res.Body.Close()
	return res.StatusCode
}

// mcp is an outside MCP client with the token.
func (p program) mcp(revision string) *agent {
	p.t.Helper()
	c, err := client.NewStreamableHttpClient(p.base+"/mcp/concierge", transport.WithHTTPHeaders(map[string]string{"Authorization": "Bearer " + p.token}))
	if err != nil {
		p.t.Fatal(err)
	}
	return greeted(p.t, c, revision)
}

func (a *agent) tools() (names []string) {
	a.t.Helper()
	list, err := a.c.ListTools(a.t.Context(), mcp.ListToolsRequest{})
	if err != nil {
		a.t.Fatal(err)
	}
	for _, tool := range list.Tools {
		names = append(names, tool.Name)
	}
	slices.Sort(names)
	return names
}

// A token is made by the command, used by an MCP client over HTTP, and revoked: the
// client is refused at once.
func TestTokenStory(t *testing.T) {
	dir := home(t)
	out, err := sandbox(t, dir, "token", "create", "my editor", "--ttl", "24h")
	if err != nil || !strings.HasPrefix(out, "sbx_") || strings.Count(out, "\n") != 1 {
		t.Fatalf("the command prints %.60s: %v", out, err)
	}
	p := program{t, stranger(t, dir).base, strings.TrimSpace(out)}
	for _, revision := range []string{"2025-11-25", "2026-07-28"} {
		if names := p.mcp(revision).tools(); !slices.Equal(names, conciergeTools) {
			t.Errorf("in %s it sees %q", revision, names)
		}
	}
	editor := p.mcp("2025-11-25")
	editor.must("catalyst.draft.set", map[string]any{"changes": []map[string]any{{"field": "orgName", "value": "Acme"}}}, nil)

	type listed struct {
		JTI, Name, Audience      string
		Capabilities             []string
		CreatedAt                time.Time `json:"created_at"`
		ExpiresAt                time.Time `json:"expires_at"`
		LastUsedAt               time.Time `json:"last_used_at"`
		RevokedAt                time.Time `json:"revoked_at"`
		Token, Hash, Text, Extra string
	}
	list := func() (tokens []listed) {
		t.Helper()
		out, err := sandbox(t, dir, "token", "list", "--json")
		if err == nil {
			err = json.Unmarshal([]byte(out), &tokens)
		}
		if err != nil {
			t.Fatal(err)
		}
		return tokens
	}
	tokens := list()
	if len(tokens) != 1 || tokens[0].Name != "my editor" || tokens[0].Audience != p.base || tokens[0].LastUsedAt.IsZero() ||
		tokens[0].ExpiresAt.Sub(tokens[0].CreatedAt) != 24*time.Hour || tokens[0].Token+tokens[0].Hash != "" {
		t.Fatalf("the list is %+v", tokens)
	}
	// It is its owner's program and not its owner.
	for path, want := range map[string]int{
		"GET /api/v1/whoami": http.StatusOK, "GET /api/v1/deployments": http.StatusOK, "GET /api/v1/conversations": http.StatusForbidden,
		"POST /api/v1/auth/pat": http.StatusForbidden, "POST /api/v1/secrets": http.StatusForbidden,
		"POST /api/v1/deployments/0123456789abcdef/approval": http.StatusForbidden, "GET /deployments/0123456789abcdef/enter": http.StatusForbidden,
		"DELETE /api/v1/auth/pat/" + tokens[0].JTI: http.StatusForbidden, "GET /local/keys": http.StatusNotFound,
	} {
		method, path, _ := strings.Cut(path, " ")
		if got := p.status(method, path, map[string]string{"name": "another"}); got != want {
			t.Errorf("%s %s is answered %d, want %d", method, path, got, want)
		}
	}
	narrow, _ := makeToken(t, dir, "packs", "--capabilities", "mcp.concierge.use, skills.*")
	reader := program{t, p.base, narrow}.mcp("2025-11-25")
	if names := reader.tools(); !slices.Equal(names, []string{"skills.get", "skills.list"}) {
		t.Errorf("a narrow token sees %q", names)
	}
	elsewhere, _ := makeToken(t, dir, "ci", "--audience", "https://gitea.omantel.omani.works")
	if got := (program{t, p.base, elsewhere}).status(http.MethodGet, "/api/v1/whoami", nil); got != http.StatusUnauthorized {
		t.Errorf("another service's token is answered %d", got)
	}

	if _, err := sandbox(t, dir, "token", "revoke", tokens[0].JTI); err != nil {
		t.Fatal(err)
	}
	var call mcp.CallToolRequest
	call.Params.Name = "catalyst.draft.get"
	if _, err := editor.c.CallTool(t.Context(), call); err == nil {
		t.Error("the editor goes on with a revoked token")
	}
	res := p.do(t.Context(), http.MethodPost, "/mcp/concierge", map[string]any{"jsonrpc": "2.0", "id": 1, "method": "ping"})
	res.Body.Close()
	if res.StatusCode != http.StatusUnauthorized || !strings.Contains(res.Header.Get("WWW-Authenticate"), `error="invalid_token"`) {
		t.Errorf("a revoked token is answered %d, %q", res.StatusCode, res.Header.Get("WWW-Authenticate"))
	}
	if out, _ := sandbox(t, dir, "token", "list"); !strings.Contains(out, "revoked") || !strings.Contains(out, "good until") {
		t.Errorf("the list is\n%s", out)
	}
	// And after a restart.
	if err := stop(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	list() // starts the service again, at the same address
	if got := p.status(http.MethodGet, "/api/v1/whoami", nil); got != http.StatusUnauthorized {
		t.Errorf("a revoked token is answered %d after a restart", got)
	}
	if got := (program{t, p.base, narrow}).status(http.MethodGet, "/api/v1/whoami", nil); got != http.StatusForbidden {
		t.Errorf("a good token without the capability is answered %d after a restart", got)
	}
}

// Bad requests for a token end with status 2 and say what is wrong.
func TestTokenCommandRefuses(t *testing.T) {
	dir := home(t)
	for name, x := range map[string]struct {
		args []string
		want string
	}{
		"no name":             {[]string{"create"}, "token create NAME"},
		"too long":            {[]string{"create", "x", "--ttl", "2161h"}, "2160 hours"},
		"a person's":          {[]string{"create", "x", "--capabilities", "catalyst.deployments.approve"}, "Only a person"},
		"everything":          {[]string{"create", "x", "--capabilities", "*"}, "not a capability"},
		"a console's":         {[]string{"create", "x", "--audience", "https://console.omantel.omani.works"}, "takes no token"},
		"another verb":        {[]string{"rotate"}, "token create NAME"},
		"two names":           {[]string{"create", "my", "editor"}, "token create NAME"},
		"a time without unit": {[]string{"create", "x", "--ttl", "7"}, "not a duration"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), filepath.Join(binaries, "sandbox"), append(append([]string{"token"}, x.args...), "--data-dir", dir, "--listen", "127.0.0.1:0")...)
			var errs bytes.Buffer
			cmd.Stderr = &errs
			out, err := cmd.Output()
			if cmd.ProcessState.ExitCode() != 2 || len(out) != 0 || !strings.Contains(errs.String(), x.want) {
				t.Errorf("exit %v, %q, %s", err, out, errs.String())
			}
		})
	}
	if _, err := sandbox(t, dir, "token", "revoke", "no-such-token"); err == nil {
		t.Error("a token that is not there is revoked")
	}
}

// What a token holds open, a live stream and a terminal, ends with it.
func TestRevokedTokenLetsGo(t *testing.T) {
	dir := home(t)
	cmd := exec.CommandContext(t.Context(), filepath.Join(binaries, "sandbox"), "serve", "--data-dir", dir, "--listen", "127.0.0.1:0", "--isolation", "none", "--log-level", "warn")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stop(context.Background(), dir); _ = cmd.Wait() })
	if _, err := bufio.NewReader(out).ReadString('/'); err != nil {
		t.Fatal(err)
	}
	token, jti := makeToken(t, dir, "streams", "--capabilities", "concierge.*,sandbox.session.*")
	p := program{t, stranger(t, dir).base, token}
	made := func(path string, body any) string {
		t.Helper()
		res := p.do(t.Context(), http.MethodPost, path, body)
		defer res.Body.Close()
		var x struct{ ID string }
		if err := json.NewDecoder(res.Body).Decode(&x); err != nil || x.ID == "" {
			t.Fatalf("%s is answered %d: %v", path, res.StatusCode, err)
		}
		return x.ID
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	live := p.do(ctx, http.MethodGet, "/api/v1/conversations/"+made("/api/v1/conversations", map[string]any{})+"/stream", nil)
	defer live.Body.Close()
	session := made("/api/v1/sandbox/sessions", map[string]any{"command": []string{"/bin/cat"}})
	terminal, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(p.base, "http")+"/api/v1/sandbox/sessions/"+session+"/stream", &websocket.DialOptions{
		HTTPHeader: http.Header{"Authorization": {"Bearer " + token}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.CloseNow()
	if _, err := live.Body.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := terminal.Read(ctx); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if _, err := sandbox(t, dir, "token", "revoke", jti); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, live.Body); ctx.Err() != nil {
		t.Errorf("the live stream goes on: %v", err)
	}
	for err == nil {
		_, _, err = terminal.Read(ctx)
	}
	if took := time.Since(begin); ctx.Err() != nil || took > 5*time.Second {
		t.Errorf("they ended after %v: %v", took, err)
	}
	if code := ask(t, dir, http.MethodDelete, "/api/v1/sandbox/sessions/"+session, nil, nil); code != http.StatusNoContent {
		t.Errorf("the owner's session is answered %d", code)
	}
}
