package provisioner

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/openova-io/sandbox/conversation/fault"
)

// The limits of a request as text.
const (
	// maxRequest is its size, in bytes.
	maxRequest = 1 << 20
	// maxDepth is how deep a request nests: the deepest field is a region's.
	maxDepth = 6
	// maxListed is how many entries of one list are read.
	maxListed = 200
	// maxShown is how many violations are listed.
	maxShown = 50
)

// upstreamOnly are fields of upstream's request that are taken and not used: its
// secrets go to the vault here, the rest is decided by the service or has no
// counterpart.
var upstreamOnly = []string{
	"hetznerToken", "objectStorageAccessKey", "objectStorageSecretKey", "parentDomains", "marketplaceBrand",
	"qaTestEnabled", "qaFixturesNamespace", "qaOrganization", "fireCutoverOnHandover", "clusterMeshName", "clusterMeshId",
}

// upstreamOnlyRegion are the same for a region.
var upstreamOnlyRegion = []string{"clusterMeshName", "storageClass"}

// ParseSpec reads upstream's POST /api/v1/deployments body. The fault lists
// everything that does not fit at once: a value of the wrong JSON type, a field
// that is unknown or given twice, text after the end, each with its JSON path.
// The Spec then holds what could be read, so that its rules can be checked as
// well. A null stands for a field that is left out. Fields that only upstream's
// service uses are passed over, and so are the secrets that upstream takes here:
// they go to the vault.
func ParseSpec(body []byte) (Spec, error) {
	p := &parser{plain: plainFields()}
	root, ok := p.read(body)
	if ok {
		p.root(root)
	}
	found := p.found
	if n := len(found); n > maxShown {
		found = append(slices.Clone(found[:maxShown]), fault.Violation{Rule: "more", Message: fmt.Sprintf("There are %d more problems of this kind.", n-maxShown),
			Suggestion: "Mend these first."})
	}
	return p.spec.Normalize(), fault.Violated("the request", found)
}

// parser collects what does not fit while it fills in a Spec.
type parser struct {
	plain map[string]fieldAccess
	spec  Spec
	found []fault.Violation
}

func (p *parser) violate(path, rule, value, message, suggestion string) {
	if !utf8.ValidString(value) {
		value = strings.ToValidUTF8(value, "\uFFFD")
	}
	p.found = append(p.found, fault.Violation{Path: path, Rule: rule, Value: cut(value), Message: message, Suggestion: suggestion})
}

// root reads the document itself.
func (p *parser) root(n node) {
	if n.kind != '{' {
		p.violate("", "type", describeNode(n), "The request is "+kindOf(n)+"; it has to be an object.", `Send a JSON object, for example {"orgName":"Acme",...}.`)
		return
	}
	for _, m := range p.once("", n.object) {
		switch {
		case m.name == "regions":
			p.regions(m.value)
		case slices.Contains(upstreamOnly, m.name):
		default:
			p.field(m)
		}
	}
}

// once drops the repetitions of a field, after saying so.
func (p *parser) once(at string, members []member) []member {
	var out []member
	seen := map[string]int{}
	for _, m := range members {
		if seen[m.name]++; seen[m.name] == 1 {
			out = append(out, m)
		}
	}
	for _, m := range out {
		if n := seen[m.name]; n > 1 {
			p.violate(at+m.name, "duplicate", "", fmt.Sprintf("%s is given %d times.", cut(at+m.name), n), "Keep one of them.")
		}
	}
	return out
}

// field reads a field that is no part of a region.
func (p *parser) field(m member) {
	if _, singular := singularField(m.name); singular {
		p.singular(m)
		return
	}
	access, known := p.plain[m.name]
	switch {
	case !known:
		p.unknown(m.name, "", slices.Concat(fieldsOf(p.plain), []string{"regions", "provider", "region", "controlPlaneSize", "workerSize", "workerCount"}))
	case m.value.kind == 0 && m.value.scalar == nil:
	default:
		if v, ok := p.value(m.name, access.kind, m.value); ok {
			putField(&p.spec, m.name, v)
		}
	}
}

// singular reads upstream's older fields of the first region.
func (p *parser) singular(m member) {
	if m.value.kind == 0 && m.value.scalar == nil {
		return
	}
	kind := textField
	if m.name == "workerCount" {
		kind = numberField
	}
	v, ok := p.value(m.name, kind, m.value)
	if !ok {
		return
	}
	text, _ := v.(string)
	switch m.name {
	case "provider":
		p.spec.Provider = text
	case "region":
		p.spec.Region = text
	case "controlPlaneSize":
		p.spec.ControlPlaneSize = text
	case "workerSize":
		p.spec.WorkerSize = text
	case "workerCount":
		n, _ := v.(int)
		p.spec.WorkerCount = &n
	}
}

// maxParsedRegions is how many regions are read; more are refused before any
// rule looks at them.
const maxParsedRegions = 9

