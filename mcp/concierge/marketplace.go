package concierge

import (
	"context"
	"slices"
	"strings"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/mcp"
	"github.com/openova-io/sandbox/provisioner"
)

type catalogInput struct {
	Kind     string `json:"kind" jsonschema:"apps, industries, components, topologies or bundles"`
	Industry string `json:"industry,omitempty" jsonschema:"only what is suggested for this industry"`
	Query    string `json:"query,omitempty" jsonschema:"only what has this text in its name or description"`
}

type itemsOutput struct {
	Items any `json:"items"`
}

type regionInput struct {
	Near      string `json:"near,omitempty" jsonschema:"a city or country in words, e.g. Muscat, Oman"`
	Residency string `json:"residency,omitempty" jsonschema:"where the data has to stay, e.g. EU or Germany"`
}

type regionOutput struct {
	Items []provisioner.RankedRegion `json:"items"`
	Place *place                     `json:"place,omitempty"`
}

type place struct {
	Name    string `json:"name"`
	Country string `json:"country"`
}

type skuInput struct {
	Region string `json:"region,omitempty" jsonschema:"region code, e.g. fsn1; prices and stock differ"`
}

type subdomainInput struct {
	Subdomain  string `json:"subdomain" jsonschema:"the label wanted, e.g. acme"`
	PoolDomain string `json:"poolDomain,omitempty" jsonschema:"the pool; leave out for the first one"`
}

func (t *tools) marketplace(r *mcp.Registry) {
	mcp.Register(r, mcp.Tool{
		Name: "marketplace.catalog.list", Title: "List the catalogue", ReadOnly: true, Idempotent: true,
		Description: "Apps (deployable or not yet, with the nearest that is), industries with suggested apps, platform components, topologies or bundles.",
	}, func(_ context.Context, _ mcp.Caller, in catalogInput) (itemsOutput, error) {
		return t.catalog(in)
	})
	mcp.Register(r, mcp.Tool{
		Name: "marketplace.region.list", Title: "Find a region", ReadOnly: true, Idempotent: true,
		Description: "Regions, the best first: by distance to a place and by where data has to stay, each with the reason and a note on the law that applies there.",
	}, func(_ context.Context, _ mcp.Caller, in regionInput) (regionOutput, error) {
		out := regionOutput{Items: t.Catalogue.RankRegions(in.Near, in.Residency)}
		if p, ok := t.Catalogue.FindPlace(in.Near); in.Near != "" && ok {
			out.Place = &place{Name: p.Name, Country: p.Country}
		}
		return out, nil
	})
	mcp.Register(r, mcp.Tool{
		Name: "marketplace.sku.list", Title: "List server sizes", ReadOnly: true, Idempotent: true,
		Description: "Server sizes with monthly price, and whether they can be ordered in the region.",
	}, func(_ context.Context, _ mcp.Caller, in skuInput) (itemsOutput, error) {
		if in.Region != "" {
			if _, ok := t.Catalogue.Region(in.Region); !ok {
				return itemsOutput{}, fault.New(fault.NotFound, "there is no region %q", in.Region).At("region").Do("marketplace.region.list names them.")
			}
		}
		return itemsOutput{t.Catalogue.Sizes(in.Region)}, nil
	})
	mcp.Register(r, mcp.Tool{
		Name: "catalyst.subdomains.check", Title: "Check a subdomain", ReadOnly: true, Idempotent: true,
		Description: "Whether a name in the free pool can be had, and similar ones when not.",
	}, func(ctx context.Context, _ mcp.Caller, in subdomainInput) (provisioner.SubdomainCheck, error) {
		return t.Provisioner.CheckSubdomain(ctx, in.Subdomain, in.PoolDomain)
	})
}

func (t *tools) catalog(in catalogInput) (itemsOutput, error) {
	has := func(texts ...string) bool {
		q := strings.ToLower(strings.TrimSpace(in.Query))
		return q == "" || slices.ContainsFunc(texts, func(s string) bool { return strings.Contains(strings.ToLower(s), q) })
	}
	var suggested []string
	if in.Industry != "" {
		industry, ok := t.Catalogue.Industry(in.Industry)
		if !ok {
			return itemsOutput{}, fault.New(fault.NotFound, "there is no industry %q", in.Industry).At("industry").Do(`List them with kind "industries".`)
		}
		suggested = industry.SuggestedApps
	}
	switch in.Kind {
	case "apps":
		items := []provisioner.App{}
		for _, a := range t.Catalogue.Apps() {
			if (suggested == nil || slices.Contains(suggested, a.Slug)) && has(a.Slug, a.Name, a.Tagline, a.Category) {
				items = append(items, a)
			}
		}
		return itemsOutput{items}, nil
	case "industries":
		items := []provisioner.Industry{}
		for _, i := range t.Catalogue.Industries() {
			if has(append([]string{i.Slug, i.Name}, i.Aliases...)...) {
				items = append(items, i)
			}
		}
		return itemsOutput{items}, nil
	case "components":
		items := []provisioner.Component{}
		for _, c := range t.Catalogue.Components() {
			if has(c.ID, c.Name, c.Family) {
				items = append(items, c)
			}
		}
		return itemsOutput{items}, nil
	case "topologies":
		return itemsOutput{t.Catalogue.Topologies()}, nil
	case "bundles":
		return itemsOutput{t.Catalogue.Bundles()}, nil
	}
	return itemsOutput{}, fault.New(fault.Invalid, "there is no list %q", in.Kind).At("kind").Do("The kinds are apps, industries, components, topologies and bundles.")
}
