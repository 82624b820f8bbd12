package provisioner

import (
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
)

// Figures that the catalogue has no source for. They are stated in every
// Sizing's assumptions.
const (
	overheadMiB    = 1024 // control plane, upstream's figure
	overheadMillis = 500
	reserveMiB     = 512 // operating system and kubelet, per worker
	reserveMillis  = 100
	// A worker smaller than this leaves no room for the kit's larger releases
	// next to what runs on every node.
	minWorkerVCPU, minWorkerGB = 4, 8
	// A control plane smaller than this does not hold k3s with its datastore.
	minControlVCPU, minControlGB = 2, 4
	minWorkers, maxWorkers       = 2, 50
)

// Size gives the footprint of everything that a Spec installs and the workers
// that hold it: the fixed kit, the chosen components that the kit does not
// bring, the chosen apps with the databases that they need, and the control
// plane's overhead. Where the Spec names a worker size, Workers is for that
// size; where it does not, the cheapest orderable combination is taken. With
// high availability the load also fits with one worker lost.
func (c *Catalogue) Size(spec Spec) Sizing {
	spec = spec.Normalize()
	s := c.footprint(spec)
	region, size, said := c.home(spec), "", -1
	if len(spec.Regions) > 0 {
		size = spec.Regions[0].WorkerSize
		said = spec.Regions[0].WorkerCount
	}
	if _, known := c.NodeSize(region, size); !known {
		size, said = c.recommend(spec, region, s, 0).worker, -1
	}
	s.WorkerSize = size
	if n, ok := c.NodeSize(region, size); ok {
		s.Workers = workersFor(s, n, spec.ha())
		if s.Workers > maxWorkers {
			s.Shortfall = fmt.Sprintf("Even %d × %s do not hold %s.", maxWorkers, size, describeLoad(s.MemoryMiB, s.CPUMillis))
			s.Workers = maxWorkers
		}
		switch {
		case said == 0:
			s.Shortfall = fmt.Sprintf("Without workers the control plane would have to hold %s. %d × %s would hold it.",
				describeLoad(s.MemoryMiB, s.CPUMillis), s.Workers, size)
		case said > 0 && !fits(s, n, said, spec.ha()):
			s.Shortfall = fmt.Sprintf("%s %s; what will be installed asks for %s%s, so some parts may wait for room. %d × %s would hold it.",
				hold(said, size), describeLoad(capacity(n, said, spec.ha())), describeLoad(s.MemoryMiB, s.CPUMillis), lostOne(spec.ha()), s.Workers, size)
		}
	}
	s.Assumptions = c.sizingAssumptions(spec, s)
	return s
}

// hold begins the sentence that says what so many nodes of a size hold.
func hold(n int, size string) string {
	if n == 1 {
		return "1 × " + size + " holds"
	}
	return fmt.Sprintf("%d × %s hold", n, size)
}

// home is the region whose prices and stock count: the Spec's first, or the
// first that can be planned.
func (c *Catalogue) home(spec Spec) string {
	if len(spec.Regions) > 0 {
		if r, ok := c.Region(spec.Regions[0].CloudRegion); ok {
			return r.Region
		}
	}
	return c.regions[0].Region
}

// footprint adds up what will be installed.
func (c *Catalogue) footprint(spec Spec) Sizing {
	var s Sizing
	add := func(p SizingPart) {
		s.MemoryMiB += p.MemoryMiB
		s.CPUMillis += p.CPUMillis
		s.Parts = append(s.Parts, p)
	}
	inKit := map[string]bool{}
	kit := SizingPart{Name: fmt.Sprintf("Platform kit (%d releases)", len(c.kit))}
	guess := SizingPart{Name: "Platform kit, releases without a published figure", Estimated: true}
	for _, k := range c.kit {
		inKit[strings.TrimPrefix(k.Name, "bp-")] = true
		part := &kit
		if k.Estimated {
			part = &guess
		}
		part.MemoryMiB += k.MemoryMiB
		part.CPUMillis += k.CPUMillis
	}
	add(kit)
	add(guess)
	for _, id := range c.withNeeds(spec.Components) {
		x, _ := c.Component(id)
		if !inKit[id] {
			add(SizingPart{Name: x.Name, MemoryMiB: x.MemoryMiB, CPUMillis: x.CPUMillis, Estimated: x.MemoryMiB == 0})
		}
	}
	engines := map[string]int{}
	for _, slug := range spec.Apps {
		a, ok := c.App(slug)
		if !ok || a.System {
			continue
		}
		add(SizingPart{Name: a.Name, MemoryMiB: a.MemoryMB, CPUMillis: a.CPUMillis})
		for _, n := range a.Needs {
			engines[n]++
		}
		s.DiskGB += a.DiskGB
	}
	for _, slug := range []string{"mysql", "postgres", "redis"} {
		n := engines[slug]
		if n == 0 {
			continue
		}
		// One MySQL and one Redis serve all apps; PostgreSQL is shared unless the
		// Spec says otherwise.
		if slug != "postgres" || spec.sharedPostgres() {
			n = 1
		}
		a, _ := c.App(slug)
		name := a.Name + " for the apps"
		if n > 1 {
			name = fmt.Sprintf("%d × %s, one per app", n, a.Name)
		}
		add(SizingPart{Name: name, MemoryMiB: n * a.MemoryMB, CPUMillis: n * a.CPUMillis, Estimated: a.Estimated})
		s.DiskGB += n * a.DiskGB
	}
	add(SizingPart{Name: "Control-plane overhead", MemoryMiB: overheadMiB, CPUMillis: overheadMillis})
	return s
}

