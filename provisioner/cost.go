package provisioner

import "github.com/openova-io/sandbox/conversation/card"

// Cost is what a plan costs, net of VAT, in exact decimals.
type Cost struct {
	Hourly  card.Money      `json:"hourly"`
	Monthly card.Money      `json:"monthly"`
	Lines   []card.CostLine `json:"lines"`
	// Before is the monthly cost of what exists now, nil where nothing does.
	Before *card.Money `json:"before,omitempty"`
	// Unknown names lines without a known price; they are not in the sums.
	Unknown []string `json:"unknown,omitempty"`
	// Replaced names the resources that a plan destroys and creates anew; they are
	// priced at today's rate, also where the old one was cheaper.
	Replaced    []string `json:"replaced,omitempty"`
	Assumptions []string `json:"assumptions"`
	VATNote     string   `json:"vatNote"`
	// Source is where the prices come from: "table", or "live" for the provider's
	// API.
	Source string `json:"source"`
	// PricesAsOf is a date, YYYY-MM-DD.
	PricesAsOf string `json:"pricesAsOf"`
	// Stale is true when the prices are more than 30 days old.
	Stale bool `json:"stale"`
}
