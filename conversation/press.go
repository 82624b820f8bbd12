package conversation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
)

// read is a press as it will be journalled.
type read struct {
	press Press
	// text is the press in readable words.
	text  string
	found []Secret
}

// readPress checks a press against the card it is on.
func (s *Service) readPress(c *Conversation, cardID, value string) (read, error) {
	shown, ok := c.card(cardID)
	if !ok {
		return read{}, fault.New(fault.NotFound, "there is no card %q in this conversation", cut(cardID, 64)).At("press.cardId")
	}
	r := read{press: Press{CardID: cardID, Value: value, Kind: shown.Kind}}
	var err error
	switch shown.Kind {
	case card.KindChoice:
		err = s.readChoice(c, shown, &r)
	case card.KindForm:
		err = s.readForm(c, shown, &r)
	case card.KindSecret:
		err = s.readSecret(c, shown, &r)
	case card.KindApproval:
		err = s.readApproval(c, shown, &r)
	case card.KindNotice, card.KindError:
		err = s.readAction(shown, &r)
	default:
		return read{}, fault.New(fault.Invalid, "there is nothing to press on a card of kind %s", shown.Kind).At("press.cardId")
	}
	if err == nil {
		err = c.pressable(shown)
	}
	return r, err
}

// pressable says whether a card still waits for a press.
func (c *Conversation) pressable(shown card.Card) error {
	if _, done := c.answered[shown.ID]; !done && acts(shown.Kind) {
		return nil // its newest version offers the action
	}
	if slices.ContainsFunc(c.asked, func(a asked) bool { return a.cardID == shown.ID }) {
		return nil
	}
	if _, ok := c.answered[shown.ID]; ok {
		return fault.New(fault.Conflict, "this card was answered already").Do("say what you want to change, and it will be changed").At("press.cardId")
	}
	return fault.New(fault.Conflict, "this card was replaced by a newer one").Do("answer the newest question").At("press.cardId")
}

func misfit(format string, args ...any) error {
	return fault.New(fault.Invalid, format, args...).At("press.value")
}

func (s *Service) readChoice(c *Conversation, shown card.Card, r *read) error {
	var d card.ChoiceData
	if err := shown.Decode(&d); err != nil {
		return err
	}
	q := d.Question
	values := []string{r.press.Value}
	if q.Type == card.AskChoices && strings.HasPrefix(r.press.Value, "[") {
		if err := json.Unmarshal([]byte(r.press.Value), &values); err != nil {
			return misfit("the choices are not a JSON list of texts")
		}
	}
	var labels []string
	for _, v := range values {
		i := slices.IndexFunc(q.Choices, func(choice card.Choice) bool { return choice.Value == v })
		switch {
		case i < 0 && q.Type == card.AskYesNo && (v == "yes" || v == "no"):
			labels = append(labels, s.texts.say(c.Language, v))
		case i < 0:
			return misfit("%q is not one of the choices", cut(v, 64))
		case q.Choices[i].Unavailable != "":
			return misfit("%s cannot be chosen: %s", q.Choices[i].Label, q.Choices[i].Unavailable)
		default:
			labels = append(labels, q.Choices[i].Label)
		}
	}
	if r.text = strings.Join(labels, ", "); r.text == "" {
		r.text = s.texts.say(c.Language, "press.none")
	}
	return nil
}

func (s *Service) readForm(c *Conversation, shown card.Card, r *read) error {
	var d card.FormData
	if err := shown.Decode(&d); err != nil {
		return err
	}
	values, err := formValues(r.press.Value)
	if err != nil {
		return err
	}
	var bad []fault.Violation
	violate := func(q card.Question, rule, value, message, suggestion string) {
		bad = append(bad, fault.Violation{Path: key(q), Rule: rule, Value: cut(value, 80), Message: message, Suggestion: suggestion})
	}
	var lines []string
	known := map[string]bool{}
	for _, q := range d.Questions {
		known[key(q)] = true
		text := strings.TrimSpace(values[key(q)])
		if q.Type == card.AskSecret && text != "" {
			violate(q, "secret", "", "Secrets are not sent by a form.", "Use the card for the account.")
			continue
		}
		text, found := Catch(text)
		r.found = append(r.found, found...)
		values[key(q)] = text
		switch {
		case text == "" && !q.Optional:
			violate(q, "required", "", q.Prompt, "This is needed.")
		case text != "" && len(found) == 0 && !fits(q, text, c.Language):
			violate(q, string(q.Type), text, "This does not answer: "+q.Prompt, hint(q))
		case text != "":
			lines = append(lines, q.Prompt+" "+labelled(q, text))
		}
	}
	for field := range values {
		if !known[field] {
			bad = append(bad, fault.Violation{Path: cut(field, 64), Rule: "unknown", Message: "The form does not ask for this.", Suggestion: "Leave it out."})
		}
	}
	if err := fault.Violated("the form", bad); err != nil {
		return err
	}
	raw, err := json.Marshal(values)
	r.press.Value, r.text = string(raw), strings.Join(lines, "\n")
	if r.text == "" {
		r.text = s.texts.say(c.Language, "press.none")
	}
	return err
}

