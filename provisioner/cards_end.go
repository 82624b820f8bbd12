package provisioner

import (
	"context"
	"fmt"
	"strings"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/journal"
)

// endedCard begins the ids of the cards about a deployment's end.
const endedCard = "ended"

// endedCardID is the id of the card about the newest end; each end has its own.
func (d Deployment) endedCardID() string {
	if d.trace.ends > 1 {
		return fmt.Sprintf("%s-%s-%d", endedCard, d.ID, d.trace.ends)
	}
	return endedCard + "-" + d.ID
}

// endCard says why a deployment did not come to its end, what is left of it and
// what to do. Since, if it is not empty, says what happened afterwards; then there
// is nothing to press any more.
func endCard(d Deployment, since string) card.Card {
	kind, level, title := card.KindError, "error", d.Spec.SovereignFQDN+" could not be created"
	if d.FailedPhase == phaseOf(StatusPlanned) {
		title = "The plan for " + d.Spec.SovereignFQDN + " could not be made"
	}
	if d.Status == StatusCancelled {
		kind, level, title = card.KindNotice, "warning", "Creating "+d.Spec.SovereignFQDN+" was cancelled"
	}
	data := card.NoticeData{Level: level, DeploymentID: d.ID}
	lines := []string{title + "."}
	if d.Reason != "" {
		lines = append(lines, asSentence(d.Reason))
	}
	speech := strings.Join(lines, " ")
	lines = append(lines, whatIsLeft(d)...)
	if since != "" {
		lines = append(lines, since)
	} else {
		lines = append(lines, "Try again: the cloud is asked what is there, and only what is missing is planned. You see that plan with its price, and nothing is created before you approve it. You can change the draft first.")
		data.Actions = []card.Choice{{Value: card.ActionRetry, Label: "Try again", Detail: "Plans what is missing and asks you before anything is created"}}
	}
	k := card.New(d.endedCardID(), kind, title, strings.Join(lines, "\n"), data)
	k.Speech = speech
	return k
}

// whatIsLeft says what exists in the cloud, and that it costs money.
func whatIsLeft(d Deployment) []string {
	there, costly, unsure := 0, []string{}, []string{}
	for _, r := range d.Resources {
		switch {
		case r.State == "succeeded" || r.CloudID != "":
			there++
			if kind, _, _ := strings.Cut(r.Address, "."); kind == "hcloud_server" || kind == "hcloud_load_balancer" || kind == "hcloud_volume" || kind == "hcloud_primary_ip" {
				costly = append(costly, r.Label)
			}
		case r.State != "pending" && !r.refused():
			unsure = append(unsure, r.Label)
		}
	}
	if there+len(unsure) == 0 {
		return []string{"Nothing was created in the cloud."}
	}
	where, money := "in the cloud", "These cost money until they are deleted: %s."
	if d.Cloud == Simulated {
		where, money = "in the simulated cloud, where no money is spent", "In a real cloud these would cost money until they are deleted: %s."
	}
	var lines []string
	if there > 0 {
		lines = append(lines, fmt.Sprintf("%s %s, and are kept track of.", plural(there, "resource exists", "resources exist"), where))
	}
	if len(costly) > 0 {
		lines = append(lines, fmt.Sprintf(money, shortList(costly)))
	}
	if len(unsure) > 0 {
		lines = append(lines, fmt.Sprintf("It is not known whether this exists, and may cost money: %s.", shortList(unsure)))
	}
	if d.Cloud != Simulated {
		lines = append(lines, fmt.Sprintf("In the cloud's console they carry the label %s=%s.", sovereignLabel, d.Spec.SovereignFQDN))
	}
	return lines
}

// shortList names at most six.
func shortList(names []string) string {
	if len(names) > 6 {
		names = append(names[:5:5], fmt.Sprintf("%d more", len(names)-5))
	}
	return joinAnd(names)
}

// toShow is whether the end of a deployment is to be said in its conversation.
func (s *Service) toShow(d Deployment) bool {
	return s.opts.Stage != nil && d.ConversationID != "" && !d.trace.shown && d.trace.ends > 0 && (d.Status == StatusFailed || d.Status == StatusCancelled)
}

// showEnd shows the card about the end, once; showing it again after a crash
// replaces it.
func (s *Service) showEnd(ctx context.Context, d Deployment) error {
	if err := s.opts.Stage.Show(ctx, d.ConversationID, endCard(d, "")); err != nil {
		if gone(ctx, err) {
			return err
		}
		s.log.WarnContext(ctx, "the end of a deployment could not be shown", "deployment", d.ID, "error", err)
	}
	_, err := s.ledger.update(ctx, d.ID, func(d Deployment) ([]journal.Event, error) {
		if !s.toShow(d) {
			return nil, nil
		}
		return []journal.Event{journal.New(eventEndShown, struct{}{})}, nil
	})
	return err
}
