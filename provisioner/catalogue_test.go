package provisioner_test

import (
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/openova-io/sandbox/provisioner"
)

func load(t interface {
	Helper()
	Fatalf(string, ...any)
}) *provisioner.Catalogue {
	t.Helper()
	c, err := provisioner.LoadCatalogue()
	if err != nil {
		t.Fatalf("the embedded catalogue does not load: %v", err)
	}
	return c
}

func TestCatalogueIsComplete(t *testing.T) {
	c := load(t)
	if n := len(c.Kit()); n != 35 {
		t.Errorf("the kit has %d releases, want 35", n)
	}
	if n := len(c.Apps()); n != 27 {
		t.Errorf("there are %d apps, want 27", n)
	}
	if n := len(c.Components()); n != 63 {
		t.Errorf("there are %d components, want 63", n)
	}
	for name, p := range c.Provenance() {
		if _, err := time.Parse(time.DateOnly, p.Date); err != nil || p.Source == "" {
			t.Errorf("%s has no source or date: %+v", name, p)
		}
	}
	installed := map[string]bool{}
	for _, k := range c.Kit() {
		for _, d := range k.DependsOn {
			if !installed[d] {
				t.Errorf("%s depends on %s, which comes later", k.Name, d)
			}
		}
		installed[k.Name] = true
		if k.Family == "" {
			t.Errorf("%s has no family", k.Name)
		}
	}
}

func TestCatalogueCannotBeChanged(t *testing.T) {
	c := load(t)
	c.Kit()[1].DependsOn[0] = "changed"
	c.Apps()[0].Needs = nil
	c.Industries()[0].SuggestedApps[0] = "changed"
	c.Regions()[0].Available = false
	if c.Kit()[1].DependsOn[0] == "changed" || c.Industries()[0].SuggestedApps[0] == "changed" || !c.Regions()[0].Available {
		t.Error("a caller changed the catalogue through what a method returned")
	}
}

func TestNearest(t *testing.T) {
	c := load(t)
	for app, want := range map[string]string{"rocket-chat": "nextcloud", "ERPNext": "invoiceshelf", "nextcloud": "", "dify": "", "nonsense": ""} {
		got, ok := c.Nearest(app)
		if got != want || ok != (want != "") {
			t.Errorf("Nearest(%q) = %q, %t; want %q", app, got, ok, want)
		}
	}
}

