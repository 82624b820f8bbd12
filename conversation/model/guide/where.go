package guide

import "sort"

// placeHit is a place that a message names.
type placeHit struct {
	text   string // as the tool is asked: "Muscat, Oman", or the person's words
	region string // a region's id, where it is one of the provider's places
	area   string // a residency such as "EU"
	known  bool   // from the list of places
	asked  bool
	drop   bool
	at     int
	score  int // how surely it is where the people are
}

// places are the places of a message by what they are for.
type places struct {
	inName   string     // a town that the organisation's name has
	people   []placeHit // where the organisation is
	machines []placeHit // where it should run
	asked    []placeHit // only asked about
	near     bool       // "close to us"
	another  bool       // "somewhere else"
}

// findPlaces sorts the places of a message. hq is true while it is being asked
// where the people are, known once that is known.
func (r *reading) findPlaces(hq, known bool) places {
	var out places
	var hits []match
	hits = append(hits, r.byKind["place"]...)
	hits = append(hits, r.byKind["region"]...)
	hits = longest(hits)
	for i := 0; i < len(hits); i++ {
		m := hits[i]
		if r.name.covers(m) && m.kind == "place" && !r.places[m.id].Country && out.inName == "" {
			out.inName = r.places[m.id].Name
		}
		if r.name.covers(m) || m.from > 0 && r.personNamed(m) || r.plainPlace(m) {
			continue
		}
		h := placeHit{at: m.from, known: true, drop: !r.wanted(m) && !r.corrects1(m) && !r.swapsOther(m), asked: r.placeAsked(m)}
		if m.kind == "region" {
			h.region, h.text = m.id, r.regions[m.id].Name+", "+r.regions[m.id].Country
		} else {
			p := r.places[m.id]
			h.area, h.text = p.Area, p.Name
		}
		if m.kind == "place" && r.places[m.id].Country && h.area == "" {
			if from, ok := r.cityBefore(m); ok {
				h.text, h.at = r.msg.slice(from, m.from-1)+", "+r.places[m.id].Name, from
				m.from = from
			}
		}
		if h.area != "" && r.ofCustomers(m) || !h.drop && r.pries(m) {
			continue // "some clients are in Europe" asks for nothing
		}
		h.score = r.homeScore(m)
		machines := h.drop || r.forMachines(m, h, hq, known)
		if r.foreign && h.region == "" && h.area == "" {
			machines = h.drop // the words that would tell are not known
		}
		// "Muscat, Oman": the country belongs to the city before it.
		if n := len(out.people); n > 0 && !machines && r.places[m.id].Country && m.kind == "place" && m.from-out.people[n-1].at <= 5 && sameCountry(out.people[n-1].text, m.id) {
			continue
		}
		if n := len(out.machines); n > 0 && m.kind == "place" && r.places[m.id].Country && m.from-out.machines[n-1].at <= 3 && sameCountry(out.machines[n-1].text, m.id) {
			continue
		}
		if n := len(out.people); n > 0 && !machines && !h.asked && !h.drop && sameCountry(h.text, out.people[n-1].text) && m.from-out.people[n-1].at <= 4 {
			out.people[n-1] = h // "in Ghana, Kumasi"
			continue
		}
		switch {
		case h.asked:
			out.asked = append(out.asked, h)
		case machines:
			out.machines = append(out.machines, h)
		default:
			out.people = append(out.people, h)
		}
	}
	sort.SliceStable(out.people, func(i, j int) bool { return out.people[i].score > out.people[j].score })
	if len(out.people)+len(out.machines)+len(out.asked) == 0 {
		r.unknownPlaces(&out, hq)
	}
	if len(out.people) == 0 {
		for _, m := range r.byKind["demonym"] {
			if !r.placeAsked(m) && r.wanted(m) && !r.pries(m) && len(out.machines) == 0 {
				out.people = append(out.people, placeHit{text: m.id, known: true, at: m.from})
				break
			}
		}
	}
	for _, m := range r.byKind["where"] {
		ask := r.mode(r.sentence(m))
		if ask.asks && !ask.requests {
			continue
		}
		switch m.id {
		case "near":
			out.near = true
		case "closer":
			out.another = true
		}
	}
	return out
}

