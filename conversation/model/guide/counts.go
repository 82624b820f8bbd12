package guide

import "strings"

// counts are the numbers of a message by what they count.
type counts struct {
	people     int // 0 is not said
	peopleAt   int
	workers    []int // as said, in order
	dropWorker []int // said to be wrong: "not three workers"
	change     int   // workers more or fewer; 0 is not said
	times      int   // 2 doubles, -2 halves
	control    int   // control planes; 0 is not said
	memory     int   // GB for a machine
	memoryAt   int
	cores      int
	budget     int
	currency   string
	bare       int // the one number of the message, that counts nothing
	bareAt     int
	hasBare    bool
	asked      bool // the workers were only asked about
	askedCount int
	badWorkers bool // more or fewer than there can be
	many       bool // "many workers"
	several    int  // regions
}

// findCounts reads the numbers of a message.
func (r *reading) findCounts() counts {
	var c counts
	numbers, used, before := 0, 0, ""
	toks := r.msg.tokens
	for i := range toks {
		if toks[i].kind != numberToken || r.name.covers(match{from: i, to: i + 1}) || r.inside(i) {
			continue
		}
		if r.rangeStart(i) || i+1 < len(toks) && toks[i+1].norm == ")" && (i == 0 || toks[i-1].norm != "(") {
			continue // "10-15", and the 2) of a list
		}
		if r.soundNumbers[toks[i].norm] && i+1 < len(toks) && (r.mine[toks[i+1].norm] || r.articles[toks[i+1].norm]) {
			continue // "4 my shop"
		}
		if i > 0 && r.taken(i-1) {
			continue // "4, not 5"
		}
		numbers++
		v := toks[i].value
		kind, at := r.counted(i)
		if kind == "workers" && r.staff(i, v) {
			kind = "people"
		}
		if j, ok := r.sizeCounted(i); ok {
			kind, at = "workers", max(i+1, j+1)
			if r.sizeFor(j) == "control" {
				kind = "controlplanes"
			}
		}
		if kind == "" && before != "" && r.corrected(i) {
			kind = before
			switch before { // "2 workers, no 5": the later one stands
			case "workers":
				c.workers, c.dropWorker = []int{v}, nil
				used++
				continue
			case "people":
				c.people = 0
			}
		}
		before = kind
		switch kind {
		case "people":
			if m := r.mode(toks[i].sentence); m.asks && !m.requests && !m.offers && !r.tellsOfSelf(toks[i].sentence) {
				continue
			}
			if c.people > 0 && r.addsTo(c.peopleAt, i) {
				c.people += v
			} else {
				c.people = v
			}
			c.peopleAt = i
		case "workers":
			r.countWorkers(&c, i, at, v)
		case "controlplanes":
			if r.wanted(match{from: i, to: at}) || v == 1 {
				c.control = v
			}
		case "regions":
			c.several = v
		case "memory":
			if r.aboutMachines(i) {
				c.memory, c.memoryAt = v, i
			}
		case "cores":
			c.cores = v
		case "money":
			c.budget, c.currency = v, toks[at-1].stem
		case "other":
		default:
			if m, ok := r.nearestBudget(i); ok && m {
				c.budget = v
				if i > 0 {
					c.currency = r.currencyMark(i)
				}
				break
			}
			if c.people > 0 && r.addsTo(c.peopleAt, i) && i+1 < len(toks) && r.atWork[toks[i+1].norm] {
				c.people += v // "17 therapists plus four at reception"
				break
			}
			if r.crowdBefore(i) {
				c.people, c.peopleAt = v, i
				break
			}
			if r.oneWords[toks[i].norm] && r.msg.words() > 2 && !(i > 0 && r.numberLinks[toks[i-1].norm] && !r.articles[toks[i-1].norm]) {
				break // "the last one"
			}
			c.bare, c.bareAt, c.hasBare = v, i, true
			continue
		}
		used++
	}
	if numbers != 1 || used > 0 {
		c.hasBare = c.hasBare && numbers == used+1
	}
	if c.people == 0 && r.has("count", "one") {
		c.people = 1
	}
	r.unnumbered(&c)
	r.single(&c)
	for _, m := range r.byKind["count"] {
		c.many = c.many || m.id == "many" && len(c.workers) == 0 && c.change == 0 && !r.mode(r.sentence(m)).asks
	}
	return c
}

// single reads "a single node": one machine that does everything.
func (r *reading) single(c *counts) {
	for _, m := range r.byKind["count"] {
		if m.id != "single" || r.name.covers(m) || len(c.workers) > 0 || c.control > 1 || !r.wanted(m) {
			continue
		}
		if mode := r.mode(r.sentence(m)); mode.asks && !mode.requests {
			continue
		}
		c.control, c.workers = 1, []int{0}
	}
}

// taken is true for a "not" that takes the number after it away, where another
// number stands before it.
func (r *reading) taken(at int) bool {
	if !r.notWords[r.msg.tokens[at].norm] {
		return false
	}
	for j := at - 1; j >= 0 && j >= at-4 && r.msg.tokens[j].sentence == r.msg.tokens[at].sentence; j-- {
		if r.msg.tokens[j].kind == numberToken {
			return true
		}
	}
	return false
}

// corrected is true for a number that takes back the one before: "no, 5", "I mean
// 100".
func (r *reading) corrected(i int) bool {
	toks := r.msg.tokens
	for j := i - 1; j >= 0 && j >= i-3; j-- {
		switch {
		case r.correctors[toks[j].norm]:
			return true
		case toks[j].kind != punctToken && !r.numberLinks[toks[j].norm]:
			return false
		}
	}
	return false
}

