package provisioner_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	tfjson "github.com/hashicorp/terraform-json"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/provisioner"
)

var tableDay = time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)

func resource(kind string, actions tfjson.Actions, before, after map[string]any) *tfjson.ResourceChange {
	c := &tfjson.Change{Actions: actions}
	if before != nil {
		c.Before = before
	}
	if after != nil {
		c.After = after
	}
	return &tfjson.ResourceChange{Address: kind + ".x", Mode: tfjson.ManagedResourceMode, Type: kind, Change: c}
}

func create(kind string, after map[string]any) *tfjson.ResourceChange {
	return resource(kind, tfjson.Actions{tfjson.ActionCreate}, nil, after)
}

func server(size, at string) map[string]any {
	return map[string]any{"server_type": size, "location": at, "public_net": []any{}}
}

func balancer(at string) map[string]any {
	return map[string]any{"load_balancer_type": "lb11", "location": at}
}

// modulePlan is the plan that the bundled module makes of a Spec.
func modulePlan(s provisioner.Spec) *tfjson.Plan {
	s = s.Normalize()
	p := &tfjson.Plan{ResourceChanges: []*tfjson.ResourceChange{
		create("hcloud_network", map[string]any{"name": "x"}), create("hcloud_ssh_key", map[string]any{"name": "x"}),
		create("hcloud_firewall", map[string]any{"name": "x"}),
	}}
	for i, r := range s.Regions {
		nodes := 1
		if s.HAEnabled != nil && *s.HAEnabled {
			nodes = 3
		}
		for range nodes {
			p.ResourceChanges = append(p.ResourceChanges, create("hcloud_server", server(r.ControlPlaneSize, r.CloudRegion)))
		}
		for range r.WorkerCount {
			p.ResourceChanges = append(p.ResourceChanges, create("hcloud_server", server(r.WorkerSize, r.CloudRegion)))
		}
		p.ResourceChanges = append(p.ResourceChanges, create("hcloud_load_balancer", balancer(r.CloudRegion)))
		if i == 0 && (s.ConsoleIsolationEnabled == nil || *s.ConsoleIsolationEnabled) {
			p.ResourceChanges = append(p.ResourceChanges, create("hcloud_load_balancer", balancer(r.CloudRegion)))
		}
	}
	return p
}

func TestCostOfTheDefaultSovereign(t *testing.T) {
	c := load(t)
	spec := provisioner.Spec{Region: "hel1", ControlPlaneSize: "cpx22", WorkerSize: "cpx32", WorkerCount: ptr(2), ConsoleIsolationEnabled: ptr(false)}
	for isolated, want := range map[bool]string{false: "99.46", true: "106.95"} {
		spec.ConsoleIsolationEnabled = &isolated
		if got := c.Cost(modulePlan(spec), tableDay).Monthly; got != (card.Money{Amount: want, Currency: "EUR"}) {
			t.Errorf("console isolated %t: %v a month, want %s EUR", isolated, got, want)
		}
	}
}

func TestEstimateEqualsPlan(t *testing.T) {
	c := load(t)
	rapid.Check(t, func(t *rapid.T) {
		spec := drawSpec(t)
		estimate, plan := c.Estimate(spec), c.Cost(modulePlan(spec), tableDay)
		if !reflect.DeepEqual(estimate, plan) {
			t.Fatalf("estimate %+v\nplan %+v", estimate, plan)
		}
		sum := decimal.Zero
		for _, l := range plan.Lines {
			if l.Monthly.Amount != "" {
				sum = sum.Add(decimal.RequireFromString(l.Monthly.Amount))
			}
		}
		if sum.StringFixed(2) != plan.Monthly.Amount {
			t.Fatalf("lines add up to %s, the sum says %s", sum, plan.Monthly.Amount)
		}
	})
}

func drawSpec(t *rapid.T) provisioner.Spec {
	ha, isolated := rapid.Bool().Draw(t, "ha"), rapid.Bool().Draw(t, "isolated")
	size := rapid.SampledFrom([]string{"cpx22", "cpx32", "ccx13", "ccx33", "cx23", "cpx41"})
	s := provisioner.Spec{HAEnabled: &ha, ConsoleIsolationEnabled: &isolated, Provider: "hetzner"}
	for i := range rapid.IntRange(0, 3).Draw(t, "regions") {
		s.Regions = append(s.Regions, provisioner.Region{Provider: "hetzner",
			CloudRegion:      rapid.SampledFrom([]string{"fsn1", "nbg1", "hel1", "ash", "hil"}).Draw(t, fmt.Sprint("region", i)),
			ControlPlaneSize: size.Draw(t, "cp"), WorkerSize: size.Draw(t, "w"), WorkerCount: rapid.IntRange(0, 7).Draw(t, "count")})
	}
	return s
}

