package guide

import "sort"

// wish is one Application, component or regime that a message names.
type wish struct {
	slug string
	// need is what it was wanted for, where the person named no Application.
	need string
	drop bool
	// asked is true where it was only asked about.
	asked bool
	// swap is true where it is to be replaced, which drops it if it is there.
	swap bool
	at   int
}

// appWishes lists the Applications of a message in the order they are named.
func (r *reading) appWishes() []wish {
	var out []wish
	named := map[string]int{}
	put := func(w wish) {
		if i, ok := named[w.slug]; ok {
			// Said twice: the plain wish wins over the question, the later over the
			// earlier.
			if out[i].asked || out[i].drop != w.drop && !w.asked {
				need := out[i].need
				out[i] = w
				if w.need == "" && w.drop {
					out[i].need = need
				}
			}
			return
		}
		named[w.slug] = len(out)
		out = append(out, w)
	}
	type hit struct {
		match
		need bool
	}
	var hits []hit
	for _, m := range r.byKind["app"] {
		if !r.name.covers(m) && !r.ambiguousApp(m) {
			hits = append(hits, hit{m, false})
		}
	}
	for _, m := range r.byKind["need"] {
		if !r.name.covers(m) && !r.otherMeaning(m) {
			hits = append(hits, hit{m, true})
		}
	}
	sort.SliceStable(hits, func(i, j int) bool { return hits[i].from < hits[j].from })
	for _, h := range hits {
		w := wish{at: h.from, drop: !r.wanted(h.match), asked: r.onlyAsked(h.match)}
		if h.need && r.swapped(h.match) {
			w.drop, w.swap = false, true // what replaces Slack is a chat again
		}
		if !h.need {
			w.slug = h.id
			put(w)
			continue
		}
		w.need = h.id
		if len(r.needs[h.id].Apps) == 0 {
			w.slug = "need:" + h.id
			put(w)
			continue
		}
		for _, slug := range r.needs[h.id].Apps {
			w.slug = slug
			put(w)
			break
		}
	}
	return out
}

// ambiguousApp is true where an Application's name is an ordinary word here:
// "a plane ticket", "twenty people", "ghost town".
func (r *reading) ambiguousApp(m match) bool {
	t := &r.msg.tokens[m.from]
	for _, o := range r.matches {
		// "control plane" is no Plane.
		if (o.kind == "size" || o.kind == "count" || o.kind == "business") && o.from <= m.from && o.to >= m.to && o.to-o.from > m.to-m.from && !o.gaps {
			return true
		}
	}
	if t.kind == numberToken && m.to-m.from == 1 {
		return true // "twenty-one"
	}
	if m.to-m.from > 1 || !r.wordApps[t.norm] && !r.wordApps[t.stem] {
		return false
	}
	if r.msg.cased && t.capital && !t.first {
		return false
	}
	for _, o := range r.byKind["app"] {
		if r.sentence(o) == r.sentence(m) && o.id != m.id && !r.wordApps[r.msg.tokens[o.from].norm] {
			return false // among other Applications it is one
		}
	}
	// As a plain word it counts only right after a word that asks for it, or alone,
	// or as the only thing that a short question asks about.
	if s := r.sentence(m); r.msg.words() <= 2 || r.sentenceWords(s) <= 4 && r.mode(s).asks {
		return false
	}
	c, ok := r.nearest("cue", m.from, "pos", "drop")
	closed := m.to >= len(r.msg.tokens) || r.msg.tokens[m.to].kind == punctToken || r.listWords[r.msg.tokens[m.to].norm]
	if ok && c.to == m.from && closed {
		return false
	}
	return !(closed && m.from > 0 && (r.listWords[r.msg.tokens[m.from-1].norm] || r.msg.tokens[m.from-1].norm == ",") && len(r.byKind["app"]) > 1)
}

// otherMeaning is true where the words of a need belong to something else: the
// kind of business, an Application that is named, a person's own e-mail.
func (r *reading) otherMeaning(m match) bool {
	for _, b := range r.byKind["business"] {
		if b.from <= m.from && b.to >= m.to {
			same := b.from == m.from && b.to == m.to
			if !same || !r.lacks(m) && (r.kind == "" || r.kind == b.id) {
				return true
			}
		}
	}
	for _, a := range r.byKind["app"] {
		if a.from <= m.from && a.to >= m.to {
			return true
		}
	}
	if r.has("cue", "already", r.sentence(m)) && !r.lacks(m) && r.has("owner", "be", r.sentence(m)) && !r.mode(r.sentence(m)).asks {
		return true // "our website is there already"
	}
	for _, o := range r.byKind["need"] {
		// A list such as "share files": the narrower meaning inside is the same
		// wish; a different need that this one spans over is another.
		if o.concept != m.concept && o.from <= m.from && o.to >= m.to && o.to-o.from > m.to-m.from && o.words > m.words && !o.gaps {
			return true
		}
	}
	if contains(r.needs[m.id].Apps, r.mailApp) {
		for i := range r.msg.tokens {
			if r.msg.tokens[i].kind == emailToken {
				return true
			}
		}
	}
	return r.has("account", "simulated") && m.words == 1
}

