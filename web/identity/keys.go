package identity

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/go-jose/go-jose/v4"

	"github.com/openova-io/sandbox/conversation/fault"
)

// keyBits is the size of the RSA key; upstream wants at least 2048.
const keyBits = 3072

// signingKey is this instance's key and the name that others know it by.
type signingKey struct {
	private *rsa.PrivateKey
	kid     string
}

// loadKey reads the signing key from dir, or makes it on the first start.
func loadKey(dir string) (*signingKey, error) {
	path := filepath.Join(dir, "signing.pem")
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if raw, err = makeKey(dir, path); err != nil {
			return nil, fault.Wrap(err, fault.Unavailable, "the signing key could not be made")
		}
	} else if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the signing key cannot be read")
	}
	block, _ := pem.Decode(raw)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, fault.New(fault.Unavailable, "the signing key is not a PEM private key").
			Do("Restore it from a backup, or remove it: everybody has to sign in again.")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the signing key cannot be parsed")
	}
	private, ok := parsed.(*rsa.PrivateKey)
	if !ok || private.N.BitLen() < 2048 {
		return nil, fault.New(fault.Unavailable, "the signing key is not an RSA key of at least 2048 bits")
	}
	jwk := jose.JSONWebKey{Key: private.Public()}
	sum, err := jwk.Thumbprint(cryptoSHA256) // RFC 7638
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the signing key has no thumbprint")
	}
	return &signingKey{private: private, kid: hex.EncodeToString(sum[:8])}, nil
}

func makeKey(dir, path string) ([]byte, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	private, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	raw := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	f, err := os.CreateTemp(dir, "signing-*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	if _, err = f.Write(raw); err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	return raw, err
}

// public is the key as a JWK (RFC 7517), for signatures only.
func (k *signingKey) public() jose.JSONWebKey {
	return jose.JSONWebKey{Key: k.private.Public(), KeyID: k.kid, Algorithm: string(jose.RS256), Use: "sig"}
}

// instance names this instance in cookie names.
func (k *signingKey) instance() string {
	sum := sha256.Sum256([]byte(k.kid))
	return hex.EncodeToString(sum[:4])
}

// parsePublicKey reads the public key of another service: a JWK or a PEM.
func parsePublicKey(raw []byte) (*rsa.PublicKey, error) {
	if block, _ := pem.Decode(raw); block != nil {
		parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "the handover key is not a public key")
		}
		if key, ok := parsed.(*rsa.PublicKey); ok {
			return key, nil
		}
		return nil, fault.New(fault.Invalid, "the handover key is not an RSA key")
	}
	var jwk jose.JSONWebKey
	if err := json.Unmarshal(raw, &jwk); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the handover key is neither a JWK nor a PEM")
	}
	key, ok := jwk.Key.(*rsa.PublicKey)
	if !ok {
		return nil, fault.New(fault.Invalid, "the handover key is not a public RSA key")
	}
	return key, nil
}
