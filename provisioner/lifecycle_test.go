package provisioner_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/provisioner"
	"github.com/openova-io/sandbox/provisioner/run"
)

// TestLifeWithACrashAtEveryPoint walks a deployment from the draft to the door,
// and in each variant the service crashes before one more of the steps. The end
// must always be the same, with nothing done twice.
func TestLifeWithACrashAtEveryPoint(t *testing.T) {
	t.Parallel()
	const steps = 9
	for crash := range steps + 1 {
		t.Run(fmt.Sprintf("crash before step %d", crash), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, provisioner.Simulated)
			step := 0
			next := func() {
				if step == crash {
					r.crash()
					r.start()
				}
				step++
			}
			next() // 0
			r.draft("c1")
			next() // 1
			d := r.plan("c1")
			next() // 2
			r.approve(d)
			next() // 3
			r.until(d.ID, is(provisioner.StatusTofuApplying))
			r.engine.say(d.ID, "r1", "apply_start", "hcloud_network.main")
			r.until(d.ID, func(d provisioner.Deployment) bool { return state(d, "hcloud_network.main") == "running" })
			next() // 4
			r.engine.say(d.ID, "r1", "apply_complete", "hcloud_network.main")
			r.engine.say(d.ID, "r1", "apply_complete", `hcloud_server.control_plane["fsn1-1-cp1"]`)
			r.until(d.ID, func(d provisioner.Deployment) bool { return state(d, "hcloud_network.main") == "succeeded" })
			next() // 5
			r.engine.end(d.ID, "r1", run.Status{State: run.Finished})
			d = r.until(d.ID, is(provisioner.StatusFluxBootstrapping))
			next() // 6
			bearer := r.engine.bearer(d.ID)
			if err := r.service.ReceiveKubeconfig(t.Context(), d.ID, bearer, []byte("kubeconfig canary")); err != nil {
				t.Fatal(err)
			}
			next() // 7
			d = r.until(d.ID, is(provisioner.StatusPhase1Watching))
			names := releases(d)
			r.cluster.set("installing", names...)
			r.cluster.set("installed", names[:20]...)
			r.until(d.ID, func(d provisioner.Deployment) bool { return d.Releases[19].State == "installed" })
			next() // 8
			r.cluster.set("installed", names...)
			d = r.until(d.ID, is(provisioner.StatusReady))
			next() // 9

			_, recovers, runs := r.engine.count()
			if n := r.engine.look(d.ID, "r1").starts; n != 1 || recovers != 0 || runs != 1 {
				t.Errorf("started %d times, %d runs", n, runs)
			}
			if len(names) != 36 || len(d.Log) == 0 || d.StartedAt == nil || d.FinishedAt == nil || d.Approval.State != "approved" {
				t.Errorf("%d releases, %d lines, approval %s", len(names), len(d.Log), d.Approval.State)
			}
			done := map[string]int{}
			for _, l := range d.Log {
				done[l.Message]++
			}
			for message, n := range done {
				if n != 1 {
					t.Errorf("said %d times: %s", n, message)
				}
			}
			url, err := r.service.Enter(t.Context(), owner, d.ID)
			if err != nil || !strings.HasPrefix(url, "http://console.clinic.localhost:8080/auth/handover?token=header.") {
				t.Errorf("%q, %v", url, err)
			}
			r.noCanary(d.ID, bearer)
		})
	}
}

func state(d provisioner.Deployment, address string) string {
	for _, r := range d.Resources {
		if r.Address == address {
			return r.State
		}
	}
	return ""
}

func releases(d provisioner.Deployment) []string {
	var names []string
	for _, r := range d.Releases {
		names = append(names, r.Name)
	}
	return names
}

