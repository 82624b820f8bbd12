package identity_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/openova-io/sandbox/web/identity"
)

func TestCovers(t *testing.T) {
	for _, tt := range []struct {
		grant, capability string
		want              bool
	}{
		{"catalyst.plan.create", "catalyst.plan.create", true},
		{"catalyst.*", "catalyst.plan.create", true},
		{"catalyst.plan.*", "catalyst.plan", true},
		{"catalyst.plan.*", "catalyst.plan.create", true},
		{"catalyst.plan", "catalyst.plan.create", false}, // a bare stem grants no children
		{"cat.*", "catalyst.plan", false},
		{"catalyst.*", "catalystic.plan", false},
		{"*", "catalyst.plan", false},
		{".*", "catalyst.plan", false},
		{"", "", false},
		{"catalyst.*.create", "catalyst.plan.create", false},
		{"Catalyst.*", "catalyst.plan", false},
	} {
		if got := identity.Covers(tt.grant, tt.capability); got != tt.want {
			t.Errorf("Covers(%q, %q) is %v", tt.grant, tt.capability, got)
		}
	}
}

// TestIntersectIsBoth: a capability is covered by the intersection exactly where
// both sides cover it.
func TestIntersectIsBoth(t *testing.T) {
	word := rapid.SampledFrom([]string{"a", "b", "ab"})
	name := rapid.Custom(func(t *rapid.T) string {
		s := word.Draw(t, "word")
		for range rapid.IntRange(0, 2).Draw(t, "more") {
			s += "." + word.Draw(t, "word")
		}
		return s
	})
	grant := rapid.Custom(func(t *rapid.T) string {
		if s := name.Draw(t, "name"); rapid.Bool().Draw(t, "wide") {
			return s + ".*"
		} else {
			return s
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.SliceOf(grant).Draw(t, "a"), rapid.SliceOf(grant).Draw(t, "b")
		capability := name.Draw(t, "capability")
		covered := func(grants []string) bool {
			return slices.ContainsFunc(grants, func(g string) bool { return identity.Covers(g, capability) })
		}
		both := identity.Intersect(a, b)
		if covered(both) != (covered(a) && covered(b)) {
			t.Fatalf("%v and %v make %v, which is wrong for %q", a, b, both, capability)
		}
		for _, g := range both {
			if !identity.Contains(a, g) || !identity.Contains(b, g) {
				t.Fatalf("%q of the intersection is not in both", g)
			}
		}
	})
}
