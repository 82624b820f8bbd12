package simulator

import (
	"github.com/hetznercloud/hcloud-go/v2/hcloud/schema"
	"github.com/shopspring/decimal"
)

// billedHours is how many hours of a month are charged at most.
const billedHours = 624

const terabyte = 1 << 40

// price writes a net amount as the API does: net and gross as decimal strings.
func (c *catalogue) price(net decimal.Decimal) schema.Price {
	gross := net.Mul(decimal.NewFromInt(100).Add(c.vat)).Div(decimal.NewFromInt(100))
	return schema.Price{Net: net.StringFixed(10), Gross: gross.StringFixed(10)}
}

// amount reads a price of the catalogue; newCatalogue has checked those of the
// server types, and a test the rest.
func amount(text string) decimal.Decimal {
	d, _ := decimal.NewFromString(text)
	return d
}

// hourly is the price of an hour: a month is capped at billedHours of them.
func hourly(monthly decimal.Decimal) decimal.Decimal {
	return monthly.DivRound(decimal.NewFromInt(billedHours), 4)
}

// traffic is what a server type includes, in bytes a month. Singapore includes
// less than Europe, which the API shows by location; one figure per type is
// kept here.
func (t ServerType) traffic() uint64 {
	if t.TrafficTB == 0 {
		return 20 * terabyte
	}
	return uint64(t.TrafficTB) * terabyte
}

func (c *catalogue) trafficPrice(location string) schema.Price {
	if location == "sin" {
		return c.price(amount(c.Prices.TrafficTBSin))
	}
	return c.price(amount(c.Prices.TrafficTB))
}

func (c *catalogue) serverTypePrices(t ServerType) []schema.PricingServerTypePrice {
	out := []schema.PricingServerTypePrice{}
	for _, l := range c.Locations {
		if text, sold := t.Monthly[l.Name]; sold {
			out = append(out, schema.PricingServerTypePrice{
				Location: l.Name, PriceHourly: c.price(hourly(amount(text))), PriceMonthly: c.price(amount(text)),
				IncludedTraffic: t.traffic(), PricePerTBTraffic: c.trafficPrice(l.Name),
			})
		}
	}
	return out
}

func (c *catalogue) loadBalancerTypePrices(t loadBalancerType) []schema.PricingLoadBalancerTypePrice {
	out := []schema.PricingLoadBalancerTypePrice{}
	for _, l := range c.Locations {
		if text, sold := t.Monthly[l.Name]; sold {
			out = append(out, schema.PricingLoadBalancerTypePrice{
				Location: l.Name, PriceHourly: c.price(hourly(amount(text))), PriceMonthly: c.price(amount(text)),
				IncludedTraffic: 20 * terabyte, PricePerTBTraffic: c.trafficPrice(l.Name),
			})
		}
	}
	return out
}

// getPricing answers /pricing.
func getPricing(c *call) (reply, error) {
	cat := c.sim.cat
	out := schema.Pricing{
		Currency: cat.Currency, VATRate: cat.vat.StringFixed(6),
		Image:        schema.PricingImage{PricePerGBMonth: cat.price(amount(cat.Prices.ImageGB))},
		FloatingIP:   schema.PricingFloatingIP{PriceMonthly: cat.price(amount(cat.Prices.FloatingIPv4))},
		Traffic:      schema.PricingTraffic{PricePerTB: cat.price(amount(cat.Prices.TrafficTB))},
		ServerBackup: schema.PricingServerBackup{Percentage: amount(cat.Prices.BackupPercentage).StringFixed(10)},
		Volume:       schema.PricingVolume{PricePerGBPerMonth: cat.price(amount(cat.Prices.VolumeGB))},
	}
	floating := map[string]string{"ipv4": cat.Prices.FloatingIPv4, "ipv6": cat.Prices.FloatingIPv6}
	primary := map[string]string{"ipv4": cat.Prices.PrimaryIPv4, "ipv6": "0"}
	for _, kind := range []string{"ipv4", "ipv6"} {
		f, p := schema.PricingFloatingIPType{Type: kind}, schema.PricingPrimaryIP{Type: kind}
		for _, l := range cat.Locations {
			f.Prices = append(f.Prices, schema.PricingFloatingIPTypePrice{Location: l.Name, PriceMonthly: cat.price(amount(floating[kind]))})
			p.Prices = append(p.Prices, schema.PricingPrimaryIPTypePrice{
				Location: l.Name, PriceHourly: cat.price(hourly(amount(primary[kind]))), PriceMonthly: cat.price(amount(primary[kind])),
			})
		}
		out.FloatingIPs, out.PrimaryIPs = append(out.FloatingIPs, f), append(out.PrimaryIPs, p)
	}
	for _, t := range cat.ServerTypes {
		out.ServerTypes = append(out.ServerTypes, schema.PricingServerType{ID: t.ID, Name: t.Name, Prices: cat.serverTypePrices(t)})
	}
	for _, t := range cat.LoadBalancerTypes {
		out.LoadBalancerTypes = append(out.LoadBalancerTypes, schema.PricingLoadBalancerType{ID: t.ID, Name: t.Name, Prices: cat.loadBalancerTypePrices(t)})
	}
	return ok(schema.PricingGetResponse{Pricing: out}), nil
}