func TestFindPlace(t *testing.T) {
	c := load(t)
	for text, want := range map[string]string{
		"Muscat":                     "Muscat, Oman",
		"we sit in Mascat, Oman":     "Muscat, Oman",
		"مسقط":                       "Muscat, Oman",
		"Salallah":                   "Salalah, Oman",
		"oman":                       "Oman, Oman",
		"Türkiye":                    "Turkey, Turkey",
		"Tripoli":                    "Tripoli, Libya",
		"Tripoli, Lebanon":           "Tripoli, Lebanon",
		"Georgia":                    "Georgia, Georgia",
		"Georgia, USA":               "Georgia, United States",
		"San José, Costa Rica":       "San Jose, Costa Rica",
		"münchen":                    "Munich, Germany",
		"New York":                   "New York, United States",
		"the U.A.E.":                 "United Arab Emirates, United Arab Emirates",
		"Saint-Petersburg":           "Saint Petersburg, Russia",
		"our head office is in Lima": "Lima, Peru",
	} {
		p, ok := c.FindPlace(text)
		if got := p.Name + ", " + p.Country; !ok || got != want {
			t.Errorf("FindPlace(%q) = %s (%t), want %s", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "xyzzy", "   ", "!!!"} {
		if p, ok := c.FindPlace(text); ok {
			t.Errorf("FindPlace(%q) found %s", text, p.Name)
		}
	}
}

func TestRankRegions(t *testing.T) {
	c := load(t)
	for _, x := range []struct{ near, residency, first string }{
		{"Muscat", "", "hel1"}, {"Istanbul", "", "fsn1"}, {"New York", "", "ash"}, {"Seattle", "", "hil"},
		{"New York", "EU", "nbg1"}, {"Muscat", "Germany", "fsn1"}, {"", "", "fsn1"}, {"Berlin", "USA", "ash"},
	} {
		all := c.RankRegions(x.near, x.residency)
		if all[0].Region != x.first || !all[0].Available {
			t.Errorf("near %q, residency %q: %s is first, want %s", x.near, x.residency, all[0].Region, x.first)
		}
		unavailable := false
		for _, r := range all {
			unavailable = unavailable || !r.Available
			if unavailable && r.Available || r.Why == "" || r.ResidencyNote == "" || !r.Available && r.Reason == "" {
				t.Errorf("near %q: bad entry %+v", x.near, r)
			}
		}
		if len(all) != len(c.Regions()) {
			t.Errorf("near %q: %d regions of %d", x.near, len(all), len(c.Regions()))
		}
	}
	first := c.RankRegions("Muscat", "Oman")[0]
	for _, want := range []string{"no available region lies in Oman", "4,818 km"} {
		if !strings.Contains(first.Why, want) {
			t.Errorf("why %q does not say %q", first.Why, want)
		}
	}
	for _, want := range []string{"GDPR", "Royal Decree 6/2022", "counsel"} {
		if !strings.Contains(first.ResidencyNote, want) {
			t.Errorf("note %q does not say %q", first.ResidencyNote, want)
		}
	}
	if why := c.RankRegions("Kuala Lumpur", "")[0].Why; !strings.Contains(why, "Singapore is nearer") {
		t.Errorf("why %q does not say that Singapore cannot be had", why)
	}
}

func TestSizesByStock(t *testing.T) {
	c := load(t)
	for _, x := range []struct {
		region, size, monthly string
		orderable             bool
	}{
		{"fsn1", "cpx32", "35.49", true}, {"fsn1", "cx33", "8.49", false}, {"hel1", "CPX22", "19.49", true},
		{"ash", "cpx32", "", false}, {"ash", "cpx21", "31.99", false}, {"ash", "ccx13", "43.49", true},
		{"hil", "cpx41", "120.49", true}, {"fsn1", "cpx41", "32.49", false}, {"sin", "cpx22", "26.49", true},
	} {
		n, ok := c.NodeSize(x.region, x.size)
		if !ok || n.Monthly != x.monthly || n.Orderable != x.orderable || !n.Orderable && n.Reason == "" {
			t.Errorf("%s in %s: %+v", x.size, x.region, n)
		}
	}
	if n, _ := c.NodeSize("fsn1", "cpx22"); n.Hourly != "0.0312" {
		t.Errorf("an hour of cpx22 costs %s, want 0.0312", n.Hourly)
	}
	last := decimal.Zero
	for _, n := range c.Sizes("fsn1") {
		if !n.Orderable {
			break
		}
		if m := decimal.RequireFromString(n.Monthly); m.LessThan(last) {
			t.Errorf("%s is listed after a dearer size", n.ID)
		} else {
			last = m
		}
	}
}

func TestSizingOfTheKit(t *testing.T) {
	c := load(t)
	s := c.Size(provisioner.Spec{Region: "fsn1"})
	if s.MemoryMiB != 21184 || s.CPUMillis != 8350 || s.WorkerSize != "cpx32" || s.Workers != 3 {
		t.Errorf("the bare kit asks for %d MiB, %d m, %d × %s", s.MemoryMiB, s.CPUMillis, s.Workers, s.WorkerSize)
	}
	yes, no := true, false
	ha := c.Size(provisioner.Spec{Region: "fsn1", WorkerSize: "cpx32", WorkerCount: ptr(3), HAEnabled: &yes})
	if ha.Workers != 4 || !strings.Contains(ha.Shortfall, "4 × cpx32 would hold it") {
		t.Errorf("with high availability: %d workers, shortfall %q", ha.Workers, ha.Shortfall)
	}
	if s := c.Size(provisioner.Spec{Region: "fsn1", WorkerSize: "cpx32"}); !strings.Contains(s.Shortfall, "Without workers") {
		t.Errorf("no word about a Sovereign without workers: %q", s.Shortfall)
	}
	apps := []string{"nextcloud", "umami", "wordpress"}
	shared := c.Size(provisioner.Spec{Region: "fsn1", Apps: apps})
	apart := c.Size(provisioner.Spec{Region: "fsn1", Apps: apps, EnableSharedPostgres: &no})
	if apart.MemoryMiB-shared.MemoryMiB != 256 {
		t.Errorf("a PostgreSQL of its own per app adds %d MiB, want 256", apart.MemoryMiB-shared.MemoryMiB)
	}
	if want := s.MemoryMiB + 512 + 256 + 256 + 512 + 256; shared.MemoryMiB != want {
		t.Errorf("three apps with their databases: %d MiB, want %d", shared.MemoryMiB, want)
	}
	specter := c.Size(provisioner.Spec{Region: "fsn1", Components: []string{"specter"}})
	if add := specter.MemoryMiB - s.MemoryMiB; add != 512+1024+1536+4096+384 {
		t.Errorf("specter with what it needs beyond the kit adds %d MiB", add)
	}
}

func TestSizingGrowsWithApps(t *testing.T) {
	c := load(t)
	var slugs []string
	for _, a := range c.Apps() {
		slugs = append(slugs, a.Slug)
	}
	var components []string
	for _, x := range c.Components() {
		components = append(components, x.ID)
	}
	rapid.Check(t, func(t *rapid.T) {
		ha := rapid.Bool().Draw(t, "ha")
		spec := provisioner.Spec{
			Region: rapid.SampledFrom([]string{"fsn1", "ash"}).Draw(t, "region"), HAEnabled: &ha,
			Apps:       rapid.SliceOfDistinct(rapid.SampledFrom(slugs), rapid.ID).Draw(t, "apps"),
			Components: rapid.SliceOfDistinct(rapid.SampledFrom(components), rapid.ID).Draw(t, "components"),
		}
		small := c.Size(spec)
		spec.Apps = append(spec.Apps, rapid.SampledFrom(slugs).Draw(t, "one more"))
		large := c.Size(spec)
		if large.MemoryMiB < small.MemoryMiB || large.CPUMillis < small.CPUMillis {
			t.Fatalf("an app more made it smaller: %+v, then %+v", small, large)
		}
		memory, cpu := 0, 0
		for _, p := range large.Parts {
			memory, cpu = memory+p.MemoryMiB, cpu+p.CPUMillis
		}
		if memory != large.MemoryMiB || cpu != large.CPUMillis {
			t.Fatalf("the parts add up to %d MiB and %d m, not %d and %d", memory, cpu, large.MemoryMiB, large.CPUMillis)
		}
		n, _ := c.NodeSize(spec.Region, large.WorkerSize)
		carry := large.Workers
		if ha {
			carry--
		}
		if large.Shortfall == "" && (carry*n.MemoryGB*1024 < large.MemoryMiB || carry*n.VCPU*1000 < large.CPUMillis) {
			t.Fatalf("%d × %s do not hold %d MiB", large.Workers, large.WorkerSize, large.MemoryMiB)
		}
	})
}

func ptr[T any](v T) *T { return &v }
