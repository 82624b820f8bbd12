package provisioner

import (
	"fmt"
	"net/mail"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/crypto/ssh"

	"github.com/openova-io/sandbox/conversation/fault"
)

var projectPattern = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// checkField checks a coerced value by its field's own rule and gives the value
// as it is stored: a slug instead of a name, lower case where case says nothing.
// Rules between fields are not its matter.
func (c *Catalogue) checkField(path string, v any) (any, []fault.Violation) {
	_, _, index, name, _ := parsePath(path)
	if index >= 0 {
		return c.checkRegionField(path, name, v)
	}
	text, _ := v.(string)
	refuse := func(rule, message, suggestion string) (any, []fault.Violation) {
		return v, []fault.Violation{{Path: path, Rule: rule, Value: cut(text), Message: message, Suggestion: suggestion}}
	}
	oneOf := func(allowed ...string) (any, []fault.Violation) {
		if low := strings.ToLower(text); slices.Contains(allowed, low) {
			return low, nil
		}
		return refuse("one-of", fmt.Sprintf("%q is not one of the possible values.", cut(text)), "Use "+strings.Join(allowed, ", ")+".")
	}
	switch path {
	case "orgName":
		if message := checkName(text); message != "" {
			return refuse("name", message, "For example: Acme Financial.")
		}
	case "orgEmail":
		if message := checkEmail(text); message != "" {
			return refuse("email", message, "For example: platform@acme.io.")
		}
	case "orgIndustry":
		i, ok := c.Industry(text)
		if !ok {
			var all []string
			for _, x := range c.industries {
				all = append(all, x.Slug)
			}
			return refuse("industry", fmt.Sprintf("%q is not an industry of the catalogue.", cut(text)), "Use "+strings.Join(all, ", ")+".")
		}
		return i.Slug, nil
	case "orgHeadquarters":
		if len([]rune(text)) > 120 || strings.ContainsFunc(text, unicode.IsControl) {
			return refuse("text", "The headquarters have to be a place in at most 120 characters.", "For example: Muscat, Oman.")
		}
	case "orgSize":
		if n, _ := v.(int); n < 0 || n > 10_000_000 {
			text = strconv.Itoa(n)
			return refuse("range", "The number of people has to be between 1 and 10,000,000.", "")
		}
	case "orgCompliance":
		list, _ := v.([]string)
		clean := tidyList(list, strings.TrimSpace)
		for i, s := range clean {
			if len([]rune(s)) > 40 || strings.ContainsFunc(s, unicode.IsControl) {
				return v, []fault.Violation{{Path: fmt.Sprintf("%s[%d]", path, i), Rule: "text", Value: cut(s),
					Message: "A regime's name has at most 40 characters.", Suggestion: "For example: GDPR."}}
			}
		}
		if len(clean) > 20 {
			return refuse("range", "At most 20 regimes can be named.", "")
		}
		return clean, nil
	case "sovereignFQDN", "sovereignPoolDomain":
		domain := strings.ToLower(strings.TrimSuffix(text, "."))
		if message := checkDomain(domain); message != "" {
			return refuse("fqdn", message, "For example: cloud.acme.io.")
		}
		if path == "sovereignPoolDomain" && !slices.Contains(c.pools, domain) {
			return refuse("pool-domain", fmt.Sprintf("%q is not a pool domain.", cut(domain)), "Use "+strings.Join(c.pools, ", ")+", or a domain of your own (sovereignDomainMode byo-manual).")
		}
		return domain, nil
	case "sovereignDomainMode":
		if strings.EqualFold(text, "byo") {
			return "byo-manual", nil
		}
		return oneOf("pool", "byo-manual", "byo-api")
	case "sovereignSubdomain":
		label := strings.ToLower(text)
		if err := CheckSubdomainLabel(label); err != nil {
			f := fault.From(err)
			return refuse("subdomain", asSentence(f.Message), asSentence(f.Hint))
		}
		if ReservedSubdomain(label) {
			return refuse("reserved", fmt.Sprintf("The subdomain %q is reserved.", label), "For example: "+label+"-org.")
		}
		return label, nil
	case "hetznerProjectID":
		if !projectPattern.MatchString(text) {
			return refuse("project-id", "The project id has only letters, digits, dots, hyphens and underscores.", "It is the number in the address of your project's console page.")
		}
	case "storageClass":
		return oneOf("hcloud-volumes")
	case "bcpTopology":
		return oneOf("single-region", "active-hotstandby", "active-active")
	case "sshPublicKey":
		if message := checkSSHKey(text); message != "" {
			text = "" // never echo what may be a private key
			return refuse("ssh-key", message, "Paste one line that starts with ssh-ed25519 or ssh-rsa, or let us make a key.")
		}
	case "objectStorageRegion":
		r, ok := c.Region(text)
		if !ok || !r.ObjectStorage {
			return refuse("object-storage-region", fmt.Sprintf("Object storage does not exist in %q.", cut(text)), "Use fsn1, nbg1 or hel1.")
		}
		return r.Region, nil
	case "objectStorageBucket":
		if low := strings.ToLower(text); bucketPattern.MatchString(low) {
			return low, nil
		}
		return refuse("bucket", "A bucket's name has 3 to 63 characters: letters a to z, digits and hyphens, no hyphen at either end.", "Leave it out; then it is made from the domain name.")
	case "apps":
		return c.checkApps(path, v)
	case "components":
		return c.checkComponents(path, v)
	}
	return v, nil
}