// corrects1 is true for "no, Mombasa" and "no wait Mombasa": the refusal is of
// what was before.
func (r *reading) corrects1(m match) bool {
	c, ok := r.nearest("cue", m.from, "drop")
	if !ok || c.to-c.from != 1 || !r.correctors[r.msg.tokens[c.from].norm] || !r.opens(&r.msg, c.from) {
		return false
	}
	for i := c.to; i < m.from; i++ {
		if n, ok := r.nearest("cue", m.from, "not"); ok && n.from == i {
			return false
		}
		if t := &r.msg.tokens[i]; t.kind != punctToken && !r.fillers[t.norm] && !r.correctors[t.norm] && !r.inWords[t.norm] && !r.placeWords[t.norm] {
			return false
		}
	}
	return true
}

// swapsOther is true where a "replacement for" before the place is of something
// that stands between.
func (r *reading) swapsOther(m match) bool {
	c, ok := r.nearest("cue", m.from, polar...)
	return ok && c.id == "swap" && m.from-c.to > 1
}

// homeScore tells the place of the organisation from those that are only spoken
// of: "my nephew moved to Vancouver, we have three locations around Buenos Aires".
func (r *reading) homeScore(m match) int {
	score := 0
	toks := r.msg.tokens
	for i := m.from - 1; i >= 0 && i >= m.from-8 && toks[i].sentence == toks[m.from].sentence; i-- {
		if toks[i].kind == punctToken && !joins(toks[i].norm) && i < m.from-1 {
			break
		}
		switch n := toks[i].norm; {
		case r.others[n]:
			score -= 3
		case r.speakers[n]:
			score++
		}
	}
	for _, b := range r.byKind["business"] {
		if b.to <= m.from && m.from-b.to <= 5 && r.sentence(b) == r.sentence(m) {
			score += 2
		}
	}
	if !r.name.empty() && r.name.to <= m.from && m.from-r.name.to <= 4 {
		score += 2
	}
	for _, c := range r.byKind["where"] { // "shops in Berlin and Lisbon, the head office is in Lisbon"
		if c.id == "home" && c.to == m.from {
			score += 6
		}
	}
	if r.ofCustomers(m) {
		score -= 2
	}
	return score
}

// ofCustomers is true for a place where others are: "customers in Lagos", "some
// clients are European".
func (r *reading) ofCustomers(m match) bool {
	for _, c := range r.byKind["where"] {
		if c.id == "customers" && c.from < m.from && c.to >= m.from-1 && c.to <= m.from && r.sentence(c) == r.sentence(m) {
			return true
		}
	}
	return false
}

// pries is true where a place stands for its people, who do something with data:
// "the US government can read it".
func (r *reading) pries(m match) bool {
	toks := r.msg.tokens
	for i := m.to; i < len(toks) && i < m.to+5 && toks[i].sentence == toks[m.from].sentence && toks[i].kind != punctToken; i++ {
		if r.prying[toks[i].norm] {
			return true
		}
	}
	return false
}

func sameCountry(place, country string) bool {
	n := len(place) - len(country)
	return n > 0 && place[n:] == country
}

// plainPlace is true for an ordinary word that is the name of a place too and
// stands as the word: "nice. do it".
func (r *reading) plainPlace(m match) bool {
	t := &r.msg.tokens[m.from]
	if m.to-m.from > 1 || !r.common[t.norm] && !r.fillers[t.norm] && !r.closers[t.norm] && !r.words[t.norm] {
		return false
	}
	before := m.from > 0 && (r.inWords[r.msg.tokens[m.from-1].norm] || r.placeWords[r.msg.tokens[m.from-1].norm])
	return !before && !(r.msg.cased && t.capital && !t.first)
}

