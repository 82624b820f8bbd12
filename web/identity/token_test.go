package identity_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/conversation/vault"
	"github.com/openova-io/sandbox/web/identity"
	"github.com/openova-io/sandbox/web/identity/identitytest"
)

// registry is a journal with the keys to seal what is personal, and a clock.
type registry struct {
	*journal.Journal
	dir   string
	clock atomic.Int64 // after noon
	vault *vault.Vault
}

func (r *registry) now() time.Time { return noon.Add(time.Duration(r.clock.Load())) }

func newRegistry(t *testing.T) *registry {
	t.Helper()
	keys, err := vault.Open(t.TempDir(), vault.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := &registry{dir: t.TempDir(), vault: keys}
	if r.Journal, err = journal.Open(t.Context(), journal.Options{Dir: r.dir, Sealer: keys, Logger: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	if err := identitytest.Found(t.Context(), r.Journal, "omantel", map[string]string{"layla": identity.RoleOrgAdmin}); err != nil {
		t.Fatal(err)
	}
	return r
}

// instance is one service on the journal, running.
func (r *registry) instance(t *testing.T) *identity.Identity {
	t.Helper()
	id := open(t, identity.Options{Journal: r.Journal, Now: r.now, Resource: resource})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- id.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return id
}

// person is a signed-in caller with a role.
func person(subject, role string) identity.Claims {
	return identity.Claims{
		Subject: subject, Email: subject + "@omantel.example", EmailVerified: true, OrgID: "omantel", Type: identity.TypeSession,
		Role: role, Capabilities: identity.Grants(role, identity.PlanEnterprise),
	}
}

// with is who a bearer is.
func with(id *identity.Identity, token string) (identity.Claims, error) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	return id.FromRequest(r)
}

func TestTokenLife(t *testing.T) {
	r := newRegistry(t)
	id := r.instance(t)
	caller := person("layla", identity.RoleOrgAdmin)
	text, made, err := id.CreateToken(t.Context(), caller, identity.TokenOptions{Name: " my editor "})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(text, "sbx_") || made.Name != "my editor" || made.Audience != issuer || made.ExpiresAt.Sub(made.CreatedAt) != 7*24*time.Hour {
		t.Errorf("made %.8s… %+v", text, made)
	}
	c, err := with(id, text)
	if err != nil {
		t.Fatal(err)
	}
	if c.Type != identity.TypePAT || c.Subject != "layla" || c.OrgID != "omantel" || c.ID != made.ID || !slices.Equal(c.Capabilities, made.Capabilities) {
		t.Errorf("its claims are %+v", c)
	}
	if !c.Actor("api").NoConsent || caller.Actor("web").NoConsent || !person("omar", identity.RoleOrgDeveloper).Actor("web").NoConsent {
		t.Error("who may consent is not who may approve")
	}
	if list := id.Tokens(caller); len(list) != 1 || !list[0].LastUsedAt.Equal(noon) {
		t.Errorf("the list is %+v", list)
	}
	// A bearer, and nothing else: not in a cookie, not as a session.
	cookie := httptest.NewRequest(http.MethodGet, "/", nil)
	cookie.AddCookie(&http.Cookie{Name: id.CookieName(), Value: text})
	if _, err := id.FromRequest(cookie); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("a cookie of it: %v", err)
	}
	for name, bad := range map[string]string{"no prefix": text[4:], "cut": text[:len(text)-1], "two prefixes": "sbx_" + text} {
		if _, err := with(id, bad); fault.CodeOf(err) != fault.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Somebody else neither sees nor revokes it, nor does its person elsewhere.
	elsewhere := caller
	elsewhere.OrgID = "another"
	for _, other := range []identity.Claims{person("omar", identity.RoleSovereignAdmin), elsewhere, {}} {
		if len(id.Tokens(other)) != 0 {
			t.Errorf("%s of %q sees it", other.Subject, other.OrgID)
		}
		wantCode(t, id.RevokeToken(t.Context(), other, made.ID), fault.NotFound)
	}
	wantCode(t, id.RevokeToken(t.Context(), caller, "no-such-token"), fault.NotFound)
	wantCode(t, id.RevokeToken(t.Context(), caller, "*"), fault.NotFound)

	for range 2 { // the second time changes nothing
		if err := id.RevokeToken(t.Context(), caller, made.ID); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := with(id, text); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("after it was revoked: %v", err)
	}
	if list := id.Tokens(caller); len(list) != 1 || list[0].RevokedAt.IsZero() {
		t.Errorf("the list is %+v", list)
	}
	// An instance that starts now knows.
	if _, err := with(open(t, identity.Options{Journal: r.Journal, Now: r.now, Resource: resource}), text); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("after a restart: %v", err)
	}
	r.clock.Store(int64(31 * 24 * time.Hour))
	if list := id.Tokens(caller); len(list) != 0 {
		t.Errorf("a month later the list is %+v", list)
	}
}

func TestTokenEnds(t *testing.T) {
	r := newRegistry(t)
	id := r.instance(t)
	text, _, err := id.CreateToken(t.Context(), person("layla", identity.RoleOrgAdmin), identity.TokenOptions{Name: "short", TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	r.clock.Store(int64(time.Hour + 31*time.Second))
	if _, err := with(id, text); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("after its end: %v", err)
	}
}

// What a token cannot be is said all at once, and then there is none.
func TestTokenRefusals(t *testing.T) {
	r := newRegistry(t)
	id := open(t, identity.Options{Journal: r.Journal, Now: r.now, MaxTokenTTL: 30 * 24 * time.Hour})
	for name, x := range map[string]struct {
		role string
		o    identity.TokenOptions
		want []string // path and rule
	}{
		"everything": {identity.RoleOrgViewer, identity.TokenOptions{Name: "a\nb", TTL: 31 * 24 * time.Hour, Audience: "somewhere", Capabilities: []string{"*", "catalyst.draft.set"}},
			[]string{"name length", "ttl_hours range", "audience audience", "capabilities[0] grant", "capabilities[1] subset"}},
		"no name":                  {identity.RoleOrgAdmin, identity.TokenOptions{}, []string{"name required"}},
		"a negative time":          {identity.RoleOrgAdmin, identity.TokenOptions{Name: "x", TTL: -1}, []string{"ttl_hours range"}},
		"more than one's own":      {identity.RoleOrgDeveloper, identity.TokenOptions{Name: "x", Capabilities: []string{"catalyst.*"}}, []string{"capabilities[0] subset"}},
		"a person's":               {identity.RoleOrgAdmin, identity.TokenOptions{Name: "x", Capabilities: []string{identity.Approve}}, []string{"capabilities[0] person"}},
		"nothing's":                {"invented", identity.TokenOptions{Name: "x", Capabilities: []string{"sovereign.read"}}, []string{"capabilities[0] subset"}},
		"a Sovereign's console":    {identity.RoleSovereignAdmin, identity.TokenOptions{Name: "x", Audience: "https://Console." + fqdn}, []string{"audience audience"}},
		"an address with a secret": {identity.RoleOrgAdmin, identity.TokenOptions{Name: "x", Audience: "https://me:secret@example.org"}, []string{"audience audience"}},
		"a slip of the pen":        {identity.RoleOrgAdmin, identity.TokenOptions{Name: "x", Capabilities: []string{"catalyst.drafts.get", "catalyst.draft.gett", "sandbox.db.provision"}}, []string{"capabilities[0] unknown", "capabilities[1] unknown"}},
		"no address":               {identity.RoleOrgAdmin, identity.TokenOptions{Name: "x", Audience: "javascript:alert(1)"}, []string{"audience audience"}},
	} {
		t.Run(name, func(t *testing.T) {
			text, _, err := id.CreateToken(t.Context(), person("layla", x.role), x.o)
			wantCode(t, err, fault.Invalid)
			var got []string
			for _, v := range fault.From(err).Violations {
				got = append(got, v.Path+" "+v.Rule)
			}
			if text != "" || !slices.Equal(got, x.want) {
				t.Errorf("refused for %q, want %q", got, x.want)
			}
		})
	}
	if list := id.Tokens(person("layla", identity.RoleOrgAdmin)); len(list) != 0 {
		t.Errorf("there are %+v", list)
	}
	_, made, err := id.CreateToken(t.Context(), person("layla", identity.RoleOrgAdmin), identity.TokenOptions{Name: "x"})
	if err != nil || made.ExpiresAt.Sub(made.CreatedAt) != 7*24*time.Hour {
		t.Errorf("the usual time is %v: %v", made.ExpiresAt.Sub(made.CreatedAt), err)
	}
	if _, err := identity.Open(t.Context(), identity.Options{Secrets: identitytest.Ours(), Issuer: issuer, MaxTokenTTL: 91 * 24 * time.Hour}); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("91 days are allowed: %v", err)
	}
	none := open(t, identity.Options{})
	_, _, err = none.CreateToken(t.Context(), person("layla", identity.RoleOrgAdmin), identity.TokenOptions{Name: "x"})
	wantCode(t, err, fault.Unavailable)
}

func TestTokensAreBounded(t *testing.T) {
	id := newRegistry(t).instance(t)
	caller := person("layla", identity.RoleOrgAdmin)
	for i := range 100 {
		if _, _, err := id.CreateToken(t.Context(), caller, identity.TokenOptions{Name: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err := id.CreateToken(t.Context(), caller, identity.TokenOptions{Name: "one more"})
	wantCode(t, err, fault.Limited)
	if err := id.RevokeToken(t.Context(), caller, id.Tokens(caller)[0].ID); err != nil {
		t.Fatal(err)
	}
	if _, _, err = id.CreateToken(t.Context(), caller, identity.TokenOptions{Name: "one more"}); err != nil {
		t.Error(err)
	}
}

// A token that only our key signed, and that was never handed out, is none: a key
// alone makes no tokens.
func TestSignedButNeverMade(t *testing.T) {
	r := newRegistry(t)
	id := r.instance(t)
	caller := person("layla", identity.RoleOrgAdmin)
	text, made, err := id.CreateToken(t.Context(), caller, identity.TokenOptions{Name: "real"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := with(id, text)
	if err != nil {
		t.Fatal(err)
	}
	c.Capabilities = []string{"catalyst.*"}
	for name, jti := range map[string]string{"of a real id": made.ID, "of its own": "0d2f6c4e-0000-4000-8000-000000000000", "of a strange one": "../x *"} {
		c.ID = jti
		forged := "sbx_" + token(t, jose.RS256, ours(), map[jose.HeaderKey]any{"kid": kid()}, c)
		if _, err := with(id, forged); err == nil {
			t.Errorf("%s: it is taken", name)
		}
	}
}

// A token of one service is refused by another, and verified there with the JWKS
// alone.
func TestTokenForAnotherService(t *testing.T) {
	r := newRegistry(t)
	id := r.instance(t)
	const gitea = "https://gitea.omantel.omani.works"
	caller := person("layla", identity.RoleSovereignAdmin)
	text, made, err := id.CreateToken(t.Context(), caller, identity.TokenOptions{Name: "ci", Audience: gitea, Capabilities: []string{"gitea.repo.*"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := with(id, text); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("here it is answered %v", err)
	}
	keys, err := identity.Keys(id.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	there := identity.NewVerifier(identity.VerifierOptions{Issuer: issuer, Audience: gitea, Key: keys, Now: r.now})
	c, err := there.Verify(text, identity.TypePAT)
	if err != nil || !c.HasCapability("gitea.repo.list") || c.HasCapability("gitea.pr.list") {
		t.Fatalf("there it is %+v: %v", c, err)
	}
	there.Revoke(made.ID, made.ExpiresAt)
	if _, err := there.Verify(text, identity.TypePAT); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("revoked there: %v", err)
	}
	// A plain JWT library agrees.
	parsed, err := jwt.ParseSigned(strings.TrimPrefix(text, "sbx_"), []jose.SignatureAlgorithm{jose.RS256})
	var set jose.JSONWebKeySet
	if err == nil {
		err = json.Unmarshal(id.JWKS(), &set)
	}
	if err == nil {
		err = parsed.Claims(set.Key(parsed.Headers[0].KeyID)[0], &c)
	}
	if err != nil {
		t.Error(err)
	}
}

// Two instances share a journal: what one makes the other takes, and what one
// revokes the other refuses, with what it holds open.
func TestTwoInstances(t *testing.T) {
	r := newRegistry(t)
	one, two := r.instance(t), r.instance(t)
	caller := person("layla", identity.RoleOrgAdmin)
	text, made, err := one.CreateToken(t.Context(), caller, identity.TokenOptions{Name: "both"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := with(two, text)
	if err != nil {
		t.Fatal(err)
	}
	held, release := two.Bind(t.Context(), c)
	defer release()
	if held.Err() != nil {
		t.Fatal("it ends at once")
	}
	if err := one.RevokeToken(t.Context(), caller, made.ID); err != nil {
		t.Fatal(err)
	}
	select {
	case <-held.Done():
	case <-time.After(5 * time.Second):
		t.Fatal("what is held open goes on")
	}
	if cause := context.Cause(held); fault.CodeOf(cause) != fault.Unauthenticated {
		t.Errorf("it ended because of %v", cause)
	}
	if _, err := with(two, text); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("the other instance: %v", err)
	}
	late, release := two.Bind(t.Context(), c)
	defer release()
	if late.Err() == nil {
		t.Error("what begins after it was revoked goes on")
	}
	session, release := two.Bind(t.Context(), caller)
	defer release()
	if session.Err() != nil {
		t.Error("a session ends with a token")
	}
}

// When a token was last used outlives the service.
func TestLastUseIsKept(t *testing.T) {
	r := newRegistry(t)
	caller := person("layla", identity.RoleOrgAdmin)
	id := open(t, identity.Options{Journal: r.Journal, Now: r.now, Resource: resource})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- id.Run(ctx) }()
	text, _, err := id.CreateToken(t.Context(), caller, identity.TokenOptions{Name: "x"})
	if err != nil {
		t.Fatal(err)
	}
	r.clock.Store(int64(42 * time.Minute))
	if _, err := with(id, text); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	again := open(t, identity.Options{Journal: r.Journal, Now: r.now, Resource: resource})
	if list := again.Tokens(caller); len(list) != 1 || !list[0].LastUsedAt.Equal(noon.Add(42*time.Minute)) {
		t.Errorf("the list is %+v", list)
	}
}

// The journal has the id and a hash, and neither the token nor, in the open, what
// its person called it.
func TestNoTokenAtRest(t *testing.T) {
	r := newRegistry(t)
	id := r.instance(t)
	caller := person("layla", identity.RoleOrgAdmin)
	text, made, err := id.CreateToken(t.Context(), caller, identity.TokenOptions{Name: "canary-name"})
	if err != nil {
		t.Fatal(err)
	}
	if err := id.RevokeToken(t.Context(), caller, made.ID); err != nil {
		t.Fatal(err)
	}
	events, err := r.Load(t.Context(), "token."+made.ID)
	if err != nil || len(events) != 2 {
		t.Fatalf("%d events: %v", len(events), err)
	}
	opened, _ := json.Marshal(events)
	signature := text[strings.LastIndex(text, ".")+1:]
	if strings.Contains(string(opened), signature) || !strings.Contains(string(opened), `"hash"`) {
		t.Error("the journal has the token, or no hash of it")
	}
	stored := everything(t, r.dir)
	for what, canary := range map[string]string{"the token": signature, "its name": "canary-name", "its person's address": "layla@omantel.example"} {
		if strings.Contains(stored, canary) {
			t.Errorf("%s lies open in the journal", what)
		}
	}
	if !strings.Contains(stored, made.ID) {
		t.Error("the search finds nothing at all")
	}
}

// everything is the content of all files below a folder.
func everything(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		b.Write(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Verifying a token costs one RSA verification and no journal; the ratio says how
// much comes on top.
func BenchmarkVerifyToken(b *testing.B) {
	id, err := identity.Open(b.Context(), identity.Options{Secrets: identitytest.Ours(), Issuer: issuer})
	if err != nil {
		b.Fatal(err)
	}
	key, now := ours(), time.Now()
	c := person("layla", identity.RoleOrgAdmin)
	c.Issuer, c.Audience, c.ID, c.Type = issuer, jwt.Audience{issuer}, "x", identity.TypePAT
	c.IssuedAt, c.Expiry = jwt.NewNumericDate(now), jwt.NewNumericDate(now.Add(time.Hour))
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: kid()}}, nil)
	if err != nil {
		b.Fatal(err)
	}
	text, err := jwt.Signed(signer).Claims(c).Serialize()
	if err != nil {
		b.Fatal(err)
	}
	keys, err := identity.Keys(id.JWKS())
	if err != nil {
		b.Fatal(err)
	}
	v := identity.NewVerifier(identity.VerifierOptions{Issuer: issuer, Audience: issuer, Key: keys})
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		b.Fatal(err)
	}
	var times []time.Duration
	var bare, whole time.Duration
	for b.Loop() {
		start := time.Now()
		if err := rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, sum[:], signature); err != nil {
			b.Fatal(err)
		}
		middle := time.Now()
		if _, err := v.Verify("sbx_"+text, identity.TypePAT); err != nil {
			b.Fatal(err)
		}
		took := time.Since(middle)
		bare, whole, times = bare+middle.Sub(start), whole+took, append(times, took)
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)*99/100])/float64(time.Millisecond), "p99-ms")
	b.ReportMetric(float64(whole)/float64(bare), "ratio")
}
