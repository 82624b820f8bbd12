package guide

import (
	"fmt"
	"strconv"
	"strings"
)

func (t *turn) cost(u *understanding) {
	d := &t.draft
	if d.Estimate == nil || amount(d.Estimate.Monthly) == "" {
		t.costUnknown()
		return
	}
	id := "costestimate"
	if d.phase() != drafting {
		id = "costplan"
	}
	t.say(id, "cost", amount(d.Estimate.Monthly))
	var lines []string
	for i, l := range d.Estimate.Lines {
		if a := amount(l.Monthly); a != "" && i < 4 {
			lines = append(lines, t.label("value", "costline", "label", l.Label, "n", strconv.Itoa(max(l.Quantity, 1)), "amount", a))
		}
	}
	if len(lines) > 1 && !t.justSaid("costlines") {
		t.say("costlines", "lines", strings.Join(lines, ", "))
	}
	if u.has("period", "year") {
		n := u.years()
		if total := yearly(d.Estimate.Monthly, n); total != "" && n == 1 {
			t.say("costyear", "year", total)
		} else if total != "" {
			t.say("costyears", "n", strconv.Itoa(n), "total", total)
		}
	}
	if len(d.Estimate.Unknown) > 0 {
		t.say("costpartial", "list", t.join(d.Estimate.Unknown))
	}
	if d.simulated() && !t.everSaid("costsim") {
		t.say("costsim")
	}
}

func (t *turn) costUnknown() {
	t.say("costunknown")
}

// compareCost works out what the draft would cost in the other countries.
func (t *turn) compareCost() error {
	d := &t.draft
	if d.Estimate == nil || amount(d.Estimate.Monthly) == "" {
		t.costUnknown()
		return nil
	}
	var list []string
	seen := map[string]bool{t.regions[d.region()].Country: true}
	for _, id := range sortedKeys(t.regions) {
		if r := t.regions[id]; seen[r.Country] || t.calls >= mostCalls-1 {
			continue
		} else {
			seen[r.Country] = true
		}
		tried, ok, err := t.tryOut([]change{{Field: fieldRegion, Value: id}})
		if err != nil {
			return err
		}
		if ok {
			list = append(list, t.label("value", "saving", "what", t.regionName(id), "cost", t.atLeast(tried.Estimate)))
		}
	}
	t.say("comparecost", "region", t.regionName(d.region()), "cost", amount(d.Estimate.Monthly), "list", t.join(list))
	return nil
}

// stillInBudget weighs the price against what was said before that it may be.
func (t *turn) stillInBudget() error {
	n, currency := t.readBudget()
	switch {
	case t.draft.Estimate == nil || amount(t.draft.Estimate.Monthly) == "":
		t.costUnknown()
	case n == 0:
		t.say("nobudget", "cost", amount(t.draft.Estimate.Monthly))
	default:
		return t.weighBudget(n, currency)
	}
	return nil
}

// hourly says the price by the hour.
func (t *turn) hourly() {
	if e := t.draft.Estimate; e != nil && amount(e.Hourly) != "" {
		t.say("hourly", "hour", amount(e.Hourly), "cost", amount(e.Monthly))
		return
	}
	t.costUnknown()
}

// years is over how many years a price is asked for.
func (u *understanding) years() int {
	for _, m := range u.byKind["period"] {
		for i := m.from - 1; i >= 0 && i >= m.from-2; i-- {
			if t := &u.msg.tokens[i]; t.kind == numberToken && t.value > 0 && t.value <= 50 {
				return t.value
			}
		}
	}
	return 1
}

// yearly is twelve times a monthly amount with two decimals, for some years;
// empty where that is not how it is written.
func yearly(m money, years int) string {
	whole, cents, ok := strings.Cut(m.Amount, ".")
	n, err := strconv.ParseInt(whole+cents, 10, 64)
	if !ok || err != nil || len(cents) != 2 {
		return ""
	}
	n *= 12 * int64(years)
	return amount(money{Amount: fmt.Sprintf("%d.%02d", n/100, n%100), Currency: m.Currency})
}
