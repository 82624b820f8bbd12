package identity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

const (
	// longestToken is the end of the longest-lived token that may be configured; a
	// key verifies that long after it has signed its last one.
	longestToken = 90 * 24 * time.Hour
	// followAgain is the pause before the journal is followed again after a fault.
	followAgain = time.Second
)

// Options configure an [Identity].
type Options struct {
	// Secrets holds the signing keys.
	Secrets Secrets
	// Issuer is the iss of every token: this service's public address.
	Issuer string
	// Audience is the aud of session tokens; empty means Issuer.
	Audience string
	// Resource is the address of the one resource that programs are let in to by OAuth
	// 2.1; empty lets none in.
	Resource string
	// Journal keeps people, Organizations, sessions, personal access tokens and which
	// handover tokens were used; without it there is only the one-time link.
	Journal *journal.Journal
	// HomeName is what the Organization [Home] is called at first.
	HomeName string
	// SignUp lets people in whom nobody has invited: each gets an Organization of their
	// own, with the plan SignUpPlan; empty means free.
	SignUp     bool
	SignUpPlan string
	// Providers are the OpenID providers whose accounts may sign in.
	Providers []Provider
	// Mailer sends the mails by which people sign in and are invited; nil sends none.
	Mailer Mailer
	// Logger gets no personal content; nil discards.
	Logger *slog.Logger
	// MaxTokenTTL is the longest life of a personal access token, a minute to
	// [LongestTokenTTL]; 0 means the latter.
	MaxTokenTTL time.Duration
	// Handover is set on a Sovereign's console: whom to trust for handovers.
	Handover *HandoverTrust
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// HandoverTrust is what a Sovereign's console checks a handover token against.
type HandoverTrust struct {
	// PublicKey is a JWK or PEM of the service that built the Sovereign.
	PublicKey []byte
	// Issuer is the iss that tokens must have; empty accepts any that the key signed.
	Issuer string
	// FQDN is the Sovereign; the audience must be https://console.<FQDN>.
	FQDN string
}

// Identity signs people in and verifies their tokens. It is safe for concurrent
// use.
type Identity struct {
	options   Options
	ring      *ring
	verifier  *Verifier
	resource  *Verifier // of access tokens
	peer      []jose.JSONWebKey
	tokens    *tokens
	sessions  *sessions
	people    people
	orgs      *organizations
	letters   chan letter
	providers []*provider
	held      *holds
	head      uint64 // the journal's end when the tokens were read

	mu    sync.Mutex
	codes map[[sha256.Size]byte]journal.Actor
}

// Open loads or makes the instance's keys.
func Open(ctx context.Context, options Options) (*Identity, error) {
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Audience == "" {
		options.Audience = options.Issuer
	}
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	if options.HomeName == "" {
		options.HomeName = "Home"
	}
	if options.SignUpPlan == "" {
		options.SignUpPlan = PlanFree
	}
	if !ValidPlan(options.SignUpPlan) {
		return nil, fault.New(fault.Invalid, "there is no plan %q", options.SignUpPlan).Do("It is free, pro or ent.")
	}
	if options.MaxTokenTTL == 0 {
		options.MaxTokenTTL = LongestTokenTTL
	}
	if options.MaxTokenTTL < shortestTokenTTL || options.MaxTokenTTL > LongestTokenTTL {
		return nil, fault.New(fault.Invalid, "the longest life of an access token is %v; it is a minute to %v hours", options.MaxTokenTTL, LongestTokenTTL.Hours())
	}
	keys, err := openRing(ctx, options.Secrets, options.Now, longestToken+leeway)
	if err != nil {
		return nil, err
	}
	id := &Identity{options: options, ring: keys, codes: map[[sha256.Size]byte]journal.Actor{}}
	id.verifier = NewVerifier(VerifierOptions{Issuer: options.Issuer, Audience: options.Audience, Key: keys.verifying, Now: options.Now})
	id.resource = NewVerifier(VerifierOptions{Issuer: options.Issuer, Audience: options.Resource, Key: keys.verifying, Now: options.Now})
	if options.Journal != nil {
		if id.head, err = options.Journal.Head(ctx); err != nil {
			return nil, err
		}
	}
	id.held = newHolds()
	id.people, id.letters = people{options.Journal}, make(chan letter, maxLetters)
	if id.orgs, err = openOrganizations(ctx, options.Journal, options.HomeName, id.moved); err != nil {
		return nil, err
	}
	id.sessions = &sessions{journal: options.Journal, now: options.Now, held: id.held, byID: map[string]*storedSession{}}
	if id.tokens, err = openTokens(ctx, options.Journal, id.verifier, id.held, options.Now); err != nil {
		return nil, err
	}
	if id.providers, err = openProviders(options.Providers, options.Issuer, options.Now); err != nil {
		return nil, err
	}
	if options.Handover != nil {
		if id.peer, err = parsePublicKeys(options.Handover.PublicKey); err != nil {
			return nil, err
		}
	}
	return id, nil
}

// JWKS is the set of public keys (RFC 7517 §5), as JSON.
func (id *Identity) JWKS() []byte { return id.ring.jwks() }

// PublicJWK is the public key that signs now, alone, as upstream's handover wants
// it.
func (id *Identity) PublicJWK() string {
	key, err := id.ring.signing()
	if err != nil {
		return ""
	}
	raw, _ := key.public().MarshalJSON()
	return string(raw)
}

// RotateKeys makes a new signing key. Nobody is signed out: what the keys before
// it signed stays good until its own end.
func (id *Identity) RotateKeys(ctx context.Context) (KeyInfo, error) { return id.ring.rotate(ctx) }

// RevokeKey gives a signing key up, as when it was stolen: every token that it
// signed is refused at once, and Sovereigns that trust it take no more handovers.
func (id *Identity) RevokeKey(ctx context.Context, kid string) error { return id.ring.revoke(ctx, kid) }

// SigningKeys lists the keys, the oldest first.
func (id *Identity) SigningKeys() []KeyInfo { return id.ring.list() }

// NewCode makes a one-time sign-in code for the actor.
func (id *Identity) NewCode(actor journal.Actor) string {
	raw := make([]byte, 24)
	_, _ = rand.Read(raw) // never fails, see crypto/rand
	code := base64.RawURLEncoding.EncodeToString(raw)
	id.mu.Lock()
	defer id.mu.Unlock()
	id.codes[sha256.Sum256([]byte(code))] = actor
	return code
}

// Redeem gives a session for a one-time code, once.
func (id *Identity) Redeem(ctx context.Context, code string, how SignIn) (Session, error) {
	id.mu.Lock()
	sum := sha256.Sum256([]byte(code))
	actor, ok := id.codes[sum]
	delete(id.codes, sum)
	id.mu.Unlock()
	if !ok {
		return Session{}, fault.New(fault.Unauthenticated, "this sign-in link was used already, or is not ours").
			Do("Start the service again: it prints a new link.")
	}
	how.Method = "link"
	return id.start(ctx, actor, "", how)
}

// Token gives a session token for a person who is known already, for programs
// that act for them. It belongs to no session, so nothing but its time ends it.
func (id *Identity) Token(actor journal.Actor, role string, ttl time.Duration) (string, time.Time, error) {
	if actor.LocalOwner {
		role = RoleSovereignAdmin
	}
	now := id.options.Now()
	token, err := id.sign(id.sessionClaims(actor, role, now, ttl))
	return token, now.Add(ttl), err
}

func (id *Identity) sign(c Claims) (string, error) {
	key, err := id.ring.signing()
	if err != nil {
		return "", err
	}
	return signWith(key, c)
}

func signWith(key *signingKey, c Claims) (string, error) {
	token, err := jwt.Signed(key.signer).Claims(c).Serialize()
	if err != nil {
		return "", fault.Wrap(err, fault.Internal, "a token could not be signed")
	}
	return token, nil
}

// Verify reads a session token. Every failure is one and the same fault, so that
// nothing is learned from it.
func (id *Identity) Verify(token string) (Claims, error) {
	return id.verifier.Verify(token, TypeSession)
}

// FromRequest names the caller of a request: a bearer token (RFC 6750), which may
// be a session's or a personal access token, else the session cookie.
func (id *Identity) FromRequest(r *http.Request) (Claims, error) {
	if h := r.Header.Get("Authorization"); h != "" {
		scheme, token, _ := strings.Cut(h, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return Claims{}, fault.New(fault.Unauthenticated, "the Authorization header is not a bearer token")
		}
		token = strings.TrimSpace(token)
		c, err := id.verifier.Verify(token, TypeSession, TypePAT)
		switch {
		case err != nil:
			return Claims{}, err
		case c.Type == TypePAT:
			if err := id.tokens.use(r.Context(), c.ID, token); err != nil {
				return Claims{}, err
			}
			return id.lessen(c)
		}
		return id.current(r.Context(), c)
	}
	cookie, err := r.Cookie(id.CookieName())
	if err != nil {
		return Claims{}, fault.New(fault.Unauthenticated, "you are not signed in").
			Do("Sign in first.")
	}
	c, err := id.Verify(cookie.Value)
	if err != nil {
		return Claims{}, err
	}
	return id.current(r.Context(), c)
}

// FromResource names the caller of a request to [Options.Resource]: by an access
// token that is for it, else as [Identity.FromRequest] does.
func (id *Identity) FromResource(r *http.Request) (Claims, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if id.options.Resource != "" && strings.EqualFold(scheme, "Bearer") {
		if c, err := id.resource.Verify(strings.TrimSpace(token), TypeAccess); err == nil && c.SessionID != "" {
			return id.current(r.Context(), c)
		}
	}
	return id.FromRequest(r)
}

// lessen takes from a personal access token what its person may not do any more.
func (id *Identity) lessen(c Claims) (Claims, error) {
	actor := journal.Actor{Subject: c.Subject, OrgID: c.OrgID, LocalOwner: c.LocalOwner}
	role, grants, ok := id.standing(actor, c.Role)
	if !ok {
		return Claims{}, sessionOver()
	}
	c.Role = role
	if slices.ContainsFunc(c.Capabilities, func(g string) bool { return !Contains(grants, g) }) {
		c.Capabilities = Intersect(c.Capabilities, grants)
	}
	return c, nil
}

// Run keeps up with what other instances of this service do with tokens and
// sessions, and writes down when tokens were used, until ctx ends.
func (id *Identity) Run(ctx context.Context) error {
	j := id.options.Journal
	if j == nil {
		return nil
	}
	var writing sync.WaitGroup
	writing.Go(func() { // ends with ctx
		tick := time.NewTicker(writeUses)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				id.tokens.writeUses(ctx, writeUse)
			case <-ctx.Done():
				last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
				defer cancel()
				id.tokens.writeUses(last, 0)
				return
			}
		}
	})
	defer writing.Wait()
	writing.Go(func() { id.post(ctx) }) // ends with ctx
	for seq := id.head; ; {
		err := j.Follow(ctx, seq, []string{"token.*", "signin.*", "org.*"}, func(e journal.Event) error {
			seq = e.Seq
			switch {
			case strings.HasPrefix(e.Aggregate, "signin."):
				return id.sessions.follow(e)
			case strings.HasPrefix(e.Aggregate, "org."):
				return id.orgs.apply(e)
			}
			return id.tokens.apply(e)
		})
		if ctx.Err() != nil {
			return nil
		}
		if fault.CodeOf(err) != fault.Unavailable {
			return err
		}
		select {
		case <-time.After(followAgain):
		case <-ctx.Done():
			return nil
		}
	}
}

// claimJTI makes a handover token single-use.
func (id *Identity) claimJTI(ctx context.Context, jti string) error {
	err := id.options.Journal.Claim(ctx, "handover", jti, map[string]any{"usedAt": id.options.Now().UTC()})
	if fault.CodeOf(err) == fault.Conflict {
		return fault.New(fault.Unauthenticated, "this handover link was used already").Do("Go back and press the button again: it makes a new one.")
	}
	return err
}
