package provisioner

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
)

// derive computes everything of a draft that follows from what the person said.
// The order matters: each step rests on the ones before it.
func (c *Catalogue) derive(d *Draft, now time.Time, touched map[string]bool) {
	g := &guesser{c: c, d: d, now: now, touched: touched}
	g.defaults()
	g.domain()
	g.apps()
	g.firstRegion()
	g.secondRegion()
	for i := range d.Spec.Regions {
		g.sizes(i)
	}
	g.storage()
	g.mirror()

	d.Spec = d.Spec.Normalize()
	d.Sizing, d.Estimate = nil, nil
	if len(d.Spec.Regions) > 0 && d.Spec.Regions[0].CloudRegion != "" {
		s := c.Size(d.Spec)
		d.Sizing = &s
		if g.sized() {
			e := c.estimate(d.Spec, now)
			d.Estimate = &e
		}
	}
	d.Missing = c.missing(*d)
	d.Violations = append([]fault.Violation{}, c.broken(d.Spec)...)
}

// Complete gives a Spec that came as a whole with everything filled in that a
// draft would fill in: names become slugs, defaults, suggestions and derived
// values take the empty places, and what the Spec says stays. It is still to be
// validated. A Spec with more regions than a path can name is only normalized.
func (c *Catalogue) Complete(spec Spec) Spec {
	if len(spec.Regions) > 9 {
		return spec.Normalize()
	}
	d := Draft{Cloud: Simulated, Spec: cloneSpec(spec.Normalize()), Fields: map[string]Field{}}
	if len(spec.Regions) == 0 && spec.WorkerCount == nil && len(d.Spec.Regions) > 0 {
		d.Spec.WorkerCount = nil
	}
	for _, path := range specPaths(d.Spec) {
		v, ok := readField(d.Spec, path)
		if !ok || strings.HasSuffix(path, "workerCount") && d.Spec.WorkerCount == nil {
			continue
		}
		if want, problems := c.checkField(path, v); len(problems) == 0 {
			putField(&d.Spec, path, want)
		}
		d.Fields[path] = Field{Source: Said}
	}
	c.derive(&d, time.Time{}, map[string]bool{})
	return d.Spec
}

// guesser fills in what nobody said.
type guesser struct {
	c       *Catalogue
	d       *Draft
	now     time.Time
	touched map[string]bool
}

// ours is whether a field may be written by a default, a derivation or a
// suggestion: the person neither said nor accepted it.
func (g *guesser) ours(path string) bool {
	s := g.d.Fields[path].Source
	return s != Said && s != Accepted
}

// fill writes a default or a derived value. What an agent suggested stands.
func (g *guesser) fill(path string, v any, source FieldSource, why string) {
	if g.ours(path) && g.d.Fields[path].Source != Suggested {
		set(g.d, path, v, source, why, g.now, nil)
	}
}

// suggest writes a suggestion where its basis has changed. A suggestion that an
// agent made in this very call is kept and bound to the basis of today, so that
// it stands until that changes. With nothing to suggest, an older suggestion is
// withdrawn.
func (g *guesser) suggest(path, basis string, v any, why string, have bool) {
	if !g.ours(path) {
		return
	}
	f, known := g.d.Fields[path]
	if known && f.Source == Suggested {
		if g.touched[path] {
			f.Basis = basis
			g.d.Fields[path] = f
			return
		}
		if f.Basis == basis {
			return
		}
	}
	if !have {
		_, _, index, name, _ := parsePath(path)
		clearField(g.d, path, index, name)
		return
	}
	set(g.d, path, v, Suggested, why, g.now, nil)
	f = g.d.Fields[path]
	f.Basis = basis
	g.d.Fields[path] = f
}

func (g *guesser) defaults() {
	g.fill("sovereignDomainMode", "pool", Default, "")
	g.fill("haEnabled", false, Default, "")
	g.fill("marketplaceEnabled", true, Default, "")
	g.fill("consoleIsolationEnabled", true, Default, "")
	g.fill("enableSharedPostgres", true, Default, "")
	g.fill("storageClass", "hcloud-volumes", Default, "")
}

// domain suggests the subdomain from the Organization's name and derives the
// domain name from it.
func (g *guesser) domain() {
	s := &g.d.Spec
	if s.SovereignDomainMode != "pool" {
		for _, path := range []string{"sovereignSubdomain", "sovereignPoolDomain"} {
			if g.ours(path) {
				clearField(g.d, path, -1, "")
			}
		}
		if g.d.Fields["sovereignFQDN"].Source == Derived {
			clearField(g.d, "sovereignFQDN", -1, "")
		}
		return
	}
	g.fill("sovereignPoolDomain", g.c.pools[0], Default, "")
	label := SuggestSubdomain(s.OrgName)
	g.suggest("sovereignSubdomain", "orgName="+s.OrgName, label, fmt.Sprintf("Made from the name %s.", s.OrgName), label != "")
	if s.SovereignSubdomain == "" {
		clearField(g.d, "sovereignFQDN", -1, "")
		return
	}
	// In pool mode the domain name is always made of its parts.
	set(g.d, "sovereignFQDN", s.SovereignSubdomain+"."+s.SovereignPoolDomain, Derived, "", g.now, nil)
}

