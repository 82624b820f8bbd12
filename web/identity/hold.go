package identity

import (
	"context"
	"sync"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
)

// holds are what callers hold open, by the id of the token or the session that it
// hangs on.
type holds struct {
	mu   sync.Mutex
	byID map[string]map[*func()]struct{}
}

func newHolds() *holds { return &holds{byID: map[string]map[*func()]struct{}{}} }

// add calls end when the id ends.
func (h *holds) add(id string, end func()) (forget func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.byID[id] == nil {
		h.byID[id] = map[*func()]struct{}{}
	}
	h.byID[id][&end] = struct{}{}
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if delete(h.byID[id], &end); len(h.byID[id]) == 0 {
			delete(h.byID, id)
		}
	}
}

// end ends all that hangs on the id.
func (h *holds) end(id string) {
	h.mu.Lock()
	var all []*func()
	for end := range h.byID[id] {
		all = append(all, end)
	}
	h.mu.Unlock()
	for _, end := range all {
		(*end)()
	}
}

// Bind gives a context that ends when what the claims stand on does, with a fault
// as its cause: a personal access token by its time or by being revoked, a session
// by its time or by signing out, and not with one of its access tokens. What a
// caller holds open hangs on it. Call release when done.
func (id *Identity) Bind(ctx context.Context, c Claims) (bound context.Context, release func()) {
	var on string
	var until time.Time
	switch {
	case c.Type == TypePAT && c.Expiry != nil:
		on, until = c.ID, c.Expiry.Time().Add(leeway)
	case c.SessionID != "":
		x, _, err := id.sessions.get(ctx, c.SessionID)
		if err != nil {
			return ctx, func() {} // it was good a moment ago
		}
		on, until = c.SessionID, x.Expires
	default:
		return ctx, func() {}
	}
	ended := fault.New(fault.Unauthenticated, "your session or token has ended").Do("Sign in again, or make a new token.")
	ctx, stop := context.WithTimeoutCause(ctx, until.Sub(id.options.Now()), ended)
	ctx, cancel := context.WithCancelCause(ctx)
	forget := id.held.add(on, func() { cancel(ended) })
	// It may have ended before that.
	if c.Type == TypePAT && !id.tokens.good(c.ID) || c.Type != TypePAT && id.sessions.good(ctx, c) != nil {
		cancel(ended)
	}
	return ctx, func() { forget(); cancel(nil); stop() }
}
