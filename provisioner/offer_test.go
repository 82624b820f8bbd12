package provisioner_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/provisioner"
	"github.com/openova-io/sandbox/provisioner/simulator"
)

// pricedCloud starts a simulated cloud with a price list of its own: cpx32 costs 40
// a month, cpx22 is not priced in Helsinki, cpx42 is sold out in Falkenstein.
func pricedCloud(t *testing.T) provisioner.Endpoint {
	t.Helper()
	at := func(price string) map[string]string { return map[string]string{"fsn1": price, "hel1": price} }
	both := []string{"fsn1", "hel1"}
	kind := func(id int64, name string, cores int, memory float32, monthly map[string]string, available []string) simulator.ServerType {
		return simulator.ServerType{ID: id, Name: name, Description: strings.ToUpper(name), Category: "Shared vCPU (AMD)", Cores: cores, MemoryGB: memory,
			DiskGB: 80, CPUType: "shared", Architecture: "x86", Monthly: monthly, Available: available}
	}
	token := strings.Repeat("t", simulator.TokenLength)
	sim, err := simulator.New(simulator.Options{Dir: t.TempDir(), Token: token, RateLimit: -1, Types: []simulator.ServerType{
		kind(109, "cpx22", 2, 4, map[string]string{"fsn1": "21.00"}, []string{"fsn1"}), kind(110, "cpx32", 4, 8, at("40.00"), both),
		kind(111, "cpx42", 8, 16, at("80.00"), []string{"hel1"}), kind(112, "cpx52", 12, 24, at("120.00"), both),
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- sim.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended; sim.Close() })
	return provisioner.Endpoint{URL: sim.URL(), Token: token}
}

func workers(size, region string) provisioner.Spec {
	return provisioner.Spec{Regions: []provisioner.Region{{Provider: "hetzner", CloudRegion: region, ControlPlaneSize: "cpx32", WorkerSize: size, WorkerCount: 2}}}
}

func TestLivePricesReplaceTheTables(t *testing.T) {
	t.Parallel()
	table, err := provisioner.LoadCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	offer, err := provisioner.FetchOffer(t.Context(), pricedCloud(t))
	if err != nil {
		t.Fatal(err)
	}
	live := table.With(offer)
	cost := live.Estimate(workers("cpx32", "fsn1"))
	// Three servers at 40.00, three addresses at 0.50 and two balancers at 7.49.
	if cost.Source != "live" || cost.PricesAsOf != time.Now().UTC().Format(time.DateOnly) || cost.Stale || cost.Monthly.Amount != "136.48" || len(cost.Unknown) != 0 {
		t.Errorf("%s of %s: %s a month, unknown %q", cost.Source, cost.PricesAsOf, cost.Monthly.Amount, cost.Unknown)
	}
	// What the provider does not price is unknown, though the table has a price.
	if cost := live.Estimate(workers("cpx22", "hel1")); len(cost.Unknown) != 1 || !strings.Contains(cost.Unknown[0], "cpx22") {
		t.Errorf("unknown are %q", cost.Unknown)
	}
	if n, _ := live.NodeSize("fsn1", "cpx42"); n.Orderable || n.Monthly != "80" || !strings.Contains(n.Reason, "out of stock") {
		t.Errorf("cpx42 is %+v", n)
	}
	if n, _ := live.NodeSize("hel1", "cpx42"); !n.Orderable {
		t.Errorf("cpx42 in hel1 is %+v", n)
	}
	if n, _ := live.NodeSize("fsn1", "ccx13"); n.Orderable || n.Monthly != "" {
		t.Errorf("a size that the provider does not list is %+v", n)
	}
	// The table itself is as it was.
	if cost := table.Estimate(workers("cpx32", "fsn1")); cost.Source != "table" || cost.PricesAsOf != "2026-09-29" {
		t.Errorf("the table says %s of %s", cost.Source, cost.PricesAsOf)
	}
	if _, err := provisioner.FetchOffer(t.Context(), provisioner.Endpoint{URL: "http://127.0.0.1:9/v1", Token: "x"}); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("a provider that does not answer: %v", err)
	}
}

// TestCostCardSaysWhereThePricesComeFrom: live with the real cloud's token, the
// table with its age where the provider does not answer.
func TestCostCardSaysWhereThePricesComeFrom(t *testing.T) {
	t.Parallel()
	cloud := pricedCloud(t)
	for name, x := range map[string]struct {
		offers func(context.Context, provisioner.Endpoint) (*provisioner.Offer, error)
		want   []string
	}{
		"live": {func(ctx context.Context, e provisioner.Endpoint) (*provisioner.Offer, error) {
			if e.URL != provisioner.HetznerAPI || e.Token != strings.Repeat("t", 64) {
				t.Errorf("asked at %s", e.URL)
			}
			return provisioner.FetchOffer(ctx, cloud)
		}, []string{"Prices: live from the provider, " + time.Now().UTC().Format(time.DateOnly)}},
		"away": {func(context.Context, provisioner.Endpoint) (*provisioner.Offer, error) {
			return nil, fault.New(fault.Unavailable, "no")
		}, []string{"Prices: table of 2026-09-29, ", " days old. They are more than 30 days old", "could not be read just now"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, provisioner.Hetzner, func(o *provisioner.Options) { o.Offers = x.offers })
			d := r.realPlan()
			text := ""
			for _, c := range provisioner.PlanCards(d) {
				if strings.HasPrefix(c.ID, "cost-") {
					text = c.Text
				}
			}
			for _, want := range x.want {
				if !strings.Contains(text, want) {
					t.Errorf("the cost card does not say %q:\n%s", want, text)
				}
			}
		})
	}
}

// TestOutOfStockIsFoundBeforeThePlan names the size and what can be had instead.
func TestOutOfStockIsFoundBeforeThePlan(t *testing.T) {
	t.Parallel()
	cloud := pricedCloud(t)
	r := newRig(t, provisioner.Simulated, func(o *provisioner.Options) {
		o.Offers = func(ctx context.Context, _ provisioner.Endpoint) (*provisioner.Offer, error) {
			return provisioner.FetchOffer(ctx, cloud)
		}
	})
	r.draft("c1")
	change := func(field, value string) {
		t.Helper()
		if _, err := r.service.ChangeDraft(t.Context(), owner, "c1", []provisioner.Change{{Field: field, Value: value}}); err != nil {
			t.Fatal(err)
		}
	}
	change("regions[0].cloudRegion", "fsn1")
	change("regions[0].controlPlaneSize", "cpx22")
	change("regions[0].workerSize", "cpx42")
	_, err := r.service.Plan(t.Context(), owner, "c1")
	f := fault.From(err)
	if f == nil || f.Code != fault.Invalid || len(f.Violations) != 1 || f.Violations[0].Path != "regions[0].workerSize" ||
		!strings.Contains(f.Violations[0].Message, "cpx42 is out of stock in Falkenstein") || !strings.Contains(f.Violations[0].Suggestion, "cpx52") {
		t.Fatalf("%v", err)
	}
	if plans, _, _ := r.engine.count(); plans != 0 {
		t.Error("it was planned all the same")
	}
	change("regions[0].workerSize", "cpx52")
	if d := r.plan("c1"); d.Plan.Cost.Source != "table" {
		t.Errorf("a simulated cloud's prices are %s", d.Plan.Cost.Source)
	}
}
