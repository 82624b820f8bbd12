package concierge

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/mcp"
	"github.com/openova-io/sandbox/provisioner"
)

type askInput struct {
	DraftID   string     `json:"draftId,omitempty" limit:"max=64" jsonschema:"id of a draft; leave out for this session's own"`
	Title     string     `json:"title,omitempty" limit:"max=100" jsonschema:"a heading, a few words"`
	Questions []question `json:"questions" limit:"min=1,max=6" jsonschema:"one or two; more only for the parts of one thing, e.g. an address"`
	Submit    string     `json:"submit,omitempty" limit:"max=40" jsonschema:"the form's button; Continue when left out"`
}

// question is a [card.Question] as a model may ask it: there is no type for an
// approval, since only a plan asks for one.
type question struct {
	ID        string   `json:"questionId,omitempty" limit:"max=64" jsonschema:"leave out"`
	Field     string   `json:"field,omitempty" limit:"max=80" jsonschema:"field of the draft that the answer is for, e.g. orgEmail, or account for the type secret"`
	Prompt    string   `json:"prompt" limit:"min=1,max=500" jsonschema:"the question as the person reads it, e.g. Which region?"`
	Type      string   `json:"type" limit:"enum=text|choice|choices|number|email|domain|yes-no|secret" jsonschema:"choice = one of choices; choices = any of them; secret = the box for the cloud account (alone, with field account)"`
	Choices   []choice `json:"choices,omitempty" limit:"max=50" jsonschema:"for the types choice and choices"`
	Suggested string   `json:"suggested,omitempty" limit:"max=300" jsonschema:"the answer that you propose; of a choice its value"`
	Why       string   `json:"why,omitempty" limit:"max=300" jsonschema:"reason of the proposal, one sentence"`
	Optional  bool     `json:"optional,omitempty" jsonschema:"true: it may stay empty"`
}

type choice struct {
	Value       string `json:"value" limit:"min=1,max=200" jsonschema:"what the answer will be, e.g. fsn1"`
	Label       string `json:"label" limit:"min=1,max=200" jsonschema:"what the person reads, e.g. Falkenstein, Germany"`
	Detail      string `json:"detail,omitempty" limit:"max=300" jsonschema:"one line below it"`
	Unavailable string `json:"unavailable,omitempty" limit:"max=300" jsonschema:"why it cannot be chosen now"`
}

type askOutput struct {
	CardID string `json:"cardId"`
	// Link is where the person finds the card.
	Link string `json:"link"`
}

func (t *tools) ask(r *mcp.Registry) {
	mcp.Register(r, mcp.Tool{
		Name: "card.ask", Title: "Ask the person",
		Description: "Show the person one card that asks: buttons (one question of type choice or yes-no), a form (any other), or the box for the cloud account (type secret, field account), whose contents go to the vault and never to you. In a chat the answer is the person's next message. Outside a chat ask the person yourself, and use this for the cloud account only: give them the link. It cannot ask for an approval: catalyst.plan.create does.",
	}, func(ctx context.Context, caller mcp.Caller, in askInput) (askOutput, error) {
		id, err := t.draft(ctx, caller, in.DraftID)
		if err != nil {
			return askOutput{}, err
		}
		// Reading the draft proves that it is the caller's.
		d, err := t.Provisioner.Draft(ctx, caller.Actor, id)
		if err != nil {
			return askOutput{}, err
		}
		c, err := questionCard(in, d)
		if err != nil {
			return askOutput{}, err
		}
		if err := t.Stage.Show(ctx, id, c); err != nil {
			return askOutput{}, err
		}
		return askOutput{CardID: c.ID, Link: t.link(id)}, nil
	})
}