func (c *Catalogue) checkRegionField(path, name string, v any) (any, []fault.Violation) {
	text, _ := v.(string)
	low := strings.ToLower(text)
	refuse := func(rule, message, suggestion string) (any, []fault.Violation) {
		return v, []fault.Violation{{Path: path, Rule: rule, Value: cut(text), Message: message, Suggestion: suggestion}}
	}
	switch name {
	case "provider":
		switch {
		case low == "hetzner":
			return low, nil
		case slices.ContainsFunc(c.regions, func(r CatalogueRegion) bool { return r.Provider == low }):
			return refuse("provider-applicable", fmt.Sprintf("The catalogue knows %s, but only Hetzner Cloud can be planned here.", low), "Use hetzner.")
		}
		return refuse("provider", fmt.Sprintf("There is no provider %q.", cut(text)), "Use hetzner.")
	case "cloudRegion":
		r, ok := c.findRegion(text)
		switch {
		case !ok:
			return refuse("region", fmt.Sprintf("There is no region %q.", cut(text)), "Use "+c.availableRegions()+".")
		case !r.Available:
			return refuse("region-available", asSentence(r.Reason), "Use "+c.availableRegions()+".")
		}
		return r.Region, nil
	case "controlPlaneSize", "workerSize":
		n, ok := c.NodeSize("", text)
		switch {
		case !ok:
			return refuse("size", fmt.Sprintf("There is no node size %q.", cut(text)), "For example "+c.orderableList(c.regions[0].Region, NodeSize{VCPU: minControlVCPU, MemoryGB: minControlGB})+".")
		case !c.orderableSomewhere(n.ID):
			return refuse("orderable", fmt.Sprintf("%s cannot be ordered anywhere at present.", n.ID), "In Europe there are "+c.orderableList(c.regions[0].Region, NodeSize{VCPU: minControlVCPU, MemoryGB: minControlGB})+".")
		}
		return n.ID, nil
	case "workerCount":
		if n, _ := v.(int); n < 0 || n > maxWorkers {
			text = strconv.Itoa(n)
			return refuse("range", fmt.Sprintf("The number of workers is %d; it has to be between 0 and %d.", n, maxWorkers), "Use a number from 0 to 50.")
		}
	}
	return v, nil
}

// findRegion knows a region by its code, and one that can be planned also by
// its city ("Helsinki").
func (c *Catalogue) findRegion(text string) (CatalogueRegion, bool) {
	if r, ok := c.Region(text); ok {
		return r, true
	}
	key := plainKey(text)
	for _, r := range c.regions {
		if r.Provider == "hetzner" && key != "" && (plainKey(r.Name) == key || plainKey(r.City) == key) {
			return r, true
		}
	}
	return CatalogueRegion{}, false
}

func (c *Catalogue) availableRegions() string {
	var ids []string
	for _, r := range c.regions {
		if r.Available {
			ids = append(ids, r.Region)
		}
	}
	return strings.Join(ids, ", ")
}

// checkApps turns names into slugs and refuses what is unknown, what comes by
// itself and what cannot be deployed yet, naming the nearest that can.
func (c *Catalogue) checkApps(path string, v any) (any, []fault.Violation) {
	return checkEach(path, v, func(s string, p *fault.Violation) string {
		a, ok := c.App(s)
		switch {
		case !ok:
			p.Rule, p.Message = "app", fmt.Sprintf("There is no app %q in the catalogue.", cut(s))
			p.Suggestion = "Apps are: " + strings.Join(c.deployableApps(), ", ") + "."
		case a.System:
			p.Rule, p.Message = "app-system", fmt.Sprintf("%s cannot be chosen.", a.Name)
			p.Suggestion = "It comes by itself with the apps that need it."
		case !a.Deployable:
			p.Rule, p.Message = "app-deployable", fmt.Sprintf("%s cannot be deployed yet.", a.Name)
			p.Suggestion = "Nothing in the catalogue comes near it yet."
			if n, ok := c.App(a.Nearest); ok {
				p.Suggestion = fmt.Sprintf("The nearest is %s (%s): %s.", n.Slug, n.Name, a.NearestNote)
			}
		default:
			return a.Slug
		}
		return ""
	})
}

