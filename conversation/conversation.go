package conversation

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

// Conversation is the fold of a conversation's events. Its JSON is what the API
// gives.
type Conversation struct {
	ID       string        `json:"id"`
	Owner    journal.Actor `json:"owner"`
	Channel  string        `json:"channel"`
	Language string        `json:"language"`
	// Title is the beginning of the first thing the person said.
	Title     string    `json:"title,omitempty"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
	// Turns are in the order in which the person sent them. The first is the
	// greeting, which has no human side.
	Turns []Turn `json:"turns"`
	// Cards are the newest version of every card, in the order of first showing.
	Cards []card.Card `json:"cards"`
	// Open is the question that waits for an answer, if any.
	Open *card.Question `json:"open,omitempty"`
	// Deployments are the ids of the deployments it led to, oldest first.
	Deployments []string `json:"deployments"`
	// Model is the name of the model that answers now; empty means the first.
	Model string `json:"model,omitempty"`
	// SwitchedAt is when Model was last changed.
	SwitchedAt time.Time `json:"-"`
	// ToolCalls and Tokens are what all turns used together.
	ToolCalls int `json:"toolCalls"`
	Tokens    int `json:"tokens"`
	// Erased is true when the person's key was destroyed: what they said is gone.
	Erased bool `json:"erased,omitempty"`
	// Seq is the journal sequence that it is as of.
	Seq uint64 `json:"seq"`

	asked     []asked
	answered  map[string]string // card id -> what it was answered with
	utterance utterance
}

// Turn is one input of the person and the agent's answer to it.
type Turn struct {
	ID string `json:"turnId"`
	// By is who sent it.
	By    journal.Actor  `json:"-"`
	Human string         `json:"human,omitempty"`
	Press *Press         `json:"press,omitempty"`
	Open  *card.Question `json:"open,omitempty"`
	// Consent is the approval card that the words may answer; see [TurnStarted].
	Consent string `json:"consent,omitempty"`
	// Given is true once a decision about an approval was about to be handed over;
	// Decided is what became of it.
	Given   bool            `json:"given,omitempty"`
	Decided *ConsentDecided `json:"decided,omitempty"`
	Steps   []Step          `json:"steps,omitempty"`
	// Text is the whole answer as the person saw it, once the turn is finished.
	Text string `json:"text"`
	// Heard is the part of Text that was heard before the person interrupted; nil
	// where nothing was cut off.
	Heard  *string   `json:"heard,omitempty"`
	State  TurnState `json:"state"`
	Model  string    `json:"model,omitempty"`
	Reason string    `json:"reason,omitempty"`
	// StartedAt is zero for the greeting.
	StartedAt  time.Time `json:"startedAt,omitzero"`
	FinishedAt time.Time `json:"finishedAt,omitzero"`
	// StartedSeq and FinishedSeq are the sequences of the turn's two events.
	StartedSeq  uint64 `json:"startedSeq,omitempty"`
	FinishedSeq uint64 `json:"finishedSeq,omitempty"`
}

// Step is one answer of the model within a turn that wished for tool calls.
type Step struct {
	Said    string       `json:"said,omitempty"`
	Calls   []ToolCall   `json:"calls"`
	Results []ToolResult `json:"results"`
}

// Finished is true when nothing more happens in the turn.
func (t Turn) Finished() bool { return t.State != "" }

// Fold gives the state after events, which must be the whole history of one
// conversation, oldest first. Events of unknown types are passed over. Faults:
// [fault.NotFound] for an empty history, [fault.Internal] for one that does not
// begin with a creation.
func Fold(events []journal.Event) (Conversation, error) {
	if len(events) == 0 {
		return Conversation{}, fault.New(fault.NotFound, "there is no such conversation")
	}
	if events[0].Type != EventCreated {
		return Conversation{}, fault.New(fault.Internal, "a conversation's history begins with %s", events[0].Type)
	}
	var c Conversation
	for _, e := range events {
		if err := c.apply(e); err != nil {
			return Conversation{}, err
		}
	}
	return c, nil
}

// apply takes one event in.
func (c *Conversation) apply(e journal.Event) error {
	c.Seq = e.Seq
	c.UpdatedAt = e.Timestamp
	if e.Type == EventCreated {
		c.ID = strings.TrimPrefix(e.Aggregate, "conversation.")
		c.Owner = e.Metadata.Actor
		c.CreatedAt = e.Timestamp
		c.answered = map[string]string{}
		c.Turns, c.Cards, c.Deployments = []Turn{}, []card.Card{}, []string{}
	}
	if e.Erased() {
		c.Erased = true
		return nil
	}
	fold := folds[e.Type]
	if fold == nil {
		return nil
	}
	if err := fold(c, e); err != nil {
		return fault.Wrap(err, fault.Internal, "entry %d of the conversation does not fit its type %s", e.Seq, e.Type)
	}
	c.Open = c.openQuestion()
	return nil
}

// folds has one function per event type that changes the state.
var folds = map[string]func(*Conversation, journal.Event) error{
	EventCreated: func(c *Conversation, e journal.Event) error {
		var d Created
		err := e.Decode(&d)
		c.Channel, c.Language = d.Channel, d.Language
		return err
	},
	EventAdopted: func(c *Conversation, e journal.Event) error {
		c.Owner = e.Metadata.Actor
		return nil
	},
	EventTurnStarted:  (*Conversation).turnStarted,
	EventTurnFinished: (*Conversation).turnFinished,
	EventTurnHeard: func(c *Conversation, e journal.Event) error {
		var d TurnHeard
		err := e.Decode(&d)
		if t := c.turn(d.TurnID); t != nil {
			t.Heard = &d.Text
		}
		c.utterance = utterance{} // what was not heard asks nothing
		return err
	},
	EventToolCalled:   (*Conversation).toolCalled,
	EventToolReturned: (*Conversation).toolReturned,
	EventCardShown:    (*Conversation).cardShown,
	EventConsentGiven: func(c *Conversation, e journal.Event) error {
		var d ConsentGiven
		err := e.Decode(&d)
		if t := c.turn(d.TurnID); t != nil {
			t.Given = true
		}
		return err
	},
	EventConsentDecided: (*Conversation).consentDecided,
	EventDeploymentLinked: func(c *Conversation, e journal.Event) error {
		var d DeploymentLinked
		err := e.Decode(&d)
		if err == nil && !slices.Contains(c.Deployments, d.DeploymentID) {
			c.Deployments = append(c.Deployments, d.DeploymentID)
		}
		return err
	},
	EventModelSwitched: func(c *Conversation, e journal.Event) error {
		var d ModelSwitched
		err := e.Decode(&d)
		c.Model, c.SwitchedAt = d.To, e.Timestamp
		return err
	},
}

// titleRunes is how much of the first message becomes the title.
const titleRunes = 80

func (c *Conversation) turnStarted(e journal.Event) error {
	var d TurnStarted
	if err := e.Decode(&d); err != nil {
		return err
	}
	c.Turns = append(c.Turns, Turn{
		ID: d.TurnID, By: e.Metadata.Actor, Human: d.Text, Press: d.Press, Open: d.Open, Consent: d.Consent,
		StartedAt: e.Timestamp, StartedSeq: e.Seq,
	})
	if c.Title == "" && d.Press == nil {
		c.Title = cut(strings.Join(strings.Fields(d.Text), " "), titleRunes)
	}
	c.utterance = utterance{}
	switch {
	case d.Press != nil && d.Press.Kind != card.KindApproval && !acts(d.Press.Kind):
		c.answerCard(d.Press.CardID, d.Text)
	case d.Press == nil && d.Open != nil && d.Open.Type != card.AskConsent:
		if Answers(*d.Open, d.Text, c.Language).Kind == AnswerComplete {
			c.answerQuestion(d.Open.ID, d.Text)
		}
	}
	return nil
}

func (c *Conversation) turnFinished(e journal.Event) error {
	var d TurnFinished
	if err := e.Decode(&d); err != nil {
		return err
	}
	t := c.turn(d.TurnID)
	if t == nil { // the greeting, which answers nobody
		c.Turns = append(c.Turns, Turn{ID: d.TurnID})
		t = &c.Turns[len(c.Turns)-1]
	}
	t.Text, t.State, t.Model, t.Reason = d.Text, d.State, d.Model, d.Reason
	t.FinishedAt, t.FinishedSeq = e.Timestamp, e.Seq
	c.Tokens += d.InputTokens + d.OutputTokens
	c.uttered(d)
	return nil
}

func (c *Conversation) toolCalled(e journal.Event) error {
	var d ToolCalled
	if err := e.Decode(&d); err != nil {
		return err
	}
	c.ToolCalls++
	t := c.turn(d.TurnID)
	if t == nil {
		return nil
	}
	for len(t.Steps) < max(d.Step, 1) {
		t.Steps = append(t.Steps, Step{Calls: []ToolCall{}, Results: []ToolResult{}})
	}
	s := &t.Steps[len(t.Steps)-1]
	if d.Said != "" {
		s.Said = d.Said
	}
	s.Calls = append(s.Calls, ToolCall{ID: d.CallID, Name: d.Name, Arguments: d.Arguments})
	return nil
}

func (c *Conversation) toolReturned(e journal.Event) error {
	var d ToolReturned
	if err := e.Decode(&d); err != nil {
		return err
	}
	t := c.turn(d.TurnID)
	if t == nil {
		return nil
	}
	for i := range t.Steps {
		s := &t.Steps[i]
		if slices.ContainsFunc(s.Calls, func(call ToolCall) bool { return call.ID == d.CallID }) {
			s.Results = append(s.Results, ToolResult{CallID: d.CallID, Name: d.Name, Text: d.Text, Structured: d.Structured, IsError: d.IsError})
		}
	}
	return nil
}

func (c *Conversation) consentDecided(e journal.Event) error {
	var d ConsentDecided
	if err := e.Decode(&d); err != nil {
		return err
	}
	if t := c.turn(d.TurnID); t != nil {
		t.Decided = &d
	}
	if d.Decision != Refused {
		c.answerCard(d.CardID, d.Decision)
	}
	return nil
}

// turn gives a pointer to a turn, or nil.
func (c *Conversation) turn(id string) *Turn {
	for i := len(c.Turns) - 1; i >= 0; i-- {
		if c.Turns[i].ID == id {
			return &c.Turns[i]
		}
	}
	return nil
}

// next gives the oldest turn that is not finished, or nil.
func (c *Conversation) next() *Turn {
	i := len(c.Turns)
	for i > 0 && !c.Turns[i-1].Finished() {
		i--
	}
	if i == len(c.Turns) {
		return nil
	}
	return &c.Turns[i]
}

// unfinished counts the turns that wait or run.
func (c *Conversation) unfinished() int {
	n := 0
	for i := len(c.Turns) - 1; i >= 0 && !c.Turns[i].Finished(); i-- {
		n++
	}
	return n
}

// clone is a copy that shares nothing that apply changes.
func (c *Conversation) clone() Conversation {
	d := *c
	d.Turns = slices.Clone(c.Turns)
	for i := range d.Turns {
		t := &d.Turns[i]
		t.Steps = slices.Clone(t.Steps)
		for j := range t.Steps {
			t.Steps[j].Calls = slices.Clone(t.Steps[j].Calls)
			t.Steps[j].Results = slices.Clone(t.Steps[j].Results)
		}
	}
	d.Cards = slices.Clone(c.Cards)
	d.Deployments = slices.Clone(c.Deployments)
	d.asked, d.answered = slices.Clone(c.asked), maps.Clone(c.answered)
	return d
}

// cut shortens text to n runes.
func cut(text string, n int) string {
	if r := []rune(text); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return text
}

// object is true for a JSON object.
func object(raw json.RawMessage) bool {
	var m map[string]json.RawMessage
	return json.Unmarshal(raw, &m) == nil && m != nil
}
