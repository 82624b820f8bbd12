package guide

// reading is one message with everything that was found in it.
type reading struct {
	*language
	msg     message
	matches []match
	byKind  map[string][]match
	// name is the span of tokens that the organisation's name takes; nothing in
	// it is looked at for other meanings than the business.
	name span
	// kind is the kind of business that the message tells, once that was found.
	kind string
	// nameKnown is true where the organisation's name is known already.
	nameKnown bool
	// foreign is true for a message in another language.
	foreign bool
	// supposing keeps which sentences ask what something would cost.
	supposing map[int]bool
}

type span struct{ from, to int }

func (s span) empty() bool { return s.to <= s.from }

func (s span) covers(m match) bool { return m.from < s.to && m.to > s.from }

// parse finds every phrase of the language in a text.
func (l *language) parse(text string) *reading {
	r := &reading{language: l, msg: l.read(text), byKind: map[string][]match{}, supposing: map[int]bool{}}
	r.matches = l.matcher.find(l, &r.msg)
	for _, m := range r.matches {
		r.byKind[m.kind] = append(r.byKind[m.kind], m)
	}
	// Of the cues that turn a meaning round only the longest counts: "do not need"
	// is no wish. Other cues do not hide each other.
	var turning, other []match
	for _, m := range r.byKind["cue"] {
		if contains(polar, m.id) {
			turning = append(turning, m)
		} else {
			other = append(other, m)
		}
	}
	r.byKind["cue"] = append(longest(turning), other...)
	for _, kind := range []string{"app", "need", "business", "region", "place", "component", "compliance", "demonym"} {
		r.byKind[kind] = longest(r.byKind[kind])
	}
	return r
}

// longest drops every match that lies inside a longer one of the same kind, and
// repetitions of one meaning.
func longest(in []match) []match {
	out := in[:0:0]
	for i, m := range in {
		keep := true
		for j, o := range in {
			if i == j || o.from > m.from || o.to < m.to {
				continue
			}
			wider := o.to-o.from > m.to-m.from && (!o.gaps || o.concept == m.concept)
			same := o.from == m.from && o.to == m.to
			if wider && o.words >= m.words || same && (o.words > m.words || o.words == m.words && o.concept == m.concept && j < i) {
				keep = false
				break
			}
		}
		if keep {
			out = append(out, m)
		}
	}
	return out
}

// sentence is the number of the sentence that a match is in.
func (r *reading) sentence(m match) int { return r.msg.tokens[m.from].sentence }

// has is true where a phrase of this kind and id was found; in a sentence, where
// one is given.
func (r *reading) has(kind, id string, sentence ...int) bool {
	for _, m := range r.byKind[kind] {
		if m.id == id && (len(sentence) == 0 || r.sentence(m) == sentence[0]) {
			return true
		}
	}
	return false
}

