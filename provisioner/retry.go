package provisioner

import (
	"context"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/provisioner/tofu"
)

// Retry is a person's wish to go on with a deployment that failed or was
// cancelled.
type Retry struct {
	// CardID is the card about the end, or DeploymentID names the deployment.
	CardID, DeploymentID string
	// Phase, if it is given, has to be the one that failed.
	Phase string
	Actor journal.Actor
}

// Retry plans what is missing of a deployment that failed or was cancelled, as
// the draft wants it now. Nothing is applied: the new plan waits for an approval
// of its own. Where nothing is missing in the cloud it goes on waiting for the
// new cluster. Retry returns once that is decided, or when ctx ends; the wish
// is stored by then. Faults: [fault.Denied] for anybody but a person,
// [fault.NotFound], [fault.Conflict] where there is nothing to try again,
// [fault.Unavailable] with the reason where it failed again.
func (s *Service) Retry(ctx context.Context, r Retry) (Deployment, error) {
	if r.Actor.Kind != journal.Human {
		return Deployment{}, fault.New(fault.Denied, "only a person can try a deployment again").Do("ask the person to press Try again")
	}
	d, err := s.findEnded(ctx, r)
	if err != nil {
		return Deployment{}, err
	}
	switch {
	case d.toPlan() && d.trace.replan:
		return s.settled(ctx, d)
	case d.Status != StatusFailed && d.Status != StatusCancelled:
		return Deployment{}, fault.New(fault.Conflict, "deployment %s is %s; only one that failed or was cancelled is tried again", d.ID, d.Status).
			Do("look at the newest card")
	case r.CardID != "" && r.CardID != d.endedCardID():
		return Deployment{}, fault.New(fault.Conflict, "this is about an earlier attempt").Do("press the button on the newest card")
	case r.Phase != "" && r.Phase != d.FailedPhase:
		return Deployment{}, fault.New(fault.Conflict, "deployment %s did not fail in %s", d.ID, cut(r.Phase)).At("phase").Do("retry the phase %s", d.FailedPhase)
	}
	spec := d.Spec
	if d.DraftID != "" {
		draft, err := s.Draft(ctx, r.Actor, d.DraftID)
		if err != nil {
			return Deployment{}, err
		}
		// A draft that is about another Sovereign by now has nothing to say here.
		if now := draft.Spec.Normalize(); strings.EqualFold(now.SovereignFQDN, spec.SovereignFQDN) {
			if err := plannable(draft); err != nil {
				return Deployment{}, err
			}
			spec = now
		}
	}
	return s.takeUp(ctx, r.Actor, d, spec)
}

// findEnded resolves what a retry is about.
func (s *Service) findEnded(ctx context.Context, r Retry) (Deployment, error) {
	if r.DeploymentID != "" {
		return s.Deployment(ctx, r.Actor, r.DeploymentID)
	}
	id, _, _ := strings.Cut(strings.TrimPrefix(r.CardID, endedCard+"-"), "-")
	return s.Deployment(ctx, r.Actor, id)
}

// unfinished is whether a deployment ended and left something in the cloud.
func (d Deployment) unfinished() bool {
	return (d.Status == StatusFailed || d.Status == StatusCancelled) && d.made() > 0
}

// takeUp goes back to the planning of a deployment that ended. It asks for a plan
// only, so whoever may plan may do it.
func (s *Service) takeUp(ctx context.Context, actor journal.Actor, from Deployment, spec Spec) (Deployment, error) {
	for noun, value := range from.claims() {
		switch other, err := s.holderOf(ctx, noun, value); {
		case err != nil:
			return Deployment{}, err
		case other != "" && other != from.ID:
			return Deployment{}, taken(value)
		}
	}
	d, err := s.ledger.update(ctx, from.ID, func(d Deployment) ([]journal.Event, error) {
		if d.Status != StatusFailed && d.Status != StatusCancelled {
			return nil, nil // somebody else was first
		}
		return []journal.Event{
			journal.New(eventRetried, retried{Spec: spec}).By(by(actor)).Of(d.Owner.Subject),
			journal.New(eventStatusChanged, statusChanged{Status: StatusPlanned, Reason: "What is missing is being planned."}).By(by(actor)),
			s.logLine("tofu-plan", "info", "Trying again: the cloud is asked what is there, and what is missing is planned."),
		}, nil
	})
	if err != nil {
		return Deployment{}, err
	}
	if s.opts.Stage != nil && d.ConversationID != "" {
		if err := s.opts.Stage.Show(ctx, d.ConversationID, endCard(from, "It was tried again.")); err != nil && !gone(ctx, err) {
			s.log.WarnContext(ctx, "a card could not be updated", "deployment", d.ID, "error", err)
		}
	}
	s.rouse(d.ID)
	return s.settled(ctx, d)
}

// settled waits for the plan, or for the end of ctx: what was asked for is stored
// and goes on without the one who asked.
func (s *Service) settled(ctx context.Context, d Deployment) (Deployment, error) {
	now, err := s.awaitPlan(ctx, d)
	if err != nil && gone(ctx, err) {
		return now, nil
	}
	return now, err
}

// replan makes the plan of what is missing, and asks for its approval. Where
// nothing is, it goes on where the deployment stopped. It belongs to the
// deployment's driver.
func (s *Service) replan(ctx context.Context, d Deployment) error {
	request, bearer, err := s.request(ctx, d)
	if err != nil {
		return err
	}
	var made *tofu.Plan
	if len(d.trace.runs) == 0 {
		made, err = s.opts.Engine.Plan(ctx, request)
	} else {
		// The cloud itself is asked: an apply that ended badly may have made more than
		// it wrote down.
		var recovered *tofu.Recovered
		if recovered, err = s.opts.Engine.Recover(ctx, s.recovery(d, request)); err == nil {
			made = recovered.Plan
		}
	}
	if err != nil {
		return err
	}
	if idle(made.Parsed) && d.Outputs != nil {
		s.discard(ctx, d.ID)
		return s.goOn(ctx, d)
	}
	return s.requestApproval(ctx, d.ID, made, request, bearer)
}

// recovery is how the cloud is asked what exists of a deployment.
func (s *Service) recovery(d Deployment, request tofu.Request) tofu.Recovery {
	return tofu.Recovery{Request: request, Approved: d.trace.approved, Finder: tofu.Hetzner{
		Endpoint: request.Endpoint, Token: request.Ephemeral["hcloud_token"], Label: sovereignLabel, Value: d.Spec.SovereignFQDN,
	}}
}

// idle is whether a plan changes nothing.
func idle(plan *tfjson.Plan) bool {
	var p Plan
	p.count(plan)
	return len(p.Changes) == 0
}

// goOn waits for the new cluster again: everything in the cloud is as it should
// be.
func (s *Service) goOn(ctx context.Context, d Deployment) error {
	to, line := StatusFluxBootstrapping, "Nothing is missing in the cloud. The new cluster is awaited again."
	if d.trace.kubeconfig != "" {
		to, line = StatusPhase1Watching, "Nothing is missing in the cloud. The releases are watched again."
	}
	return s.move(ctx, d, statusChanged{Status: to}, s.logLine(phaseOf(to), "info", line))
}
