package conversation

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/journal"
)

// asked is a question on a card that waits for an answer.
type asked struct {
	cardID string
	kind   card.Kind
	q      card.Question
}

// questions gives what a card asks. Every kind whose data has a question, or
// questions, asks; an approval only while it is pending.
func questions(shown card.Card) []card.Question {
	var d struct {
		Question  *card.Question  `json:"question"`
		Questions []card.Question `json:"questions"`
		State     string          `json:"state"`
	}
	if len(shown.Data) == 0 || json.Unmarshal(shown.Data, &d) != nil {
		return nil
	}
	if shown.Kind == card.KindApproval && d.State != "" && d.State != "pending" {
		return nil
	}
	if d.Question != nil {
		return append([]card.Question{*d.Question}, d.Questions...)
	}
	return d.Questions
}

// cardShown puts a card in the place of the one with its id, or at the end. A
// new question takes the place of the ones that were asked in the same way: what
// is asked now is what counts. An approval stays open until it is decided, and
// the box for secrets until it is filled in.
func (c *Conversation) cardShown(e journal.Event) error {
	var d CardShown
	if err := e.Decode(&d); err != nil {
		return err
	}
	shown := d.Card
	shown.Seq = e.Seq
	if i := slices.IndexFunc(c.Cards, func(x card.Card) bool { return x.ID == shown.ID }); i >= 0 {
		c.Cards[i] = shown
	} else {
		c.Cards = append(c.Cards, shown)
	}
	ask := questions(shown)
	c.asked = slices.DeleteFunc(c.asked, func(a asked) bool {
		return a.cardID == shown.ID || len(ask) > 0 && lane(a.kind) == lane(shown.Kind) && shown.Kind != card.KindApproval
	})
	if len(ask) == 0 {
		return nil
	}
	delete(c.answered, shown.ID)
	for _, q := range ask {
		c.asked = append(c.asked, asked{shown.ID, shown.Kind, q})
	}
	// What is asked now is not what the agent said last.
	c.utterance = utterance{}
	if shown.Kind == card.KindApproval {
		c.utterance.approval = shown.ID
	}
	return nil
}

// lane groups the kinds whose questions replace one another.
func lane(k card.Kind) card.Kind {
	switch k {
	case card.KindApproval, card.KindSecret:
		return k
	}
	return card.KindChoice
}

// openQuestion gives the question that waits for an answer: the first one still
// open on the card that was shown last.
func (c *Conversation) openQuestion() *card.Question {
	if len(c.asked) == 0 {
		return nil
	}
	last := c.asked[len(c.asked)-1].cardID
	i := slices.IndexFunc(c.asked, func(a asked) bool { return a.cardID == last })
	q := c.asked[i].q
	return &q
}

// openCard gives the id of the card that the open question is on.
func (c *Conversation) openCard() string {
	if len(c.asked) == 0 {
		return ""
	}
	return c.asked[len(c.asked)-1].cardID
}

// answerCard closes everything that a card asks.
func (c *Conversation) answerCard(cardID, with string) {
	c.answered[cardID] = with
	c.asked = slices.DeleteFunc(c.asked, func(a asked) bool { return a.cardID == cardID })
}

// answerQuestion closes one question of the open card; the card is answered with
// its last one.
func (c *Conversation) answerQuestion(questionID, with string) {
	id := c.openCard()
	i := slices.IndexFunc(c.asked, func(a asked) bool { return a.cardID == id && a.q.ID == questionID })
	if i < 0 {
		return
	}
	c.asked = slices.Delete(c.asked, i, i+1)
	if !slices.ContainsFunc(c.asked, func(a asked) bool { return a.cardID == id }) {
		c.answered[id] = with
	}
}

// card gives the newest version of a card.
func (c *Conversation) card(id string) (card.Card, bool) {
	i := slices.IndexFunc(c.Cards, func(x card.Card) bool { return x.ID == id })
	if i < 0 {
		return card.Card{}, false
	}
	return c.Cards[i], true
}

// utterance is the agent's last word as far as consent by words cares. It is
// forgotten as soon as the person says something, or something is asked.
type utterance struct {
	// approval is the approval card that was shown last in the turn, and then the
	// one whose question the finished text ends with.
	approval string
	// asks is true when the finished text ends with that question.
	asks bool
	// alone is true when the text asks nothing else besides.
	alone bool
}

// uttered takes in how a turn ended.
func (c *Conversation) uttered(d TurnFinished) {
	c.utterance = utterance{}
	prompt := squeeze(c.consentPrompt())
	if d.State != TurnDone || prompt == "" {
		return
	}
	if before, ok := strings.CutSuffix(squeeze(d.Text), prompt); ok {
		c.utterance = utterance{approval: c.openCard(), asks: true, alone: !asksMore(before)}
	}
}

// asksMore tells whether a text asks something. In Greek the mark of a question is
// a semicolon.
func asksMore(text string) bool {
	return strings.ContainsAny(text, "?؟？⸮՞\u037e") ||
		strings.Contains(text, ";") && strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Greek, r) })
}

// consentPrompt is the open question where it is a consent; else empty.
func (c *Conversation) consentPrompt() string {
	if q := c.openQuestion(); q != nil && q.Type == card.AskConsent {
		return q.Prompt
	}
	return ""
}

// squeeze makes every run of white space one space.
func squeeze(text string) string { return strings.Join(strings.Fields(text), " ") }
