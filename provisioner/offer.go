package provisioner

import (
	"context"
	"fmt"
	"sync"
	"time"

	tfjson "github.com/hashicorp/terraform-json"
	"github.com/hetznercloud/hcloud-go/v2/hcloud"
	"github.com/shopspring/decimal"

	"github.com/openova-io/sandbox/conversation/fault"
)

const (
	// offerFresh is how long the provider's answer about its prices is used.
	offerFresh = 10 * time.Minute
	// offerTime is how long the provider may take to answer.
	offerTime = 10 * time.Second
)

// Offer is what the provider's API sells at the moment: what can be ordered where,
// and at which net price.
type Offer struct {
	// At is when it was asked.
	At time.Time
	// Currency is that of all prices.
	Currency string
	// sizes and balancers are by type, then by location.
	sizes     map[string]map[string]offered
	balancers map[string]map[string]offered
	// ipv4 is by location.
	ipv4 map[string]offered
	// volumeGB and backupPercent are empty where they are not told.
	volumeGB, backupPercent string
	// stockOnly is true for a cloud that has no prices of its own: the simulated one.
	stockOnly bool
}

// offered is one thing at one location. Prices are decimal strings, empty where
// they are not known.
type offered struct {
	monthly, hourly string
	available       bool
}

// FetchOffer asks a provider's API for its price list and its stock. Fault:
// [fault.Unavailable] when it does not answer, or not in a way that reads.
func FetchOffer(ctx context.Context, e Endpoint) (*Offer, error) {
	ctx, cancel := context.WithTimeout(ctx, offerTime)
	defer cancel()
	client := hcloud.NewClient(hcloud.WithEndpoint(e.URL), hcloud.WithToken(e.Token), hcloud.WithApplication("openova-sandbox", ""),
		hcloud.WithRetryOpts(hcloud.RetryOpts{}))
	types, err := client.ServerType.All(ctx)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the provider does not tell its stock")
	}
	prices, _, err := client.Pricing.Get(ctx)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the provider does not tell its prices")
	}
	o := &Offer{At: time.Now().UTC(), Currency: prices.Currency, sizes: map[string]map[string]offered{},
		balancers: map[string]map[string]offered{}, ipv4: map[string]offered{},
		volumeGB: exact(prices.Volume.PerGBMonthly.Net), backupPercent: exact(prices.ServerBackup.Percentage)}
	for _, t := range types {
		at := map[string]offered{}
		for _, l := range t.Locations {
			if l.Location != nil {
				at[l.Location.Name] = offered{available: l.Available}
			}
		}
		o.sizes[t.Name] = at
	}
	for _, t := range prices.ServerTypes {
		for _, p := range t.Pricings {
			if at := o.sizes[t.ServerType.Name]; at != nil && p.Location != nil {
				at[p.Location.Name] = offered{exact(p.Monthly.Net), exact(p.Hourly.Net), at[p.Location.Name].available}
			}
		}
	}
	for _, t := range prices.LoadBalancerTypes {
		at := map[string]offered{}
		for _, p := range t.Pricings {
			if p.Location != nil {
				at[p.Location.Name] = offered{exact(p.Monthly.Net), exact(p.Hourly.Net), true}
			}
		}
		o.balancers[t.LoadBalancerType.Name] = at
	}
	for _, t := range prices.PrimaryIPs {
		for _, p := range t.Pricings {
			if t.Type == "ipv4" {
				o.ipv4[p.Location] = offered{exact(p.Monthly.Net), exact(p.Hourly.Net), true}
			}
		}
	}
	if o.Currency == "" || len(o.sizes) == 0 {
		return nil, fault.New(fault.Unavailable, "the provider's price list is empty")
	}
	return o, nil
}

// exact is a decimal without the zeros at its end; what is none is unknown.
func exact(s string) string {
	d, err := decimal.NewFromString(s)
	if err != nil || d.IsNegative() {
		return ""
	}
	return d.String()
}

// With gives the catalogue as the provider offers it now: its stock, and its
// prices instead of the table's. What the provider does not price is unknown, also
// where the table had a price. A nil offer changes nothing.
func (c *Catalogue) With(o *Offer) *Catalogue {
	if o == nil {
		return c
	}
	live := *c
	live.offer = o
	if !o.stockOnly {
		live.prices.Currency = o.Currency
		live.prices.VolumeGB, live.prices.BackupPercent = o.volumeGB, o.backupPercent
	}
	return &live
}

