package provisioner

import (
	"fmt"
	"slices"
	"strings"
	"time"

	tfjson "github.com/hashicorp/terraform-json"
	"github.com/openova-io/sandbox/conversation/card"
	"github.com/shopspring/decimal"
)

// staleAfter is the age from which prices are called old.
const staleAfter = 30 * 24 * time.Hour

// item is one thing that costs money, as a plan or a Spec has it.
type item struct {
	// kind is server, ipv4, load-balancer, volume or other.
	kind string
	// what is the server type, load-balancer type, or the resource's type.
	what string
	// region is where; empty where the plan does not say.
	region  string
	backups bool
	count   int
}

// label is the item in words; two items with the same label are one line.
func (i item) label() string {
	at := ""
	if i.region != "" {
		at = " in " + i.region
	}
	switch i.kind {
	case "server":
		label := "Server " + or(i.what, "of unknown size") + at
		if i.backups {
			label += ", with backups"
		}
		return label
	case "ipv4":
		return "Public IPv4 address"
	case "load-balancer":
		return "Load balancer " + i.what + at
	case "volume":
		return "Volume, GB" + at
	}
	return i.what + at
}

// Estimate prices a Spec by the table, with the same lines and sums as the cost
// of the plan that is made from it. A Spec without regions costs nothing yet.
func (c *Catalogue) Estimate(spec Spec) Cost {
	return c.estimate(spec, time.Time{})
}

func (c *Catalogue) estimate(spec Spec, now time.Time) Cost {
	return c.price(bill(spec.Normalize()), nil, now)
}

// bill lists what the bundled module orders for a Spec: per region the control
// plane (three nodes with high availability), the workers and a load balancer,
// and in the first region one more load balancer where the console is isolated.
// Every server has a public IPv4 address.
func bill(spec Spec) []item {
	var items []item
	for i, r := range spec.Regions {
		nodes := 1
		if spec.ha() {
			nodes = 3
		}
		items = append(items, item{kind: "server", what: r.ControlPlaneSize, region: r.CloudRegion, count: nodes})
		if r.WorkerCount > 0 {
			items = append(items, item{kind: "server", what: r.WorkerSize, region: r.CloudRegion, count: r.WorkerCount})
		}
		balancers := 1
		if i == 0 && spec.consoleIsolation() {
			balancers = 2
		}
		items = append(items,
			item{kind: "ipv4", region: r.CloudRegion, count: nodes + r.WorkerCount},
			item{kind: "load-balancer", what: "lb11", region: r.CloudRegion, count: balancers})
	}
	return items
}

// Cost prices a plan: what its resources cost after it was applied, with what
// they cost before where something exists. Sums are exact; a resource without a
// known price is named and left out of them. now decides whether the prices are
// old.
func (c *Catalogue) Cost(plan *tfjson.Plan, now time.Time) Cost {
	if plan == nil {
		return c.price(nil, nil, now)
	}
	var after, before []item
	var replaced []string
	for _, rc := range plan.ResourceChanges {
		if rc == nil || rc.Change == nil || rc.Mode == tfjson.DataResourceMode {
			continue
		}
		actions := rc.Change.Actions
		if !actions.Delete() {
			after = append(after, planItems(rc, rc.Change.After)...)
		}
		if !actions.Create() {
			before = append(before, planItems(rc, rc.Change.Before)...)
		}
		if actions.Replace() {
			replaced = append(replaced, rc.Address)
		}
	}
	cost := c.price(after, before, now)
	if len(replaced) > 0 {
		cost.Replaced = replaced
		cost.Assumptions = append(cost.Assumptions,
			plural(len(replaced), "resource is", "resources are")+" replaced and priced at today's rate; a server from before a price rise keeps its old price only while it exists.")
	}
	return cost
}

// planItems reads what costs money of one resource.
func planItems(rc *tfjson.ResourceChange, state any) []item {
	values, ok := state.(map[string]any)
	if !ok {
		return nil
	}
	text := func(key string) string { s, _ := values[key].(string); return s }
	place := text("location")
	if place == "" {
		place, _, _ = strings.Cut(text("datacenter"), "-") // "fsn1-dc14"
	}
	switch rc.Type {
	case "hcloud_server":
		backups, _ := values["backups"].(bool)
		items := []item{{kind: "server", what: text("server_type"), region: place, backups: backups, count: 1}}
		if publicIPv4(values["public_net"]) {
			items = append(items, item{kind: "ipv4", region: place, count: 1})
		}
		return items
	case "hcloud_load_balancer":
		return []item{{kind: "load-balancer", what: text("load_balancer_type"), region: place, count: 1}}
	case "hcloud_volume":
		size, _ := wholeNumber(values["size"])
		return []item{{kind: "volume", region: place, count: size}}
	case "hcloud_primary_ip", "hcloud_floating_ip":
		if text("type") == "ipv6" && rc.Type == "hcloud_primary_ip" {
			return nil
		}
		if rc.Type == "hcloud_primary_ip" && text("type") == "ipv4" {
			return []item{{kind: "ipv4", region: place, count: 1}}
		}
		return []item{{kind: "other", what: "Floating IP address", region: place, count: 1}}
	case "hcloud_snapshot":
		return []item{{kind: "other", what: "Snapshot", count: 1}}
	}
	// Networks, subnets, firewalls, keys, placement groups, attachments and what
	// is not in the cloud at all cost nothing.
	return nil
}

