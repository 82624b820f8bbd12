package guide

// understanding is everything that one message says, before anything is done.
type understanding struct {
	*reading
	tongue      *tongue
	orgName     string
	rivals      []string // two names, equally sure
	emails      []string
	badEmail    string
	where       places
	business    string
	isBusiness  bool // "we are a ..." and not only a word in passing
	counts      counts
	address     address
	apps        []wish
	components  []wish
	compliance  []wish
	ha          *bool
	machine     machine
	onlyApps    bool
	noApps      bool
	simulated   bool
	refers      bool
	topics      []string
	whatIf      bool
	unread      unread
	person      span // the speaker's own name
	personName  string
	dropWorkers bool // the number of workers was meant for people
	haClash     bool // high availability with one control plane
	bizInName   bool // the kind of business is only told by the name
	residency   bool // the data may not leave where they are, or the place that is named
}

// asked is what the person was asked last, by draft field.
type asked map[string]bool

// placeKnown and nameKnown say beside the questions what is known.
const (
	placeKnown = "known:orgHeadquarters"
	nameKnown  = "known:orgName"
	// addressSpoken says that the exchange before was about the address.
	addressSpoken = "spoken:address"
)

// understand reads a message in the light of what was asked.
func (l *language) understand(text string, open asked) *understanding {
	r := l.parse(text)
	r.nameKnown = open[nameKnown]
	u := &understanding{reading: r}
	u.findEmails(open)
	if hit, ok := r.bestName(); ok {
		u.orgName, r.name = hit.text, hit.span
		u.findRivals(hit)
	}
	u.topics = r.findTopics()
	u.tongue = l.detect(r)
	r.foreign = u.tongue != nil
	u.findPerson()
	if u.orgName == "" && open["orgName"] && u.answersName() {
		if hit, ok := r.bareName(); ok {
			u.orgName, r.name = hit.text, hit.span
		}
	}
	if u.orgName == "" && open[nameKnown] && u.answersName() {
		u.rename()
	}
	u.where = r.findPlaces(open["orgHeadquarters"], open[placeKnown])
	u.business, u.isBusiness = r.findBusiness()
	r.kind = u.business
	u.bizInName = u.business != "" && r.onlyInName(u.business)
	u.counts = r.findCounts()
	u.address = r.findAddress(open["sovereignSubdomain"] || open["sovereignFQDN"] || open[addressSpoken], open[nameKnown] && !open["orgEmail"])
	u.apps = r.appWishes()
	u.components = r.list("component")
	u.compliance = r.list("compliance")
	u.findHA()
	u.findMachine()
	u.findScope()
	u.simulated = r.has("account", "simulated") && !r.asking("account")
	u.refers = r.has("cue", "refer") || r.anyMatch("cue", "refer")
	u.residency = u.staysPut()
	u.unread = u.findUnread()
	return u
}

// rename takes a message that is nothing but a name for a correction of the one
// that is known: it needs the look of a name for that.
func (u *understanding) rename() {
	hit, ok := u.bareName()
	if !ok || u.moreThan(hit.span) || !u.titled(hit.span) && !u.legal(hit.span) || u.allOrdinary(hit.span) && !u.legal(hit.span) {
		return
	}
	for _, kind := range []string{"need", "app", "component", "compliance", "act", "place", "region"} {
		for _, m := range u.byKind[kind] {
			if m.from < hit.to && m.to > hit.from {
				return
			}
		}
	}
	u.orgName, u.name = hit.text, hit.span
}

// legal is true for a span that ends with a legal form.
func (r *reading) legal(s span) bool {
	return s.to-s.from > 1 && r.LegalForms[r.msg.tokens[s.to-1].norm] != ""
}

// findPerson reads the speaker's own name: "My name is Bob", "I'm Marcela".
func (u *understanding) findPerson() {
	toks := u.msg.tokens
	for _, c := range u.matches {
		if c.kind != "cue" || c.id != "person" || c.to >= len(toks) || !u.name.empty() && u.name.from <= c.to {
			continue
		}
		sure := u.mine[toks[c.from].norm]
		to := c.to
		for to < len(toks) && to-c.to < 3 && toks[to].kind == wordToken && !u.placeSpan(span{to, to + 1}) &&
			(u.msg.cased && toks[to].capital && (sure || !u.ordinary(&toks[to])) || !u.msg.cased && sure && to == c.to && !u.ordinary(&toks[to])) {
			to++
		}
		if to > c.to && u.personName == "" {
			u.person, u.personName = span{c.to, to}, u.writeName(u.msg.slice(c.to, c.to+1))
		}
	}
}

// staysPut is true where the message says that the data may not leave.
func (u *understanding) staysPut() bool {
	for _, m := range u.byKind["residency"] {
		if mode := u.mode(u.sentence(m)); !mode.asks && !u.name.covers(m) {
			return true
		}
	}
	return false
}

// anyMatch looks in all matches, also those inside longer ones.
func (r *reading) anyMatch(kind, id string) bool {
	for _, m := range r.matches {
		if m.kind == kind && m.id == id {
			return true
		}
	}
	return false
}

// act is true where the message does something, e.g. "yes".
func (u *understanding) act(id string) bool {
	if id != "yes" && id != "no" {
		return u.has("act", id)
	}
	for _, m := range u.byKind["act"] { // "so no tasks?" refuses nothing
		if m.id == id && !(u.msg.asks[u.sentence(m)] && u.sentenceWords(u.sentence(m)) > 1) {
			return true
		}
	}
	return false
}

