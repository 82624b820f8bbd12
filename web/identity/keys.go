package identity

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/openova-io/sandbox/conversation/fault"
)

const (
	// keyBits is the size of a new RSA key: upstream's, and what NIST SP 800-57 part 1
	// gives until 2030, far beyond the life of a key here. One of 3072 bits takes more
	// than six times as long to verify with, at each request of a program.
	keyBits = 2048

	// keyOwner and the purposes below are where the vault has the keys.
	keyOwner     = "identity"
	ringPurpose  = "signing-keys"
	keyPurpose   = "signing-key-" // and the kid
	minKeyLength = 2048
)

// Secrets is where keys rest, encrypted; the house's vault is one. The keys of an
// instance are written by one process.
type Secrets interface {
	Put(ctx context.Context, owner, purpose string, value []byte) error
	Reveal(ctx context.Context, owner, purpose string) ([]byte, error)
	// Blind gives a keyed hash of a value: the same for the same label and value,
	// and nothing without the vault's key.
	Blind(label string, value []byte) []byte
}

// KeyInfo is what may be known of a signing key.
type KeyInfo struct {
	KID       string    `json:"kid"`
	CreatedAt time.Time `json:"createdAt"`
	// RetiredAt is when another key took over signing; zero for the one that signs.
	RetiredAt time.Time `json:"retiredAt,omitzero"`
	// VerifiesUntil is when tokens that it signed are refused; zero while it signs.
	VerifiesUntil time.Time `json:"verifiesUntil,omitzero"`
	// RevokedAt is when it was given up, and with it every token that it signed.
	RevokedAt time.Time `json:"revokedAt,omitzero"`
}

// verifies tells whether tokens of the key are good at a time.
func (k KeyInfo) verifies(now time.Time) bool {
	return k.RevokedAt.IsZero() && (k.VerifiesUntil.IsZero() || now.Before(k.VerifiesUntil))
}

// signingKey is one key of the ring.
type signingKey struct {
	KeyInfo
	private *rsa.PrivateKey
	// secret makes refresh tokens and the codes of challenges; see [signingKey.mac].
	secret []byte
	signer jose.Signer
}

// mac is a keyed hash over the parts, which cannot be shifted into each other.
func (k *signingKey) mac(parts ...string) []byte {
	h := hmac.New(sha256.New, k.secret)
	for _, p := range parts {
		sum := sha256.Sum256([]byte(p))
		h.Write(sum[:])
	}
	return h.Sum(nil)
}

// public is the key as a JWK (RFC 7517), for signatures only.
func (k *signingKey) public() jose.JSONWebKey {
	return jose.JSONWebKey{Key: k.private.Public(), KeyID: k.KID, Algorithm: string(jose.RS256), Use: "sig"}
}

// ring is the keys of this instance. The newest that is not revoked signs. Old ones
// verify until everything that they signed is over, and are kept for ever, since a
// Sovereign trusts for handovers the key that it was born with.
type ring struct {
	secrets Secrets
	now     func() time.Time
	// lasts is how long a token can live that was signed just before a rotation.
	lasts time.Duration

	mu       sync.RWMutex
	instance string
	keys     []*signingKey // the oldest first
}

// storedRing is the list of keys as the vault has it; the keys are beside it.
type storedRing struct {
	// Instance names this instance in cookie names, whatever its keys are.
	Instance string    `json:"instance"`
	Keys     []KeyInfo `json:"keys"`
}

type storedKey struct {
	Private []byte `json:"private"` // PKCS #8
	Secret  []byte `json:"secret"`
}

// openRing reads the keys, or makes the first one.
func openRing(ctx context.Context, secrets Secrets, now func() time.Time, lasts time.Duration) (*ring, error) {
	r := &ring{secrets: secrets, now: now, lasts: lasts}
	raw, err := secrets.Reveal(ctx, keyOwner, ringPurpose)
	if fault.CodeOf(err) == fault.NotFound {
		var id [4]byte
		_, _ = rand.Read(id[:]) // never fails, see crypto/rand
		r.instance = hex.EncodeToString(id[:])
		_, err := r.rotate(ctx)
		return r, err
	}
	if err != nil {
		return nil, err
	}
	var stored storedRing
	if err := json.Unmarshal(raw, &stored); err != nil || stored.Instance == "" || len(stored.Keys) == 0 {
		return nil, damagedRing(err)
	}
	r.instance = stored.Instance
	for _, info := range stored.Keys {
		raw, err := secrets.Reveal(ctx, keyOwner, keyPurpose+info.KID)
		if err != nil {
			return nil, err
		}
		k, err := readKey(raw)
		if err != nil || k.KID != info.KID {
			return nil, damagedRing(err)
		}
		k.KeyInfo = info
		r.keys = append(r.keys, k)
	}
	if r.active() == nil {
		_, err := r.rotate(ctx)
		return r, err
	}
	return r, nil
}

