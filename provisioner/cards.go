package provisioner

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/openova-io/sandbox/conversation/card"
)

// simulatedNote is on every card of a simulated deployment.
const simulatedNote = "Simulated: no real cloud is touched and no money is spent."

// stopsMeter says what ends the costs of a Sovereign.
const stopsMeter = "Costs end when the servers, load balancers and volumes are deleted in the cloud account; switching servers off does not end them."

// PlanCards are what a person sees of a plan before deciding: what will be made,
// what it costs, and the question. They are empty before there is a plan. Their
// ids are "plan-<deployment>", "cost-<deployment>" and "approval-<first 16
// characters of the digest>".
func PlanCards(d Deployment) []card.Card {
	if d.Plan == nil {
		return nil
	}
	cards := []card.Card{planCard(d), costCard(d)}
	if d.Approval != nil || d.Status == StatusPlanned || d.Status == StatusAwaitingApproval {
		cards = append(cards, approvalCard(d))
	}
	return cards
}

// PlanFacts are a Spec in plain words, in reading order.
func PlanFacts(d Deployment) []card.Fact {
	s := d.Spec.Normalize()
	c, _ := LoadCatalogue()
	facts := []card.Fact{
		{Label: "Sovereign", Value: s.SovereignFQDN, Field: "sovereignFQDN"},
		{Label: "Organization", Value: s.OrgName, Field: "orgName"},
		{Label: "Administrator", Value: s.OrgEmail, Field: "orgEmail"},
	}
	for i, r := range s.Regions {
		label := "Region"
		if len(s.Regions) > 1 {
			label = fmt.Sprintf("Region %d", i+1)
		}
		where := r.CloudRegion
		if c != nil {
			if x, ok := c.Region(r.CloudRegion); ok {
				where = fmt.Sprintf("%s, %s (%s)", x.Name, x.Country, x.Region)
			}
		}
		control := "1 × " + sizeWords(c, r.CloudRegion, r.ControlPlaneSize)
		if s.ha() {
			control = "3 × " + sizeWords(c, r.CloudRegion, r.ControlPlaneSize) + ", highly available"
		}
		workers := "none"
		if r.WorkerCount > 0 {
			workers = fmt.Sprintf("%d × %s", r.WorkerCount, sizeWords(c, r.CloudRegion, r.WorkerSize))
		}
		at := fmt.Sprintf("regions[%d].", i)
		facts = append(facts,
			card.Fact{Label: label, Value: where, Field: at + "cloudRegion"},
			card.Fact{Label: "Control plane", Value: control, Field: at + "controlPlaneSize"},
			card.Fact{Label: "Workers", Value: workers, Field: at + "workerCount"})
	}
	facts = append(facts, card.Fact{Label: "Apps", Value: appNames(s.Apps), Field: "apps"})
	if len(s.Components) > 0 {
		facts = append(facts, card.Fact{Label: "Components", Value: strings.Join(s.Components, ", "), Field: "components"})
	}
	storage := s.ObjectStorageRegion
	if c != nil {
		if x, ok := c.Region(storage); ok {
			storage = fmt.Sprintf("%s (%s)", x.Name, x.Region)
		}
	}
	facts = append(facts, card.Fact{Label: "Object storage", Value: storage, Field: "objectStorageRegion"})
	return slices.DeleteFunc(facts, func(f card.Fact) bool { return f.Value == "" })
}

// sizeWords is a server type with what is in it; the type alone where the
// catalogue does not know it.
func sizeWords(c *Catalogue, region, id string) string {
	if c == nil {
		return id
	}
	size, ok := c.NodeSize(region, id)
	if !ok {
		return id
	}
	return fmt.Sprintf("%s (%d vCPU, %d GB)", id, size.VCPU, size.MemoryGB)
}

