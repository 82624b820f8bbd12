package provisioner

import (
	"maps"
	"slices"
	"time"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

// maxLog is how many lines of a deployment's log are kept in its fold; the
// journal has them all.
const maxLog = 2000

// trace is the part of a deployment that only the state machine sees.
type trace struct {
	// since is when the status was entered.
	since time.Time
	// runs are the applies, the oldest first.
	runs []runTrace
	// bearers are the hashes of the bearers that the new cluster may use.
	bearers []string
	// kubeconfig is the vault's purpose of the kubeconfig that came.
	kubeconfig string
	// approved are the addresses that the approved plan creates or changes, with
	// those of the plans that it continues.
	approved  []string
	cancel    bool
	presented bool
	// replan is true from a retry until the new plan is there, or needs none.
	replan bool
	// ends counts how often it failed or was cancelled; shown is true once the
	// card about the newest end is in the conversation.
	ends  int
	shown bool
}

// runTrace is one apply as the journal knows it.
type runTrace struct {
	name, digest string
	// next is the offset up to which its stream became events.
	next  int64
	ended bool
	end   runEnded
}

// newest is the last run, if there is one.
func (t trace) newest() (runTrace, bool) {
	if len(t.runs) == 0 {
		return runTrace{}, false
	}
	return t.runs[len(t.runs)-1], true
}

// FoldDeployment computes a deployment from its events, in order. It is pure: any
// prefix folds, events that it does not know change nothing, and an event that
// was folded already (by its sequence) is skipped. It fails only for events of
// another aggregate or with data that does not read.
func FoldDeployment(events []journal.Event) (Deployment, error) {
	var d Deployment
	for _, e := range events {
		var err error
		if d, err = d.apply(e); err != nil {
			return d, err
		}
	}
	return d, nil
}

// With gives the deployment after one more event, by the rules of
// [FoldDeployment]. The receiver is not changed.
func (d Deployment) With(e journal.Event) (Deployment, error) { return d.apply(e) }

// apply gives the deployment after one more event. The receiver is not changed,
// nor is anything that it refers to.
func (d Deployment) apply(e journal.Event) (Deployment, error) {
	if e.Seq != 0 && e.Seq <= d.Seq {
		return d, nil
	}
	if e.Erased() {
		d.Seq = e.Seq
		return d, nil
	}
	next, err := d.fold(e)
	if err != nil {
		return d, fault.Wrap(err, fault.Internal, "event %d of type %s does not read", e.Seq, e.Type)
	}
	next.Seq = max(next.Seq, e.Seq)
	return next, nil
}

func (d Deployment) fold(e journal.Event) (Deployment, error) {
	at := e.Timestamp
	switch e.Type {
	case eventCreated:
		var x created
		if err := e.Decode(&x); err != nil {
			return d, err
		}
		if id, ok := cutAggregate(e.Aggregate); ok {
			d.ID = id
		}
		d.DraftID, d.ConversationID, d.Owner, d.Cloud, d.Spec = x.DraftID, x.ConversationID, x.Owner, x.Cloud, x.Spec
		d.Status, d.CreatedAt, d.trace.since = StatusPlanned, at, at
	case eventAdopted:
		var x adopted
		if err := e.Decode(&x); err != nil {
			return d, err
		}
		d.Owner = x.Owner
	case eventRetried:
		var x retried
		if err := e.Decode(&x); err != nil {
			return d, err
		}
		return d.withRetry(x), nil
	case eventEndShown:
		d.trace.shown = true
	case eventPlanned:
		var x planned
		if err := e.Decode(&x); err != nil {
			return d, err
		}
		return d.withPlan(x), nil
	case eventApprovalRequested, eventApprovalGranted, eventApprovalDeclined, eventApprovalExpired, eventApprovalSuperseded:
		return d.withApproval(e)
	case eventPresented:
		d.trace.presented = true
	case eventStatusChanged:
		var x statusChanged
		if err := e.Decode(&x); err != nil {
			return d, err
		}
		return d.withStatus(x, at), nil
	case eventRunStarted:
		var x runStarted
		if err := e.Decode(&x); err != nil {
			return d, err
		}
		d.trace.runs = append(slices.Clip(d.trace.runs), runTrace{name: x.Run, digest: x.Digest})
		d.trace = d.trace.withBearer(x.Bearer)
	case eventRunEnded:
		var x runEnded
		if err := e.Decode(&x); err != nil {
			return d, err
		}
		d.trace = d.trace.withRun(x.Run, func(r *runTrace) { r.ended, r.end = true, x })
	case eventResourceChanged:
		var x resourceChanged
		if err := e.Decode(&x); err != nil {
			return d, err
		}
		d = d.withResource(x.Resource)
		d.trace = d.trace.withCursor(x.cursor)
	case eventLogged:
		var x logged
		if err := e.Decode(&x); err != nil {
			return d, err
		}
		log := append(slices.Clip(d.Log), x.Line)
		d.Log = log[max(0, len(log)-maxLog):]
		d.trace = d.trace.withCursor(x.cursor)
	case eventCancelRequested:
		d.trace.cancel = true
	case eventKubeconfigReceived:
		var x kubeconfigReceived
		if err := e.Decode(&x); err != nil {
			return d, err
		}
		d.trace.kubeconfig = x.Purpose
	case eventReleaseChanged:
		var x releaseChanged
		if err := e.Decode(&x); err != nil {
			return d, err
		}
		d = d.withRelease(x.Release)
	case eventReady:
		var x ready
		if err := e.Decode(&x); err != nil {
			return d, err
		}
		d.ConsoleURL, d.Links = x.ConsoleURL, x.Links
	case eventEntered:
		d.Entered = true
	}
	return d, nil
}

func (d Deployment) withPlan(x planned) Deployment {
	d.Plan, d.Releases = &x.Plan, x.Releases
	states := map[string]Resource{}
	for _, r := range d.Resources {
		states[r.Address] = r
	}
	// What a plan does not touch and an earlier run made is still there.
	d.Resources = slices.DeleteFunc(slices.Clone(d.Resources), func(r Resource) bool {
		return r.State == "pending" || slices.ContainsFunc(x.Plan.Changes, func(c card.PlanChange) bool { return c.Address == r.Address })
	})
	if d.trace.replan { // the plan was made on what the cloud has: the rest is not there
		d.Resources = slices.DeleteFunc(d.Resources, func(r Resource) bool { return r.State != "succeeded" })
	}
	if !d.trace.replan {
		d.trace.approved = nil
	}
	d.trace.approved = slices.Clip(d.trace.approved)
	for _, c := range x.Plan.Changes {
		r := Resource{Address: c.Address, Action: c.Action, Group: c.Group, Label: c.Label, State: "pending"}
		if old, ok := states[c.Address]; ok && !(d.trace.replan && c.Action == "create") { // made by an earlier run
			r.State, r.CloudID = old.State, old.CloudID
		}
		d.Resources = append(d.Resources, r)
		d.trace.approved = append(d.trace.approved, c.Address)
	}
	d.trace = d.trace.withBearer(x.Bearer)
	d.trace.presented = false
	return d
}

func (d Deployment) withApproval(e journal.Event) (Deployment, error) {
	var x approvalEvent
	if err := e.Decode(&x); err != nil {
		return d, err
	}
	if e.Type == eventApprovalRequested {
		a := Approval{CardID: x.CardID, Digest: x.Digest, State: "pending"}
		if x.ExpiresAt != nil {
			a.ExpiresAt = *x.ExpiresAt
		}
		d.Approval = &a
		return d, nil
	}
	if d.Approval == nil || d.Approval.Digest != x.Digest {
		return d, nil // about a plan that is no longer this one
	}
	a := *d.Approval
	a.State = map[string]string{
		eventApprovalGranted: "approved", eventApprovalDeclined: "declined",
		eventApprovalExpired: "expired", eventApprovalSuperseded: "superseded",
	}[e.Type]
	a.Means, a.Words, a.By = x.Means, x.Words, e.Metadata.Actor
	if x.By != nil {
		a.By = *x.By
	}
	at := e.Timestamp
	a.At = &at
	d.Approval = &a
	return d, nil
}

// withRetry goes back to before the plan. Nothing that exists is forgotten.
func (d Deployment) withRetry(x retried) Deployment {
	d.Spec = x.Spec
	d.trace.replan, d.trace.cancel = true, false
	d.Releases = slices.Clone(d.Releases)
	for i := range d.Releases {
		if r := &d.Releases[i]; r.State == "failed" {
			r.State, r.Message, r.StartedAt, r.FinishedAt = "pending", "", nil, nil
		}
	}
	return d
}

func (d Deployment) withStatus(x statusChanged, at time.Time) Deployment {
	d.trace.replan = d.trace.replan && x.Status == StatusPlanned
	switch failed := d.Status; x.Status {
	case StatusFailed, StatusCancelled:
		if d.Status.Final() {
			break
		}
		d.FailedPhase = phaseOf(failed)
		if failed == StatusFluxBootstrapping {
			d.trace.kubeconfig = "" // it was refused, and must not stand in the way of a better one
		}
		d.trace.ends, d.trace.shown = d.trace.ends+1, false
	default:
		d.FailedPhase = ""
	}
	d.Status, d.Reason, d.trace.since = x.Status, x.Reason, at
	if x.Outputs != nil {
		d.Outputs = maps.Clone(x.Outputs)
	}
	if d.StartedAt == nil && x.Status.InFlight() {
		d.StartedAt = &at
	}
	d.FinishedAt = nil
	if x.Status.Final() {
		d.FinishedAt = &at
	}
	return d
}

func (d Deployment) withResource(r Resource) Deployment {
	i := slices.IndexFunc(d.Resources, func(x Resource) bool { return x.Address == r.Address })
	if i < 0 {
		d.Resources = append(slices.Clip(d.Resources), r)
		return d
	}
	d.Resources = slices.Clone(d.Resources)
	d.Resources[i] = r
	return d
}

func (d Deployment) withRelease(r Release) Deployment {
	i := slices.IndexFunc(d.Releases, func(x Release) bool { return x.Name == r.Name })
	if i < 0 {
		d.Releases = append(slices.Clip(d.Releases), r)
		return d
	}
	d.Releases = slices.Clone(d.Releases)
	d.Releases[i] = r
	return d
}

func (t trace) withBearer(hash string) trace {
	if hash != "" && !slices.Contains(t.bearers, hash) {
		t.bearers = append(slices.Clip(t.bearers), hash)
	}
	return t
}

func (t trace) withCursor(c cursor) trace {
	return t.withRun(c.Run, func(r *runTrace) { r.next = max(r.next, c.Next) })
}

func (t trace) withRun(name string, change func(*runTrace)) trace {
	i := slices.IndexFunc(t.runs, func(r runTrace) bool { return r.name == name })
	if i < 0 {
		return t
	}
	t.runs = slices.Clone(t.runs)
	change(&t.runs[i])
	return t
}

// cutAggregate gives the id in an aggregate's name.
func cutAggregate(aggregate string) (string, bool) {
	for i := range aggregate {
		if aggregate[i] == '.' {
			return aggregate[i+1:], true
		}
	}
	return "", false
}

// FoldDraft computes a draft from its events: what is known, with sources. What
// follows from it (what is missing, sizing, estimate) is the catalogue's work;
// see [Service.Draft].
func FoldDraft(events []journal.Event) (Draft, error) {
	d, _, err := foldDraft(events)
	return d, err
}

func foldDraft(events []journal.Event) (Draft, journal.Actor, error) {
	var d Draft
	var owner journal.Actor
	for _, e := range events {
		if e.Seq != 0 && e.Seq <= d.Seq {
			continue
		}
		d.Seq = max(d.Seq, e.Seq)
		if e.Type != eventDraftChanged || e.Erased() {
			continue
		}
		var x draftChanged
		if err := e.Decode(&x); err != nil {
			return d, owner, fault.Wrap(err, fault.Internal, "event %d of type %s does not read", e.Seq, e.Type)
		}
		seq := d.Seq
		d = NewDraft(x.DraftID, x.Cloud)
		d.Spec, d.SimulatedAccount, d.Seq, owner = x.Spec, x.SimulatedAccount, seq, x.Owner
		if x.Fields != nil {
			d.Fields = x.Fields
		}
	}
	return d, owner, nil
}
