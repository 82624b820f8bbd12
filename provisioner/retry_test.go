package provisioner_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/provisioner"
	"github.com/openova-io/sandbox/provisioner/run"
)

// brokenApply brings a deployment to a failed apply: the network is there, the
// server is not.
func (r *rig) brokenApply() provisioner.Deployment {
	r.t.Helper()
	d := r.running()
	r.engine.say(d.ID, "r1", "apply_complete", "hcloud_network.main")
	r.engine.say(d.ID, "r1", "apply_errored", `hcloud_server.control_plane["fsn1-1-cp1"]`)
	r.engine.end(d.ID, "r1", run.Status{State: run.Finished, Exit: run.Exit{Code: 1}})
	return r.until(d.ID, is(provisioner.StatusFailed))
}

// onlyServer makes the next plans find the network there.
func onlyServer(p *tfjson.Plan) {
	p.ResourceChanges[0].Change.Actions = tfjson.Actions{tfjson.ActionNoop}
}

func (r *rig) plans(change func(*tfjson.Plan)) {
	r.engine.mu.Lock()
	defer r.engine.mu.Unlock()
	r.engine.change = change
}

func (r *rig) shown(id string) (card.Card, card.NoticeData) {
	r.t.Helper()
	r.stage.mu.Lock()
	defer r.stage.mu.Unlock()
	c := r.stage.cards[id]
	var data card.NoticeData
	if len(c.Data) > 0 {
		if err := c.Decode(&data); err != nil {
			r.t.Fatal(err)
		}
	}
	return c, data
}

func TestRetryPlansWhatIsMissing(t *testing.T) {
	t.Parallel()
	r := newRig(t, provisioner.Simulated)
	d := r.brokenApply()
	r.stage.await(t, "ended-"+d.ID)
	c, data := r.shown("ended-" + d.ID)
	if c.Kind != card.KindError || len(data.Actions) != 1 || data.Actions[0].Value != card.ActionRetry ||
		!strings.Contains(c.Text, "1 resource exists in the simulated cloud") || !strings.Contains(c.Text, "not known whether this exists") {
		t.Errorf("the card is %+v", c)
	}
	if d.FailedPhase != "tofu-apply" {
		t.Errorf("it failed in %q", d.FailedPhase)
	}
	ctx := t.Context()
	for name, try := range map[string]struct {
		retry provisioner.Retry
		want  fault.Code
	}{
		"a model":           {provisioner.Retry{DeploymentID: d.ID, Actor: model}, fault.Denied},
		"a stranger":        {provisioner.Retry{DeploymentID: d.ID, Actor: stranger}, fault.NotFound},
		"an earlier card":   {provisioner.Retry{CardID: "ended-" + d.ID + "-7", Actor: owner}, fault.Conflict},
		"no card of this":   {provisioner.Retry{CardID: "plan-1", Actor: owner}, fault.NotFound},
		"a different phase": {provisioner.Retry{DeploymentID: d.ID, Phase: "tofu-plan", Actor: owner}, fault.Conflict},
	} {
		if _, err := r.service.Retry(ctx, try.retry); fault.CodeOf(err) != try.want {
			t.Errorf("%s: %v", name, err)
		}
	}

	r.plans(onlyServer)
	again, err := r.service.Retry(ctx, provisioner.Retry{CardID: "ended-" + d.ID, Actor: owner})
	if err != nil {
		t.Fatal(err)
	}
	if again.ID != d.ID || again.Status != provisioner.StatusAwaitingApproval || again.Approval.CardID == d.Approval.CardID || again.Plan.Add != 1 {
		t.Fatalf("the retry is %s with %d to add", again.Status, again.Plan.Add)
	}
	if state(again, "hcloud_network.main") != "succeeded" || state(again, `hcloud_server.control_plane["fsn1-1-cp1"]`) != "pending" {
		t.Errorf("the resources are %+v", again.Resources)
	}
	if n := r.engine.look(d.ID, "r2").starts; n != 0 {
		t.Error("it was applied without an approval")
	}
	if check, err := r.service.CheckSubdomain(ctx, "clinic", ""); err != nil || check.Available {
		t.Errorf("the name of what is half there is free while it is planned: %+v, %v", check, err)
	}
	if _, data := r.shown("ended-" + d.ID); len(data.Actions) != 0 {
		t.Error("the old card can still be pressed")
	}
	// The old approval is worth nothing now.
	if _, err := r.service.Approve(ctx, provisioner.Approve{CardID: d.Approval.CardID, DeploymentID: d.ID, Value: "approve", Actor: owner, Means: "press"}); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("the old approval: %v", err)
	}
	r.approve(again)
	r.engine.begun(t, d.ID, "r2")
	r.engine.say(d.ID, "r2", "apply_complete", `hcloud_server.control_plane["fsn1-1-cp1"]`)
	r.engine.end(d.ID, "r2", run.Status{State: run.Finished})
	if d = r.until(d.ID, is(provisioner.StatusFluxBootstrapping)); len(d.Resources) != 2 || d.FailedPhase != "" {
		t.Errorf("%d resources, failed in %q", len(d.Resources), d.FailedPhase)
	}
}

