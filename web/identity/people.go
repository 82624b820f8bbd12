package identity

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

// people are who can sign in. A person has an id that stays when the address
// changes; which id an address, or an account at a provider, belongs to is a claim
// in the journal, by its keyed hash.
type people struct{ journal *journal.Journal }

// The nouns of the claims that lead to a person.
const (
	byEmail   = "person-email"
	byAccount = "person-account"
)

// The events of a person's aggregate, person.<id>, all sealed with the person's key.
const (
	eventPersonKnown    = "identity.person.known"
	eventPersonSignedIn = "identity.person.signed-in"
)

type personKnown struct {
	Email string `json:"email"`
}

// personSignedIn is the entry by which a person finds their sessions.
type personSignedIn struct {
	SessionID string    `json:"sid"`
	OrgID     string    `json:"orgId"`
	Expires   time.Time `json:"expires"`
}

// find gives the person that a value of a noun leads to.
func (p people) find(ctx context.Context, noun, value string) (string, bool, error) {
	raw, ok, err := p.journal.Claimed(ctx, noun, value)
	if err != nil || !ok {
		return "", false, err
	}
	var d struct {
		Subject string `json:"subject"`
	}
	if err := json.Unmarshal(raw, &d); err != nil {
		return "", false, fault.Wrap(err, fault.Internal, "the record of a person cannot be read")
	}
	if gone, err := p.released(ctx, noun, value, d.Subject); err != nil || gone {
		return "", false, err
	}
	return d.Subject, d.Subject != "", nil
}

// known gives the person of an address, who need not have signed in yet.
func (p people) known(ctx context.Context, email string) (string, error) {
	subject, ok, err := p.find(ctx, byEmail, email)
	if err == nil && !ok {
		subject, err = p.lead(ctx, byEmail, email, "person-"+uuid.NewString())
	}
	if err != nil {
		return "", err
	}
	e := journal.New(eventPersonKnown, personKnown{Email: email}).By(journal.Actor{Kind: journal.System}).Of(subject)
	e.Source = "sandbox/identity"
	// Whoever comes second finds the first's entry.
	if _, err := p.journal.Append(ctx, "person."+subject, 0, e); err != nil && fault.CodeOf(err) != fault.Conflict {
		return "", err
	}
	return subject, nil
}

// lead makes a value lead to a person, and gives the one that it leads to.
func (p people) lead(ctx context.Context, noun, value, subject string) (string, error) {
	err := p.journal.Claim(ctx, noun, value, map[string]string{"subject": subject})
	if fault.CodeOf(err) != fault.Conflict {
		return subject, err
	}
	first, ok, err := p.find(ctx, noun, value)
	if err == nil && !ok {
		err = fault.New(fault.Unavailable, "the record of a person is being changed").Do("Try again.")
	}
	return first, err
}

// signedIn writes down a session of a person's.
func (p people) signedIn(ctx context.Context, subject string, d personSignedIn) error {
	for range 8 {
		events, err := p.journal.Load(ctx, "person."+subject)
		if err != nil {
			return err
		}
		var last uint64
		if len(events) > 0 {
			last = events[len(events)-1].Seq
		}
		e := journal.New(eventPersonSignedIn, d).By(journal.Actor{Kind: journal.System, OrgID: d.OrgID}).Of(subject)
		e.Source, e.TenantID = "sandbox/identity", d.OrgID
		if _, err = p.journal.Append(ctx, "person."+subject, last, e); fault.CodeOf(err) != fault.Conflict {
			return err
		}
	}
	return fault.New(fault.Unavailable, "too many sign in as this person at once").Do("Try again.")
}

// sessions are a person's entries that are not over yet, and where the last one
// was.
func (p people) sessions(ctx context.Context, subject string, now time.Time) (good []personSignedIn, lastOrg string, err error) {
	events, err := p.journal.Load(ctx, "person."+subject)
	if err != nil {
		return nil, "", err
	}
	for _, e := range events {
		var d personSignedIn
		if e.Type != eventPersonSignedIn || e.Erased() || e.Decode(&d) != nil {
			continue
		}
		lastOrg = d.OrgID
		if !now.Before(d.Expires) {
			continue
		}
		if i := slices.IndexFunc(good, func(g personSignedIn) bool { return g.SessionID == d.SessionID }); i >= 0 {
			good[i] = d // it has moved to another Organization
			continue
		}
		good = append(good, d)
	}
	return good, lastOrg, nil
}
