package guide

import (
	"slices"
	"strings"

	"github.com/openova-io/sandbox/conversation"
)

// onText answers a message that was typed.
func (t *turn) onText(text string) error {
	if b := t.before(); b.address != (address{}) {
		t.open[addressSpoken] = true
	}
	u := t.understand(text, t.open)
	t.inContext(u)
	t.greet(u)
	if len(t.system) > 0 {
		return t.byPhase(u)
	}
	switch {
	case t.open[askReset] && (u.act("yes") || u.act("go") || u.act("startover")) && !u.act("no"):
		return t.reset()
	case t.open[askReset] && u.act("no") && !u.facts():
		t.say("resetkept")
		t.replied = true
		return t.next(u, false)
	case u.act("startover") && !u.act("otherwise") && !u.act("inject") && !u.facts() && len(u.topics) == 0:
		return t.confirmReset()
	}
	switch t.draft.phase() {
	case building, ready:
		return t.afterApproval(u)
	}
	switch {
	case u.act("droplast") && !u.facts() && len(t.draft.Spec.Apps) > 0:
		return t.dropLast(u)
	case (u.act("undo") || u.act("back") && u.act("no")) && !u.facts() && len(t.supposed()) == 0:
		return t.undo(u)
	}
	t.answerOpen(u)
	w, err := t.facts(u)
	if err != nil {
		return err
	}
	if u.whatIf && !t.asksOfFailure(u) && !(u.act("trial") && t.everSaid("residencylost")) {
		return t.whatIf(w)
	}
	if c := t.supposed(); len(c) > 0 && len(w.changes) == 0 && len(u.topics) == 0 {
		switch {
		case u.act("no") || u.act("cancelplan") || u.act("keepas") || len(w.same) > 0 || u.ha != nil: // "keep HA": as it is
			t.say("whatifkept")
			t.replied = true
		case u.act("yes") || u.act("go") || u.refers || u.act("dropit"):
			w.changes = c
			w.after = append(w.after, t.reply("whatifset"))
			t.taken = true
		}
	}
	t.economise(u, w)
	if err := t.suggest(u, w); err != nil {
		return err
	}
	t.ahead = t.goesAhead(u, w)
	if t.ahead && t.draft.simulated() && !t.draft.SimulatedAccount && (t.draft.missing(missingAccount) || u.simulated) {
		w.put(fieldSimulated, true)
	} else if u.simulated && t.draft.simulated() && !t.draft.SimulatedAccount {
		w.put(fieldSimulated, true)
		w.note(t.label("value", "account"))
	}
	before := t.draft
	if err := t.apply(w); err != nil {
		return err
	}
	if err := t.suggestRegion(u, w, before); err != nil {
		return err
	}
	u.settle(w)
	switch {
	case (u.act("keepas") || u.act("without") && len(u.topics) == 0) && len(w.changes) == 0 && !t.replied:
		t.say("kept")
		t.replied = true
	case u.act("changeemail") && len(u.emails) == 0 && u.badEmail == "":
		t.say("ask_orgEmail")
		t.open[fieldEmail], t.replied = true, true
	case u.act("changename") && u.orgName == "":
		t.say("ask_orgName")
		t.replied = true
	}
	if u.act("advise") && (t.everSaid("residencylost") || t.everSaid("leaves")) {
		u.topics = slices.DeleteFunc(u.topics, func(id string) bool { return t.language.topics[id].Handler == "apps" }) // what may lie abroad is asked
	}
	if err := t.answer(u); err != nil {
		return err
	}
	if err := t.afterPrice(u); err != nil {
		return err
	}
	if err := t.advise(u); err != nil {
		return err
	}
	if !t.changed && len(w.same) > 0 && !t.replied {
		t.say("sameas", "list", t.join(w.same))
		if d := t.draft.Sizing; d != nil && d.Shortfall != "" {
			t.said = append(t.said, t.reply("shortfall", "text", sentence(d.Shortfall)))
		}
		t.replied = true
	}
	t.sayUnread(u)
	return t.proceed(u, w, before.phase() == awaiting)
}

// asksOfFailure is true for "what if a server dies?", which is no change to try
// out.
func (t *turn) asksOfFailure(u *understanding) bool {
	return slices.ContainsFunc(u.topics, func(id string) bool { return t.language.topics[id].Handler == "serverdies" })
}

// greet says what courtesy asks for before anything else.
func (t *turn) greet(u *understanding) {
	plain := !u.facts() && len(u.topics) == 0
	if u.tongue != nil && !u.act("firmly") {
		fresh := u.tongue.Reply != "" && !t.saidBefore(u.tongue.Reply)
		if fresh {
			t.add(u.tongue.Reply)
		}
		if fresh || plain || !t.everSaid("english") {
			t.say("english")
		}
	}
	switch {
	case u.act("inject"):
		t.say("inject")
	case u.act("abuse"):
		t.say("abuse")
	case u.act("bot"):
		t.say("bot")
		t.replied = true
	case u.act("human") && plain:
		t.say("human")
		t.replied = true
	}
	switch {
	case u.act("howareyou"):
		t.say("fine")
	case u.act("there") && plain && !t.first():
		t.say("here")
	case u.act("greet") && t.first() && plain && !u.act("bot"):
		t.say("greeting")
	case u.act("greet") && (plain || t.first()) && !u.act("bot"):
		t.say("greetback")
	}
	if u.personName != "" && !t.everSaid("nicetomeet") && !u.act("inject") && !u.act("abuse") {
		t.say("nicetomeet", "name", echo(u.personName))
	}
	if u.act("thanks") && plain && !u.act("go") && !u.act("no") {
		t.say("thanks")
	}
}