// countWorkers reads a number of workers: so many, or so many more.
func (r *reading) countWorkers(c *counts, i, at, v int) {
	if m := r.mode(r.msg.tokens[i].sentence); m.asks && !m.requests && !m.hypothetical {
		c.asked, c.askedCount = true, v
		return
	}
	if !r.wanted(match{from: i, to: at}) && !r.moreAt(i, at, "down") {
		c.dropWorker = append(c.dropWorker, v)
		return
	}
	if i > 0 && r.msg.tokens[i-1].norm == "-" && r.msg.tokens[i-1].end == r.msg.tokens[i].start && (i < 2 || r.msg.tokens[i-2].end < r.msg.tokens[i-1].start) {
		v = -v
	}
	if v < 0 || v > r.MostWorkers {
		c.badWorkers = true
		return
	}
	to := r.moreBefore(i, "set")
	switch {
	case r.moreAt(i, at, "up") && !to:
		c.change += v
	case r.moreAt(i, at, "down") && !to:
		c.change -= v
	default:
		c.workers = append(c.workers, v)
	}
}

// unnumbered reads "another worker", "one more", "double the workers", "no
// workers" and "three masters"' kin without digits.
func (r *reading) unnumbered(c *counts) {
	if len(c.workers) > 0 || c.change != 0 {
		return
	}
	for _, w := range r.byKind["count"] {
		if w.id != "workers" || r.name.covers(w) {
			continue
		}
		if m := r.mode(r.sentence(w)); m.asks && !m.requests {
			continue
		}
		for _, m := range r.byKind["more"] {
			if m.to > w.from || w.from-m.to > 2 || r.sentence(m) != r.sentence(w) {
				continue
			}
			switch m.id {
			case "up":
				c.change = 1
			case "down":
				c.change = -1
			case "double":
				c.times = 2
				if r.halves[r.msg.tokens[m.from].norm] {
					c.times = -2
				}
			}
		}
	}
}

// counted says what the number at token i counts, and where that ends.
func (r *reading) counted(i int) (kind string, end int) {
	toks := r.msg.tokens
	if i > 0 && r.currencies[toks[i-1].norm] != "" {
		return "money", i + 1
	}
	if i+1 < len(toks) && r.currencies[toks[i+1].norm] != "" && toks[i+1].kind == punctToken {
		return "money", i + 2
	}
	best := match{}
	for _, m := range r.byKind["count"] { // "rooms 20, staff 15"
		if m.to == i && m.id != "crowd" && r.labelled(i) && m.to > best.to {
			best = m
		}
	}
	if best.to > 0 {
		return best.id, i + 1
	}
	for _, m := range r.byKind["count"] {
		if m.id == "crowd" || r.sentence(m) != toks[i].sentence {
			continue
		}
		gap := m.from - (i + 1)
		if gap < 0 || gap > 3 || !r.between(i+1, m.from, m.id) {
			continue
		}
		if best.to == 0 || m.from < best.from || m.from == best.from && m.to > best.to || m.from == best.from && m.to == best.to && r.countRank(m.id) < r.countRank(best.id) {
			best = m
		}
	}
	if best.to > 0 {
		return best.id, best.to
	}
	for j := i + 1; j <= i+2 && j < len(toks) && toks[j].kind == wordToken && toks[j].sentence == toks[i].sentence && !r.countStops[toks[j].norm]; j++ {
		if r.personal1(toks[j].norm) {
			return "people", j + 1 // "320 workmen", "two seasonal helpers"
		}
	}
	// "workers: 3", "number of workers is 3", "RAM 16"
	for _, m := range r.byKind["count"] {
		if m.to > i || i-m.to > 4 || r.sentence(m) != toks[i].sentence || m.id == "other" || m.id == "people" && m.to == i && !r.partOfList(m.from, i) {
			continue
		}
		links := true
		for j := m.to; j < i; j++ {
			links = links && r.numberLinks[toks[j].norm]
		}
		if !links {
			continue
		}
		if m.id == "crowd" {
			return "people", i + 1
		}
		if m.to > best.to {
			best = m
		}
	}
	if best.to > 0 {
		return best.id, i + 1
	}
	return "", i + 1
}

// personal1 is true for a plural that by its ending names people at work and is
// on no list: "helpers", "workmen".
func (r *reading) personal1(w string) bool {
	if r.things[w] || r.things[stem(w)] || len(w) < 6 {
		return false
	}
	for _, e := range r.personEndings {
		if strings.HasSuffix(w, e) {
			return true
		}
	}
	return false
}

// partOfList is true where a word and its number stand alone between marks:
// ", staff 4.".
func (r *reading) partOfList(from, i int) bool {
	toks := r.msg.tokens
	return (from == 0 || toks[from-1].kind == punctToken || toks[from-1].norm == r.andWord) && (i+1 >= len(toks) || toks[i+1].kind == punctToken)
}

// aboutMachines is true where so many gigabytes are of a machine, and not of a file:
// the sentence names machines or memory, or the message is short.
func (r *reading) aboutMachines(i int) bool {
	s := r.msg.tokens[i].sentence
	for _, m := range r.matches {
		if r.sentence(m) != s {
			continue
		}
		if m.kind == "size" || m.kind == "count" && (m.id == "workers" || m.id == "controlplanes" || m.id == "memory" && m.words > 1 || m.id == "cores") {
			return true
		}
	}
	return r.msg.words() <= shortReply
}

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
