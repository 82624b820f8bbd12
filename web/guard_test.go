package web_test

import (
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/openova-io/sandbox/web"
)

func TestHosts(t *testing.T) {
	c := newConsole(t, nil)
	for host, ok := range map[string]bool{
		"localhost": true, "localhost:8080": true, "LOCALHOST": true, "127.0.0.1:8080": true, "[::1]:8080": true, "[::1]": true,
		"console.omantel.omani.works": true, "console.omantel.omani.works.": true, "console.omantel.omani.works:443": true,
		"a.sandbox.test": true, "a.b.sandbox.test:80": true,
		"": false, "evil.example": false, "sandbox.test": false, "evilsandbox.test": false, "localhost.evil.example": false,
		"console.omantel.omani.works.evil.example": false, "127.0.0.1.nip.example": false, "127.0.0.2": false,
	} {
		t.Run(host, func(t *testing.T) {
			r := request(http.MethodGet, "/healthz", "")
			r.Host = host
			res := do(c.Handler(), r)
			if ok {
				wantStatus(t, res, http.StatusOK)
				return
			}
			wantProblem(t, res, http.StatusForbidden, "denied")
		})
	}
}

func TestCrossSiteChangesAreRefused(t *testing.T) {
	c := newConsole(t, nil)
	tests := []struct {
		name, method string
		header       map[string]string
		ok           bool
	}{
		{"the same origin", http.MethodPost, map[string]string{"Sec-Fetch-Site": "same-origin"}, true},
		{"typed by the person", http.MethodPost, map[string]string{"Sec-Fetch-Site": "none"}, true},
		{"a program, which sends neither", http.MethodPost, nil, true},
		{"another site", http.MethodPost, map[string]string{"Sec-Fetch-Site": "cross-site"}, false},
		{"another host of the site", http.MethodPost, map[string]string{"Sec-Fetch-Site": "same-site"}, false},
		{"another site deletes", http.MethodDelete, map[string]string{"Sec-Fetch-Site": "cross-site"}, false},
		{"an older browser, another origin", http.MethodPost, map[string]string{"Origin": "https://evil.example"}, false},
		{"an older browser, a hidden origin", http.MethodPost, map[string]string{"Origin": "null"}, false},
		{"an older browser, our origin", http.MethodPost, map[string]string{"Origin": publicURL}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := request(tt.method, "/api/v1/auth/session", "")
			for k, v := range tt.header {
				r.Header.Set(k, v)
			}
			res := do(c.Handler(), r)
			if tt.ok {
				wantStatus(t, res, http.StatusNoContent)
				return
			}
			wantProblem(t, res, http.StatusForbidden, "denied")
			if res.Header.Get("Set-Cookie") != "" {
				t.Error("the refused request signed somebody out")
			}
		})
	}
}

func TestHeaders(t *testing.T) {
	c := newConsole(t, nil)
	for _, path := range []string{"/healthz", "/sandbox", "/nothing-here", "/api/v1/whoami", "/auth/handover"} {
		t.Run(path, func(t *testing.T) {
			h := do(c.Handler(), request(http.MethodGet, path, "")).Header
			for name, want := range map[string]string{
				"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
				"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
			} {
				if got := h.Get(name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
			if h.Get("X-Request-Id") == "" {
				t.Error("the answer has no request id")
			}
			if h.Get("Access-Control-Allow-Origin") != "" {
				t.Error("other origins may read it")
			}
		})
	}
}

func TestContentSecurityPolicy(t *testing.T) {
	c := newConsole(t, nil)
	policy := map[string]string{}
	for part := range strings.SplitSeq(do(c.Handler(), request(http.MethodGet, "/sandbox", "")).Header.Get("Content-Security-Policy"), ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), " ")
		policy[name] = value
	}
	for name, want := range map[string]string{
		"default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "connect-src": "'self'",
		"base-uri": "'self'", "form-action": "'self'", "frame-ancestors": "'none'",
	} {
		if policy[name] != want {
			t.Errorf("%s is %q, want %q", name, policy[name], want)
		}
	}
	for name, value := range policy {
		if strings.Contains(value, "unsafe") || strings.Contains(value, "*") || strings.Contains(value, "http") || strings.Contains(value, "data:") {
			t.Errorf("%s allows %s", name, value)
		}
	}
}

