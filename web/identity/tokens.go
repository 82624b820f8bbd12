package identity

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

const (
	// shownAfterEnd is how long a token that has ended is still listed.
	shownAfterEnd = 30 * 24 * time.Hour
	// writeUses is how often uses are written down, and writeUse how often those of
	// one token: it is for its owner to see, and must not fill the journal.
	writeUses = time.Minute
	writeUse  = time.Hour
)

// tokens are the personal access tokens that the journal knows, in memory, so that
// a request waits for no disk. Appends are made without the lock.
type tokens struct {
	journal  *journal.Journal // nil: there are none
	verifier *Verifier
	now      func() time.Time
	held     *holds

	mu   sync.Mutex
	byID map[string]*storedToken
}

// storedToken is the fold of one token's events.
type storedToken struct {
	Token
	owner, org string
	hash       []byte
	revocation journal.Event // zero until it is revoked
	erased     bool          // its person is gone
	seq        uint64
	written    time.Time // the newest use that the journal has
}

// openTokens reads them.
func openTokens(ctx context.Context, j *journal.Journal, v *Verifier, held *holds, now func() time.Time) (*tokens, error) {
	t := &tokens{journal: j, verifier: v, held: held, now: now, byID: map[string]*storedToken{}}
	if j == nil {
		return t, nil
	}
	ids, err := j.List(ctx, "token")
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if err := t.load(ctx, id); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func (t *tokens) load(ctx context.Context, jti string) error {
	events, err := t.journal.Load(ctx, "token."+jti)
	if err != nil {
		return err
	}
	for _, e := range events {
		if err := t.apply(e); err != nil {
			return err
		}
	}
	return nil
}

// apply takes one event in; one that was seen before changes nothing.
func (t *tokens) apply(e journal.Event) error {
	jti := strings.TrimPrefix(e.Aggregate, "token.")
	t.mu.Lock()
	x := t.byID[jti]
	if x == nil {
		x = &storedToken{Token: Token{ID: jti}}
		t.byID[jti] = x
	}
	if e.Seq <= x.seq {
		t.mu.Unlock()
		return nil
	}
	x.seq = e.Seq
	var err error
	switch e.Type {
	case eventTokenCreated:
		if x.erased = e.Erased(); x.erased {
			break
		}
		var d tokenCreated
		err = e.Decode(&d)
		x.owner, x.org, x.hash, x.CreatedAt = e.Metadata.Actor.Subject, e.TenantID, d.Hash, e.Timestamp.Truncate(time.Second)
		x.Name, x.Audience, x.Capabilities, x.ExpiresAt = d.Name, d.Audience, d.Capabilities, d.ExpiresAt
	case eventTokenUsed:
		var d tokenUsed
		err = e.Decode(&d)
		x.written = d.At
		if d.At.After(x.LastUsedAt) {
			x.LastUsedAt = d.At
		}
	case eventTokenRevoked:
		var d tokenRevoked
		err = e.Decode(&d)
		x.RevokedAt, x.revocation = e.Timestamp.Truncate(time.Second), e
		t.verifier.Revoke(jti, d.ExpiresAt)
	}
	over := x.over()
	t.mu.Unlock()
	if over {
		t.held.end(jti)
	}
	if err != nil {
		return fault.Wrap(err, fault.Internal, "the event %s of a token cannot be read", e.ID)
	}
	return nil
}

func (t *tokens) create(ctx context.Context, by Claims, token Token, hash [sha256.Size]byte) error {
	if t.journal == nil {
		return fault.New(fault.Unavailable, "this service keeps no access tokens")
	}
	good := 0
	for _, have := range t.list(by) {
		if have.RevokedAt.IsZero() && t.now().Before(have.ExpiresAt) {
			good++
		}
	}
	if good >= maxTokens {
		return fault.New(fault.Limited, "you have %d access tokens, and may have no more", good).Do("Revoke those that nobody uses.")
	}
	e := tokenEvent(eventTokenCreated, by, tokenCreated{
		Hash: hash[:], Name: token.Name, Audience: token.Audience, Capabilities: token.Capabilities, ExpiresAt: token.ExpiresAt,
	}).Of(by.Subject)
	e.Timestamp = token.CreatedAt
	return t.append(ctx, token.ID, 0, e)
}

func (t *tokens) append(ctx context.Context, jti string, after uint64, e journal.Event) error {
	stored, err := t.journal.Append(ctx, "token."+jti, after, e)
	if err != nil {
		return err
	}
	for _, e := range stored {
		e.Aggregate = "token." + jti
		if err := t.apply(e); err != nil {
			return err
		}
	}
	return nil
}

// get gives a copy of what is known of a token.
func (t *tokens) get(jti string) (storedToken, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	x, ok := t.byID[jti]
	if !ok {
		return storedToken{}, false
	}
	return *x, true
}

// over tells whether the token is refused before its time.
func (x *storedToken) over() bool { return x.erased || !x.RevokedAt.IsZero() }

func (x *storedToken) of(c Claims) bool {
	return !x.erased && x.owner == c.Subject && (x.org == c.OrgID || x.org == "") && c.Subject != ""
}

// in are the ids of a person's tokens in an Organization.
func (t *tokens) in(org, subject string) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []string
	for jti, x := range t.byID {
		if x.owner == subject && x.org == org && !x.over() {
			out = append(out, jti)
		}
	}
	return out
}

