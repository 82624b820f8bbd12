package identity

import (
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/openova-io/sandbox/conversation/journal"
)

// This file is the claim contract: what stands in every token of the house, and
// what whoever accepts one has to check. A service in Go takes [Verifier], which
// does all of it; any other follows the list below.
//
// # The token
//
// A token is a JWT (RFC 7519), signed RS256. A personal access token has "sbx_"
// before it, so that scanners of repositories find one that was lost; what comes
// after is the JWT. The public keys are the JWK Set at /.well-known/jwks.json of
// the issuer; a token's header names its key by kid. Keys change: fetch the set
// again for a kid that is not known, at most once a minute.
//
// # What an accepting service checks, in this order
//
//  1. The algorithm is RS256. Nothing in the token chooses how it is verified:
//     "jwk", "jku", "x5c" and "x5u" in the header are ignored (RFC 8725).
//  2. The key is the one of the set whose kid the header names.
//  3. iss is the issuer, letter by letter.
//  4. aud contains the accepting service, letter by letter. That of an access token
//     is a resource, such as https://sandbox.example.com/mcp/concierge, and nothing
//     else of the same service takes it.
//  5. typ is the type that is expected at this place: a handover is not a session.
//  6. exp is there and not over; iat and nbf are not in the future. 30 seconds of
//     clock skew are forgiven.
//  7. pat: jti is not revoked. Revocations are published as
//     catalyst.identity.token.revoked with {"jti", "expiresAt"} and may be
//     forgotten at expiresAt. handover: jti was never seen before.
//     A member who is removed, or whose role no longer covers a token, has it revoked
//     the same way.
//  8. capabilities covers the one capability that the operation names; see
//     [Covers]. No capability, no access.
//  9. A record belongs to org_id, which is unique within iss ("home" is the issuer's
//     own Organization). One of another Organization answers 404.
//
// A session's role and capabilities are those of when it was signed, at most 15
// minutes ago; the issuer itself asks anew at each request.
//
// A token that one service was sent is never sent on to another: its aud says so.

// The types of tokens, in the claim typ.
const (
	// TypeSession is a signed-in person in a browser or a program of theirs. It
	// lives for minutes and is replaced by means of a refresh token.
	TypeSession = "session"
	// TypeHandover brings a person to their new Sovereign; it works once.
	TypeHandover = "handover"
	// TypePAT is a personal access token: long-lived, for programs.
	TypePAT = "pat"
	// TypeAccess is an OAuth 2.1 access token of a program that a person has let in,
	// as an editor at the concierge's tools. Its aud is the one resource that takes it
	// (RFC 8707). It lives for minutes and is replaced by means of a refresh token.
	TypeAccess = "access"
)

// PATPrefix stands before the JWT of a personal access token.
const PATPrefix = "sbx_"

// Claims are the claims of every token. The JSON names are upstream's shared
// claims; a claim that a type of token does not use is left out.
type Claims struct {
	// Issuer is the public address of the service that signed.
	Issuer string `json:"iss"`
	// Subject is the person, by an id that does not change when the e-mail address
	// does. In a handover from an upstream Sovereign it may be the address itself.
	Subject string `json:"sub"`
	// Audience is whom the token is for: public addresses of services.
	Audience jwt.Audience `json:"aud,omitempty"`
	// ID is unique for ever. A token is revoked, or used up, by it.
	ID       string           `json:"jti"`
	IssuedAt *jwt.NumericDate `json:"iat"`
	Expiry   *jwt.NumericDate `json:"exp"`
	// NotBefore is only read: our own tokens are valid from IssuedAt on.
	NotBefore *jwt.NumericDate `json:"nbf,omitempty"`

	// Type is session, handover, pat or access.
	Type string `json:"typ"`
	// Email is the person's address, and EmailVerified whether they proved that it
	// is theirs. Without the proof it decides nothing.
	Email         string `json:"email,omitempty"`
	EmailVerified bool   `json:"email_verified,omitempty"`
	// Role is the person's in OrgID: sovereign-admin, org-admin, org-developer,
	// org-viewer, or guest for somebody who has not signed in.
	Role string `json:"role,omitempty"`
	// OrgID is the Organization that the token acts in.
	OrgID string `json:"org_id,omitempty"`
	// Groups are the person's groups at the identity provider that signed them in,
	// as it names them; see [Claims.HasGroup].
	Groups []string `json:"groups,omitempty"`
	// Capabilities are grants: exact ("catalyst.plan.create") or a stem and
	// everything below it ("catalyst.*"). They are what the role and the
	// Organization's plan allow, and in a pat no more than it was made with.
	Capabilities []string `json:"capabilities,omitempty"`
	// SovereignFQDN and DeploymentID name the Sovereign of a handover.
	SovereignFQDN string `json:"sovereign_fqdn,omitempty"`
	DeploymentID  string `json:"deployment_id,omitempty"`

	// SessionID is the sign-in that a session token belongs to, or the consent that an
	// access token does.
	SessionID string `json:"sid,omitempty"`
	// ReturnPath is where a handover lands: relative, on the receiver's allow-list.
	ReturnPath string `json:"return_path,omitempty"`
	// LocalOwner marks the owner of the data directory; see [journal.Actor].
	LocalOwner bool `json:"local_owner,omitempty"`
}

// expired is true when the token's time is over, or was never bounded.
func (c Claims) expired(now time.Time) bool {
	return c.Expiry == nil || now.After(c.Expiry.Time().Add(leeway))
}

// early is true when the token's time has not come yet.
func (c Claims) early(now time.Time) bool {
	for _, from := range []*jwt.NumericDate{c.IssuedAt, c.NotBefore} {
		if from != nil && now.Before(from.Time().Add(-leeway)) {
			return true
		}
	}
	return false
}

// HasCapability tells whether the grants cover a capability. It looks at the
// claims alone; [Identity.May] also knows what only a person may do.
func (c Claims) HasCapability(capability string) bool {
	return slices.ContainsFunc(c.Capabilities, func(grant string) bool { return Covers(grant, capability) })
}

// HasGroup tells whether the person is in a group. A leading slash, which some
// providers write, makes no difference.
func (c Claims) HasGroup(group string) bool {
	group = strings.TrimPrefix(group, "/")
	return group != "" && slices.ContainsFunc(c.Groups, func(g string) bool { return strings.TrimPrefix(g, "/") == group })
}

// Actor is the person of the claims, as other rooms know people. What they say or
// press approves nothing where they may not approve.
func (c Claims) Actor(via string) journal.Actor {
	return journal.Actor{
		Kind: journal.Human, Subject: c.Subject, Email: c.Email, EmailVerified: c.EmailVerified,
		LocalOwner: c.LocalOwner, OrgID: c.OrgID, Via: via, NoConsent: May(c, Approve) != nil,
	}
}
