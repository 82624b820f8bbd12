package identity_test

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/web/identity"
	"github.com/openova-io/sandbox/web/identity/identitytest"
)

// pair is a concierge and the console of the Sovereign that it built.
type pair struct {
	concierge, console *identity.Identity
	now                time.Time
}

func newPair(t *testing.T) *pair {
	p := &pair{now: noon}
	clock := func() time.Time { return p.now }
	p.concierge = open(t, identity.Options{Now: clock})
	p.console = open(t, identity.Options{Secrets: identitytest.Foreign(),
		Issuer: "https://console." + fqdn, Now: clock, Journal: openJournal(t),
		Handover: &identity.HandoverTrust{PublicKey: []byte(p.concierge.PublicJWK()), Issuer: issuer, FQDN: fqdn},
	})
	return p
}

func (p *pair) mint(t *testing.T, h identity.Handover) string {
	t.Helper()
	raw, err := p.concierge.MintHandover(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

var toLayla = identity.Handover{FQDN: fqdn, DeploymentID: "0123456789abcdef", Email: layla.Email, Subject: layla.Subject, ReturnPath: "/sandbox"}

func TestHandover(t *testing.T) {
	p := newPair(t)
	raw := p.mint(t, toLayla)
	session, path, err := p.console.ReceiveHandover(t.Context(), raw, identity.SignIn{})
	if err != nil {
		t.Fatal(err)
	}
	if path != "/sandbox" || !session.Expires.Equal(noon.Add(8*time.Hour)) {
		t.Errorf("lands at %q until %v", path, session.Expires)
	}
	claims, err := p.console.Verify(session.Access)
	if err != nil {
		t.Fatal(err)
	}
	if claims.Email != layla.Email || !claims.EmailVerified || claims.Role != identity.RoleSovereignAdmin || claims.LocalOwner {
		t.Errorf("the session is %+v", claims)
	}
	// The session is the console's; the service that handed over does not take it.
	_, err = p.concierge.Verify(session.Access)
	wantCode(t, err, fault.Unauthenticated)
	// The token is not a session anywhere.
	for _, id := range []*identity.Identity{p.concierge, p.console} {
		_, err := id.Verify(raw)
		wantCode(t, err, fault.Unauthenticated)
	}

	_, _, err = p.console.ReceiveHandover(t.Context(), raw, identity.SignIn{})
	wantCode(t, err, fault.Unauthenticated)
	if f := fault.From(err); f.Message != "this handover link was used already" || f.Hint == "" {
		t.Errorf("a replay is told %q, %q", f.Message, f.Hint)
	}
}

func TestHandoverRefuses(t *testing.T) {
	p := newPair(t)
	claims := func(change func(*identity.Claims)) identity.Claims {
		c := identity.Claims{
			Issuer: issuer, Audience: jwt.Audience{"https://console." + fqdn}, Subject: layla.Subject, Email: layla.Email,
			EmailVerified: true, Role: identity.RoleSovereignAdmin, ID: "one-and-the-same", IssuedAt: at(0), Expiry: at(5 * time.Minute),
			Type: identity.TypeHandover, ReturnPath: "/sandbox",
		}
		if change != nil {
			change(&c)
		}
		return c
	}
	signed := func(change func(*identity.Claims)) string { return token(t, jose.RS256, ours(), nil, claims(change)) }
	tests := []struct{ name, raw, message string }{
		{"nothing", "", "missing token parameter"},
		{"not a token", "a.b.c", "invalid token"},
		{"a foreign key", token(t, jose.RS256, foreign(), nil, claims(nil)), "invalid token"},
		{"HS256 with the public key", token(t, jose.HS256, []byte(p.concierge.PublicJWK()), nil, claims(nil)), "invalid token"},
		{"expired", signed(func(c *identity.Claims) { c.Expiry = at(-31 * time.Second) }), "this handover link has expired"},
		{"without an end", signed(func(c *identity.Claims) { c.Expiry = nil }), "this handover link has expired"},
		{"not valid yet", signed(func(c *identity.Claims) { c.NotBefore = at(time.Minute) }), "this handover link is not valid yet"},
		{"another issuer", signed(func(c *identity.Claims) { c.Issuer = "https://other.example" }), "invalid issuer"},
		{"another Sovereign", signed(func(c *identity.Claims) { c.Audience = jwt.Audience{"https://console.other.omani.works"} }), "invalid audience"},
		{"no audience", signed(func(c *identity.Claims) { c.Audience = nil }), "invalid audience"},
		{"a session", signed(func(c *identity.Claims) { c.Type = identity.TypeSession }), "this is not a handover token"},
		{"another role", signed(func(c *identity.Claims) { c.Role = "viewer" }), "insufficient role"},
		{"no role", signed(func(c *identity.Claims) { c.Role = "" }), "insufficient role"},
		{"an unverified e-mail", signed(func(c *identity.Claims) { c.EmailVerified = false }), "email not verified"},
		{"no e-mail", signed(func(c *identity.Claims) { c.Email = "" }), "email not verified"},
		{"no id", signed(func(c *identity.Claims) { c.ID = "" }), "invalid token"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			session, path, err := p.console.ReceiveHandover(t.Context(), tt.raw, identity.SignIn{})
			wantCode(t, err, fault.Unauthenticated)
			if f := fault.From(err); f.Message != tt.message {
				t.Errorf("it says %q, want %q", f.Message, tt.message)
			}
			if session != (identity.Session{}) || path != "" {
				t.Errorf("a refused handover gives %v, %q", session, path)
			}
		})
	}
	// None of the refused ones used the id up.
	if _, _, err := p.console.ReceiveHandover(t.Context(), signed(nil), identity.SignIn{}); err != nil {
		t.Errorf("the good token is refused after them: %v", err)
	}
}

func TestHandoverExpiresByTheClock(t *testing.T) {
	p := newPair(t)
	raw := p.mint(t, toLayla)
	p.now = noon.Add(5*time.Minute + 31*time.Second)
	_, _, err := p.console.ReceiveHandover(t.Context(), raw, identity.SignIn{})
	wantCode(t, err, fault.Unauthenticated)
}

// TestHandoverLandsOnOwnPages: whatever path a token names, nobody is sent away.
func TestHandoverLandsOnOwnPages(t *testing.T) {
	p := newPair(t)
	paths := map[string]string{
		"/sandbox": "/sandbox", "/dashboard": "/dashboard", "": "/sandbox",
		"//evil.example": "/sandbox", "https://evil.example": "/sandbox", `/\evil.example`: "/sandbox",
		"/sandbox/../../evil": "/sandbox", "javascript:alert(1)": "/sandbox", "/sandbox\r\nSet-Cookie: a=b": "/sandbox", "/api/v1/whoami": "/sandbox",
	}
	for asked, want := range paths {
		raw := token(t, jose.RS256, ours(), nil, identity.Claims{
			Issuer: issuer, Audience: jwt.Audience{"https://console." + fqdn}, Email: layla.Email, EmailVerified: true,
			Role: identity.RoleSovereignAdmin, ID: "to " + asked, IssuedAt: at(0), Expiry: at(time.Minute), ReturnPath: asked,
		})
		_, path, err := p.console.ReceiveHandover(t.Context(), raw, identity.SignIn{})
		if err != nil || path != want {
			t.Errorf("%q lands at %q (%v), want %q", asked, path, err, want)
		}
		bad := toLayla
		if bad.ReturnPath = asked; asked != want {
			_, err := p.concierge.MintHandover(t.Context(), bad)
			wantCode(t, err, fault.Invalid)
		}
	}
}

// TestHandoverOfUpstream: upstream's tokens have no key id and no typ claim, name
// groups of its own, and its key comes as a PEM as well as a JWK.
func TestHandoverOfUpstream(t *testing.T) {
	der, err := x509.MarshalPKIXPublicKey(ours().Public())
	if err != nil {
		t.Fatal(err)
	}
	jwk, err := json.Marshal(jose.JSONWebKey{Key: ours().Public()})
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string][]byte{"PEM": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), "JWK": jwk}
	for name, key := range keys {
		t.Run(name, func(t *testing.T) {
			console := open(t, identity.Options{Secrets: identitytest.Foreign(), Issuer: "https://console." + fqdn, Journal: openJournal(t),
				Handover: &identity.HandoverTrust{PublicKey: key, FQDN: fqdn}})
			raw := token(t, jose.RS256, ours(), nil, map[string]any{
				"iss": "https://console.openova.io", "aud": "https://console." + fqdn, "sub": "kc-7f3a", "email": layla.Email,
				"email_verified": true, "role": "sovereign-admin", "sovereign_fqdn": fqdn, "deployment_id": "0123456789abcdef",
				"jti": "u-1", "iat": noon.Unix(), "exp": noon.Add(5 * time.Minute).Unix(), "groups": []string{"/sovereign-admins"},
			})
			_, path, err := console.ReceiveHandover(t.Context(), raw, identity.SignIn{})
			if err != nil || path != "/sandbox" {
				t.Errorf("lands at %q: %v", path, err)
			}
		})
	}
}

func TestHandoverNeedsAPeer(t *testing.T) {
	p := newPair(t)
	_, _, err := p.concierge.ReceiveHandover(t.Context(), p.mint(t, toLayla), identity.SignIn{})
	wantCode(t, err, fault.NotFound)
}

func TestHandoverKeyIsPublic(t *testing.T) {
	secret, err := json.Marshal(jose.JSONWebKey{Key: ours()})
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string][]byte{"nothing": nil, "text": []byte("key"), "a private key": secret, "a secret": []byte(`{"kty":"oct","k":"c2VjcmV0"}`)} {
		t.Run(name, func(t *testing.T) {
			_, err := identity.Open(t.Context(), identity.Options{Secrets: identitytest.Ours(), Issuer: issuer, Handover: &identity.HandoverTrust{PublicKey: key, FQDN: fqdn}})
			wantCode(t, err, fault.Invalid)
		})
	}
}