// revokeWhere revokes those of a person's tokens in an Organization that are to go.
func (t *tokens) revokeWhere(ctx context.Context, by Claims, subject, org string, which func(Token) bool) error {
	for _, jti := range t.in(org, subject) {
		x, ok := t.get(jti)
		if !ok || !which(x.Token) {
			continue
		}
		if err := t.revokeAs(ctx, by, Claims{Subject: subject, OrgID: org}, jti); err != nil {
			return err
		}
	}
	return nil
}

func (t *tokens) list(of Claims) []Token {
	t.mu.Lock()
	defer t.mu.Unlock()
	since, out := t.now().Add(-shownAfterEnd), []Token{}
	for _, x := range t.byID {
		if x.of(of) && x.ExpiresAt.After(since) && (x.RevokedAt.IsZero() || x.RevokedAt.After(since)) {
			out = append(out, x.Token)
		}
	}
	slices.SortFunc(out, func(a, b Token) int {
		if c := b.CreatedAt.Compare(a.CreatedAt); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return out
}

func (t *tokens) revoke(ctx context.Context, by Claims, jti string) error {
	return t.revokeAs(ctx, by, by, jti)
}

// revokeAs revokes a token of somebody's by somebody who may.
func (t *tokens) revokeAs(ctx context.Context, by, of Claims, jti string) error {
	for range 8 {
		x, ok := t.get(jti)
		if !ok || !x.of(of) {
			return fault.New(fault.NotFound, "you have no such access token").Do("Take its jti from the list.").At("jti")
		}
		if !x.RevokedAt.IsZero() {
			if err := t.journal.Publish(ctx, x.revocation); err != nil {
				return fault.Wrap(err, fault.Unavailable, "the token is revoked here, but other services could not be told").(*fault.Error).Do("Revoke it again.")
			}
			return nil
		}
		e := tokenEvent(eventTokenRevoked, by, tokenRevoked{JTI: jti, ExpiresAt: x.ExpiresAt})
		e.Timestamp = t.now().UTC()
		err := t.append(ctx, jti, x.seq, e)
		if fault.CodeOf(err) == fault.Conflict { // it was used, or revoked elsewhere
			err = t.load(ctx, jti)
		}
		if err != nil {
			return err
		}
	}
	return fault.New(fault.Conflict, "the token is too busy to be revoked").Do("Revoke it again.")
}

// use takes a token whose signature and claims are good: it has to be the very one
// that was handed out. One that another instance made a moment ago is looked up.
func (t *tokens) use(ctx context.Context, jti, text string) error {
	refused := fault.New(fault.Unauthenticated, "you are not signed in, or your session has ended").Do("Sign in again.")
	if t.journal == nil {
		return refused
	}
	if _, ok := t.get(jti); !ok {
		if err := t.load(ctx, jti); err != nil {
			return err
		}
	}
	sum := sha256.Sum256([]byte(text))
	now := t.now().UTC().Truncate(time.Second)
	t.mu.Lock()
	defer t.mu.Unlock()
	x := t.byID[jti]
	if x == nil || x.over() || subtle.ConstantTimeCompare(x.hash, sum[:]) != 1 {
		return refused
	}
	if now.After(x.LastUsedAt) {
		x.LastUsedAt = now
	}
	return nil
}

// good tells whether a token is known and not over.
func (t *tokens) good(jti string) bool {
	x, ok := t.get(jti)
	return ok && !x.over()
}

// writeUses journals the last uses that are newer than what the journal has by
// more than a time. One that meets another entry is written the next time.
func (t *tokens) writeUses(ctx context.Context, newer time.Duration) {
	var due []storedToken
	t.mu.Lock()
	for _, x := range t.byID {
		if !x.over() && x.LastUsedAt.Sub(x.written) > newer {
			due = append(due, *x)
		}
	}
	t.mu.Unlock()
	slices.SortFunc(due, func(a, b storedToken) int { return bytes.Compare([]byte(a.ID), []byte(b.ID)) })
	for _, x := range due {
		e := journal.New(eventTokenUsed, tokenUsed{At: x.LastUsedAt}).By(journal.Actor{Kind: journal.System})
		e.Source, e.TenantID = "sandbox/identity", x.org
		_ = t.append(ctx, x.ID, x.seq, e)
	}
}