// TestRetrySurvivesCrashes: the wish is stored, and so is what exists.
func TestRetrySurvivesCrashes(t *testing.T) {
	t.Parallel()
	r := newRig(t, provisioner.Simulated)
	d := r.brokenApply()
	r.crash()
	r.start()
	r.plans(onlyServer)
	if _, err := r.service.Retry(t.Context(), provisioner.Retry{DeploymentID: d.ID, Actor: owner}); err != nil {
		t.Fatal(err)
	}
	r.crash()
	r.start()
	again := r.until(d.ID, is(provisioner.StatusAwaitingApproval))
	// Declining leaves it failed, with its name and another way on.
	if err := r.service.Decline(t.Context(), owner, again.Approval.CardID); err != nil {
		t.Fatal(err)
	}
	r.stage.await(t, "ended-"+d.ID+"-2")
	after := r.until(d.ID, is(provisioner.StatusFailed))
	if check, err := r.service.CheckSubdomain(t.Context(), "clinic", ""); err != nil || check.Available || state(after, "hcloud_network.main") != "succeeded" {
		t.Errorf("after the decline: %+v, %v, %+v", check, err, after.Resources)
	}
}

// TestPlanningTheDraftTakesTheDeploymentUp: after another size was chosen the plan
// continues what is there instead of beginning a second Sovereign.
func TestPlanningTheDraftTakesTheDeploymentUp(t *testing.T) {
	t.Parallel()
	r := newRig(t, provisioner.Simulated)
	d := r.brokenApply()
	if _, err := r.service.ChangeDraft(t.Context(), owner, "c1", []provisioner.Change{{Field: "regions[0].workerSize", Value: "cpx42"}}); err != nil {
		t.Fatal(err)
	}
	r.plans(onlyServer)
	again := r.plan("c1")
	if again.ID != d.ID || again.Spec.Regions[0].WorkerSize != "cpx42" || again.Status != provisioner.StatusAwaitingApproval {
		t.Errorf("%s is %s with workers %s", again.ID, again.Status, again.Spec.Regions[0].WorkerSize)
	}
	if a, b := d.Plan.Tfvars["ssh_public_key"], again.Plan.Tfvars["ssh_public_key"]; a != b {
		t.Error("the retry has another SSH key, which would replace every server")
	}
}

// TestClusterOfAFailedApplyReports: a control plane that was made before the apply
// failed posts its kubeconfig once, while nobody waits for it. The retry needs it.
func TestClusterOfAFailedApplyReports(t *testing.T) {
	t.Parallel()
	r := newRig(t, provisioner.Simulated)
	d := r.brokenApply()
	if err := r.service.ReceiveKubeconfig(t.Context(), d.ID, r.engine.bearer(d.ID), []byte("x")); err != nil {
		t.Fatal(err)
	}
	r.plans(onlyServer)
	again, err := r.service.Retry(t.Context(), provisioner.Retry{DeploymentID: d.ID, Actor: owner})
	if err != nil {
		t.Fatal(err)
	}
	r.approve(again)
	r.engine.begun(t, d.ID, "r2")
	r.engine.end(d.ID, "r2", run.Status{State: run.Finished})
	r.until(d.ID, is(provisioner.StatusPhase1Watching))
}

// TestOutOfStockNamesAnotherSize: what the cloud refused to make does not exist,
// and the card says what can be had instead.
func TestOutOfStockNamesAnotherSize(t *testing.T) {
	t.Parallel()
	r := newRig(t, provisioner.Simulated)
	d := r.running()
	size, region := d.Spec.Regions[0].ControlPlaneSize, d.Spec.Regions[0].CloudRegion
	server := fmt.Sprintf("hcloud_server.control_plane[%q]", region+"-1-cp1")
	broken := r.engine.run(d.ID, "r1")
	line, err := json.Marshal(map[string]any{"type": "diagnostic", "@level": "error", "diagnostic": map[string]any{
		"severity": "error", "summary": "error during placement (resource_unavailable, 2b22f01789d82b79)", "address": server}})
	if err != nil {
		t.Fatal(err)
	}
	r.engine.mu.Lock()
	broken.lines = append(broken.lines, string(line))
	r.engine.mu.Unlock()
	r.engine.end(d.ID, "r1", run.Status{State: run.Finished, Exit: run.Exit{Code: 1}})
	d = r.until(d.ID, is(provisioner.StatusFailed))
	if !strings.Contains(d.Reason, "The size "+size+" is out of stock in ") || !strings.Contains(d.Reason, "The nearest is ") {
		t.Errorf("reason %q", d.Reason)
	}
	cards := provisioner.ProgressCards(d)
	if text := cards[len(cards)-1].Text; strings.Contains(text, "Control plane 1") {
		t.Errorf("what was refused is said to exist: %s", text)
	}
}

// TestRetryAfterARelease: nothing is missing in the cloud, so nothing is asked and
// the releases are watched again.
func TestRetryAfterARelease(t *testing.T) {
	t.Parallel()
	r := newRig(t, provisioner.Simulated)
	d := r.watching()
	r.cluster.set("failed", "bp-keycloak")
	d = r.until(d.ID, is(provisioner.StatusFailed))
	r.plans(func(p *tfjson.Plan) {
		for _, c := range p.ResourceChanges {
			c.Change.Actions = tfjson.Actions{tfjson.ActionNoop}
		}
	})
	r.cluster.clear()
	again, err := r.service.Retry(t.Context(), provisioner.Retry{DeploymentID: d.ID, Phase: "component", Actor: owner})
	if err != nil || again.Status != provisioner.StatusPhase1Watching || again.Approval.CardID != d.Approval.CardID {
		t.Fatalf("it is %s, %v", again.Status, err)
	}
	r.cluster.set("installed", releases(d)...)
	r.until(d.ID, is(provisioner.StatusReady))
}
