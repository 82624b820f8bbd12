package provisioner

import (
	"context"
	"fmt"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

// Cancel stops a deployment after the step that it is at. Nothing that exists is
// removed; the reason of the cancelled deployment says what is left. It returns
// once the wish is stored. Faults: [fault.Denied] for anybody but a person,
// [fault.Conflict] when the deployment is at an end.
func (s *Service) Cancel(ctx context.Context, actor journal.Actor, id string) error {
	if actor.Kind != journal.Human {
		return fault.New(fault.Denied, "only a person can cancel a deployment").Do("ask the person to cancel it")
	}
	d, err := s.Deployment(ctx, actor, id)
	if err != nil {
		return err
	}
	if d.Status == StatusAwaitingApproval {
		return s.closeApproval(ctx, id, eventApprovalDeclined, "The plan was given up.", actor)
	}
	_, err = s.ledger.update(ctx, id, func(d Deployment) ([]journal.Event, error) {
		switch {
		case d.trace.cancel && !d.Status.Final():
			return nil, nil
		case d.Status.Final() || !s.hasWork(d): // also while the end is still to be shown
			return nil, fault.New(fault.Conflict, "deployment %s is at its end: %s", id, d.Status)
		}
		return []journal.Event{
			journal.New(eventCancelRequested, struct{}{}).By(by(actor)),
			s.logLine(phaseOf(d.Status), "info", "Stopping, as you asked. What is under way is brought to a safe end first."),
		}, nil
	})
	if err == nil {
		s.rouse(id)
	}
	return err
}

// cancelled ends a deployment that somebody cancelled.
func (s *Service) cancelled(ctx context.Context, id string) error {
	d, err := s.ledger.update(ctx, id, func(d Deployment) ([]journal.Event, error) {
		if d.Status.Final() {
			return nil, nil
		}
		reason := "Cancelled. Nothing was created."
		if n := d.made(); n > 0 {
			reason = fmt.Sprintf("Cancelled. %s may exist and stay until they are deleted; they carry the label %s=%s.",
				plural(n, "resource", "resources"), sovereignLabel, d.Spec.SovereignFQDN)
			if d.Cloud == Simulated {
				reason = fmt.Sprintf("Cancelled. %s may be left in the simulated cloud; no money is spent.", plural(n, "resource", "resources"))
			}
		}
		return []journal.Event{
			s.logLine(phaseOf(d.Status), "warn", reason),
			journal.New(eventStatusChanged, statusChanged{Status: StatusCancelled, Reason: reason}),
		}, nil
	})
	if err != nil {
		return err
	}
	s.discard(ctx, id)
	s.unclaim(ctx, d)
	s.publish(ctx, d)
	return nil
}
