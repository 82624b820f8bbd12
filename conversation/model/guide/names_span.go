package guide

import "unicode/utf8"

// nameStart skips a colon, an opening quote and an article before a name.
func (r *reading) nameStart(i int) (from int, quoted bool) {
	for i < len(r.msg.tokens) {
		t := &r.msg.tokens[i]
		if t.kind != punctToken {
			break
		}
		switch t.norm {
		case ":", "=", "-", "–":
		case "\"", "“", "„", "«", "'", "”", "*", "`":
			quoted = true
		default:
			return -1, false
		}
		i++
	}
	if i >= len(r.msg.tokens) {
		return -1, false
	}
	return i, quoted
}

// nameEnd finds where a name that starts at from ends.
func (r *reading) nameEnd(from int, quoted bool) int {
	toks := r.msg.tokens
	i := from
	for ; i < len(toks) && i-from < longestName; i++ {
		t := &toks[i]
		if i > from && t.start == toks[i-1].start {
			break // the second word of a contraction
		}
		if quoted {
			if t.kind == punctToken && !nameMark(t.norm) {
				return i
			}
			continue
		}
		switch {
		case t.kind == emailToken, i > from && r.speakers[t.norm] && t.end-t.start == 1:
			return i
		case t.kind == punctToken:
			if nameMark(t.norm) && i+1 < len(toks) && i > from && toks[i+1].kind != punctToken && (t.norm == "&" || t.norm == "." || toks[i+1].start == t.end) && t.norm != "'" {
				if t.norm == "." && (!r.initials(i) || r.LegalForms[toks[i-1].norm] != "" && r.LegalForms[toks[i+1].norm] == "" && toks[i+1].start > t.end) {
					return i
				}
				continue
			}
			return i
		case i > from && r.names.partners[t.norm] && toks[i-1].norm == r.andWord:
			continue
		case t.norm == r.andWord || t.norm == "&":
			if i+1 < len(toks) && (r.names.partners[toks[i+1].norm] || r.msg.cased && toks[i+1].capital && !r.names.stops[toks[i+1].norm]) {
				continue
			}
			return i
		case r.msg.cased && t.capital:
			if i > from && r.names.stops[t.norm] && !r.names.inner[t.norm] && t.first {
				return i
			}
			continue
		case i > from && r.names.inner[t.norm] && r.msg.cased && i+1 < len(toks) && toks[i+1].capital && !r.msg.tokens[i-1].first && r.innerAllowed(i):
			continue
		case i > from && r.names.inner[t.norm] && !r.names.stops[t.norm] && i+1 < len(toks) && toks[i+1].kind == wordToken:
			continue
		case r.names.stops[t.norm]:
			return i
		case r.msg.cased && i > from && toks[from].capital && !t.capital && t.kind == wordToken && !r.names.heads[t.norm] && r.LegalForms[t.norm] == "":
			return i
		}
	}
	return i
}

// innerAllowed keeps "Bank of Muscat" together and parts "Acme in Muscat".
func (r *reading) innerAllowed(i int) bool {
	switch t := r.msg.tokens[i].norm; {
	case r.names.stops[t]:
		return false
	default:
		return true
	}
}

// initials is true for the full stop of "A.B. Trading" and "Dr. Smith".
func (r *reading) initials(i int) bool {
	before := r.msg.tokens[i-1]
	return utf8.RuneCountInString(r.msg.text[before.start:before.end]) == 1 || r.abbreviations[before.norm]
}

// nameMark is a mark that may stand inside a name.
func nameMark(s string) bool {
	switch s {
	case "&", "-", ".", "'", "+", "/", "‑":
		return true
	}
	return false
}

// capitalRuns finds words in a row that begin with a capital, in a text where
// capitals tell something.
func (r *reading) capitalRuns() []span {
	var out []span
	toks := r.msg.tokens
	for i := 0; i < len(toks); i++ {
		if toks[i].kind != wordToken || !r.msg.cased && r.LegalForms[toks[i].norm] == "" {
			continue
		}
		if !r.msg.cased {
			// Only a legal form tells a name: "acme trading llc".
			from := i
			for from > 0 && toks[from-1].kind == wordToken && !r.names.stops[toks[from-1].norm] && i-from < 5 && toks[from-1].sentence == toks[i].sentence && !r.announces(from-1) {
				from--
			}
			if from < i {
				out = append(out, span{from, i + 1})
			}
			continue
		}
		if !toks[i].capital || r.speakers[toks[i].norm] && toks[i].end-toks[i].start == 1 {
			continue
		}
		to := r.nameEnd(i, false)
		if to > i {
			out = append(out, span{i, to})
			i = to - 1
		}
	}
	return out
}

