package identity

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/uuid"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

const (
	// LongestTokenTTL is the most that [Options.MaxTokenTTL] may be.
	LongestTokenTTL = longestToken
	// defaultTokenTTL is upstream's life of a personal access token.
	defaultTokenTTL = 7 * 24 * time.Hour
	// shortestTokenTTL is the least that is of any use.
	shortestTokenTTL = time.Minute
	// maxTokens is how many good tokens one person may have in one Organization.
	maxTokens = 100
	// maxGrants is how many grants one token may have.
	maxGrants = 64
)

// agentGrants are what a token may do that was made without a word about it: what
// the concierge's toolbox takes. Nothing in them reads a secret or spends money.
var agentGrants = []string{
	UseConcierge, "identity.self.read", "card.ask", "skills.*", "catalyst.openapi", "catalyst.draft.*", "catalyst.subdomains.check",
	"catalyst.plan.*", "catalyst.deployments.create", "catalyst.deployments.get", "catalyst.deployments.list", "catalyst.deployments.events",
	"marketplace.catalog.list", "marketplace.region.list", "marketplace.sku.list",
}

// Token is a personal access token as it may be shown. The token itself is shown
// once, when it is made, and kept nowhere.
type Token struct {
	// ID is the token's jti, by which it is revoked.
	ID   string `json:"jti"`
	Name string `json:"name"`
	// Audience is the one service that takes the token.
	Audience     string    `json:"audience"`
	Capabilities []string  `json:"capabilities"`
	CreatedAt    time.Time `json:"created_at"`
	ExpiresAt    time.Time `json:"expires_at"`
	// LastUsedAt is when this service last took the token; zero is never. Other
	// audiences do not report.
	LastUsedAt time.Time `json:"last_used_at,omitzero"`
	RevokedAt  time.Time `json:"revoked_at,omitzero"`
}

// TokenOptions are what a person says about a new token.
type TokenOptions struct {
	// Name is what it is for: 1 to 80 characters on one line.
	Name string
	// TTL is how long it lives; 0 means 7 days, or [Options.MaxTokenTTL] where that is
	// less.
	TTL time.Duration
	// Audience is the service that takes it; empty means this one.
	Audience string
	// Capabilities are grants, each within the caller's; empty means what the
	// concierge's toolbox takes.
	Capabilities []string
}

// CreateToken makes a personal access token that can do no more than its maker.
// The answer's text is the only copy there is. Faults: [fault.Invalid] with every
// violation, [fault.Limited] at 100 good tokens, [fault.Unavailable] where it
// cannot be journalled; then there is none.
func (id *Identity) CreateToken(ctx context.Context, caller Claims, o TokenOptions) (string, Token, error) {
	if err := id.check(caller, &o); err != nil {
		return "", Token{}, err
	}
	now := id.options.Now().UTC().Truncate(time.Second)
	t := Token{
		ID: uuid.NewString(), Name: o.Name, Audience: o.Audience, Capabilities: o.Capabilities,
		CreatedAt: now, ExpiresAt: now.Add(o.TTL),
	}
	text, err := id.sign(Claims{
		Issuer: id.options.Issuer, Subject: caller.Subject, Audience: jwt.Audience{t.Audience}, ID: t.ID,
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(t.ExpiresAt), Type: TypePAT,
		Email: caller.Email, EmailVerified: caller.EmailVerified, Role: caller.Role, OrgID: caller.OrgID, Groups: caller.Groups,
		Capabilities: t.Capabilities, LocalOwner: caller.LocalOwner,
	})
	if err != nil {
		return "", Token{}, err
	}
	text = PATPrefix + text
	if len(text) > maxToken {
		return "", Token{}, fault.New(fault.Limited, "the token would be too long to be taken").At("capabilities").Do("name fewer capabilities")
	}
	if err := id.tokens.create(ctx, caller, t, sha256.Sum256([]byte(text))); err != nil {
		return "", Token{}, err
	}
	return text, t, nil
}