func (p *parser) regions(n node) {
	if n.kind == 0 && n.scalar == nil {
		return
	}
	if n.kind != '[' {
		p.violate("regions", "type", describeNode(n), "regions is "+kindOf(n)+"; it has to be a list of objects.", `For example [{"provider":"hetzner","cloudRegion":"fsn1",...}].`)
		return
	}
	if len(n.list) > maxParsedRegions {
		p.violate("regions", "range", strconv.Itoa(len(n.list)), fmt.Sprintf("There are %d regions.", len(n.list)), fmt.Sprintf("Name at most %d.", maxParsedRegions))
		n.list = n.list[:maxParsedRegions]
	}
	for i, r := range n.list {
		at := fmt.Sprintf("regions[%d]", i)
		p.spec.Regions = append(p.spec.Regions, Region{})
		if r.kind != '{' {
			p.violate(at, "type", describeNode(r), at+" is "+kindOf(r)+"; it has to be an object.", `For example {"provider":"hetzner","cloudRegion":"fsn1",...}.`)
			continue
		}
		for _, m := range p.once(at+".", r.object) {
			path := at + "." + m.name
			switch {
			case slices.Contains(upstreamOnlyRegion, m.name):
			case !slices.Contains(regionFields, m.name):
				p.unknown(path, m.name, regionFields)
			default:
				kind := textField
				if m.name == "workerCount" {
					kind = numberField
				}
				if v, ok := p.value(path, kind, m.value); ok {
					putRegionField(&p.spec, i, m.name, v)
				}
			}
		}
	}
}

// value reads a value of a kind; what is of another kind is a violation.
func (p *parser) value(path string, kind fieldKind, n node) (any, bool) {
	refuse := func(suggestion string) (any, bool) {
		p.violate(path, "type", shownNode(path, n), fmt.Sprintf("%s is %s; it has to be %s.", path, kindOf(n), kind), suggestion)
		return nil, false
	}
	switch kind {
	case textField:
		if s, ok := n.scalar.(string); ok {
			return s, true
		}
		if _, ok := n.scalar.(json.Number); ok {
			return refuse("Write it in quotes.")
		}
		return refuse("Write one text in quotes.")
	case numberField:
		switch v := n.scalar.(type) {
		case json.Number:
			if i, err := strconv.ParseInt(v.String(), 10, 32); err == nil {
				return int(i), true
			}
			p.violate(path, "type", v.String(), fmt.Sprintf("%s is %s; it has to be %s.", path, cut(v.String()), kind), "Write digits only, for example 3.")
			return nil, false
		case string:
			if _, err := strconv.ParseInt(v, 10, 32); err == nil {
				return refuse("Write " + v + " without the quotes.")
			}
		}
		return refuse("Write a number without quotes, for example 3.")
	case flagField:
		if b, ok := n.scalar.(bool); ok {
			return b, true
		}
		return refuse("Write true or false without quotes.")
	}
	if n.kind != '[' {
		if s, ok := n.scalar.(string); ok && !strings.ContainsAny(s, "\"\n") {
			return refuse(fmt.Sprintf("Put it in brackets: [%q].", cut(s)))
		}
		return refuse(`Write a list of texts, for example ["nextcloud"].`)
	}
	if len(n.list) > maxListed {
		p.violate(path, "range", strconv.Itoa(len(n.list)), fmt.Sprintf("%s has %d entries.", path, len(n.list)), fmt.Sprintf("Name at most %d.", maxListed))
		n.list = n.list[:maxListed]
	}
	list, ok := make([]string, 0, len(n.list)), true
	for i, e := range n.list {
		s, isText := e.scalar.(string)
		if !isText {
			at := fmt.Sprintf("%s[%d]", path, i)
			p.violate(at, "type", shownNode(path, e), fmt.Sprintf("%s is %s; it has to be a text.", at, kindOf(e)), "Write it in quotes, or leave it out.")
			ok = false
			continue
		}
		list = append(list, s)
	}
	return list, ok
}

// unknown says that there is no such field, with the one that was probably meant.
// name is the field's own name where path is more than that.
func (p *parser) unknown(path, name string, fields []string) {
	if name == "" {
		name = path
	}
	v := unknownField(name)
	v.Path, v.Value = cut(path), "" // the value may be anything, a secret too
	if v.Rule == "secret" {
		p.found = append(p.found, v)
		return
	}
	v.Message = fmt.Sprintf("There is no field %q in a request.", cut(path))
	if meant, ok := nearest(name, fields); ok {
		v.Suggestion = fmt.Sprintf("Did you mean %s?", meant)
	} else {
		v.Suggestion = "Leave it out. Fields are: " + strings.Join(slices.Sorted(slices.Values(fields)), ", ") + "."
	}
	p.found = append(p.found, v)
}

func fieldsOf(m map[string]fieldAccess) []string {
	out := make([]string, 0, len(m))
	for name := range m {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// nearest gives the field whose name is at most a third of its letters away.
func nearest(name string, fields []string) (string, bool) {
	if len(name) > 40 {
		return "", false
	}
	best, distance := "", 1<<10
	for _, f := range fields {
		if d := editDistance(strings.ToLower(name), strings.ToLower(f)); d < distance {
			best, distance = f, d
		}
	}
	return best, distance <= len(best)/3
}

// editDistance counts the letters to insert, delete or replace (Levenshtein).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		corner := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := corner
			if a[i-1] != b[j-1] {
				cost++
			}
			corner = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}

// shownNode is the value of a field; an SSH key may be the private one.
func shownNode(path string, n node) string {
	if path == "sshPublicKey" {
		return ""
	}
	return cut(describeNode(n))
}
