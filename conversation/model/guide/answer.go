package guide

import (
	"fmt"
	"strconv"
	"strings"
)

// answer answers the questions of a message, in their order.
func (t *turn) answer(u *understanding) error {
	if u.act("summary") && len(u.topics) == 0 {
		t.summary("sofar")
		t.replied = true
		if t.draft.phase() != drafting {
			return nil
		}
	}
	if u.act("progress") && len(u.topics) == 0 && !u.facts() {
		switch t.draft.phase() {
		case drafting:
			t.say("notstarted")
			t.replied = true
		case building, ready, failed, cancelled, wiped:
			t.replied = true
			return t.progress(u)
		}
	}
	if err := t.aboutApps(u); err != nil {
		return err
	}
	if len(u.topics) == 0 && len(u.compliance) > 0 && !live(u.compliance) { // "FedRAMP?"
		t.add(t.language.topics["compliance"].Answer)
		t.replied = true
	}
	if len(u.where.asked) > 0 && len(u.topics) == 0 && !u.facts() && !u.act("offtopic") {
		t.replied = true
		return t.listRegions(u)
	}
	for _, id := range u.topics {
		if t.replied && t.language.topics[id].Weight == 1 {
			continue // a general question beside one that was answered
		}
		top := t.language.topics[id]
		var err error
		if top.Handler != "" {
			err = t.handle(top.Handler, u)
		} else {
			text := top.Answer
			if t.draft.simulated() && top.Simulated != "" {
				text = top.Simulated
			} else if top.Real != "" {
				text = top.Real
			}
			t.add(text)
		}
		if err != nil {
			return err
		}
		t.replied = true
	}
	return nil
}

// handle answers a question whose answer is in tool results.
func (t *turn) handle(handler string, u *understanding) error {
	switch handler {
	case "cost":
		t.cost(u)
	case "whyregion":
		return t.whyRegion(u)
	case "wheredata":
		if r := t.draft.region(); r != "" {
			t.say("wheredata", "region", t.regionName(r))
			return nil
		}
		t.add(t.language.topics["data"].Answer)
	case "comparehost":
		if u.act("price") || u.act("cheapest") {
			return t.compareCost()
		}
		return t.listRegions(u)
	case "regions":
		return t.listRegions(u)
	case "risk":
		if t.armWorkers() {
			t.say("armnote")
			return nil
		}
		if d := t.draft.Sizing; d != nil && d.Shortfall != "" {
			t.said = append(t.said, t.reply("shortfall", "text", sentence(d.Shortfall)))
			return nil
		}
		t.say("norisk")
	case "nearer":
		return t.nearer()
	case "budget":
		return t.stillInBudget()
	case "distance":
		return t.distance(u)
	case "hourly":
		t.hourly()
	case "fits":
		t.fits(u)
	case "currency":
		if t.draft.Estimate != nil && amount(t.draft.Estimate.Monthly) != "" {
			t.say("budgetcurrency", "cost", amount(t.draft.Estimate.Monthly), "currency", t.draft.Estimate.Monthly.Currency)
			return nil
		}
		t.say("currencyonly")
	case "latency":
		return t.latency(u)
	case "leaves":
		t.leaves(u)
	case "serverdies":
		t.serverDies()
	case "ownaddress":
		t.ownAddress()
	case "fewer":
		return t.fewer(u)
	case "whysize":
		t.whySize(u)
	case "sizes":
		return t.listSizes()
	case "apps":
		return t.listApps()
	case "included":
		t.say("included")
		if len(t.draft.Spec.Apps) > 0 {
			t.say("includedapps", "apps", t.appNames(t.draft.Spec.Apps))
		} else {
			t.say("includednone")
		}
	case "whyapps":
		t.whyApps(u)
	case "whyaddress":
		switch d := &t.draft; {
		case d.Spec.SovereignFQDN == "":
			t.say("whyaddressnone")
		case d.field(fieldSubdomain, fieldFQDN).Source == "said":
			t.say("whyaddresssaid", "fqdn", d.Spec.SovereignFQDN)
		default:
			t.say("whyaddress", "fqdn", d.Spec.SovereignFQDN)
		}
	case "why":
		return t.why(u)
	case "howlong":
		if t.draft.phase() == building {
			return t.progress(u)
		}
		if t.draft.simulated() {
			t.say("howlong")
		} else {
			t.say("howlongreal")
		}
	}
	return nil
}

// why answers a bare "why?": about what was suggested last.
func (t *turn) why(u *understanding) error {
	d := &t.draft
	if len(u.where.asked) > 0 {
		return t.whyRegion(u)
	}
	switch {
	case t.open[fieldName] || t.open[fieldEmail]:
		t.add(t.language.topics["whyask"].Answer)
	case d.region() != "":
		return t.whyRegion(u)
	case len(d.Spec.Apps) > 0:
		t.whyApps(u)
	default:
		t.say("whynothing")
	}
	return nil
}

// armWorkers is true where the workers are of a type with ARM processors.
func (t *turn) armWorkers() bool {
	size := t.draft.workerSize()
	for _, p := range strings.Fields(t.ArmPrefixes) {
		if strings.HasPrefix(size, p) {
			return true
		}
	}
	return false
}

// serverDies says what happens when a server fails, as the draft is.
func (t *turn) serverDies() {
	switch n, known := t.draft.workers(); {
	case t.draft.ha():
		t.say("diesha")
	case known && n == 0:
		t.say("diessingle")
	default:
		t.say("diesplain")
	}
}

func (t *turn) whySize(u *understanding) {
	d := &t.draft
	if d.Sizing == nil || d.Sizing.MemoryMiB == 0 {
		t.say("whyunknown")
		return
	}
	memory := strconv.FormatFloat(float64(d.Sizing.MemoryMiB)/1024, 'f', 1, 64)
	cpu := strconv.FormatFloat(float64(d.Sizing.CPUMillis)/1000, 'f', 1, 64)
	if contains(u.topics, "enough") {
		n := u.counts.askedCount
		if n >= d.Sizing.Workers || n == 0 && d.Sizing.Shortfall == "" {
			t.say("enoughyes")
		} else {
			t.say("enoughno")
		}
	}
	id := "whysize"
	count := t.workersLabel(d.Sizing.Workers, d.Sizing.WorkerSize)
	if n, ok := d.workers(); ok && d.field(fieldWorkers, "workerCount").Source == "said" {
		id, count = "whysizesaid", t.workersLabel(n, d.workerSize())
	}
	t.say(id, "memory", memory, "cpu", cpu, "count", count)
	if d.Sizing.Shortfall != "" {
		t.said = append(t.said, t.reply("shortfall", "text", sentence(d.Sizing.Shortfall)))
	}
}

func (t *turn) listSizes() error {
	region := t.draft.region()
	items, err := t.sizeList(region)
	if err != nil {
		if waits(err) {
			return err
		}
		t.say("toolfailed")
		return nil
	}
	var lines []string
	for _, s := range items {
		if !s.Orderable || len(lines) == 8 {
			continue
		}
		line := fmt.Sprintf("- %s: %d vCPU, %d GB", s.ID, s.VCPU, s.MemoryGB)
		if p := s.price(); p != "" {
			line += ", " + amount(money{Amount: p, Currency: keep(s.Currency, "EUR")})
		}
		lines = append(lines, line)
	}
	where := ""
	if region != "" {
		where = " (" + t.regionName(region) + ")"
	}
	t.said = append(t.said, t.reply("sizes", "where", where)+"\n"+strings.Join(lines, "\n"))
	return nil
}