// key is what a form calls the answer to a question.
func key(q card.Question) string {
	if q.Field != "" {
		return q.Field
	}
	return q.ID
}

// formValues reads a form's JSON object; numbers, truth values and lists of
// texts become text.
func formValues(value string) (map[string]string, error) {
	decoder := json.NewDecoder(bytes.NewReader([]byte(value)))
	decoder.UseNumber()
	var raw map[string]any
	if err := decoder.Decode(&raw); err != nil || raw == nil || decoder.More() {
		return nil, misfit("the answers of a form are not a JSON object from field to text")
	}
	values := make(map[string]string, len(raw))
	for field, v := range raw {
		switch v := v.(type) {
		case nil:
			values[field] = ""
		case string:
			values[field] = v
		case json.Number, bool:
			values[field] = fmt.Sprint(v)
		case []any:
			parts := make([]string, len(v))
			for i, p := range v {
				text, ok := p.(string)
				if !ok {
					return nil, misfit("the answer to %s is a list of something else than texts", cut(field, 64))
				}
				parts[i] = text
			}
			values[field] = strings.Join(parts, ", ")
		default:
			return nil, misfit("the answer to %s is not a text", cut(field, 64))
		}
	}
	return values, nil
}

// fits is true when a form's text answers its question.
func fits(q card.Question, text, language string) bool {
	switch q.Type {
	case card.AskText:
		return true
	case card.AskYesNo:
		if text == "true" || text == "false" {
			return true
		}
	case card.AskChoices:
		for _, part := range strings.Split(text, ",") {
			if !slices.ContainsFunc(q.Choices, func(c card.Choice) bool { return c.Value == strings.TrimSpace(part) && c.Unavailable == "" }) {
				return Answers(q, text, language).Kind == AnswerComplete
			}
		}
		return true
	}
	return Answers(q, text, language).Kind == AnswerComplete
}

// hint says what would answer a question.
func hint(q card.Question) string {
	switch q.Type {
	case card.AskEmail:
		return "Write an address such as name@example.com."
	case card.AskDomain:
		return "Write small letters, digits and hyphens, such as clinic or clinic.example.com."
	case card.AskNumber:
		return "Write a whole number."
	case card.AskYesNo:
		return "Answer yes or no."
	}
	var labels []string
	for _, c := range q.Choices {
		if c.Unavailable == "" {
			labels = append(labels, c.Label)
		}
	}
	return "Choose from " + strings.Join(labels, ", ") + "."
}

// labelled replaces a choice's value by its label.
func labelled(q card.Question, text string) string {
	parts := strings.Split(text, ",")
	for i, p := range parts {
		p = strings.TrimSpace(p)
		if j := slices.IndexFunc(q.Choices, func(c card.Choice) bool { return c.Value == p }); j >= 0 {
			parts[i] = q.Choices[j].Label
		} else {
			return text
		}
	}
	return strings.Join(parts, ", ")
}

func (s *Service) readSecret(c *Conversation, shown card.Card, r *read) error {
	var d card.SecretData
	if err := shown.Decode(&d); err != nil {
		return err
	}
	switch {
	case r.press.Value == "stored":
		r.text = s.texts.say(c.Language, "press.stored")
	case r.press.Value == "simulated" && d.SimulatedAccount:
		r.text = s.texts.say(c.Language, "press.simulated")
	case r.press.Value == "simulated":
		return misfit("there is no simulated account here")
	default:
		// The value is not repeated: it may be the secret itself.
		return misfit("a box for secrets is pressed with stored or simulated; the values themselves go to the vault")
	}
	return nil
}

// acts is true for kinds whose press is something that the service does for the
// person, and no answer to a question.
func acts(k card.Kind) bool { return k == card.KindNotice || k == card.KindError }

func (s *Service) readAction(shown card.Card, r *read) error {
	var d card.NoticeData
	if len(shown.Data) > 0 {
		if err := shown.Decode(&d); err != nil {
			return err
		}
	}
	i := slices.IndexFunc(d.Actions, func(a card.Choice) bool { return a.Value == r.press.Value && a.Unavailable == "" })
	switch {
	case len(d.Actions) == 0:
		return fault.New(fault.Invalid, "there is nothing to press on this card").At("press.cardId")
	case i < 0:
		return misfit("%q cannot be pressed on this card", cut(r.press.Value, 64))
	}
	r.text = d.Actions[i].Label
	return nil
}

func (s *Service) readApproval(c *Conversation, shown card.Card, r *read) error {
	var d card.ApprovalData
	if err := shown.Decode(&d); err != nil {
		return err
	}
	verb, name, named := strings.Cut(r.press.Value, ":")
	switch {
	case r.press.Value == "decline":
		r.text = s.texts.say(c.Language, "press.declined")
		return nil
	case verb != "approve":
		return misfit("an approval is answered with approve or decline")
	case d.Destructive && (!named || strings.TrimSpace(name) != d.SovereignFQDN):
		return fault.New(fault.Invalid, "this plan destroys or replaces something, so its Sovereign has to be named").
			Do("type %s exactly", d.SovereignFQDN).At("press.value")
	}
	r.text = s.texts.say(c.Language, "press.approved")
	return nil
}