// checkEach turns the names of a list into what they stand for. check gives that,
// or nothing and says in the violation what is wrong. Empty names are passed over.
func checkEach(path string, v any, check func(name string, p *fault.Violation) string) (any, []fault.Violation) {
	list, _ := v.([]string)
	var out []string
	var problems []fault.Violation
	for i, s := range list {
		if strings.TrimSpace(s) == "" {
			continue
		}
		p := fault.Violation{Path: fmt.Sprintf("%s[%d]", path, i), Value: cut(s)}
		if id := check(s, &p); id != "" {
			out = append(out, id)
			continue
		}
		problems = append(problems, p)
	}
	return tidyList(out, tidyCode), problems
}

func (c *Catalogue) deployableApps() []string {
	var out []string
	for _, a := range c.Apps() {
		if a.Deployable {
			out = append(out, a.Slug)
		}
	}
	return out
}

func (c *Catalogue) checkComponents(path string, v any) (any, []fault.Violation) {
	return checkEach(path, v, func(s string, p *fault.Violation) string {
		x, ok := c.Component(s)
		switch {
		case !ok:
			p.Rule, p.Message = "component", fmt.Sprintf("There is no component %q in the catalogue.", cut(s))
			p.Suggestion = "Ask for the list of components."
		case !x.Installable:
			p.Rule, p.Message = "component-installable", fmt.Sprintf("%s cannot be installed: %s.", x.Name, x.Reason)
			p.Suggestion = "Leave it out."
		default:
			return x.ID
		}
		return ""
	})
}

func checkName(s string) string {
	switch n := len([]rune(s)); {
	case n < 2 || n > 100:
		return "The Organization's name has to have 2 to 100 characters."
	case strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar }):
		return "The Organization's name must not contain control characters."
	case !strings.ContainsFunc(s, isWordRune):
		return "The Organization's name has to contain a letter or a digit."
	}
	return ""
}

// checkEmail accepts what both a mail server and the module's rule accept: one
// address without a display name, with a domain of two labels or more.
func checkEmail(s string) string {
	a, err := mail.ParseAddress(s)
	local, domain, found := strings.Cut(s, "@")
	switch {
	case err != nil || a.Address != s || !found || strings.ContainsAny(s, " \"<>"):
		return fmt.Sprintf("%q is not an e-mail address.", cut(s))
	case len(s) > 254 || len(local) > 64:
		return "The e-mail address is too long."
	case !hostPattern.MatchString(strings.ToLower(domain)):
		return fmt.Sprintf("%q is not a domain that can receive mail.", cut(domain))
	}
	return ""
}

var hostPattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+$`)

// checkDomain is upstream's rule for a Sovereign's name: two labels or more,
// each with a letter first and no hyphen last, 253 characters at most.
func checkDomain(s string) string {
	labels := strings.Split(s, ".")
	switch {
	case len(s) > 253:
		return fmt.Sprintf("The domain name has %d characters; 253 is the most.", len(s))
	case len(labels) < 2:
		return fmt.Sprintf("The domain name %q needs at least two parts with a dot between.", cut(s))
	}
	for _, l := range labels {
		switch {
		case l == "":
			return fmt.Sprintf("The domain name %q has an empty part.", cut(s))
		case len(l) > 63:
			return fmt.Sprintf("The part %q of the domain name is longer than 63 characters.", cut(l))
		case l[0] < 'a' || l[0] > 'z':
			return fmt.Sprintf("The part %q of the domain name has to start with a letter from a to z.", cut(l))
		case !labelPattern.MatchString(l):
			return fmt.Sprintf("The part %q of the domain name may have only letters a to z, digits and inner hyphens.", cut(l))
		}
	}
	return ""
}

// checkSSHKey accepts one OpenSSH public key line of the kinds that the module
// takes.
func checkSSHKey(s string) string {
	if strings.Contains(s, "PRIVATE KEY") {
		return "This is a private key. It must not leave your machine; give the public one."
	}
	if strings.ContainsAny(strings.TrimSpace(s), "\r\n") {
		return "The SSH public key has to be one line."
	}
	key, _, options, _, err := ssh.ParseAuthorizedKey([]byte(s))
	if err != nil || len(options) > 0 || !strings.HasPrefix(s, key.Type()+" ") {
		return "This is not an SSH public key."
	}
	switch key.Type() {
	case ssh.KeyAlgoED25519, ssh.KeyAlgoRSA, ssh.KeyAlgoECDSA256:
		return ""
	}
	return fmt.Sprintf("SSH keys of type %s cannot be used.", cut(key.Type()))
}

// asSentence gives text a capital and a full stop.
func asSentence(s string) string {
	if s == "" {
		return ""
	}
	r := []rune(s)
	r[0] = unicode.ToUpper(r[0])
	if !strings.ContainsRune(".!?", r[len(r)-1]) {
		r = append(r, '.')
	}
	return string(r)
}
