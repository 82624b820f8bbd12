package provisioner

import (
	"slices"
	"strings"
	"sync"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/shopspring/decimal"
)

// Provenance is where a part of the catalogue comes from.
type Provenance struct {
	// Source says who published the figures, in words.
	Source string `json:"source"`
	// Date is the day that they are as of, YYYY-MM-DD.
	Date string `json:"date"`
}

// CatalogueRegion is one place where a provider has servers.
type CatalogueRegion struct {
	Provider string `json:"provider"`
	// Region is the provider's code, e.g. "fsn1".
	Region  string `json:"region"`
	Name    string `json:"name"`
	City    string `json:"city"`
	Country string `json:"country"`
	// CountryCode is ISO 3166-1 alpha-2.
	CountryCode string `json:"countryCode"`
	// Lat and Lon are degrees, north and east positive.
	Lat float64 `json:"lat"`
	Lon float64 `json:"lon"`
	// Zone is the provider's network zone; nodes of one Sovereign share it.
	Zone string `json:"zone,omitempty"`
	// PriceGroup names the column of the price table: eu, us or sin.
	PriceGroup string `json:"priceGroup,omitempty"`
	// ObjectStorage is true where the provider offers S3 in the same place.
	ObjectStorage bool `json:"objectStorage"`
	// Available is true where a Sovereign can be planned today; Reason says why
	// not, in a sentence.
	Available bool   `json:"available"`
	Reason    string `json:"reason,omitempty"`
}

// RankedRegion is a region as an answer to "where should it run?".
type RankedRegion struct {
	CatalogueRegion
	// DistanceKM is the great-circle distance to the place asked about, 0 where
	// no place was understood.
	DistanceKM int `json:"distanceKm,omitempty"`
	// Why is the reason for its rank, in a sentence.
	Why string `json:"why"`
	// ResidencyNote says under which law the data would lie. It states facts and
	// claims no compliance.
	ResidencyNote string `json:"residencyNote"`
}

// NodeSize is one server type, as it can be had in one region.
type NodeSize struct {
	ID       string `json:"id"`
	VCPU     int    `json:"vcpu"`
	MemoryGB int    `json:"memoryGB"`
	DiskGB   int    `json:"diskGB"`
	// Category is shared-intel, shared-amd, shared-arm or dedicated.
	Category string `json:"category"`
	// Monthly and Hourly are decimal strings net of VAT without the public IPv4
	// address; empty where the price is not known.
	Monthly  string `json:"monthly"`
	Hourly   string `json:"hourly"`
	Currency string `json:"currency"`
	// Orderable is true where it was in stock on the table's date; Reason says
	// why not.
	Orderable bool   `json:"orderable"`
	Reason    string `json:"reason,omitempty"`
}

// arm is true for a type with another instruction set than the kit's images
// are known to exist for.
func (n NodeSize) arm() bool { return n.Category == "shared-arm" }

// Topology is one of upstream's deployment shapes.
type Topology struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Regions   int    `json:"regions"`
	Clusters  int    `json:"clusters"`
	VClusters int    `json:"vClusters"`
	Summary   string `json:"summary"`
	AimedAt   string `json:"aimedAt"`
	Available bool   `json:"available"`
	Reason    string `json:"reason,omitempty"`
}

// Component is one part of the platform.
type Component struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Family string `json:"family"`
	// Tier is the effective tier: mandatory, recommended or optional.
	Tier  string   `json:"tier"`
	Needs []string `json:"needs"`
	// MemoryMiB and CPUMillis are request floors; 0 where no figure is known.
	MemoryMiB int `json:"memoryMiB"`
	CPUMillis int `json:"cpuMillis"`
	// InKit is true for what the fixed bootstrap kit installs anyway.
	InKit bool `json:"inKit"`
	// Installable is false where no Blueprint exists for it; Reason says so.
	Installable bool   `json:"installable"`
	Reason      string `json:"reason,omitempty"`
}

// App is one Application of the marketplace.
type App struct {
	Slug     string `json:"slug"`
	Name     string `json:"name"`
	Tagline  string `json:"tagline"`
	Category string `json:"category"`
	// Deployable is false for what is only announced; Nearest is then the
	// deployable app that comes nearest, and NearestNote what it does and lacks.
	Deployable  bool     `json:"deployable"`
	Nearest     string   `json:"nearest,omitempty"`
	NearestNote string   `json:"nearestNote,omitempty"`
	Needs       []string `json:"needs"`
	MemoryMB    int      `json:"memoryMB"`
	CPUMillis   int      `json:"cpuMillis"`
	DiskGB      int      `json:"diskGB"`
	Featured    bool     `json:"featured,omitempty"`
	Popular     bool     `json:"popular,omitempty"`
	// System is true for mysql, postgres and redis, which come with the apps
	// that need them and cannot be chosen.
	System bool `json:"system,omitempty"`
	// Estimated is true where the footprint is our estimate.
	Estimated bool `json:"estimated,omitempty"`
}

