package identity_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/web/identity"
)

// onDisk gives the file below dir that has a text in it, if there is one.
func onDisk(t *testing.T, dir, text string) (found string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if strings.Contains(string(raw), text) {
			found = path
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// invite invites somebody and gives the link of the mail.
func (h *house) invite(t *testing.T, by identity.Claims, email, role string) string {
	t.Helper()
	if _, err := h.Invite(t.Context(), by, by.OrgID, email, role); err != nil {
		t.Fatal(err)
	}
	m := <-h.mails
	found := linkOf.FindStringSubmatch(m.Text)
	if m.To != email || found == nil {
		t.Fatalf("the mail is %+v", m)
	}
	return found[2]
}

// joined invites somebody, who joins.
func (h *house) joined(t *testing.T, by identity.Claims, email, role string) (identity.Claims, identity.Session) {
	t.Helper()
	s, err := h.AcceptInvitation(t.Context(), h.invite(t, by, email, role), identity.SignIn{})
	if err != nil {
		t.Fatal(err)
	}
	return h.claims(t, s), s
}

func TestInvitation(t *testing.T) {
	h := newHouse(t, nil)
	layla := h.signIn(t, "layla@omantel.example")
	link := h.invite(t, layla, "omar@omantel.example", identity.RoleOrgDeveloper)
	if onDisk(t, h.dir, "omar@") != "" {
		t.Error("the address lies open on the disk")
	}
	read, err := h.ReadInvitation(link)
	if err != nil || read.Email != "omar@omantel.example" || read.Role != identity.RoleOrgDeveloper || read.Organization != "My Organization" {
		t.Fatalf("it is for %+v: %v", read, err)
	}
	s, err := h.AcceptInvitation(t.Context(), link, identity.SignIn{})
	if err != nil {
		t.Fatal(err)
	}
	omar := h.claims(t, s)
	if omar.OrgID != layla.OrgID || omar.Role != identity.RoleOrgDeveloper || omar.Email != "omar@omantel.example" || !omar.EmailVerified {
		t.Errorf("he is %+v", omar)
	}
	if _, err := h.AcceptInvitation(t.Context(), link, identity.SignIn{}); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("it works twice: %v", err)
	}
	if _, err := h.Invite(t.Context(), layla, layla.OrgID, "OMAR@omantel.example", identity.RoleOrgViewer); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("a member is invited: %v", err)
	}

	// A newer one takes the older back; an admin takes one back; one ends by itself.
	old := h.invite(t, layla, "sara@omantel.example", identity.RoleOrgViewer)
	newer := h.invite(t, layla, "sara@omantel.example", identity.RoleOrgViewer)
	if _, err := h.ReadInvitation(old); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("the older is good: %v", err)
	}
	list, err := h.Invitations(layla, layla.OrgID)
	if err != nil || len(list) != 1 {
		t.Fatalf("the invitations are %+v: %v", list, err)
	}
	if err := h.Uninvite(t.Context(), layla, layla.OrgID, list[0].ID); err != nil {
		t.Fatal(err)
	}
	if _, err := h.AcceptInvitation(t.Context(), newer, identity.SignIn{}); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("it works when it was taken back: %v", err)
	}
	last := h.invite(t, layla, "sara@omantel.example", identity.RoleOrgViewer)
	h.clock.Store(int64(7 * 24 * time.Hour))
	if _, err := h.AcceptInvitation(t.Context(), last, identity.SignIn{}); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("it works after its time: %v", err)
	}
}

// Nobody gives or takes more than they have, and one admin stays.
func TestRanks(t *testing.T) {
	h := newHouse(t, nil)
	layla := h.signIn(t, "layla@omantel.example")
	omar, _ := h.joined(t, layla, "omar@omantel.example", identity.RoleOrgAdmin)
	sara, _ := h.joined(t, layla, "sara@omantel.example", identity.RoleOrgViewer)
	org, ctx := layla.OrgID, t.Context()
	for name, x := range map[string]struct {
		err  error
		want fault.Code
	}{
		"an admin makes a sovereign-admin": {h.ChangeMember(ctx, layla, org, sara.Subject, identity.RoleSovereignAdmin), fault.Invalid},
		"an admin makes a guest":           {h.ChangeMember(ctx, layla, org, sara.Subject, identity.RoleGuest), fault.Invalid},
		"a viewer raises themselves":       {h.ChangeMember(ctx, sara, org, sara.Subject, identity.RoleOrgAdmin), fault.Denied},
		"a viewer lowers an admin":         {h.ChangeMember(ctx, sara, org, omar.Subject, identity.RoleOrgViewer), fault.Denied},
		"a viewer removes an admin":        {h.RemoveMember(ctx, sara, org, omar.Subject), fault.Denied},
		"somebody who is no member":        {h.RemoveMember(ctx, layla, org, "person-none"), fault.NotFound},
		"an admin lowers an admin":         {h.ChangeMember(ctx, layla, org, omar.Subject, identity.RoleOrgDeveloper), ""},
		"the last admin lowers themselves": {h.ChangeMember(ctx, layla, org, layla.Subject, identity.RoleOrgViewer), fault.Conflict},
		"the last admin goes":              {h.RemoveMember(ctx, layla, org, layla.Subject), fault.Conflict},
	} {
		if x.err != nil || x.want != "" {
			if fault.CodeOf(x.err) != x.want {
				t.Errorf("%s: %v", name, x.err)
			}
		}
	}
	members, err := h.Members(layla, org)
	if err != nil || len(members) != 3 || members[0].Email != "layla@omantel.example" {
		t.Errorf("the members are %+v: %v", members, err)
	}
}

