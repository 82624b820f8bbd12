package identity

import (
	"context"
	"crypto/rsa"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/uuid"

	"github.com/openova-io/sandbox/conversation/fault"
)

// handoverTTL is upstream's lifetime of a handover token.
const handoverTTL = 5 * time.Minute

// returnPaths are where a handover may land. Upstream's own receiver ignores the
// claim and goes to /dashboard.
var returnPaths = []string{"/sandbox", "/dashboard"}

// Handover is a person on their way to their Sovereign.
type Handover struct {
	FQDN, DeploymentID, Email, Subject, ReturnPath string
	// TrustedKey is the public key (JWK) that the Sovereign was given when it was
	// built; empty means the one that signs now.
	TrustedKey string
}

// MintHandover makes a handover token in upstream's claims, plus a key id and the
// path to land at. It is made at the click and never stored.
func (id *Identity) MintHandover(_ context.Context, h Handover) (string, error) {
	if !slices.Contains(returnPaths, h.ReturnPath) {
		return "", fault.New(fault.Invalid, "a handover cannot land at %q", h.ReturnPath).At("return_path")
	}
	key, err := id.handoverKey(h.TrustedKey)
	if err != nil {
		return "", err
	}
	now := id.options.Now()
	return signWith(key, Claims{
		Issuer: id.options.Issuer, Audience: jwt.Audience{"https://console." + h.FQDN}, Subject: h.Subject,
		Email: h.Email, EmailVerified: true, SovereignFQDN: h.FQDN, DeploymentID: h.DeploymentID,
		Role: RoleSovereignAdmin, ID: uuid.NewString(), Type: TypeHandover, ReturnPath: h.ReturnPath,
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(handoverTTL)),
	})
}

// handoverKey is the key that the Sovereign trusts, however often the keys have
// been rotated since it was built.
func (id *Identity) handoverKey(trusted string) (*signingKey, error) {
	if trusted == "" {
		return id.ring.signing()
	}
	keys, err := parsePublicKeys([]byte(trusted))
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		if own := id.ring.trusted(k.Key.(*rsa.PublicKey)); own != nil {
			return own, nil
		}
	}
	return nil, fault.New(fault.Unavailable, "the key that this Sovereign trusts for handovers is gone or was revoked").
		Do("Sign in to its console directly, or give it the public key of this service.")
}

// ReceiveHandover checks a handover token as upstream's receiver does and gives
// a session on this Sovereign, with the path to land at. The token is used up
// only when everything else about it is right.
func (id *Identity) ReceiveHandover(ctx context.Context, token string, how SignIn) (session Session, path string, err error) {
	fail := func(format string, args ...any) (Session, string, error) {
		return Session{}, "", fault.New(fault.Unauthenticated, format, args...).Do("Go back and press the button again: it makes a new link.")
	}
	if id.peer == nil {
		return Session{}, "", fault.New(fault.NotFound, "this service takes no handovers")
	}
	if token == "" {
		return fail("missing token parameter")
	}
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return fail("invalid token")
	}
	key := peerKey(id.peer, parsed.Headers)
	var c Claims
	if key == nil || parsed.Claims(key, &c) != nil {
		return fail("invalid token")
	}
	trust, now := id.options.Handover, id.options.Now()
	switch {
	case c.expired(now):
		return fail("this handover link has expired")
	case c.early(now):
		return fail("this handover link is not valid yet")
	case trust.Issuer != "" && c.Issuer != trust.Issuer:
		return fail("invalid issuer")
	case !c.Audience.Contains("https://console." + trust.FQDN):
		return fail("invalid audience")
	case c.Type != "" && c.Type != TypeHandover: // upstream's tokens have no typ
		return fail("this is not a handover token")
	case c.Role != RoleSovereignAdmin:
		return fail("insufficient role")
	case !c.EmailVerified || c.Email == "":
		return fail("email not verified")
	case c.ID == "":
		return fail("invalid token")
	}
	path = c.ReturnPath
	if !slices.Contains(returnPaths, path) {
		path = "/sandbox"
	}
	email, err := Address(c.Email)
	if err != nil {
		return fail("invalid email")
	}
	if err := id.claimJTI(ctx, c.ID); err != nil {
		return Session{}, "", err
	}
	subject, err := id.people.known(ctx, email)
	if err == nil {
		err = id.join(ctx, Home, subject, email, RoleSovereignAdmin)
	}
	if err != nil {
		return Session{}, "", err
	}
	how.Method = "handover"
	session, err = id.enter(ctx, subject, email, Home, how)
	return session, path, err
}

// peerKey is the key of the header's kid. Upstream's tokens have none; that is
// good where one key is trusted, and so is a key that has no name.
func peerKey(keys []jose.JSONWebKey, headers []jose.Header) any {
	if len(headers) != 1 {
		return nil
	}
	kid := headers[0].KeyID
	for _, k := range keys {
		if k.KeyID == kid || k.KeyID == "" && len(keys) == 1 || kid == "" && len(keys) == 1 {
			return k.Key
		}
	}
	return nil
}
