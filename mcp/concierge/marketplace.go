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
	Kind     string `json:"kind" limit:"enum=apps|industries|components|topologies|bundles" jsonschema:"which list"`
	Industry string `json:"industry,omitempty" limit:"max=64" jsonschema:"with kind apps: only what is suggested for this industry, e.g. healthcare"`
	Query    string `json:"query,omitempty" limit:"max=100" jsonschema:"with kind apps, industries or components: only what has this text in its name or description, e.g. files"`
}

type itemsOutput struct {
	Items any `json:"items"`
}

type regionInput struct {
	Near      string `json:"near,omitempty" limit:"max=200" jsonschema:"where the people are, e.g. Muscat, Oman"`
	Residency string `json:"residency,omitempty" limit:"max=200" jsonschema:"where the data has to stay, e.g. EU or Germany"`
}

type regionOutput struct {
	Items []provisioner.RankedRegion `json:"items"`
	// Place is what Near was understood as; Note says that it was not.
	Place *place `json:"place,omitempty"`
	Note  string `json:"note,omitempty"`
}

type place struct {
	Name    string `json:"name"`
	Country string `json:"country"`
}

type skuInput struct {
	Region string `json:"region,omitempty" limit:"max=32" jsonschema:"region code, e.g. fsn1: prices and stock differ; leave out for every size at the lowest price"`
}

type subdomainInput struct {
	Subdomain  string `json:"subdomain" limit:"min=1,max=300" jsonschema:"the label wanted, without the pool, e.g. acme"`
	PoolDomain string `json:"poolDomain,omitempty" limit:"max=300" jsonschema:"the pool domain; leave out for the default one"`
}

func (t *tools) marketplace(r *mcp.Registry) {
	mcp.Register(r, mcp.Tool{
		Name: "marketplace.catalog.list", Title: "List the catalogue", ReadOnly: true, Idempotent: true,
		Description: "What can be chosen. apps: slug, what it does, memory in MB, CPU in thousandths of a core, disk in GB; deployable false = not yet, offer nearest instead; system = comes by itself. industries: with suggested apps. components: parts of the platform. topologies; bundles.",
	}, func(_ context.Context, _ mcp.Caller, in catalogInput) (itemsOutput, error) {
		return t.catalog(in)
	})
	mcp.Register(r, mcp.Tool{
		Name: "marketplace.region.list", Title: "Find a region", ReadOnly: true, Idempotent: true,
		Description: "Regions, the best first: by distance in km to where people are and by where data has to stay, each with its code in region, the reason for its rank and under which law the data lies.",
	}, func(_ context.Context, _ mcp.Caller, in regionInput) (regionOutput, error) {
		out := regionOutput{Items: t.Catalogue.RankRegions(in.Near, in.Residency)}
		if p, ok := t.Catalogue.FindPlace(in.Near); in.Near != "" && ok {
			out.Place = &place{Name: p.Name, Country: p.Country}
		} else if strings.TrimSpace(in.Near) != "" {
			out.Note = "The place is not known here, so nothing is ranked by distance. Try the nearest larger city, or the country."
		}
		return out, nil
	})
	mcp.Register(r, mcp.Tool{
		Name: "marketplace.sku.list", Title: "List server sizes", ReadOnly: true, Idempotent: true,
		Description: "Server sizes: vCPU, memory and disk in GB, price per month and hour without VAT and without the IPv4 address (empty = not known), and whether it can be ordered.",
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
		Description: "Whether a subdomain of the free pool can be had; when not, why, and similar ones that can. Reserves nothing: the plan does.",
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
	if in.Industry != "" && in.Kind != "apps" {
		return itemsOutput{}, fault.New(fault.Invalid, "only apps are suggested for an industry").At("industry").Do("Leave industry out, or ask for kind apps.")
	}
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
