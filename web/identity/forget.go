package identity

import (
	"context"
	"slices"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

// Forgetting begins to forget the caller: it reads what has to be known of them
// while it can be read. forget, to be called once their key is destroyed, signs
// them out everywhere, revokes their tokens and takes them out of their
// Organizations, as the end of it. Whoever has one of their tokens after it has
// nothing; somebody who comes with their address is somebody new.
func (id *Identity) Forgetting(ctx context.Context, caller Claims) (forget func(context.Context) error, err error) {
	person := caller.Subject
	signedIn := id.sessions.of(person)
	if id.options.Journal == nil {
		return func(ctx context.Context) error { return id.endAll(ctx, signedIn) }, nil
	}
	entries, _, err := id.people.sessions(ctx, person, id.options.Now())
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !slices.Contains(signedIn, e.SessionID) {
			signedIn = append(signedIn, e.SessionID)
		}
	}
	// The key of a session's first event is gone afterwards: it is read now.
	for _, sid := range signedIn {
		if _, _, err := id.sessions.get(ctx, sid); err != nil {
			return nil, err
		}
	}
	return func(ctx context.Context) error {
		for _, org := range id.tokens.orgs(person) {
			if err := id.tokens.revokeWhere(ctx, caller, person, org, func(Token) bool { return true }); err != nil {
				return err
			}
		}
		for _, o := range id.orgs.with(person) {
			if err := id.leaveOrganization(ctx, caller, o); err != nil {
				return err
			}
		}
		if err := id.endAll(ctx, signedIn); err != nil || caller.Email == "" {
			return err
		}
		subject, ok, err := id.people.find(ctx, byEmail, caller.Email)
		if err == nil && ok && subject == person {
			err = id.people.journal.Release(ctx, byEmail, caller.Email)
		}
		return err
	}, nil
}

func (id *Identity) endAll(ctx context.Context, sids []string) error {
	for _, sid := range sids {
		if err := id.endSession(ctx, sid, "erased"); err != nil {
			return err
		}
	}
	return nil
}

// leaveOrganization takes a person out of an Organization, and back what they were
// invited to. It may be left without an admin.
func (id *Identity) leaveOrganization(ctx context.Context, by Claims, org string) error {
	by.OrgID = org
	return id.orgs.update(ctx, org, func(o organization) ([]journal.Event, error) {
		var events []journal.Event
		if _, ok := o.members[by.Subject]; ok {
			events = append(events, tokenEvent(eventMemberRemoved, by, memberChanged{Subject: by.Subject}))
		}
		for _, i := range o.invitations {
			if i.subject == by.Subject {
				events = append(events, tokenEvent(eventInviteRevoked, by, inviteEnded{ID: i.ID}))
			}
		}
		return events, nil
	})
}

// with are the ids of the Organizations that have a person as a member, or as
// somebody who is invited.
func (o *organizations) with(subject string) []string {
	o.mu.RLock()
	defer o.mu.RUnlock()
	var out []string
	for _, x := range o.byID {
		_, in := x.members[subject]
		for _, i := range x.invitations {
			in = in || i.subject == subject
		}
		if in {
			out = append(out, x.id)
		}
	}
	return out
}

// of are the ids of a person's sessions that were seen here.
func (s *sessions) of(subject string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for sid, x := range s.byID {
		if x.Actor.Subject == subject && !x.ended {
			out = append(out, sid)
		}
	}
	return out
}

// orgs are the Organizations in which a person has tokens that are not over.
func (t *tokens) orgs(subject string) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []string
	for _, x := range t.byID {
		if x.owner == subject && !x.over() && !slices.Contains(out, x.org) {
			out = append(out, x.org)
		}
	}
	return out
}

// gone tells whether a person was erased: what was first known of them cannot be
// read any more.
func (p people) gone(ctx context.Context, subject string) (bool, error) {
	events, err := p.journal.Load(ctx, "person."+subject)
	if err != nil || len(events) == 0 {
		return false, err
	}
	return events[0].Erased(), nil
}

// released gives a claim back that leads to somebody who was erased, as one by an
// account at a provider may.
func (p people) released(ctx context.Context, noun, value, subject string) (bool, error) {
	gone, err := p.gone(ctx, subject)
	if err != nil || !gone {
		return false, err
	}
	if err := p.journal.Release(ctx, noun, value); err != nil && fault.CodeOf(err) != fault.Conflict {
		return false, err
	}
	return true, nil
}