// Another Organization is as one that does not exist, whatever one's role there is.
func TestForeignOrganization(t *testing.T) {
	h := newHouse(t, nil)
	layla, omar := h.signIn(t, "layla@omantel.example"), h.signIn(t, "omar@other.example")
	ctx := t.Context()
	_, members := h.Members(omar, layla.OrgID)
	_, invitations := h.Invitations(omar, layla.OrgID)
	_, invite := h.Invite(ctx, omar, layla.OrgID, "x@other.example", identity.RoleOrgAdmin)
	_, move := h.Switch(ctx, omar, layla.OrgID)
	for name, err := range map[string]error{
		"members": members, "invitations": invitations, "invite": invite, "switch": move,
		"rename": h.RenameOrganization(ctx, omar, layla.OrgID, "Mine"), "change": h.ChangeMember(ctx, omar, layla.OrgID, layla.Subject, identity.RoleOrgViewer),
		"remove": h.RemoveMember(ctx, omar, layla.OrgID, layla.Subject), "uninvite": h.Uninvite(ctx, omar, layla.OrgID, "x"),
		"end": h.EndSession(ctx, omar, layla.SessionID), "no such": h.RenameOrganization(ctx, omar, "org-none", "Mine"),
	} {
		if fault.CodeOf(err) != fault.NotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(h.Organizations(omar)) != 1 {
		t.Errorf("he is in %+v", h.Organizations(omar))
	}
}

// A role changes at once, in what is held open, in tokens of both kinds, and in every
// instance.
func TestRoleChangesAtOnce(t *testing.T) {
	h := newHouse(t, nil)
	other := h.instance(t)
	layla := h.signIn(t, "layla@omantel.example")
	omar, session := h.joined(t, layla, "omar@omantel.example", identity.RoleOrgDeveloper)
	wide, _, err := h.CreateToken(t.Context(), omar, identity.TokenOptions{Name: "wide", Capabilities: []string{"catalyst.draft.*"}})
	if err != nil {
		t.Fatal(err)
	}
	narrow, _, err := h.CreateToken(t.Context(), omar, identity.TokenOptions{Name: "narrow", Capabilities: []string{"catalyst.plan.get"}})
	if err != nil {
		t.Fatal(err)
	}
	hold := func(id *identity.Identity, text string) context.Context {
		c, err := with(id, text)
		if err != nil {
			t.Fatal(err)
		}
		ctx, release := id.Bind(t.Context(), c)
		t.Cleanup(release)
		return ctx
	}
	held := []context.Context{hold(h.Identity, session.Access), hold(other, session.Access), hold(h.Identity, wide), hold(other, wide), hold(h.Identity, narrow), hold(other, narrow)}
	if err := h.ChangeMember(t.Context(), layla, layla.OrgID, omar.Subject, identity.RoleOrgViewer); err != nil {
		t.Fatal(err)
	}
	for i, ctx := range held {
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Second):
			t.Errorf("%d is held on to", i)
		}
	}
	for _, id := range []*identity.Identity{h.Identity, other} {
		c, err := with(id, session.Access)
		if err != nil || c.Role != identity.RoleOrgViewer || c.HasCapability("catalyst.draft.set") || !c.HasCapability("catalyst.plan.get") {
			t.Errorf("he is %+v: %v", c, err)
		}
		// The other instance may not have heard of its revocation yet.
		if c, err := with(id, wide); err == nil && (id == h.Identity || c.HasCapability("catalyst.draft.set")) {
			t.Errorf("the token that could do more: %+v", c)
		}
		if c, err := with(id, narrow); err != nil || !slices.Equal(c.Capabilities, []string{"catalyst.plan.get"}) {
			t.Errorf("the token that could not: %+v, %v", c, err)
		}
	}
}

