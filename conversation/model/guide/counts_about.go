package guide

// countRank prefers machines to people for "workers", which are both.
func (r *reading) countRank(id string) int {
	for i, k := range []string{"controlplanes", "workers", "regions", "memory", "cores", "money", "people", "other"} {
		if k == id {
			return i
		}
	}
	return 9
}

// between is true where only words that describe may stand between a number and
// what it counts: "two small dental clinics", "12 or so people".
func (r *reading) between(from, to int, kind string) bool {
	for i := from; i < to; i++ {
		t := &r.msg.tokens[i]
		if t.kind == punctToken && !joins(t.norm) && t.norm != "+" && t.norm != "(" && t.norm != "~" || t.kind == numberToken || r.countStops[t.norm] {
			return false
		}
	}
	return true
}

// rangeStart is true for the first number of "10-15", "10 to 15", "between 10
// and 20": the larger one counts.
func (r *reading) rangeStart(i int) bool {
	toks := r.msg.tokens
	if i+2 >= len(toks) || toks[i+2].kind != numberToken || toks[i+2].value <= toks[i].value {
		return false
	}
	return r.rangeWords[toks[i+1].norm] && (toks[i+1].norm != r.andWord || i > 0 && r.rangeOpen[toks[i-1].norm])
}

// inside is true where a number is part of a longer meaning: "ISO 27001",
// "cx43", "24/7", "office 365".
func (r *reading) inside(i int) bool {
	for _, m := range r.matches {
		if i < m.from || i >= m.to {
			continue
		}
		switch m.kind {
		case "compliance", "ha", "component", "app", "region":
			if m.kind == "app" && r.ambiguousApp(m) {
				continue
			}
			return m.to-m.from > 1 || m.kind != "app"
		}
	}
	return false
}

// addsTo is true for "25 teachers and 300 students".
func (r *reading) addsTo(first, second int) bool {
	a, b := &r.msg.tokens[first], &r.msg.tokens[second]
	if a.sentence != b.sentence || second-first > 6 {
		return false
	}
	for i := first + 1; i < second; i++ {
		if second-first <= 3 {
			return true // "4 vets 3 nurses"
		}
		if n := r.msg.tokens[i].norm; n == r.andWord || n == "," || n == "+" || n == "&" {
			return true
		}
	}
	return false
}

// crowdBefore is true for "we are 12", "a team of 12".
func (r *reading) crowdBefore(i int) bool {
	for _, m := range r.byKind["count"] {
		if m.id != "crowd" || m.to > i || i-m.to > 3 || r.sentence(m) != r.msg.tokens[i].sentence {
			continue
		}
		ok := true
		for j := m.to; j < i; j++ {
			ok = ok && r.numberLinks[r.msg.tokens[j].norm]
		}
		if ok && (i+1 >= len(r.msg.tokens) || r.msg.tokens[i+1].kind == punctToken || r.listWords[r.msg.tokens[i+1].norm] || r.inWords[r.msg.tokens[i+1].norm] || r.numberAfter[r.msg.tokens[i+1].norm]) {
			return true
		}
	}
	return false
}

// bareOf is the bare number set against how many there are: "2", "2 more", "one
// fewer".
func (u *understanding) bareOf(now int) int {
	switch i := u.counts.bareAt; {
	case u.moreAt(i, i+1, "down"):
		return max(now-u.counts.bare, 0)
	case u.moreAt(i, i+1, "up"):
		return now + u.counts.bare
	}
	return u.counts.bare
}

// moreAt is true where "more" or "fewer" stands around the number.
func (r *reading) moreAt(i, at int, id string) bool {
	for _, m := range r.byKind["more"] {
		if m.id == id && r.sentence(m) == r.msg.tokens[i].sentence && (m.to <= i && i-m.to <= 1 || m.from > i && m.from <= at) {
			return true
		}
	}
	return false
}

func (r *reading) moreBefore(i int, id string) bool {
	for _, m := range r.byKind["more"] {
		if m.id == id && m.to == i {
			return true
		}
	}
	return false
}

// nearestBudget is true where the number is what may be spent.
func (r *reading) nearestBudget(i int) (bool, bool) {
	m, ok := r.nearest("budget", i)
	return ok && i-m.to <= 4, ok
}

// currencyMark is the currency that stands beside a number.
func (r *reading) currencyMark(i int) string {
	toks := r.msg.tokens
	if c := r.currencies[toks[i-1].norm]; c != "" {
		return c
	}
	if i+1 < len(toks) {
		return r.currencies[toks[i+1].norm]
	}
	return ""
}

// staff is true where "workers" are people: too many for machines, or said of
// the organisation, as in "a bakery with 12 workers".
func (r *reading) staff(i, n int) bool {
	if n > r.MostWorkers && (n > 4*r.MostWorkers || r.msg.words() > shortReply || r.tellsOfSelf(r.msg.tokens[i].sentence)) {
		return true
	}
	if i == 0 || !r.staffWords[r.msg.tokens[i-1].norm] {
		return false
	}
	for _, b := range r.byKind["business"] {
		if b.to <= i && i-b.to <= 6 && r.sentence(b) == r.msg.tokens[i].sentence {
			return true
		}
	}
	return !r.name.empty() && r.name.to <= i && i-r.name.to <= 5
}

// tellsOfSelf is true where a sentence says what the organisation is, even if it
// asks something as well.
func (r *reading) tellsOfSelf(sentence int) bool {
	for _, b := range r.byKind["business"] {
		if r.sentence(b) == sentence {
			return true
		}
	}
	return !r.name.empty() && r.msg.tokens[r.name.from].sentence == sentence
}

// labelled is true in a sentence that names first and counts then.
func (r *reading) labelled(i int) bool {
	first := i
	for j := range r.msg.tokens {
		if r.msg.tokens[j].kind == numberToken && r.msg.tokens[j].sentence == r.msg.tokens[i].sentence {
			first = j
			break
		}
	}
	for _, m := range r.byKind["count"] {
		if m.to == first && m.words == 1 && r.opens(&r.msg, m.from) {
			return true
		}
	}
	return false
}