// lacks is true where the sentence says that the thing is needed and not there.
// The last such word before the match decides, up to the next "we have".
func (r *reading) lacks(m match) bool {
	at, found := 0, false
	for _, c := range r.matches {
		if r.sentence(c) != r.sentence(m) || c.to > m.from {
			continue
		}
		switch {
		case c.kind == "cue" && c.id == "lack" && c.to >= at:
			at, found = c.to, true
		case c.kind == "owner" && c.words > 1 && c.to > at:
			at, found = c.to, false
		}
	}
	return found
}

// onlyAsked is true where the sentence asks about the thing and wants nothing
// done.
func (r *reading) onlyAsked(m match) bool {
	s := r.sentence(m)
	mode := r.mode(s)
	if !mode.asks || r.supposes(s) {
		return false
	}
	for _, t := range r.byKind["topic"] {
		if r.sentence(t) == s && r.topics[t.id].Weight > 1 && t.from <= m.from && !r.requestsBefore(m) {
			return true
		}
	}
	return !mode.requests && !mode.offers
}

// requestsBefore is true where a request such as "can you add" leads to m.
func (r *reading) requestsBefore(m match) bool {
	for _, c := range r.matches {
		if c.kind == "cue" && c.id == "request" && c.words >= 3 && c.to <= m.from && r.sentence(c) == r.sentence(m) {
			return true
		}
	}
	return false
}

// list reads the mentions of a kind that has no needs: components, regimes.
func (r *reading) list(kind string) []wish {
	var out []wish
	for _, m := range r.byKind[kind] {
		if r.name.covers(m) {
			continue
		}
		w := wish{slug: m.id, drop: !r.wanted(m), asked: r.onlyAsked(m), at: m.from}
		known := false
		for i := range out {
			if out[i].slug == w.slug {
				known = true
				if out[i].asked {
					out[i] = w
				}
			}
		}
		if !known {
			out = append(out, w)
		}
	}
	return out
}

// findBusiness says what kind of organisation it is.
func (r *reading) findBusiness() (id string, strong bool) {
	best, bestScore := "", 0
	for _, m := range r.byKind["business"] {
		score := 2 * m.words
		if m.words == 1 {
			score = 1
		}
		if !r.wanted(m) {
			continue
		}
		if m.to < len(r.msg.tokens) && r.tellWords[r.msg.tokens[m.to].norm] && m.from > 0 && r.mine[r.msg.tokens[m.from-1].norm] {
			continue // "my accountant told me"
		}
		if mode := r.mode(r.sentence(m)); mode.asks && !mode.requests && !mode.offers && r.sentenceWords(r.sentence(m)) > 5 && !r.name.covers(m) && !r.has("owner", "strong", r.sentence(m)) {
			continue // "does the bar council allow that?"
		}
		owned, sure := 0, r.name.covers(m)
		for _, c := range r.matches {
			if c.kind == "owner" && c.to <= m.from && m.from-c.to <= 3 && r.sentence(c) == r.sentence(m) && !r.mark(c.to, m.from) {
				owned = max(owned, 6)
				if c.id == "strong" {
					owned = 8
				}
				sure = sure || c.id == "strong"
			}
		}
		score += owned
		if r.name.covers(m) {
			score += 2
		}
		if r.lacks(m) && r.sameNeed(m) {
			continue // "we need an online shop" is no kind of business
		}
		if r.describes(m) {
			continue // "a boutique hotel" is a hotel
		}
		if !r.name.covers(m) {
			score++ // a name tells less than a plain word
		}
		if score > bestScore {
			best, bestScore, strong = m.id, score, sure
		}
	}
	return best, strong
}

// describes is true where another kind of business follows at once, which this
// one only describes.
func (r *reading) describes(m match) bool {
	for _, o := range r.byKind["business"] {
		if o.from < m.to || o.from-m.to > 2 || o.id == m.id || r.name.covers(o) != r.name.covers(m) || r.sentence(o) != r.sentence(m) {
			continue
		}
		plain := true // "bakery equipment manufacturer"
		for i := m.to; i < o.from; i++ {
			t := &r.msg.tokens[i]
			plain = plain && t.kind == wordToken && !r.names.stops[t.norm] && !r.articles[t.norm] && !r.listWords[t.norm] && !r.inWords[t.norm]
		}
		if plain {
			return true
		}
	}
	return false
}

// sameNeed is true where a need was found in exactly the same words.
func (r *reading) sameNeed(m match) bool {
	for _, n := range r.byKind["need"] {
		if n.from <= m.from && n.to >= m.to {
			return true
		}
	}
	return false
}
