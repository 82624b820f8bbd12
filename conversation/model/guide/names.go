package guide

import "strings"

// nameHit is a candidate for the organisation's name.
type nameHit struct {
	span
	text  string
	score int
}

// nearScore is how much surer a part of a longer name has to be than the whole.
const nearScore = 12

// longestName is the most words that a name has.
const longestName = 9

// findNames looks for organisation names, the surest first.
func (r *reading) findNames() []nameHit {
	var hits []nameHit
	add := func(from, to, score int, strong bool) {
		s, text, ok := r.tidyName(from, to, strong)
		if ok && !(r.onlyBusiness(s) && !r.titled(s)) {
			hits = append(hits, nameHit{span: s, text: text, score: score + r.nameScore(s)})
		}
	}
	for _, m := range r.byKind["name"] {
		if r.personal(m) {
			continue
		}
		from, quoted := r.nameStart(m.to)
		if from < 0 || m.id == "after" {
			continue
		}
		to := r.nameEnd(from, quoted)
		switch m.id {
		case "strong":
			if m.words == 1 && !quoted && !r.label(m) && !r.namedBy(m) && !(r.capitalAfter(m) && !(r.msg.cased && r.msg.tokens[m.from].capital && r.names.heads[r.msg.tokens[m.from].norm])) {
				continue
			}
			if r.addressSentence(m) {
				continue
			}
			add(from, to, 60+m.words, true)
		case "be":
			add(from, to, 30+m.words, quoted)
			if end := r.explained(from); end > from {
				add(from, end, 60, true) // "WE ARE HOPE FOR ALL, AN NGO"
			}
		default:
			score := 10
			if r.anyMatch("act", "changename") || r.afterWrong(m) {
				score = 60 // "the name is wrong, it is Acme"
			}
			add(from, to, score, quoted)
		}
	}
	for i := range r.msg.tokens {
		if i > 0 && r.msg.tokens[i-1].sentence == r.msg.tokens[i].sentence {
			continue
		}
		from := i
		for from < len(r.msg.tokens)-1 && (r.msg.tokens[from].kind == punctToken || r.fillers[r.msg.tokens[from].norm]) {
			from++
		}
		if end := r.explained(from); end > from && !r.articles[r.msg.tokens[from].norm] {
			add(from, end, 35, false)
		}
	}
	for i := range r.msg.tokens {
		if from, to, ok := r.quotedAt(i); ok && (r.businessNear(from) || r.ownedNear(i)) {
			add(from, to, 40, true)
		}
		if n := r.msg.tokens[i].norm; (n == "(" || n == ":") && i+1 < len(r.msg.tokens) && r.msg.tokens[i+1].capital && r.businessNear(i) {
			add(i+1, r.nameEnd(i+1, false), 30, false)
		}
	}
	for _, m := range r.byKind["name"] {
		if m.id == "after" { // "Blue Harbour is our company name"
			add(r.sentenceStart(m.from), m.from, 60, true)
		}
	}
	for _, s := range r.mailNames() {
		add(s.from, s.to, 45, true)
	}
	for _, s := range r.capitalRuns() {
		score := 0
		switch {
		case r.setOff(s):
			score = 30
		case r.begins(s):
			score = 27 // "Bufete García y Asociados. Madrid."
		case r.between2(s):
			score = 27 // "Austin TX, Copper Owl Games."
		}
		add(s.from, s.to, score, false)
	}
	return hits
}

// explained finds the comma after a name that is followed by what it is: "Hope
// for All, an NGO in Nairobi". It gives 0 where that is not so.
func (r *reading) explained(from int) int {
	toks := r.msg.tokens
	end := from
	for end < len(toks) && toks[end].kind == wordToken && end-from < longestName && toks[end].sentence == toks[from].sentence {
		end++
	}
	if end == from || end+2 >= len(toks) || toks[end].norm != "," || !r.articles[toks[end+1].norm] {
		return 0
	}
	for _, b := range r.byKind["business"] {
		if b.from > end+1 && b.from-end <= 5 && !r.mark(end+1, b.from) {
			return end
		}
	}
	return 0
}

// mailNames are the words between two marks that make the domain of an e-mail
// address in the message: the name in "Blue Harbour, ops@blueharbour.io".
func (r *reading) mailNames() []span {
	var out []span
	toks := r.msg.tokens
	for _, mail := range toks {
		if mail.kind != emailToken {
			continue
		}
		domain, _, _ := strings.Cut(mail.norm[strings.IndexByte(mail.norm, '@')+1:], ".")
		domain = strings.ReplaceAll(domain, "-", "")
		for from := range toks {
			text := ""
			for to := from; to < len(toks) && to-from < longestName && len(text) < len(domain) && toks[to].kind == wordToken; to++ {
				text += toks[to].norm
				alone := (from == 0 || toks[from-1].kind == punctToken) && (to+1 == len(toks) || toks[to+1].kind == punctToken || r.inWords[toks[to+1].norm])
				if alone && text == domain && (to > from || !r.ordinary(&toks[from])) {
					out = append(out, span{from, to + 1})
				}
			}
		}
	}
	return out
}

