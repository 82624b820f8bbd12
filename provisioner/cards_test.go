package provisioner_test

import (
	"strings"
	"testing"
	"time"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/provisioner"
)

const digest = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func planned(t *testing.T) provisioner.Deployment {
	c := load(t)
	s := good().Normalize()
	return provisioner.Deployment{
		ID: "98395b3d9bd9c1aa", Cloud: provisioner.Simulated, Spec: s, Status: provisioner.StatusAwaitingApproval,
		Plan: &provisioner.Plan{Digest: digest, Add: 12, Cost: c.Cost(modulePlan(s), tableDay), Changes: []card.PlanChange{
			{Address: "hcloud_server.a", Action: "create", Group: "Servers", Label: "Control plane 1 (cpx22)"},
			{Address: "hcloud_network.a", Action: "create", Group: "Network", Label: "Private network"},
		}},
		Approval: &provisioner.Approval{CardID: "approval-" + digest[:16], Digest: digest, State: "pending", ExpiresAt: noon},
	}
}

func says(t *testing.T, c card.Card, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(c.Text, p) {
			t.Errorf("card %s does not say %q:\n%s", c.ID, p, c.Text)
		}
	}
	if c.Text == "" || c.Speech == "" || c.Title == "" || strings.HasSuffix(c.Text, "\n") {
		t.Errorf("card %s: text, speech or title is not whole: %+v", c.ID, c)
	}
}

func TestPlanCards(t *testing.T) {
	d := planned(t)
	cards := provisioner.PlanCards(d)
	if len(cards) != 3 || cards[0].ID != "plan-"+d.ID || cards[1].ID != "cost-"+d.ID || cards[2].ID != "approval-"+digest[:16] {
		t.Fatalf("cards %+v", cards)
	}
	says(t, cards[0], "acme.omani.works", "12 to add", "Simulated", "Falkenstein, Germany (fsn1)", "3 × cpx32", "Apps: Nextcloud", "Servers: Control plane 1 (cpx22)", digest)
	says(t, cards[1], "€142.94 a month", "3 × Server cpx32 in fsn1: €35.49 each, €106.47", "Prices: table of 2026-09-29", "net", "Costs end when")
	says(t, cards[2], "Shall I create acme.omani.works for €142.94 a month?", "until 12:00 UTC", "Simulated")
	if want := "It costs 142 euros and 94 cents a month, without value added tax. This is a simulation; nothing is charged."; cards[1].Speech != want {
		t.Errorf("the cost is said as %q", cards[1].Speech)
	}
	var a card.ApprovalData
	if err := cards[2].Decode(&a); err != nil || a.Question.Type != card.AskConsent || a.State != "pending" || a.Destructive || a.ExpiresAt != "2026-10-01T12:00:00.000Z" {
		t.Errorf("approval %+v, %v", a, err)
	}
	if got := provisioner.PlanCards(provisioner.Deployment{}); got != nil {
		t.Errorf("cards without a plan: %+v", got)
	}
	for state, word := range map[string]string{"approved": "Approved", "declined": "Declined", "expired": "passed", "superseded": "changed since"} {
		d.Approval.State = state
		says(t, provisioner.PlanCards(d)[2], word)
	}
}

func TestDestructivePlanAsksForTheName(t *testing.T) {
	d := planned(t)
	d.Plan.Replace, d.Plan.Cost.Unknown = 2, []string{"Load balancer lb11 in ash"}
	cards := provisioner.PlanCards(d)
	says(t, cards[0], "2 to replace", "2 resources are destroyed or replaced")
	says(t, cards[1], "At least €142.94", "Price unknown and not in the sum: Load balancer lb11 in ash")
	says(t, cards[2], "destroys or replaces 2 resources", "Type its name")
	var a card.ApprovalData
	if err := cards[2].Decode(&a); err != nil || !a.Destructive || a.Object != "Change acme.omani.works" {
		t.Errorf("approval %+v, %v", a, err)
	}
}

func TestTooFewWorkersAreNoted(t *testing.T) {
	d := planned(t)
	d.Spec.Regions[0].WorkerCount = 1
	says(t, provisioner.PlanCards(d)[0], "Please note: 1 × cpx32 holds", "would hold it")
}