// Who is removed is out at once, with sessions, tokens and the way back by refresh;
// their own Organization is not touched.
func TestRemovedAtOnce(t *testing.T) {
	h := newHouse(t, nil)
	other := h.instance(t)
	layla := h.signIn(t, "layla@omantel.example")
	before := h.signIn(t, "omar@omantel.example")
	omar, session := h.joined(t, layla, "omar@omantel.example", identity.RoleOrgDeveloper)
	if omar.Subject != before.Subject || omar.OrgID == before.OrgID {
		t.Fatalf("he is %+v and was %+v", omar, before)
	}
	text, _, err := h.CreateToken(t.Context(), omar, identity.TokenOptions{Name: "editor"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := with(other, session.Access)
	if err != nil {
		t.Fatal(err)
	}
	stream, release := other.Bind(t.Context(), c)
	defer release()
	if err := h.RemoveMember(t.Context(), layla, layla.OrgID, omar.Subject); err != nil {
		t.Fatal(err)
	}
	select {
	case <-stream.Done():
	case <-time.After(5 * time.Second):
		t.Error("his stream goes on")
	}
	for _, id := range []*identity.Identity{h.Identity, other} {
		for _, token := range []string{session.Access, text} {
			if _, err := with(id, token); fault.CodeOf(err) != fault.Unauthenticated {
				t.Errorf("he is in: %v", err)
			}
		}
	}
	if _, err := h.Refresh(t.Context(), session.Refresh); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("he refreshes: %v", err)
	}
	again := h.signIn(t, "omar@omantel.example")
	if again.OrgID != before.OrgID {
		t.Errorf("he comes back to %s", again.OrgID)
	}
}

func TestSwitchOrganization(t *testing.T) {
	h := newHouse(t, nil)
	layla := h.signIn(t, "layla@omantel.example")
	own := h.signIn(t, "omar@omantel.example")
	omar, _ := h.joined(t, layla, "omar@omantel.example", identity.RoleOrgViewer)
	text, made, err := h.CreateToken(t.Context(), omar, identity.TokenOptions{Name: "editor"})
	if err != nil {
		t.Fatal(err)
	}
	s, err := h.Switch(t.Context(), omar, own.OrgID)
	if err != nil {
		t.Fatal(err)
	}
	c := h.claims(t, s)
	if c.OrgID != own.OrgID || c.Role != identity.RoleOrgAdmin || c.SessionID != omar.SessionID {
		t.Errorf("he is %+v", c)
	}
	if len(h.Tokens(c)) != 0 || fault.CodeOf(h.RevokeToken(t.Context(), c, made.ID)) != fault.NotFound {
		t.Error("he sees the token of the other Organization")
	}
	if _, err := with(h.Identity, text); err != nil {
		t.Errorf("his token does not go on: %v", err)
	}
	if again := h.signIn(t, "omar@omantel.example"); again.OrgID != own.OrgID {
		t.Errorf("the next time he comes to %s", again.OrgID)
	}
	list, err := h.Sessions(t.Context(), c)
	if err != nil || len(list) != 3 {
		t.Errorf("his sessions are %+v: %v", list, err)
	}
}

func TestOwnSessions(t *testing.T) {
	h := newHouse(t, nil)
	here, there := h.signIn(t, "layla@omantel.example"), h.signIn(t, "layla@omantel.example")
	list, err := h.Sessions(t.Context(), here)
	if err != nil || len(list) != 2 || list[0].ID != there.SessionID || list[0].Current || !list[1].Current || list[0].Agent != "test" || list[0].Method != "email" {
		t.Fatalf("her sessions are %+v: %v", list, err)
	}
	ctx, release := h.Bind(t.Context(), there)
	defer release()
	if err := h.EndSession(t.Context(), here, there.SessionID); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	if list, _ := h.Sessions(t.Context(), here); len(list) != 1 {
		t.Errorf("her sessions are %+v", list)
	}
}

// A guest may talk and spend nothing; the session that a browser had before ends.
func TestGuest(t *testing.T) {
	h := newHouse(t, nil)
	s, err := h.Guest(t.Context(), identity.SignIn{})
	if err != nil {
		t.Fatal(err)
	}
	guest := h.claims(t, s)
	if guest.Role != identity.RoleGuest || guest.OrgID != "" || identity.May(guest, "concierge.conversation.say") != nil {
		t.Errorf("the guest is %+v", guest)
	}
	for _, never := range []string{identity.Approve, "catalyst.secrets.put", "identity.token.create", "org.create", "sandbox.session.create"} {
		if identity.May(guest, never) == nil {
			t.Errorf("a guest may do %s", never)
		}
	}
	was, err := h.Replaced(t.Context(), guest)
	if err != nil || was.Subject != guest.Subject {
		t.Errorf("it was %+v: %v", was, err)
	}
	if _, err := with(h.Identity, s.Access); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("the guest's session goes on: %v", err)
	}
	if was, err := h.Replaced(t.Context(), identity.OwnerClaims(journal.Actor{Subject: "owner", LocalOwner: true})); err != nil || was.Subject != "" {
		t.Errorf("the owner is a guest: %+v, %v", was, err)
	}
}
