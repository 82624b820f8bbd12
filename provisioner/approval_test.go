package provisioner_test

import (
	"strings"
	"testing"
	"time"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/provisioner"
)

// TestApproval: who may approve what, and when. Each case begins with a plan that
// waits, and must leave it waiting when the approval is refused for the actor.
func TestApproval(t *testing.T) {
	t.Parallel()
	replaced := func(p *tfjson.Plan) {
		p.ResourceChanges[0].Change.Actions = tfjson.Actions{tfjson.ActionDelete, tfjson.ActionCreate}
	}
	cases := []struct {
		name    string
		prepare func(*rig, provisioner.Deployment)
		plan    func(*tfjson.Plan)
		change  func(*provisioner.Approve)
		want    fault.Code
		state   string // of the approval afterwards
	}{
		{name: "the owner of the machine, by the button", state: "approved"},
		{name: "a verified address, whatever its case", change: func(a *provisioner.Approve) { a.Actor = verified }, state: "approved"},
		{name: "by digest", change: func(a *provisioner.Approve) { a.CardID, a.Means = "", "digest" }, state: "approved"},
		{name: "a model", change: func(a *provisioner.Approve) { a.Actor = model }, want: fault.Denied, state: "pending"},
		{name: "a person's token", change: func(a *provisioner.Approve) { a.Actor.NoConsent = true }, want: fault.Denied, state: "pending"},
		{name: "the system", change: func(a *provisioner.Approve) { a.Actor.Kind = journal.System }, want: fault.Denied, state: "pending"},
		{name: "nobody", change: func(a *provisioner.Approve) { a.Actor = journal.Actor{} }, want: fault.Denied, state: "pending"},
		{name: "a stranger", change: func(a *provisioner.Approve) { a.Actor = stranger }, want: fault.NotFound, state: "pending"},
		{name: "a stranger, by card only", change: func(a *provisioner.Approve) { a.Actor, a.DeploymentID = stranger, "" }, want: fault.NotFound, state: "pending"},
		{name: "the owner with another verified address", change: func(a *provisioner.Approve) {
			a.Actor = verified
			a.Actor.Email = "somebody@clinic.example"
		}, want: fault.Denied, state: "pending"},
		{name: "the owner with an unverified address", change: func(a *provisioner.Approve) {
			a.Actor = verified
			a.Actor.EmailVerified = false
		}, want: fault.Denied, state: "pending"},
		{name: "another card", change: func(a *provisioner.Approve) { a.CardID = "approval-0000" }, want: fault.Conflict, state: "pending"},
		{name: "another digest", change: func(a *provisioner.Approve) { a.Digest = strings.Repeat("f", 64) }, want: fault.Conflict, state: "pending"},
		{name: "neither card nor digest", change: func(a *provisioner.Approve) { a.CardID, a.Digest = "", "" }, want: fault.Invalid, state: "pending"},
		{name: "another word", change: func(a *provisioner.Approve) { a.Value = "yes" }, want: fault.Invalid, state: "pending"},
		{name: "after its time", prepare: func(r *rig, _ provisioner.Deployment) { r.clock.forward(31 * time.Minute) }, want: fault.Conflict, state: "expired"},
		{name: "after the saved plan was changed", prepare: func(r *rig, d provisioner.Deployment) {
			r.engine.mu.Lock()
			defer r.engine.mu.Unlock()
			r.engine.digests[d.ID] = strings.Repeat("e", 64)
		}, want: fault.Conflict, state: "superseded"},
		{name: "after the draft was changed", prepare: func(r *rig, _ provisioner.Deployment) {
			if _, err := r.service.ChangeDraft(r.t.Context(), owner, "c1", []provisioner.Change{{Field: "regions[0].workerCount", Value: 5}}); err != nil {
				r.t.Fatal(err)
			}
		}, want: fault.Conflict, state: "superseded"},
		{name: "after it was declined", prepare: func(r *rig, d provisioner.Deployment) {
			if err := r.service.Decline(r.t.Context(), owner, d.Approval.CardID); err != nil {
				r.t.Fatal(err)
			}
		}, want: fault.Conflict, state: "declined"},
		{name: "twice", prepare: func(r *rig, d provisioner.Deployment) { r.approve(d) }, want: fault.Conflict, state: "approved"},
		{name: "something replaced, without the name", plan: replaced, want: fault.Invalid, state: "pending"},
		{name: "something replaced, with another name", plan: replaced, change: func(a *provisioner.Approve) { a.Value = "approve:other.omani.works" }, want: fault.Invalid, state: "pending"},
		{name: "something replaced, by words", plan: replaced, change: func(a *provisioner.Approve) {
			a.Value, a.Means = "approve:clinic.omani.works", "words"
		}, want: fault.Denied, state: "pending"},
		{name: "something replaced, with the name", plan: replaced, change: func(a *provisioner.Approve) { a.Value = "approve:clinic.omani.works" }, state: "approved"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, provisioner.Simulated)
			r.engine.mu.Lock()
			r.engine.change = c.plan
			r.engine.mu.Unlock()
			r.draft("c1")
			d := r.plan("c1")
			if d.Spec.SovereignFQDN != "clinic.omani.works" || d.Status != provisioner.StatusAwaitingApproval {
				t.Fatalf("%s is %s", d.Spec.SovereignFQDN, d.Status)
			}
			if c.prepare != nil {
				c.prepare(r, d)
			}
			a := provisioner.Approve{CardID: d.Approval.CardID, DeploymentID: d.ID, Digest: d.Plan.Digest, Value: "approve", Actor: owner, Means: "press"}
			if c.change != nil {
				c.change(&a)
			}
			_, err := r.service.Approve(t.Context(), a)
			if fault.CodeOf(err) != c.want {
				t.Fatalf("got %v, want code %q", err, c.want)
			}
			after := r.until(d.ID, func(d provisioner.Deployment) bool { return d.Approval.State == c.state })
			if c.state == "approved" {
				by := after.Approval.By
				if by.Kind != journal.Human || by.Subject != "local" || after.Approval.At == nil {
					t.Errorf("approved by %+v", by)
				}
				r.until(d.ID, is(provisioner.StatusTofuApplying))
			} else if after.Status.InFlight() {
				t.Errorf("it is %s", after.Status)
			}
		})
	}
}

