package identity_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/vault"
	"github.com/openova-io/sandbox/web/identity"
	"github.com/openova-io/sandbox/web/identity/identitytest"
)

// kids are the keys of the JWKS, the newest first.
func kids(t *testing.T, id *identity.Identity) []string {
	t.Helper()
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(id.JWKS(), &set); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, k := range set.Keys {
		if !k.IsPublic() || k.Use != "sig" || k.Algorithm != "RS256" {
			t.Errorf("the JWKS has %+v", k)
		}
		out = append(out, k.KeyID)
	}
	return out
}

// TestKeyRestsEncrypted makes a real key in a real vault: the same after a restart,
// only its public half in the JWKS, and nothing readable of it on the disk.
func TestKeyRestsEncrypted(t *testing.T) {
	dir := t.TempDir()
	opened := func() (*identity.Identity, error) {
		v, err := vault.Open(dir, vault.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return identity.Open(t.Context(), identity.Options{Secrets: v, Issuer: issuer})
	}
	first, err := opened()
	if err != nil {
		t.Fatal(err)
	}
	again, err := opened()
	if err != nil {
		t.Fatal(err)
	}
	if first.PublicJWK() != again.PublicJWK() || first.CookieName() != again.CookieName() || len(kids(t, first)) != 1 {
		t.Error("a restart makes another key or another cookie")
	}
	var files []string
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		for _, mark := range []string{"PRIVATE KEY", kids(t, first)[0], `"instance"`} {
			if strings.Contains(string(raw), mark) {
				t.Errorf("%s shows %q", path, mark)
			}
		}
		if strings.HasPrefix(d.Name(), "signing-key-") {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) != 1 {
		t.Fatalf("the key's files are %v: %v", files, err)
	}
	if err := os.WriteFile(files[0], []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := opened(); err == nil {
		t.Error("a damaged key is replaced in silence")
	}
}

func TestRotation(t *testing.T) {
	now := noon
	secrets := identitytest.Ours().Clone()
	id := open(t, identity.Options{Secrets: secrets, Now: func() time.Time { return now }})
	before, cookie := kids(t, id), id.CookieName()
	long, _, err := id.Token(layla, identity.RoleOrgAdmin, 90*24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	made, err := id.RotateKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := kids(t, id); !slices.Equal(got, []string{made.KID, before[0]}) {
		t.Errorf("the JWKS names %v", got)
	}
	if id.CookieName() != cookie {
		t.Error("the cookie has another name, so everybody is signed out")
	}
	fresh, _, err := id.Token(layla, identity.RoleOrgAdmin, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := jose.ParseSigned(fresh, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil || parsed.Signatures[0].Header.KeyID != made.KID {
		t.Errorf("the new key does not sign: %v", err)
	}
	restarted := open(t, identity.Options{Secrets: secrets, Now: func() time.Time { return now }})
	for _, each := range []*identity.Identity{id, restarted} {
		for _, token := range []string{long, fresh} {
			if _, err := each.Verify(token); err != nil {
				t.Errorf("a rotation signs out: %v", err)
			}
		}
	}
	now = noon.Add(90 * 24 * time.Hour)
	if _, err := id.Verify(long); err != nil {
		t.Errorf("the old key ends before the longest token that it signed: %v", err)
	}
	now = now.Add(time.Minute)
	if got := kids(t, id); !slices.Equal(got, []string{made.KID}) {
		t.Errorf("the JWKS still names %v", got)
	}
}

func TestRevokedKey(t *testing.T) {
	id := open(t, identity.Options{Secrets: identitytest.Ours().Clone()})
	stolen := kids(t, id)[0]
	token, _, err := id.Token(layla, identity.RoleOrgAdmin, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, id.RevokeKey(t.Context(), "0123456789abcdef"), fault.NotFound)
	if err := id.RevokeKey(t.Context(), stolen); err != nil {
		t.Fatal(err)
	}
	_, err = id.Verify(token)
	wantCode(t, err, fault.Unauthenticated)
	if got := kids(t, id); len(got) != 1 || got[0] == stolen {
		t.Errorf("the JWKS names %v", got)
	}
	if _, _, err := id.Token(layla, identity.RoleOrgAdmin, time.Hour); err != nil {
		t.Errorf("no other key took over: %v", err)
	}
	if list := id.SigningKeys(); len(list) != 2 || list[0].RevokedAt.IsZero() {
		t.Errorf("the keys are %+v", list)
	}
}

// TestHandoverAfterRotation: a Sovereign trusts the one key that it was built with.
func TestHandoverAfterRotation(t *testing.T) {
	secrets := identitytest.Ours().Clone()
	concierge := open(t, identity.Options{Secrets: secrets})
	trusted := concierge.PublicJWK()
	console := open(t, identity.Options{
		Secrets: identitytest.Foreign(), Issuer: "https://console." + fqdn, Journal: openJournal(t),
		Handover: &identity.HandoverTrust{PublicKey: []byte(trusted), Issuer: issuer, FQDN: fqdn},
	})
	born := concierge.SigningKeys()[0].KID
	if _, err := concierge.RotateKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	h := toLayla
	h.TrustedKey = trusted
	token, err := concierge.MintHandover(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := console.ReceiveHandover(t.Context(), token, identity.SignIn{}); err != nil {
		t.Errorf("the Sovereign takes no handover after a rotation: %v", err)
	}
	if err := concierge.RevokeKey(t.Context(), born); err != nil {
		t.Fatal(err)
	}
	_, err = concierge.MintHandover(t.Context(), h)
	wantCode(t, err, fault.Unavailable)
}

// TestVerifierOfAnotherService accepts our tokens by nothing but the JWKS.
func TestVerifierOfAnotherService(t *testing.T) {
	id := open(t, identity.Options{Audience: "https://newapi.example"})
	key, err := identity.Keys(id.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	token, expires, err := id.Token(layla, identity.RoleOrgAdmin, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	clock := func() time.Time { return noon }
	v := identity.NewVerifier(identity.VerifierOptions{Issuer: issuer, Audience: "https://newapi.example", Key: key, Now: clock})
	c, err := v.Verify(token, identity.TypeSession)
	if err != nil || c.OrgID != layla.OrgID {
		t.Fatalf("got %+v: %v", c, err)
	}
	_, err = v.Verify(token, identity.TypePAT, identity.TypeHandover)
	wantCode(t, err, fault.Unauthenticated)
	other := identity.NewVerifier(identity.VerifierOptions{Issuer: issuer, Audience: issuer, Key: key, Now: clock})
	_, err = other.Verify(token, identity.TypeSession)
	wantCode(t, err, fault.Unauthenticated)
	v.Revoke(c.ID, expires)
	_, err = v.Verify(token, identity.TypeSession)
	wantCode(t, err, fault.Unauthenticated)
}
