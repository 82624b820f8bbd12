package identity

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

// OwnSession is one place where the caller is signed in.
type OwnSession struct {
	ID string `json:"id"`
	// Method is link, handover, email, invitation, oauth for a program that was let
	// in, or oidc and the provider's id.
	Method string `json:"method"`
	// Agent is what the browser said that it is, or the program's name for itself.
	Agent     string    `json:"agent"`
	StartedAt time.Time `json:"started_at"`
	// SeenAt is when it last took new tokens, which it does every 15 minutes of use.
	SeenAt    time.Time `json:"seen_at"`
	ExpiresAt time.Time `json:"expires_at"`
	// Current is true for the one that asks.
	Current bool `json:"current"`
}

// Guest begins a session of somebody who has not signed in: a conversation of their
// own, which becomes the person's when they do.
func (id *Identity) Guest(ctx context.Context, how SignIn) (Session, error) {
	how.Method = "guest"
	return id.start(ctx, journal.Actor{Kind: journal.Human, Subject: "guest-" + uuid.NewString()}, RoleGuest, how)
}

// Replaced ends the session that a browser had before somebody signed in in it: what
// was put into a browser does not live on in a person's session. It gives the guest
// whose it was, so that what they began can be kept.
func (id *Identity) Replaced(ctx context.Context, before Claims) (guest journal.Actor, err error) {
	if before.Type != TypeSession || before.SessionID == "" {
		return journal.Actor{}, nil
	}
	if before.Role == RoleGuest {
		guest = before.Actor("web")
	}
	return guest, id.endSession(ctx, before.SessionID, "replaced")
}

// Sessions are where the caller is signed in, the newest first.
func (id *Identity) Sessions(ctx context.Context, by Claims) ([]OwnSession, error) {
	out := []OwnSession{}
	if id.options.Journal == nil {
		return out, nil
	}
	entries, _, err := id.people.sessions(ctx, by.Subject, id.options.Now())
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		x, ok, err := id.sessions.get(ctx, entry.SessionID)
		if err != nil {
			return nil, err
		}
		if !ok || x.ended || x.Actor.Subject != by.Subject || x.Grant != nil && x.generation == 0 {
			continue
		}
		o := OwnSession{
			ID: entry.SessionID, Method: x.Method, Agent: x.Agent, StartedAt: x.startedAt.Truncate(time.Second), SeenAt: x.startedAt.Truncate(time.Second),
			ExpiresAt: x.Expires, Current: entry.SessionID == by.SessionID,
		}
		if x.rotatedAt.After(x.startedAt) {
			o.SeenAt = x.rotatedAt.Truncate(time.Second)
		}
		out = append(out, o)
	}
	slices.Reverse(out)
	return out, nil
}

// EndSession signs the caller out of one of their sessions, with all that it holds
// open. Faults: [fault.NotFound] for one that is not theirs.
func (id *Identity) EndSession(ctx context.Context, by Claims, sid string) error {
	none := fault.New(fault.NotFound, "you have no such session")
	if uuid.Validate(sid) != nil {
		return none
	}
	x, ok, err := id.sessions.get(ctx, sid)
	if err != nil {
		return err
	}
	if !ok || x.Actor.Subject != by.Subject || x.Actor.LocalOwner != by.LocalOwner {
		return none
	}
	return id.endSession(ctx, sid, "ended")
}

// Switch lets the caller's session work in another Organization of theirs, and gives
// its next tokens. What it holds open ends. Faults: [fault.NotFound].
func (id *Identity) Switch(ctx context.Context, by Claims, org string) (Session, error) {
	if by.SessionID == "" {
		return Session{}, fault.New(fault.Denied, "only a session in a browser can do this")
	}
	for range 8 {
		x, ok, err := id.sessions.get(ctx, by.SessionID)
		if err != nil {
			return Session{}, err
		}
		if !ok || x.ended {
			return Session{}, sessionOver()
		}
		to := x.Actor
		to.OrgID = org
		if _, _, member := id.standing(to, ""); !member || org == "" || to.LocalOwner && org != Home {
			return Session{}, noOrganization()
		}
		e := journal.New(eventSessionMoved, sessionMoved{OrgID: org}).By(journal.Actor{Kind: journal.System})
		e.TenantID = org
		err = id.sessions.append(ctx, by.SessionID, x.seq, e)
		if fault.CodeOf(err) == fault.Conflict {
			if err := id.sessions.load(ctx, by.SessionID); err != nil {
				return Session{}, err
			}
			continue
		}
		if err != nil {
			return Session{}, err
		}
		if err := id.people.signedIn(ctx, by.Subject, personSignedIn{SessionID: by.SessionID, OrgID: org, Expires: x.Expires}); err != nil {
			return Session{}, err
		}
		id.held.end(by.SessionID) // this request, too
		x.Actor = to
		return id.pair(by.SessionID, x)
	}
	return Session{}, fault.New(fault.Unavailable, "the session is too busy").Do("Try again.")
}