func questionCard(in askInput, d provisioner.Draft) (card.Card, error) {
	var lines []string
	var questions []card.Question
	for i, asked := range in.Questions {
		q := asked.card()
		at := fmt.Sprintf("questions[%d]", i)
		switch {
		case strings.TrimSpace(q.Prompt) == "":
			return card.Card{}, fault.New(fault.Invalid, "the question has no text").At(at + ".prompt")
		case (q.Type == card.AskChoice || q.Type == card.AskChoices) && len(q.Choices) == 0:
			return card.Card{}, fault.New(fault.Invalid, "there is nothing to choose from").At(at + ".choices").Do("Give choices, or ask with the type text.")
		}
		if q.ID == "" {
			q.ID = "q-" + uuid.NewString()[:8]
		}
		if q.Type == card.AskYesNo && len(q.Choices) == 0 {
			q.Choices = []card.Choice{{Value: "yes", Label: "Yes"}, {Value: "no", Label: "No"}}
		}
		line := q.Prompt
		if len(q.Choices) > 0 {
			var labels []string
			for _, c := range q.Choices {
				labels = append(labels, c.Label)
			}
			line += " (" + strings.Join(labels, ", ") + ")"
		}
		if q.Suggested != "" && q.Type != card.AskYesNo {
			line += " Suggested: " + q.Suggested + "."
		}
		lines = append(lines, line)
		questions = append(questions, q)
	}
	if len(questions) == 0 {
		return card.Card{}, fault.New(fault.Invalid, "a card has at least one question").At("questions")
	}
	id, text, q := "ask-"+uuid.NewString()[:8], strings.Join(lines, "\n"), questions[0]
	for i := range questions {
		if questions[i].Type == card.AskSecret {
			q = questions[i] // wherever it stands, it decides
		}
	}
	switch {
	case q.Type == card.AskSecret:
		if len(questions) > 1 || q.Field != "account" {
			return card.Card{}, fault.New(fault.Invalid, "a secret question stands alone and is for the field account").At("questions")
		}
		return accountCard(id, in.Title, q, d), nil
	case len(questions) == 1 && len(q.Choices) > 0 && q.Type != card.AskChoices:
		return card.New(id, card.KindChoice, in.Title, text, card.ChoiceData{Question: q}), nil
	}
	submit := in.Submit
	if submit == "" {
		submit = "Continue"
	}
	return card.New(id, card.KindForm, in.Title, text, card.FormData{Questions: questions, Submit: submit}), nil
}

// accountCard asks for the cloud account. The help and the lengths are Hetzner's.
func accountCard(id, title string, q card.Question, d provisioner.Draft) card.Card {
	if title == "" {
		title = "Your cloud account"
	}
	simulated := d.Cloud == provisioner.Simulated
	text := q.Prompt + "\nThe box takes a Hetzner Cloud token, the project id, object-storage keys and an SSH key. They go to the vault; neither I nor the chat see them."
	if simulated {
		text += "\nThis service runs on a simulated cloud: \"Use the simulated account\" needs none of them and costs nothing."
	}
	console := "https://console.hetzner.cloud/"
	return card.New(id, card.KindSecret, title, text, card.SecretData{Question: q, SimulatedAccount: simulated, Fields: []card.SecretField{
		{Purpose: provisioner.SecretHetznerToken, Label: "Hetzner Cloud API token", Hint: "Read and write, from Security, API tokens. 64 characters.", HelpURL: console, MinLength: 64, MaxLength: 64, Masked: true},
		{Purpose: "hetzner-project-id", Label: "Project id", Hint: "The number in the address of the project's page.", HelpURL: console, MinLength: 1, MaxLength: 20},
		{Purpose: provisioner.SecretObjectStorageAccessKey, Label: "Object storage access key", Hint: "From Security, S3 credentials.", HelpURL: console, MinLength: 16, MaxLength: 64, Masked: true},
		{Purpose: provisioner.SecretObjectStorageSecretKey, Label: "Object storage secret key", MinLength: 32, MaxLength: 128, Masked: true},
		{Purpose: "ssh-public-key", Label: "SSH public key", Hint: "Paste yours, or have one made: the private part is yours to download, once.", Generate: true, MaxLength: 2000},
	}})
}

// card gives the question as cards have it.
func (q question) card() card.Question {
	out := card.Question{
		ID: q.ID, Field: q.Field, Prompt: q.Prompt, Type: card.QuestionType(q.Type), Suggested: q.Suggested, Why: q.Why, Optional: q.Optional,
	}
	for _, c := range q.Choices {
		out.Choices = append(out.Choices, card.Choice{Value: c.Value, Label: c.Label, Detail: c.Detail, Unavailable: c.Unavailable})
	}
	return out
}
