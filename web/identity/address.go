package identity

import (
	"regexp"
	"strings"

	"golang.org/x/net/idna"

	"github.com/openova-io/sandbox/conversation/fault"
)

// localPart is what may stand before the @: RFC 5321's dot-string. Quoted names are
// allowed there too and nobody has one; letters beyond ASCII need a mail system on
// both sides that many are not.
var localPart = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$")

// domainName is a name of two or more labels, as the DNS has it.
var domainName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)

// Address gives an e-mail address in the one form that it is known by here: small
// letters, and the domain as the DNS has it. Nothing that could end a header's line
// or name a second recipient gets through. Faults: [fault.Invalid].
func Address(s string) (string, error) {
	s = strings.TrimSpace(s)
	bad := fault.New(fault.Invalid, "this is not an e-mail address").At("email").Do("Write one address, such as name@example.org.")
	at := strings.LastIndexByte(s, '@')
	if at < 1 || at > 64 || len(s) > 254 || !localPart.MatchString(s[:at]) {
		return "", bad
	}
	domain, err := idna.Lookup.ToASCII(s[at+1:])
	if err != nil {
		return "", bad
	}
	domain = strings.ToLower(domain)
	if len(domain) > 253 || !domainName.MatchString(domain) {
		return "", bad
	}
	return strings.ToLower(s[:at]) + "@" + domain, nil
}