// offeredIn applies the offer to a size in a region.
func (c *Catalogue) offeredIn(n NodeSize, r CatalogueRegion) NodeSize {
	at, listed := c.offer.sizes[n.ID][r.Region]
	if !c.offer.stockOnly {
		n.Monthly, n.Hourly = at.monthly, at.hourly
	}
	n.Orderable, n.Reason = at.available, ""
	switch {
	case !listed:
		n.Reason = fmt.Sprintf("%s is not offered in %s", n.ID, r.Region)
	case !at.available:
		n.Reason = fmt.Sprintf("%s is out of stock in %s", n.ID, r.Region)
	}
	return n
}

// shortages are the sizes of a Spec that the provider cannot deliver now.
func (c *Catalogue) shortages(spec Spec) []fault.Violation {
	if c.offer == nil {
		return nil
	}
	var out []fault.Violation
	for i, r := range spec.Regions {
		check := func(name, size string) {
			if n, known := c.NodeSize(r.CloudRegion, size); known && !n.Orderable {
				out = append(out, fault.Violation{Path: fmt.Sprintf("regions[%d].%s", i, name), Rule: "stock", Value: size,
					Message: c.outOfStock(size, r.CloudRegion), Suggestion: c.instead(size, r.CloudRegion)})
			}
		}
		check("controlPlaneSize", r.ControlPlaneSize)
		if r.WorkerCount > 0 {
			check("workerSize", r.WorkerSize)
		}
	}
	return out
}

// soldOut gives the first server of a plan that the provider cannot deliver now.
func (c *Catalogue) soldOut(plan *tfjson.Plan) (size, region string, short bool) {
	if c.offer == nil || plan == nil {
		return "", "", false
	}
	for _, rc := range plan.ResourceChanges {
		if rc.Type != "hcloud_server" || rc.Change == nil || !rc.Change.Actions.Create() && !rc.Change.Actions.Replace() || rc.Change.Importing != nil {
			continue
		}
		for _, i := range planItems(rc, rc.Change.After) {
			if n, known := c.NodeSize(i.region, i.what); i.kind == "server" && i.region != "" && known && !n.Orderable {
				return i.what, i.region, true
			}
		}
	}
	return "", "", false
}

// offers keeps the real provider's newest answer.
type offers struct {
	mu     sync.Mutex
	newest *Offer
}

// market gives the catalogue with what the provider offers now, and why it is the
// table's where it could not be asked. Of a simulated cloud only the stock
// counts: its prices are those of the table, and as old.
func (s *Service) market(ctx context.Context, e Endpoint) (c *Catalogue, note string) {
	fetch := s.opts.Offers
	if fetch == nil {
		fetch = FetchOffer
	}
	if s.opts.Cloud == Simulated {
		o, err := fetch(ctx, e)
		if err != nil {
			s.log.DebugContext(ctx, "the simulated cloud's stock is not known", "error", err)
			return s.opts.Catalogue, ""
		}
		o.stockOnly = true
		return s.opts.Catalogue.With(o), ""
	}
	s.offers.mu.Lock()
	defer s.offers.mu.Unlock() // one asks, the others wait for its answer
	if o := s.offers.newest; o != nil && s.now().Sub(o.At) < offerFresh {
		return s.opts.Catalogue.With(o), ""
	}
	o, err := fetch(ctx, e)
	if err != nil {
		s.log.WarnContext(ctx, "the provider's prices could not be read", "error", err)
		return s.opts.Catalogue, "The provider's own price list could not be read just now, so these are the prices of the table."
	}
	s.offers.newest = o
	return s.opts.Catalogue.With(o), ""
}

// catalogue is the catalogue with the provider's newest answer, as long as that is
// fresh. It asks nobody.
func (s *Service) catalogue() *Catalogue {
	s.offers.mu.Lock()
	defer s.offers.mu.Unlock()
	if o := s.offers.newest; o != nil && s.now().Sub(o.At) < offerFresh {
		return s.opts.Catalogue.With(o)
	}
	return s.opts.Catalogue
}
