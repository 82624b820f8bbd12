package provisioner

import (
	"embed"
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
	"sigs.k8s.io/yaml"
)

//go:embed data/*.yaml
var dataFiles embed.FS

// sizeEntry is a row of the price table: one size with its price per group and
// its stock per region.
type sizeEntry struct {
	ID       string `json:"id"`
	VCPU     int    `json:"vcpu"`
	MemoryGB int    `json:"memoryGB"`
	DiskGB   int    `json:"diskGB"`
	Category string `json:"category"`
	// Monthly is the net price a month per price group.
	Monthly map[string]string `json:"monthly"`
	// Stock lists the price groups or regions in which it can be ordered.
	Stock []string `json:"stock"`
	// Note is why it cannot, where that is known.
	Note string `json:"note"`
}

// priceTable is what is not priced per server size.
type priceTable struct {
	Currency string `json:"currency"`
	// HoursPerCap is by how many hours a monthly cap is divided for the hourly
	// price.
	HoursPerCap   string                       `json:"hoursPerCap"`
	IPv4Monthly   string                       `json:"ipv4Monthly"`
	VolumeGB      string                       `json:"volumeGBMonthly"`
	BackupPercent string                       `json:"backupPercent"`
	LoadBalancers map[string]map[string]string `json:"loadBalancers"`
	VATNote       string                       `json:"vatNote"`
}

func (p priceTable) hourly(monthly decimal.Decimal) decimal.Decimal {
	return monthly.DivRound(decimal.RequireFromString(p.HoursPerCap), 4)
}

func loadEmbedded() (*Catalogue, error) {
	c := &Catalogue{provenance: map[string]Provenance{}, countries: map[string]Country{}, placeIndex: map[string][]int{}}
	var regions struct {
		Provenance
		MaxRegions int               `json:"maxRegions"`
		Pools      []string          `json:"pools"`
		Regions    []CatalogueRegion `json:"regions"`
	}
	var sizes struct {
		Provenance
		Prices priceTable  `json:"prices"`
		Sizes  []sizeEntry `json:"sizes"`
	}
	var topologies struct {
		Provenance
		Topologies []Topology `json:"topologies"`
	}
	var components struct {
		Provenance
		Components []Component `json:"components"`
	}
	var kit struct {
		Provenance
		Kit []KitRelease `json:"kit"`
	}
	var apps struct {
		Provenance
		Apps []App `json:"apps"`
	}
	var industries struct {
		Provenance
		Industries []Industry `json:"industries"`
		Bundles    []Bundle   `json:"bundles"`
	}
	var places struct {
		Provenance
		Countries []Country `json:"countries"`
		Places    []Place   `json:"places"`
	}
	for _, f := range []struct {
		name string
		into any
		from *Provenance
	}{
		{"regions", &regions, &regions.Provenance},
		{"sizes", &sizes, &sizes.Provenance},
		{"topologies", &topologies, &topologies.Provenance},
		{"components", &components, &components.Provenance},
		{"kit", &kit, &kit.Provenance},
		{"apps", &apps, &apps.Provenance},
		{"industries", &industries, &industries.Provenance},
		{"places", &places, &places.Provenance},
	} {
		raw, err := dataFiles.ReadFile("data/" + f.name + ".yaml")
		if err != nil {
			return nil, fmt.Errorf("catalogue: %w", err)
		}
		if err := yaml.UnmarshalStrict(raw, f.into); err != nil {
			return nil, fmt.Errorf("catalogue: %s.yaml: %w", f.name, err)
		}
		c.provenance[f.name] = *f.from
	}
	c.regions, c.pools, c.maxRegions = regions.Regions, regions.Pools, regions.MaxRegions
	c.sizes, c.prices = sizes.Sizes, sizes.Prices
	c.topologies, c.components, c.kit = topologies.Topologies, components.Components, kit.Kit
	c.apps, c.industries, c.bundles = apps.Apps, industries.Industries, industries.Bundles
	c.places = places.Places
	for _, k := range places.Countries {
		c.countries[k.Code] = k
		// A country is a place too: its capital stands for it.
		c.places = append(c.places, Place{Name: k.Name, CountryCode: k.Code, Lat: k.Lat, Lon: k.Lon, Aliases: k.Aliases, IsCountry: true})
	}
	c.finish()
	return c, c.check()
}