// withNeeds lists the known components among ids with everything that they
// need, in the order of the catalogue.
func (c *Catalogue) withNeeds(ids []string) []string {
	want := map[string]bool{}
	var visit func(id string)
	visit = func(id string) {
		x, ok := c.Component(id)
		if !ok || want[x.ID] {
			return
		}
		want[x.ID] = true
		for _, n := range x.Needs {
			visit(n)
		}
	}
	for _, id := range ids {
		visit(id)
	}
	var out []string
	for _, x := range c.components {
		if want[x.ID] {
			out = append(out, x.ID)
		}
	}
	return out
}

// capacity is what a number of workers of one size hold; with high
// availability, with one of them lost.
func capacity(n NodeSize, workers int, ha bool) (mib, millis int) {
	if ha {
		workers--
	}
	workers = max(workers, 0)
	return workers * max(0, n.MemoryGB*1024-reserveMiB), workers * max(0, n.VCPU*1000-reserveMillis)
}

func fits(s Sizing, n NodeSize, workers int, ha bool) bool {
	mib, millis := capacity(n, workers, ha)
	return mib >= s.MemoryMiB && millis >= s.CPUMillis
}

// workersFor is the smallest number of workers of a size that hold the load. It
// may exceed what a region allows.
func workersFor(s Sizing, n NodeSize, ha bool) int {
	mib, millis := capacity(n, 1, false)
	if mib == 0 || millis == 0 {
		return maxWorkers + 1
	}
	need := max((s.MemoryMiB+mib-1)/mib, (s.CPUMillis+millis-1)/millis)
	if ha {
		need++
	}
	return max(need, minWorkers)
}

// recommendation is the cheapest set of nodes for one region.
type recommendation struct {
	control, worker string
	workers         int
	monthly         decimal.Decimal
	why             string
}

// recommend finds the cheapest orderable control-plane size and worker
// combination that hold the load in a region. A count above 0 is the person's
// own: then the cheapest size with which that many workers suffice is taken, or
// the overall cheapest where none does.
func (c *Catalogue) recommend(spec Spec, region string, s Sizing, count int) recommendation {
	var best recommendation
	consider := func(n NodeSize, workers int) {
		price := amount(n.Monthly).Add(amount(c.prices.IPv4Monthly)).Mul(decimal.NewFromInt(int64(workers)))
		if best.worker == "" || price.LessThan(best.monthly) {
			best.worker, best.workers, best.monthly = n.ID, workers, price
		}
	}
	usable := slices.DeleteFunc(c.Sizes(region), func(n NodeSize) bool { return !n.Orderable || n.arm() || n.Monthly == "" })
	for _, n := range usable {
		if best.control == "" && n.VCPU >= minControlVCPU && n.MemoryGB >= minControlGB {
			best.control = n.ID // Sizes are sorted by price
		}
		if n.VCPU < minWorkerVCPU || n.MemoryGB < minWorkerGB {
			continue
		}
		switch need := workersFor(s, n, spec.ha()); {
		case count > 0 && need <= count:
			consider(n, count)
		case count <= 0 && need <= maxWorkers:
			consider(n, need)
		}
	}
	if best.worker == "" && count > 0 {
		again := c.recommend(spec, region, s, 0)
		again.workers = count
		return again
	}
	if best.worker != "" {
		best.why = fmt.Sprintf("%d × %s is the cheapest combination in stock in %s that holds %s%s",
			best.workers, best.worker, region, describeLoad(s.MemoryMiB, s.CPUMillis), lostOne(spec.ha()))
	}
	return best
}

func (c *Catalogue) sizingAssumptions(spec Spec, s Sizing) []string {
	out := []string{
		"Figures are the memory and CPU that the releases request; load on top of it is yours to watch.",
		fmt.Sprintf("Each worker keeps %d MiB and %d m for the operating system (our estimate), and there are at least %d workers of at least %d vCPU and %d GB.",
			reserveMiB, reserveMillis, minWorkers, minWorkerVCPU, minWorkerGB),
		"Types with ARM processors are not recommended: not every release is known to have an image for them.",
	}
	if slices.ContainsFunc(s.Parts, func(p SizingPart) bool { return p.Estimated }) {
		out = append(out, "Parts marked as estimated have no published figure; theirs are our estimate.")
	}
	if spec.ha() {
		out = append(out, "High availability: three control-plane nodes, and the load also fits with one worker lost.")
	}
	if len(spec.Components) > 0 {
		out = append(out, "Components beyond the fixed kit have room reserved; they are switched on from the console after the handover.")
	}
	if s.DiskGB > 0 {
		monthly := amount(c.prices.VolumeGB).Mul(decimal.NewFromInt(int64(s.DiskGB)))
		out = append(out, fmt.Sprintf("The apps ask for %d GB of volumes, which the cluster orders itself: about %s %s a month on top of the plan.",
			s.DiskGB, monthly.StringFixed(2), c.prices.Currency))
	}
	if len(spec.Regions) > 1 {
		out = append(out, "The figures are per region; every region holds the whole load.")
	}
	return out
}

// describeLoad writes memory and CPU for a person: "21.7 GiB and 8.9 vCPU".
func describeLoad(mib, millis int) string {
	return fmt.Sprintf("%.1f GiB and %.1f vCPU", float64(mib)/1024, float64(millis)/1000)
}

func lostOne(ha bool) string {
	if ha {
		return ", also with one worker lost"
	}
	return ""
}
