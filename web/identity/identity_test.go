package identity_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/web/identity"
	"github.com/openova-io/sandbox/web/identity/identitytest"
)

var layla = journal.Actor{Kind: journal.Human, Subject: "layla@omantel.example", Email: "layla@omantel.example", EmailVerified: true, OrgID: "org-1"}

func TestCodeWorksOnce(t *testing.T) {
	id := open(t, identity.Options{})
	owner := journal.Actor{Kind: journal.Human, Subject: "owner", LocalOwner: true}
	code := id.NewCode(owner)

	session, err := id.Redeem(t.Context(), code, identity.SignIn{})
	if err != nil {
		t.Fatal(err)
	}
	if want := noon.Add(7 * 24 * time.Hour); !session.Expires.Equal(want) {
		t.Errorf("the owner's session ends %v, want %v", session.Expires, want)
	}
	claims, err := id.Verify(session.Access)
	if err != nil {
		t.Fatal(err)
	}
	if got := claims.Actor("web"); got.Subject != "owner" || !got.LocalOwner || got.Via != "web" || got.Kind != journal.Human {
		t.Errorf("the session is of %+v", got)
	}
	for _, again := range []string{code, "", "not-a-code"} {
		_, err := id.Redeem(t.Context(), again, identity.SignIn{})
		wantCode(t, err, fault.Unauthenticated)
	}
}

func TestCodeWorksOnceForMany(t *testing.T) {
	id := open(t, identity.Options{})
	code := id.NewCode(layla)
	sessions := make(chan string, 8)
	var all sync.WaitGroup
	for range cap(sessions) {
		all.Go(func() {
			if s, err := id.Redeem(t.Context(), code, identity.SignIn{}); err == nil {
				sessions <- s.Access
			}
		})
	}
	all.Wait()
	if n := len(sessions); n != 1 {
		t.Fatalf("%d of 8 got a session for one code", n)
	}
}

