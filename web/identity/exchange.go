package identity

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/url"
	"strings"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
)

// Issued is what a program gets for a code or a refresh token (RFC 6749 §5.1).
type Issued struct {
	Access  string `json:"access_token"`
	Type    string `json:"token_type"` // Bearer
	Seconds int    `json:"expires_in"`
	Refresh string `json:"refresh_token"`
	Scope   string `json:"scope"`
}

// invalidGrant is one answer to all codes and refresh tokens that are not good, so
// that nothing is learned from it.
func invalidGrant() error {
	return oauthError("invalid_grant", "the code or refresh token is not good, not yours, or not good any more")
}

// Exchange answers the token endpoint: an authorization code (RFC 6749 §4.1.3) with
// its verifier (RFC 7636 §4.5), or a refresh token (RFC 6749 §6), each once. A code
// or token that comes again ends what the person had allowed, as somebody has a
// copy; for a refresh token that is within 30 seconds the same successor comes
// again. Faults: [*OAuthError], or [fault.Unavailable].
func (id *Identity) Exchange(ctx context.Context, form url.Values) (Issued, error) {
	for name, values := range form {
		if len(values) > 1 {
			return Issued{}, oauthError("invalid_request", "a parameter comes twice: "+cutText(name, 40))
		}
	}
	purpose, secret, grace := forAccess, "code", time.Duration(-1)
	switch form.Get("grant_type") {
	case "authorization_code":
	case "refresh_token":
		purpose, secret, grace = forGrant, "refresh_token", refreshGrace
	default:
		return Issued{}, oauthError("unsupported_grant_type", "grant_type is authorization_code or refresh_token")
	}
	if _, known := id.oauthClient(form.Get("client_id")); !known {
		return Issued{}, oauthError("invalid_client", "this client_id is not registered here, or not any more")
	}
	sid, generation, ok := id.readNext(purpose, form.Get(secret))
	if !ok {
		return Issued{}, invalidGrant()
	}
	x, ok, err := id.sessions.get(ctx, sid)
	switch {
	case err != nil:
		return Issued{}, err
	case !ok || x.ended || x.Grant == nil || x.Grant.ClientID != form.Get("client_id"):
		return Issued{}, invalidGrant()
	case form.Has("resource") && !id.isResource(form.Get("resource")):
		return Issued{}, oauthError("invalid_target", "the code or token is for "+x.Grant.Resource)
	case purpose == forAccess && !x.Grant.proves(form), purpose == forAccess && x.generation == 0 && id.options.Now().Sub(x.startedAt) > codeLife:
		return Issued{}, invalidGrant()
	}
	s, err := id.goOn(ctx, sid, generation, grace)
	if fault.CodeOf(err) == fault.Unauthenticated {
		return Issued{}, invalidGrant()
	}
	if err != nil {
		return Issued{}, err
	}
	c, err := id.resource.Verify(s.Access, TypeAccess)
	if err != nil {
		return Issued{}, err
	}
	return Issued{
		Access: s.Access, Type: "Bearer", Seconds: int(c.Expiry.Time().Sub(c.IssuedAt.Time()).Seconds()), Refresh: s.Refresh,
		Scope: strings.Join(c.Capabilities, " "),
	}, nil
}

// proves tells whether a code comes from the program that asked for it, by the way
// that it asked.
func (g *grant) proves(form url.Values) bool {
	verifier := form.Get("code_verifier")
	sum := sha256.Sum256([]byte(verifier))
	return len(verifier) >= 43 && len(verifier) <= 128 && (!form.Has("redirect_uri") || form.Get("redirect_uri") == g.Redirect) &&
		subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(g.Challenge)) == 1
}

// RevokeGrant ends, at once and with all that it holds open, what a refresh token or
// an access token stands for (RFC 7009). One that is not good is none, and no fault.
func (id *Identity) RevokeGrant(ctx context.Context, form url.Values) error {
	token := form.Get("token")
	sid, _, ok := id.readNext(forGrant, token)
	if !ok {
		c, err := id.resource.Verify(token, TypeAccess)
		if err != nil || c.SessionID == "" {
			return nil
		}
		sid = c.SessionID
	}
	x, ok, err := id.sessions.get(ctx, sid)
	if err != nil || !ok || x.Grant == nil {
		return err
	}
	if form.Has("client_id") && form.Get("client_id") != x.Grant.ClientID {
		return oauthError("invalid_client", "the token is another program's")
	}
	return id.endSession(ctx, sid, "revoked")
}

func cutText(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n])
	}
	return s
}
