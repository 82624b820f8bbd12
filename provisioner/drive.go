package provisioner

import (
	"context"
	"errors"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

const (
	leaseTime = 9 * time.Second
	// retryFirst and retryMost are the waits between attempts at something that is
	// away for now.
	retryFirst = 500 * time.Millisecond
	retryMost  = 15 * time.Second
	// retryPlan is how long a plan is tried: somebody is waiting for it.
	retryPlan = 30 * time.Second
)

// hasWork is whether something is to be done, or awaited, for a deployment.
func (s *Service) hasWork(d Deployment) bool {
	return d.Status.InFlight() && d.Status != StatusWiping || d.Status == StatusAwaitingApproval || d.toPlan() || s.toShow(d)
}

// toPlan is whether a plan is to be made, the first or one of what is missing.
func (d Deployment) toPlan() bool {
	return d.Status == StatusPlanned && (d.Plan == nil || d.trace.replan)
}

// drive takes a deployment from where it is to where nothing more happens by
// itself, under a lease, so that of several instances one does it.
func (s *Service) drive(ctx context.Context, id string) {
	lease, err := s.lease(ctx, "deployment."+id)
	if err != nil {
		if !gone(ctx, err) {
			s.log.ErrorContext(ctx, "a deployment cannot be driven", "deployment", id, "error", err)
		}
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	kept := make(chan struct{})
	go func() { // ends with ctx; awaited below
		defer close(kept)
		defer cancel()
		keep(ctx, lease)
	}()
	defer func() {
		cancel()
		<-kept
		release, done := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer done()
		_ = lease.Release(release)
	}()
	for ctx.Err() == nil {
		d, err := s.ledger.get(ctx, id)
		if err != nil || !s.hasWork(d) {
			return
		}
		if err := s.step(ctx, d); err != nil {
			if ctx.Err() != nil {
				return
			}
			s.log.WarnContext(ctx, "a deployment failed", "deployment", id, "status", string(d.Status), "error", err)
			if err := s.fail(ctx, id, d.Status, err); err != nil {
				return // the journal is away; the next start goes on
			}
		}
	}
}

// lease waits for the lease of a deployment.
func (s *Service) lease(ctx context.Context, name string) (*journal.Lease, error) {
	for {
		lease, err := s.opts.Journal.Lease(ctx, name, leaseTime)
		if fault.CodeOf(err) != fault.Conflict {
			return lease, err
		}
		if err := pause(ctx, time.Second); err != nil {
			return nil, err
		}
	}
}

// keep renews a lease until ctx ends or it is lost.
func keep(ctx context.Context, lease *journal.Lease) {
	for pause(ctx, leaseTime/4) == nil {
		if err := lease.Renew(ctx); err != nil && fault.CodeOf(err) == fault.Conflict {
			return
		}
	}
}

// step does what the status asks for, and returns when the deployment has moved
// on.
func (s *Service) step(ctx context.Context, d Deployment) error {
	if s.toShow(d) {
		return s.showEnd(ctx, d)
	}
	if d.trace.cancel && d.Status != StatusTofuApplying {
		return s.cancelled(ctx, d.ID)
	}
	switch d.Status {
	case StatusPlanned:
		inner, cancel := s.untilCancel(ctx, d)
		defer cancel()
		plan := s.plan
		if d.trace.replan {
			plan = s.replan
		}
		err := s.retry(inner, d, s.now().Add(retryPlan), func(ctx context.Context) error { return plan(ctx, d) })
		return unless(inner, err)
	case StatusAwaitingApproval:
		return s.awaitApproval(ctx, d)
	case StatusPending:
		// The names are the deployment's already; taking them again costs nothing and
		// covers a restore of the journal.
		if err := s.claim(ctx, d); err != nil {
			return err
		}
		return s.move(ctx, d, statusChanged{Status: StatusProvisioning})
	case StatusProvisioning:
		return s.beginRun(ctx, d)
	case StatusTofuApplying:
		return s.follow(ctx, d)
	case StatusFluxBootstrapping:
		return s.awaitKubeconfig(ctx, d)
	case StatusPhase1Watching:
		return s.watch(ctx, d)
	}
	return fault.New(fault.Internal, "nothing is known to be done in status %s", d.Status)
}

// awaitApproval shows the plan and waits for the decision, or for its time to be
// over.
func (s *Service) awaitApproval(ctx context.Context, d Deployment) error {
	if !d.trace.presented {
		return s.retry(ctx, d, d.Approval.ExpiresAt, func(ctx context.Context) error { return s.present(ctx, d) })
	}
	left := d.Approval.ExpiresAt.Sub(s.now())
	if left <= 0 {
		return s.closeApproval(ctx, d.ID, eventApprovalExpired, "The time to approve this plan has passed.", journal.Actor{Kind: journal.System})
	}
	timed, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	_, err := s.ledger.wait(timed, d)
	if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return nil // the next step closes it
	}
	return err
}

// move changes the status, if it still is what it was.
func (s *Service) move(ctx context.Context, from Deployment, to statusChanged, more ...journal.Event) error {
	_, err := s.ledger.update(ctx, from.ID, func(d Deployment) ([]journal.Event, error) {
		if d.Status != from.Status {
			return nil, nil
		}
		return append([]journal.Event{journal.New(eventStatusChanged, to)}, more...), nil
	})
	return err
}

// fail ends a deployment with the reason in words. What exists stays; the names
// are given back if nothing does.
func (s *Service) fail(ctx context.Context, id string, in Status, cause error) error {
	f := fault.From(cause)
	reason := f.Message
	if f.Code == fault.Internal {
		reason = "Something went wrong on our side."
	}
	if len(f.Violations) > 0 {
		reason = f.Text()
	}
	reason = asSentence(reason)
	d, err := s.ledger.update(ctx, id, func(d Deployment) ([]journal.Event, error) {
		if d.Status.Final() {
			return nil, nil
		}
		line := s.logLine(phaseOf(in), "error", reason)
		return []journal.Event{line, journal.New(eventStatusChanged, statusChanged{Status: StatusFailed, Reason: reason})}, nil
	})
	if err == nil {
		s.unclaim(ctx, d)
		s.publish(ctx, d)
	}
	return err
}

// phaseOf is upstream's name of the phase that a status is in.
func phaseOf(s Status) string {
	switch s {
	case StatusPlanned, StatusAwaitingApproval:
		return "tofu-plan"
	case StatusPending, StatusProvisioning:
		return "tofu-init"
	case StatusTofuApplying:
		return "tofu-apply"
	case StatusFluxBootstrapping:
		return "flux-bootstrap"
	}
	return "component"
}

// retry repeats what may be away for now, until it works, fails for good, or its
// time is over.
func (s *Service) retry(ctx context.Context, d Deployment, until time.Time, fn func(context.Context) error) error {
	wait := retryFirst
	for {
		err := fn(ctx)
		if err == nil || ctx.Err() != nil || fault.CodeOf(err) != fault.Unavailable || !s.now().Add(wait).Before(until) {
			return err
		}
		s.log.InfoContext(ctx, "trying again", "deployment", d.ID, "in", wait, "error", err)
		if err := pause(ctx, wait); err != nil {
			return err
		}
		wait = min(wait*2, retryMost)
	}
}

// untilCancel gives a context that also ends when somebody cancels the
// deployment. The returned function must be called.
func (s *Service) untilCancel(ctx context.Context, d Deployment) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { // awaited by the returned function
		defer close(done)
		for !d.trace.cancel {
			var err error
			if d, err = s.ledger.wait(ctx, d); err != nil {
				return
			}
		}
		cancel()
	}()
	return ctx, func() { cancel(); <-done }
}

// unless forgets an error that only says that inner ended.
func unless(inner context.Context, err error) error {
	if inner.Err() != nil {
		return nil
	}
	return err
}

// pause waits, or gives ctx's error.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// publish tells other systems how a deployment ended, without anything personal.
func (s *Service) publish(ctx context.Context, d Deployment) {
	e := journal.New("deployment."+string(d.Status), map[string]string{"deploymentId": d.ID, "status": string(d.Status), "cloud": string(d.Cloud)})
	e.Aggregate = "deployment." + d.ID
	if err := s.opts.Journal.Publish(ctx, e); err != nil && !gone(ctx, err) {
		s.log.WarnContext(ctx, "the end of a deployment could not be published", "deployment", d.ID, "error", err)
	}
}
