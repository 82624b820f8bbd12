package identity

import (
	"context"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/uuid"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

// handoverTTL is upstream's lifetime of a handover token.
const handoverTTL = 5 * time.Minute

// returnPaths are where a handover may land. Upstream's own receiver ignores the
// claim and goes to /dashboard.
var returnPaths = []string{"/sandbox", "/dashboard"}

// Handover is a person on their way to their Sovereign.
type Handover struct {
	FQDN, DeploymentID, Email, Subject, ReturnPath string
}

// MintHandover makes a handover token in upstream's claims, plus a key id and the
// path to land at. It is made at the click and never stored.
func (id *Identity) MintHandover(_ context.Context, h Handover) (string, error) {
	if !slices.Contains(returnPaths, h.ReturnPath) {
		return "", fault.New(fault.Invalid, "a handover cannot land at %q", h.ReturnPath).At("return_path")
	}
	now := id.options.Now()
	return id.sign(Claims{
		Issuer: id.options.Issuer, Audience: jwt.Audience{"https://console." + h.FQDN}, Subject: h.Subject,
		Email: h.Email, EmailVerified: true, SovereignFQDN: h.FQDN, DeploymentID: h.DeploymentID,
		Role: RoleSovereignAdmin, ID: uuid.NewString(), Type: TypeHandover, ReturnPath: h.ReturnPath,
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(handoverTTL)),
	})
}

// ReceiveHandover checks a handover token as upstream's receiver does and gives
// a session on this Sovereign, with the path to land at. The token is used up
// only when everything else about it is right.
func (id *Identity) ReceiveHandover(ctx context.Context, token string) (session string, expires time.Time, path string, err error) {
	fail := func(format string, args ...any) (string, time.Time, string, error) {
		return "", time.Time{}, "", fault.New(fault.Unauthenticated, format, args...).Do("Go back and press the button again: it makes a new link.")
	}
	if id.peer == nil {
		return "", time.Time{}, "", fault.New(fault.NotFound, "this service takes no handovers")
	}
	if token == "" {
		return fail("missing token parameter")
	}
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return fail("invalid token")
	}
	var c Claims
	if err := parsed.Claims(id.peer, &c); err != nil {
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
	if err := id.claimJTI(ctx, c.ID); err != nil {
		return "", time.Time{}, "", err
	}
	path = c.ReturnPath
	if !slices.Contains(returnPaths, path) {
		path = "/sandbox"
	}
	actor := journal.Actor{Kind: journal.Human, Subject: c.Email, Email: c.Email, EmailVerified: true, Via: "handover"}
	session, expires, err = id.session(actor, RoleSovereignAdmin, sessionTTL)
	return session, expires, path, err
}
