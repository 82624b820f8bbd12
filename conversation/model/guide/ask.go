package guide

import (
	"slices"
	"strings"

	"github.com/openova-io/sandbox/conversation/card"
)

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
	if u.badEmail != "" && len(u.emails) == 0 { // how it is spelled is being asked
		fields = slices.DeleteFunc(slices.Clone(fields), func(f string) bool { return f == fieldEmail || f == fieldPlace })
		if len(fields) == 0 {
			return nil
		}
	}
	both := strings.Join(fields, " ")
	ask, remind := "ask_"+both, "remind_"+both
	switch {
	case contains(fields, fieldName) && contains(fields, fieldEmail):
		ask, remind = "ask_both", "remind_both"
	case contains(fields, fieldName) && contains(fields, fieldPlace):
		ask, remind = "ask_nameplace", "remind_orgName"
	case contains(fields, fieldEmail) && contains(fields, fieldPlace):
		ask, remind = "ask_emailplace", "remind_orgEmail"
	}
	again := true
	for _, f := range fields {
		again = again && t.open[f]
	}
	if !changed && !t.replied && !t.unread {
		t.beforeAsking(u, again)
	}
	if !changed && again {
		if len(t.replies[remind]) == 0 {
			remind = ask
		}
		t.remind(remind)
		return nil
	}
	if len(t.replies[ask]) > 0 {
		t.say(ask)
	} else {
		t.say("ask_other", "field", keep(t.labels["field"][fields[0]], fields[0]))
	}
	var qs []card.Question
	for _, f := range fields {
		qs = append(qs, t.question(f))
	}
	return t.ask(t.reply("formtitle"), t.reply("formsubmit"), qs...)
}

// beforeAsking says what a message without a fact deserves before the question is
// put again.
func (t *turn) beforeAsking(u *understanding, again bool) {
	switch {
	case u.act("dontknow") && again:
		t.say("cannotdecide")
	case u.act("help") || u.act("repeat"):
		t.say("help")
	case u.act("offtopic"):
		t.say("offtopic")
	case u.act("approve"):
		t.say("noplanyetmissing")
	case len(t.said) > 0, u.act("done"), u.act("dontknow"):
	case u.act("yes"), u.act("go"):
		t.say("nearly")
	case u.act("no"):
		t.say("whynotno")
	default:
		t.notUnderstood(u)
	}
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