func TestRealCloudIsPlannedAndNotApplied(t *testing.T) {
	t.Parallel()
	r := newRig(t, provisioner.Hetzner)
	ctx := t.Context()
	d := r.realPlan()
	r.engine.mu.Lock()
	request := r.engine.requests[d.ID]
	r.engine.mu.Unlock()
	if request.Endpoint != provisioner.HetznerAPI || request.Ephemeral["hcloud_token"] != strings.Repeat("t", 64) {
		t.Errorf("planned at %q", request.Endpoint)
	}
	if d.Plan.Cost.Monthly.Amount == "" {
		t.Error("the plan has no price")
	}
	_, err := r.service.Approve(ctx, provisioner.Approve{CardID: d.Approval.CardID, Value: "approve", Actor: verified, Means: "press"})
	if fault.CodeOf(err) != fault.Unavailable || fault.From(err).Hint == "" {
		t.Errorf("approval: %v", err)
	}
}

// realPlan makes a plan for the real cloud.
func (r *rig) realPlan() provisioner.Deployment {
	r.t.Helper()
	if _, err := r.service.ChangeDraft(r.t.Context(), owner, "c1", []provisioner.Change{
		{Field: "orgName", Value: "Clinic"}, {Field: "orgEmail", Value: "owner@clinic.example"}, {Field: "orgHeadquarters", Value: "Berlin"},
		{Field: "hetznerProjectID", Value: "12345"},
		{Field: "sshPublicKey", Value: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti a@b"},
	}); err != nil {
		r.t.Fatal(err)
	}
	if _, err := r.service.Plan(r.t.Context(), owner, "c1"); fault.CodeOf(err) != fault.Invalid {
		r.t.Errorf("a plan without an account: %v", err)
	}
	for purpose, value := range map[string]string{
		provisioner.SecretHetznerToken:           strings.Repeat("t", 64),
		provisioner.SecretObjectStorageAccessKey: strings.Repeat("a", 20),
		provisioner.SecretObjectStorageSecretKey: strings.Repeat("s", 40),
	} {
		if err := r.options.Vault.Put(r.t.Context(), "c1", purpose, []byte(value)); err != nil {
			r.t.Fatal(err)
		}
	}
	return r.plan("c1")
}

func TestOneLiveDeploymentPerName(t *testing.T) {
	t.Parallel()
	r := newRig(t, provisioner.Simulated)
	r.draft("c1")
	r.draft("c2")
	first, second := r.plan("c1"), r.plan("c2")
	r.approve(first)
	_, err := r.service.Approve(t.Context(), provisioner.Approve{CardID: second.Approval.CardID, Value: "approve", Actor: owner, Means: "press"})
	if fault.CodeOf(err) != fault.Conflict {
		t.Fatalf("a second apply of the same Sovereign: %v", err)
	}
	check, err := r.service.CheckSubdomain(t.Context(), "clinic", "")
	if err != nil || check.Available || check.Reason != "exists" || len(check.Suggestions) == 0 {
		t.Errorf("%+v, %v", check, err)
	}
	r.draft("c3")
	if _, err := r.service.Plan(t.Context(), owner, "c3"); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("a plan for a taken name: %v", err)
	}
	// Nothing was made yet: cancelling gives the name back.
	if err := r.service.Cancel(t.Context(), owner, first.ID); err != nil {
		t.Fatal(err)
	}
	r.until(first.ID, is(provisioner.StatusCancelled))
	if check, err = r.service.CheckSubdomain(t.Context(), "clinic", ""); err != nil || !check.Available {
		t.Errorf("after the cancel: %+v, %v", check, err)
	}
}

func TestStartDoesNotReplaceTheApproval(t *testing.T) {
	t.Parallel()
	r := newRig(t, provisioner.Simulated)
	r.draft("c1")
	d := r.plan("c1")
	_, err := r.service.Start(t.Context(), model, d.ID)
	if fault.CodeOf(err) != fault.Denied || !strings.Contains(fault.From(err).Hint, "https://sandbox.example/start?c=c1") {
		t.Errorf("%v", err)
	}
	pending, err := r.service.PendingApprovals(t.Context(), "c1")
	if err != nil || len(pending) != 1 || pending[0].ID != d.ID {
		t.Errorf("pending %v, %v", pending, err)
	}
	r.approve(d)
	for range 2 {
		if _, err := r.service.Start(t.Context(), model, d.ID); err != nil {
			t.Errorf("after the approval: %v", err)
		}
	}
	if pending, err := r.service.PendingApprovals(t.Context(), "c1"); err != nil || len(pending) != 0 {
		t.Errorf("pending %v, %v", pending, err)
	}
}
