package provisioner

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/openova-io/sandbox/conversation/fault"
)

// fieldKind is what a field's value is.
type fieldKind int

const (
	textField fieldKind = iota
	numberField
	flagField
	listField
)

func (k fieldKind) String() string {
	return [...]string{"a text", "a whole number", "true or false", "a list of texts"}[k]
}

// fieldAccess reads and writes one field of a Spec. Exactly one of the pointers
// that its functions give is used, by kind. Pointers to nil mean "not set".
type fieldAccess struct {
	kind fieldKind
	text func(*Spec) *string
	num  func(*Spec) **int
	flag func(*Spec) **bool
	list func(*Spec) *[]string
}

// plainFields are the fields that are not part of a region, by JSON path.
func plainFields() map[string]fieldAccess {
	text := func(f func(*Spec) *string) fieldAccess { return fieldAccess{kind: textField, text: f} }
	flag := func(f func(*Spec) **bool) fieldAccess { return fieldAccess{kind: flagField, flag: f} }
	list := func(f func(*Spec) *[]string) fieldAccess { return fieldAccess{kind: listField, list: f} }
	return map[string]fieldAccess{
		"orgName":                 text(func(s *Spec) *string { return &s.OrgName }),
		"orgEmail":                text(func(s *Spec) *string { return &s.OrgEmail }),
		"orgIndustry":             text(func(s *Spec) *string { return &s.OrgIndustry }),
		"orgHeadquarters":         text(func(s *Spec) *string { return &s.OrgHeadquarters }),
		"orgSize":                 {kind: numberField},
		"orgCompliance":           list(func(s *Spec) *[]string { return &s.OrgCompliance }),
		"sovereignFQDN":           text(func(s *Spec) *string { return &s.SovereignFQDN }),
		"sovereignDomainMode":     text(func(s *Spec) *string { return &s.SovereignDomainMode }),
		"sovereignPoolDomain":     text(func(s *Spec) *string { return &s.SovereignPoolDomain }),
		"sovereignSubdomain":      text(func(s *Spec) *string { return &s.SovereignSubdomain }),
		"hetznerProjectID":        text(func(s *Spec) *string { return &s.HetznerProjectID }),
		"storageClass":            text(func(s *Spec) *string { return &s.StorageClass }),
		"haEnabled":               flag(func(s *Spec) **bool { return &s.HAEnabled }),
		"bcpTopology":             text(func(s *Spec) *string { return &s.BCPTopology }),
		"marketplaceEnabled":      flag(func(s *Spec) **bool { return &s.MarketplaceEnabled }),
		"consoleIsolationEnabled": flag(func(s *Spec) **bool { return &s.ConsoleIsolationEnabled }),
		"enableSharedPostgres":    flag(func(s *Spec) **bool { return &s.EnableSharedPostgres }),
		"sshPublicKey":            text(func(s *Spec) *string { return &s.SSHPublicKey }),
		"objectStorageRegion":     text(func(s *Spec) *string { return &s.ObjectStorageRegion }),
		"objectStorageBucket":     text(func(s *Spec) *string { return &s.ObjectStorageBucket }),
		"apps":                    list(func(s *Spec) *[]string { return &s.Apps }),
		"components":              list(func(s *Spec) *[]string { return &s.Components }),
	}
}

// regionFields are the fields of one region.
var regionFields = []string{"provider", "cloudRegion", "controlPlaneSize", "workerSize", "workerCount"}

// singularFields are upstream's older names for the first region's fields.
func singularField(path string) (string, bool) {
	switch path {
	case "provider", "controlPlaneSize", "workerSize", "workerCount":
		return "regions[0]." + path, true
	case "region":
		return "regions[0].cloudRegion", true
	}
	return path, false
}

var regionPath = regexp.MustCompile(`^regions\[(\d)\](?:\.([a-zA-Z]+))?$`)

// parsePath gives the canonical path of a field, its kind, and for a region's
// field the region's index and the field's name. An empty name with an index
// of 0 or more is the region as a whole.
func parsePath(path string) (canonical string, kind fieldKind, index int, name string, ok bool) {
	path = strings.TrimSpace(path)
	path, _ = singularField(path)
	if m := regionPath.FindStringSubmatch(path); m != nil {
		index, _ = strconv.Atoi(m[1])
		kind = textField
		if m[2] == "workerCount" {
			kind = numberField
		}
		return path, kind, index, m[2], m[2] == "" || slices.Contains(regionFields, m[2])
	}
	f, known := plainFields()[path]
	return path, f.kind, -1, "", known
}

// fieldNames lists every path that a change may name, for suggestions.
func fieldNames() []string {
	out := []string{"simulatedAccount"}
	for name := range plainFields() {
		out = append(out, name)
	}
	for _, name := range regionFields {
		out = append(out, "regions[0]."+name)
	}
	slices.Sort(out)
	return out
}

