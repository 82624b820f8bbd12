package provisioner

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

// maxKubeconfig is upstream's limit, in bytes.
const maxKubeconfig = 1 << 20

// ReceiveKubeconfig takes the kubeconfig that a new cluster posts. The bearer
// works once; only its hash is known. Faults have upstream's reasons as their
// messages: [fault.Unauthenticated] missing-bearer, [fault.Denied]
// no-bearer-hash, invalid-bearer and already-set, [fault.NotFound],
// [fault.Invalid] body-too-large, empty-body, or what is wrong with the file.
func (s *Service) ReceiveKubeconfig(ctx context.Context, id, bearer string, body []byte) error {
	d, err := s.ledger.get(ctx, id)
	if err != nil {
		return err
	}
	if err := d.admits(bearer); err != nil {
		return err
	}
	switch {
	case len(body) > maxKubeconfig:
		return fault.New(fault.Invalid, "body-too-large").Do("a kubeconfig has at most 1 MiB")
	case len(body) == 0:
		return fault.New(fault.Invalid, "empty-body").Do("send the kubeconfig as the body")
	}
	// Before the apply is over the addresses are not known; then the check of the
	// host comes with the next phase.
	if d.Outputs != nil {
		if err := s.opts.Watcher.Parse(body, d.hosts()); err != nil {
			return err
		}
	}
	sum := sha256.Sum256(body)
	purpose := "kubeconfig-" + hex.EncodeToString(sum[:8])
	if err := s.opts.Vault.Put(ctx, id, purpose, body); err != nil {
		if fault.CodeOf(err) == fault.Limited {
			return fault.New(fault.Invalid, "body-too-large").Do("send one cluster, one context and one user only")
		}
		return err
	}
	won := false
	d, err = s.ledger.update(ctx, id, func(d Deployment) ([]journal.Event, error) {
		won = false
		if err := d.admits(bearer); err != nil {
			return nil, err
		}
		won = true
		return []journal.Event{
			journal.New(eventKubeconfigReceived, kubeconfigReceived{Purpose: purpose}),
			s.logLine("flux-bootstrap", "info", "The new cluster has reported."),
		}, nil
	})
	if !won && d.trace.kubeconfig != purpose {
		_ = s.opts.Vault.Delete(ctx, id, purpose) // another one was first
	}
	return err
}

// admits checks a bearer.
func (d Deployment) admits(bearer string) error {
	if bearer == "" {
		return fault.New(fault.Unauthenticated, "missing-bearer").Do("send the bearer that the cluster was given")
	}
	// A cluster that an apply made before it failed reports all the same, and only
	// once: a later attempt needs what it says.
	if len(d.trace.bearers) == 0 || !d.Live() || d.Status == StatusReady {
		return fault.New(fault.Denied, "no-bearer-hash").Do("no kubeconfig is awaited for this deployment")
	}
	sum := sha256.Sum256([]byte(bearer))
	given := []byte(hex.EncodeToString(sum[:]))
	ok := 0
	for _, hash := range d.trace.bearers {
		ok |= subtle.ConstantTimeCompare(given, []byte(hash))
	}
	if ok != 1 {
		return fault.New(fault.Denied, "invalid-bearer")
	}
	if d.trace.kubeconfig != "" {
		return fault.New(fault.Denied, "already-set").Do("the bearer works once")
	}
	return nil
}

// hosts are the addresses in the deployment's outputs: the only ones that its
// kubeconfig may name.
func (d Deployment) hosts() []string {
	var out []string
	add := func(v any) {
		if text, ok := v.(string); ok {
			if a, err := netip.ParseAddr(text); err == nil && !slices.Contains(out, a.String()) {
				out = append(out, a.String())
			}
		}
	}
	for _, text := range d.Outputs {
		add(text)
		var v any
		if json.Unmarshal([]byte(text), &v) == nil {
			walkLeaves(v, add)
		}
	}
	slices.Sort(out)
	return out
}

func walkLeaves(v any, fn func(any)) {
	switch v := v.(type) {
	case map[string]any:
		for _, item := range v {
			walkLeaves(item, fn)
		}
	case []any:
		for _, item := range v {
			walkLeaves(item, fn)
		}
	default:
		fn(v)
	}
}

// awaitKubeconfig waits until the new cluster has reported, and checks what it
// said.
func (s *Service) awaitKubeconfig(ctx context.Context, d Deployment) error {
	if d.trace.kubeconfig != "" {
		raw, err := s.opts.Vault.Reveal(ctx, d.ID, d.trace.kubeconfig)
		if err != nil {
			return err
		}
		if err := s.opts.Watcher.Parse(raw, d.hosts()); err != nil {
			return fault.Wrap(err, fault.Denied, "the new cluster's kubeconfig was refused: %s", fault.From(err).Message)
		}
		return s.move(ctx, d, statusChanged{Status: StatusPhase1Watching}, s.logLine("component", "info", "The releases are being installed."))
	}
	timed, cancel := context.WithDeadline(ctx, s.deadline(d, s.opts.Timeouts.Kubeconfig))
	defer cancel()
	_, err := s.ledger.wait(timed, d)
	if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return fault.New(fault.Unavailable, "the new cluster did not report within %s", s.opts.Timeouts.Kubeconfig)
	}
	return err
}

// deadline is when a status has lasted too long. It counts from the journal, so
// that a restart does not begin it anew.
func (s *Service) deadline(d Deployment, limit time.Duration) time.Time {
	return time.Now().Add(d.trace.since.Add(limit).Sub(s.now()))
}

// errInstalled ends a watch: everything is there.
var errInstalled = errors.New("every release is installed")

