package guide

import (
	"fmt"
	"slices"
	"strings"

	"github.com/openova-io/sandbox/conversation/card"
)

// goesAhead is true where the message says to go on to the plan.
func (t *turn) goesAhead(u *understanding, w *work) bool {
	if u.act("inject") || len(w.ask) > 0 || u.badEmail != "" {
		return false
	}
	if u.act("wait") || u.act("cancelplan") || t.taken || u.haClash {
		return false
	}
	if (u.counts.budget > 0 || u.act("price") || u.act("cheapest") || len(w.same) > 0 || t.replied) && !u.act("go") {
		return false // that is to be answered first
	}
	ready := len(t.stillMissing(w)) == 0
	if t.was.empty() && !u.does("plannow") {
		return false // what was understood is shown before it is planned
	}
	if u.does("go") && !u.act("no") {
		return ready
	}
	if len(w.changes) > 0 && u.corrects() {
		return false
	}
	if slices.Contains(u.msg.asks, true) && u.msg.words() > 2 {
		return false // something is asked as well
	}
	if !u.does("yes") && !u.does("approve") || u.act("no") || !ready {
		return false
	}
	if len(u.unread.words)+len(u.unread.wishes) > 0 && !u.act("firmly") || len(u.unread.questions) > 0 || u.besidesYes() > 0 {
		return false // "ok kestrel then" and "ok leave it" say something else
	}
	if len(w.changes) > 0 || len(u.topics) > 0 && !u.act("firmly") {
		return false // "ok, add it" is not yet "yes, go on"
	}
	return t.open[askPlan] || t.open[askAccount] || len(w.changes) == 0 && !t.draft.empty()
}

// agreeing are the acts that go together with a yes.
var agreeing = map[string]bool{"yes": true, "go": true, "thanks": true, "firmly": true, "approve": true, "done": true, "greet": true}

// besidesYes counts the words of a message that are no part of its yes.
func (u *understanding) besidesYes() int {
	n := 0
	for i := range u.msg.tokens {
		t := &u.msg.tokens[i]
		inside := t.kind == punctToken || u.fillers[t.norm] || u.closers[t.norm] || u.shrugs[t.norm] || u.links[t.norm] || u.articles[t.norm] || u.small[t.norm] || t.kind == emailToken || u.name.covers(match{from: i, to: i + 1})
		for _, m := range u.matches {
			covers := i >= m.from && i < m.to
			inside = inside || covers && (meanings[m.kind] || m.kind == "act" && agreeing[m.id])
		}
		for _, m := range u.byKind["cue"] {
			if (m.id == "drop" || m.id == "not") && i == m.from && !inside {
				n++ // "ok without then"
			}
		}
		inside = inside || t.kind == numberToken
		if !inside {
			n++
		}
	}
	return n
}

// stillMissing lists what the person must still tell, after the changes.
func (t *turn) stillMissing(w *work) []string {
	var out []string
	for _, m := range t.draft.Missing {
		switch {
		case m == missingAccount:
		case m == fieldRegion || m == "region" || m == "regions" || m == fieldPlace || m == fieldSubdomain || m == fieldFQDN || m == fieldApps:
		case w.sets(m):
		default:
			out = append(out, m)
		}
	}
	return out
}

// proceed goes on after a message was worked in: to a choice that must be made,
// to the plan, or to what is open.
func (t *turn) proceed(u *understanding, w *work, pending bool) error {
	if len(w.ask) > 0 {
		return t.ask(t.reply("choosetitle"), "", w.ask[0].(card.Question))
	}
	// "it" may be asked to go on even where the change came with the same words.
	switch {
	case t.draft.phase() == awaiting && !t.changed:
		return t.whilePending(u)
	case pending && t.changed && !u.act("wait"):
		return t.plan(u, false)
	case t.ahead:
		return t.plan(u, true)
	}
	return t.next(u, t.changed)
}

// next asks for what is missing, or shows the summary and asks for the plan.
func (t *turn) next(u *understanding, changed bool) error {
	if t.draft.phase() != drafting {
		return t.byPhase(u)
	}
	if !changed && t.quiet(u) {
		return nil
	}
	fields := t.toAsk()
	if t.draft.empty() && !changed {
		return t.opening(u)
	}
	if len(fields) > 0 {
		return t.askFor(u, fields, changed)
	}
	if t.blocked() || u.badEmail != "" && len(u.emails) == 0 { // how it is spelled is being asked
		return nil
	}
	planAsked := t.open[askPlan] || t.open[askAccount]
	idle := !changed && !t.replied && !t.unread && len(t.said) == 0
	switch {
	case idle && u.act("dontknow") && planAsked:
		t.say("waiting")
	case idle && u.act("no") && len(u.apps) > 0:
		t.say("kept")
	case !changed && (u.act("no") || u.act("cancelplan")) && !t.replied && !t.unread && !u.counts.hasBare:
		t.say("whatchangeno")
		return nil
	case !changed && u.act("price") && !t.replied:
		return nil
	case idle && (u.act("yes") || u.act("go")) && t.needsAccount() && !t.draft.simulated():
		t.say("accountfirst")
	case idle && u.act("approve"):
		t.say("noplanyet")
		return nil
	case idle && u.act("help"):
		t.say("help")
	case idle && u.act("offtopic"):
		t.say("offtopic")
	case idle && !u.act("summary") && !u.act("done") && !u.act("dontknow") && (len(u.unread.words)+len(u.unread.questions) > 0 || !u.act("yes") && !u.act("go")):
		t.notUnderstood(u)
		if planAsked {
			if !t.justSaid("notunderstoodhint") {
				t.say("notunderstoodhint")
			}
			t.remind("remind_plan_again")
			return nil
		}
	}
	if !changed && planAsked {
		if t.needsAccount() && !t.draft.simulated() {
			t.remind("remind_account")
		} else {
			t.remind("remind_plan_again")
		}
		if len(t.said) > 0 {
			return nil
		}
	}
	return t.offerPlan()
}

