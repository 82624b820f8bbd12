package guide

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// tidyName takes articles and titles off, and refuses what is not a name.
func (r *reading) tidyName(from, to int, strong bool) (span, string, bool) {
	toks := r.msg.tokens
	for from < to && toks[from].kind == punctToken {
		from++
	}
	for to > from && (toks[to-1].kind == punctToken && toks[to-1].norm != "." || r.trailing(toks[to-1].norm) && !(to-2 > from && toks[to-2].norm == "." && toks[to-2].end == toks[to-1].start)) {
		to--
	}
	for to > from && toks[to-1].kind == punctToken {
		to--
	}
	if from >= to {
		return span{}, "", false
	}
	first := &toks[from]
	article := r.articles[first.norm]
	if article && !strong {
		if !r.msg.cased || from+1 >= to || !toks[from+1].capital {
			return span{}, "", false
		}
		if !first.capital || first.first {
			from++
		}
	} else if article && strong && !first.capital {
		if from+1 >= to || !(r.msg.cased && toks[from+1].capital) && r.ordinary(&toks[from+1]) && from+2 == to {
			return span{}, "", false
		}
		from++
	}
	if to < len(toks) && to-from >= 3 && toks[to].norm == "." && toks[to].start == toks[to-1].end && toks[to-2].norm == "." && r.initials(to) {
		to++ // the last full stop of "A.S."
	}
	if from >= to || toks[from].kind == numberToken && to-from == 1 || r.abbreviations[toks[from].norm] && to-from <= 3 && !strong {
		return span{}, "", false
	}
	s := span{from, to}
	if r.notName(s) || r.sideOfPlace(s) {
		return span{}, "", false
	}
	if r.takenByOther(s, strong) || !strong && r.generic(s) {
		return span{}, "", false
	}
	text := strings.TrimSpace(r.msg.slice(from, to))
	text = strings.Trim(text, "\"“”„«»`* ")
	if utf8.RuneCountInString(text) < 2 || !hasLetter(text) {
		return span{}, "", false
	}
	return s, r.writeName(text), true
}

// notName is true for "wrong" in "the name is wrong".
func (r *reading) notName(s span) bool {
	for i := s.from; i < s.to; i++ {
		if t := &r.msg.tokens[i]; t.kind != punctToken && !r.names.not[t.norm] && !r.articles[t.norm] && !r.fillers[t.norm] {
			return false
		}
	}
	return true
}

// sideOfPlace is true for a part of a country or town: "northern Lebanon".
func (r *reading) sideOfPlace(s span) bool {
	i := s.from
	for i < s.to && (r.sides[r.msg.tokens[i].norm] || r.placeWords[r.msg.tokens[i].norm] || r.articles[r.msg.tokens[i].norm] || r.names.small[r.msg.tokens[i].norm] || r.msg.tokens[i].kind == punctToken) {
		i++
	}
	return i > s.from && i < s.to && r.placeSpan(span{i, s.to})
}

func (r *reading) trailing(w string) bool {
	return r.names.inner[w] && r.names.stops[w] || r.names.small[w]
}

func hasLetter(s string) bool { return strings.IndexFunc(s, unicode.IsLetter) >= 0 }

// takenByOther is true where the span is exactly something else: a place, an
// application, a regime, a number of people.
func (r *reading) takenByOther(s span, strong bool) bool {
	for _, kind := range []string{"place", "region", "app", "compliance", "demonym", "component"} {
		if strong && kind != "place" && kind != "region" {
			continue
		}
		for _, m := range r.byKind[kind] {
			if m.from <= s.from && m.to >= s.to && !(strong && kind == "place" && s.to-s.from > 1) {
				return true
			}
		}
	}
	return false
}

// generic is true where no word of the span tells it from any other: "Dental
// Clinic", "happy people". Capitals in mid-sentence make a name of it.
func (r *reading) generic(s span) bool {
	capitals := 0
	for i := s.from; i < s.to; i++ {
		t := &r.msg.tokens[i]
		if t.kind == domainToken {
			return false
		}
		if t.kind != wordToken {
			continue
		}
		if r.msg.cased && t.capital && !t.first {
			capitals++
		}
		if !r.ordinary(t) {
			return false
		}
	}
	return capitals < 2
}

// ordinary is true for a word of the language's own lists.
func (r *reading) ordinary(t *token) bool {
	return r.common[t.norm] || r.common[t.stem] || r.names.heads[t.norm] || r.names.heads[t.stem] || r.spell.known[t.norm] || r.spell.known[t.stem] ||
		t.fixed != "" && len(t.norm) >= shortestSure || r.LegalForms[t.norm] != "" || r.names.stops[t.norm]
}

