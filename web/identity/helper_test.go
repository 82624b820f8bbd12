package identity_test

import (
	"crypto/rsa"
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

const (
	issuer = "https://sandbox.example.org"
	fqdn   = "omantel.omani.works"
)

// noon is when every test begins.
var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// ours and foreign are the private keys of two instances.
func ours() *rsa.PrivateKey    { return only(identitytest.Ours()) }
func foreign() *rsa.PrivateKey { return only(identitytest.Foreign()) }

func only(s *identitytest.Secrets) *rsa.PrivateKey {
	for _, k := range s.Keys() {
		return k
	}
	return nil
}

// kid is the name of our key.
func kid() string {
	for k := range identitytest.Ours().Keys() {
		return k
	}
	return ""
}

// open gives an identity with our keys, whose clock is noon.
func open(t *testing.T, options identity.Options) *identity.Identity {
	t.Helper()
	if options.Secrets == nil {
		options.Secrets = identitytest.Ours()
	}
	if options.Issuer == "" {
		options.Issuer = issuer
	}
	if options.Now == nil {
		options.Now = func() time.Time { return noon }
	}
	id, err := identity.Open(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func openJournal(t *testing.T) *journal.Journal {
	t.Helper()
	keys, err := vault.Open(t.TempDir(), vault.Options{})
	if err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(t.Context(), journal.Options{Dir: t.TempDir(), Sealer: keys})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j
}

// token signs the claims with a key of any kind, as somebody else would.
func token(t *testing.T, alg jose.SignatureAlgorithm, key any, header map[jose.HeaderKey]any, claims any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, &jose.SignerOptions{ExtraHeaders: header})
	if err != nil {
		t.Fatal(err)
	}
	out, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// at is a time as a claim.
func at(d time.Duration) *jwt.NumericDate { return jwt.NewNumericDate(noon.Add(d)) }

func wantCode(t *testing.T, err error, code fault.Code) {
	t.Helper()
	if fault.CodeOf(err) != code {
		t.Fatalf("got code %q (%v), want %q", fault.CodeOf(err), err, code)
	}
}