// check finds everything that is wrong with the options, and fills in what was
// left out.
func (id *Identity) check(caller Claims, o *TokenOptions) error {
	var v []fault.Violation
	bad := func(path, rule, value, message, suggestion string) {
		if r := []rune(value); len(r) > 80 {
			value = string(r[:80])
		}
		v = append(v, fault.Violation{Path: path, Rule: rule, Value: value, Message: message, Suggestion: suggestion})
	}
	o.Name = strings.TrimSpace(o.Name)
	switch {
	case o.Name == "":
		bad("name", "required", "", "A token needs a name.", "Say what it is for, such as the editor that will have it.")
	case len([]rune(o.Name)) > 80 || strings.ContainsFunc(o.Name, func(r rune) bool { return !unicode.IsPrint(r) }):
		bad("name", "length", o.Name, "A name is one line of at most 80 characters.", "")
	}
	longest := id.options.MaxTokenTTL
	switch {
	case o.TTL == 0:
		o.TTL = min(defaultTokenTTL, longest)
	case o.TTL < shortestTokenTTL || o.TTL > longest:
		bad("ttl_hours", "range", fmt.Sprint(o.TTL.Hours()), fmt.Sprintf("A token lives for a minute to %v hours.", longest.Hours()), "Leave it out for the usual time.")
	}
	if o.Audience == "" {
		o.Audience = id.options.Audience
	}
	if message := id.badAudience(o.Audience); message != "" {
		bad("audience", "audience", o.Audience, message, "Leave it out for this service.")
	}
	if len(o.Capabilities) > maxGrants {
		bad("capabilities", "length", fmt.Sprint(len(o.Capabilities)), fmt.Sprintf("A token has at most %d grants.", maxGrants), "Name a family, such as catalyst.draft.*, in place of its members.")
		o.Capabilities = nil
	}
	for i, g := range o.Capabilities {
		path := fmt.Sprintf("capabilities[%d]", i)
		known, _ := CapabilityNamed(g)
		switch {
		case !validGrant(g):
			bad(path, "grant", g, "This is not a capability.", "It is dotted words, such as catalyst.plan.create or catalyst.draft.*.")
		case !Contains(caller.Capabilities, g):
			bad(path, "subset", g, "You may not do this yourself, so you cannot hand it on.", "")
		case !exists(g):
			bad(path, "unknown", g, "There is no such capability.", "The API's description names that of every operation.")
		case known.Person:
			bad(path, "person", g, "Only a person who is signed in may do this, and no program for them.", "Leave it out.")
		}
	}
	if len(o.Capabilities) == 0 {
		o.Capabilities = Intersect(caller.Capabilities, agentGrants)
	}
	o.Capabilities = reduce(o.Capabilities)
	return fault.Violated("the token", v)
}

// badAudience says what is wrong with an audience, if anything. The console of a
// Sovereign is the audience of its handover, and upstream's receiver does not look
// at typ: a token for one would let its holder in as the Sovereign's admin.
func (id *Identity) badAudience(audience string) string {
	if audience == id.options.Audience {
		return ""
	}
	u, err := url.Parse(audience)
	switch {
	case err != nil || len(audience) > 256 || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.Fragment != "":
		return "An audience is the http or https address of a service."
	case strings.HasPrefix(strings.ToLower(u.Hostname()), "console."):
		return "The console of a Sovereign takes no token of another service."
	}
	return ""
}

// Tokens are the caller's own in the Organization that they act in, the newest
// first: those that are good, and those that were revoked or ended within the last
// 30 days.
func (id *Identity) Tokens(caller Claims) []Token { return id.tokens.list(caller) }

// RevokeToken ends a token of the caller's at once: here, on what it holds open,
// and everywhere that follows the journal. Revoking one again only tells the
// others again. Faults: [fault.NotFound] for a token that is not the caller's,
// [fault.Unavailable] where it cannot be journalled, or the others not be told.
func (id *Identity) RevokeToken(ctx context.Context, caller Claims, jti string) error {
	return id.tokens.revoke(ctx, caller, jti)
}

// The events of a token's aggregate, token.<jti>.
const (
	eventTokenCreated = "identity.token.created"
	eventTokenUsed    = "identity.token.used"
	eventTokenRevoked = "identity.token.revoked"
)

// tokenCreated is sealed with its person's key. Hash is the token's SHA-256: what
// only a stolen signing key could say is not what was handed out.
type tokenCreated struct {
	Hash         []byte    `json:"hash"`
	Name         string    `json:"name"`
	Audience     string    `json:"audience"`
	Capabilities []string  `json:"capabilities"`
	ExpiresAt    time.Time `json:"expiresAt"`
}

type tokenUsed struct {
	At time.Time `json:"at"`
}

// tokenRevoked is also told to other services, as catalyst.identity.token.revoked.
type tokenRevoked struct {
	JTI       string    `json:"jti"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// tokenEvent is by a person, whose address is left out where it would lie open.
func tokenEvent(kind string, by Claims, data any) journal.Event {
	actor := by.Actor("")
	actor.Email, actor.EmailVerified = "", false
	e := journal.New(kind, data).By(actor)
	e.Source, e.TenantID = "sandbox/identity", by.OrgID
	return e
}