// MakeKeys makes the first signing key in an empty vault, where it should be there
// before anything else is. Where there are keys already it does nothing.
func MakeKeys(ctx context.Context, secrets Secrets) error {
	_, err := openRing(ctx, secrets, time.Now, longestToken+leeway)
	return err
}

func damagedRing(cause error) error {
	return fault.Wrap(orDamaged(cause), fault.Unavailable, "the signing keys in the vault are damaged").(*fault.Error).
		Do("restore the vault from its backup")
}

func orDamaged(err error) error {
	if err == nil {
		return fault.New(fault.Internal, "they are not what they are named")
	}
	return err
}

func readKey(raw []byte) (*signingKey, error) {
	var stored storedKey
	if err := json.Unmarshal(raw, &stored); err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(stored.Private)
	if err != nil {
		return nil, err
	}
	private, ok := parsed.(*rsa.PrivateKey)
	if !ok || private.N.BitLen() < minKeyLength || len(stored.Secret) != 32 {
		return nil, fault.New(fault.Internal, "a signing key is not RSA of at least %d bits with its secret", minKeyLength)
	}
	return newKey(private, stored.Secret)
}

func newKey(private *rsa.PrivateKey, secret []byte) (*signingKey, error) {
	jwk := jose.JSONWebKey{Key: private.Public()}
	sum, err := jwk.Thumbprint(sha256Hash) // RFC 7638
	if err != nil {
		return nil, err
	}
	k := &signingKey{private: private, secret: secret}
	k.KID = hex.EncodeToString(sum[:8])
	k.signer, err = jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: private, KeyID: k.KID}},
		(&jose.SignerOptions{}).WithType("JWT"))
	return k, err
}

// rotate makes a new key that signs from now on. What the keys before it signed
// stays good until its own end. Once it returns the vault has it.
func (r *ring) rotate(ctx context.Context) (KeyInfo, error) {
	private, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return KeyInfo{}, fault.Wrap(err, fault.Internal, "a signing key cannot be made")
	}
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	return r.add(ctx, private, secret)
}

func (r *ring) add(ctx context.Context, private *rsa.PrivateKey, secret []byte) (KeyInfo, error) {
	k, err := newKey(private, secret)
	if err != nil {
		return KeyInfo{}, fault.Wrap(err, fault.Internal, "a signing key cannot sign")
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return KeyInfo{}, fault.Wrap(err, fault.Internal, "a signing key cannot be encoded")
	}
	raw, err := json.Marshal(storedKey{Private: der, Secret: secret})
	if err != nil {
		return KeyInfo{}, err
	}
	// The key first: a list never names a key that is not there.
	if err := r.secrets.Put(ctx, keyOwner, keyPurpose+k.KID, raw); err != nil {
		return KeyInfo{}, err
	}
	now := r.now().UTC().Truncate(time.Millisecond)
	k.CreatedAt = now
	r.mu.Lock()
	defer r.mu.Unlock()
	keys := make([]*signingKey, 0, len(r.keys)+1)
	for _, old := range r.keys {
		next := *old
		if next.RetiredAt.IsZero() {
			next.RetiredAt, next.VerifiesUntil = now, now.Add(r.lasts)
		}
		keys = append(keys, &next)
	}
	keys = append(keys, k)
	if err := r.store(ctx, keys); err != nil {
		return KeyInfo{}, err
	}
	return k.KeyInfo, nil
}