// watch follows the releases until all are installed or one has failed.
func (s *Service) watch(ctx context.Context, d Deployment) error {
	if !d.installed() {
		raw, err := s.opts.Vault.Reveal(ctx, d.ID, d.trace.kubeconfig)
		if err != nil {
			return err
		}
		timed, cancel := context.WithDeadline(ctx, s.deadline(d, s.opts.Timeouts.Releases))
		defer cancel()
		inner, stop := s.untilCancel(timed, d)
		defer stop()
		err = s.opts.Watcher.Watch(inner, raw, d.hosts(), func(r Release) error { return s.observeRelease(inner, d.ID, r) })
		if !errors.Is(err, errInstalled) {
			switch {
			case ctx.Err() != nil:
				return ctx.Err()
			case timed.Err() != nil:
				return s.tooSlow(ctx, d.ID)
			case inner.Err() != nil:
				return nil // cancelled
			case err == nil:
				err = fault.New(fault.Unavailable, "the watch of the new cluster ended by itself")
			}
			return err
		}
		if d, err = s.ledger.get(ctx, d.ID); err != nil {
			return err
		}
	}
	return s.finish(ctx, d)
}

// installed is true when every expected release is.
func (d Deployment) installed() bool {
	return len(d.Releases) > 0 && !slices.ContainsFunc(d.Releases, func(r Release) bool { return r.State != "installed" })
}

// observeRelease stores what is new about an expected release. Releases that
// nobody expects are not ours to judge.
func (s *Service) observeRelease(ctx context.Context, id string, seen Release) error {
	d, err := s.ledger.update(ctx, id, func(d Deployment) ([]journal.Event, error) {
		i := slices.IndexFunc(d.Releases, func(r Release) bool { return r.Name == seen.Name })
		if i < 0 || d.Status != StatusPhase1Watching {
			return nil, nil
		}
		r := d.Releases[i]
		if r.State == seen.State && (r.Message == seen.Message || seen.State != "failed" && seen.State != "degraded") {
			return nil, nil
		}
		now := s.now()
		r.State, r.Message = seen.State, seen.Message
		if r.State != "pending" && r.StartedAt == nil {
			r.StartedAt = &now
		}
		r.FinishedAt = nil
		line := LogLine{Time: now, Phase: "component", Level: "info", Component: strings.TrimPrefix(r.Name, "bp-"), State: r.State, DependsOn: r.DependsOn}
		switch r.State {
		case "installed", "failed":
			r.FinishedAt = &now
		}
		line.Message = r.Label + ": " + r.State + "."
		if r.State == "failed" || r.State == "degraded" {
			line.Level, line.Message = "error", strings.TrimSpace(r.Label+": "+r.State+". "+r.Message)
		}
		return []journal.Event{journal.New(eventReleaseChanged, releaseChanged{Release: r}), journal.New(eventLogged, logged{Line: line})}, nil
	})
	if err != nil {
		return err
	}
	for _, r := range d.Releases {
		if r.State == "failed" {
			return fault.New(fault.Unavailable, "%s", strings.TrimSpace(fmt.Sprintf("%s (%s) could not be installed. %s", r.Label, r.Name, r.Message)))
		}
	}
	if d.installed() {
		return errInstalled
	}
	return nil
}

// tooSlow is the fault of a bootstrap that took too long; it names what is not
// there.
func (s *Service) tooSlow(ctx context.Context, id string) error {
	d, err := s.ledger.get(ctx, id)
	if err != nil {
		return err
	}
	var open []string
	for _, r := range d.Releases {
		if r.State != "installed" {
			open = append(open, r.Label)
		}
	}
	if len(open) > 5 {
		open = append(open[:5], fmt.Sprintf("%d more", len(open)-5))
	}
	return fault.New(fault.Unavailable, "not everything was installed within %s; still open: %s", s.opts.Timeouts.Releases, strings.Join(open, ", "))
}

// finish opens the door: the console answers, and the link is there.
func (s *Service) finish(ctx context.Context, d Deployment) error {
	inner, stop := s.untilCancel(ctx, d)
	defer stop()
	var console string
	err := s.retry(inner, d, s.now().Add(s.opts.Timeouts.Console), func(ctx context.Context) (err error) {
		console, err = s.opts.Entrance(ctx, d)
		return err
	})
	if err != nil {
		return unless(inner, err)
	}
	enter := s.opts.PublicURL + "/deployments/" + d.ID + "/enter"
	links := []card.Link{{Label: "Open the console", URL: enter, Primary: true}}
	for _, r := range d.Releases {
		if r.App == "" {
			continue
		}
		links = append(links, appLink(d, r, console))
	}
	d, err = s.ledger.update(ctx, d.ID, func(d Deployment) ([]journal.Event, error) {
		if d.Status != StatusPhase1Watching {
			return nil, nil
		}
		return []journal.Event{
			journal.New(eventReady, ready{HandoverURL: enter, ConsoleURL: console, Links: links}),
			s.logLine("handover-ready", "info", d.Spec.SovereignFQDN+" is ready."),
			journal.New(eventStatusChanged, statusChanged{Status: StatusReady}),
		}, nil
	})
	if err == nil {
		s.publish(ctx, d)
	}
	return err
}

// appLink is the address of an app. A simulated Sovereign's apps answer where
// its console does, under names of their own, and say what would run there.
func appLink(d Deployment, r Release, console string) card.Link {
	l := card.Link{Label: r.Label, URL: "https://" + r.App + "." + d.Spec.SovereignFQDN}
	if d.Cloud != Simulated {
		return l
	}
	l.Detail = "Simulated: a page that says what would run here."
	if u, err := url.Parse(console); err == nil {
		if rest, ok := strings.CutPrefix(u.Host, "console."); ok {
			l.URL = u.Scheme + "://" + r.App + "." + rest
		}
	}
	return l
}
