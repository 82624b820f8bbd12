package identity_test

import (
	"slices"
	"testing"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/web/identity"
)

// TestForgetting: somebody who is erased is out everywhere, in all their
// Organizations and on every instance, and whoever comes with their address then is
// somebody new.
func TestForgetting(t *testing.T) {
	h := newHouse(t, nil)
	layla := h.signIn(t, "layla@alfajr.example")
	omar := h.signIn(t, "omar@alfajr.example")
	if _, err := h.Invite(t.Context(), omar, omar.OrgID, "layla@alfajr.example", identity.RoleOrgAdmin); err != nil {
		t.Fatal(err)
	}
	link := linkOf.FindStringSubmatch((<-h.mails).Text)[2]
	joined, err := h.AcceptInvitation(t.Context(), link, identity.SignIn{})
	if err != nil {
		t.Fatal(err)
	}
	there := h.claims(t, joined)
	if there.Subject != layla.Subject || there.OrgID != omar.OrgID {
		t.Fatalf("she joined as %+v", there)
	}
	var tokens []string
	for _, in := range []identity.Claims{layla, there} {
		token, _, err := h.CreateToken(t.Context(), in, identity.TokenOptions{Name: "hers"})
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, token)
	}
	elsewhere := h.instance(t)
	if _, err := with(elsewhere, joined.Access); err != nil {
		t.Fatal(err)
	}
	open, release := elsewhere.Bind(t.Context(), there)
	defer release()

	forget, err := h.Forgetting(t.Context(), layla)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.vault.ForgetPerson(t.Context(), layla.Subject); err != nil {
		t.Fatal(err)
	}
	if err := forget(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-open.Done() // what another instance holds open for her
	for _, token := range append(tokens, joined.Access) {
		if _, err := with(h.Identity, token); fault.CodeOf(err) != fault.Unauthenticated {
			t.Errorf("one of her tokens is still good: %v", err)
		}
	}
	members, err := h.Members(omar, omar.OrgID)
	if err != nil || slices.ContainsFunc(members, func(m identity.Member) bool { return m.Subject == layla.Subject }) || len(members) != 1 {
		t.Errorf("the members are %+v: %v", members, err)
	}
	again := h.signIn(t, "layla@alfajr.example")
	if again.Subject == layla.Subject || again.OrgID == layla.OrgID || len(h.Organizations(again)) != 1 {
		t.Errorf("she comes back as %+v", again)
	}
}