// between2 is true for two or more capitals between two marks, in a first sentence
// that has given no name.
func (r *reading) between2(s span) bool {
	toks := r.msg.tokens
	if r.nameKnown || r.otherTongue(s) || s.from == 0 || toks[s.from].sentence > 3 || toks[s.from-1].kind != punctToken || s.to < len(toks) && toks[s.to].kind != punctToken {
		return false
	}
	capitals, special := 0, false
	for i := s.from; i < s.to; i++ {
		if t := &toks[i]; t.kind == wordToken {
			if t.capital {
				capitals++
			}
			special = special || !r.ordinary(t)
		}
	}
	return capitals > 1 && special
}

// begins is true for capitals at the beginning of a message, before a mark or
// "here": the way in which people who are asked for an organisation give it.
func (r *reading) begins(s span) bool {
	toks := r.msg.tokens
	if r.nameKnown || r.otherTongue(s) || s.from > 0 && !r.opens(&r.msg, s.from) || toks[s.from].sentence > 0 || s.to >= len(toks) || s.to-s.from < 2 || r.fillers[toks[s.from].norm] {
		return false
	}
	if toks[s.to].kind != punctToken && !r.hereAfter(s.to) {
		return false
	}
	if toks[s.to].norm == "," && s.to+1 < len(toks) && !r.names.heads[toks[s.to-1].norm] && !r.names.heads[toks[s.from].norm] {
		for _, p := range r.byKind["place"] { // "Beit Kashtoun, Lebanon" is a place
			if p.from == s.to+1 && r.places[p.id].Country {
				return false
			}
		}
	}
	for i := s.from; i < s.to; i++ {
		if toks[i].kind == wordToken && !r.ordinary(&toks[i]) && !r.placeSpan(span{i, i + 1}) {
			return true
		}
	}
	return false
}

// otherTongue is true where every word of a span is a frequent one of another
// language: "Guten Tag".
func (r *reading) otherTongue(s span) bool {
	for i := s.from; i < s.to; i++ {
		known := r.msg.tokens[i].kind == punctToken
		for j := range r.tongues {
			known = known || r.tongues[j].words[r.msg.tokens[i].norm]
		}
		if !known {
			return false
		}
	}
	return true
}

// hereAfter is true where "here" follows at once or after a few words: "Port of
// Salalah digital team here".
func (r *reading) hereAfter(at int) bool {
	toks := r.msg.tokens
	for i := at; i < len(toks) && i <= at+3 && toks[i].kind == wordToken; i++ {
		if r.hereWords[toks[i].norm] {
			return i+1 >= len(toks) || toks[i+1].kind == punctToken
		}
	}
	return false
}

// setOff is true for capitals between commas after it was said what somebody
// runs: "I run an izakaya in Tokyo, Torikichi, 9 people".
func (r *reading) setOff(s span) bool {
	toks := r.msg.tokens
	if s.from == 0 || toks[s.from-1].norm != "," || s.to < len(toks) && toks[s.to].kind != punctToken && toks[s.to].sentence == toks[s.from].sentence {
		return false
	}
	for i := s.from; i < s.to; i++ {
		if toks[i].kind == wordToken && !r.ordinary(&toks[i]) {
			return r.saysWhatItIs(s.from)
		}
	}
	return false
}

// saysWhatItIs is true where a kind of organisation, or "I run a ...", stands
// before token at in its sentence.
func (r *reading) saysWhatItIs(at int) bool {
	for _, b := range r.byKind["business"] {
		if b.to <= at && r.sentence(b) == r.msg.tokens[at].sentence {
			return true
		}
	}
	for _, o := range r.byKind["owner"] {
		if o.id == "strong" && o.to <= at && r.sentence(o) == r.msg.tokens[at].sentence {
			return true
		}
	}
	return false
}

// afterWrong is true where the sentence has said before that something is wrong.
func (r *reading) afterWrong(m match) bool {
	for i := m.from - 1; i >= 0 && i >= m.from-6; i-- {
		if r.names.not[r.msg.tokens[i].norm] {
			for _, n := range r.byKind["name"] {
				if n.id == "strong" && n.from < i {
					return true
				}
			}
		}
	}
	return false
}

// bestName picks one name. Under a score that says "this is surely a name" it
// gives nothing: the guide then asks.
func (r *reading) bestName() (nameHit, bool) {
	var best nameHit
	for _, h := range r.findNames() {
		longer := h.to-h.from > best.to-best.from && h.from <= best.from && h.to >= best.to
		shorter := h.to-h.from < best.to-best.from && h.from >= best.from && h.to <= best.to
		switch {
		case longer && h.score >= best.score-nearScore, h.score > best.score && !(shorter && h.score <= best.score+nearScore), h.score == best.score && h.to-h.from > best.to-best.from:
			best = h // "Ministry of Public Works" rather than "Public Works"
		}
	}
	return best, best.score >= 40
}

