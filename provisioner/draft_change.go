package provisioner

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
)

// accountField is the change that chooses the simulated account, and missing
// what stands for the cloud credentials.
const (
	simulatedAccountField = "simulatedAccount"
	accountMissing        = "account"
)

// NewDraft gives an empty draft. It has no defaults yet: they come with the
// first [Catalogue.ApplyChanges], which an empty list of changes is enough for.
func NewDraft(id string, cloud Cloud) Draft {
	return Draft{
		ID: id, Cloud: cloud,
		Spec:       Spec{Apps: []string{}, Components: []string{}},
		Fields:     map[string]Field{},
		Secrets:    []string{},
		Missing:    []string{"orgName", "orgEmail", "orgHeadquarters", accountMissing},
		Violations: []fault.Violation{},
	}
}

// ApplyChanges gives the draft with all changes made, or the draft as it was and
// an Invalid fault that lists everything wrong with them: a value that breaks its
// own field's rule is refused, and with it the whole call. Rules between fields
// are reported in Violations instead, so that a person may change one after the
// other.
//
// Afterwards everything that follows is computed anew: the domain name, the
// mirrored fields of the first region, suggestions whose basis has changed,
// sizing, estimate, what is missing. A suggestion never replaces what was said or
// accepted; clearing a field (null) lets it be suggested again. Applying the same
// changes twice gives the same draft.
func (c *Catalogue) ApplyChanges(d Draft, changes []Change, now time.Time) (Draft, error) {
	next := cloneDraft(d)
	now = now.UTC().Truncate(time.Millisecond)
	var problems []fault.Violation
	touched := map[string]bool{}
	for i, ch := range changes {
		problems = append(problems, c.change(&next, i, ch, now, touched)...)
	}
	if len(problems) > 0 {
		return d, fault.Violated("the change", problems)
	}
	c.derive(&next, now, touched)
	return next, nil
}

func (c *Catalogue) change(d *Draft, i int, ch Change, now time.Time, touched map[string]bool) []fault.Violation {
	source := ch.Source
	if source == "" {
		source = Said
	}
	if source != Said && source != Accepted && source != Suggested {
		return []fault.Violation{{Path: fmt.Sprintf("changes[%d].source", i), Rule: "one-of", Value: cut(string(source)),
			Message: fmt.Sprintf("A change cannot have the source %q.", cut(string(source))), Suggestion: "Use said, accepted or suggested."}}
	}
	if strings.TrimSpace(ch.Field) == simulatedAccountField {
		return changeAccount(d, ch.Value)
	}
	path, kind, index, name, ok := parsePath(ch.Field)
	if !ok {
		return []fault.Violation{unknownField(ch.Field)}
	}
	if index > len(d.Spec.Regions) && ch.Value != nil {
		return []fault.Violation{{Path: path, Rule: "order", Message: fmt.Sprintf("There is no region %d yet.", index),
			Suggestion: fmt.Sprintf("Set regions[%d] first.", len(d.Spec.Regions))}}
	}
	if ch.Value == nil {
		clearField(d, path, index, name)
		return nil
	}
	if index >= 0 && name == "" {
		return []fault.Violation{{Path: path, Rule: "field", Message: "A region is set by its fields, or cleared as a whole with null.",
			Suggestion: "For example " + path + ".cloudRegion."}}
	}
	v, message := coerce(kind, ch.Value)
	if message != "" {
		value := ""
		if path != "sshPublicKey" {
			value = cut(fmt.Sprint(ch.Value))
		}
		return []fault.Violation{{Path: path, Rule: "type", Value: value, Message: asSentence(message)}}
	}
	if text, isText := v.(string); isText && text == "" {
		clearField(d, path, index, name)
		return nil
	}
	v, problems := c.checkField(path, v)
	if len(problems) > 0 {
		return problems
	}
	if source == Suggested && held(d, path) {
		return nil
	}
	if path == "sovereignFQDN" {
		c.changeFQDN(d, v.(string), source, ch.Why, now, touched)
		return nil
	}
	if path == "sovereignSubdomain" && strings.HasPrefix(d.Spec.SovereignDomainMode, "byo") && source != Suggested {
		set(d, "sovereignDomainMode", "pool", source, "", now, touched)
	}
	set(d, path, v, source, ch.Why, now, touched)
	return nil
}