// finish fills in what follows from other data: the places' index, the kit's
// footprints from the components', and which components the kit installs.
func (c *Catalogue) finish() {
	for i, p := range c.places {
		c.places[i].Country = c.countries[p.CountryCode].Name
		for _, name := range append([]string{p.Name}, p.Aliases...) {
			key := strings.Join(words(name), " ")
			if key != "" && !slices.Contains(c.placeIndex[key], i) {
				c.placeIndex[key] = append(c.placeIndex[key], i)
			}
		}
	}
	for i, k := range c.kit {
		id := strings.TrimPrefix(k.Name, "bp-")
		for j, x := range c.components {
			if x.ID != id {
				continue
			}
			c.components[j].InKit = true
			c.kit[i].Family = x.Family
			if k.MemoryMiB == 0 && k.CPUMillis == 0 {
				c.kit[i].MemoryMiB, c.kit[i].CPUMillis = x.MemoryMiB, x.CPUMillis
			}
		}
	}
	for i := range c.components {
		c.components[i].Installable = c.components[i].Reason == ""
		if c.components[i].Needs == nil {
			c.components[i].Needs = []string{}
		}
	}
	for i := range c.kit {
		if c.kit[i].DependsOn == nil {
			c.kit[i].DependsOn = []string{}
		}
	}
	for i := range c.apps {
		if c.apps[i].Needs == nil {
			c.apps[i].Needs = []string{}
		}
	}
}

// check finds references that lead nowhere and figures that do not parse, so
// that a typing error in the data is found by the first test and not by a
// person.
func (c *Catalogue) check() error {
	for _, k := range c.kit {
		for _, d := range k.DependsOn {
			if !slices.ContainsFunc(c.kit, func(o KitRelease) bool { return o.Name == d }) {
				return fmt.Errorf("catalogue: kit release %s depends on unknown %s", k.Name, d)
			}
		}
	}
	known := func(slug string) bool { _, ok := c.App(slug); return ok }
	for _, a := range c.apps {
		for _, n := range a.Needs {
			if !known(n) {
				return fmt.Errorf("catalogue: app %s needs unknown %s", a.Slug, n)
			}
		}
		if n, ok := c.App(a.Nearest); a.Nearest != "" && (!ok || !n.Deployable) {
			return fmt.Errorf("catalogue: app %s names %s as nearest, which is not deployable", a.Slug, a.Nearest)
		}
	}
	for _, i := range c.industries {
		for _, a := range i.SuggestedApps {
			if !known(a) {
				return fmt.Errorf("catalogue: industry %s suggests unknown app %s", i.Slug, a)
			}
		}
	}
	for _, x := range c.components {
		for _, n := range x.Needs {
			if _, ok := c.Component(n); !ok {
				return fmt.Errorf("catalogue: component %s needs unknown %s", x.ID, n)
			}
		}
	}
	for _, s := range c.sizes {
		for group, m := range s.Monthly {
			if _, err := decimal.NewFromString(m); err != nil {
				return fmt.Errorf("catalogue: price of %s in %s: %w", s.ID, group, err)
			}
		}
	}
	for _, m := range []string{c.prices.HoursPerCap, c.prices.IPv4Monthly, c.prices.VolumeGB, c.prices.BackupPercent} {
		if _, err := decimal.NewFromString(m); err != nil {
			return fmt.Errorf("catalogue: price table: %w", err)
		}
	}
	for _, p := range c.places {
		if c.countries[p.CountryCode].Name == "" {
			return fmt.Errorf("catalogue: place %s lies in unknown country %q", p.Name, p.CountryCode)
		}
		if p.Lat < -90 || p.Lat > 90 || p.Lon < -180 || p.Lon > 180 {
			return fmt.Errorf("catalogue: place %s has impossible coordinates", p.Name)
		}
	}
	return nil
}

// sizeIn is a size with the price and stock of a region.
func (c *Catalogue) sizeIn(e sizeEntry, region string) NodeSize {
	n := NodeSize{ID: e.ID, VCPU: e.VCPU, MemoryGB: e.MemoryGB, DiskGB: e.DiskGB, Category: e.Category, Currency: c.prices.Currency}
	r, known := c.Region(region)
	if c.offer != nil && known && r.Provider == "hetzner" {
		if m := e.Monthly[r.PriceGroup]; m != "" && c.offer.stockOnly {
			n.Monthly = m
			n.Hourly = c.prices.hourly(decimal.RequireFromString(m)).StringFixed(4)
		}
		return c.offeredIn(n, r)
	}
	group, where := "eu", "the European regions"
	if known {
		group, where = r.PriceGroup, r.Region
	}
	if m, ok := e.Monthly[group]; ok && m != "" {
		n.Monthly = m
		n.Hourly = c.prices.hourly(decimal.RequireFromString(m)).StringFixed(4)
	}
	switch {
	case known && r.Provider != "hetzner":
		n.Reason = fmt.Sprintf("%s is a Hetzner server type and %s is a region of another provider", e.ID, r.Region)
	case n.Monthly == "":
		n.Reason = fmt.Sprintf("%s is not offered in %s", e.ID, where)
	case slices.Contains(e.Stock, group) || known && slices.Contains(e.Stock, r.Region):
		n.Orderable = true
	case e.Note != "":
		n.Reason = e.Note
	default:
		n.Reason = fmt.Sprintf("%s was out of stock in %s on %s", e.ID, where, c.provenance["sizes"].Date)
	}
	return n
}
