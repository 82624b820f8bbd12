package conversation

import (
	"context"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

// maxCard is the size of one card, in bytes, that a conversation takes.
const maxCard = 256 << 10

// Show puts cards into a conversation: all of them, or none. A card with the id
// of an earlier one takes its place. Tools and the provisioner call it. Faults:
// [fault.Invalid] for a card without id, kind or text, [fault.Limited] for one
// above 256 KiB, [fault.NotFound] for an unknown conversation.
func (s *Service) Show(ctx context.Context, id string, cards ...card.Card) error {
	for _, c := range cards {
		switch {
		case c.ID == "" || c.Kind == "" || c.Text == "":
			return fault.New(fault.Invalid, "a card needs an id, a kind and a text, and %q of kind %q lacks one", c.ID, c.Kind).At("card")
		case len(c.Data)+len(c.Text)+len(c.Speech) > maxCard:
			return fault.New(fault.Limited, "card %s has more than %d bytes", c.ID, maxCard).At("card")
		}
	}
	_, err := s.append(ctx, id, func(c *Conversation) ([]journal.Event, error) {
		turnID := ""
		if t := c.next(); t != nil {
			turnID = t.ID
		}
		events := make([]journal.Event, len(cards))
		for i, shown := range cards {
			shown.Seq = 0 // the event's own
			events[i] = journal.New(EventCardShown, CardShown{TurnID: turnID, Card: shown})
		}
		return events, nil
	})
	return err
}

// Link says that a deployment came of a conversation. Saying it again does
// nothing.
func (s *Service) Link(ctx context.Context, id, deploymentID string) error {
	_, err := s.append(ctx, id, func(c *Conversation) ([]journal.Event, error) {
		for _, d := range c.Deployments {
			if d == deploymentID {
				return nil, nil
			}
		}
		return []journal.Event{journal.New(EventDeploymentLinked, DeploymentLinked{DeploymentID: deploymentID})}, nil
	})
	return err
}
