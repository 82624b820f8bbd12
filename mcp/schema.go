package mcp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	generate "github.com/google/jsonschema-go/jsonschema"
	validate "github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/openova-io/sandbox/conversation/fault"
)

// What an argument may hold at most where its limit tag says nothing else, so
// that nothing is unbounded because somebody forgot to bound it.
const (
	maxText  = 2000 // characters
	maxItems = 100
)

// schema is a tool's input schema, as clients read it and as it is enforced.
type schema struct {
	raw      json.RawMessage
	compiled *validate.Schema
	fields   map[string][]string // the names that an object takes, by its path without indices
}

// schemaOf generates the schema of an input type. The jsonschema tag of a field is
// its description. The limit tag narrows it, as in
//
//	`limit:"min=1,max=500"`       a number's range, a text's characters, a list's length
//	`limit:"enum=apps|bundles"`   one of these
//	`limit:"match=^[a-z]+$"`      a regular expression; the last, since it may hold commas
//
// Unknown arguments are refused at every level, and a list is never null.
func schemaOf(in reflect.Type) (schema, error) {
	s, err := generate.ForType(in, &generate.ForOptions{TypeSchemas: valueSchemas()})
	if err != nil {
		return schema{}, err
	}
	out := schema{fields: map[string][]string{}}
	if err := out.narrow(s, in, ""); err != nil {
		return schema{}, err
	}
	if out.raw, err = json.Marshal(s); err != nil {
		return schema{}, err
	}
	doc, err := validate.UnmarshalJSON(bytes.NewReader(out.raw))
	if err != nil {
		return schema{}, err
	}
	c := validate.NewCompiler()
	if err := c.AddResource("input.json", doc); err != nil {
		return schema{}, err
	}
	out.compiled, err = c.Compile("input.json")
	return out, err
}

// narrow applies limits to the schema of a type and of all that it is made of.
func (out schema) narrow(s *generate.Schema, t reflect.Type, path string) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if _, given := valueSchemas()[t]; given {
		return nil
	}
	switch t.Kind() {
	case reflect.String:
		s.MaxLength = new(maxText)
	case reflect.Slice:
		s.Type, s.Types, s.MaxItems = "array", nil, new(maxItems)
		return out.narrow(s.Items, t.Elem(), path)
	case reflect.Struct:
		for f := range t.Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			p := s.Properties[name]
			if p == nil {
				return fmt.Errorf("the field %s has no JSON name of its own", f.Name)
			}
			out.fields[path] = append(out.fields[path], name)
			if err := out.narrow(p, f.Type, strings.TrimPrefix(path+"."+name, ".")); err != nil {
				return err
			}
			if err := limit(p, f.Tag.Get("limit")); err != nil {
				return fmt.Errorf("the field %s: %w", f.Name, err)
			}
		}
	}
	return nil
}

// limit applies a limit tag to a field's schema.
func limit(s *generate.Schema, tag string) error {
	for tag != "" {
		var part string
		if strings.HasPrefix(tag, "match=") {
			part, tag = tag, ""
		} else {
			part, tag, _ = strings.Cut(tag, ",")
		}
		key, value, _ := strings.Cut(part, "=")
		switch key {
		case "match":
			s.Pattern = value
		case "enum":
			for v := range strings.SplitSeq(value, "|") {
				s.Enum = append(s.Enum, v)
			}
			s.MaxLength = nil
		case "min", "max":
			n, err := strconv.Atoi(value)
			if err != nil {
				return fmt.Errorf("the limit %q is no number", part)
			}
			low := key == "min"
			switch {
			case s.Type == "string" && low:
				s.MinLength = &n
			case s.Type == "string":
				s.MaxLength = &n
			case s.Type == "array" && low:
				s.MinItems = &n
			case s.Type == "array":
				s.MaxItems = &n
			case low:
				s.Minimum = new(float64(n))
			default:
				s.Maximum = new(float64(n))
			}
		default:
			return fmt.Errorf("there is no limit %q", key)
		}
	}
	return nil
}

// check gives every rule that arguments break.
func (out schema) check(arguments any) []fault.Violation {
	raw, err := json.Marshal(arguments)
	if err != nil {
		return []fault.Violation{{Rule: "type", Message: "The arguments are not JSON."}}
	}
	if arguments == nil {
		raw = []byte("{}")
	}
	doc, err := validate.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return []fault.Violation{{Rule: "type", Message: "The arguments are not JSON."}}
	}
	broken, ok := out.compiled.Validate(doc).(*validate.ValidationError)
	if !ok {
		return nil
	}
	return out.violations(broken, nil)
}

