package identity

import (
	"context"
	"slices"
	"strings"
	"unicode"

	"github.com/google/uuid"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

// maxMembers is how many members and open invitations an Organization may have, and
// maxOrganizations how many Organizations somebody may be in.
const (
	maxMembers       = 500
	maxOrganizations = 50
)

// enter begins a session of a person whose address is verified: in the Organization
// that is named, else in the one where they were last, else in the first that they
// joined. Who is in none gets one of their own where people may sign up.
func (id *Identity) enter(ctx context.Context, subject, email, org string, how SignIn) (Session, error) {
	if org == "" {
		mine := id.orgs.of(subject)
		_, last, err := id.people.sessions(ctx, subject, id.options.Now())
		if err != nil {
			return Session{}, err
		}
		switch {
		case slices.ContainsFunc(mine, func(o organization) bool { return o.id == last }):
			org = last
		case len(mine) > 0:
			org = mine[0].id
		case !id.options.SignUp:
			return Session{}, fault.New(fault.Denied, "nobody has invited you here").Do("Ask an admin of the Organization for an invitation.")
		default:
			if org, err = id.found(ctx, subject, email, "My Organization"); err != nil {
				return Session{}, err
			}
		}
	}
	actor := journal.Actor{Kind: journal.Human, Subject: subject, Email: email, EmailVerified: true, OrgID: org}
	return id.start(ctx, actor, "", how)
}

// found makes an Organization, with its first admin.
func (id *Identity) found(ctx context.Context, subject, email, name string) (string, error) {
	org := "org-" + uuid.NewString()
	by := journal.Actor{Kind: journal.Human, Subject: subject, OrgID: org}
	return org, id.orgs.update(ctx, org, func(organization) ([]journal.Event, error) {
		return []journal.Event{
			journal.New(eventOrgFounded, orgFounded{Name: name, Plan: id.options.SignUpPlan}).By(by),
			journal.New(eventMemberJoined, memberJoined{Email: email, Role: RoleOrgAdmin}).By(by).Of(subject),
		}, nil
	})
}

// join makes a person a member with a role, or gives a member that role.
func (id *Identity) join(ctx context.Context, org, subject, email, role string) error {
	by := journal.Actor{Kind: journal.Human, Subject: subject, OrgID: org}
	return id.orgs.update(ctx, org, func(o organization) ([]journal.Event, error) {
		switch m, ok := o.members[subject]; {
		case !ok:
			return []journal.Event{journal.New(eventMemberJoined, memberJoined{Email: email, Role: role}).By(by).Of(subject)}, nil
		case m.Role != role:
			return []journal.Event{journal.New(eventMemberChanged, memberChanged{Subject: subject, Role: role}).By(by)}, nil
		}
		return nil, nil
	})
}

// noOrganization is the answer to an id that is not the caller's: nothing is
// learned from it.
func noOrganization() error { return fault.New(fault.NotFound, "you have no such Organization") }

func noMember() error { return fault.New(fault.NotFound, "the Organization has no such member") }

// acting gives the Organization that the caller acts in, if it is the one that is
// asked for.
func (id *Identity) acting(by Claims, org string) (organization, error) {
	o, ok := id.orgs.get(org)
	if !ok || org != by.OrgID || org == "" {
		return organization{}, noOrganization()
	}
	return o, nil
}

// Organizations are those that the caller is a member of, the first joined first.
func (id *Identity) Organizations(by Claims) []Organization {
	out := []Organization{}
	for _, o := range id.orgs.of(by.Subject) {
		out = append(out, Organization{ID: o.id, Name: o.name, Plan: o.plan, Role: o.members[by.Subject].Role, Current: o.id == by.OrgID})
	}
	if home, ok := id.orgs.get(Home); ok && by.LocalOwner && !slices.ContainsFunc(out, func(o Organization) bool { return o.ID == Home }) {
		out = slices.Insert(out, 0, Organization{ID: Home, Name: home.name, Plan: home.plan, Role: RoleSovereignAdmin, Current: by.OrgID == Home})
	}
	return out
}

// FoundOrganization makes one whose first admin is the caller. Faults:
// [fault.Invalid] for the name, [fault.Limited] at 50, [fault.Denied] without a
// verified address.
func (id *Identity) FoundOrganization(ctx context.Context, by Claims, name string) (Organization, error) {
	name, err := orgName(name)
	switch {
	case err != nil:
		return Organization{}, err
	case !by.EmailVerified || by.Email == "":
		return Organization{}, fault.New(fault.Denied, "an Organization needs an admin with a verified e-mail address").Do("Sign in by e-mail.")
	case len(id.orgs.of(by.Subject)) >= maxOrganizations:
		return Organization{}, fault.New(fault.Limited, "you are in %d Organizations, and may be in no more", maxOrganizations)
	}
	org, err := id.found(ctx, by.Subject, by.Email, name)
	return Organization{ID: org, Name: name, Plan: id.options.SignUpPlan, Role: RoleOrgAdmin}, err
}

// RenameOrganization gives the caller's another name.
func (id *Identity) RenameOrganization(ctx context.Context, by Claims, org, name string) error {
	if _, err := id.acting(by, org); err != nil {
		return err
	}
	name, err := orgName(name)
	if err != nil {
		return err
	}
	return id.orgs.update(ctx, org, func(o organization) ([]journal.Event, error) {
		if o.name == name {
			return nil, nil
		}
		return []journal.Event{tokenEvent(eventOrgRenamed, by, orgRenamed{Name: name})}, nil
	})
}

func orgName(name string) (string, error) {
	name = strings.TrimSpace(name)
	if name == "" || len([]rune(name)) > 80 || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return "", fault.New(fault.Invalid, "a name is one line of 1 to 80 characters").At("name")
	}
	return name, nil
}

