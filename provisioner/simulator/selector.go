package simulator

import (
	"regexp"
	"slices"
	"strings"
)

// The grammar of labels: an optional DNS prefix and a slash, then a name; a
// value is like a name and may be empty.
var (
	labelName   = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9._-]{0,61}[a-zA-Z0-9])?$`)
	labelPrefix = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$`)
)

func validLabelKey(key string) bool {
	prefix, name, found := strings.Cut(key, "/")
	if !found {
		return labelName.MatchString(key)
	}
	return len(prefix) <= 253 && labelPrefix.MatchString(prefix) && labelName.MatchString(name)
}

func validLabelValue(value string) bool { return value == "" || labelName.MatchString(value) }

// checkLabels applies the label rules and gives a map of the caller's own;
// never nil, because the API answers {} and not null.
func checkLabels(labels *map[string]string) (map[string]string, error) {
	out := map[string]string{}
	if labels == nil {
		return out, nil
	}
	for key, value := range *labels {
		if !validLabelKey(key) {
			return nil, invalid("labels", "the key %q is not a label key", key)
		}
		if strings.HasPrefix(key, "hetzner.cloud/") {
			return nil, invalid("labels", "the prefix hetzner.cloud/ is reserved")
		}
		if !validLabelValue(value) {
			return nil, invalid("labels", "the value of %q is not a label value", key)
		}
		out[key] = value
	}
	return out, nil
}

// selector is a parsed label selector: all requirements must hold.
type selector []requirement

// requirement is one term. With values it is about the label's value, without
// about its presence; negated turns it around.
type requirement struct {
	key     string
	values  []string
	negated bool
}

// matches reports whether labels satisfy the selector. As in Kubernetes,
// key!=value and key notin (...) also hold when the label is missing. The
// empty selector matches everything.
func (s selector) matches(labels map[string]string) bool {
	for _, r := range s {
		value, present := labels[r.key]
		holds := present && (r.values == nil || slices.Contains(r.values, value))
		if holds == r.negated {
			return false
		}
	}
	return true
}

// parseSelector reads the grammar of the API:
//
//	selector = term *("," term)
//	term     = key | "!" key | key ("=" | "==" | "!=") value | key ("in" | "notin") "(" value *("," value) ")"
//
// Blanks around keys, operators and values are ignored.
func parseSelector(text string) (selector, error) {
	var out selector
	rest := strings.TrimSpace(text)
	for rest != "" {
		var term string
		term, rest = cutTerm(rest)
		r, err := parseTerm(term)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// cutTerm splits at the first comma outside parentheses. A trailing comma
// leaves a blank as the rest, so that the empty last term is refused.
func cutTerm(text string) (term, rest string) {
	depth := 0
	for i, c := range text {
		switch c {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth == 0 {
				rest = strings.TrimSpace(text[i+1:])
				if rest == "" {
					rest = " "
				}
				return text[:i], rest
			}
		}
	}
	return text, ""
}

func parseTerm(term string) (requirement, error) {
	term = strings.TrimSpace(term)
	bad := func() (requirement, error) {
		return requirement{}, invalid("label_selector", "%q is not a selector term", cut(term, 80))
	}
	if key, found := strings.CutPrefix(term, "!"); found {
		key = strings.TrimSpace(key)
		if !validLabelKey(key) {
			return bad()
		}
		return requirement{key: key, negated: true}, nil
	}
	for _, operator := range []string{"!=", "==", "="} {
		key, value, found := strings.Cut(term, operator)
		if !found {
			continue
		}
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if !validLabelKey(key) || !validLabelValue(value) {
			return bad()
		}
		return requirement{key: key, values: []string{value}, negated: operator == "!="}, nil
	}
	if head, list, found := strings.Cut(term, "("); found {
		fields := strings.Fields(head)
		list, closed := strings.CutSuffix(strings.TrimSpace(list), ")")
		if len(fields) != 2 || !closed || !validLabelKey(fields[0]) || (fields[1] != "in" && fields[1] != "notin") {
			return bad()
		}
		r := requirement{key: fields[0], negated: fields[1] == "notin"}
		for value := range strings.SplitSeq(list, ",") {
			value = strings.TrimSpace(value)
			if !validLabelValue(value) {
				return bad()
			}
			r.values = append(r.values, value)
		}
		return r, nil
	}
	if !validLabelKey(term) {
		return bad()
	}
	return requirement{key: term}, nil
}

// cut shortens text to at most n bytes for a message.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "") + "..."
}