// quiet answers what needs no question after it.
func (t *turn) quiet(u *understanding) bool {
	switch {
	case u.act("bye") && !u.facts() && len(u.topics) == 0:
		t.say("bye")
		return true
	case !u.act("abuse") && (u.act("wait") || u.act("hm") && !u.act("yes") && !u.act("go")) && !u.facts() && len(u.topics) == 0:
		t.say("waiting")
		return true
	}
	return false
}

// opening asks for the first facts.
func (t *turn) opening(u *understanding) error {
	switch {
	case u.act("help") || u.act("repeat"):
		t.say("help")
		t.say("openexample")
	case u.act("offtopic") && !t.replied:
		t.say("offtopic")
		t.say("openask")
	case u.act("summary") || u.act("approve"):
		t.say("notstarted")
		t.say("openask")
	case u.act("cancelplan"):
		t.say("notstarted")
		t.say("openask")
	case t.shrugs(u) && !t.replied && (t.justSaid("openask") || t.justSaid("openeasy")):
		return t.offerKinds()
	case t.replied && (t.justSaid("openask") || t.justSaid("openeasy")) && !u.act("greet"):
	case t.replied || u.act("greet") || u.act("thanks") || u.act("howareyou") || len(t.said) > 0 || u.act("yes") || u.act("go"):
		t.say("openask")
	case u.act("dontknow") || u.act("no"):
		t.say("openeasy")
	case u.personName != "":
		t.say("openask")
	default:
		t.notUnderstood(u)
		t.say("openask")
		if !t.justSaid("openexample") {
			t.say("openexample")
		}
	}
	return nil
}

// shrugs is true for a message that says yes, no or "you decide" to a question that
// wants to be told something.
func (t *turn) shrugs(u *understanding) bool {
	return u.act("yes") || u.act("go") || u.act("no") || u.act("dontknow")
}

// offerKinds asks for the kind of organisation with buttons.
func (t *turn) offerKinds() error {
	t.say("openkind")
	labels := make([]string, len(t.openKinds))
	for i, id := range t.openKinds {
		labels[i] = strings.TrimSuffix(sentence(t.language.business[id].Label), ".")
	}
	return t.ask(t.reply("choosetitle"), "", t.choice(fieldIndustry, t.reply("choosetitle"), t.openKinds, labels, ""))
}

func (t *turn) needsAccount() bool { return t.draft.missing(missingAccount) }

// blocked says which rules the draft breaks.
func (t *turn) blocked() bool {
	if len(t.draft.Violations) == 0 {
		return false
	}
	t.say("planblocked")
	var b strings.Builder
	for i, v := range t.draft.Violations {
		if i == 3 {
			break
		}
		fmt.Fprintf(&b, "\n- %s%s", sentence(v.Message), space(v.Suggestion))
	}
	t.said = append(t.said, strings.TrimPrefix(b.String(), "\n"))
	return true
}

// offerPlan asks whether to plan: after the whole summary the first time, and
// after what the price has become later.
func (t *turn) offerPlan() error {
	first := !t.everSaid("summary")
	if first {
		t.summary("summary")
		if err := t.rememberBudget(); err != nil {
			return err
		}
	} else {
		t.priceMoved()
	}
	none := len(t.draft.Spec.Apps) == 0 && t.draft.field(fieldApps).Source == ""
	switch {
	case t.needsAccount() && !t.draft.simulated():
		t.say("accountreal")
		return t.ask(t.reply("accounttitle"), "", t.accountQuestion())
	case none && !t.everSaid("noapps"):
		t.say("noapps")
	case t.needsAccount() && !t.everSaid("planquestionsim"):
		t.say("planquestionsim")
	default:
		t.say("planquestion")
	}
	if t.needsAccount() {
		return t.ask(t.reply("accounttitle"), "", t.accountQuestion())
	}
	return t.ask(t.reply("plantitle"), "", t.yesNo(askPlan, t.reply("remind_plan"), "yes", t.reply("nodecision")))
}

