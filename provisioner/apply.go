package provisioner

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/provisioner/run"
	"github.com/openova-io/sandbox/provisioner/tofu"
)

// sovereignLabel marks everything of a Sovereign in the cloud.
const sovereignLabel = "catalyst.openova.io/sovereign"

// maxRecoveries is how often a lost apply is continued before somebody has to
// look at what kills it.
const maxRecoveries = 5

// beginRun stores the intent to apply. What starts the apply is the next step,
// which can be repeated.
func (s *Service) beginRun(ctx context.Context, from Deployment) error {
	_, err := s.ledger.update(ctx, from.ID, func(d Deployment) ([]journal.Event, error) {
		if d.Status != StatusProvisioning || d.Approval == nil || d.Approval.State != "approved" {
			return nil, nil
		}
		return []journal.Event{
			journal.New(eventRunStarted, runStarted{Run: d.nextRun(), Digest: d.Approval.Digest}),
			journal.New(eventStatusChanged, statusChanged{Status: StatusTofuApplying}),
			s.logLine("tofu-apply", "info", "OpenTofu begins to apply the approved plan."),
		}, nil
	})
	return err
}

// nextRun is the name of the next apply.
func (d Deployment) nextRun() string { return fmt.Sprintf("r%d", len(d.trace.runs)+1) }

// follow starts the newest run if nothing of it was started, turns its stream
// into events, and judges its end.
func (s *Service) follow(ctx context.Context, d Deployment) error {
	r, ok := d.trace.newest()
	if !ok {
		return fault.New(fault.Internal, "deployment %s is applying without a run", d.ID)
	}
	if r.ended {
		if d.trace.cancel {
			return s.cancelled(ctx, d.ID)
		}
		return s.recover(ctx, d)
	}
	if !d.trace.cancel {
		err := s.retry(ctx, d, d.trace.since.Add(s.opts.Timeouts.Apply), func(ctx context.Context) error {
			endpoint, err := s.endpoint(ctx, d)
			if err != nil {
				return err
			}
			return s.opts.Engine.Apply(ctx, tofu.Apply{
				ID: d.ID, Run: r.name, Digest: r.digest, Endpoint: endpoint.URL, Ephemeral: ephemeral(endpoint),
				Grace: s.opts.Timeouts.Grace, Timeout: s.opts.Timeouts.Apply,
			})
		})
		if err != nil {
			return err
		}
	}
	stop := s.passOnCancel(ctx, d, r.name)
	status, err := s.opts.Engine.Follow(ctx, d.ID, r.name, r.next, func(records []run.Record) error {
		return s.record(ctx, d.ID, r.name, records)
	})
	stop()
	if err != nil {
		return err
	}
	return s.judge(ctx, d.ID, r.name, status)
}

// passOnCancel tells the runner when somebody cancels, until it is told to stop.
// The returned function waits for its goroutine.
func (s *Service) passOnCancel(ctx context.Context, d Deployment, name string) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { // awaited by stop
		defer close(done)
		for !d.trace.cancel {
			var err error
			if d, err = s.ledger.wait(ctx, d); err != nil {
				return
			}
		}
		for ctx.Err() == nil {
			if err := s.opts.Engine.Cancel(ctx, d.ID, name); err == nil {
				return
			}
			if pause(ctx, time.Second) != nil {
				return
			}
		}
	}()
	return func() { cancel(); <-done }
}

// record appends the events of a batch of records, all or none, unless they were
// appended before.
func (s *Service) record(ctx context.Context, id, name string, records []run.Record) error {
	_, err := s.ledger.update(ctx, id, func(d Deployment) ([]journal.Event, error) {
		var events []journal.Event
		for _, r := range records {
			if known, ok := d.trace.newest(); !ok || known.name != name || r.Offset < known.next {
				continue
			}
			m, ok := tofu.Decode(r.Line)
			if !ok {
				continue
			}
			for _, e := range translate(d, m, cursor{Run: name, Next: r.Next}) {
				e.Metadata.EffectKey = fmt.Sprintf("%s:%d", name, r.Offset)
				events = append(events, e)
				d, _ = d.apply(journal.Event{Type: e.Type, Data: e.Data}) // so that the next record sees it
			}
		}
		return events, nil
	})
	return err
}

