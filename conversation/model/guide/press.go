package guide

import (
	"encoding/json"
	"strings"

	"github.com/openova-io/sandbox/conversation"
	"github.com/openova-io/sandbox/conversation/card"
)

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
