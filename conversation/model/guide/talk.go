package guide

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/openova-io/sandbox/conversation"
	"github.com/openova-io/sandbox/conversation/card"
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

// choose makes a chosen value what the message says.
func (t *turn) choose(u *understanding, field, value string) {
	switch field {
	case fieldEmail:
		u.emails = []string{value}
	case fieldRegion, "region":
		r := t.regions[value]
		u.where.machines = []placeHit{{text: r.Name + ", " + r.Country, region: value, known: true}}
	case fieldWorkers:
		u.counts.workers = []int{atoi(value)}
	case fieldName:
		u.orgName = value
	case fieldIndustry:
		if _, ok := t.language.business[value]; ok {
			u.business, u.isBusiness = value, true
		}
	}
}

func atoi(s string) int {
	n := 0
	for _, c := range s {
		if c < '0' || c > '9' || n > 1_000_000 {
			return n
		}
		n = n*10 + int(c-'0')
	}
	return n
}

// economise answers "the cheapest" by leaving out what is dear and was not asked
// for by name.
func (t *turn) economise(u *understanding, w *work) {
	if !u.act("cheapest") || u.ha != nil || !t.draft.ha() || u.whatIf {
		return
	}
	for i := range u.topics {
		if u.topics[i] == "cost" && !u.act("price") {
			return
		}
	}
	w.put(fieldHA, false)
	w.note(t.label("value", "noha"))
}

// apply sets the changes and says what was noted.
func (t *turn) apply(w *work) error {
	if err := t.set(w.changes); err != nil {
		return err
	}
	if t.changed {
		id := "noted"
		if t.draft.phase() == awaiting {
			id = "changed"
		}
		if len(w.noted) > 0 {
			t.say(id, "list", t.join(w.noted))
		}
		if len(w.removed) > 0 {
			t.say("removed", "list", t.join(w.removed))
		}
	}
	for _, s := range w.after {
		t.add(s)
	}
	return nil
}

// suggestRegion makes sure that there is a place with a reason: the draft may
// have found it by itself, else the nearest is suggested here.
func (t *turn) suggestRegion(u *understanding, w *work, before draft) error {
	if t.draft.empty() || t.draft.regionField().Source == "said" {
		return nil
	}
	d := &t.draft
	home := d.Spec.OrgHeadquarters
	moved := home != before.Spec.OrgHeadquarters
	if r := d.region(); r != "" {
		if r != before.region() && moved && !w.sets(fieldRegion) && d.regionField().Why != "" {
			if !t.lost {
				t.say("suggestregion", "region", t.regionName(r), "why", sentences(d.regionField().Why, 2))
			}
		}
		if d.regionField().Source != "" || !moved {
			return nil
		}
	}
	if home == "" && (d.missing(fieldName) || d.missing(fieldEmail)) {
		return nil // it may still be told
	}
	list, err := t.regionList(home, "")
	if err != nil {
		if waits(err) {
			return err
		}
		return nil
	}
	best, ok := list.best()
	if !ok || best.Region == d.region() {
		return nil
	}
	if home == "" {
		t.say("suggestnowhere", "region", best.title())
	} else {
		t.say("suggestregion", "region", best.title(), "why", sentence(best.Why))
	}
	return t.set([]change{{Field: fieldRegion, Value: best.Region, Source: "suggested", Why: best.Why}})
}

func (w *work) sets(field string) bool {
	for _, c := range w.changes {
		if c.Field == field {
			return true
		}
	}
	return false
}

// regionName is a region as a person reads it.
func (t *turn) regionName(id string) string {
	if r, ok := t.regions[id]; ok {
		return r.Name + ", " + r.Country
	}
	return id
}

// onPress answers a card that was pressed or filled in.
func (t *turn) onPress(p conversation.Press) error {
	u := t.understand("", t.open)
	value := strings.TrimSpace(p.Value)
	var form map[string]any
	if strings.HasPrefix(value, "{") && json.Unmarshal([]byte(value), &form) == nil {
		return t.onForm(form)
	}
	field := ""
	if t.human.Open != nil {
		field = t.human.Open.Field
	}
	if field == "" {
		field = t.newest
	}
	switch {
	case value == "stored":
		t.say("storedsecret")
		return t.plan(u, false)
	case value == "simulated":
		if t.draft.simulated() && !t.draft.SimulatedAccount {
			if err := t.set([]change{{Field: fieldSimulated, Value: true}}); err != nil {
				return err
			}
		}
		return t.plan(u, false)
	case field == askReset:
		if isYes(value) {
			return t.reset()
		}
		t.say("resetkept")
		return t.next(u, false)
	case field == askPlan:
		if isYes(value) {
			return t.plan(u, true)
		}
		t.say("whatchangeno")
		return nil
	case value == card.ActionRetry:
		if t.draft.phase() == awaiting {
			t.say("pending", "fqdn", t.draft.Spec.SovereignFQDN, "button", t.approvalButton())
			return nil
		}
		return t.progress(u)
	case field == askAccount || value == "approve" || value == "decline":
		return t.byPhase(u)
	case field != "":
		t.choose(u, field, value)
		w, err := t.facts(u)
		if err != nil {
			return err
		}
		if len(w.changes) == 0 && !u.facts() {
			w.put(field, value)
			w.note(echo(value))
		}
		if err := t.suggest(u, w); err != nil {
			return err
		}
		return t.take(u, w)
	}
	return t.byPhase(u)
}

// take sets what was pressed or filled in and goes on.
func (t *turn) take(u *understanding, w *work) error {
	before := t.draft
	if err := t.apply(w); err != nil {
		return err
	}
	if err := t.suggestRegion(u, w, before); err != nil {
		return err
	}
	return t.proceed(u, w, before.phase() == awaiting)
}

// isYes reads a press's value, which the card gave and no person typed.
func isYes(value string) bool {
	switch strings.ToLower(value) {
	case "yes", "true", "plan", "ok":
		return true
	}
	return false
}

// onForm takes over what was filled in.
func (t *turn) onForm(form map[string]any) error {
	w := &work{}
	u := t.understand("", t.open)
	for _, field := range sortedKeys(form) {
		text, _ := form[field].(string)
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		switch field {
		case fieldPlace:
			seen := t.understand(text, asked{fieldPlace: true})
			u.where = seen.where
			if len(u.where.people) == 0 {
				u.where.people = []placeHit{{text: text}}
			}
		default:
			w.put(field, text)
			w.note(echo(text))
		}
	}
	if len(u.where.people) > 0 {
		if err := t.place(u, w); err != nil {
			return err
		}
	}
	return t.take(u, w)
}

// settle drops the questions that were answered by doing what was asked: "can
// you host it in Germany?" needs no list of places after it is done.
func (u *understanding) settle(w *work) {
	done := map[string]bool{}
	if contains(u.topics, "multiregion") {
		done["regions"] = true
	}
	if u.act("price") {
		done["why"] = true
	}
	if len(u.where.machines) > 0 || w.sets(fieldRegion) {
		done["regions"], done["compare"] = true, true
	}
	if w.sets(fieldFQDN) || w.sets(fieldSubdomain) {
		done["subdomain"], done["whysubdomain"] = true, true
	}
	var rest []string
	for _, id := range u.topics {
		if !done[id] {
			rest = append(rest, id)
		}
	}
	u.topics = rest
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