// translate turns one record of tofu's stream into events. Records that tell a
// person nothing, such as heartbeats of a slow resource, become none.
func translate(d Deployment, m tofu.Message, at cursor) []journal.Event {
	line := func(level, text string) journal.Event {
		return journal.New(eventLogged, logged{Line: LogLine{Time: m.At.Truncate(time.Millisecond), Phase: "tofu-apply", Level: level, Message: text}, cursor: at})
	}
	resource := func(state, id, problem string) (journal.Event, Resource) {
		r := d.resource(m.Address)
		r.State, r.Error = state, problem
		if id != "" {
			r.CloudID = id
		}
		return journal.New(eventResourceChanged, resourceChanged{Resource: r, cursor: at}), r
	}
	switch {
	case m.Type == "apply_start" && m.Action != "read":
		e, _ := resource("running", "", "")
		return []journal.Event{e}
	case m.Type == "apply_complete" && m.Action != "read":
		e, r := resource("succeeded", m.ID, "")
		return []journal.Event{e, line("info", r.Label+": done.")}
	case m.Type == "apply_errored":
		e, r := resource("failed", "", "It could not be made.")
		return []journal.Event{e, line("error", r.Label+": failed.")}
	case m.Diagnostic != nil && m.Diagnostic.Severity == "error":
		events := []journal.Event{line("error", m.Diagnostic.String())}
		if m.Address = m.Diagnostic.Address; m.Address != "" && d.resource(m.Address).State != "succeeded" {
			e, _ := resource("failed", "", m.Diagnostic.String())
			events = append(events, e)
		}
		return events
	case m.Diagnostic != nil && !strings.HasPrefix(m.Diagnostic.Summary, "Value"):
		return []journal.Event{line("warn", m.Diagnostic.String())}
	case m.Type == "change_summary":
		return []journal.Event{line("info", m.Text)}
	}
	return nil
}

// resource gives the resource at an address, as known or as new.
func (d Deployment) resource(address string) Resource {
	for _, r := range d.Resources {
		if r.Address == address {
			return r
		}
	}
	return Resource{Address: address, Action: "create", Group: "Other", Label: address, State: "pending"}
}

// judge decides what the end of a run means.
func (s *Service) judge(ctx context.Context, id, name string, status run.Status) error {
	d, err := s.ledger.get(ctx, id)
	if err != nil {
		return err
	}
	end := runEnded{Run: name, Code: status.Exit.Code, Interrupted: status.Exit.Interrupted, TimedOut: status.Exit.TimedOut, Lost: status.State == run.Lost}
	switch {
	case status.State == run.Absent:
		if d.trace.cancel {
			return s.cancelled(ctx, id)
		}
		return nil // not started after all: the next step starts it
	case status.State == run.Finished && status.Exit.Code == 0:
		return s.applied(ctx, d, end)
	case status.State == run.Lost:
		return s.endRun(ctx, id, end, s.logLine("tofu-apply", "warn", "The apply was cut off before its end. What it made is being looked up."))
	}
	if err := s.endRun(ctx, id, end); err != nil {
		return err
	}
	s.discard(ctx, id)
	switch {
	case d.trace.cancel:
		return s.cancelled(ctx, id)
	case end.TimedOut:
		return fault.New(fault.Unavailable, "the cloud did not finish within %s, so the apply was stopped", s.opts.Timeouts.Apply)
	}
	if d, err = s.ledger.get(ctx, id); err != nil {
		return err
	}
	return fault.New(fault.Unavailable, "%s", s.opts.Catalogue.applyError(d))
}

// applyError is the newest error that tofu reported, in words.
func (c *Catalogue) applyError(d Deployment) string {
	for _, r := range d.Resources {
		if words := c.refusalWords(d, r); words != "" {
			return words
		}
	}
	for i := len(d.Log) - 1; i >= 0; i-- {
		if l := d.Log[i]; l.Phase == "tofu-apply" && l.Level == "error" && !strings.HasSuffix(l.Message, ": failed.") {
			return "the cloud refused: " + l.Message
		}
	}
	return "OpenTofu ended with an error and did not say which"
}

