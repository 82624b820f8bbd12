package identity

import (
	"crypto"
	"crypto/rsa"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/openova-io/sandbox/conversation/fault"
)

const (
	sha256Hash = crypto.SHA256
	// leeway is the clock skew that is forgiven.
	leeway = 30 * time.Second
	// maxToken is the longest token that is looked at, in bytes.
	maxToken = 16 << 10
)

// VerifierOptions configure a [Verifier].
type VerifierOptions struct {
	// Issuer is the iss that tokens must have.
	Issuer string
	// Audience is the accepting service: one of the token's aud.
	Audience string
	// Key gives the public key of a kid, nil where it is not known. It is asked for
	// every token and must not wait for a network; see [Keys].
	Key func(kid string) *rsa.PublicKey
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Verifier checks tokens as the claim contract says, without a network: it is what
// a service in Go takes to accept our tokens. It is safe for concurrent use.
type Verifier struct {
	options VerifierOptions

	mu      sync.RWMutex
	revoked map[string]time.Time
}

// NewVerifier makes a verifier that knows of no revocations yet.
func NewVerifier(o VerifierOptions) *Verifier {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Verifier{options: o, revoked: map[string]time.Time{}}
}

// Keys gives the keys of a JWK Set, a JWK or a PEM, for [VerifierOptions].
func Keys(document []byte) (func(kid string) *rsa.PublicKey, error) {
	keys, err := parsePublicKeys(document)
	if err != nil {
		return nil, err
	}
	return func(kid string) *rsa.PublicKey {
		for _, k := range keys {
			if kid != "" && k.KeyID == kid {
				return k.Key.(*rsa.PublicKey)
			}
		}
		return nil
	}, nil
}

// Revoke refuses the token with this id from now on. It is forgotten after the
// token's own end, since the token is refused then anyway.
func (v *Verifier) Revoke(jti string, expires time.Time) {
	now := v.options.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	for id, until := range v.revoked {
		if now.After(until.Add(leeway)) {
			delete(v.revoked, id)
		}
	}
	v.revoked[jti] = expires
}

// Verify reads a token of one of the types. Every failure is one and the same
// fault, [fault.Unauthenticated], so that nothing is learned from it.
func (v *Verifier) Verify(token string, types ...string) (Claims, error) {
	c, ok := v.read(token, types)
	if !ok {
		return Claims{}, fault.New(fault.Unauthenticated, "you are not signed in, or your session has ended").Do("Sign in again.")
	}
	return c, nil
}

func (v *Verifier) read(token string, types []string) (c Claims, ok bool) {
	raw, personal := strings.CutPrefix(token, PATPrefix)
	if len(raw) > maxToken {
		return Claims{}, false
	}
	parsed, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil || len(parsed.Headers) != 1 || parsed.Headers[0].KeyID == "" {
		return Claims{}, false
	}
	key := v.options.Key(parsed.Headers[0].KeyID)
	if key == nil || parsed.Claims(key, &c) != nil {
		return Claims{}, false
	}
	switch now := v.options.Now(); {
	case c.Issuer != v.options.Issuer || c.Issuer == "",
		!c.Audience.Contains(v.options.Audience),
		!slices.Contains(types, c.Type),
		personal != (c.Type == TypePAT),
		c.ID == "" || c.Subject == "",
		c.IssuedAt == nil || c.expired(now) || c.early(now):
		return Claims{}, false
	}
	v.mu.RLock()
	_, revoked := v.revoked[c.ID]
	v.mu.RUnlock()
	return c, !revoked
}