// noCanary looks for secrets in everything that is stored or shown.
func (r *rig) noCanary(id string, bearer string) {
	r.t.Helper()
	var seen bytes.Buffer
	for _, aggregate := range []string{"deployment." + id, "draft.c1"} {
		events, err := r.options.Journal.Load(r.t.Context(), aggregate)
		if err != nil {
			r.t.Fatal(err)
		}
		if err := json.NewEncoder(&seen).Encode(events); err != nil {
			r.t.Fatal(err)
		}
	}
	d, err := r.service.Deployment(r.t.Context(), owner, id)
	if err != nil {
		r.t.Fatal(err)
	}
	_ = json.NewEncoder(&seen).Encode(d)
	_ = json.NewEncoder(&seen).Encode(d.Log)
	r.stage.mu.Lock()
	_ = json.NewEncoder(&seen).Encode(r.stage.cards)
	r.stage.mu.Unlock()
	for _, secret := range []string{bearer, "simulated-token", "handover-signature-canary", "kubeconfig canary",
		r.engine.secret(id, "object_storage_secret_key")} {
		if bytes.Contains(seen.Bytes(), []byte(secret)) {
			r.t.Errorf("stored or shown: %s", secret)
		}
	}
}

// running brings a deployment to its apply.
func (r *rig) running() provisioner.Deployment {
	r.t.Helper()
	r.draft("c1")
	d := r.plan("c1")
	r.approve(d)
	d = r.until(d.ID, is(provisioner.StatusTofuApplying))
	r.engine.say(d.ID, "r1", "apply_start", "hcloud_network.main")
	return r.until(d.ID, func(d provisioner.Deployment) bool { return state(d, "hcloud_network.main") == "running" })
}

// watching brings a deployment to the watch of its releases.
func (r *rig) watching() provisioner.Deployment {
	r.t.Helper()
	d := r.running()
	r.engine.say(d.ID, "r1", "apply_complete", "hcloud_network.main")
	r.engine.end(d.ID, "r1", run.Status{State: run.Finished})
	r.until(d.ID, is(provisioner.StatusFluxBootstrapping))
	if err := r.service.ReceiveKubeconfig(r.t.Context(), d.ID, r.engine.bearer(d.ID), []byte("x")); err != nil {
		r.t.Fatal(err)
	}
	return r.until(d.ID, is(provisioner.StatusPhase1Watching))
}

func TestLostRunIsContinuedUnderTheApproval(t *testing.T) {
	t.Parallel()
	r := newRig(t, provisioner.Simulated)
	d := r.running()
	first := r.engine.bearer(d.ID)
	r.engine.end(d.ID, "r1", run.Status{State: run.Lost})
	r.engine.begun(t, d.ID, "r2")
	second := r.engine.bearer(d.ID)
	if _, recovers, _ := r.engine.count(); recovers != 1 || first == second {
		t.Fatalf("recovered %d times", recovers)
	}
	r.engine.say(d.ID, "r2", "apply_complete", "hcloud_network.main")
	r.engine.end(d.ID, "r2", run.Status{State: run.Finished})
	d = r.until(d.ID, is(provisioner.StatusFluxBootstrapping))
	for _, x := range d.Resources {
		if x.State != "succeeded" {
			t.Errorf("%s is %s", x.Address, x.State)
		}
	}
	// A server that the first run made still has the first bearer.
	if err := r.service.ReceiveKubeconfig(t.Context(), d.ID, first, []byte("x")); err != nil {
		t.Error(err)
	}
	if err := r.service.ReceiveKubeconfig(t.Context(), d.ID, second, []byte("y")); fault.CodeOf(err) != fault.Denied || fault.From(err).Message != "already-set" {
		t.Errorf("a second kubeconfig: %v", err)
	}
}

func TestLostRunBeyondTheApprovalAsksAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t, provisioner.Simulated)
	d := r.running()
	r.engine.mu.Lock()
	r.engine.beyond = []string{"remove hcloud_server.x"}
	r.engine.mu.Unlock()
	r.engine.end(d.ID, "r1", run.Status{State: run.Lost})
	again := r.until(d.ID, is(provisioner.StatusAwaitingApproval))
	if again.Approval.CardID == d.Approval.CardID || again.Approval.State != "pending" || state(again, "hcloud_network.main") != "running" {
		t.Fatalf("approval %+v, network %s", again.Approval, state(again, "hcloud_network.main"))
	}
	r.approve(again)
	r.engine.begun(t, d.ID, "r2")
	r.until(d.ID, is(provisioner.StatusTofuApplying))
}