// held is whether the person said or accepted a field; for the domain name, any
// part of it.
func held(d *Draft, path string) bool {
	paths := []string{path}
	if path == "sovereignFQDN" {
		paths = append(paths, "sovereignDomainMode", "sovereignSubdomain")
	}
	return slices.ContainsFunc(paths, func(p string) bool {
		s := d.Fields[p].Source
		return s == Said || s == Accepted
	})
}

func changeAccount(d *Draft, v any) []fault.Violation {
	if v == nil {
		d.SimulatedAccount = false
		return nil
	}
	b, message := coerce(flagField, v)
	switch on, _ := b.(bool); {
	case message != "":
		return []fault.Violation{{Path: simulatedAccountField, Rule: "type", Value: cut(fmt.Sprint(v)), Message: asSentence(message)}}
	case on && d.Cloud != Simulated:
		return []fault.Violation{{Path: simulatedAccountField, Rule: "cloud", Value: "true",
			Message: "The simulated account exists only in the simulated cloud.", Suggestion: "Enter your cloud account."}}
	default:
		d.SimulatedAccount = on
	}
	return nil
}

// changeFQDN takes a whole domain name: under a pool domain it sets subdomain and
// pool, elsewhere it is a domain of the person's own.
func (c *Catalogue) changeFQDN(d *Draft, fqdn string, source FieldSource, why string, now time.Time, touched map[string]bool) {
	for _, pool := range c.pools {
		label, under := strings.CutSuffix(fqdn, "."+pool)
		if under && CheckSubdomainLabel(label) == nil && !ReservedSubdomain(label) {
			set(d, "sovereignDomainMode", "pool", source, why, now, touched)
			set(d, "sovereignPoolDomain", pool, source, why, now, touched)
			set(d, "sovereignSubdomain", label, source, why, now, touched)
			return
		}
	}
	if d.Spec.SovereignDomainMode != "byo-api" {
		set(d, "sovereignDomainMode", "byo-manual", source, why, now, touched)
	}
	set(d, "sovereignFQDN", fqdn, source, why, now, touched)
}

// set stores a value and where it came from. The time stays when nothing changed.
func set(d *Draft, path string, v any, source FieldSource, why string, now time.Time, touched map[string]bool) {
	if list, ok := v.([]string); ok && list == nil {
		v = []string{}
	}
	old, had := readField(d.Spec, path)
	f, known := d.Fields[path]
	same := known && had && reflect.DeepEqual(old, v) && f.Source == source && f.Why == why
	putField(&d.Spec, path, v)
	if !same {
		d.Fields[path] = Field{Source: source, Why: why, At: now}
	}
	if touched != nil {
		touched[path] = true
	}
}

func clearField(d *Draft, path string, index int, name string) {
	if index >= len(d.Spec.Regions) {
		return
	}
	putField(&d.Spec, path, nil)
	delete(d.Fields, path)
	if index < 0 || name != "" {
		return
	}
	// A region went: the ones behind it move up.
	moved := map[string]Field{}
	for p, f := range d.Fields {
		_, _, at, field, _ := parsePath(p)
		if strings.HasPrefix(p, "regions[") && at == index {
			continue
		}
		if strings.HasPrefix(p, "regions[") && at > index {
			p = fmt.Sprintf("regions[%d].%s", at-1, field)
		}
		moved[p] = f
	}
	d.Fields = moved
}

func cloneDraft(d Draft) Draft {
	d.Spec = cloneSpec(d.Spec)
	d.Fields = maps.Clone(d.Fields)
	if d.Fields == nil {
		d.Fields = map[string]Field{}
	}
	d.Secrets = append([]string{}, d.Secrets...)
	d.Missing = append([]string{}, d.Missing...)
	d.Violations = append([]fault.Violation{}, d.Violations...)
	return d
}

func cloneSpec(s Spec) Spec {
	for _, p := range []**bool{&s.HAEnabled, &s.MarketplaceEnabled, &s.ConsoleIsolationEnabled, &s.EnableSharedPostgres} {
		if *p != nil {
			v := **p
			*p = &v
		}
	}
	if s.WorkerCount != nil {
		n := *s.WorkerCount
		s.WorkerCount = &n
	}
	s.OrgCompliance = slices.Clone(s.OrgCompliance)
	s.Regions = slices.Clone(s.Regions)
	s.Apps = append([]string{}, s.Apps...)
	s.Components = append([]string{}, s.Components...)
	return s
}