// Members are those of the caller's Organization, by address.
func (id *Identity) Members(by Claims, org string) ([]Member, error) {
	o, err := id.acting(by, org)
	if err != nil {
		return nil, err
	}
	out := []Member{}
	for _, m := range o.members {
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b Member) int { return strings.Compare(a.Email, b.Email) })
	return out, nil
}

// ChangeMember gives a member another role, at once: in what they hold open, too.
// Nobody gives or takes more than they have, and one admin stays. Faults:
// [fault.NotFound], [fault.Invalid] for the role, [fault.Denied], [fault.Conflict].
func (id *Identity) ChangeMember(ctx context.Context, by Claims, org, subject, role string) error {
	if _, err := id.acting(by, org); err != nil {
		return err
	}
	if err := givable(by, org, role); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx) // who changes themselves ends the request in which they do
	err := id.orgs.update(ctx, org, func(o organization) ([]journal.Event, error) {
		m, ok := o.members[subject]
		switch {
		case !ok:
			return nil, noMember()
		case m.Role == role:
			return nil, nil
		case !Outranks(by.Role, m.Role):
			return nil, outranked()
		case lastAdmin(o, subject) && !admin(role):
			return nil, noAdmin()
		}
		return []journal.Event{tokenEvent(eventMemberChanged, by, memberChanged{Subject: subject, Role: role})}, nil
	})
	if err != nil {
		return err
	}
	_, plan, _ := id.orgs.member(org, subject)
	grants := Grants(role, plan)
	return id.tokens.revokeWhere(ctx, by, subject, org, func(t Token) bool {
		return slices.ContainsFunc(t.Capabilities, func(g string) bool { return !Contains(grants, g) })
	})
}

// RemoveMember takes a member out, at once, with their sessions and tokens in the
// Organization. Faults as of [Identity.ChangeMember].
func (id *Identity) RemoveMember(ctx context.Context, by Claims, org, subject string) error {
	if _, err := id.acting(by, org); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	err := id.orgs.update(ctx, org, func(o organization) ([]journal.Event, error) {
		m, ok := o.members[subject]
		switch {
		case !ok:
			return nil, noMember()
		case !Outranks(by.Role, m.Role):
			return nil, outranked()
		case lastAdmin(o, subject):
			return nil, noAdmin()
		}
		return []journal.Event{tokenEvent(eventMemberRemoved, by, memberChanged{Subject: subject})}, nil
	})
	if err != nil {
		return err
	}
	if err := id.endGrants(ctx, subject, org, "removed"); err != nil {
		return err
	}
	return id.tokens.revokeWhere(ctx, by, subject, org, func(Token) bool { return true })
}

// givable tells whether the caller may give a role in an Organization.
func givable(by Claims, org, role string) error {
	switch {
	case !slices.Contains(Roles(), role) || role == RoleSovereignAdmin && org != Home:
		return fault.New(fault.Invalid, "there is no such role").At("role").Do("It is org-admin, org-developer or org-viewer.")
	case !Outranks(by.Role, role):
		return fault.New(fault.Denied, "you cannot give a role above your own").At("role")
	}
	return nil
}

func outranked() error {
	return fault.New(fault.Denied, "the member has a role above your own").Do("Ask an admin with that role.")
}

func noAdmin() error {
	return fault.New(fault.Conflict, "the Organization would have no admin").Do("Make somebody else an admin first.")
}

func admin(role string) bool { return role == RoleOrgAdmin || role == RoleSovereignAdmin }

// lastAdmin is true for the only admin. Whose instance it is can always come in
// from the machine itself, so their Organization may be without.
func lastAdmin(o organization, subject string) bool {
	if o.id == Home || !admin(o.members[subject].Role) {
		return false
	}
	for s, m := range o.members {
		if s != subject && admin(m.Role) {
			return false
		}
	}
	return true
}

// moved ends what somebody holds open in an Organization where their standing has
// changed; what may go on comes back by itself, and is asked anew.
func (id *Identity) moved(org, subject string) {
	if id.sessions == nil || id.tokens == nil {
		return // nothing is open yet
	}
	for _, held := range slices.Concat(id.sessions.in(org, subject), id.tokens.in(org, subject)) {
		id.held.end(held)
	}
}
