package identity

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

// invitationTTL is how long an invitation is good.
const invitationTTL = 7 * 24 * time.Hour

// Invitation is somebody who may join an Organization.
type Invitation struct {
	ID        string    `json:"id"`
	Email     string    `json:"email"`
	Role      string    `json:"role"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`

	subject string
}

// Invited is what somebody who has an invitation is told of it.
type Invited struct {
	Organization string    `json:"organization"`
	Email        string    `json:"email"`
	Role         string    `json:"role"`
	ExpiresAt    time.Time `json:"expires_at"`
}

// invitationSlip is what the link of an invitation stands for.
type invitationSlip struct {
	Org string `json:"org"`
	ID  string `json:"id"`
}

// Invite sends somebody the link by which they join the caller's Organization. It
// works once, for that address, for seven days; one that they had before is taken
// back. Faults: [fault.Invalid], [fault.Denied], [fault.Conflict] for a member,
// [fault.Limited], [fault.Unavailable] where the mail does not get through: then
// the invitation stands, and inviting again sends another.
func (id *Identity) Invite(ctx context.Context, by Claims, org, email, role string) (Invitation, error) {
	if _, err := id.acting(by, org); err != nil {
		return Invitation{}, err
	}
	if err := givable(by, org, role); err != nil {
		return Invitation{}, err
	}
	email, err := Address(email)
	if err != nil {
		return Invitation{}, err
	}
	if !id.Mails() {
		return Invitation{}, fault.New(fault.Unavailable, "this service sends no mails").Do("Ask its operator to configure SMTP.")
	}
	subject, err := id.people.known(ctx, email)
	if err != nil {
		return Invitation{}, err
	}
	now := id.options.Now().UTC().Truncate(time.Second)
	made := Invitation{ID: uuid.NewString(), Email: email, Role: role, CreatedAt: now, ExpiresAt: now.Add(invitationTTL)}
	name := ""
	err = id.orgs.update(ctx, org, func(o organization) ([]journal.Event, error) {
		name = o.name
		if _, ok := o.members[subject]; ok {
			return nil, fault.New(fault.Conflict, "%s is a member already", email).At("email")
		}
		var events []journal.Event
		for _, i := range o.invitations {
			if i.subject == subject || !now.Before(i.ExpiresAt) {
				events = append(events, tokenEvent(eventInviteRevoked, by, inviteEnded{ID: i.ID}))
			}
		}
		if len(o.members)+len(o.invitations)-len(events) >= maxMembers {
			return nil, fault.New(fault.Limited, "an Organization has at most %d members and invitations", maxMembers)
		}
		e := tokenEvent(eventInvited, by, invited{ID: made.ID, Email: email, Role: role, Expires: made.ExpiresAt}).Of(subject)
		return append(events, e), nil
	})
	if err != nil {
		return Invitation{}, err
	}
	s, err := id.newSlip(invitationSlip{org, made.ID})
	if err != nil {
		return Invitation{}, err
	}
	inviter := by.Email
	if inviter == "" {
		inviter = "The owner"
	}
	m, err := write("invitation", email, map[string]any{
		"Inviter": inviter, "Organization": name, "Role": role, "Link": id.link("join", s.text(forInvitation)), "Until": made.ExpiresAt.Format("2 January 2006"),
	})
	if err == nil {
		err = id.send(ctx, m)
	}
	if err != nil {
		return made, fault.Wrap(err, fault.Unavailable, "the invitation is made, but its mail could not be sent").(*fault.Error).Do("Invite them again in a moment.")
	}
	return made, nil
}

// Invitations are those of the caller's Organization that are good, the newest
// first.
func (id *Identity) Invitations(by Claims, org string) ([]Invitation, error) {
	o, err := id.acting(by, org)
	if err != nil {
		return nil, err
	}
	out, now := []Invitation{}, id.options.Now()
	for _, i := range o.invitations {
		if now.Before(i.ExpiresAt) {
			out = append(out, i)
		}
	}
	slices.SortFunc(out, func(a, b Invitation) int {
		if c := b.CreatedAt.Compare(a.CreatedAt); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return out, nil
}

// Uninvite takes an invitation back.
func (id *Identity) Uninvite(ctx context.Context, by Claims, org, invitation string) error {
	if _, err := id.acting(by, org); err != nil {
		return err
	}
	return id.orgs.update(ctx, org, func(o organization) ([]journal.Event, error) {
		if _, ok := o.invitations[invitation]; !ok {
			return nil, fault.New(fault.NotFound, "the Organization has no such invitation")
		}
		return []journal.Event{tokenEvent(eventInviteRevoked, by, inviteEnded{ID: invitation})}, nil
	})
}

// open finds an invitation that is good by its link.
func (id *Identity) open(token string) (organization, Invitation, error) {
	var s invitationSlip
	if _, ok := id.readSlip(forInvitation, token, &s); ok {
		if o, ok := id.orgs.get(s.Org); ok {
			if i, ok := o.invitations[s.ID]; ok && id.options.Now().Before(i.ExpiresAt) {
				return o, i, nil
			}
		}
	}
	return organization{}, Invitation{}, fault.New(fault.NotFound, "this invitation is not good any more").Do("Ask for a new one.")
}

// ReadInvitation says what an invitation is for, without using it up. Faults:
// [fault.NotFound].
func (id *Identity) ReadInvitation(token string) (Invited, error) {
	o, i, err := id.open(token)
	return Invited{Organization: o.name, Email: i.Email, Role: i.Role, ExpiresAt: i.ExpiresAt}, err
}

// AcceptInvitation makes the person whom the mail reached a member and gives them a
// session in the Organization: having the link proves the address. Faults:
// [fault.NotFound], also for one that was accepted before.
func (id *Identity) AcceptInvitation(ctx context.Context, token string, how SignIn) (Session, error) {
	o, i, err := id.open(token)
	if err != nil {
		return Session{}, err
	}
	by := journal.Actor{Kind: journal.Human, Subject: i.subject, OrgID: o.id}
	err = id.orgs.update(ctx, o.id, func(o organization) ([]journal.Event, error) {
		if _, ok := o.invitations[i.ID]; !ok {
			return nil, fault.New(fault.NotFound, "this invitation was used already").Do("Sign in by e-mail.")
		}
		events := []journal.Event{journal.New(eventInviteTaken, inviteEnded{ID: i.ID}).By(by)}
		if _, ok := o.members[i.subject]; !ok {
			events = append(events, journal.New(eventMemberJoined, memberJoined{Email: i.Email, Role: i.Role}).By(by).Of(i.subject))
		}
		return events, nil
	})
	if err != nil {
		return Session{}, err
	}
	how.Method = "invitation"
	return id.enter(ctx, i.subject, i.Email, o.id, how)
}
