package identity

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

// Home is the id of the Organization that an instance has from the beginning: that
// of the owner of its data directory, and on a Sovereign the Sovereign's own.
const Home = "home"

// Organization is one as its members see it.
type Organization struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Plan is free, pro or ent.
	Plan string `json:"plan"`
	// Role is the caller's in it.
	Role string `json:"role"`
	// Current is true for the one that the caller acts in.
	Current bool `json:"current"`
}

// Member is a person in an Organization.
type Member struct {
	Subject  string    `json:"subject"`
	Email    string    `json:"email"`
	Role     string    `json:"role"`
	JoinedAt time.Time `json:"joined_at"`
}

// The events of an Organization's aggregate, org.<id>. Who joins and who is invited
// is sealed with the person's key; whom a change is about is an id.
const (
	eventOrgFounded    = "identity.org.founded"
	eventOrgRenamed    = "identity.org.renamed"
	eventMemberJoined  = "identity.member.joined"
	eventMemberChanged = "identity.member.changed"
	eventMemberRemoved = "identity.member.removed"
	eventInvited       = "identity.invitation.created"
	eventInviteTaken   = "identity.invitation.accepted"
	eventInviteRevoked = "identity.invitation.revoked"
)

type orgFounded struct {
	Name string `json:"name"`
	Plan string `json:"plan"`
}

type orgRenamed struct {
	Name string `json:"name"`
}

type memberJoined struct {
	Email string `json:"email"`
	Role  string `json:"role"`
}

type memberChanged struct {
	Subject string `json:"subject"`
	Role    string `json:"role,omitempty"`
}

type invited struct {
	ID      string    `json:"id"`
	Email   string    `json:"email"`
	Role    string    `json:"role"`
	Expires time.Time `json:"expires"`
}

type inviteEnded struct {
	ID string `json:"id"`
}

// organization is the fold of one.
type organization struct {
	id, name, plan string
	members        map[string]Member
	invitations    map[string]Invitation
	seq            uint64
}

func (o *organization) clone() organization {
	c := *o
	c.members, c.invitations = maps.Clone(o.members), maps.Clone(o.invitations)
	return c
}

// organizations are all of them, in memory, as every request asks for one.
type organizations struct {
	journal *journal.Journal // nil: there are none
	// moved is told whose standing in an Organization is another one now.
	moved func(org, subject string)

	mu   sync.RWMutex
	byID map[string]*organization
}

func openOrganizations(ctx context.Context, j *journal.Journal, home string, moved func(org, subject string)) (*organizations, error) {
	o := &organizations{journal: j, moved: moved, byID: map[string]*organization{}}
	if j == nil {
		return o, nil
	}
	e := journal.New(eventOrgFounded, orgFounded{Name: home, Plan: PlanEnterprise}).By(journal.Actor{Kind: journal.System})
	e.Source, e.TenantID = "sandbox/identity", Home
	if _, err := j.Append(ctx, "org."+Home, 0, e); err != nil && fault.CodeOf(err) != fault.Conflict {
		return nil, err
	}
	ids, err := j.List(ctx, "org")
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if err := o.load(ctx, id); err != nil {
			return nil, err
		}
	}
	return o, nil
}

func (o *organizations) load(ctx context.Context, id string) error {
	events, err := o.journal.Load(ctx, "org."+id)
	if err != nil {
		return err
	}
	for _, e := range events {
		if err := o.apply(e); err != nil {
			return err
		}
	}
	return nil
}

// apply takes one event in; one that was seen before changes nothing.
func (o *organizations) apply(e journal.Event) error {
	id := strings.TrimPrefix(e.Aggregate, "org.")
	o.mu.Lock()
	x := o.byID[id]
	if x == nil {
		x = &organization{id: id, members: map[string]Member{}, invitations: map[string]Invitation{}}
		o.byID[id] = x
	}
	if e.Seq <= x.seq {
		o.mu.Unlock()
		return nil
	}
	x.seq = e.Seq
	about, err := x.take(e)
	o.mu.Unlock()
	if err != nil {
		return fault.Wrap(err, fault.Internal, "the event %s of an Organization cannot be read", e.ID)
	}
	if about != "" {
		o.moved(id, about)
	}
	return nil
}

