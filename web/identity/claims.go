package identity

import (
	"time"

	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/openova-io/sandbox/conversation/journal"
)

// The types of tokens.
const (
	// TypeSession is a signed-in person in a browser or a program of theirs.
	TypeSession = "session"
	// TypeHandover brings a person to their new Sovereign; it works once.
	TypeHandover = "handover"
)

// RoleSovereignAdmin is the role of the person who owns a Sovereign.
const RoleSovereignAdmin = "sovereign-admin"

// Claims are the claims of every token. The JSON names are upstream's shared
// claims; a field that a type of token does not use is left out.
type Claims struct {
	Issuer   string           `json:"iss"`
	Subject  string           `json:"sub"`
	Audience jwt.Audience     `json:"aud,omitempty"`
	ID       string           `json:"jti"`
	IssuedAt *jwt.NumericDate `json:"iat"`
	Expiry   *jwt.NumericDate `json:"exp"`
	// NotBefore is only read: our own tokens are valid from IssuedAt on.
	NotBefore *jwt.NumericDate `json:"nbf,omitempty"`

	Type          string   `json:"typ"`
	Email         string   `json:"email,omitempty"`
	EmailVerified bool     `json:"email_verified,omitempty"`
	Role          string   `json:"role,omitempty"`
	OrgID         string   `json:"org_id,omitempty"`
	Groups        []string `json:"groups,omitempty"`
	Capabilities  []string `json:"capabilities,omitempty"`
	SovereignFQDN string   `json:"sovereign_fqdn,omitempty"`
	DeploymentID  string   `json:"deployment_id,omitempty"`
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

// Actor is the person of the claims, as other rooms know people.
func (c Claims) Actor(via string) journal.Actor {
	return journal.Actor{
		Kind: journal.Human, Subject: c.Subject, Email: c.Email, EmailVerified: c.EmailVerified,
		LocalOwner: c.LocalOwner, OrgID: c.OrgID, Via: via,
	}
}