func TestFailures(t *testing.T) {
	t.Parallel()
	t.Run("a release", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, provisioner.Simulated)
		d := r.watching()
		r.cluster.set("failed", "bp-keycloak")
		d = r.until(d.ID, is(provisioner.StatusFailed))
		if !strings.Contains(d.Reason, "bp-keycloak") {
			t.Errorf("reason %q", d.Reason)
		}
	})
	t.Run("releases too slow", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, provisioner.Simulated)
		d := r.watching()
		r.crash()
		r.clock.forward(61 * time.Minute)
		r.start()
		if d = r.until(d.ID, is(provisioner.StatusFailed)); !strings.Contains(d.Reason, "still open") {
			t.Errorf("reason %q", d.Reason)
		}
	})
	t.Run("no kubeconfig", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, provisioner.Simulated)
		d := r.running()
		r.crash()
		r.engine.end(d.ID, "r1", run.Status{State: run.Finished})
		r.start()
		r.until(d.ID, is(provisioner.StatusFluxBootstrapping))
		r.crash()
		r.clock.forward(16 * time.Minute)
		r.start()
		if d = r.until(d.ID, is(provisioner.StatusFailed)); !strings.Contains(d.Reason, "did not report") {
			t.Errorf("reason %q", d.Reason)
		}
	})
	t.Run("a hostile kubeconfig that came early", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, provisioner.Simulated)
		d := r.running()
		r.cluster.mu.Lock()
		r.cluster.refuse = true
		r.cluster.mu.Unlock()
		if err := r.service.ReceiveKubeconfig(t.Context(), d.ID, r.engine.bearer(d.ID), []byte("x")); err != nil {
			t.Fatal(err)
		}
		r.engine.end(d.ID, "r1", run.Status{State: run.Finished})
		if d = r.until(d.ID, is(provisioner.StatusFailed)); !strings.Contains(d.Reason, "it names a program to run") {
			t.Errorf("reason %q", d.Reason)
		}
		r.cluster.mu.Lock()
		defer r.cluster.mu.Unlock()
		if strings.Join(r.cluster.hosts, ",") != "127.64.0.1,127.64.0.2" {
			t.Errorf("allowed hosts %v", r.cluster.hosts)
		}
	})
	t.Run("tofu", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, provisioner.Simulated)
		d := r.running()
		broken := r.engine.run(d.ID, "r1")
		r.engine.mu.Lock()
		broken.lines = append(broken.lines,
			`{"type":"diagnostic","@level":"error","diagnostic":{"severity":"error","summary":"server limit reached","address":"hcloud_network.main"}}`)
		r.engine.mu.Unlock()
		r.engine.end(d.ID, "r1", run.Status{State: run.Finished, Exit: run.Exit{Code: 1}})
		if d = r.until(d.ID, is(provisioner.StatusFailed)); !strings.Contains(d.Reason, "server limit reached") || state(d, "hcloud_network.main") != "failed" {
			t.Errorf("reason %q", d.Reason)
		}
		if check, err := r.service.CheckSubdomain(t.Context(), "clinic", ""); err != nil || check.Available {
			t.Errorf("the name of a Sovereign that is half there is free: %+v, %v", check, err)
		}
	})
	t.Run("the plan", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, provisioner.Simulated)
		r.engine.mu.Lock()
		r.engine.planErr = fault.New(fault.Internal, "the module is broken")
		r.engine.mu.Unlock()
		r.draft("c1")
		if _, err := r.service.Plan(t.Context(), owner, "c1"); fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("%v", err)
		}
	})
}

func TestCancel(t *testing.T) {
	t.Parallel()
	t.Run("during the apply", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, provisioner.Simulated)
		d := r.running()
		if err := r.service.Cancel(t.Context(), model, d.ID); fault.CodeOf(err) != fault.Denied {
			t.Errorf("a model: %v", err)
		}
		if err := r.service.Cancel(t.Context(), stranger, d.ID); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("a stranger: %v", err)
		}
		if err := r.service.Cancel(t.Context(), owner, d.ID); err != nil {
			t.Fatal(err)
		}
		d = r.until(d.ID, is(provisioner.StatusCancelled))
		if !r.engine.look(d.ID, "r1").cancelled || !strings.Contains(d.Reason, "1 resource") {
			t.Errorf("reason %q", d.Reason)
		}
		if err := r.service.Cancel(t.Context(), owner, d.ID); fault.CodeOf(err) != fault.Conflict {
			t.Errorf("again: %v", err)
		}
	})
	t.Run("while the releases come", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, provisioner.Simulated)
		d := r.watching()
		if err := r.service.Cancel(t.Context(), owner, d.ID); err != nil {
			t.Fatal(err)
		}
		r.until(d.ID, is(provisioner.StatusCancelled))
	})
	t.Run("before the approval", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, provisioner.Simulated)
		r.draft("c1")
		d := r.plan("c1")
		if err := r.service.Cancel(t.Context(), owner, d.ID); err != nil {
			t.Fatal(err)
		}
		r.until(d.ID, is(provisioner.StatusPlanned))
	})
}