// does is true where the message does something in a sentence that is no
// question about it: "is there somebody who can build it?" tells nobody to build.
func (u *understanding) does(id string) bool {
	for _, m := range u.byKind["act"] {
		if m.id != id {
			continue
		}
		if mode := u.mode(u.sentence(m)); !mode.asks || mode.requests && !u.unsure(m) {
			return true
		}
	}
	return false
}

// unsure is true where the sentence asks whether somebody or something does it.
func (u *understanding) unsure(m match) bool {
	for _, c := range u.matches {
		if c.kind == "cue" && c.id == "anybody" && c.to <= m.from+1 && u.sentence(c) == u.sentence(m) {
			return true
		}
	}
	return false
}

// asking is true where every sentence with this kind of phrase is a question.
func (r *reading) asking(kind string) bool {
	found := false
	for _, m := range r.byKind[kind] {
		mode := r.mode(r.sentence(m))
		if !mode.asks || mode.requests {
			return false
		}
		found = true
	}
	return found
}

// corrects is true where the message takes back something said before.
func (r *reading) corrects() bool { return r.anyMatch("cue", "correct") }

// findRivals keeps a second name that is just as sure, unless the message
// corrects itself.
func (u *understanding) findRivals(best nameHit) {
	if u.corrects() {
		last := best
		for _, h := range u.findNames() {
			if h.score >= best.score-10 && h.from > last.from && h.score >= 60 {
				last = h
			}
		}
		if u.wanted(match{from: last.from, to: last.to}) {
			u.orgName, u.name = last.text, last.span
		}
	}
}

// answersName is true where the message may be nothing but a name.
func (u *understanding) answersName() bool {
	if len(u.topics) > 0 || u.msg.words() > 16 || u.personName != "" {
		return false
	}
	if u.tongue != nil && (u.msg.words() > 3 || u.tongue.Script != "" || u.tongue.Tag == "") && !u.hasEmail() {
		return false // a sentence in another language
	}
	if u.titled(span{0, len(u.msg.tokens)}) && u.msg.words() < longestName && !u.hasEmail() {
		return true // "Pass First" passes nothing
	}
	for _, id := range []string{"help", "dontknow", "startover", "undo", "abuse", "inject", "human", "bot", "repeat", "progress", "summary", "howareyou", "wait", "cancelplan", "offtopic", "bye", "thanks"} {
		if u.act(id) {
			return false
		}
	}
	content := 0
	for i := range u.msg.tokens {
		t := &u.msg.tokens[i]
		if t.kind != punctToken && t.kind != emailToken && !u.aroundName[t.norm] && !u.fillers[t.norm] {
			content++
		}
	}
	for i := range u.msg.asks {
		if m := u.mode(i); m.asks {
			return false
		}
	}
	return content > 0 && !(u.act("go") || u.act("no") && u.msg.words() <= 3)
}

// onlyInName is true where a kind of business stands in the name and nowhere
// else.
func (r *reading) onlyInName(id string) bool {
	for _, m := range r.byKind["business"] {
		if m.id == id && !r.name.covers(m) {
			return false
		}
	}
	return true
}

// findScope reads "only", "no apps", "nothing else".
func (u *understanding) findScope() {
	for _, m := range u.byKind["cue"] {
		switch m.id {
		case "enough": // "booking is enough"
			for _, a := range u.apps {
				if !a.drop && !a.asked && a.at < m.from && m.from-a.at <= 4 && u.msg.tokens[a.at].sentence == u.sentence(m) {
					u.onlyApps = true
				}
			}
		case "only":
			for _, a := range u.apps {
				gap := a.at - m.to
				if !a.drop && !a.asked && gap >= 0 && gap <= 4 && u.msg.tokens[a.at].sentence == u.sentence(m) && !u.mark(m.to, a.at) {
					u.onlyApps = true
				}
			}
		case "allapps":
			if !u.wanted(m) && len(u.apps) == 0 {
				u.noApps = true
			}
		}
	}
	u.whatIf = u.onlySupposes()
	for _, m := range u.matches {
		if m.kind == "cue" && m.id == "allapps" && !u.wanted(m) && len(u.apps) == 0 && m.words > 1 {
			u.noApps = true
		}
	}
}

// onlySupposes is true where every fact of the message stands in a sentence that
// asks what it would cost, and nothing is asked to be done.
func (u *understanding) onlySupposes() bool {
	found := false
	for _, m := range u.matches {
		if !meanings[m.kind] || m.kind == "business" || m.kind == "budget" || m.kind == "period" || m.kind == "count" && m.id == "other" || u.name.covers(m) {
			continue
		}
		s := u.sentence(m)
		switch {
		case u.supposes(s) && !u.requestsBefore(m):
			found = true
		case m.kind == "app" || m.kind == "need" || m.kind == "ha" || m.kind == "region" || m.kind == "count":
			return false
		}
	}
	return found && len(u.emails) == 0 && u.orgName == ""
}

// facts is true where the message tells or changes anything.
func (u *understanding) facts() bool {
	live := false
	for _, list := range [][]wish{u.apps, u.components, u.compliance} {
		for _, w := range list {
			live = live || !w.asked
		}
	}
	return live || u.orgName != "" || len(u.emails) > 0 || u.badEmail != "" || len(u.where.people)+len(u.where.machines) > 0 || u.where.near || u.where.another ||
		u.business != "" || u.counts.people > 0 || len(u.counts.workers) > 0 || u.counts.change != 0 || u.counts.times != 0 ||
		u.address != (address{}) || u.ha != nil || u.machine.wished() || u.noApps
}

func (r *reading) sentenceWords(s int) int {
	n := 0
	for i := range r.msg.tokens {
		if t := &r.msg.tokens[i]; t.sentence == s && t.kind != punctToken {
			n++
		}
	}
	return n
}