// first is true for the first thing that the person says.
func (t *turn) first() bool {
	for _, m := range t.earlier {
		if m.Role == conversation.FromHuman {
			return false
		}
	}
	return true
}

// answerOpen reads a bare answer to the question that is open: a number, an
// ordinal, "you decide".
func (t *turn) answerOpen(u *understanding) {
	if t.human.Open == nil {
		return
	}
	q := t.human.Open
	if len(q.Choices) == 0 || u.facts() {
		return
	}
	pick := -1
	for i := range u.msg.tokens {
		tok := &u.msg.tokens[i]
		if n, ok := t.Ordinals[tok.norm]; ok {
			pick = n - 1
			if n < 0 {
				pick = len(q.Choices) - 1
			}
			break
		}
	}
	if pick < 0 && u.counts.hasBare && u.counts.bare >= 1 && u.counts.bare <= len(q.Choices) && q.Field != fieldWorkers {
		pick = u.counts.bare - 1
	}
	if pick < 0 || pick >= len(q.Choices) {
		said := fold(strings.TrimSpace(u.msg.text))
		for i, c := range q.Choices {
			if said == fold(c.Value) || said == fold(c.Label) {
				pick = i
			}
		}
	}
	if pick >= 0 && pick < len(q.Choices) {
		t.choose(u, q.Field, q.Choices[pick].Value)
	}
}

// dropLast takes the last Application off the list.
func (t *turn) dropLast(u *understanding) error {
	list := t.draft.Spec.Apps
	w := &work{removed: []string{t.appName(list[len(list)-1])}}
	w.put(fieldApps, list[:len(list)-1])
	pending := t.draft.phase() == awaiting
	if err := t.apply(w); err != nil {
		return err
	}
	return t.proceed(u, w, pending)
}

// advise gives the guide's own proposal where it is asked for.
func (t *turn) advise(u *understanding) error {
	lost := t.everSaid("residencylost") || t.everSaid("leaves")
	switch {
	case u.act("noemail") && t.open[fieldEmail] && len(u.emails) == 0 && u.badEmail == "":
		t.say("noemail")
		t.replied = true
	case u.act("modest") && t.changed && !t.everSaid("modest"):
		t.say("modest")
	case t.draft.phase() == awaiting:
	case t.replied || t.changed || u.act("inject") || t.open[askPlan] && u.act("yes"):
	case lost && u.act("trial"):
		t.say("trialok")
		t.replied = true
	case lost && (u.act("advise") || u.act("sono")):
		t.say("residencyadvice")
		t.replied = true
	case (u.act("advise") || u.act("yesorno")) && len(u.byKind["ha"]) > 0:
		d, ok, err := t.tryOut([]change{{Field: fieldHA, Value: !t.draft.ha()}})
		if err != nil {
			return err
		}
		if ok {
			t.say("haadvice", "cost", amount(d.Estimate.Monthly), "was", amount(t.draft.Estimate.Monthly))
			t.replied = true
		}
	case u.act("advisemore") && !u.facts():
		return t.moreApps(u)
	case u.act("advise") && t.draft.region() != "" && !t.draft.empty():
		apps := t.reply("noapplication")
		if len(t.draft.Spec.Apps) > 0 {
			apps = t.appNames(t.draft.Spec.Apps)
		}
		if len(t.draft.Spec.Apps) == 0 {
			t.say("advicegeneric")
		}
		t.say("advice", "apps", apps, "region", t.regionName(t.draft.region()), "servers", t.serversLabel())
		t.replied = true
	case u.act("modest") && !t.everSaid("modest"):
		t.say("modest")
	case u.act("noorg") && (t.open[fieldName] || t.draft.empty()):
		t.say("noorg")
		t.replied = true
	case u.act("isthatall") && len(t.stillMissing(&work{})) == 0 && !t.draft.empty():
		t.say("thatsall")
		t.replied = true
	case u.act("trial") && !u.facts() && !t.draft.empty():
		t.say("trialgood")
		t.replied = true
	case u.act("sono"):
		t.say("sono")
		t.replied = true
	}
	return nil
}

// sentences gives the first n sentences of a text.
func sentences(s string, n int) string {
	for i := 0; i+1 < len(s); i++ {
		if s[i] == '.' && s[i+1] == ' ' {
			if n--; n == 0 {
				return s[:i+1]
			}
		}
	}
	return sentence(s)
}

// saidBefore is true where an earlier reply had this sentence.
func (t *turn) saidBefore(s string) bool {
	for _, m := range t.earlier {
		if m.Role == conversation.FromAgent && strings.Contains(m.Text, s) {
			return true
		}
	}
	return false
}
