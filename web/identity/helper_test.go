package identity_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/web/identity"
)

const (
	issuer = "https://sandbox.example.org"
	fqdn   = "omantel.omani.works"
)

// noon is when every test begins.
var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// The keys are made once: an RSA key costs more than all the tests.
var (
	ours    = sync.OnceValue(newKey)
	foreign = sync.OnceValue(newKey)
)

func newKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

// open gives an identity with the key, whose clock is now.
func open(t *testing.T, key *rsa.PrivateKey, options identity.Options) *identity.Identity {
	t.Helper()
	options.Dir = t.TempDir()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	raw := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if err := os.WriteFile(filepath.Join(options.Dir, "signing.pem"), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if options.Issuer == "" {
		options.Issuer = issuer
	}
	if options.Now == nil {
		options.Now = func() time.Time { return noon }
	}
	id, err := identity.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func openJournal(t *testing.T) *journal.Journal {
	t.Helper()
	j, err := journal.Open(t.Context(), journal.Options{Dir: t.TempDir()})
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