func TestWhoMayCall(t *testing.T) {
	c := newConsole(t, nil)
	for _, path := range []string{"/api/v1/whoami", "/api/v1/sovereign", "/metrics"} {
		t.Run(path, func(t *testing.T) {
			res := do(c.Handler(), request(http.MethodGet, path, ""))
			wantProblem(t, res, http.StatusUnauthorized, "unauthenticated")
			if !strings.HasPrefix(res.Header.Get("WWW-Authenticate"), "Bearer") {
				t.Error("it does not say how to sign in")
			}
			wantStatus(t, do(c.Handler(), c.signedIn(t, request(http.MethodGet, path, ""))), http.StatusOK)
			// A loopback address proves nothing; the socket does.
			r := request(http.MethodGet, path, "")
			r.RemoteAddr = "127.0.0.1:50000"
			wantStatus(t, do(c.Handler(), r), http.StatusUnauthorized)
			wantStatus(t, do(c.LocalHandler(), r), http.StatusOK)
		})
	}
}

func TestLocalCallerIsTheOwner(t *testing.T) {
	c := newConsole(t, nil)
	var who struct {
		Subject    string
		LocalOwner bool
		FQDN       string
	}
	res := do(c.LocalHandler(), request(http.MethodGet, "/api/v1/whoami", ""))
	decode(t, res, &who)
	if who.Subject != "owner" || !who.LocalOwner || who.FQDN != "omantel.omani.works" {
		t.Errorf("the caller is %+v", who)
	}
}

func TestProblems(t *testing.T) {
	c := newConsole(t, nil)
	tests := []struct {
		method, path string
		status       int
		code         string
	}{
		{http.MethodGet, "/nothing-here", http.StatusNotFound, "not-found"},
		{http.MethodGet, "/api/v1/conversations", http.StatusNotFound, "not-found"}, // the concierge's only
		{http.MethodPost, "/api/v1/whoami", http.StatusMethodNotAllowed, "invalid"},
		{http.MethodGet, "/auth/handover", http.StatusNotFound, "not-found"}, // no peer to trust
	}
	for _, tt := range tests {
		t.Run(tt.method+" "+tt.path, func(t *testing.T) {
			wantProblem(t, do(c.Handler(), request(tt.method, tt.path, "")), tt.status, tt.code)
		})
	}
	t.Run("too large", func(t *testing.T) {
		res := do(c.Handler(), request(http.MethodPost, "/api/v1/auth/session", strings.Repeat("x", 3<<20)))
		wantProblem(t, res, http.StatusRequestEntityTooLarge, "limited")
	})
}

// TestPanicIsAProblem: a handler that panics ends its own request only, and says
// nothing of the cause.
func TestPanicIsAProblem(t *testing.T) {
	c := newConsole(t, func(o *web.Options) { o.App = brokenFS{app()} })
	p := wantProblem(t, do(c.Handler(), request(http.MethodGet, "/assets/boom.js", "")), http.StatusInternalServerError, "internal")
	if strings.Contains(p.Title+p.Detail, "credential") {
		t.Errorf("it tells the cause: %+v", p)
	}
	wantStatus(t, do(c.Handler(), request(http.MethodGet, "/healthz", "")), http.StatusOK)
}

// TestMetricsAreBounded: callers can neither make series with invented methods
// nor with invented paths.
func TestMetricsAreBounded(t *testing.T) {
	c := newConsole(t, nil)
	for i := range 20 {
		do(c.Handler(), request(fmt.Sprintf("METHOD%d", i), fmt.Sprintf("/path-%d", i), ""))
	}
	res := do(c.LocalHandler(), request(http.MethodGet, "/metrics", ""))
	wantStatus(t, res, http.StatusOK)
	if n := strings.Count(body(t, res), "sandbox_http_requests_total{"); n > 2 {
		t.Errorf("20 invented requests made %d series", n)
	}
}

// brokenFS panics for one file.
type brokenFS struct{ fstest.MapFS }

func (b brokenFS) Stat(name string) (fs.FileInfo, error) {
	if name == "assets/boom.js" {
		panic("a credential")
	}
	return b.MapFS.Stat(name)
}