func (s *Service) endRun(ctx context.Context, id string, end runEnded, more ...journal.Event) error {
	_, err := s.ledger.update(ctx, id, func(d Deployment) ([]journal.Event, error) {
		if r, ok := d.trace.newest(); !ok || r.name != end.Run || r.ended {
			return nil, nil
		}
		return append([]journal.Event{journal.New(eventRunEnded, end)}, more...), nil
	})
	return err
}

// applied stores the outputs and goes on to the new cluster.
func (s *Service) applied(ctx context.Context, d Deployment, end runEnded) error {
	var outputs map[string]string
	err := s.retry(ctx, d, s.now().Add(2*time.Minute), func(ctx context.Context) error {
		endpoint, err := s.endpoint(ctx, d)
		if err == nil {
			outputs, err = s.opts.Engine.Outputs(ctx, d.ID, endpoint.URL)
		}
		return err
	})
	if err != nil {
		return err
	}
	_, err = s.ledger.update(ctx, d.ID, func(d Deployment) ([]journal.Event, error) {
		if d.Status != StatusTofuApplying {
			return nil, nil
		}
		events := []journal.Event{journal.New(eventRunEnded, end)}
		for _, r := range d.Resources { // what an import took over has no record of its own
			if r.State != "succeeded" {
				r.State, r.Error = "succeeded", ""
				events = append(events, journal.New(eventResourceChanged, resourceChanged{Resource: r}))
			}
		}
		return append(events,
			journal.New(eventStatusChanged, statusChanged{Status: StatusFluxBootstrapping, Outputs: outputs}),
			s.logLine("flux-bootstrap", "info", "The servers are there. The new cluster starts and reports here.")), nil
	})
	if err == nil {
		s.discard(ctx, d.ID)
	}
	return err
}

// discard removes plan and variables after their use.
func (s *Service) discard(ctx context.Context, id string) {
	if err := s.opts.Engine.Discard(ctx, id); err != nil {
		s.log.WarnContext(ctx, "the files of an apply are still there", "deployment", id, "error", err)
	}
}

// recover continues a lost apply: under the approval if that covers what is left
// to do, else by asking again.
func (s *Service) recover(ctx context.Context, d Deployment) error {
	lost := 0
	for _, r := range d.trace.runs {
		if r.end.Lost {
			lost++
		}
	}
	if lost > maxRecoveries {
		return fault.New(fault.Unavailable, "the apply was cut off %d times; something on this machine kills it", lost)
	}
	inner, cancel := s.untilCancel(ctx, d)
	defer cancel()
	var recovered *tofu.Recovered
	var request tofu.Request
	var bearer string
	err := s.retry(inner, d, s.now().Add(s.opts.Timeouts.Apply), func(ctx context.Context) (err error) {
		if request, bearer, err = s.request(ctx, d); err != nil {
			return err
		}
		recovered, err = s.opts.Engine.Recover(ctx, s.recovery(d, request))
		return err
	})
	if err != nil {
		return unless(inner, err)
	}
	if len(recovered.Beyond) > 0 {
		recovered.Advisories = append(recovered.Advisories,
			"An apply was cut off. Going on needs more than was approved: "+strings.Join(recovered.Beyond, ", ")+".")
		return s.requestApproval(ctx, d.ID, recovered.Plan, request, bearer)
	}
	_, err = s.ledger.update(ctx, d.ID, func(d Deployment) ([]journal.Event, error) {
		if r, _ := d.trace.newest(); d.Status != StatusTofuApplying || !r.ended || d.trace.cancel {
			return nil, nil
		}
		return []journal.Event{
			journal.New(eventRunStarted, runStarted{Run: d.nextRun(), Digest: recovered.Digest, Bearer: bearer}),
			s.logLine("tofu-apply", "info", fmt.Sprintf("Going on under the same approval: %d found and taken over, the rest is made.", recovered.Imported)),
		}, nil
	})
	return err
}