// Industry is a line of business with the apps that it usually wants.
type Industry struct {
	Slug string `json:"slug"`
	Name string `json:"name"`
	// Aliases are other words for it, lower-case.
	Aliases       []string `json:"aliases,omitempty"`
	SuggestedApps []string `json:"suggestedApps"`
	Bundle        string   `json:"bundle,omitempty"`
}

// Bundle is a named set of apps.
type Bundle struct {
	Slug string   `json:"slug"`
	Name string   `json:"name"`
	Apps []string `json:"apps"`
}

// KitRelease is one HelmRelease of the fixed bootstrap kit.
type KitRelease struct {
	// Name is the HelmRelease, e.g. "bp-cilium".
	Name      string   `json:"name"`
	Label     string   `json:"label"`
	DependsOn []string `json:"dependsOn"`
	// Family groups it on the flow canvas.
	Family    string `json:"family"`
	MemoryMiB int    `json:"memoryMiB"`
	CPUMillis int    `json:"cpuMillis"`
	// Estimated is true where the footprint is our estimate.
	Estimated bool `json:"estimated,omitempty"`
}

// Catalogue is everything that can be chosen, with what it costs and needs. It
// is immutable and safe for use by many goroutines; what its methods return is
// the caller's own.
type Catalogue struct {
	regions    []CatalogueRegion
	sizes      []sizeEntry
	topologies []Topology
	components []Component
	apps       []App
	industries []Industry
	bundles    []Bundle
	kit        []KitRelease
	places     []Place
	countries  map[string]Country
	placeIndex map[string][]int
	prices     priceTable
	pools      []string
	provenance map[string]Provenance
	maxRegions int
	// offer is what the provider sells now; nil where only the table is known.
	offer *Offer
}

// LoadCatalogue gives the embedded catalogue. It is parsed once in a process;
// an error means that the program was built with broken data.
func LoadCatalogue() (*Catalogue, error) { return embedded() }

var embedded = sync.OnceValues(loadEmbedded)

// Regions lists every known region, the ones that can be planned first.
func (c *Catalogue) Regions() []CatalogueRegion { return slices.Clone(c.regions) }

// Places lists every place that a person may name.
func (c *Catalogue) Places() []Place { return slices.Clone(c.places) }

// Region gives one region by its code, whatever its case.
func (c *Catalogue) Region(code string) (CatalogueRegion, bool) {
	code = strings.ToLower(strings.TrimSpace(code))
	for _, r := range c.regions {
		if r.Region == code {
			return r, true
		}
	}
	return CatalogueRegion{}, false
}

// Sizes lists the node sizes of a region, the cheapest first and those that
// cannot be ordered last. An empty or unknown region gives the prices of the
// European regions.
func (c *Catalogue) Sizes(region string) []NodeSize {
	out := make([]NodeSize, 0, len(c.sizes))
	for _, e := range c.sizes {
		out = append(out, c.sizeIn(e, region))
	}
	slices.SortStableFunc(out, func(a, b NodeSize) int {
		if a.Orderable != b.Orderable {
			if a.Orderable {
				return -1
			}
			return 1
		}
		return amount(a.Monthly).Cmp(amount(b.Monthly))
	})
	return out
}

// NodeSize gives one size as it can be had in a region. The size's name is
// matched whatever its case.
func (c *Catalogue) NodeSize(region, id string) (NodeSize, bool) {
	for _, e := range c.sizes {
		if strings.EqualFold(e.ID, strings.TrimSpace(id)) {
			return c.sizeIn(e, region), true
		}
	}
	return NodeSize{}, false
}

// Topologies lists upstream's deployment shapes.
func (c *Catalogue) Topologies() []Topology { return slices.Clone(c.topologies) }

// Components lists the platform's parts, by family.
func (c *Catalogue) Components() []Component {
	out := slices.Clone(c.components)
	for i := range out {
		out[i].Needs = slices.Clone(out[i].Needs)
	}
	return out
}

// Component gives one part by id or name, whatever its case.
func (c *Catalogue) Component(id string) (Component, bool) {
	key := plainKey(id)
	for _, x := range c.components {
		if plainKey(x.ID) == key || plainKey(x.Name) == key {
			x.Needs = slices.Clone(x.Needs)
			return x, true
		}
	}
	return Component{}, false
}