// priceMoved says what a change did to the price.
func (t *turn) priceMoved() {
	if t.draft.Estimate == nil || !t.changed {
		return
	}
	now, was := amount(t.draft.Estimate.Monthly), ""
	if t.was.Estimate != nil {
		was = amount(t.was.Estimate.Monthly)
	}
	switch {
	case now == "" || t.pricedNow():
	case was == "":
		t.say("pricenow", "cost", now)
	case was == now:
		t.say("pricesame", "cost", now)
	default:
		t.say("pricemoved", "cost", now, "was", was)
	}
	if d := t.draft.Sizing; d != nil && d.Shortfall != "" {
		t.said = append(t.said, t.reply("shortfall", "text", sentence(d.Shortfall)))
	}
}

// pricedNow is true where this reply names the price already.
func (t *turn) pricedNow() bool {
	for _, s := range t.said {
		if t.draft.Estimate != nil && strings.Contains(s, amount(t.draft.Estimate.Monthly)) {
			return true
		}
	}
	return false
}

// rememberBudget compares the price with what the person said before that it may
// be.
func (t *turn) rememberBudget() error {
	if t.draft.Estimate == nil || amount(t.draft.Estimate.Monthly) == "" || t.everSaid("budgetok") || t.everSaid("budgetover") || t.everSaid("budgetcurrency") {
		return nil
	}
	if n, currency := t.readBudget(); n > 0 {
		return t.weighBudget(n, currency)
	}
	return nil
}

func (t *turn) accountQuestion() card.Question {
	return card.Question{ID: "q-" + askAccount, Field: askAccount, Type: card.AskSecret, Prompt: t.reply("askaccount")}
}

// summary adds what is known as a list.
func (t *turn) summary(head string) {
	d := &t.draft
	s := &d.Spec
	var lines []string
	add := func(id, v string) {
		if v != "" {
			lines = append(lines, "- "+t.label("summary", id, "v", v))
		}
	}
	org := echo(s.OrgName)
	var more []string
	if name := keep(t.labels["industry"][s.OrgIndustry], s.OrgIndustry); name != "" && s.OrgIndustry != "other" {
		more = append(more, name)
	}
	switch {
	case s.OrgSize == 1:
		more = append(more, t.label("value", "person"))
	case s.OrgSize > 1:
		more = append(more, t.label("value", "people", "n", thousands(s.OrgSize)))
	}
	if len(more) > 0 {
		org = strings.TrimPrefix(org+", "+strings.Join(more, ", "), ", ")
	}
	add("org", org)
	add("email", echo(s.OrgEmail))
	var apps []string
	for _, a := range s.Apps {
		apps = append(apps, t.appFor(a))
	}
	if len(apps) > 0 {
		add("apps", t.join(apps))
	} else if s.OrgName != "" || s.OrgEmail != "" {
		lines = append(lines, "- "+t.labels["summary"]["noapps"])
	}
	if r := d.region(); r != "" {
		name := t.regionName(r)
		if d.regionField().Source == "suggested" {
			name = t.label("value", "appsuggested", "v", name)
		}
		add("region", name)
	} else {
		add("place", echo(s.OrgHeadquarters))
	}
	add("machines", t.serversLabel())
	add("address", s.SovereignFQDN)
	if len(s.OrgCompliance) > 0 {
		add("compliance", t.join(s.OrgCompliance))
	}
	if len(s.Components) > 0 && d.field(fieldComponents).Source != "default" && len(s.Components) < 12 {
		add("components", t.join(s.Components))
	}
	if e := d.Estimate; e != nil && amount(e.Monthly) != "" && len(e.Unknown) > 0 {
		lines = append(lines, "- "+t.label("summary", "costpartial", "v", amount(e.Monthly), "unknown", t.join(e.Unknown)))
	} else if e != nil {
		add("cost", amount(e.Monthly))
	}
	if len(lines) == 0 {
		t.say("nothingyet")
		return
	}
	t.said = append(t.said, t.reply(head)+"\n"+strings.Join(lines, "\n"))
	if d.Sizing != nil && d.Sizing.Shortfall != "" {
		t.said = append(t.said, t.reply("shortfall", "text", sentence(d.Sizing.Shortfall)))
	}
}

// serversLabel is "1 control plane (cpx22), 2 workers (cpx32)".
func (t *turn) serversLabel() string {
	d := &t.draft
	n, ok := d.workers()
	if !ok && d.controlPlaneSize() == "" {
		return ""
	}
	id := "controlplane"
	if d.ha() {
		id = "controlplanes"
	}
	if d.controlPlaneSize() == "" {
		id += "nosize"
	}
	out := t.label("value", id, "size", d.controlPlaneSize())
	if ok {
		out += ", " + t.workersLabel(n, d.workerSize())
	}
	return out
}

// amount writes money as "€99.46"; empty where it is unknown.
func amount(m money) string {
	if m.Amount == "" {
		return ""
	}
	if m.Currency == "EUR" {
		return "€" + m.Amount
	}
	return m.Amount + " " + m.Currency
}