// coerce makes a value of a field's kind from what JSON or a form gave. The
// message of a refusal is empty where the value is good.
func coerce(kind fieldKind, v any) (any, string) {
	switch kind {
	case textField:
		switch x := v.(type) {
		case string:
			return strings.TrimSpace(x), ""
		case json.Number:
			return x.String(), ""
		case float64, float32, int, int64, uint64, int32:
			if n, ok := wholeNumber(x); ok {
				return strconv.Itoa(n), ""
			}
		}
	case numberField:
		if n, ok := wholeNumber(v); ok {
			return n, ""
		}
	case flagField:
		switch x := v.(type) {
		case bool:
			return x, ""
		case string:
			switch strings.ToLower(strings.TrimSpace(x)) {
			case "true", "yes":
				return true, ""
			case "false", "no":
				return false, ""
			}
		}
	case listField:
		switch x := v.(type) {
		case []string:
			return slices.Clone(x), ""
		case string:
			return splitList(x), ""
		case []any:
			out := make([]string, 0, len(x))
			for _, e := range x {
				s, ok := e.(string)
				if !ok {
					return nil, "every entry of the list has to be a text"
				}
				out = append(out, s)
			}
			return out, ""
		}
	}
	return nil, fmt.Sprintf("this has to be %s", kind)
}

// wholeNumber reads an integer between -2^31 and 2^31 from a number or its text.
func wholeNumber(v any) (int, bool) {
	var f float64
	switch x := v.(type) {
	case int:
		f = float64(x)
	case int32:
		f = float64(x)
	case int64:
		f = float64(x)
	case uint64:
		f = float64(x)
	case float32:
		f = float64(x)
	case float64:
		f = x
	case json.Number:
		return wholeNumber(x.String())
	case string:
		n, err := strconv.ParseInt(strings.TrimSpace(x), 10, 32)
		return int(n), err == nil
	default:
		return 0, false
	}
	if f != math.Trunc(f) || math.Abs(f) > math.MaxInt32 {
		return 0, false
	}
	return int(f), true
}

func splitList(s string) []string {
	var out []string
	for _, p := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ';' || r == '\n' }) {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return out
}

// putField writes a coerced value to a field; nil clears it.
func putField(s *Spec, path string, v any) {
	_, _, index, name, _ := parsePath(path)
	if index >= 0 {
		putRegionField(s, index, name, v)
		return
	}
	if path == "orgSize" {
		s.OrgSize, _ = v.(int)
		return
	}
	f := plainFields()[path]
	switch f.kind {
	case textField:
		*f.text(s), _ = v.(string)
	case flagField:
		*f.flag(s) = nil
		if b, ok := v.(bool); ok {
			*f.flag(s) = &b
		}
	case listField:
		*f.list(s), _ = v.([]string)
	}
}

func putRegionField(s *Spec, index int, name string, v any) {
	if name == "" { // only null gets here: the region goes
		if index < len(s.Regions) {
			s.Regions = slices.Delete(s.Regions, index, index+1)
		}
		return
	}
	for len(s.Regions) <= index {
		s.Regions = append(s.Regions, Region{})
	}
	r := &s.Regions[index]
	text, _ := v.(string)
	switch name {
	case "provider":
		r.Provider = text
	case "cloudRegion":
		r.CloudRegion = text
	case "controlPlaneSize":
		r.ControlPlaneSize = text
	case "workerSize":
		r.WorkerSize = text
	case "workerCount":
		r.WorkerCount, _ = v.(int)
	}
}

// readField gives a field's value; false where it has none. A worker count has one
// as soon as its region is there.
func readField(s Spec, path string) (any, bool) {
	_, _, index, name, ok := parsePath(path)
	if !ok {
		return nil, false
	}
	if index >= 0 {
		if index >= len(s.Regions) {
			return nil, false
		}
		r := s.Regions[index]
		text := map[string]string{"provider": r.Provider, "cloudRegion": r.CloudRegion, "controlPlaneSize": r.ControlPlaneSize, "workerSize": r.WorkerSize}[name]
		if name == "workerCount" {
			return r.WorkerCount, true
		}
		return text, text != ""
	}
	if path == "orgSize" {
		return s.OrgSize, s.OrgSize != 0
	}
	f := plainFields()[path]
	switch f.kind {
	case textField:
		v := *f.text(&s)
		return v, v != ""
	case flagField:
		if b := *f.flag(&s); b != nil {
			return *b, true
		}
	case listField:
		v := *f.list(&s)
		return slices.Clone(v), len(v) > 0
	}
	return nil, false
}

// unknownField says that a change names no field, with the nearest names. A
// secret's name gets another answer: it must not come this way.
func unknownField(path string) fault.Violation {
	v := fault.Violation{Path: cut(path), Rule: "field", Message: fmt.Sprintf("There is no field %q in a draft.", cut(path))}
	lower := strings.ToLower(path)
	for _, word := range []string{"token", "secret", "password", "accesskey", "privatekey", "credential"} {
		if strings.Contains(lower, word) {
			v.Rule = "secret"
			v.Message = "Secrets are not part of a draft."
			v.Suggestion = "They are entered in the cloud account card and go to the vault."
			return v
		}
	}
	var near []string
	for _, name := range fieldNames() {
		if last := name[strings.LastIndex(name, ".")+1:]; len(lower) > 2 && (strings.Contains(strings.ToLower(name), lower) || strings.Contains(lower, strings.ToLower(last))) {
			near = append(near, name)
		}
	}
	if len(near) == 0 {
		near = fieldNames()
	}
	v.Suggestion = "Fields are: " + strings.Join(near, ", ") + "."
	return v
}