func TestPlanIsShownOnceAndReused(t *testing.T) {
	t.Parallel()
	r := newRig(t, provisioner.Simulated)
	if _, err := r.service.Plan(t.Context(), owner, "c1"); fault.CodeOf(err) != fault.Invalid || len(fault.From(err).Violations) < 3 {
		t.Errorf("an empty draft: %v", err)
	}
	r.draft("c1")
	d := r.plan("c1")
	again := r.plan("c1")
	if plans, _, _ := r.engine.count(); again.ID != d.ID || plans != 1 {
		t.Errorf("planned %d times", plans)
	}
	r.stage.mu.Lock()
	_, plan := r.stage.cards["plan-"+d.ID]
	approval, asked := r.stage.cards[d.Approval.CardID]
	linked := len(r.stage.links)
	r.stage.mu.Unlock()
	if !plan || !asked || approval.Kind != card.KindApproval || linked != 1 {
		t.Errorf("plan %v, approval %v, linked %d times", plan, asked, linked)
	}
	draft, err := r.service.Draft(t.Context(), owner, "c1")
	if err != nil || draft.DeploymentID != d.ID || draft.ApprovalState != "pending" {
		t.Errorf("draft says %s %s, %v", draft.DeploymentID, draft.ApprovalState, err)
	}
	var question card.ApprovalData
	if err := json.Unmarshal(approval.Data, &question); err != nil || question.Object == "" || question.Object != draft.ApprovalObject {
		t.Errorf("the button says %q, and the draft %q, %v", question.Object, draft.ApprovalObject, err)
	}
	if _, err := r.service.ChangeDraft(t.Context(), owner, "c1", []provisioner.Change{{Field: "regions[0].workerCount", Value: 4}}); err != nil {
		t.Fatal(err)
	}
	if newer := r.plan("c1"); newer.ID == d.ID {
		t.Error("the plan of the former draft was given again")
	}
	raw, err := r.service.Tfvars(t.Context(), owner, d.ID)
	if err != nil || !bytes.Contains(raw, []byte(`"sovereign_fqdn": "clinic.omani.works"`)) {
		t.Errorf("%s, %v", raw, err)
	}
}

func TestForeignersSeeNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, provisioner.Simulated)
	d := r.watching()
	ctx := t.Context()
	tries := map[string]func() error{
		"Deployment":  func() error { _, err := r.service.Deployment(ctx, stranger, d.ID); return err },
		"Draft":       func() error { _, err := r.service.Draft(ctx, stranger, "c1"); return err },
		"ChangeDraft": func() error { _, err := r.service.ChangeDraft(ctx, stranger, "c1", nil); return err },
		"PutSecret":   func() error { return r.service.PutSecret(ctx, stranger, "c1", provisioner.SecretHetznerToken, nil) },
		"Plan":        func() error { _, err := r.service.Plan(ctx, stranger, "c1"); return err },
		"Start":       func() error { _, err := r.service.Start(ctx, stranger, d.ID); return err },
		"Cancel":      func() error { return r.service.Cancel(ctx, stranger, d.ID) },
		"Enter":       func() error { _, err := r.service.Enter(ctx, stranger, d.ID); return err },
		"Tfvars":      func() error { _, err := r.service.Tfvars(ctx, stranger, d.ID); return err },
		"PlanJSON":    func() error { _, err := r.service.PlanJSON(ctx, stranger, d.ID); return err },
		"Decline":     func() error { return r.service.Decline(ctx, stranger, d.Approval.CardID) },
		"unknown id":  func() error { _, err := r.service.Deployment(ctx, owner, "ffffffffffffffff"); return err },
		"not an id":   func() error { _, err := r.service.Deployment(ctx, owner, "../x"); return err },
	}
	for name, try := range tries {
		if err := try(); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
	if list, err := r.service.Deployments(ctx, stranger); err != nil || len(list) != 0 {
		t.Errorf("list %v, %v", list, err)
	}
	// What is built is the Organization's; the draft is a person's, in one Organization.
	if list, err := r.service.Deployments(ctx, colleague); err != nil || len(list) != 1 {
		t.Errorf("a colleague's list %v, %v", list, err)
	}
	if _, err := r.service.Deployment(ctx, colleague, d.ID); err != nil {
		t.Errorf("a colleague: %v", err)
	}
	elsewhere := owner
	elsewhere.OrgID = "elsewhere"
	for name, actor := range map[string]journal.Actor{"a colleague": colleague, "the owner elsewhere": elsewhere} {
		if _, err := r.service.Draft(ctx, actor, "c1"); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("the draft, %s: %v", name, err)
		}
	}
	if _, err := r.service.Deployment(ctx, elsewhere, d.ID); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("the owner elsewhere: %v", err)
	}
	if _, err := r.service.Enter(ctx, model, d.ID); fault.CodeOf(err) != fault.Denied {
		t.Errorf("a model enters: %v", err)
	}
	if _, err := r.service.Enter(ctx, owner, d.ID); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("entering before it is ready: %v", err)
	}
}

