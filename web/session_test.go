package web_test

import (
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/conversation/vault"
	"github.com/openova-io/sandbox/web"
	"github.com/openova-io/sandbox/web/identity"
	"github.com/openova-io/sandbox/web/identity/identitytest"
)

func TestSignInLink(t *testing.T) {
	c := newConsole(t, nil)
	link := "/auth/link?code=" + url.QueryEscape(c.identity.NewCode(owner))
	res := do(c.Handler(), request(http.MethodGet, link, ""))
	wantStatus(t, res, http.StatusSeeOther)
	if to := res.Header.Get("Location"); to != "/sandbox" {
		t.Errorf("the link leads to %q", to)
	}
	r := request(http.MethodGet, "/api/v1/whoami", "")
	for _, cookie := range res.Cookies() {
		if !cookie.Secure || !cookie.HttpOnly {
			t.Errorf("the cookie is %v", cookie)
		}
		r.AddCookie(cookie)
	}
	wantStatus(t, do(c.Handler(), r), http.StatusOK)

	again := do(c.Handler(), request(http.MethodGet, link, ""))
	wantStatus(t, again, http.StatusSeeOther)
	if again.Header.Get("Location") != "/signin?link=used" || len(again.Cookies()) != 0 {
		t.Errorf("the used link leads to %q with %v", again.Header.Get("Location"), again.Cookies())
	}
}

// TestHandover brings a person from the concierge to their console, once.
func TestHandover(t *testing.T) {
	concierge, err := identity.Open(t.Context(), identity.Options{Secrets: identitytest.Ours(), Issuer: "https://sandbox.example.org"})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := vault.Open(t.TempDir(), vault.Options{})
	if err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(t.Context(), journal.Options{Dir: t.TempDir(), Sealer: keys})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	id, err := identity.Open(t.Context(), identity.Options{
		Secrets: identitytest.Foreign(), Issuer: publicURL, Journal: j,
		Handover: &identity.HandoverTrust{PublicKey: []byte(concierge.PublicJWK()), Issuer: "https://sandbox.example.org", FQDN: "omantel.omani.works"},
	})
	if err != nil {
		t.Fatal(err)
	}
	c := newConsole(t, func(o *web.Options) { o.Identity = id })
	token, err := concierge.MintHandover(t.Context(), identity.Handover{
		FQDN: "omantel.omani.works", DeploymentID: "0123456789abcdef", Email: "layla@omantel.example", Subject: "layla", ReturnPath: "/sandbox",
	})
	if err != nil {
		t.Fatal(err)
	}
	link := "/auth/handover?token=" + url.QueryEscape(token)

	// The click is a navigation from the concierge's page, so another site's.
	click := request(http.MethodGet, link, "")
	click.Header.Set("Sec-Fetch-Site", "cross-site")
	res := do(c.Handler(), click)
	wantStatus(t, res, http.StatusFound)
	if to := res.Header.Get("Location"); to != "/sandbox" {
		t.Errorf("lands at %q", to)
	}
	if cache := res.Header.Get("Cache-Control"); cache != "no-store" {
		t.Errorf("the answer is cached: %q", cache)
	}
	who := request(http.MethodGet, "/api/v1/whoami", "")
	for _, cookie := range res.Cookies() {
		who.AddCookie(cookie)
	}
	res = do(c.Handler(), who)
	wantStatus(t, res, http.StatusOK)
	var caller struct{ Email, Role, FQDN string }
	decode(t, res, &caller)
	if caller.Email != "layla@omantel.example" || caller.Role != identity.RoleSovereignAdmin || caller.FQDN != "omantel.omani.works" {
		t.Errorf("the caller is %+v", caller)
	}

	again := do(c.Handler(), request(http.MethodGet, link, ""))
	if len(again.Cookies()) != 0 {
		t.Error("a replay signs somebody in")
	}
	wantProblem(t, again, http.StatusUnauthorized, "unauthenticated")
}

// A page whose access token has ended goes on, with the next one in the answer; once
// signed out it does not, whatever cookies it kept.
func TestPageGoesOn(t *testing.T) {
	var late atomic.Int64
	id, err := identity.Open(t.Context(), identity.Options{Secrets: identitytest.Foreign(), Issuer: publicURL, Now: func() time.Time {
		return time.Now().Add(time.Duration(late.Load()))
	}})
	if err != nil {
		t.Fatal(err)
	}
	c := newConsole(t, func(o *web.Options) { o.Identity = id })
	cookies := do(c.Handler(), request(http.MethodGet, "/auth/link?code="+url.QueryEscape(id.NewCode(owner)), "")).Cookies()
	ask := func(method, path string) *http.Response {
		r := request(method, path, "")
		for _, cookie := range cookies {
			r.AddCookie(cookie)
		}
		return do(c.Handler(), r)
	}
	res := ask(http.MethodGet, "/api/v1/whoami")
	if wantStatus(t, res, http.StatusOK); len(res.Cookies()) != 0 {
		t.Errorf("a good token is replaced: %v", res.Cookies())
	}
	late.Store(int64(time.Hour))
	res = ask(http.MethodGet, "/api/v1/whoami")
	if wantStatus(t, res, http.StatusOK); len(res.Cookies()) != 2 {
		t.Fatalf("the answer carries %v", res.Cookies())
	}
	old := cookies
	cookies = res.Cookies()
	wantStatus(t, ask(http.MethodDelete, "/api/v1/auth/session"), http.StatusNoContent)
	wantProblem(t, ask(http.MethodGet, "/api/v1/whoami"), http.StatusUnauthorized, "unauthenticated")
	cookies = old
	wantProblem(t, ask(http.MethodGet, "/api/v1/whoami"), http.StatusUnauthorized, "unauthenticated")
}

func TestSignOut(t *testing.T) {
	c := newConsole(t, nil)
	for _, method := range []string{http.MethodDelete, http.MethodPost} {
		res := do(c.Handler(), request(method, "/api/v1/auth/session", ""))
		wantStatus(t, res, http.StatusNoContent)
		cookies := res.Cookies()
		if len(cookies) != 2 || cookies[0].Name != c.identity.CookieName() || cookies[0].MaxAge >= 0 || cookies[1].MaxAge >= 0 {
			t.Errorf("%s leaves %v", method, cookies)
		}
	}
}
