package web_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/openova-io/sandbox/web"
	"github.com/openova-io/sandbox/web/identity"
)

// TestOpenRoutesAreLimited: whatever needs no capability, described or a page, is
// refused after a while, for the address that asks and for no other.
func TestOpenRoutesAreLimited(t *testing.T) {
	names := needed(t)
	seen, checked := map[string]bool{}, 0
	for _, mode := range []web.Mode{web.Concierge, web.SovereignConsole} {
		c := newConsole(t, func(o *web.Options) { o.Mode, o.MCP = mode, http.NotFoundHandler() })
		for _, r := range c.Handler().(*echo.Echo).Routes() {
			at := r.Method + " " + parameter.ReplaceAllString(r.Path, "{$1}")
			name, described := names[at]
			if seen[at] || r.Method == echo.RouteNotFound || described && name != identity.Public && name != identity.ClusterKubeconfig {
				continue
			}
			seen[at] = true
			checked++
			ask := func(address string) *http.Response {
				req := request(r.Method, strings.NewReplacer(":id", "0123456789abcdef", "*", "x").Replace(r.Path), "")
				req.RemoteAddr = address
				return do(c.Handler(), req)
			}
			address := fmt.Sprintf("192.0.2.%d:4000", checked)
			limit := 10000
			var refused *http.Response
			for i := 0; i < limit && refused == nil; i++ {
				if res := ask(address); res.StatusCode == http.StatusTooManyRequests {
					refused = res
				}
			}
			if refused == nil {
				t.Errorf("%s answers %d times", at, limit)
				continue
			}
			wantProblem(t, refused, http.StatusTooManyRequests, "limited")
			if wait, err := strconv.Atoi(refused.Header.Get("Retry-After")); err != nil || wait < 1 || wait > 60 {
				t.Errorf("%s: come back after %q", at, refused.Header.Get("Retry-After"))
			}
			if ask("198.51.100.7:4000").StatusCode == http.StatusTooManyRequests {
				t.Errorf("%s: another address is refused, too", at)
			}
		}
	}
	if checked < 12 {
		t.Errorf("only %d routes need no capability", checked)
	}
}

// TestGuessingTokensIsLimited: a route that needs a caller is no better place to
// guess, and whoever has a good token is not kept out by a neighbour who guesses.
func TestGuessingTokensIsLimited(t *testing.T) {
	c := newConsole(t, nil)
	refused := false
	for range 1000 {
		r := request(http.MethodGet, "/api/v1/whoami", "")
		r.Header.Set("Authorization", "Bearer sbx_guess")
		if refused = do(c.Handler(), r).StatusCode == http.StatusTooManyRequests; refused {
			break
		}
	}
	if !refused {
		t.Error("1000 guesses were answered")
	}
	wantStatus(t, do(c.Handler(), c.signedIn(t, request(http.MethodGet, "/api/v1/whoami", ""))), http.StatusOK)
}

// TestManyAddresses: ten thousand requests from one address cost a refusal each,
// whatever it says of where they come from.
func TestManyAddresses(t *testing.T) {
	c := newConsole(t, func(o *web.Options) { o.TrustedProxies = []string{"10.0.0.0/8"} })
	answered := 0
	began := time.Now()
	for i := range 10000 {
		r := request(http.MethodGet, "/auth/link?code=guess", "")
		r.RemoteAddr = "192.0.2.1:4000"
		r.Header.Set("X-Forwarded-For", fmt.Sprintf("203.0.%d.%d", i/250, i%250))
		if do(c.Handler(), r).StatusCode != http.StatusTooManyRequests {
			answered++
		}
	}
	// The burst, and what the bucket gets while this runs.
	if most := 60 + int(3*time.Since(began).Seconds()) + 3; answered > most {
		t.Errorf("%d of 10000 requests were answered", answered)
	}
	// Behind a proxy that is ours each person has a bucket of their own, and cannot
	// have another by writing into the header.
	behind := func(forwarded string) int {
		r := request(http.MethodGet, "/auth/link?code=guess", "")
		r.RemoteAddr = "10.1.2.3:4000"
		r.Header.Set("X-Forwarded-For", forwarded)
		return do(c.Handler(), r).StatusCode
	}
	n := 0
	for ; n < 1000 && behind(fmt.Sprintf("203.0.113.%d, 198.51.100.1", n%250)) != http.StatusTooManyRequests; n++ {
	}
	if n == 1000 {
		t.Error("an address that the proxy did not see makes a bucket")
	}
	if behind("198.51.100.2") != http.StatusSeeOther {
		t.Error("the neighbour behind the proxy is refused")
	}
	for _, bad := range []string{"everybody", "10.0.0.0/64", ""} {
		if _, err := web.New(web.Options{Mode: web.SovereignConsole, Identity: c.identity, TrustedProxies: []string{bad}}); err == nil {
			t.Errorf("%q counts as a proxy", bad)
		}
	}
}

