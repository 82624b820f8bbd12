package conversation

import (
	"encoding/json"

	"github.com/openova-io/sandbox/conversation/card"
)

// The types of a conversation's events; the data types below belong to them.
const (
	EventCreated          = "conversation.created"
	EventAdopted          = "conversation.adopted"
	EventTurnStarted      = "conversation.turn.started"
	EventTurnFinished     = "conversation.turn.finished"
	EventTurnHeard        = "conversation.turn.heard"
	EventToolCalled       = "conversation.tool.called"
	EventToolReturned     = "conversation.tool.returned"
	EventCardShown        = "conversation.card.shown"
	EventConsentGiven     = "conversation.consent.given"
	EventConsentDecided   = "conversation.consent.decided"
	EventDeploymentLinked = "conversation.deployment.linked"
	EventSecretCaught     = "conversation.secret.caught"
	EventModelSwitched    = "conversation.model.switched"
)

// Created is the data of [EventCreated]. The event's actor is the owner.
type Created struct {
	// Channel is where it began: web, chat, call, api or mcp.
	Channel string `json:"channel"`
	// Language is a BCP 47 tag.
	Language string `json:"language"`
}

// AdoptedData is the data of [EventAdopted]: the owner is now the event's actor.
type AdoptedData struct {
	// From is the subject of the former owner.
	From string `json:"from"`
}

// TurnStarted is the data of [EventTurnStarted]: what a person sent, and with it
// the wish for an answer.
type TurnStarted struct {
	TurnID string `json:"turnId"`
	// Role is always human.
	Role Role `json:"role"`
	// Text is what was sent, or a press in readable words. Credentials are •••.
	Text  string `json:"text"`
	Press *Press `json:"press,omitempty"`
	// Open is the question that was open at that moment.
	Open *card.Question `json:"open,omitempty"`
	// Consent is the id of the one approval card that the words may answer, by
	// the rules of the package; empty for everything else.
	Consent string `json:"consent,omitempty"`
}

// TurnState is how a turn ended.
type TurnState string

// The states of a turn. The empty state is a turn that is not finished.
const (
	// TurnDone: answered.
	TurnDone TurnState = "done"
	// TurnCancelled: the person stopped it.
	TurnCancelled TurnState = "cancelled"
	// TurnInterrupted: the service ended in the middle of it.
	TurnInterrupted TurnState = "interrupted"
	// TurnFailed: it could not be answered, or ran out of budget.
	TurnFailed TurnState = "failed"
)

// TurnFinished is the data of [EventTurnFinished].
type TurnFinished struct {
	TurnID string    `json:"turnId"`
	State  TurnState `json:"state"`
	// Text is exactly what the person saw of the agent's answer.
	Text string `json:"text"`
	// Model is the name of the model that ended the turn; empty for the greeting.
	Model string `json:"model,omitempty"`
	// Reason says, in a sentence, why the turn is not done.
	Reason string `json:"reason,omitempty"`
	// InputTokens and OutputTokens are what the turn's steps used, where the
	// model counts.
	InputTokens  int `json:"inputTokens,omitempty"`
	OutputTokens int `json:"outputTokens,omitempty"`
}

// TurnHeard is the data of [EventTurnHeard]: the person interrupted the agent in
// a call, and of its text only this was heard.
type TurnHeard struct {
	TurnID string `json:"turnId"`
	Text   string `json:"text"`
}

// ToolCalled is the data of [EventToolCalled]: the intent, before the effect.
type ToolCalled struct {
	TurnID string `json:"turnId"`
	// CallID is unique for ever: the idempotency key of the effect.
	CallID    string          `json:"callId"`
	Name      string          `json:"name"`
	Arguments json.RawMessage `json:"arguments"`
	// Step counts the model's steps in the turn from 1; calls of one step were
	// wished for together.
	Step int `json:"step"`
	// Said is what the agent said in this step before the calls; it is on the
	// step's first call only.
	Said string `json:"said,omitempty"`
}

// ToolReturned is the data of [EventToolReturned].
type ToolReturned struct {
	TurnID     string          `json:"turnId"`
	CallID     string          `json:"callId"`
	Name       string          `json:"name"`
	Text       string          `json:"text"`
	Structured json.RawMessage `json:"structured,omitempty"`
	IsError    bool            `json:"isError"`
}

// CardShown is the data of [EventCardShown].
type CardShown struct {
	// TurnID is the turn that was running; empty where none was.
	TurnID string    `json:"turnId,omitempty"`
	Card   card.Card `json:"card"`
}

// ConsentGiven is the data of [EventConsentGiven]: a person's decision about an
// approval, or to try again, journalled before it is handed to [Consent].
type ConsentGiven struct {
	TurnID string `json:"turnId"`
	CardID string `json:"cardId"`
	// Value is approve, approve:<name>, decline or retry; Means is press or words.
	Value string `json:"value"`
	Means string `json:"means"`
}

// ConsentDecided is the data of [EventConsentDecided]: what became of a person's
// press or words about an approval.
type ConsentDecided struct {
	TurnID       string `json:"turnId"`
	CardID       string `json:"cardId"`
	DeploymentID string `json:"deploymentId,omitempty"`
	// Decision is approved, declined, retried or refused.
	Decision string `json:"decision"`
	// Reason says why it was refused.
	Reason string `json:"reason,omitempty"`
}

// The values of [ConsentDecided.Decision].
const (
	Approved = "approved"
	Declined = "declined"
	Retried  = "retried"
	Refused  = "refused"
)

// DeploymentLinked is the data of [EventDeploymentLinked].
type DeploymentLinked struct {
	DeploymentID string `json:"deploymentId"`
}

// SecretCaughtData is the data of [EventSecretCaught].
type SecretCaughtData struct {
	// Purpose is the vault's name for it; empty when the credential was dropped.
	Purpose string `json:"purpose"`
	// Kind says what it looked like, e.g. "private key".
	Kind string `json:"kind,omitempty"`
}

// ModelSwitched is the data of [EventModelSwitched].
type ModelSwitched struct {
	TurnID string `json:"turnId,omitempty"`
	From   string `json:"from"`
	To     string `json:"to"`
	Reason string `json:"reason"`
}

// aggregate is the journal's name for a conversation.
func aggregate(id string) string { return "conversation." + id }

// source is what this package's events carry as their source.
const source = "sandbox/conversation"
