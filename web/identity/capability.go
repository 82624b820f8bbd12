package identity

import (
	"slices"
	"strings"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

// Covers tells whether a grant covers a capability. A grant is the capability
// itself, or "x.*", which covers x and everything below it. A bare x does not
// cover x.y, and no grant is a part of a word: "cat.*" does not cover "catalyst".
// There is no grant for everything.
func Covers(grant, capability string) bool {
	if grant == capability {
		return capability != ""
	}
	stem, wide := strings.CutSuffix(grant, ".*")
	if !wide || stem == "" {
		return false
	}
	return capability == stem || strings.HasPrefix(capability, stem+".")
}

// Contains tells whether every capability that the grant covers is covered by one
// of the grants: whether it may be handed on.
func Contains(grants []string, grant string) bool {
	return slices.ContainsFunc(grants, func(g string) bool { return Covers(g, grant) })
}

// Intersect gives the grants that cover what both sides cover, sorted and without
// one that another covers.
func Intersect(a, b []string) []string {
	var both []string
	for _, x := range a {
		for _, y := range b {
			switch {
			case Covers(x, y):
				both = append(both, y)
			case Covers(y, x):
				both = append(both, x)
			}
		}
	}
	return reduce(both)
}

// reduce sorts grants and leaves out what another one covers.
func reduce(grants []string) []string {
	grants = slices.Clone(grants)
	slices.Sort(grants)
	grants = slices.Compact(grants)
	return slices.DeleteFunc(slices.Clone(grants), func(g string) bool {
		return slices.ContainsFunc(grants, func(other string) bool { return other != g && Covers(other, g) })
	})
}

// validGrant tells whether a text can be a grant: dotted words, the
// last of which may be "*".
func validGrant(s string) bool {
	s = strings.TrimSuffix(s, ".*")
	if s == "" || len(s) > 128 {
		return false
	}
	for word := range strings.SplitSeq(s, ".") {
		if word == "" || strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
			return false
		}
	}
	return true
}

// May tells whether a caller may do what a capability names, with a fault that says
// why not. What is not in the registry nobody may.
func May(c Claims, capability string) error {
	if capability == Public {
		return nil
	}
	known, ok := CapabilityNamed(capability)
	switch {
	case !ok || !c.HasCapability(capability):
		return fault.New(fault.Denied, "you may not do this: it needs %s", capability).Do("Ask an admin of your Organization for it.")
	case known.Person && c.Type != TypeSession:
		return fault.New(fault.Denied, "only a person who is signed in may do this, and no program for them").Do("Do it in the browser.")
	}
	return nil
}

// OwnerClaims are those of the data directory's owner on its socket.
func OwnerClaims(owner journal.Actor) Claims {
	return Claims{
		Subject: owner.Subject, Email: owner.Email, EmailVerified: owner.EmailVerified, OrgID: owner.OrgID, LocalOwner: owner.LocalOwner,
		Type: TypeSession, Role: RoleSovereignAdmin, Capabilities: Grants(RoleSovereignAdmin, PlanEnterprise),
	}
}