func TestRequestID(t *testing.T) {
	var log strings.Builder
	c := newConsole(t, func(o *web.Options) {
		o.TrustedProxies = []string{"10.0.0.7", "fd00::/8"}
		o.Logger = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	ask := func(from, sent string) string {
		r := request(http.MethodGet, "/auth/handover?token=a-token", "")
		r.RemoteAddr = from
		r.Header.Set("X-Request-Id", sent)
		res := do(c.Handler(), r)
		got := res.Header.Get("X-Request-Id")
		if p := wantProblem(t, res, http.StatusNotFound, "not-found"); p.RequestID != got {
			t.Errorf("the problem has the id %q, the answer %q", p.RequestID, got)
		}
		if !strings.Contains(log.String(), `"requestId":"`+got+`"`) {
			t.Errorf("the log does not have %q", got)
		}
		return got
	}
	for sent, kept := range map[string]bool{
		"0f3c9a52-trace": true, strings.Repeat("a", 64): true,
		strings.Repeat("a", 65): false, "a b": false, "<script>": false, "a\tb": false, "ü": false, "a\r\nSet-Cookie: x=y": false,
	} {
		if got := ask("10.0.0.7:99", sent); (got == sent) != kept || got == "" {
			t.Errorf("sent %q, got %q", sent, got)
		}
	}
	if ask("[fd00::1]:99", "trace-1") != "trace-1" {
		t.Error("a proxy by IPv6 is not believed")
	}
	for _, stranger := range []string{"192.0.2.1:99", "10.0.0.8:99", "127.0.0.1:99", "nonsense"} {
		if ask(stranger, "trace-2") == "trace-2" {
			t.Errorf("%s chose the request's id", stranger)
		}
	}
	if strings.Contains(log.String(), "a-token") {
		t.Error("the log has what was in an address")
	}
}

func TestBasePath(t *testing.T) {
	c := newConsole(t, func(o *web.Options) {
		o.PublicURL = publicURL + "/cloud/"
		o.App = appWith(`<!doctype html><script src="./assets/main.js"></script>`)
	})
	for _, prefix := range []string{"/cloud", ""} { // left on by the proxy, or taken off
		res := do(c.Handler(), request(http.MethodGet, prefix+"/sandbox", ""))
		wantStatus(t, res, http.StatusOK)
		if page := body(t, res); !strings.Contains(page, `"/cloud/assets/main.js"`) {
			t.Errorf("the page is %s", page)
		}
		res = do(c.Handler(), request(http.MethodGet, prefix+"/auth/link?code=x", ""))
		if to := res.Header.Get("Location"); to != "/cloud/signin?link=used" {
			t.Errorf("it leads to %s", to)
		}
		wantStatus(t, do(c.Handler(), c.signedIn(t, request(http.MethodGet, prefix+"/api/v1/whoami", ""))), http.StatusOK)
	}
	wantStatus(t, do(c.Handler(), request(http.MethodGet, "/cloudy/healthz", "")), http.StatusNotFound)
	// A route that needs a capability does so by every way to it.
	for _, way := range []string{"/cloud/api/v1/whoami", "/cloud//api/v1/whoami", "/cloud/../api/v1/whoami", "/cloud/%2e%2e/api/v1/whoami"} {
		if s := do(c.Handler(), request(http.MethodGet, way, "")).StatusCode; s != http.StatusUnauthorized && s != http.StatusNotFound {
			t.Errorf("%s answers %d", way, s)
		}
	}
}

// TestCrossSiteWebSocket: an upgrade carries the cookie of whoever is signed in, so
// a page of another site must not begin one, and no older browser either.
func TestCrossSiteWebSocket(t *testing.T) {
	c := newConsole(t, nil)
	for name, tt := range map[string]struct {
		header map[string]string
		ok     bool
	}{
		"our page":                      {map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": publicURL}, true},
		"a program":                     {nil, true},
		"another site":                  {map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, false},
		"another host of our site":      {map[string]string{"Sec-Fetch-Site": "same-site", "Origin": "https://app.omantel.omani.works"}, false},
		"an older browser":              {map[string]string{"Origin": "https://evil.example"}, false},
		"an older browser, our own":     {map[string]string{"Origin": publicURL}, true},
		"a page that hides its origin":  {map[string]string{"Origin": "null"}, false},
		"a name that begins as ours":    {map[string]string{"Origin": publicURL + ".evil.example"}, false},
		"another site, upgrade in caps": {map[string]string{"Sec-Fetch-Site": "cross-site", "Upgrade": "WebSocket"}, false},
	} {
		r := c.signedIn(t, request(http.MethodGet, "/api/v1/sandbox/sessions/0123456789abcdef01234567/stream", ""))
		r.Header.Set("Upgrade", "websocket")
		for k, v := range tt.header {
			r.Header.Set(k, v)
		}
		if refused := do(c.Handler(), r).StatusCode == http.StatusForbidden; refused == tt.ok {
			t.Errorf("%s: refused is %v", name, refused)
		}
	}
}

// TestSlowBody: a body that never ends is not waited for, and an answer that was
// begun is not cut off by the same clock.
func TestSlowBody(t *testing.T) {
	t.Parallel()
	c := newConsole(t, func(o *web.Options) { o.Patience = 300 * time.Millisecond })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- c.Serve(ctx, nil, web.Listener{Listener: l}) }()
	defer func() { stop(); <-served }()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	token := c.signedIn(t, request(http.MethodGet, "/", "")).Header.Get("Authorization")
	fmt.Fprintf(conn, "POST /api/v1/auth/pat HTTP/1.1\r\nHost: localhost\r\nAuthorization: %s\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{\"name\":", token)
	began := time.Now()
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err == nil && res.StatusCode < 400 {
		t.Errorf("half a body answers %d", res.StatusCode)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("half a body was waited for %v", took)
	}
}

func TestStrictTransport(t *testing.T) {
	c := newConsole(t, nil)
	if do(c.Handler(), request(http.MethodGet, "/healthz", "")).Header.Get("Strict-Transport-Security") == "" {
		t.Error("a service on https does not say that it stays there")
	}
	c = newConsole(t, func(o *web.Options) { o.PublicURL = "http://localhost:8080" })
	if do(c.Handler(), request(http.MethodGet, "/healthz", "")).Header.Get("Strict-Transport-Security") != "" {
		t.Error("a service on http tells browsers to use https")
	}
}
