package tofu_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/openova-io/sandbox/provisioner/hetzner"
	"github.com/openova-io/sandbox/provisioner/run"
	"github.com/openova-io/sandbox/provisioner/simulator"
	"github.com/openova-io/sandbox/provisioner/tofu"
)

// cloud starts a simulated Hetzner Cloud and gives its address and token.
func cloud(t *testing.T, options simulator.Options) (endpoint, token string) {
	t.Helper()
	options.Dir, options.Token, options.RateLimit = t.TempDir(), strings.Repeat("t", simulator.TokenLength), -1
	sim, err := simulator.New(options)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- sim.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-done
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
	})
	return sim.URL(), sim.Token()
}

// created counts what the cloud was asked to change, and how it answered, but for
// what it refused as done or locked.
func created(t *testing.T, endpoint, token string) map[string]int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.TrimSuffix(endpoint, "/v1")+"/_simulator/requests", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body struct {
		Requests []simulator.Request `json:"requests"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil || len(body.Requests) == 0 {
		t.Fatalf("request log: %d entries, %v", len(body.Requests), err)
	}
	counts := map[string]int{}
	for _, r := range body.Requests {
		// What a killed run asked for just before may be asked for again, and is refused:
		// that changes nothing.
		if refused := r.Status == http.StatusConflict || r.Status == http.StatusLocked; r.Method != http.MethodGet && !refused {
			counts[fmt.Sprintf("%s %s %d", r.Method, number.ReplaceAllString(r.Path, "/#"), r.Status)]++
		}
	}
	return counts
}

var number = regexp.MustCompile(`/[0-9]+`)

// expected is what the cloud must have been asked for, once for each resource of
// the plan, and nothing else.
func expected(plan *tofu.Plan) map[string]int {
	calls := map[string]string{
		"hcloud_network": "/v1/networks", "hcloud_network_subnet": "/v1/networks/#/actions/add_subnet",
		"hcloud_ssh_key": "/v1/ssh_keys", "hcloud_firewall": "/v1/firewalls", "hcloud_server": "/v1/servers",
		"hcloud_placement_group": "/v1/placement_groups", "hcloud_load_balancer": "/v1/load_balancers",
		"hcloud_load_balancer_network": "/v1/load_balancers/#/actions/attach_to_network",
		"hcloud_load_balancer_service": "/v1/load_balancers/#/actions/add_service",
		"hcloud_load_balancer_target":  "/v1/load_balancers/#/actions/add_target",
	}
	counts := map[string]int{}
	for _, c := range plan.Parsed.ResourceChanges {
		counts["POST "+calls[c.Type]+" 201"]++
		if c.Type == "hcloud_server" { // the provider attaches it once it is there
			counts["POST /v1/servers/#/actions/attach_to_network 201"]++
		}
	}
	return counts
}

func sovereign(endpoint, token string) tofu.Request {
	return tofu.Request{
		ID: id, Endpoint: endpoint,
		Tfvars: map[string]any{
			"sovereign_fqdn": "clinic.omani.works", "sovereign_subdomain": "clinic", "deployment_id": id,
			"org_name": "Clinic", "org_email": "owner@clinic.example", "hcloud_project_id": "simulated",
			"region": "hel1", "control_plane_size": "cpx32", "worker_size": "cpx32", "worker_count": 1,
			"ssh_public_key":        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJb0m0m0m0m0m0m0m0m0m0m0m0m0m0m0m0m0m0m0m0m",
			"object_storage_region": "hel1", "object_storage_bucket_name": "catalyst-clinic-omani-works",
			"catalyst_api_url": "http://127.0.0.1:9", "pool_domain": "omani.works", "domain_mode": "pool", "apps": []string{},
		},
		Secrets: map[string]string{
			"kubeconfig_bearer_token": canaryBearer, "object_storage_access_key": strings.Repeat("A", 20),
			"object_storage_secret_key": strings.Repeat("B", 40), "ghcr_pull_token": "ghp-canary-3cc9",
		},
		Ephemeral: map[string]string{"hcloud_token": token},
	}
}

// TestKilledSovereignIsContinued kills an apply at several points of a real
// Sovereign (real tofu, real provider, simulated cloud) and continues it. The
// cloud's own request log must show each thing made once and nothing removed.
func TestKilledSovereignIsContinued(t *testing.T) {
	if testing.Short() {
		t.Skip("applies a whole Sovereign three times; left out by -short")
	}
	for _, killAt := range []int{1, 6, 12} {
		t.Run(fmt.Sprintf("after %d resources", killAt), func(t *testing.T) {
			endpoint, token := cloud(t, simulator.Options{Speed: 8})
			w := newWorld(t, hetzner.Files())
			r := sovereign(endpoint, token)
			plan, err := w.engine.Plan(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			w.findNoCanary(t, plan)
			recovery := tofu.Recovery{Request: r, Finder: tofu.Hetzner{Endpoint: endpoint, Token: token,
				Label: "catalyst.openova.io/sovereign", Value: "clinic.omani.works"}}
			for _, c := range plan.Parsed.ResourceChanges {
				recovery.Approved = append(recovery.Approved, c.Address)
			}
			if err := w.engine.Apply(t.Context(), tofu.Apply{ID: id, Run: "r1", Digest: plan.Digest, Endpoint: endpoint, Ephemeral: r.Ephemeral}); err != nil {
				t.Fatal(err)
			}
			w.until(t, "r1", func(m []tofu.Message) bool { return completed(m) >= killAt })
			w.kill(t, "r1")
			recovered := w.recover(t, recovery)
			if recovered.Imported < killAt || len(recovered.Beyond) != 0 {
				t.Fatalf("imported %d, beyond the approval: %q", recovered.Imported, recovered.Beyond)
			}
			if err := w.engine.Apply(t.Context(), tofu.Apply{ID: id, Run: "r2", Digest: recovered.Digest, Endpoint: endpoint, Ephemeral: r.Ephemeral}); err != nil {
				t.Fatal(err)
			}
			messages, status := w.follow(t, "r2")
			if status.State != run.Finished || status.Exit.Code != 0 {
				for _, m := range messages {
					if m.Diagnostic != nil {
						t.Log(m.Diagnostic)
					}
				}
				t.Fatalf("%+v", status)
			}
			if got, want := created(t, endpoint, token), expected(plan); !maps.Equal(got, want) {
				t.Errorf("the cloud was asked for %v, want %v", got, want)
			}
			outputs, err := w.engine.Outputs(t.Context(), id, endpoint)
			if err != nil || outputs["control_plane_ip"] == "" || outputs["sovereign_fqdn"] != "clinic.omani.works" {
				t.Errorf("outputs %v, %v", outputs, err)
			}
			after := w.recover(t, recovery)
			for _, c := range after.Parsed.ResourceChanges {
				if !c.Change.Actions.NoOp() && !c.Change.Actions.Read() {
					t.Errorf("a converged Sovereign still wants %v of %s", c.Change.Actions, c.Address)
				}
			}
		})
	}
}

func (w world) recover(t *testing.T, r tofu.Recovery) *tofu.Recovered {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	recovered, err := w.engine.Recover(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	return recovered
}
