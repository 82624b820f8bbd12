package conversation

import (
	"context"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

// Consent is where a person's decisions about approvals count. The service
// behind it checks them again: what it refuses stays undecided.
type Consent interface {
	// Pending gives the approvals of a conversation that wait for a decision.
	Pending(ctx context.Context, conversationID string) ([]Pending, error)
	// Approve takes a person's approval. It works once.
	Approve(ctx context.Context, act ConsentAct) error
	// Decline takes a person's refusal.
	Decline(ctx context.Context, act ConsentAct) error
	// Retry takes a person's wish to try the deployment again that a card is about,
	// and gives that deployment. It approves nothing.
	Retry(ctx context.Context, act ConsentAct) (deploymentID string, err error)
}

// Pending is an approval that waits for a decision.
type Pending struct {
	CardID       string
	DeploymentID string
	ExpiresAt    time.Time
	// Destructive plans need the button, and the Sovereign's name typed.
	Destructive bool
}

// ConsentAct is what a person did about an approval.
type ConsentAct struct {
	ConversationID string
	CardID         string
	// Value is approve, approve:<name of the Sovereign>, decline or retry.
	Value string
	// Means is press or words; Words are what was said, where it was words.
	Means string
	Words string
	Actor journal.Actor
}

// consentLists are the closed lists of words that approve, by language.
type consentLists map[string]struct {
	// Explicit words name the approval; Bare words only agree.
	Explicit []string `json:"explicit"`
	Bare     []string `json:"bare"`
}

// consentByWords gives the approval card that a text may answer, or nothing. It
// decides on what was journalled before the text: the rules are the package's.
func (s *Service) consentByWords(c *Conversation, text string) string {
	u := c.utterance
	if !u.asks || u.approval != c.openCard() || c.consentPrompt() == "" || c.next() != nil {
		return ""
	}
	lists := s.words.consent[base(c.Language)]
	words := said(text)
	if !slices.Contains(lists.Explicit, words) && !(u.alone && slices.Contains(lists.Bare, words)) {
		return ""
	}
	shown, _ := c.card(u.approval)
	var d card.ApprovalData
	if shown.Decode(&d) != nil || d.Destructive {
		return ""
	}
	return u.approval
}

// said is a text as the closed lists have it: composed, in lower case, with
// single spaces and without the punctuation at its end and its commas. A
// question is never on a list.
func said(text string) string {
	text = strings.ToLower(norm.NFKC.String(text))
	text = strings.NewReplacer("’", "'", ",", " ", "،", " ").Replace(text)
	return squeeze(strings.TrimRight(text, " .!…。\n\t"))
}

// stillPending is the fault of an approval that cannot be decided any more.
func (s *Service) stillPending(ctx context.Context, id, cardID string) error {
	_, _, err := s.pending(ctx, id, cardID)
	return err
}

// pending finds an approval among those that wait; all counts them.
func (s *Service) pending(ctx context.Context, id, cardID string) (found Pending, all int, err error) {
	if s.options.Consent == nil {
		return found, 0, fault.New(fault.Conflict, "nothing can be approved here")
	}
	list, err := s.options.Consent.Pending(ctx, id)
	if err != nil {
		return found, 0, err
	}
	i := slices.IndexFunc(list, func(p Pending) bool { return p.CardID == cardID })
	if i < 0 {
		return found, len(list), fault.New(fault.Conflict, "this approval is not open any more: it was decided, it expired, or the plan has changed").
			Do("ask for a new plan").At("press.cardId")
	}
	if !list[i].ExpiresAt.IsZero() && !time.Now().Before(list[i].ExpiresAt) {
		return list[i], len(list), fault.New(fault.Conflict, "this approval has expired").Do("ask for a new plan").At("press.cardId")
	}
	return list[i], len(list), nil
}

// act gives what a turn says about an approval; ok is false for other turns.
func (t *Turn) act(c *Conversation) (act ConsentAct, ok bool) {
	switch {
	case t.Press != nil && (t.Press.Kind == card.KindApproval || acts(t.Press.Kind)):
		act = ConsentAct{CardID: t.Press.CardID, Value: t.Press.Value, Means: "press"}
	case t.Consent != "":
		act = ConsentAct{CardID: t.Consent, Value: "approve", Means: "words", Words: t.Human}
	default:
		return ConsentAct{}, false
	}
	act.ConversationID, act.Actor = c.ID, t.By
	return act, true
}

// decide hands a person's decision over, and gives what became of it. It is
// called once per decision, after the intent was journalled.
func (s *Service) decide(ctx context.Context, turnID string, act ConsentAct) ConsentDecided {
	d := ConsentDecided{TurnID: turnID, CardID: act.CardID, Decision: Approved}
	if act.Value == card.ActionRetry {
		return s.retry(ctx, d, act)
	}
	p, all, err := s.pending(ctx, act.ConversationID, act.CardID)
	d.DeploymentID = p.DeploymentID
	switch {
	case err != nil:
	case act.Means == "words" && (all != 1 || p.Destructive):
		err = fault.New(fault.Conflict, "words are not enough here, as %d approvals are open", all).Do("press the button on the card")
	case act.Value == "decline":
		d.Decision = Declined
		err = s.options.Consent.Decline(ctx, act)
	default:
		err = s.options.Consent.Approve(ctx, act)
	}
	if err != nil {
		d.Decision, d.Reason = Refused, fault.From(err).Text()
	}
	return d
}

// retry hands over that the person wants to try again.
func (s *Service) retry(ctx context.Context, d ConsentDecided, act ConsentAct) ConsentDecided {
	d.Decision = Retried
	err := error(fault.New(fault.Conflict, "nothing can be tried again here"))
	if s.options.Consent != nil {
		d.DeploymentID, err = s.options.Consent.Retry(ctx, act)
	}
	if err != nil {
		d.Decision, d.Reason = Refused, fault.From(err).Text()
	}
	return d
}

// note is what the model is told of a decision.
func (d ConsentDecided) note() string {
	switch d.Decision {
	case Approved:
		return "The person approved deployment " + d.DeploymentID + ". It is being carried out; its progress is shown by itself."
	case Declined:
		return "The person declined the plan of deployment " + d.DeploymentID + ". Nothing was created."
	case Retried:
		return "The person wants to try deployment " + d.DeploymentID + " again. If something is missing in the cloud, the plan of it is shown with its price and waits for the person's approval; nothing was approved by this."
	}
	return "What the person decided was refused because " + strings.TrimSuffix(d.Reason, ".") + ". Nothing was started by it."
}
