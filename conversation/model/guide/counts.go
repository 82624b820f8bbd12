package guide

import (
	"strings"
)

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