// bareName reads a message that answers the question for the name: what is left
// of it without the address and the words around.
func (r *reading) bareName() (nameHit, bool) {
	toks := r.msg.tokens
	var best nameHit
	for i := 0; i < len(toks); {
		t := &toks[i]
		titled := r.msg.cased && t.capital && i+1 < len(toks) && toks[i+1].kind == wordToken && toks[i+1].capital
		if t.kind == emailToken || t.kind == punctToken || r.around(i) && !titled {
			i++
			continue
		}
		to := i
		for to < len(toks) && toks[to].kind != emailToken && to-i < longestName && !(toks[to].kind == punctToken && (!nameMark(toks[to].norm) || toks[to].norm == "." && !r.initials(to) || toks[to].norm == "-" && toks[to].start > toks[to-1].end)) && !r.stopsBare(to) {
			to++
		}
		if to == i {
			i++
			continue
		}
		s, text, ok := r.tidyName(i, to, true)
		if ok && !r.titled(s) && r.allOrdinary(s) && (r.moreThan(s) || r.neverName(s) || r.plainWord(s)) {
			ok = false // "that is too big, cpx42 is fine" has no name, nor "keep it without"
		}
		if ok && r.fieldFirst(s) {
			ok = false // "region Mars"
		}
		if ok && (r.onlyShrugs(s) || !r.titled(s) && (!r.msg.cased || !toks[s.from].capital) && (r.neverName(s) || r.wishIn(s))) {
			ok = false
		}
		if ok && !r.pronouns(s) && !r.placeSpan(s) && !r.onlyBusiness(s) && !r.tellsOther(s) && best.text == "" {
			best = nameHit{span: s, text: text, score: 40}
		}
		i = to
	}
	return best, best.text != ""
}

// around is true for words around an answer: "it is", "sure", "name".
func (r *reading) around(i int) bool {
	t := &r.msg.tokens[i]
	return r.aroundName[t.norm] && !(r.msg.cased && t.capital && !t.first)
}

// stopsBare ends a bare name before "and my e-mail is".
func (r *reading) stopsBare(i int) bool {
	toks := r.msg.tokens
	t := &toks[i]
	if t.norm == r.andWord || t.norm == "&" {
		return t.norm == r.andWord && i+1 < len(toks) && (toks[i+1].kind != wordToken || r.around(i+1) || r.names.stops[toks[i+1].norm])
	}
	if r.msg.cased && t.capital && !t.first {
		return false
	}
	for _, m := range r.byKind["place"] {
		if m.from == i && i > 0 && r.placeWords[toks[i-1].norm] {
			return true
		}
	}
	if r.placeWords[t.norm] {
		return true
	}
	return r.mailWords[t.norm] && i+1 < len(toks)
}

// quotedAt reads a quotation of a few words that opens at token i.
func (r *reading) quotedAt(i int) (from, to int, ok bool) {
	if !quote(r.msg.tokens[i].norm) {
		return 0, 0, false
	}
	for j := i + 1; j < len(r.msg.tokens) && j-i < 8; j++ {
		if quote(r.msg.tokens[j].norm) {
			return i + 1, j, j > i+1
		}
	}
	return 0, 0, false
}

func quote(mark string) bool {
	switch mark {
	case "\"", "“", "”", "„", "«", "»":
		return true
	}
	return false
}

// sentenceStart is the first token of a sentence that is no filler and no mark.
func (r *reading) sentenceStart(at int) int {
	from := at
	for from > 0 && r.msg.tokens[from-1].sentence == r.msg.tokens[at].sentence {
		from--
	}
	for from < at && (r.msg.tokens[from].kind == punctToken || r.fillers[r.msg.tokens[from].norm]) {
		from++
	}
	return from
}
