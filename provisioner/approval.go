package provisioner

import (
	"context"
	"crypto/subtle"
	"strings"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

// Approve is a person's consent to one plan.
type Approve struct {
	// CardID is the approval card, or DeploymentID and Digest name the plan. What
	// is given must all fit together.
	CardID, DeploymentID, Digest string
	// Value is "approve", or "approve:<Sovereign's domain name>" for a plan that
	// destroys or replaces something.
	Value string
	Actor journal.Actor
	// Means is press, words, digest or voice; Words are what was said.
	Means, Words string
}

// Approve takes a person's approval and starts the apply. It works once, in time,
// for a human who owns the deployment, and only while the saved plan is the one
// that was shown. Faults: [fault.Denied] for anybody but the person,
// [fault.NotFound] for somebody else's plan, [fault.Conflict] when it was decided
// before, has expired, has changed, or the domain name is taken,
// [fault.Unavailable] for the real cloud.
func (s *Service) Approve(ctx context.Context, a Approve) (Deployment, error) {
	if a.Actor.Kind != journal.Human {
		return Deployment{}, fault.New(fault.Denied, "only a person can approve a plan").Do("ask the person to press the button on the approval card")
	}
	if a.Actor.NoConsent {
		return Deployment{}, mayNotApprove()
	}
	if a.Digest == "" && a.CardID == "" {
		return Deployment{}, fault.New(fault.Invalid, "an approval names its card or the plan's digest").At("cardId")
	}
	d, err := s.findPlan(ctx, a.Actor, a.CardID, a.DeploymentID)
	if err != nil {
		return Deployment{}, err
	}
	if err := s.approvable(d, a); err != nil {
		if d.Status == StatusAwaitingApproval && d.expired(s) {
			_ = s.closeApproval(ctx, d.ID, eventApprovalExpired, "The time to approve this plan has passed.", journal.Actor{Kind: journal.System})
		}
		return Deployment{}, err
	}
	if err := s.opts.Engine.Verify(ctx, d.ID, d.Plan.Digest); err != nil {
		if fault.CodeOf(err) == fault.Conflict {
			_ = s.closeApproval(ctx, d.ID, eventApprovalSuperseded, "The saved plan is not the one that was shown.", journal.Actor{Kind: journal.System})
		}
		return Deployment{}, err
	}
	if err := s.claim(ctx, d); err != nil {
		return Deployment{}, err
	}
	d, err = s.ledger.update(ctx, d.ID, func(d Deployment) ([]journal.Event, error) {
		if err := s.approvable(d, a); err != nil {
			return nil, err
		}
		who := a.Actor
		granted := approvalEvent{CardID: d.Approval.CardID, Digest: d.Approval.Digest, By: &who, Means: a.Means, Words: a.Words}
		events := []journal.Event{
			journal.New(eventApprovalGranted, granted).By(by(a.Actor)).Of(d.Owner.Subject),
			journal.New(eventStatusChanged, statusChanged{Status: StatusPending}).By(by(a.Actor)),
		}
		if !strings.EqualFold(a.Actor.Email, d.Spec.OrgEmail) || !a.Actor.EmailVerified {
			events = append(events, s.logLine("approval", "warn",
				"Approved by the owner of this machine; the sovereign-admin's e-mail address was not verified, which is enough for a simulated deployment only."))
		}
		return append(events, s.logLine("approval", "info", "Approved: exactly the plan with digest "+d.Approval.Digest+".")), nil
	})
	if err != nil {
		s.unclaim(ctx, d)
		return Deployment{}, err
	}
	s.rouse(d.ID)
	return d, nil
}

// approvable is nil when a may approve d now, and says why not otherwise.
func (s *Service) approvable(d Deployment, a Approve) error {
	if d.Plan == nil || d.Approval == nil {
		return fault.New(fault.Conflict, "deployment %s has no plan to approve", d.ID).Do("make a plan first")
	}
	wrong := a.DeploymentID != "" && a.DeploymentID != d.ID ||
		a.CardID != "" && a.CardID != d.Approval.CardID ||
		a.Digest != "" && subtle.ConstantTimeCompare([]byte(a.Digest), []byte(d.Approval.Digest)) != 1
	if wrong {
		return fault.New(fault.Conflict, "this is not the plan that waits for an approval").Do("look at the newest plan and approve that one")
	}
	switch state := d.Approval.State; {
	case state == "approved":
		return fault.New(fault.Conflict, "this plan was approved before; an approval works once").Do("follow the deployment %s", d.ID)
	case state == "pending" && d.expired(s):
		return fault.New(fault.Conflict, "the time to approve this plan has passed").Do("make a new plan")
	case state != "pending" || d.Status != StatusAwaitingApproval:
		return fault.New(fault.Conflict, "this plan can no longer be approved: it was %s", state).Do("make a new plan")
	}
	if d.Cloud == Hetzner {
		return fault.New(fault.Unavailable, "applying to the real Hetzner Cloud is not offered here: this service can plan and price it, and cannot yet wipe what it would create").
			Do("use the simulated cloud, or take the plan's tfvars to your own OpenTofu")
	}
	value, fqdn, _ := strings.Cut(a.Value, ":")
	destructive := d.Plan.Destroy+d.Plan.Replace > 0
	switch {
	case value != "approve":
		return fault.New(fault.Invalid, "the decision is not an approval").At("value").Do(`send "approve" or decline`)
	case destructive && !strings.EqualFold(strings.TrimSpace(fqdn), d.Spec.SovereignFQDN):
		return fault.New(fault.Invalid, "this plan destroys or replaces something, so the Sovereign's name has to be typed").At("value").
			Do("send approve:%s", d.Spec.SovereignFQDN)
	case destructive && a.Means != "press" && a.Means != "digest":
		return fault.New(fault.Denied, "a plan that destroys or replaces something needs the button").Do("press the button on the approval card")
	}
	verified := a.Actor.EmailVerified && a.Actor.Email != "" && strings.EqualFold(a.Actor.Email, d.Spec.OrgEmail)
	if !verified && (!a.Actor.LocalOwner || d.Cloud != Simulated) {
		return fault.New(fault.Denied, "the sovereign-admin's e-mail address %s is not verified as yours", d.Spec.OrgEmail).At("orgEmail").
			Do("sign in with that address, or change it in the draft to the one you signed in with")
	}
	return nil
}

// mayNotApprove refuses who speaks for a person, or has not the right.
func mayNotApprove() error {
	return fault.New(fault.Denied, "you may not decide about this plan").
		Do("ask somebody who may approve plans to press the button, signed in; an access token cannot")
}

// expired is whether the time of d's approval is over.
func (d Deployment) expired(s *Service) bool {
	return d.Approval != nil && !s.now().Before(d.Approval.ExpiresAt)
}

// findPlan resolves an approval card or a deployment of the actor.
func (s *Service) findPlan(ctx context.Context, actor journal.Actor, cardID, deploymentID string) (Deployment, error) {
	if deploymentID != "" {
		return s.Deployment(ctx, actor, deploymentID)
	}
	all, err := s.Deployments(ctx, actor)
	if err != nil {
		return Deployment{}, err
	}
	for _, d := range all {
		if d.Approval != nil && d.Approval.CardID == cardID {
			return d, nil
		}
	}
	return Deployment{}, fault.New(fault.NotFound, "there is no plan for this approval card").Do("make a new plan")
}

// Decline takes a person's refusal. Nothing is created; the draft stays.
func (s *Service) Decline(ctx context.Context, actor journal.Actor, cardID string) error {
	if actor.Kind != journal.Human {
		return fault.New(fault.Denied, "only a person can decline a plan")
	}
	if actor.NoConsent {
		return mayNotApprove()
	}
	d, err := s.findPlan(ctx, actor, cardID, "")
	if err != nil {
		return err
	}
	if d.Approval.State != "pending" {
		return fault.New(fault.Conflict, "this plan was %s before", d.Approval.State)
	}
	return s.closeApproval(ctx, d.ID, eventApprovalDeclined, "The plan was declined.", actor)
}

// closeApproval ends a pending approval in one of the ways that are not an
// approval. A deployment that nothing was applied of is planned again; one that
// waited to continue an interrupted apply has failed.
func (s *Service) closeApproval(ctx context.Context, id, event, reason string, actor journal.Actor) error {
	d, err := s.ledger.update(ctx, id, func(d Deployment) ([]journal.Event, error) {
		if d.Approval == nil || d.Approval.State != "pending" || d.Status != StatusAwaitingApproval {
			return nil, nil
		}
		next := statusChanged{Status: StatusPlanned, Reason: reason}
		if d.made() > 0 {
			next.Status = StatusFailed
		}
		return []journal.Event{
			journal.New(event, approvalEvent{CardID: d.Approval.CardID, Digest: d.Approval.Digest}).By(by(actor)),
			journal.New(eventStatusChanged, next).By(by(actor)),
		}, nil
	})
	if err != nil {
		return err
	}
	s.unclaim(ctx, d)
	if err := s.opts.Engine.Discard(ctx, id); err != nil {
		s.log.WarnContext(ctx, "the files of a plan that was given up are still there", "deployment", id, "error", err)
	}
	if s.opts.Stage != nil && d.ConversationID != "" && d.Plan != nil {
		if err := s.opts.Stage.Show(ctx, d.ConversationID, approvalCard(d)); err != nil {
			s.log.WarnContext(ctx, "the approval card could not be updated", "deployment", id, "error", err)
		}
	}
	return nil
}

// Start is what a model may ask for: it starts nothing that a person has not
// approved, and is harmless when it runs already.
func (s *Service) Start(ctx context.Context, actor journal.Actor, id string) (Deployment, error) {
	d, err := s.Deployment(ctx, actor, id)
	if err != nil {
		return Deployment{}, err
	}
	if d.Status == StatusPlanned || d.Status == StatusAwaitingApproval {
		f := fault.New(fault.Denied, "this plan is not approved; only the person can do that")
		if d.ConversationID != "" {
			return d, f.Do("the person approves at %s/start?c=%s", s.opts.PublicURL, d.ConversationID)
		}
		return d, f.Do("the person approves it with the plan's digest, POST /api/v1/deployments/%s/approval", d.ID)
	}
	s.rouse(d.ID)
	return d, nil
}

// PendingApprovals lists a conversation's plans that wait for a decision.
func (s *Service) PendingApprovals(ctx context.Context, conversationID string) ([]Deployment, error) {
	all, err := s.ledger.all(ctx)
	if err != nil {
		return nil, err
	}
	var out []Deployment
	for _, d := range all {
		if conversationID != "" && d.ConversationID == conversationID && d.Status == StatusAwaitingApproval &&
			d.Approval.State == "pending" && !d.expired(s) {
			out = append(out, d)
		}
	}
	return out, nil
}