func TestTokenKeepsThePerson(t *testing.T) {
	id := open(t, identity.Options{})
	session, expires, err := id.Token(layla, identity.RoleOrgAdmin, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if !expires.Equal(noon.Add(time.Hour)) {
		t.Errorf("it ends %v", expires)
	}
	claims, err := id.Verify(session)
	if err != nil {
		t.Fatal(err)
	}
	want := layla
	want.Via = "api"
	if got := claims.Actor("api"); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestVerifyRefuses is the list of ways to forge or misuse a session. The first
// case is the control: the same hand-made token without a defect is accepted.
func TestVerifyRefuses(t *testing.T) {
	id := open(t, identity.Options{})
	der, err := x509.MarshalPKIXPublicKey(ours().Public())
	if err != nil {
		t.Fatal(err)
	}
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	named := map[jose.HeaderKey]any{"kid": kid()}
	good := func(change func(*identity.Claims)) identity.Claims {
		c := identity.Claims{
			Issuer: issuer, Audience: jwt.Audience{issuer}, Subject: layla.Subject, ID: "j-1",
			IssuedAt: at(0), Expiry: at(time.Hour), Type: identity.TypeSession,
		}
		if change != nil {
			change(&c)
		}
		return c
	}
	signed := func(change func(*identity.Claims)) string {
		return token(t, jose.RS256, ours(), named, good(change))
	}
	if _, err := id.Verify(signed(nil)); err != nil {
		t.Fatalf("the token without a defect is refused: %v", err)
	}
	payload, err := json.Marshal(good(nil))
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	none := func(alg string) string {
		return b64([]byte(`{"alg":"`+alg+`","typ":"JWT","kid":"`+kid()+`"}`)) + "." + b64(payload) + "."
	}
	parts := strings.Split(signed(nil), ".")
	richer := b64([]byte(strings.Replace(string(payload), layla.Subject, "owner", 1)))

	refused := map[string]string{
		"nothing":                        "",
		"not a token":                    "a.b.c",
		"alg none":                       none("none"),
		"alg None":                       none("None"),
		"no signature":                   parts[0] + "." + parts[1] + ".",
		"another payload":                parts[0] + "." + richer + "." + parts[2],
		"HS256 with the public key":      token(t, jose.HS256, publicPEM, named, good(nil)),
		"HS256 with the JWK":             token(t, jose.HS256, []byte(id.PublicJWK()), named, good(nil)),
		"HS256 with the modulus":         token(t, jose.HS256, ours().N.Bytes(), named, good(nil)),
		"PS256 with our key":             token(t, jose.PS256, ours(), named, good(nil)),
		"RS512 with our key":             token(t, jose.RS512, ours(), named, good(nil)),
		"a foreign key under our kid":    token(t, jose.RS256, foreign(), named, good(nil)),
		"a foreign key in the header":    token(t, jose.RS256, foreign(), map[jose.HeaderKey]any{"jwk": jose.JSONWebKey{Key: foreign().Public()}}, good(nil)),
		"a foreign key by address":       token(t, jose.RS256, foreign(), map[jose.HeaderKey]any{"jku": "https://evil.example/jwks.json"}, good(nil)),
		"our key without a kid":          token(t, jose.RS256, ours(), nil, good(nil)),
		"our key under another kid":      token(t, jose.RS256, ours(), map[jose.HeaderKey]any{"kid": "0123456789abcdef"}, good(nil)),
		"a kid that is a path":           token(t, jose.RS256, ours(), map[jose.HeaderKey]any{"kid": "../signing-keys"}, good(nil)),
		"a session named as a pat":       identity.PATPrefix + signed(nil),
		"too long":                       signed(func(c *identity.Claims) { c.Groups = []string{strings.Repeat("x", 20<<10)} }),
		"without a person":               signed(func(c *identity.Claims) { c.Subject = "" }),
		"without an id":                  signed(func(c *identity.Claims) { c.ID = "" }),
		"wrong audience":                 signed(func(c *identity.Claims) { c.Audience = jwt.Audience{"https://other.example"} }),
		"no audience":                    signed(func(c *identity.Claims) { c.Audience = nil }),
		"wrong issuer":                   signed(func(c *identity.Claims) { c.Issuer = issuer + ".evil.example" }),
		"no issuer":                      signed(func(c *identity.Claims) { c.Issuer = "" }),
		"expired":                        signed(func(c *identity.Claims) { c.Expiry = at(-31 * time.Second) }),
		"without an end":                 signed(func(c *identity.Claims) { c.Expiry = nil }),
		"issued in the future":           signed(func(c *identity.Claims) { c.IssuedAt = at(31 * time.Second) }),
		"not valid yet":                  signed(func(c *identity.Claims) { c.NotBefore = at(31 * time.Second) }),
		"without a beginning":            signed(func(c *identity.Claims) { c.IssuedAt = nil }),
		"a handover token as a session":  signed(func(c *identity.Claims) { c.Type = identity.TypeHandover }),
		"a token without a type of ours": signed(func(c *identity.Claims) { c.Type = "" }),
	}
	for name, raw := range refused {
		t.Run(name, func(t *testing.T) {
			_, err := id.Verify(raw)
			wantCode(t, err, fault.Unauthenticated)
			if _, other := id.Verify("x"); err.Error() != other.Error() {
				t.Errorf("the refusal says which check failed: %v", err)
			}
		})
	}
	for name, raw := range map[string]string{
		"a clock 30 s behind": signed(func(c *identity.Claims) { c.Expiry = at(-30 * time.Second) }),
		"a clock 30 s ahead":  signed(func(c *identity.Claims) { c.IssuedAt = at(30 * time.Second) }),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := id.Verify(raw); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAccessTokenEnds(t *testing.T) {
	now := noon
	id := open(t, identity.Options{Now: func() time.Time { return now }})
	session, expires, err := id.Token(layla, identity.RoleOrgAdmin, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	now = expires
	if _, err := id.Verify(session); err != nil {
		t.Errorf("refused at its end, within the leeway: %v", err)
	}
	now = expires.Add(31 * time.Second)
	_, err = id.Verify(session)
	wantCode(t, err, fault.Unauthenticated)
}

func TestFromRequest(t *testing.T) {
	id := open(t, identity.Options{})
	session, expires, err := id.Token(layla, identity.RoleOrgAdmin, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	id.SetCookies(rec, identity.Session{Access: session, Expires: expires}, true)
	cookie := named(rec.Result().Cookies(), id.CookieName())
	if !cookie.HttpOnly || !cookie.Secure || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" || cookie.Name != id.CookieName() {
		t.Errorf("the cookie is %+v", cookie)
	}
	tests := []struct {
		name, authorization string
		cookie              bool
		ok                  bool
	}{
		{name: "cookie", cookie: true, ok: true},
		{name: "bearer", authorization: "Bearer " + session, ok: true},
		{name: "nothing"},
		{name: "not a bearer", authorization: "Basic b3duZXI6"},
		// A caller who names who they are is not taken for somebody else.
		{name: "a wrong bearer beside a good cookie", authorization: "Bearer x", cookie: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			if tt.authorization != "" {
				r.Header.Set("Authorization", tt.authorization)
			}
			if tt.cookie {
				r.AddCookie(cookie)
			}
			claims, err := id.FromRequest(r)
			if !tt.ok {
				wantCode(t, err, fault.Unauthenticated)
			} else if err != nil || claims.Subject != layla.Subject {
				t.Errorf("got %+v, %v", claims, err)
			}
		})
	}
	rec = httptest.NewRecorder()
	id.ClearCookies(rec, true)
	for _, gone := range rec.Result().Cookies() {
		if gone.MaxAge >= 0 || gone.Value != "" || !strings.HasPrefix(gone.Name, id.CookieName()) {
			t.Errorf("signing out leaves %+v", gone)
		}
	}
}

func TestInstancesDoNotShareACookie(t *testing.T) {
	a, b := open(t, identity.Options{}), open(t, identity.Options{Secrets: identitytest.Foreign()})
	if !strings.HasPrefix(a.CookieName(), "__Host-") {
		t.Errorf("another host can plant the cookie %s", a.CookieName())
	}
	if name := open(t, identity.Options{Issuer: "http://127.0.0.1:8080"}).CookieName(); strings.HasPrefix(name, "__") {
		t.Errorf("a browser refuses the cookie %s by http", name)
	}
	if a.CookieName() == b.CookieName() {
		t.Error("two instances have one cookie name")
	}
}