// personal sees "my name is ...", which is about the person.
func (r *reading) personal(m match) bool {
	for i := m.from; i >= 0 && i >= m.from-3; i-- {
		for _, c := range r.matches {
			if c.kind == "cue" && c.id == "person" && c.from <= i && c.to >= m.from && c.to <= m.to && m.id != "be" && m.id != "weak" {
				return !(c.words < 3 || !r.mine[r.msg.tokens[c.from].norm] && m.words > 1)
			}
		}
	}
	return false
}

// label is true for "Name: Acme" and "Company - Acme".
func (r *reading) label(m match) bool {
	if m.to >= len(r.msg.tokens) {
		return false
	}
	t := &r.msg.tokens[m.to]
	return t.kind == punctToken && (t.norm == ":" || t.norm == "=") || t.kind == punctToken && t.norm == "-" && r.opens(&r.msg, m.from)
}

// namedBy is true for a single word that by itself announces a name.
func (r *reading) namedBy(m match) bool {
	t := &r.msg.tokens[m.from]
	switch {
	case m.to < len(r.msg.tokens) && r.msg.tokens[m.to].kind == punctToken:
		return false
	case r.verbs[t.norm]:
		// "what is called a worker" and "it is called ..." in a question are not.
		return !r.mode(t.sentence).asks
	}
	return false
}

// addressSentence is true where the name that is given is the address's.
func (r *reading) addressSentence(m match) bool {
	for _, a := range r.byKind["address"] {
		if a.id == "label" && a.from <= m.from && a.to >= m.from {
			return true
		}
	}
	return false
}

// ownedNear is true where "my" or "our" stands in the words before a quotation.
func (r *reading) ownedNear(at int) bool {
	for i := at - 1; i >= 0 && i >= at-4; i-- {
		if n := r.msg.tokens[i].norm; r.mine[n] {
			return true
		}
	}
	return false
}

// announces is true for a word such as "company" before a name.
func (r *reading) announces(i int) bool {
	for _, m := range r.byKind["name"] {
		if m.id == "strong" && m.to == i+1 {
			return true
		}
	}
	return false
}

// businessNear is true where a kind of business is named in the words before.
func (r *reading) businessNear(at int) bool {
	for _, b := range r.byKind["business"] {
		if b.to <= at && at-b.to <= 3 {
			return true
		}
	}
	return false
}

// capitalAfter is true for "company Quantal Systems": a name right after the word.
func (r *reading) capitalAfter(m match) bool {
	if !r.msg.cased || m.to >= len(r.msg.tokens) {
		return false
	}
	t := &r.msg.tokens[m.to]
	return t.kind == wordToken && t.capital && !t.first && !r.ordinary(t)
}

// allOrdinary is true where every word of a span is one of the language's own.
func (r *reading) allOrdinary(s span) bool {
	for i := s.from; i < s.to; i++ {
		if t := &r.msg.tokens[i]; t.kind == wordToken && !r.ordinary(t) {
			return false
		}
	}
	return true
}

// plainWord is true for a single word of the language without a capital of its
// own: "flowers" says what is sold.
func (r *reading) plainWord(s span) bool {
	t := &r.msg.tokens[s.from]
	return s.to-s.from == 1 && (!t.capital || !r.msg.cased)
}

// wishIn is true where an Application or a need is named in a span.
func (r *reading) wishIn(s span) bool {
	for _, kind := range []string{"app", "need", "component"} {
		for _, m := range r.byKind[kind] {
			if m.from < s.to && m.to > s.from && (kind != "need" || m.words > 1) {
				return true
			}
		}
	}
	return false
}

// fieldFirst is true where a span begins with a word for a part of the draft.
func (r *reading) fieldFirst(s span) bool {
	t := &r.msg.tokens[s.from]
	if r.placeLabels[t.norm] {
		return true
	}
	for _, kind := range []string{"address", "size"} {
		for _, m := range r.byKind[kind] {
			if m.from == s.from {
				return true
			}
		}
	}
	return r.sizeAt(s.from) || s.from+1 < s.to && r.sizeAt(s.from+1)
}

// onlyShrugs is true where every word says nothing.
func (r *reading) onlyShrugs(s span) bool {
	for i := s.from; i < s.to; i++ {
		if n := r.msg.tokens[i].norm; !r.shrugs[n] && !r.fillers[n] && !r.closers[n] {
			return false
		}
	}
	return true
}

// neverName is true for plain words of which one stands in no name.
func (r *reading) neverName(s span) bool {
	for i := s.from; i < s.to; i++ {
		if r.never[r.msg.tokens[i].norm] {
			return true
		}
	}
	return false
}

// moreThan is true where the message says more than the span and an address.
func (r *reading) moreThan(s span) bool {
	for i := range r.msg.tokens {
		t := &r.msg.tokens[i]
		if (i < s.from || i >= s.to) && t.kind != punctToken && t.kind != emailToken && !r.aroundName[t.norm] && !r.fillers[t.norm] {
			return true
		}
	}
	return false
}
