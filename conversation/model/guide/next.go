package guide

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/openova-io/sandbox/conversation/card"
)

// goesAhead is true where the message says to go on to the plan.
func (t *turn) goesAhead(u *understanding, w *work) bool {
	if u.act("inject") || len(w.ask) > 0 || u.badEmail != "" {
		return false
	}
	if u.act("wait") || u.act("cancelplan") {
		return false
	}
	ready := len(t.stillMissing(w)) == 0
	if u.act("go") && !u.act("no") {
		return ready
	}
	if !u.act("yes") || u.act("no") || !ready {
		return false
	}
	if (len(w.changes) > 0 || len(u.topics) > 0) && !u.act("firmly") {
		return false // "ok, add it" is not yet "yes, go on"
	}
	return t.open[askPlan] || t.open[askAccount] || len(w.changes) == 0 && !t.draft.empty()
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
		t.say("replanned")
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
	if t.blocked() {
		return nil
	}
	switch {
	case !changed && (u.act("no") || u.act("cancelplan")) && !t.replied:
		t.say("whatchangeno")
		return nil
	case !changed && u.act("price") && !t.replied:
		return nil
	case !changed && t.replied && (t.open[askPlan] || t.open[askAccount]):
		if t.needsAccount() && !t.draft.simulated() {
			t.say("remind_account")
		} else {
			t.say("remind_plan_again")
		}
		return nil
	case !changed && !t.replied && (u.act("yes") || u.act("go")) && t.needsAccount() && !t.draft.simulated():
		t.say("accountfirst")
	case !changed && !t.replied && !u.act("summary") && !u.act("done") && !u.act("yes") && !u.act("go") && !u.act("dontknow") && !u.act("no") && len(t.said) == 0:
		t.say("notunderstood")
		if t.open[askPlan] || t.open[askAccount] {
			t.say("notunderstoodhint")
			t.say("remind_plan_again")
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
	case u.act("wait") && !u.facts() && len(u.topics) == 0:
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
	case u.act("summary"):
		t.say("openask")
	case u.act("cancelplan"):
		t.say("notstarted")
		t.say("openask")
	case t.replied || u.act("greet") || u.act("thanks") || u.act("howareyou") || len(t.said) > 0 || u.act("yes") || u.act("go"):
		t.say("openask")
	case u.act("dontknow") || u.act("no"):
		t.say("openask")
		t.say("openexample")
	default:
		t.say("notunderstood")
		t.say("openask")
		t.say("openexample")
	}
	return nil
}

// toAsk lists what only the person can tell, two things at most.
func (t *turn) toAsk() []string {
	var out []string
	for _, m := range t.draft.Missing {
		switch m {
		case fieldName, fieldEmail:
			out = append(out, m)
		case missingAccount, fieldRegion, "region", "regions", fieldPlace, fieldApps:
		case fieldSubdomain, fieldFQDN:
			if !t.draft.missing(fieldName) {
				out = append(out, fieldSubdomain)
			}
		default:
			out = append(out, m)
		}
	}
	if len(out) == 1 && t.draft.Spec.OrgHeadquarters == "" && t.draft.region() == "" {
		out = append(out, fieldPlace)
	}
	if len(out) > 2 {
		out = out[:2]
	}
	return out
}

// askFor asks for fields by a form, or reminds of the form that is open.
func (t *turn) askFor(u *understanding, fields []string, changed bool) error {
	both := strings.Join(fields, " ")
	ask, remind := "", ""
	switch {
	case contains(fields, fieldName) && contains(fields, fieldEmail):
		ask, remind = t.reply("ask_both"), t.reply("remind_both")
	case contains(fields, fieldName) && contains(fields, fieldPlace):
		ask, remind = t.reply("ask_nameplace"), t.reply("remind_orgName")
	case contains(fields, fieldEmail) && contains(fields, fieldPlace):
		ask, remind = t.reply("ask_emailplace"), t.reply("remind_orgEmail")
	default:
		ask = t.reply("ask_" + both)
		remind = t.reply("remind_" + both)
		if ask == "" {
			name := t.labels["field"][fields[0]]
			ask = t.reply("ask_other", "field", keep(name, fields[0]))
		}
		if remind == "" {
			remind = ask
		}
	}
	again := true
	for _, f := range fields {
		again = again && t.open[f]
	}
	if !changed && again {
		switch {
		case u.act("dontknow"):
			t.say("cannotdecide")
		case u.act("help") || u.act("repeat"):
			t.say("help")
		case u.act("offtopic") && !t.replied:
			t.say("offtopic")
		case !t.replied && len(t.said) == 0 && !u.act("yes") && !u.act("go") && !u.act("no") && !u.act("done"):
			t.say("notunderstood")
		}
		t.add(remind)
		return nil
	}
	if !changed && !t.replied && len(t.said) == 0 {
		switch {
		case u.act("help") || u.act("repeat"):
			t.say("help")
		case u.act("offtopic"):
			t.say("offtopic")
		case u.act("yes") || u.act("go") || u.act("no") || u.act("done") || u.act("dontknow"):
		default:
			t.say("notunderstood")
		}
	}
	t.add(ask)
	var qs []card.Question
	for _, f := range fields {
		qs = append(qs, t.question(f))
	}
	return t.ask(t.reply("formtitle"), t.reply("formsubmit"), qs...)
}

// question is the question for one field.
func (t *turn) question(f string) card.Question {
	q := card.Question{ID: "q-" + f, Field: f, Type: card.AskText}
	switch f {
	case fieldName:
		q.Prompt, q.Why = t.reply("askname"), t.reply("whyname")
	case fieldEmail:
		q.Type, q.Prompt, q.Why = card.AskEmail, t.reply("askemail"), t.reply("whyemail")
	case fieldPlace:
		q.Prompt, q.Optional = t.reply("askplace"), true
	case fieldSubdomain:
		q.Type, q.Prompt = card.AskDomain, t.reply("ask_sovereignSubdomain")
	default:
		q.Prompt = t.reply("ask_other", "field", keep(t.labels["field"][f], f))
	}
	return q
}

func (t *turn) yesNo(field, prompt, suggested, why string) card.Question {
	return card.Question{
		ID: "q-" + field, Field: field, Type: card.AskYesNo, Prompt: prompt, Suggested: suggested, Why: why,
		Choices: []card.Choice{{Value: "yes", Label: t.reply("yes")}, {Value: "no", Label: t.reply("no")}},
	}
}

func (t *turn) choice(field, prompt string, values, labels []string, suggested string) card.Question {
	q := card.Question{ID: "q-" + field, Field: field, Type: card.AskChoice, Prompt: prompt, Suggested: suggested}
	for i, v := range values {
		label := v
		if i < len(labels) {
			label = labels[i]
		}
		q.Choices = append(q.Choices, card.Choice{Value: v, Label: label})
	}
	return q
}

// ask shows one card. Where that is not possible the text has asked already.
func (t *turn) ask(title, submit string, qs ...card.Question) error {
	args := map[string]any{"title": title, "questions": qs}
	if submit != "" {
		args["submit"] = submit
	}
	if err := t.call(toolAsk, args, nil); waits(err) {
		return err
	}
	return nil
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

// offerPlan shows the summary and asks whether to plan.
func (t *turn) offerPlan() error {
	t.summary("summary")
	switch {
	case t.needsAccount() && t.draft.simulated():
		t.said = append(t.said, t.reply("planquestionsim"))
		return t.ask(t.reply("accounttitle"), "", t.accountQuestion())
	case t.needsAccount():
		t.said = append(t.said, t.reply("accountreal"))
		return t.ask(t.reply("accounttitle"), "", t.accountQuestion())
	}
	t.said = append(t.said, t.reply("planquestion"))
	return t.ask(t.reply("plantitle"), "", t.yesNo(askPlan, t.reply("remind_plan"), "yes", t.reply("nodecision")))
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
	org := s.OrgName
	var more []string
	if name := keep(t.labels["industry"][s.OrgIndustry], s.OrgIndustry); name != "" && s.OrgIndustry != "other" {
		more = append(more, name)
	}
	switch {
	case s.OrgSize == 1:
		more = append(more, t.label("value", "person"))
	case s.OrgSize > 1:
		more = append(more, t.label("value", "people", "n", strconv.Itoa(s.OrgSize)))
	}
	if len(more) > 0 {
		org = strings.TrimPrefix(org+", "+strings.Join(more, ", "), ", ")
	}
	add("org", org)
	add("email", s.OrgEmail)
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
		add("place", s.OrgHeadquarters)
	}
	add("machines", t.serversLabel())
	add("address", s.SovereignFQDN)
	if len(s.OrgCompliance) > 0 {
		add("compliance", t.join(s.OrgCompliance))
	}
	if len(s.Components) > 0 && d.field(fieldComponents).Source != "default" && len(s.Components) < 12 {
		add("components", t.join(s.Components))
	}
	if d.Estimate != nil {
		add("cost", amount(d.Estimate.Monthly))
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