// nameScore is how much a span looks like a name by itself.
func (r *reading) nameScore(s span) int {
	score, capitals, words, small := 0, 0, 0, 0
	special := false
	for i := s.from; i < s.to; i++ {
		t := &r.msg.tokens[i]
		if t.kind != wordToken {
			continue
		}
		words++
		if r.msg.cased && t.capital {
			capitals++
		} else if i > s.from && r.names.small[t.norm] {
			small++
		}
		if r.LegalForms[t.norm] != "" && i > s.from {
			score += 40
		}
		special = special || !r.ordinary(t) && !r.words[t.norm] && !r.inflected(t.norm)
		if !r.ordinary(t) && r.camel(i) {
			score += 30 // "ShambaLink"
		}
	}
	last := &r.msg.tokens[s.to-1]
	if words > 1 && (r.names.heads[last.norm] || r.names.heads[last.stem]) {
		score += 15
		if special || capitals == words {
			score += 15
		}
	}
	first := &r.msg.tokens[s.from]
	if words > 1 && capitals+small == words && (special || small > 0) && r.names.heads[first.norm] {
		score += 25 // "Hotel Miramar"
	}
	if capitals > 0 && capitals*2 >= words {
		score += 10
		if capitals > 1 {
			score += 5
		}
	}
	if words > 6 {
		score -= 15
	}
	return score
}

// camel is true for a word with a capital inside, in a text that has small
// letters too.
func (r *reading) camel(i int) bool {
	t := &r.msg.tokens[i]
	lower, upper := false, false
	for _, c := range r.msg.text[t.start:t.end] {
		if unicode.IsLower(c) {
			lower = true
		} else if unicode.IsUpper(c) && lower {
			upper = true
		}
	}
	return r.msg.cased && lower && upper
}

// writeName gives a name that was typed in small letters its capitals; any other
// stays exactly as it was typed.
func (r *reading) writeName(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if strings.ToLower(text) != text {
		return text
	}
	parts := strings.Split(text, " ")
	for i, p := range parts {
		switch form := r.LegalForms[fold(p)]; {
		case form != "":
			parts[i] = form
		case i > 0 && r.names.small[fold(p)]:
		default:
			c, size := utf8.DecodeRuneInString(p)
			parts[i] = string(unicode.ToUpper(c)) + p[size:]
		}
	}
	return strings.Join(parts, " ")
}

// onlyBusiness is true for a span that says what kind of organisation it is, and
// no word more: "dental clinic".
func (r *reading) onlyBusiness(s span) bool {
	for i := s.from; i < s.to; i++ {
		t := &r.msg.tokens[i]
		if t.kind != wordToken || r.articles[t.norm] || r.names.inner[t.norm] {
			continue
		}
		inside := false
		for _, kind := range []string{"business", "need", "app"} {
			for _, b := range r.byKind[kind] {
				inside = inside || i >= b.from && i < b.to
			}
		}
		if !inside {
			return false
		}
	}
	return true
}

// titled is true where every word of a span begins with a capital, which a plain
// description does not.
func (r *reading) titled(s span) bool {
	if !r.msg.cased || s.to-s.from < 2 {
		return false
	}
	for i := s.from; i < s.to; i++ {
		if t := &r.msg.tokens[i]; t.kind == wordToken && !t.capital && !r.names.inner[t.norm] {
			return false
		}
	}
	return true
}

// tellsOther is true for plain words that say something else: "two workers",
// "make it bigger".
func (r *reading) tellsOther(s span) bool {
	capitals, words := 0, 0
	for i := s.from; i < s.to; i++ {
		t := &r.msg.tokens[i]
		if t.kind != wordToken {
			continue
		}
		words++
		if !r.ordinary(t) {
			return false
		}
		if r.msg.cased && t.capital {
			capitals++
		}
	}
	if words > 1 && capitals == words {
		return false
	}
	for _, m := range r.matches {
		switch m.kind {
		case "count", "size", "ha", "place", "region", "budget", "more", "need", "app", "act", "compliance", "account":
			if m.from < s.to && m.to > s.from {
				return true
			}
		case "cue":
			if m.id == "request" && m.from < s.to && m.to > s.from {
				return true
			}
		}
	}
	return false
}

// pronouns is true for a span that speaks of persons, as no name does.
func (r *reading) pronouns(s span) bool {
	for i := s.from; i < s.to; i++ {
		if t := &r.msg.tokens[i]; r.speakers[t.norm] && !(r.msg.cased && t.capital && !t.first) {
			return true
		}
	}
	return false
}

// placeSpan is true for a span that is a place and nothing else.
func (r *reading) placeSpan(s span) bool {
	for _, kind := range []string{"place", "region"} {
		for _, m := range r.byKind[kind] {
			if m.from <= s.from && m.to >= s.to {
				return true
			}
		}
	}
	return false
}