func (out schema) violations(e *validate.ValidationError, to []fault.Violation) []fault.Violation {
	if len(e.Causes) > 0 {
		for _, cause := range e.Causes {
			to = out.violations(cause, to)
		}
		return to
	}
	at := jsonPath(e.InstanceLocation)
	say := func(rule, format string, args ...any) {
		to = append(to, fault.Violation{Path: at, Rule: rule, Message: fmt.Sprintf(format, args...)})
	}
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		for _, name := range k.Missing {
			to = append(to, fault.Violation{Path: join(at, name), Rule: "required", Message: "This is missing."})
		}
	case *kind.AdditionalProperties:
		suggestion := "It takes no arguments."
		if names := out.fields[withoutIndices(e.InstanceLocation)]; len(names) > 0 {
			suggestion = "There are: " + strings.Join(names, ", ") + "."
		}
		for _, name := range k.Properties {
			to = append(to, fault.Violation{Path: cut(join(at, name)), Rule: "unknown", Message: fmt.Sprintf("There is no argument %q.", cut(name)), Suggestion: suggestion})
		}
	case *kind.Type:
		say("type", "This is %s and has to be %s.", article(k.Got), article(k.Want...))
	case *kind.Enum:
		var want []string
		for _, w := range k.Want {
			want = append(want, fmt.Sprint(w))
		}
		say("enum", "This has to be one of: %s.", strings.Join(want, ", "))
	case *kind.MinLength:
		say("length", "This has %d characters; it needs at least %d.", k.Got, k.Want)
	case *kind.MaxLength:
		say("length", "This has %d characters; it may have at most %d.", k.Got, k.Want)
	case *kind.MinItems:
		say("length", "This has %d entries; it needs at least %d.", k.Got, k.Want)
	case *kind.MaxItems:
		say("length", "This has %d entries; it may have at most %d.", k.Got, k.Want)
	case *kind.Minimum:
		low, _ := k.Want.Float64()
		say("range", "This has to be %g or more.", low)
	case *kind.Maximum:
		high, _ := k.Want.Float64()
		say("range", "This has to be %g or less.", high)
	case *kind.Pattern:
		say("pattern", "This does not look like one; it has to match %s.", k.Want)
	default:
		say("schema", "This does not fit the schema.")
	}
	return to
}

// article names JSON types in words.
func article(types ...string) string {
	words := map[string]string{
		"string": "a text", "number": "a number", "integer": "a whole number", "boolean": "true or false",
		"array": "a list", "object": "an object", "null": "null",
	}
	var out []string
	for _, t := range types {
		out = append(out, words[t])
	}
	return strings.Join(out, " or ")
}

// jsonPath writes a place as the rest of the house does: "changes[0].field".
func jsonPath(location []string) string {
	path := ""
	for _, l := range location {
		if _, err := strconv.Atoi(l); err == nil && path != "" {
			path += "[" + l + "]"
		} else {
			path = join(path, l)
		}
	}
	return cut(path)
}

func withoutIndices(location []string) string {
	path := ""
	for _, l := range location {
		if _, err := strconv.Atoi(l); err != nil {
			path = join(path, l)
		}
	}
	return path
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// cut bounds a client's own words before they are quoted.
func cut(s string) string {
	if r := []rune(s); len(r) > 80 {
		return string(r[:79]) + "…"
	}
	return s
}

// Value is a JSON value of any type that a draft's field can have.
type Value struct{ V any }

// UnmarshalJSON keeps the value as decoded JSON.
func (v *Value) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &v.V) }

// MarshalJSON gives the value as it was.
func (v Value) MarshalJSON() ([]byte, error) { return json.Marshal(v.V) }

// valueSchemas lets a [Value] hold what it can hold; the generator would see a
// struct.
func valueSchemas() map[reflect.Type]*generate.Schema {
	return map[reflect.Type]*generate.Schema{
		reflect.TypeFor[Value](): {
			Types:     []string{"string", "number", "boolean", "array", "null"},
			MaxLength: new(maxText), MaxItems: new(maxItems),
			Items: &generate.Schema{Type: "string", MaxLength: new(maxText)},
		},
	}
}
