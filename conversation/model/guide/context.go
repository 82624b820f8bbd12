package guide

import (
	"slices"
	"strings"
)

// shortReply is the most words of a message that is read in the light of what was
// spoken of just before.
const shortReply = 4

// inContext reads a short message that says nothing by itself by what the
// exchange before was about: "ok kestrel then" after the address was refused, "no,
// 15" after the number of people was noted, "and without?" after a price.
func (t *turn) inContext(u *understanding) {
	if before := t.before(); len(before.where.people) > 0 && u.msg.words() <= shortReply && len(u.where.machines) == 1 && len(u.where.people) == 0 && !u.has("where", "machines") {
		if p := u.where.machines[0]; p.region == "" && p.area == "" && !p.drop { // "no wait, Mombasa" after "in Nairobi"
			u.where.people, u.where.machines = u.where.machines, nil
		}
	}
	if b := t.before(); (b.address != (address{}) || t.justSaid("taken") || t.justSaid("pooldomain") || t.justSaid("whyaddress") || t.justSaid("whyaddresssaid")) && u.msg.words() <= shortReply+1 && u.address == (address{}) && u.orgName == "" && !u.hasEmail() {
		if label, ok := u.onlyLabel(); ok && (strings.Contains(label, "-") || len(u.where.machines)+len(u.where.people) == 0) {
			u.address.label = label
			u.where.people, u.where.machines = nil, nil
			return
		}
	}
	if before := t.before(); u.corrects() && len(before.counts.workers) > 0 && u.counts.people == 0 && u.msg.words() <= shortReply+1 {
		for _, m := range u.byKind["count"] {
			if m.id == "people" { // "21 workers" and then "I meant people"
				u.counts.people = before.counts.workers[len(before.counts.workers)-1]
				u.dropWorkers = true
			}
		}
	}
	if before := t.before(); before.counts.hasBare && !before.counts.asked && u.msg.words() <= 3 && u.counts.people == 0 && len(u.counts.workers) == 0 {
		for _, m := range u.byKind["count"] { // "40", and then "people"
			switch m.id {
			case "people":
				u.counts.people = before.counts.bare
			case "workers":
				u.counts.workers = []int{before.counts.bare}
			}
		}
	}
	if u.facts() || len(u.topics) > 0 || u.msg.words() > shortReply+2 || u.act("inject") || u.act("abuse") {
		return
	}
	before := t.before()
	switch {
	case u.act("without") && (before.ha != nil || before.whatIf):
		u.topics = []string{"cost"}
	case u.counts.hasBare && before.counts.control > 0 && !u.machine.worker:
		yes := u.counts.bare > 1
		u.counts.control, u.ha = u.counts.bare, &yes
	case u.counts.hasBare && before.counts.people > 0 && len(before.counts.workers) == 0:
		u.counts.people = u.bareOf(before.counts.people)
	case u.counts.hasBare && (len(before.counts.workers) > 0 || before.counts.change != 0 || before.machine.worker || before.machine.id != "" || t.aboutSize(before.topics)):
		now, _ := t.draft.workers()
		u.counts.workers = []int{u.bareOf(now)}
	case before.address.label != "" || before.address.own != "" || t.justSaid("taken"):
		if label, ok := u.onlyLabel(); ok {
			u.address.label = label
		}
	}
}

// aboutSize is true where one of the questions was about how many servers there
// should be.
func (t *turn) aboutSize(topics []string) bool {
	return slices.ContainsFunc(topics, func(id string) bool {
		h := t.language.topics[id].Handler
		return h == "whysize" || h == "fewer"
	})
}

// onlyLabel gives the one word that is left of a message without the words
// around it, as a label.
func (u *understanding) onlyLabel() (string, bool) {
	var left []token
	for i := range u.msg.tokens {
		t := u.msg.tokens[i]
		if t.kind == punctToken && t.norm != "-" || u.never[t.norm] || u.fillers[t.norm] || u.closers[t.norm] || u.aroundName[t.norm] || u.shrugs[t.norm] {
			continue
		}
		left = append(left, t)
	}
	if len(left) == 0 {
		return "", false
	}
	text := u.msg.text[left[0].start:left[len(left)-1].end]
	plain := true
	for _, t := range left {
		plain = plain && (t.kind == punctToken || u.ordinary(&t))
	}
	if plain && len(left) < 3 {
		return "", false
	}
	if strings.ContainsAny(text, " \t") {
		return "", false
	}
	return makeLabel(text)
}

// ownAddress says what is to be done for a domain of one's own, as things stand.
func (t *turn) ownAddress() {
	if s := &t.draft.Spec; s.SovereignDomainMode != "" && s.SovereignDomainMode != "pool" && s.SovereignFQDN != "" {
		t.say("owndomain", "domain", s.SovereignFQDN)
		return
	}
	t.say("owndomainhow")
}

// sayUnread says back what nothing was made of.
func (t *turn) sayUnread(u *understanding) {
	if u.tongue != nil || u.act("inject") || u.act("abuse") || u.act("offtopic") {
		return
	}
	if u.counts.hasBare && u.badEmail == "" && (t.changed || t.replied && !slices.Contains(u.msg.asks, true)) && !t.tookNumber(u) { // one question at a time
		t.say("barenumber", "n", thousands(u.counts.bare))
		t.unread = true
	}
	if list := u.unread.wishes; len(list) > 0 {
		t.say("unreadwish", "list", t.quote(list))
		t.unread = true
	}
	if list := u.unread.questions; len(list) > 0 && (t.replied || t.changed || t.unread) {
		t.say("unreadquestion", "list", t.quote(list))
		t.unread = true
	}
}

// tookNumber is true where the bare number of a message answered something.
func (t *turn) tookNumber(u *understanding) bool {
	n := u.counts.bare
	return u.counts.people == n || u.counts.budget == n || len(u.counts.workers) > 0 || len(u.counts.dropWorker) > 0 || len(u.emails) > 0 || u.address != (address{}) || u.msg.words() > 12
}

// notUnderstood says that nothing was made of a message, each time in other words
// and with other help.
func (t *turn) notUnderstood(u *understanding) {
	words := u.msg.words()
	switch {
	case u.counts.hasBare:
		t.say("barenumber", "n", thousands(u.counts.bare))
	case words == 0:
		t.say("nowords")
	case u.foreign():
		t.say("english")
	case len(u.unread.questions) > 0 || u.msg.asks[0]:
		t.say("noanswer")
	case len(u.unread.words) == 1 && words > 1:
		t.say("notword", "word", echo(u.unread.words[0]))
	default:
		t.say("notunderstood")
	}
}

// foreign is true for a longer message of which hardly a word is known.
func (u *understanding) foreign() bool {
	words := u.msg.words()
	return words >= 4 && len(u.unread.words)*10 >= words*7
}