// personNamed is true for "I am Jordan": a person's name that is a place too.
func (r *reading) personNamed(m match) bool {
	for _, c := range r.matches {
		if c.kind == "cue" && c.id == "person" && c.to == m.from {
			return true
		}
	}
	return false
}

// placeAsked is true where a place is only asked about.
func (r *reading) placeAsked(m match) bool {
	mode := r.mode(r.sentence(m))
	if !mode.asks || r.supposes(r.sentence(m)) {
		return false
	}
	for _, b := range r.byKind["business"] {
		if r.sentence(b) == r.sentence(m) && b.to <= m.from && m.from-b.to <= 3 {
			return false
		}
	}
	for _, t := range r.byKind["topic"] {
		if r.sentence(t) == r.sentence(m) && r.topics[t.id].Weight > 1 && t.from <= m.from && !r.requestsBefore(m) && !r.has("where", "machines", r.sentence(m)) {
			return true
		}
	}
	for _, t := range r.byKind["topic"] {
		if r.sentence(t) == r.sentence(m) && (t.id == "regions" || t.id == "whyregion" || t.id == "compare") && !r.requestsBefore(m) {
			return true
		}
	}
	return !mode.requests
}

// forMachines tells where it should run from where the people are.
func (r *reading) forMachines(m match, h placeHit, hq, known bool) bool {
	s := r.sentence(m)
	if h.region != "" && m.to-m.from == 1 && r.msg.tokens[m.from].norm == h.region {
		return true // "nbg1": nobody lives in a data centre's code
	}
	var best match
	kind, found := "", false
	for _, c := range r.byKind["where"] {
		if c.id == "okay" && c.from == m.to && r.buildable(h) {
			return true // "Germany is fine for us"
		}
	}
	for _, c := range r.byKind["where"] {
		if c.id != "people" && c.id != "machines" && c.id != "it" || r.sentence(c) != s || c.to > m.from || c.from >= m.from {
			continue
		}
		if c.id == "machines" && r.spansOrganisation(c, m) {
			continue
		}
		if !found || c.to > best.to || c.to == best.to && (c.words > best.words || c.words == best.words && c.id == "machines") {
			best, kind, found = c, c.id, true
		}
	}
	if kind == "it" { // "it is in Lebanon": theirs until that is known
		kind = "people"
		if known && r.buildable(h) || r.mode(s).asks {
			kind = "machines"
		}
	}
	weak := found && best.words == 1 && best.to-best.from == 1 && kind == "people"
	// "Helsinki instead", "only in the EU" later in the sentence.
	for _, c := range r.byKind["cue"] {
		if c.id == "correct" && r.sentence(c) == s && c.from >= m.to && !hq {
			return h.region != "" || !found || weak || kind == "machines"
		}
	}
	if found && !weak {
		return kind == "machines"
	}
	if h.area != "" {
		return true
	}
	if hq && !found {
		return false
	}
	before := r.organisationBefore(m) || r.strongPeople(s, m.from)
	if weak {
		for _, c := range r.byKind["where"] {
			if c.id == "machines" && r.sentence(c) == s && c.from < m.from && !before && !r.spansOrganisation(c, m) {
				return true
			}
		}
	}
	if known && !found && !before && (r.buildable(h) || r.swapped(m)) {
		return true // "Finland then": where they are is settled
	}
	if h.region != "" {
		return !before && !(weak && r.msg.words() > 6 && len(r.byKind["business"]) > 0)
	}
	return false
}

// buildable is true for a place in a country where servers can be had.
func (r *reading) buildable(h placeHit) bool {
	if h.region != "" || h.area != "" {
		return true
	}
	for _, x := range r.regions {
		if countryOf(h.text) == x.Country {
			return true
		}
	}
	return false
}