// take folds one event, and says whose standing it has changed. What is personal in
// it may be gone with its person.
func (x *organization) take(e journal.Event) (about string, err error) {
	switch e.Type {
	case eventOrgFounded:
		var d orgFounded
		err = e.Decode(&d)
		x.name, x.plan = d.Name, d.Plan
	case eventOrgRenamed:
		var d orgRenamed
		err = e.Decode(&d)
		x.name = d.Name
	case eventMemberJoined:
		if e.Erased() {
			break
		}
		var d memberJoined
		err, about = e.Decode(&d), e.Metadata.Person
		x.members[about] = Member{Subject: about, Email: d.Email, Role: d.Role, JoinedAt: e.Timestamp.Truncate(time.Second)}
	case eventMemberChanged:
		var d memberChanged
		err, about = e.Decode(&d), d.Subject
		if m, ok := x.members[about]; ok {
			m.Role = d.Role
			x.members[about] = m
		}
	case eventMemberRemoved:
		var d memberChanged
		err, about = e.Decode(&d), d.Subject
		delete(x.members, about)
	case eventInvited:
		if e.Erased() {
			break
		}
		var d invited
		err = e.Decode(&d)
		x.invitations[d.ID] = Invitation{ID: d.ID, Email: d.Email, Role: d.Role, CreatedAt: e.Timestamp.Truncate(time.Second), ExpiresAt: d.Expires, subject: e.Metadata.Person}
	case eventInviteTaken, eventInviteRevoked:
		var d inviteEnded
		err = e.Decode(&d)
		delete(x.invitations, d.ID)
	}
	return about, err
}

// get gives a copy of an Organization.
func (o *organizations) get(id string) (organization, bool) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	x := o.byID[id]
	if x == nil {
		return organization{}, false
	}
	return x.clone(), true
}

// member gives a person's role in an Organization, and its plan.
func (o *organizations) member(id, subject string) (role, plan string, ok bool) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	x := o.byID[id]
	if x == nil {
		return "", "", false
	}
	m, ok := x.members[subject]
	return m.Role, x.plan, ok
}

// of are the Organizations of a person, by id: the first joined first.
func (o *organizations) of(subject string) []organization {
	o.mu.RLock()
	defer o.mu.RUnlock()
	var out []organization
	for _, x := range o.byID {
		if _, ok := x.members[subject]; ok {
			out = append(out, x.clone())
		}
	}
	slices.SortFunc(out, func(a, b organization) int {
		if c := a.members[subject].JoinedAt.Compare(b.members[subject].JoinedAt); c != 0 {
			return c
		}
		return strings.Compare(a.id, b.id)
	})
	return out
}

// update decides on an Organization as it is now and appends what comes of it; where
// somebody was faster, it decides again.
func (o *organizations) update(ctx context.Context, id string, decide func(organization) ([]journal.Event, error)) error {
	if o.journal == nil {
		return fault.New(fault.Unavailable, "this service keeps no Organizations")
	}
	for range 8 {
		x, _ := o.get(id)
		events, err := decide(x)
		if err != nil || len(events) == 0 {
			return err
		}
		for i := range events {
			events[i].Source, events[i].TenantID = "sandbox/identity", id
		}
		stored, err := o.journal.Append(ctx, "org."+id, x.seq, events...)
		if fault.CodeOf(err) == fault.Conflict {
			if err := o.load(ctx, id); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		for _, e := range stored {
			e.Aggregate = "org." + id
			if err := o.apply(e); err != nil {
				return err
			}
		}
		return nil
	}
	return fault.New(fault.Unavailable, "the Organization is changed by too many at once").Do("Try again.")
}