// apps suggests what the industry usually wants, as far as it can be deployed,
// and says what cannot.
func (g *guesser) apps() {
	i, ok := g.c.Industry(g.d.Spec.OrgIndustry)
	slugs, why := []string{}, ""
	if ok {
		slugs, why = g.c.suggestApps(i)
	}
	g.suggest("apps", "industry="+i.Slug, slugs, why, ok)
}

func (c *Catalogue) suggestApps(i Industry) ([]string, string) {
	var slugs, names, notYet []string
	for _, s := range i.SuggestedApps {
		a, _ := c.App(s)
		if a.Deployable {
			slugs, names = append(slugs, a.Slug), append(names, a.Name)
			continue
		}
		if n, ok := c.App(a.Nearest); ok {
			notYet = append(notYet, fmt.Sprintf("%s (nearest: %s)", a.Name, n.Name))
		} else {
			notYet = append(notYet, a.Name)
		}
	}
	why := fmt.Sprintf("Usual in %s: %s.", strings.ToLower(i.Name), joinAnd(names))
	if len(notYet) > 0 {
		why += " Not yet deployable: " + joinAnd(notYet) + "."
	}
	return slugs, why
}

// firstRegion suggests the nearest region to the headquarters that can be
// planned.
func (g *guesser) firstRegion() {
	hq := g.d.Spec.OrgHeadquarters
	residency := ""
	if slices.ContainsFunc(g.d.Spec.OrgCompliance, func(s string) bool { return plainKey(s) == "gdpr" }) {
		residency = "EU"
	}
	best, found := RankedRegion{}, false
	if _, known := g.c.FindPlace(hq); known {
		best, found = g.c.RankRegions(hq, residency)[0], true
	}
	const path = "regions[0].cloudRegion"
	g.suggest(path, "headquarters="+hq+";residency="+residency, best.Region, strings.TrimSpace(best.Why+" "+best.ResidencyNote), found)
	if len(g.d.Spec.Regions) > 0 {
		g.fill("regions[0].provider", "hetzner", Default, "")
	}
	topology, why := "single-region", ""
	if len(g.d.Spec.Regions) > 1 {
		topology, why = "active-hotstandby", "The usual choice for two regions."
	}
	g.fill("bcpTopology", topology, Default, why)
}

// secondRegion suggests a standby where the topology needs one, in the same
// network zone.
func (g *guesser) secondRegion() {
	s := &g.d.Spec
	needs := strings.HasPrefix(s.BCPTopology, "active-")
	if !needs && len(s.Regions) > 1 && g.ours("regions[1].cloudRegion") {
		clearField(g.d, "regions[1]", 1, "")
	}
	if len(s.Regions) == 0 || s.Regions[0].CloudRegion == "" || !needs && len(s.Regions) < 2 {
		return
	}
	first, _ := g.c.Region(s.Regions[0].CloudRegion)
	pick, have := RankedRegion{}, false
	for _, r := range g.c.RankRegions(first.City, "") {
		// Another city, for a standby that a disaster does not reach as well.
		if r.Available && r.Zone == first.Zone && r.City != first.City && !have {
			pick, have = r, true
		}
	}
	const path = "regions[1].cloudRegion"
	if len(s.Regions) < 2 && !have {
		return
	}
	g.suggest(path, "first="+first.Region, pick.Region, fmt.Sprintf("The nearest other place to %s in the same network zone.", first.Name), have)
	for i := 1; i < len(s.Regions); i++ {
		g.fill(fmt.Sprintf("regions[%d].provider", i), "hetzner", Default, "")
	}
}

// sizes suggests the cheapest orderable nodes that hold what will be installed.
func (g *guesser) sizes(i int) {
	s := g.d.Spec
	r := s.Regions[i]
	at := func(name string) string { return fmt.Sprintf("regions[%d].%s", i, name) }
	where, known := g.c.Region(r.CloudRegion)
	known = known && where.Available
	load := g.c.footprint(s.Normalize())
	basis := fmt.Sprintf("region=%s;load=%d/%d;ha=%t", r.CloudRegion, load.MemoryMiB, load.CPUMillis, s.ha())
	count := 0
	if !g.ours(at("workerCount")) {
		count = max(r.WorkerCount, 0)
		basis += fmt.Sprintf(";workers=%d", r.WorkerCount)
	}
	rec := recommendation{}
	if known {
		rec = g.c.recommend(s.Normalize(), where.Region, load, count)
	}
	g.suggest(at("controlPlaneSize"), "region="+r.CloudRegion, rec.control,
		fmt.Sprintf("The cheapest size in stock in %s with %d vCPU and %d GB, enough for the control plane.", where.Region, minControlVCPU, minControlGB), rec.control != "")
	g.suggest(at("workerSize"), basis, rec.worker, asSentence(rec.why), rec.worker != "")
	// The number of workers rests on the size, whoever chose that.
	size := g.d.Spec.Regions[i].WorkerSize
	n, ok := g.c.NodeSize(where.Region, size)
	workers := 0
	if ok && known {
		workers = min(workersFor(load, n, s.ha()), maxWorkers)
	}
	g.suggest(at("workerCount"), basis+";size="+size, workers,
		fmt.Sprintf("%s %s%s.", hold(workers, size), describeLoad(load.MemoryMiB, load.CPUMillis), lostOne(s.ha())), workers > 0)
}