// spansOrganisation is true where the organisation itself stands between the
// words of a cue and the place: "I run a bakery in Hamburg".
func (r *reading) spansOrganisation(c, m match) bool {
	if toks := r.msg.tokens; c.from > 0 && c.from+1 < m.from && r.speakers[toks[c.from-1].norm] && (r.articles[toks[c.from+1].norm] || toks[c.from+1].kind == numberToken) {
		owned := false
		for _, o := range r.byKind["owner"] {
			owned = owned || o.id == "strong" && o.from < c.from && o.to > c.from
		}
		if owned { // "I run an izakaya in Tokyo"
			return true
		}
	}
	for _, b := range r.byKind["business"] {
		if b.from >= c.from && b.to <= m.from {
			return true
		}
	}
	return !r.name.empty() && r.name.from >= c.from && r.name.to <= m.from
}

func (r *reading) organisationBefore(m match) bool {
	for _, b := range r.byKind["business"] {
		if r.sentence(b) == r.sentence(m) && b.to <= m.from+1 {
			return true
		}
	}
	return !r.name.empty() && r.name.to <= m.from && m.from-r.name.to <= 6
}

func (r *reading) strongPeople(sentence, before int) bool {
	for _, c := range r.byKind["where"] {
		if c.id == "people" && c.words > 1 && r.sentence(c) == sentence && c.to <= before {
			return true
		}
	}
	return false
}

// unknownPlaces finds what may be a place that is on no list: "in Hinterpfuiteufel".
func (r *reading) unknownPlaces(out *places, hq bool) {
	toks := r.msg.tokens
	for _, c := range r.byKind["where"] {
		if c.id != "people" && c.id != "machines" || c.to >= len(toks) || !r.inWords[toks[c.to-1].norm] && !r.placeLabels[toks[c.to-1].norm] {
			continue
		}
		from := c.to
		to := from
		for to < len(toks) && to-from < 3 && toks[to].kind == wordToken && (!r.ordinary(&toks[to]) || r.msg.cased && toks[to].capital) && toks[to].sentence == toks[c.from].sentence {
			if r.msg.cased && !toks[to].capital {
				break
			}
			to++
		}
		if to == from || !r.name.empty() && from < r.name.to && to > r.name.from {
			continue
		}
		h := placeHit{text: r.msg.slice(from, to), at: from}
		if r.mode(toks[from].sentence).asks {
			continue
		}
		if c.id == "machines" && !r.spansOrganisation(c, match{from: from, to: to}) {
			out.machines = append(out.machines, h)
		} else {
			out.people = append(out.people, h)
		}
		return
	}
	if hq && len(r.byKind["address"])+len(r.byKind["size"]) == 0 && r.msg.words() > 0 && r.msg.words() <= 4 && len(r.byKind["act"]) == 0 && len(r.byKind["topic"]) == 0 {
		from, to := 0, len(toks)
		for from < to && (toks[from].kind == punctToken || r.inWords[toks[from].norm] || r.aroundName[toks[from].norm]) {
			from++
		}
		for to > from && toks[to-1].kind == punctToken {
			to--
		}
		if from < to && toks[from].kind == wordToken && !r.tellsOther(span{from, to}) && !r.pronouns(span{from, to}) && len(r.byKind["business"]) == 0 && !r.allOrdinary(span{from, to}) && !r.counts(from, to) && (r.name.empty() || from >= r.name.to) {
			out.people = append(out.people, placeHit{text: r.msg.slice(from, to), at: from})
		}
	}
}

// cityBefore finds the city that stands before its country and is on no list:
// "in Nenagh, Ireland".
func (r *reading) cityBefore(country match) (int, bool) {
	toks := r.msg.tokens
	comma := country.from - 1
	if comma < 2 || toks[comma].norm != "," {
		return 0, false
	}
	from := comma
	for from > 0 && comma-from < 3 && toks[from-1].kind == wordToken && !r.ordinary(&toks[from-1]) && !r.name.covers(match{from: from - 1, to: from}) {
		from--
	}
	return from, from < comma && from > 0 && r.inWords[toks[from-1].norm]
}

// counts is true where a number or a label stands in the tokens.
func (r *reading) counts(from, to int) bool {
	for i := from; i < to; i++ {
		if t := &r.msg.tokens[i]; t.kind == numberToken || t.norm == ":" || t.norm == "=" {
			return true
		}
	}
	return false
}