// nearest gives the last match of a kind that ends at or before token at in the
// same sentence, out of the given ids (all if none).
func (r *reading) nearest(kind string, at int, ids ...string) (match, bool) {
	var best match
	found := false
	for _, m := range r.byKind[kind] {
		if m.to > at || m.from >= at || r.sentence(m) != r.msg.tokens[min(at, len(r.msg.tokens)-1)].sentence {
			continue
		}
		if len(ids) > 0 && !contains(ids, m.id) {
			continue
		}
		if !found || m.to > best.to || m.to == best.to && m.words > best.words {
			best, found = m, true
		}
	}
	return best, found
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// polar are the cues that decide whether something is wanted.
var polar = []string{"drop", "swap", "not", "pos", "neutral"}

// swapped is true where something is to be replaced: "instead of Slack".
func (r *reading) swapped(m match) bool {
	c, ok := r.nearest("cue", m.from, polar...)
	return ok && c.id == "swap"
}

// wanted is false where the sentence takes the meaning of m away: "without X",
// "drop X and Y", "not X, but Z", "X is not needed".
func (r *reading) wanted(m match) bool {
	if r.droppedAfter(m) {
		return false
	}
	for _, o := range r.byKind["cue"] { // "leave the invoices out"
		if o.id == "drop" && o.gaps && o.from < m.from && o.to > m.to {
			return false
		}
	}
	for _, o := range r.byKind["cue"] { // "EU only" after a refusal
		if o.id == "only" && o.from == m.to {
			return true
		}
	}
	c, ok := r.nearest("cue", m.from, polar...)
	for _, own := range r.byKind["cue"] { // "drop forms" may be one phrase
		if own.from == m.from && own.to < m.to && (own.id == "drop" || own.id == "swap" || own.id == "pos") {
			c, ok = own, true
		}
	}
	if !ok {
		return true
	}
	switch c.id {
	case "neutral":
		return true
	case "pos":
		// "do not want to use X": the wish is inside the refusal.
		before, ok := r.nearest("cue", c.from, polar...)
		if !ok || before.id == "pos" || before.id == "neutral" {
			return true
		}
		return !r.onlyLinks(before.to, c.from)
	case "not":
		return m.from-c.to > 4 || r.mark(c.to, m.from)
	default:
		if m.from-c.to > 14 {
			return true
		}
		// "nothing outside Germany" wants Germany.
		if before, ok := r.nearest("cue", c.from, polar...); ok && r.turns[r.msg.tokens[c.from].norm] && before.id != "pos" && before.id != "neutral" {
			return true
		}
		return r.mark(c.to, m.from) && !r.listBetween(c.to, m.from)
	}
}

// droppedAfter sees "X is not needed" and "X can go".
func (r *reading) droppedAfter(m match) bool {
	for _, c := range r.byKind["cue"] {
		if c.id != "post" || c.from < m.to || c.from > m.to+2 || r.sentence(c) != r.sentence(m) || r.mark(m.to, c.from) {
			continue
		}
		if c.to == len(r.msg.tokens) || r.msg.tokens[c.to].kind == punctToken || c.words > 3 || r.msg.tokens[c.to].norm == r.andWord || r.msg.tokens[c.to].sentence != r.sentence(m) {
			// "X no, Y yes" but not "X? no problem"
			if n, ok := r.nearest("cue", c.from, "drop"); ok && n.to >= m.from-2 && r.wantedBefore(m, n) {
				continue
			}
			return true
		}
	}
	return false
}

// wantedBefore is true where a drop cue stands directly before the match, so
// that what comes after it belongs to something else.
func (r *reading) wantedBefore(m, c match) bool { return c.to == m.from }

// onlyLinks is true where nothing but linking words stand between two tokens.
func (r *reading) onlyLinks(from, to int) bool {
	for i := from; i < to; i++ {
		t := &r.msg.tokens[i]
		if t.kind == punctToken {
			return false
		}
		if !r.links[t.norm] {
			return false
		}
	}
	return true
}

// mark is true where a comma, dash or colon stands between two tokens.
func (r *reading) mark(from, to int) bool {
	for i := from; i < to && i < len(r.msg.tokens); i++ {
		if t := &r.msg.tokens[i]; t.kind == punctToken && !joins(t.norm) || t.norm == "–" || t.norm == "—" {
			return true
		}
	}
	return false
}

// listBetween is true where the tokens are a list of names only, so that what
// was said before the list is said of all of it.
func (r *reading) listBetween(from, to int) bool {
	seen := false
	for i := from; i < to; i++ {
		t := &r.msg.tokens[i]
		if t.kind == punctToken || r.listWords[t.norm] {
			continue
		}
		inside := false
		for _, kind := range []string{"app", "need", "component", "region", "place", "compliance"} {
			for _, m := range r.byKind[kind] {
				if i >= m.from && i < m.to {
					inside, seen = true, true
				}
			}
		}
		if !inside {
			return false
		}
	}
	return seen
}

// mode is how a sentence speaks.
type mode struct {
	asks         bool // it is a question
	requests     bool // it asks for something to be done
	hypothetical bool
	offers       bool // it asks whether something can be had
}

func (r *reading) mode(sentence int) mode {
	m := mode{asks: sentence < len(r.msg.asks) && r.msg.asks[sentence]}
	for _, c := range r.matches {
		if c.kind != "cue" || r.sentence(c) != sentence {
			continue
		}
		switch c.id {
		case "question":
			m.asks = m.asks || !r.insideYes(c)
		case "request":
			m.requests = true
		case "offer":
			m.offers = true
		case "hypothetical":
			m.hypothetical = true
		}
	}
	if r.supposes(sentence) {
		m.requests = true
	}
	return m
}

// inPlace is true for "in" before a place.
func (r *reading) inPlace(m match) bool {
	for _, kind := range []string{"place", "region"} {
		for _, p := range r.byKind[kind] {
			if p.from == m.to && r.inWords[r.msg.tokens[m.to-1].norm] {
				return true
			}
		}
	}
	return false
}

// supposes is true for a sentence that asks what something would cost: what it
// names is tried out.
func (r *reading) supposes(sentence int) bool {
	if s, known := r.supposing[sentence]; known {
		return s
	}
	priced, supposed, named := false, false, false
	asks := sentence < len(r.msg.asks) && r.msg.asks[sentence]
	for _, m := range r.matches {
		asks = asks || m.kind == "cue" && m.id == "question" && r.sentence(m) == sentence
	}
	for _, m := range r.matches {
		if r.sentence(m) != sentence {
			continue
		}
		switch {
		case m.kind == "topic" && m.id == "cost", m.kind == "act" && m.id == "price" && asks:
			priced = true
		case m.kind == "where" && r.inPlace(m):
			supposed, named = true, true
		case m.kind == "cue" && m.id == "suppose":
			supposed = true
		case nameable(m):
			named = true
			supposed = supposed || m.kind == "count" && r.insidePrice(m)
		}
	}
	elliptic := false
	for _, m := range r.matches {
		if m.kind == "cue" && r.sentence(m) == sentence {
			elliptic = elliptic || m.id == "whatif" || m.id == "elliptic" && sentence < len(r.msg.asks) && r.msg.asks[sentence]
		}
	}
	for i := range r.msg.tokens {
		named = named || r.sizeAt(i) && r.msg.tokens[i].sentence == sentence
	}
	yes := (priced && supposed || elliptic) && named
	r.supposing[sentence] = yes
	return yes
}

// nameable is true for what a price can be asked of.
func nameable(m match) bool {
	switch m.kind {
	case "app", "need", "ha", "region", "component":
		return true
	case "size":
		return m.words > 1
	case "count":
		return m.id == "workers" || m.id == "controlplanes"
	}
	return false
}

// insidePrice is true for what stands within the words that ask for a price: "what
// do two workers cost". After them it is told and not asked: "two workers, what
// does it cost".
func (r *reading) insidePrice(m match) bool {
	for _, t := range r.byKind["topic"] {
		if t.id == "cost" && t.from < m.from && m.to < t.to {
			return true
		}
	}
	return false
}