func appNames(slugs []string) string {
	c, err := LoadCatalogue()
	var names []string
	for _, s := range slugs {
		name := s
		if err == nil {
			if a, ok := c.App(s); ok {
				name = a.Name
			}
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

func planCard(d Deployment) card.Card {
	p, simulated := d.Plan, d.Cloud == Simulated
	data := card.PlanData{
		DeploymentID: d.ID, Digest: p.Digest, SovereignFQDN: d.Spec.SovereignFQDN, Simulated: simulated,
		Add: p.Add, Change: p.Change, Destroy: p.Destroy, Replace: p.Replace,
		Facts: PlanFacts(d), Changes: p.Changes, Advisories: planAdvisories(d),
	}
	if data.Changes == nil {
		data.Changes = []card.PlanChange{}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Plan for %s: %s.\n", d.Spec.SovereignFQDN, planCounts(*p))
	if simulated {
		b.WriteString(simulatedNote + "\n")
	}
	for _, f := range data.Facts {
		fmt.Fprintf(&b, "%s: %s\n", f.Label, f.Value)
	}
	for _, g := range changeGroups(p.Changes) {
		fmt.Fprintf(&b, "%s\n", g)
	}
	for _, a := range data.Advisories {
		fmt.Fprintf(&b, "Please note: %s\n", a)
	}
	fmt.Fprintf(&b, "Digest: %s", p.Digest)
	k := card.New("plan-"+d.ID, card.KindPlan, "Plan for "+d.Spec.SovereignFQDN, b.String(), data)
	k.Speech = fmt.Sprintf("The plan for %s is ready. It makes %s.", spokenDomain(d.Spec.SovereignFQDN), plural(p.Add, "resource", "resources"))
	if p.Destroy+p.Replace > 0 {
		k.Speech += fmt.Sprintf(" Careful: it also destroys or replaces %s.", plural(p.Destroy+p.Replace, "resource", "resources"))
	}
	return k
}

func planCounts(p Plan) string {
	s := fmt.Sprintf("%d to add, %d to change, %d to destroy", p.Add, p.Change, p.Destroy)
	if p.Replace > 0 {
		s += fmt.Sprintf(", %d to replace", p.Replace)
	}
	return s
}

// planAdvisories are the plan's own, and what the sizing and the counts warn of.
func planAdvisories(d Deployment) []string {
	out := slices.Clone(d.Plan.Advisories)
	add := func(s string) {
		if s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	if n := d.Plan.Destroy + d.Plan.Replace; n > 0 {
		add(plural(n, "resource is", "resources are") + " destroyed or replaced, with the data on it.")
	}
	if c, err := LoadCatalogue(); err == nil {
		add(c.Size(d.Spec).Shortfall)
	}
	return out
}

// changeGroups gives one line per group: "Servers: Control plane 1 (cpx22),
// Worker 1 (cpx32)".
func changeGroups(changes []card.PlanChange) []string {
	var order []string
	labels := map[string][]string{}
	for _, ch := range changes {
		if ch.Action == "read" || ch.Action == "no-op" {
			continue
		}
		label := ch.Label
		if label == "" {
			label = ch.Address
		}
		if ch.Action != "create" {
			label += " (" + ch.Action + ")"
		}
		if !slices.Contains(order, ch.Group) {
			order = append(order, ch.Group)
		}
		labels[ch.Group] = append(labels[ch.Group], label)
	}
	var out []string
	for _, g := range order {
		out = append(out, or(g, "Resources")+": "+strings.Join(labels[g], ", "))
	}
	return out
}

func costCard(d Deployment) card.Card {
	cost, simulated := d.Plan.Cost, d.Cloud == Simulated
	data := card.CostData{
		DeploymentID: d.ID, Hourly: cost.Hourly, Monthly: cost.Monthly, Lines: cost.Lines, Before: cost.Before,
		Unknown: cost.Unknown, Assumptions: cost.Assumptions, VATNote: cost.VATNote, Source: cost.Source,
		PricesAsOf: cost.PricesAsOf, Stale: cost.Stale, StopsMeter: stopsMeter, Simulated: simulated,
	}
	if data.Lines == nil {
		data.Lines = []card.CostLine{}
	}
	if data.Assumptions == nil {
		data.Assumptions = []string{}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s a month, %s an hour, net of VAT.\n", sentenceStart(atLeast(cost)+priced(cost.Monthly)), priced(cost.Hourly))
	if cost.Before != nil {
		fmt.Fprintf(&b, "Today it is %s a month.\n", priced(*cost.Before))
	}
	if simulated {
		b.WriteString(simulatedNote + " These would be the prices of the real cloud.\n")
	}
	for _, l := range cost.Lines {
		if l.Monthly.Amount == "" {
			fmt.Fprintf(&b, "%d × %s: price unknown\n", l.Quantity, l.Label)
			continue
		}
		fmt.Fprintf(&b, "%d × %s: %s each, %s\n", l.Quantity, l.Label, priced(l.UnitMonthly), priced(l.Monthly))
	}
	if len(cost.Unknown) > 0 {
		fmt.Fprintf(&b, "Price unknown and not in the sum: %s.\n", strings.Join(cost.Unknown, ", "))
	}
	if len(cost.Replaced) > 0 {
		fmt.Fprintf(&b, "Replaced and priced at today's rate: %s.\n", strings.Join(cost.Replaced, ", "))
	}
	for _, a := range cost.Assumptions {
		b.WriteString(a + "\n")
	}
	b.WriteString(priceSource(d))
	if cost.VATNote != "" {
		b.WriteString(cost.VATNote + "\n")
	}
	b.WriteString(stopsMeter)
	k := card.New("cost-"+d.ID, card.KindCost, "Cost", b.String(), data)
	k.Speech = "It costs " + atLeast(cost) + spoken(cost.Monthly) + " a month, without value added tax."
	if len(cost.Unknown) > 0 {
		k.Speech += fmt.Sprintf(" The price of %s is not known and comes on top.", plural(len(cost.Unknown), "item", "items"))
	}
	if simulated {
		k.Speech += " This is a simulation; nothing is charged."
	}
	return k
}

// priceSource says where the prices come from and how old they were when the plan
// was made.
func priceSource(d Deployment) string {
	cost := d.Plan.Cost
	if cost.Source == "live" {
		return fmt.Sprintf("Prices: live from the provider, %s.\n", cost.PricesAsOf)
	}
	line := "Prices: table of " + or(cost.PricesAsOf, "an unknown date")
	if day, err := time.Parse(time.DateOnly, cost.PricesAsOf); err == nil && d.Plan.CreatedAt.After(day) {
		line += fmt.Sprintf(", %s old", plural(int(d.Plan.CreatedAt.Sub(day).Hours()/24), "day", "days"))
	}
	if cost.Stale {
		line += ". They are more than 30 days old: check them with the provider"
	}
	return line + ".\n"
}

// approvalCard is the question. Its id is bound to the digest.
func approvalCard(d Deployment) card.Card {
	p, simulated := d.Plan, d.Cloud == Simulated
	fqdn := d.Spec.SovereignFQDN
	state, expires := "pending", ""
	id := approvalCardID(p.Digest)
	if d.Approval != nil {
		state = or(d.Approval.State, state)
		expires = stamp(d.Approval.ExpiresAt)
		id = or(d.Approval.CardID, id)
	}
	destructive := p.Destroy+p.Replace > 0
	object := d.ApprovalObject()
	monthly := p.Cost.Monthly
	prompt := fmt.Sprintf("Shall I create %s for %s%s a month?", fqdn, atLeast(p.Cost), priced(monthly))
	if destructive {
		prompt = fmt.Sprintf("This destroys or replaces %s of %s. Type its name to go on.", plural(p.Destroy+p.Replace, "resource", "resources"), fqdn)
	}
	data := card.ApprovalData{
		Question: card.Question{ID: id, Prompt: prompt, Type: card.AskConsent, Choices: []card.Choice{
			{Value: "approve", Label: object, Detail: sentenceStart(atLeast(p.Cost)+priced(monthly)) + " a month, net of VAT"},
			{Value: "decline", Label: "Not now", Detail: "Nothing is created; the draft stays"},
		}},
		DeploymentID: d.ID, SovereignFQDN: fqdn, Object: object, Monthly: monthly, ExpiresAt: expires,
		Destructive: destructive, Simulated: simulated, State: state,
	}
	text := map[string]string{
		"approved": "Approved: " + object + ".", "declined": "Declined. Nothing is created.",
		"expired":    "The time to approve this plan has passed. Ask for a new plan.",
		"superseded": "The draft has changed since; this plan can no longer be approved.",
	}[state]
	speech := text
	if text == "" {
		var b strings.Builder
		b.WriteString(prompt + "\n")
		if simulated {
			b.WriteString(simulatedNote + "\n")
		}
		b.WriteString("Only you can approve this, and exactly this plan is carried out.")
		if expires != "" {
			b.WriteString(" It can be approved until " + d.Approval.ExpiresAt.UTC().Format("15:04") + " UTC.")
		}
		text = b.String()
		speech = fmt.Sprintf("Shall I create %s for %s%s a month?", spokenDomain(fqdn), atLeast(p.Cost), spoken(monthly))
		if destructive {
			speech = "This plan destroys something. Please look at the card; it can only be approved there."
		}
	}
	k := card.New(id, card.KindApproval, object, text, data)
	k.Speech = speech
	return k
}

// ApprovalObject is what is approved with d's plan, in the words of the button:
// "Create clinic.omani.works". The price that goes with it is the plan's. Empty
// without a plan.
func (d Deployment) ApprovalObject() string {
	switch p := d.Plan; {
	case p == nil:
		return ""
	case p.Add == 0, p.Destroy+p.Replace > 0:
		return "Change " + d.Spec.SovereignFQDN
	}
	return "Create " + d.Spec.SovereignFQDN
}

// approvalCardID is the id of the card that approves a plan.
func approvalCardID(digest string) string { return "approval-" + digest[:min(16, len(digest))] }

// atLeast goes before a sum that something without a known price is missing from.
func atLeast(c Cost) string {
	if len(c.Unknown) > 0 {
		return "at least "
	}
	return ""
}

// sentenceStart gives the words of atLeast a capital.
func sentenceStart(s string) string { return strings.Replace(s, "at least", "At least", 1) }

// priced writes an amount for reading: "€99.46", or "price unknown".
func priced(m card.Money) string {
	switch {
	case m.Amount == "":
		return "price unknown"
	case m.Currency == "EUR":
		return "€" + m.Amount
	}
	return m.Amount + " " + m.Currency
}

// spoken writes an amount for the ear: "99 euros and 46 cents".
func spoken(m card.Money) string {
	if m.Amount == "" {
		return "an unknown amount"
	}
	whole, cents, _ := strings.Cut(m.Amount, ".")
	if m.Currency != "EUR" {
		return m.Amount + " " + m.Currency
	}
	s := whole + " euros"
	if whole == "1" {
		s = "1 euro"
	}
	if cents = strings.TrimLeft(cents, "0"); cents != "" && len(m.Amount)-strings.Index(m.Amount, ".") == 3 {
		s += " and " + cents + " cents"
	}
	return s
}

// spokenDomain writes a domain name for the ear.
func spokenDomain(fqdn string) string { return strings.ReplaceAll(fqdn, ".", " dot ") }

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// stamp is RFC 3339 in UTC with milliseconds; empty for no time.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}