func TestKubeconfigIntake(t *testing.T) {
	t.Parallel()
	r := newRig(t, provisioner.Simulated)
	d := r.running()
	bearer := r.engine.bearer(d.ID)
	cases := []struct {
		name, id, bearer, body, message string
		code                            fault.Code
	}{
		{"no bearer", d.ID, "", "x", "missing-bearer", fault.Unauthenticated},
		{"a wrong bearer", d.ID, strings.Repeat("0", 64), "x", "invalid-bearer", fault.Denied},
		{"an unknown deployment", "ffffffffffffffff", bearer, "x", "there is no deployment ffffffffffffffff", fault.NotFound},
		{"nothing", d.ID, bearer, "", "empty-body", fault.Invalid},
		{"too much", d.ID, bearer, strings.Repeat("x", 1<<20+1), "body-too-large", fault.Invalid},
		{"the kubeconfig", d.ID, bearer, "x", "", ""},
		{"it again", d.ID, bearer, "x", "already-set", fault.Denied},
	}
	for _, c := range cases {
		err := r.service.ReceiveKubeconfig(t.Context(), c.id, c.bearer, []byte(c.body))
		if fault.CodeOf(err) != c.code || err != nil && fault.From(err).Message != c.message {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestPutSecretChecksAndHides(t *testing.T) {
	t.Parallel()
	r := newRig(t, provisioner.Simulated)
	for purpose, value := range map[string]string{
		provisioner.SecretHetznerToken: "short-canary", provisioner.SecretObjectStorageSecretKey: strings.Repeat("canary ", 8), "another": "canary",
	} {
		err := r.service.PutSecret(t.Context(), owner, "c1", purpose, []byte(value))
		if fault.CodeOf(err) != fault.Invalid || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", purpose, err)
		}
	}
	if err := r.service.PutSecret(t.Context(), owner, "c1", provisioner.SecretHetznerToken, bytes.Repeat([]byte("t"), 64)); err != nil {
		t.Fatal(err)
	}
	if d, err := r.service.Draft(t.Context(), owner, "c1"); err != nil || len(d.Secrets) != 1 {
		t.Errorf("secrets %v, %v", d.Secrets, err)
	}
}

func TestAdopt(t *testing.T) {
	t.Parallel()
	r := newRig(t, provisioner.Simulated)
	guest := owner
	guest.Subject, guest.LocalOwner = "guest-1", false
	if _, err := r.service.Draft(t.Context(), guest, "c9"); err != nil {
		t.Fatal(err)
	}
	if err := r.service.Adopt(t.Context(), "c9", stranger, verified); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("from somebody else: %v", err)
	}
	if err := r.service.Adopt(t.Context(), "c9", guest, verified); err != nil {
		t.Fatal(err)
	}
	if _, err := r.service.Draft(t.Context(), guest, "c9"); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("the guest keeps it: %v", err)
	}
	if _, err := r.service.Draft(t.Context(), verified, "c9"); err != nil {
		t.Error(err)
	}
	if err := r.service.Adopt(t.Context(), "c9", verified, stranger); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("from a proven owner: %v", err)
	}
}
