package mcp

import "strings"

// Grants are what a caller may do: capabilities such as "catalyst.plan.create",
// families of them such as "catalyst.*", or "*" for everything. A nil list allows
// nothing.
type Grants []string

// Everything is the grant of a person's own agent: whatever the toolbox holds.
// What a toolbox must not be able to do is not in it.
var Everything = Grants{"*"}

// Allow says whether the grants cover a capability. "x.*" covers x and everything
// below it.
func (g Grants) Allow(capability string) bool {
	for _, grant := range g {
		family, wide := strings.CutSuffix(grant, "*")
		switch {
		case grant == capability, wide && family == "":
			return true
		case wide && strings.HasSuffix(family, ".") &&
			(strings.HasPrefix(capability, family) || capability == strings.TrimSuffix(family, ".")):
			return true
		}
	}
	return false
}
