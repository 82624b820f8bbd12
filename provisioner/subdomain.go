package provisioner

import (
	"regexp"
	"slices"
	"strings"

	"github.com/openova-io/sandbox/conversation/fault"
)

var (
	labelPattern  = regexp.MustCompile(`^[a-z]([a-z0-9-]*[a-z0-9])?$`)
	bucketPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`)
)

// reservedLabels are names that a Sovereign's own hosts or the pool's need.
var reservedLabels = []string{
	"admin", "api", "auth", "catalyst", "console", "crossplane", "flux", "gitea", "harbor", "keycloak",
	"localhost", "mail", "ns1", "ns2", "ns3", "openova", "postmaster", "sovereign", "start", "status",
	"system", "www",
}

// CheckSubdomainLabel checks one label of a domain name by upstream's rule:
// letters a to z, digits and hyphens, a letter first, no hyphen last, 63
// characters at most. The fault is Invalid and says which part is broken.
func CheckSubdomainLabel(label string) error {
	refuse := func(format string, args ...any) error {
		f := fault.New(fault.Invalid, format, args...).At("sovereignSubdomain")
		if s := SuggestSubdomain(label); s != "" && s != label {
			return f.Do("for example %q", s)
		}
		return f.Do("for example %q", "acme")
	}
	switch {
	case label == "":
		return refuse("the subdomain is empty")
	case len(label) > 63:
		return refuse("the subdomain has %d characters; 63 is the most", len(label))
	case label[0] < 'a' || label[0] > 'z':
		return refuse("the subdomain %q has to start with a letter from a to z", cut(label))
	case strings.HasSuffix(label, "-"):
		return refuse("the subdomain %q must not end with a hyphen", cut(label))
	case !labelPattern.MatchString(label):
		return refuse("the subdomain %q may have only the letters a to z, digits and hyphens", cut(label))
	}
	return nil
}

// ReservedSubdomain is true for labels that nobody can have.
func ReservedSubdomain(label string) bool {
	return slices.Contains(reservedLabels, strings.ToLower(label)) || strings.HasPrefix(label, "kube-")
}

// companyForms are words of a company's legal form; they say nothing in a name
// on the internet.
var companyForms = map[string]bool{
	"llc": true, "ltd": true, "limited": true, "inc": true, "corp": true, "corporation": true, "co": true,
	"gmbh": true, "mbh": true, "ag": true, "kg": true, "ug": true, "ev": true, "plc": true, "llp": true, "sa": true,
	"sas": true, "sarl": true, "srl": true, "spa": true, "bv": true, "nv": true, "oy": true, "ab": true, "as": true,
	"saoc": true, "saog": true, "spc": true, "wll": true, "fze": true, "fzco": true, "pjsc": true, "pvt": true,
	"pty": true, "sti": true, "the": true, "and": true, "of": true, "und": true, "et": true,
}

// SuggestSubdomain makes a label from an Organization's name: "Al Noor Clinic
// LLC" gives "al-noor-clinic". It is empty where nothing of the name can be
// written with the letters a to z.
func SuggestSubdomain(orgName string) string {
	var parts, all []string
	for _, w := range words(orgName) {
		var b strings.Builder
		for _, r := range w {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
				b.WriteRune(r)
			}
		}
		if b.Len() == 0 {
			continue
		}
		all = append(all, b.String())
		if !companyForms[b.String()] {
			parts = append(parts, b.String())
		}
	}
	if len(parts) == 0 {
		parts = all
	}
	label := ""
	for _, p := range parts {
		if label != "" && len(label)+1+len(p) > 32 {
			break
		}
		if label != "" {
			label += "-"
		}
		label += p
	}
	if len(label) > 32 {
		label = label[:32]
	}
	if label == "" {
		return ""
	}
	if label[0] >= '0' && label[0] <= '9' {
		label = strings.TrimRight("org-"+label, "-")
	}
	if ReservedSubdomain(label) {
		label += "-org"
	}
	return label
}

// cut shortens a value for a message or a violation to 80 characters.
func cut(s string) string {
	r := []rune(s)
	if len(r) > 80 {
		return string(r[:79]) + "…"
	}
	return s
}

// bucketName is the object storage bucket that upstream derives: the FQDN with
// hyphens and the first eight characters of the deployment's id, 63 at most.
func bucketName(fqdn, deploymentID string) string {
	tail := ""
	if len(deploymentID) >= 8 {
		tail = "-" + deploymentID[:8]
	}
	name := "catalyst-" + strings.ReplaceAll(strings.ToLower(fqdn), ".", "-")
	if room := 63 - len(tail); len(name) > room {
		name = name[:room]
	}
	return strings.TrimRight(name, "-") + tail
}