// Apps lists the apps that a person can be shown: deployable ones first, then
// those that are not yet. System apps are left out.
func (c *Catalogue) Apps() []App {
	var out []App
	for _, deployable := range []bool{true, false} {
		for _, a := range c.apps {
			if !a.System && a.Deployable == deployable {
				a.Needs = slices.Clone(a.Needs)
				out = append(out, a)
			}
		}
	}
	return out
}

// App gives one app by slug or name ("cal-com", "Cal.com"), system apps too.
func (c *Catalogue) App(slug string) (App, bool) {
	key := plainKey(slug)
	if key == "" {
		return App{}, false
	}
	for _, a := range c.apps {
		if plainKey(a.Slug) == key || plainKey(a.Name) == key {
			a.Needs = slices.Clone(a.Needs)
			return a, true
		}
	}
	return App{}, false
}

// Nearest gives the deployable app that comes nearest to one that is not; false
// where there is none, or where the app itself is deployable or unknown.
func (c *Catalogue) Nearest(appSlug string) (string, bool) {
	a, ok := c.App(appSlug)
	if !ok || a.Deployable || a.Nearest == "" {
		return "", false
	}
	return a.Nearest, true
}

// Industries lists the lines of business.
func (c *Catalogue) Industries() []Industry {
	out := slices.Clone(c.industries)
	for i := range out {
		out[i].Aliases = slices.Clone(out[i].Aliases)
		out[i].SuggestedApps = slices.Clone(out[i].SuggestedApps)
	}
	return out
}

// Industry gives one industry by slug, name or another word for it.
func (c *Catalogue) Industry(text string) (Industry, bool) {
	key := plainKey(text)
	if key == "" {
		return Industry{}, false
	}
	for _, i := range c.industries {
		if plainKey(i.Slug) == key || plainKey(i.Name) == key ||
			slices.ContainsFunc(i.Aliases, func(a string) bool { return plainKey(a) == key }) {
			return i, true
		}
	}
	return Industry{}, false
}

// Bundles lists the named sets of apps.
func (c *Catalogue) Bundles() []Bundle {
	out := slices.Clone(c.bundles)
	for i := range out {
		out[i].Apps = slices.Clone(out[i].Apps)
	}
	return out
}

// Kit lists the releases of the bootstrap kit in their order of installation.
func (c *Catalogue) Kit() []KitRelease {
	out := slices.Clone(c.kit)
	for i := range out {
		out[i].DependsOn = slices.Clone(out[i].DependsOn)
	}
	return out
}

// PoolDomains lists the domains under which a subdomain can be had.
func (c *Catalogue) PoolDomains() []string { return slices.Clone(c.pools) }

// Provenance gives, per data file, where it comes from and its date.
func (c *Catalogue) Provenance() map[string]Provenance {
	out := make(map[string]Provenance, len(c.provenance))
	for k, v := range c.provenance {
		out[k] = v
	}
	return out
}

// Releases are the releases that a Sovereign with the given apps will have, all
// pending: the kit in its order, then one per app.
func (c *Catalogue) Releases(apps []string) []Release {
	var out []Release
	for _, k := range c.kit {
		out = append(out, Release{Name: k.Name, Label: k.Label, DependsOn: slices.Clone(k.DependsOn), State: "pending"})
	}
	for _, slug := range apps {
		a, ok := c.App(slug)
		if !ok {
			continue
		}
		deps := []string{"bp-catalyst-platform"}
		if slices.Contains(a.Needs, "postgres") {
			deps = append(deps, "bp-cnpg")
		}
		if slices.Contains(a.Needs, "redis") {
			deps = append(deps, "bp-valkey")
		}
		out = append(out, Release{Name: "app-" + a.Slug, Label: a.Name, App: a.Slug, DependsOn: deps, State: "pending"})
	}
	return out
}

// amount reads a decimal string of the catalogue; an unknown one sorts last.
func amount(s string) decimal.Decimal {
	d, err := decimal.NewFromString(s)
	if err != nil {
		return decimal.New(1, 12)
	}
	return d
}

// money is an exact amount with two decimals for sums and prices a month.
func money(d decimal.Decimal, places int32, currency string) card.Money {
	return card.Money{Amount: d.StringFixed(places), Currency: currency}
}

// plainKey reduces a name to its letters and digits, so that "Cal.com",
// "cal-com" and "cal com" are one.
func plainKey(s string) string {
	var b strings.Builder
	for _, r := range fold(s) {
		if isWordRune(r) {
			b.WriteRune(r)
		}
	}
	return b.String()
}
