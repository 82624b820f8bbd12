package guide

import (
	"fmt"
	"strings"
)

// A pattern is a line of a data file: words to be found next to each other.
//
//	book|reserve .. online    "book" or "reserve", up to four words, "online"
//	the? price                an optional word
//	<num> people              any number
//	^what is                  at the start of a sentence, fillers not counted
//	thank you$                at the end of a sentence
//	google_cloud|azure        an alternative of two words
//	=forms                    this form of the word only
//
// Words match without regard to case, marks, plural endings and small typing
// errors.
type pattern struct {
	elems      []elem
	start, end bool
	concept    concept
	words      int
	gaps       bool
}

// concept is what a pattern stands for.
type concept struct {
	kind string // the list it is from: app, need, question, act, ...
	id   string
}

type elem struct {
	alts     []string
	phrases  [][]string // alternatives of several words
	optional bool
	gap      int // most tokens that may be skipped; 0 for a word
	class    string
}

// match is one place where a pattern was found, in tokens.
type match struct {
	concept
	from, to int
	words    int
	// gaps is true where other words may stand between the pattern's own.
	gaps bool
}

// matcher finds many patterns in one pass.
type matcher struct {
	first map[string][]*pattern
	class map[string][]*pattern
}

func newMatcher() *matcher {
	return &matcher{first: map[string][]*pattern{}, class: map[string][]*pattern{}}
}

// add compiles one line; learn is told every word of it.
func (m *matcher) add(line string, c concept, learn func(string)) error {
	p := &pattern{concept: c}
	text := strings.TrimSpace(line)
	if strings.HasPrefix(text, "^") {
		p.start, text = true, strings.TrimSpace(text[1:])
	}
	if strings.HasSuffix(text, "$") {
		p.end, text = true, strings.TrimSpace(strings.TrimSuffix(text, "$"))
	}
	for _, f := range strings.Fields(text) {
		if err := p.addField(f, learn); err != nil {
			return fmt.Errorf("pattern %q of %s %s: %w", line, c.kind, c.id, err)
		}
	}
	for len(p.elems) > 0 && p.elems[0].gap > 0 {
		p.elems = p.elems[1:]
	}
	if len(p.elems) == 0 {
		return fmt.Errorf("pattern %q of %s %s has no word", line, c.kind, c.id)
	}
	m.index(p)
	return nil
}

func (p *pattern) addField(f string, learn func(string)) error {
	switch f {
	case "..":
		p.elems, p.gaps = append(p.elems, elem{gap: 4}), true
		return nil
	case "...":
		p.elems, p.gaps = append(p.elems, elem{gap: 9}), true
		return nil
	}
	var e elem
	if strings.HasSuffix(f, "?") && len(f) > 1 {
		e.optional, f = true, f[:len(f)-1]
	}
	if strings.HasPrefix(f, "<") {
		e.class = strings.Trim(f, "<>")
		switch e.class {
		case "num", "word", "email", "domain":
		default:
			return fmt.Errorf("unknown class %s", f)
		}
		p.elems = append(p.elems, e)
		p.words++
		return nil
	}
	// A hyphen is a space to the reader, so it is one here.
	if !strings.Contains(f, "|") && strings.Contains(f, "-") {
		for _, part := range strings.Split(f, "-") {
			if part != "" {
				p.literal([]string{part}, e.optional, learn)
			}
		}
		return nil
	}
	p.literal(strings.Split(f, "|"), e.optional, learn)
	return nil
}

func (p *pattern) literal(alts []string, optional bool, learn func(string)) {
	e := elem{optional: optional}
	for _, a := range alts {
		if a = fold(a); a == "" {
			continue
		}
		if strings.Contains(a, "_") {
			words := strings.Split(a, "_")
			for _, w := range words {
				learn(w)
			}
			e.phrases = append(e.phrases, words)
			continue
		}
		if exact, ok := strings.CutPrefix(a, "="); ok {
			learn(exact)
			e.alts = append(e.alts, a)
			continue
		}
		learn(a)
		e.alts = append(e.alts, stem(a))
		if s := stem(a); s != a {
			e.alts = append(e.alts, a)
		}
	}
	p.elems = append(p.elems, e)
	if !optional {
		p.words++
	}
}

// index files the pattern under its possible first words.
func (m *matcher) index(p *pattern) {
	for i, e := range p.elems {
		if e.gap > 0 {
			break
		}
		cut := *p
		cut.elems = p.elems[i:]
		if e.class != "" {
			m.class[e.class] = append(m.class[e.class], &cut)
		}
		for _, a := range e.alts {
			m.first[a] = append(m.first[a], &cut)
		}
		for _, words := range e.phrases {
			m.first[words[0]] = append(m.first[words[0]], &cut)
		}
		if !e.optional {
			break
		}
	}
}