func TestProgressCards(t *testing.T) {
	d, c := planned(t), load(t)
	if got := provisioner.ProgressCards(d); got != nil {
		t.Fatalf("progress before the approval: %+v", got)
	}
	start := noon
	d.StartedAt = &start
	d.Resources = []provisioner.Resource{{Address: "hcloud_network.main", Label: "Private network", State: "succeeded"}, {Address: "hcloud_server.worker[\"fsn1-1-w1\"]", Label: "Worker 1", State: "running"}}
	states := func(d provisioner.Deployment) (out []string) {
		var p card.ProgressData
		cards := provisioner.ProgressCards(d)
		if err := cards[0].Decode(&p); err != nil {
			t.Fatal(err)
		}
		for _, x := range p.Phases {
			out = append(out, x.State)
		}
		for _, k := range cards {
			says(t, k)
		}
		return out
	}
	check := func(what string, want ...string) {
		t.Helper()
		if got := states(d); strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	d.Status = provisioner.StatusPending
	check("pending", "running", "pending", "pending", "pending")
	d.Status = provisioner.StatusTofuApplying
	check("applying", "running", "pending", "pending", "pending")
	says(t, provisioner.ProgressCards(d)[0], "Servers and network: under way, 1 of 2, Worker 1")
	d.Resources[1].State = "succeeded"
	d.Status = provisioner.StatusFluxBootstrapping
	check("booting", "succeeded", "running", "pending", "pending")
	d.Status = provisioner.StatusPhase1Watching
	d.Releases = c.Releases(d.Spec.Apps)
	for i := range d.Releases[:35] {
		d.Releases[i].State = "installed"
	}
	d.Releases[34].State, d.Releases[34].StartedAt = "installing", &start
	check("platform", "succeeded", "succeeded", "running", "pending")
	d.Releases[34].State = "installed"
	d.Releases[35].State, d.Releases[35].StartedAt = "installing", &start
	check("apps", "succeeded", "succeeded", "succeeded", "running")
	says(t, provisioner.ProgressCards(d)[1], "35 of 36 releases installed.", "Under way: Nextcloud.")

	failed := d
	failed.Status, failed.Reason = provisioner.StatusFailed, "nextcloud did not start"
	failed.Releases[35].State = "failed"
	d = failed
	check("failed", "succeeded", "succeeded", "succeeded", "failed")
	says(t, provisioner.ProgressCards(d)[2], "could not be created", "Nextcloud did not start.", "2 resources exist in the simulated cloud")
	d.Cloud = provisioner.Hetzner
	says(t, provisioner.ProgressCards(d)[2], "These cost money until they are deleted: Worker 1.", "catalyst.openova.io/sovereign=acme.omani.works")

	d.Cloud, d.Status, d.Reason = provisioner.Simulated, provisioner.StatusReady, ""
	d.Releases[35].State = "installed"
	d.Links = []card.Link{{Label: "Console", URL: "http://x/deployments/" + d.ID + "/enter", Primary: true}, {Label: "Nextcloud", URL: "http://nextcloud.test"}}
	check("ready", "succeeded", "succeeded", "succeeded", "succeeded")
	ready := provisioner.ProgressCards(d)[2]
	says(t, ready, "acme.omani.works is ready.", "Open the console: /deployments/"+d.ID+"/enter", "Nextcloud: http://nextcloud.test")
	var links card.LinkData
	if err := ready.Decode(&links); err != nil || len(links.Links) != 2 || !links.Links[0].Primary {
		t.Errorf("links %+v, %v", links, err)
	}
}

func TestCancelledBeforeTheStart(t *testing.T) {
	d := planned(t)
	d.Status = provisioner.StatusCancelled
	cards := provisioner.ProgressCards(d)
	if len(cards) != 1 || cards[0].Kind != card.KindNotice {
		t.Fatalf("cards %+v", cards)
	}
	says(t, cards[0], "was cancelled", "Nothing was created in the cloud.")
}

func TestFlowIsTheKitsGraph(t *testing.T) {
	d := planned(t)
	d.Status, d.Spec.Apps = provisioner.StatusPending, []string{"nextcloud", "vaultwarden"}
	at := time.Date(2026, 10, 1, 12, 0, 0, 5e6, time.UTC)
	d.Releases = load(t).Releases(d.Spec.Apps)
	d.Releases[0].State, d.Releases[0].StartedAt, d.Releases[0].FinishedAt = "installed", &at, &at
	d.Releases[1].State = "degraded"
	var f card.FlowData
	if err := provisioner.ProgressCards(d)[1].Decode(&f); err != nil {
		t.Fatal(err)
	}
	edges := map[string]bool{}
	nodes := map[string]card.FlowNode{}
	for _, n := range f.Nodes {
		nodes[strings.TrimPrefix(n.ID, d.ID+":")] = n
	}
	for _, r := range f.Rels {
		if r.Type != "finish-to-start" {
			t.Errorf("edge %+v", r)
		}
		edges[strings.ReplaceAll(r.FromID+">"+r.ToID, d.ID+":install-", "")] = true
	}
	if len(nodes) != 37 || nodes["install-cilium"].Status != "succeeded" || nodes["install-cilium"].StartedAt != at.UnixMilli() ||
		nodes["install-cert-manager"].Status != "running" || nodes["install-app-nextcloud"].Family != "apps" || nodes["install-loki"].Family != "insights" {
		t.Errorf("nodes %+v", nodes)
	}
	for _, e := range []string{"cilium>cert-manager", "keycloak>gitea", "catalyst-platform>app-nextcloud", "cnpg>app-nextcloud", "catalyst-platform>app-vaultwarden"} {
		if !edges[e] {
			t.Errorf("there is no edge %s in %v", e, edges)
		}
	}
}
