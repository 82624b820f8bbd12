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
	DraftID   string          `json:"draftId,omitempty" jsonschema:"the draft; leave out for the current one"`
	Title     string          `json:"title,omitempty" jsonschema:"a heading, a few words"`
	Questions []card.Question `json:"questions" jsonschema:"one or two questions; more only where a form asks for parts of one thing"`
	Submit    string          `json:"submit,omitempty" jsonschema:"the form's button, e.g. Continue"`
}

type askOutput struct {
	CardID string `json:"cardId"`
}

// maxQuestions is how many questions one card may have.
const maxQuestions = 6

func (t *tools) ask(r *mcp.Registry) {
	mcp.Register(r, mcp.Tool{
		Name: "card.ask", Title: "Ask the person",
		Description: "Show one card that asks: a choice (one question of type choice or yes-no), a form (text, number, email, domain), or the box for the cloud account (one question of type secret, field account), whose contents nobody but the vault sees. The answer comes as the person's next message.",
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
		return askOutput{CardID: c.ID}, nil
	})
}

func questionCard(in askInput, d provisioner.Draft) (card.Card, error) {
	if len(in.Questions) == 0 || len(in.Questions) > maxQuestions {
		return card.Card{}, fault.New(fault.Invalid, "a card has 1 to %d questions; this one has %d", maxQuestions, len(in.Questions)).At("questions")
	}
	var lines []string
	for i := range in.Questions {
		q := &in.Questions[i]
		if strings.TrimSpace(q.Prompt) == "" {
			return card.Card{}, fault.New(fault.Invalid, "the question has no text").At(fmt.Sprintf("questions[%d].prompt", i))
		}
		if q.Type == card.AskConsent {
			return card.Card{}, fault.New(fault.Denied, "only a plan asks for an approval").At(fmt.Sprintf("questions[%d].type", i)).Do("Call catalyst.plan.create.")
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
	}
	id, text, q := "ask-"+uuid.NewString()[:8], strings.Join(lines, "\n"), in.Questions[0]
	switch {
	case q.Type == card.AskSecret:
		if len(in.Questions) > 1 || q.Field != "account" {
			return card.Card{}, fault.New(fault.Invalid, "a secret question stands alone and is for the field account").At("questions")
		}
		return accountCard(id, in.Title, q, d), nil
	case len(in.Questions) == 1 && len(q.Choices) > 0 && q.Type != card.AskChoices:
		return card.New(id, card.KindChoice, in.Title, text, card.ChoiceData{Question: q}), nil
	}
	submit := in.Submit
	if submit == "" {
		submit = "Continue"
	}
	return card.New(id, card.KindForm, in.Title, text, card.FormData{Questions: in.Questions, Submit: submit}), nil
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