// revoke gives a key up: nothing that it signed is good any more. Where it was the
// one that signs, another takes over.
func (r *ring) revoke(ctx context.Context, kid string) error {
	r.mu.Lock()
	i := slices.IndexFunc(r.keys, func(k *signingKey) bool { return k.KID == kid })
	if i < 0 {
		r.mu.Unlock()
		return fault.New(fault.NotFound, "there is no signing key with this id").Do("list them with: sandbox keys list").At("kid")
	}
	keys := slices.Clone(r.keys)
	next := *keys[i]
	if next.RevokedAt.IsZero() {
		next.RevokedAt = r.now().UTC().Truncate(time.Millisecond)
	}
	keys[i] = &next
	err := r.store(ctx, keys)
	signs := r.active() != nil
	r.mu.Unlock()
	if err != nil || signs {
		return err
	}
	_, err = r.rotate(ctx)
	return err
}

// store writes the list and takes it up. mu is held.
func (r *ring) store(ctx context.Context, keys []*signingKey) error {
	stored := storedRing{Instance: r.instance}
	for _, k := range keys {
		stored.Keys = append(stored.Keys, k.KeyInfo)
	}
	raw, err := json.Marshal(stored)
	if err != nil {
		return err
	}
	if err := r.secrets.Put(ctx, keyOwner, ringPurpose, raw); err != nil {
		return err
	}
	r.keys = keys
	return nil
}

// active is the key that signs; nil where all are revoked. mu is held.
func (r *ring) active() *signingKey {
	for _, k := range slices.Backward(r.keys) {
		if k.RetiredAt.IsZero() && k.RevokedAt.IsZero() {
			return k
		}
	}
	return nil
}

// signing gives the key that signs.
func (r *ring) signing() (*signingKey, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if k := r.active(); k != nil {
		return k, nil
	}
	return nil, fault.New(fault.Unavailable, "there is no signing key").Do("make one with: sandbox keys rotate")
}

// verifying gives the public key of a kid whose tokens are still good, or nil.
func (r *ring) verifying(kid string) *rsa.PublicKey {
	now := r.now()
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, k := range r.keys {
		if k.KID == kid && k.verifies(now) {
			return &k.private.PublicKey
		}
	}
	return nil
}

// named gives the key of a kid whose tokens are still good, or nil.
func (r *ring) named(kid string) *signingKey {
	for _, k := range r.good() {
		if k.KID == kid {
			return k
		}
	}
	return nil
}

// good are the keys whose tokens are still good, the newest first.
func (r *ring) good() []*signingKey {
	now := r.now()
	r.mu.RLock()
	defer r.mu.RUnlock()
	var out []*signingKey
	for _, k := range slices.Backward(r.keys) {
		if k.verifies(now) {
			out = append(out, k)
		}
	}
	return out
}

// trusted gives the key whose public half somebody was given, even long ago, as
// long as it was not revoked.
func (r *ring) trusted(public *rsa.PublicKey) *signingKey {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, k := range r.keys {
		if k.RevokedAt.IsZero() && k.private.PublicKey.Equal(public) {
			return k
		}
	}
	return nil
}

func (r *ring) list() []KeyInfo {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var out []KeyInfo
	for _, k := range r.keys {
		out = append(out, k.KeyInfo)
	}
	return out
}

// jwks is the set of public keys (RFC 7517 §5): of the key that signs, and of those
// whose tokens are still good.
func (r *ring) jwks() []byte {
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, k := range r.good() {
		set.Keys = append(set.Keys, k.public())
	}
	raw, _ := json.Marshal(set)
	return raw
}

// parsePublicKeys reads the public keys of another service: a JWK, a JWK Set or a
// PEM. A key without a kid is good for every token.
func parsePublicKeys(raw []byte) ([]jose.JSONWebKey, error) {
	if block, _ := pem.Decode(raw); block != nil {
		parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "the handover key is not a public key")
		}
		return rsaOnly([]jose.JSONWebKey{{Key: parsed}})
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(raw, &set); err == nil && len(set.Keys) > 0 {
		return rsaOnly(set.Keys)
	}
	var jwk jose.JSONWebKey
	if err := json.Unmarshal(raw, &jwk); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the handover key is neither a JWK, a JWK Set nor a PEM")
	}
	return rsaOnly([]jose.JSONWebKey{jwk})
}

func rsaOnly(keys []jose.JSONWebKey) ([]jose.JSONWebKey, error) {
	for _, k := range keys {
		if public, ok := k.Key.(*rsa.PublicKey); !ok || public.N.BitLen() < minKeyLength {
			return nil, fault.New(fault.Invalid, "the handover key is not a public RSA key of at least %d bits", minKeyLength)
		}
	}
	return keys, nil
}