// find gives every match, longest first where several start at one token and
// mean the same.
func (m *matcher) find(l *language, msg *message) []match {
	var out []match
	for i := range msg.tokens {
		t := &msg.tokens[i]
		if t.kind == punctToken {
			continue
		}
		tried := map[*pattern]bool{}
		try := func(ps []*pattern) {
			for _, p := range ps {
				if tried[p] || p.start && !l.opens(msg, i) {
					continue
				}
				tried[p] = true
				if to := p.match(l, msg, i, 0); to > 0 {
					out = append(out, match{concept: p.concept, from: i, to: to, words: p.words, gaps: p.gaps})
				}
			}
		}
		for _, form := range [...]string{t.norm, t.stem, t.fixed, t.fixedStem, "=" + t.norm} {
			if form != "" {
				try(m.first[form])
			}
		}
		try(m.class["word"])
		switch t.kind {
		case numberToken:
			try(m.class["num"])
		case emailToken:
			try(m.class["email"])
		case domainToken:
			try(m.class["domain"])
		}
	}
	return out
}

// match tries the elements from k on at token i and gives the end, or 0.
func (p *pattern) match(l *language, msg *message, i, k int) int {
	if k == len(p.elems) {
		if p.end && !l.closes(msg, i) {
			return 0
		}
		return i
	}
	e := &p.elems[k]
	if e.gap > 0 {
		for skip := 0; skip <= e.gap && i+skip < len(msg.tokens); skip++ {
			if skip > 0 {
				t := &msg.tokens[i+skip-1]
				if t.kind == punctToken && (e.gap < 9 || t.norm != ",") && !joins(t.norm) {
					return 0
				}
				if msg.tokens[i+skip].sentence != t.sentence {
					return 0
				}
			}
			if to := p.match(l, msg, i+skip, k+1); to > 0 {
				return to
			}
		}
		return 0
	}
	at := i
	for at < len(msg.tokens) && at > 0 && joins(msg.tokens[at].norm) && msg.tokens[at].kind == punctToken {
		at++ // a hyphen or quote between two words
	}
	if at < len(msg.tokens) && e.fits(&msg.tokens[at]) && (k == 0 || msg.tokens[at].sentence == msg.tokens[at-1].sentence) {
		if to := p.match(l, msg, at+1, k+1); to > 0 {
			return to
		}
	}
	for _, words := range e.phrases {
		if n := fitsPhrase(msg, at, words); n > 0 {
			if to := p.match(l, msg, n, k+1); to > 0 {
				return to
			}
		}
	}
	if e.optional {
		return p.match(l, msg, i, k+1)
	}
	return 0
}

// fitsPhrase gives the end of an alternative of several words, or 0.
func fitsPhrase(msg *message, at int, words []string) int {
	for k, w := range words {
		for k > 0 && at < len(msg.tokens) && msg.tokens[at].kind == punctToken && joins(msg.tokens[at].norm) {
			at++ // "X-ray"
		}
		if at >= len(msg.tokens) {
			return 0
		}
		t := &msg.tokens[at]
		if t.kind == punctToken || w != t.norm && stem(w) != t.stem && w != t.fixed {
			return 0
		}
		at++
	}
	return at
}

// joins is true for a mark that does not part two words of a phrase.
func joins(mark string) bool {
	switch mark {
	case "-", "–", "\"", "'", "/", "“", "”", "*", "_", "`", "‑":
		return true
	}
	return false
}

func (e *elem) fits(t *token) bool {
	switch e.class {
	case "num":
		return t.kind == numberToken
	case "email":
		return t.kind == emailToken
	case "domain":
		return t.kind == domainToken
	case "word":
		return t.kind == wordToken
	}
	if t.kind == punctToken {
		return false
	}
	for _, a := range e.alts {
		if a == t.norm || a == t.stem || a[0] == '=' && a[1:] == t.norm || t.fixed != "" && (a == t.fixed || a == t.fixedStem) {
			return true
		}
	}
	return false
}

// opens is true where only fillers and marks stand before token i in its
// sentence.
func (l *language) opens(msg *message, i int) bool {
	for j := i - 1; j >= 0 && msg.tokens[j].sentence == msg.tokens[i].sentence; j-- {
		t := &msg.tokens[j]
		if t.kind != punctToken && !l.fillers[t.norm] {
			return false
		}
	}
	return true
}

// closes is true where only fillers and marks stand from token i on in the
// sentence of the token before it.
func (l *language) closes(msg *message, i int) bool {
	for j := i; j < len(msg.tokens) && msg.tokens[j].sentence == msg.tokens[i-1].sentence; j++ {
		t := &msg.tokens[j]
		if t.kind != punctToken && !l.closers[t.norm] {
			return false
		}
	}
	return true
}
