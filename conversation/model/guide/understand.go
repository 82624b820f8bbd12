package guide

import (
	"slices"
	"sort"
	"strings"
	"unicode"
)

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

// machine is a wish for other servers.
type machine struct {
	control, worker bool
	id              string // for the workers, or for what is meant
	controlID       string // named for the control plane
	step            int    // +1 bigger, -1 smaller, +9 biggest, -9 smallest
	category        string
	memory, cores   int
}

func (m machine) wished() bool {
	return m.id != "" || m.controlID != "" || m.step != 0 || m.category != "" || m.memory > 0 || m.cores > 0
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

func (u *understanding) findEmails(open asked) {
	toks := u.msg.tokens
	for i := range toks {
		if toks[i].kind != emailToken {
			continue
		}
		wanted := u.wanted(match{from: i, to: i + 1})
		if !wanted {
			continue
		}
		if !contains(u.emails, toks[i].norm) {
			u.emails = append(u.emails, toks[i].norm)
		}
	}
	if len(u.emails) > 1 && (u.corrects() || u.has("more", "set")) {
		u.emails = u.emails[len(u.emails)-1:]
	}
	if len(u.emails) == 0 && strings.Contains(u.msg.text, "@") {
		for _, w := range strings.Fields(u.msg.text) {
			if at := strings.IndexByte(w, '@'); at > 0 && !emailRE.MatchString(w) { // a whole one is not wanted
				u.badEmail = strings.Trim(w, ".,;:<>()\"'")
			}
		}
	}
	if len(u.emails) == 0 && u.badEmail == "" && open["orgEmail"] && u.msg.words() <= 3 {
		for i := range toks {
			if toks[i].kind == domainToken && !u.msg.asks[toks[i].sentence] && !u.isAppName(hostOf(toks[i].norm)) && !u.nearAddress(i) && !strings.HasPrefix(toks[i].norm, "www.") && !strings.Contains(toks[i].norm, "://") {
				u.badEmail = toks[i].norm // "jane.doe.com"
			}
		}
	}
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

func (r *reading) hasEmail() bool {
	for i := range r.msg.tokens {
		if r.msg.tokens[i].kind == emailToken {
			return true
		}
	}
	return false
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

func (u *understanding) findHA() {
	for _, m := range u.byKind["ha"] {
		if u.name.covers(m) {
			continue
		}
		mode := u.mode(u.sentence(m))
		topical := false
		for _, t := range u.byKind["topic"] {
			topical = topical || u.sentence(t) == u.sentence(m) && u.topics1(t)
		}
		if mode.asks && (!mode.requests || topical) && !u.requestsBefore(m) && !u.supposes(u.sentence(m)) {
			continue
		}
		yes := m.id == "yes" && !u.valueNo(m)
		if !yes {
			u.ha = &yes
			if u.corrects() {
				continue // "no HA. wait, yes HA": the last word stands
			}
			u.haClash = u.counts.control == 1 && u.plainHA()
			return
		}
		if u.dropHA(m) {
			yes = false
		}
		if u.ha == nil || u.corrects() {
			u.ha = &yes
		}
	}
	u.haClash = u.counts.control == 1 && u.plainHA()
	switch {
	case u.haClash:
	case u.counts.control >= 2:
		yes := true
		u.ha = &yes
	case u.counts.control == 1:
		no := false
		u.ha = &no
	}
}

// valueNo is true for "HA: no" and "high availability = off".
func (u *understanding) valueNo(m match) bool {
	toks := u.msg.tokens
	return m.to+1 < len(toks) && toks[m.to].kind == punctToken && toks[m.to].norm != "," && toks[m.to].sentence == toks[m.from].sentence && u.noWords[toks[m.to+1].norm]
}

// plainHA is true where high availability is asked for in so many words.
func (u *understanding) plainHA() bool {
	for _, m := range u.byKind["ha"] {
		if m.id == "yes" && !u.dropHA(m) && u.wanted(m) && !u.name.covers(m) {
			return true
		}
	}
	return false
}

// topics1 is true for a topic that has weight of its own.
func (u *understanding) topics1(t match) bool { return u.topicOf(t).Weight > 1 }

func (r *reading) topicOf(m match) topic { return r.language.topics[m.id] }

// dropHA sees "without high availability", but not "no downtime".
func (u *understanding) dropHA(m match) bool {
	c, ok := u.nearest("cue", m.from, "drop", "not", "pos")
	return ok && c.id != "pos" && c.to >= m.from-2 && !u.wanted(m)
}

func (u *understanding) findMachine() {
	m := machine{memory: u.counts.memory, cores: u.counts.cores}
	for _, s := range u.byKind["size"] {
		if u.name.covers(s) {
			continue
		}
		mode := u.mode(u.sentence(s))
		plain := !mode.asks || mode.requests
		switch s.id {
		case "control":
			m.control = true
		case "worker":
			m.worker = true
		case "bigger":
			if plain && u.wanted(s) {
				m.step = 1
			}
		case "smaller":
			if plain && m.step == 0 {
				m.step = -1
			}
		case "biggest":
			if plain {
				m.step = 9
			}
		case "smallest":
			if plain {
				m.step = -9
			}
		case "dedicated", "arm", "x86":
			if plain && u.wanted(s) {
				m.category = s.id
			}
		}
	}
	if m.step < 0 && !m.control && !m.worker && u.has("act", "price") {
		m.step = 0 // "too much, make it smaller" is about the price
	}
	if u.counts.memory > 0 && m.control && m.worker { // "HA control plane, 4 workers with 16 GB"
		m.control, m.worker = u.rolesAround(u.counts.memoryAt)
	}
	for i := range u.msg.tokens {
		t := &u.msg.tokens[i]
		if !u.sizeAt(i) || !u.wanted(match{from: i, to: i + 1}) {
			continue
		}
		if mode := u.mode(t.sentence); mode.asks && !mode.requests && !mode.hypothetical {
			continue
		}
		if u.sizeFor(i) == "control" {
			m.controlID = t.norm
		} else {
			m.id = t.norm
		}
	}
	if (m.id != "" || m.controlID != "") && m.step == 0 && m.category == "" && m.memory == 0 && m.cores == 0 {
		m.control = false
	}
	if u.counts.control > 0 && m.id == "" && m.step == 0 {
		m.control = false
	}
	u.machine = m
}

// sizeAt is true where a machine type is named.
func (r *reading) sizeAt(i int) bool {
	return i >= 0 && i < len(r.msg.tokens) && r.msg.tokens[i].kind == wordToken && sizeID(r.msg.tokens[i].norm)
}

// sizeFor says whether the machine type at token i is for the control plane or
// for the workers: by the word that follows it, or stands before it in its part of
// the sentence.
func (r *reading) sizeFor(i int) string {
	toks := r.msg.tokens
	role := func(at int) string {
		for _, m := range r.byKind["size"] {
			if (m.id == "control" || m.id == "worker") && at >= m.from && at < m.to {
				return m.id
			}
		}
		return ""
	}
	for j := i + 1; j < len(toks) && j <= i+4 && toks[j].norm != "," && !r.sizeAt(j) && toks[j].sentence == toks[i].sentence; j++ {
		if toks[j].norm == r.andWord {
			break
		}
		if id := role(j); id != "" {
			return id
		}
	}
	for j := i - 1; j >= 0 && j >= i-6 && toks[j].norm != "," && !r.sizeAt(j) && toks[j].sentence == toks[i].sentence; j-- {
		if id := role(j); id != "" {
			return id
		}
	}
	return "worker"
}

// rolesAround says whether a property of machines at token i is of the control
// plane, of the workers or of both: of those that its part of the sentence names,
// else of both.
func (r *reading) rolesAround(i int) (control, worker bool) {
	toks := r.msg.tokens
	from, to := i, i
	for from > 0 && toks[from-1].norm != "," && toks[from-1].sentence == toks[i].sentence {
		from--
	}
	for to < len(toks) && toks[to].norm != "," && toks[to].sentence == toks[i].sentence {
		to++
	}
	for _, m := range r.byKind["size"] {
		if m.from >= from && m.to <= to {
			control, worker = control || m.id == "control", worker || m.id == "worker"
		}
	}
	if !control && !worker {
		return true, true
	}
	return control, worker
}

// sizeCounted finds the machine type that the number at token i counts: "2x
// ccx23", "3 cpx32", "ccx23 x 2".
func (r *reading) sizeCounted(i int) (int, bool) {
	toks := r.msg.tokens
	for j := i + 1; j <= i+2 && j < len(toks); j++ {
		if r.sizeAt(j) {
			return j, true
		}
		if !r.times[toks[j].norm] {
			break
		}
	}
	if i >= 2 && r.times[toks[i-1].norm] && r.sizeAt(i-2) {
		return i - 2, true
	}
	return 0, false
}

// sizeID is true for the shape of the provider's machine types: two or three
// letters and two digits. Whether there is such a one is the catalogue's word.
func sizeID(s string) bool {
	letters, digits := 0, 0
	for _, c := range s {
		switch {
		case c >= 'a' && c <= 'z' && digits == 0:
			letters++
		case unicode.IsDigit(c):
			digits++
		default:
			return false
		}
	}
	return (letters == 2 || letters == 3) && (digits == 2 || digits == 3) && s[0] == 'c'
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

// findTopics lists the questions of a message in the order they are asked.
func (r *reading) findTopics() []string {
	type hit struct {
		match
		score int
	}
	best := map[int][]hit{}
	for _, m := range r.byKind["topic"] {
		s := r.sentence(m)
		mode := r.mode(s)
		short := r.sentenceWords(s) <= 4
		if !mode.asks && (!short || r.topicOf(m).Asked || r.tells(s)) || r.name.covers(m) || r.insideYes(m) {
			continue
		}
		if !mode.asks && !r.msg.asks[s] && m.words < 2 && r.sentenceWords(s) > 2 {
			continue
		}
		best[s] = append(best[s], hit{m, 3*m.words + r.topicOf(m).Weight})
	}
	over := map[string]bool{}
	for _, hits := range best {
		for _, h := range hits {
			for _, id := range r.language.topics[h.id].Over {
				over[id] = true
			}
		}
	}
	var out []string
	for s := range r.msg.asks {
		hits := slices.DeleteFunc(best[s], func(h hit) bool { return over[h.id] })
		sort.SliceStable(hits, func(i, j int) bool {
			if hits[i].score != hits[j].score {
				return hits[i].score > hits[j].score
			}
			return hits[i].from < hits[j].from
		})
		var taken []hit
		for _, h := range hits {
			clash := len(taken) >= 2
			for _, t := range taken {
				clash = clash || h.from < t.to && h.to > t.from || h.id == t.id
			}
			if clash || len(taken) > 0 && (h.words < 2 || r.topicOf(h.match).Weight < 4 || h.score < taken[0].score-8) {
				continue
			}
			taken = append(taken, h)
		}
		sort.SliceStable(taken, func(i, j int) bool { return taken[i].from < taken[j].from })
		for _, t := range taken {
			if !contains(out, t.id) && len(out) < 3 {
				out = append(out, t.id)
			}
		}
	}
	return out
}

// tells is true where a sentence that asks nothing says a fact: "two workers are
// enough" is no question about them.
func (r *reading) tells(sentence int) bool {
	for _, m := range r.matches {
		if r.sentence(m) == sentence && (m.kind == "ha" || m.kind == "count" && (m.id == "workers" || m.id == "people" || m.id == "controlplanes") && m.from > 0 && r.msg.tokens[m.from-1].kind == numberToken) {
			return true
		}
	}
	return false
}

// insideYes is true for words that only agree: "why not".
func (r *reading) insideYes(m match) bool {
	for _, y := range r.byKind["act"] {
		if y.id == "yes" && y.words > 1 && y.from < m.to && y.to > m.from {
			return true
		}
	}
	return false
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

// detect recognises another language: by its script, or by more of its frequent
// words than of this language's.
func (l *language) detect(r *reading) *tongue {
	var foreign, plain int
	scripts := map[string]int{}
	for _, c := range r.msg.text {
		switch {
		case !unicode.IsLetter(c):
		case unicode.Is(unicode.Latin, c):
			plain++
		default:
			foreign++
			for name, script := range tongueScripts {
				if unicode.Is(script, c) {
					scripts[name]++
				}
			}
		}
	}
	if foreign > 1 && foreign*2 >= plain {
		if scripts["Hiragana"] > 0 {
			scripts["Han"] = 0
		}
		best := &tongue{} // a script of no language that is known here
		for i := range l.tongues {
			if scripts[l.tongues[i].Script] > scripts[best.Script] {
				best = &l.tongues[i]
			}
		}
		return best
	}
	own, best, count, alone := 0, -1, 0, false
	seen := make([]int, len(l.tongues))
	for i := range r.msg.tokens {
		t := &r.msg.tokens[i]
		if t.kind != wordToken || r.name.covers(match{from: i, to: i + 1}) {
			continue
		}
		if l.common[t.norm] || l.fillers[t.norm] {
			own++
		}
		if l.names.small[t.norm] {
			continue // "Casa de la Luna" is a name in English too
		}
		for j := range l.tongues {
			if l.tongues[j].words[t.norm] {
				seen[j]++
			}
			alone = alone || l.tongues[j].alone[t.norm]
		}
	}
	for j, n := range seen {
		if n > count {
			best, count = j, n
		}
	}
	if best >= 0 && (count >= 2 && count > own || count == 1 && alone && own == 0 && r.msg.words() <= 2) {
		return &l.tongues[best]
	}
	return nil
}

// tongueScripts are the scripts by which a language is known. Hiragana comes with
// Han in Japanese, and tells it from Chinese.
var tongueScripts = map[string]*unicode.RangeTable{
	"Arabic": unicode.Arabic, "Cyrillic": unicode.Cyrillic, "Hiragana": unicode.Hiragana, "Han": unicode.Han,
	"Devanagari": unicode.Devanagari, "Hangul": unicode.Hangul, "Thai": unicode.Thai, "Hebrew": unicode.Hebrew,
	"Greek": unicode.Greek, "Bengali": unicode.Bengali, "Amharic": unicode.Ethiopic,
}