// storage derives where the object storage is: in the region, or in the nearest
// one that has it.
func (g *guesser) storage() {
	const path = "objectStorageRegion"
	if len(g.d.Spec.Regions) == 0 {
		if g.ours(path) {
			clearField(g.d, path, -1, "")
		}
		return
	}
	r, ok := g.c.Region(g.d.Spec.Regions[0].CloudRegion)
	if !ok || !r.Available {
		if g.ours(path) {
			clearField(g.d, path, -1, "")
		}
		return
	}
	if r.ObjectStorage {
		g.fill(path, r.Region, Derived, "")
		return
	}
	best, distance := "", 0
	for _, o := range g.c.regions {
		if km := distanceKM(r.Lat, r.Lon, o.Lat, o.Lon); o.ObjectStorage && (best == "" || km < distance) {
			best, distance = o.Region, km
		}
	}
	g.fill(path, best, Derived, fmt.Sprintf("Object storage exists in fsn1, nbg1 and hel1 only; %s is the nearest to %s, about %s km away.", best, r.Name, thousands(distance)))
}

// mirror notes the singular fields, which Normalize fills from the first region.
func (g *guesser) mirror() {
	for _, path := range []string{"provider", "region", "controlPlaneSize", "workerSize", "workerCount"} {
		to, _ := singularField(path)
		if f, ok := g.d.Fields[to]; ok {
			mirrored, known := g.d.Fields[path]
			if !known || f.At.After(mirrored.At) {
				g.d.Fields[path] = Field{Source: Derived, At: f.At}
			}
		} else {
			delete(g.d.Fields, path)
		}
	}
}

// sized is whether every region has its sizes, so that a price can be named.
func (g *guesser) sized() bool {
	for _, r := range g.d.Spec.Regions {
		if r.CloudRegion == "" || r.ControlPlaneSize == "" || r.WorkerCount > 0 && r.WorkerSize == "" {
			return false
		}
	}
	return true
}

// missing lists what a plan still needs from the person, the most important
// first.
func (c *Catalogue) missing(d Draft) []string {
	out := []string{}
	s := d.Spec
	if s.OrgName == "" {
		out = append(out, "orgName")
	}
	if s.OrgEmail == "" {
		out = append(out, "orgEmail")
	}
	if len(s.Regions) == 0 || s.Regions[0].CloudRegion == "" {
		if s.OrgHeadquarters == "" {
			out = append(out, "orgHeadquarters")
		} else {
			out = append(out, "regions[0].cloudRegion") // a place that we do not know
		}
	}
	switch {
	case s.SovereignDomainMode != "pool" && s.SovereignFQDN == "":
		out = append(out, "sovereignFQDN")
	case s.SovereignDomainMode == "pool" && s.SovereignSubdomain == "" && s.OrgName != "":
		out = append(out, "sovereignSubdomain") // the name gives none
	}
	for i, r := range s.Regions {
		if r.CloudRegion == "" {
			if i > 0 {
				out = append(out, fmt.Sprintf("regions[%d].cloudRegion", i))
			}
			continue
		}
		if r.ControlPlaneSize == "" {
			out = append(out, fmt.Sprintf("regions[%d].controlPlaneSize", i))
		}
		if r.WorkerSize == "" && r.WorkerCount > 0 {
			out = append(out, fmt.Sprintf("regions[%d].workerSize", i))
		}
	}
	if !accountComplete(d) {
		out = append(out, accountMissing)
	}
	return out
}

// accountComplete is whether there is a cloud account to plan with: the
// simulated one, or every credential with the key and the project.
func accountComplete(d Draft) bool {
	if d.Cloud == Simulated && d.SimulatedAccount {
		return true
	}
	for _, purpose := range []string{SecretHetznerToken, SecretObjectStorageAccessKey, SecretObjectStorageSecretKey} {
		if !slices.Contains(d.Secrets, purpose) {
			return false
		}
	}
	return d.Spec.SSHPublicKey != "" && d.Spec.HetznerProjectID != ""
}

// joinAnd lists words for reading: "a, b and c".
func joinAnd(list []string) string {
	switch len(list) {
	case 0:
		return "nothing"
	case 1:
		return list[0]
	}
	return strings.Join(list[:len(list)-1], ", ") + " and " + list[len(list)-1]
}