func TestUnknownStaysUnknown(t *testing.T) {
	c := load(t)
	cost := c.Cost(&tfjson.Plan{ResourceChanges: []*tfjson.ResourceChange{
		create("hcloud_server", server("ccx13", "ash")), create("hcloud_load_balancer", balancer("ash")),
		create("hcloud_server", map[string]any{"location": "ash"}),
		create("hcloud_floating_ip", map[string]any{"type": "ipv4"}),
	}}, tableDay)
	if cost.Monthly.Amount != "44.49" || len(cost.Unknown) != 3 {
		t.Errorf("%s a month without %q", cost.Monthly.Amount, cost.Unknown)
	}
	for _, l := range cost.Lines {
		if strings.Contains(strings.Join(cost.Unknown, ";"), l.Label) && (l.Monthly.Amount != "" || l.UnitMonthly.Amount != "") {
			t.Errorf("%s has no known price and still an amount", l.Label)
		}
	}
}

func TestBeforeAndReplace(t *testing.T) {
	c := load(t)
	small, large := server("cpx22", "fsn1"), server("cpx32", "fsn1")
	noIPv4 := map[string]any{"server_type": "cpx22", "location": "fsn1", "public_net": []any{map[string]any{"ipv4_enabled": false}}}
	backups := map[string]any{"server_type": "cpx22", "location": "fsn1", "backups": true}
	for name, x := range map[string]struct {
		change          *tfjson.ResourceChange
		monthly, before string
		replaced        int
	}{
		"create":    {create("hcloud_server", small), "19.99", "", 0},
		"no-op":     {resource("hcloud_server", tfjson.Actions{tfjson.ActionNoop}, small, small), "19.99", "19.99", 0},
		"rescale":   {resource("hcloud_server", tfjson.Actions{tfjson.ActionUpdate}, small, large), "35.99", "19.99", 0},
		"replace":   {resource("hcloud_server", tfjson.Actions{tfjson.ActionDelete, tfjson.ActionCreate}, small, small), "19.99", "19.99", 1},
		"delete":    {resource("hcloud_server", tfjson.Actions{tfjson.ActionDelete}, small, nil), "0.00", "19.99", 0},
		"no IPv4":   {create("hcloud_server", noIPv4), "19.49", "", 0},
		"backups":   {create("hcloud_server", backups), "23.89", "", 0},
		"volume":    {create("hcloud_volume", map[string]any{"size": float64(28), "location": "fsn1"}), "1.60", "", 0},
		"volume 10": {create("hcloud_volume", map[string]any{"size": float64(10)}), "0.57", "", 0},
		"primary":   {create("hcloud_primary_ip", map[string]any{"type": "ipv4"}), "0.50", "", 0},
		"IPv6":      {create("hcloud_primary_ip", map[string]any{"type": "ipv6"}), "0.00", "", 0},
	} {
		cost := c.Cost(&tfjson.Plan{ResourceChanges: []*tfjson.ResourceChange{x.change}}, tableDay)
		before := ""
		if cost.Before != nil {
			before = cost.Before.Amount
		}
		if cost.Monthly.Amount != x.monthly || before != x.before || len(cost.Replaced) != x.replaced {
			t.Errorf("%s: %s a month, before %q, replaced %q; want %+v", name, cost.Monthly.Amount, before, cost.Replaced, x)
		}
	}
}

func TestStalePrices(t *testing.T) {
	c := load(t)
	for days, want := range map[int]bool{0: false, 30: false, 31: true} {
		day := time.Date(2026, 9, 29, 0, 0, 1, 0, time.UTC).AddDate(0, 0, days).Add(-2 * time.Second)
		if days == 31 {
			day = day.Add(4 * time.Second)
		}
		if got := c.Cost(nil, day).Stale; got != want {
			t.Errorf("after %d days stale is %t", days, got)
		}
	}
}