// publicIPv4 is whether a server gets a public IPv4 address of its own: it does
// unless its public_net says no, or names a primary IP that is priced itself.
func publicIPv4(v any) bool {
	list, _ := v.([]any)
	for _, e := range list {
		m, _ := e.(map[string]any)
		if on, ok := m["ipv4_enabled"].(bool); ok && !on {
			return false
		}
		if id, ok := wholeNumber(m["ipv4"]); ok && id != 0 {
			return false
		}
	}
	return true
}

// price turns items into a Cost. Items with the same label become one line, in
// the order of their kinds, then of their names.
func (c *Catalogue) price(after, before []item, now time.Time) Cost {
	cur := c.prices.Currency
	source, asOf := "table", c.provenance["sizes"].Date
	live := c.offer != nil && !c.offer.stockOnly
	if live {
		source, asOf = "live", c.offer.At.Format(time.DateOnly)
	}
	cost := Cost{
		Lines:   []card.CostLine{},
		VATNote: c.prices.VATNote, Source: source, PricesAsOf: asOf,
		Assumptions: []string{
			fmt.Sprintf("Every hour is billed up to the monthly price; an hour costs the month's price divided by %s, to four decimals.", c.prices.HoursPerCap),
			"Object Storage and traffic beyond what is included are billed by use and are not in the sum.",
			fmt.Sprintf("Volumes that the cluster orders later cost %s %s per GB and month and are not in the sum.", or(c.prices.VolumeGB, "an unknown number of"), cur),
		},
	}
	if live {
		cost.Assumptions[0] = "Every hour is billed by the provider's hourly price up to the monthly price."
	}
	if day, err := time.Parse(time.DateOnly, asOf); err == nil && !now.IsZero() {
		cost.Stale = now.Sub(day) > staleAfter
	}
	month, hour := decimal.Zero, decimal.Zero
	for _, i := range merge(after) {
		unit, unitHour, known := c.unitPrice(i)
		line := card.CostLine{Label: i.label(), Quantity: i.count, UnitMonthly: card.Money{Currency: cur}, Monthly: card.Money{Currency: cur}}
		if known {
			n := decimal.NewFromInt(int64(i.count))
			total := unit.Mul(n).Round(2)
			line.UnitMonthly = money(unit, max(2, -unit.Exponent()), cur)
			line.Monthly = money(total, 2, cur)
			month = month.Add(total)
			hour = hour.Add(unitHour.Mul(n))
		} else {
			cost.Unknown = append(cost.Unknown, line.Label)
		}
		cost.Lines = append(cost.Lines, line)
	}
	cost.Monthly, cost.Hourly = money(month, 2, cur), money(hour, 4, cur)
	if len(before) > 0 {
		was, whole := decimal.Zero, true
		for _, i := range merge(before) {
			unit, _, known := c.unitPrice(i)
			whole = whole && known
			was = was.Add(unit.Mul(decimal.NewFromInt(int64(i.count))).Round(2))
		}
		m := card.Money{Currency: cur}
		if whole {
			m = money(was, 2, cur)
		}
		cost.Before = &m
	}
	return cost
}

// merge adds up items with the same label and sorts them.
func merge(items []item) []item {
	order := []string{"server", "ipv4", "load-balancer", "volume", "other"}
	var out []item
	at := map[string]int{}
	for _, i := range items {
		if i.count <= 0 {
			continue
		}
		if n, ok := at[i.label()]; ok {
			out[n].count += i.count
			continue
		}
		at[i.label()] = len(out)
		out = append(out, i)
	}
	slices.SortStableFunc(out, func(a, b item) int {
		if d := slices.Index(order, a.kind) - slices.Index(order, b.kind); d != 0 {
			return d
		}
		return strings.Compare(a.label(), b.label())
	})
	return out
}

// unitPrice is the net price of one item a month and an hour; false where none is
// known.
func (c *Catalogue) unitPrice(i item) (month, hour decimal.Decimal, known bool) {
	r, placed := c.Region(i.region)
	backup := decimal.Zero
	if i.backups {
		percent, err := decimal.NewFromString(c.prices.BackupPercent)
		if err != nil {
			return month, hour, false
		}
		backup = percent.Div(decimal.NewFromInt(100))
	}
	var monthly, hourly string
	switch live := c.offer != nil && !c.offer.stockOnly; {
	case i.kind == "server" && placed:
		if n, ok := c.NodeSize(r.Region, i.what); ok {
			monthly = n.Monthly
			if live {
				hourly = n.Hourly
			}
		}
	case i.kind == "ipv4" && live:
		monthly, hourly = c.offer.ipv4[r.Region].monthly, c.offer.ipv4[r.Region].hourly
	case i.kind == "ipv4":
		monthly = c.prices.IPv4Monthly
	case i.kind == "load-balancer" && live:
		monthly, hourly = c.offer.balancers[i.what][r.Region].monthly, c.offer.balancers[i.what][r.Region].hourly
	case i.kind == "load-balancer":
		monthly = c.prices.LoadBalancers[i.what][r.PriceGroup]
	case i.kind == "volume":
		monthly = c.prices.VolumeGB
	}
	month, err := decimal.NewFromString(monthly)
	if err != nil {
		return decimal.Zero, decimal.Zero, false
	}
	if i.backups {
		month = month.Add(month.Mul(backup)).Round(2)
	}
	hour, err = decimal.NewFromString(hourly)
	if err != nil || i.backups {
		hour = c.prices.hourly(month)
	}
	return month, hour, true
}
