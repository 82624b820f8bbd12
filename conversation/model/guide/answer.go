package guide

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// answer answers the questions of a message, in their order.
func (t *turn) answer(u *understanding) error {
	if u.act("summary") && len(u.topics) == 0 {
		t.summary("sofar")
		t.replied = true
		if t.draft.phase() != drafting {
			return nil
		}
	}
	if u.act("progress") && len(u.topics) == 0 && !u.facts() {
		switch t.draft.phase() {
		case drafting:
			t.say("notstarted")
			t.replied = true
		case building, ready, failed, cancelled, wiped:
			t.replied = true
			return t.progress(u)
		}
	}
	if err := t.aboutApps(u); err != nil {
		return err
	}
	if len(u.topics) == 0 && len(u.compliance) > 0 && !live(u.compliance) { // "FedRAMP?"
		t.add(t.language.topics["compliance"].Answer)
		t.replied = true
	}
	if len(u.where.asked) > 0 && len(u.topics) == 0 && !u.facts() && !u.act("offtopic") {
		t.replied = true
		return t.listRegions(u)
	}
	for _, id := range u.topics {
		if t.replied && t.language.topics[id].Weight == 1 {
			continue // a general question beside one that was answered
		}
		top := t.language.topics[id]
		var err error
		if top.Handler != "" {
			err = t.handle(top.Handler, u)
		} else {
			text := top.Answer
			if t.draft.simulated() && top.Simulated != "" {
				text = top.Simulated
			} else if top.Real != "" {
				text = top.Real
			}
			t.add(text)
		}
		if err != nil {
			return err
		}
		t.replied = true
	}
	return nil
}

// handle answers a question whose answer is in tool results.
func (t *turn) handle(handler string, u *understanding) error {
	switch handler {
	case "cost":
		t.cost(u)
	case "whyregion":
		return t.whyRegion(u)
	case "wheredata":
		if r := t.draft.region(); r != "" {
			t.say("wheredata", "region", t.regionName(r))
			return nil
		}
		t.add(t.language.topics["data"].Answer)
	case "comparehost":
		if u.act("price") || u.act("cheapest") {
			return t.compareCost()
		}
		return t.listRegions(u)
	case "regions":
		return t.listRegions(u)
	case "risk":
		if t.armWorkers() {
			t.say("armnote")
			return nil
		}
		if d := t.draft.Sizing; d != nil && d.Shortfall != "" {
			t.said = append(t.said, t.reply("shortfall", "text", sentence(d.Shortfall)))
			return nil
		}
		t.say("norisk")
	case "nearer":
		return t.nearer()
	case "budget":
		return t.stillInBudget()
	case "distance":
		return t.distance(u)
	case "hourly":
		t.hourly()
	case "fits":
		t.fits(u)
	case "currency":
		if t.draft.Estimate != nil && amount(t.draft.Estimate.Monthly) != "" {
			t.say("budgetcurrency", "cost", amount(t.draft.Estimate.Monthly), "currency", t.draft.Estimate.Monthly.Currency)
			return nil
		}
		t.say("currencyonly")
	case "latency":
		return t.latency(u)
	case "leaves":
		t.leaves(u)
	case "serverdies":
		t.serverDies()
	case "ownaddress":
		t.ownAddress()
	case "fewer":
		return t.fewer(u)
	case "whysize":
		t.whySize(u)
	case "sizes":
		return t.listSizes()
	case "apps":
		return t.listApps()
	case "included":
		t.say("included")
		if len(t.draft.Spec.Apps) > 0 {
			t.say("includedapps", "apps", t.appNames(t.draft.Spec.Apps))
		} else {
			t.say("includednone")
		}
	case "whyapps":
		t.whyApps(u)
	case "whyaddress":
		switch d := &t.draft; {
		case d.Spec.SovereignFQDN == "":
			t.say("whyaddressnone")
		case d.field(fieldSubdomain, fieldFQDN).Source == "said":
			t.say("whyaddresssaid", "fqdn", d.Spec.SovereignFQDN)
		default:
			t.say("whyaddress", "fqdn", d.Spec.SovereignFQDN)
		}
	case "why":
		return t.why(u)
	case "howlong":
		if t.draft.phase() == building {
			return t.progress(u)
		}
		if t.draft.simulated() {
			t.say("howlong")
		} else {
			t.say("howlongreal")
		}
	}
	return nil
}

// why answers a bare "why?": about what was suggested last.
func (t *turn) why(u *understanding) error {
	d := &t.draft
	if len(u.where.asked) > 0 {
		return t.whyRegion(u)
	}
	switch {
	case t.open[fieldName] || t.open[fieldEmail]:
		t.add(t.language.topics["whyask"].Answer)
	case d.region() != "":
		return t.whyRegion(u)
	case len(d.Spec.Apps) > 0:
		t.whyApps(u)
	default:
		t.say("whynothing")
	}
	return nil
}

func (t *turn) cost(u *understanding) {
	d := &t.draft
	if d.Estimate == nil || amount(d.Estimate.Monthly) == "" {
		t.costUnknown()
		return
	}
	id := "costestimate"
	if d.phase() != drafting {
		id = "costplan"
	}
	t.say(id, "cost", amount(d.Estimate.Monthly))
	var lines []string
	for i, l := range d.Estimate.Lines {
		if a := amount(l.Monthly); a != "" && i < 4 {
			lines = append(lines, t.label("value", "costline", "label", l.Label, "n", strconv.Itoa(max(l.Quantity, 1)), "amount", a))
		}
	}
	if len(lines) > 1 && !t.justSaid("costlines") {
		t.say("costlines", "lines", strings.Join(lines, ", "))
	}
	if u.has("period", "year") {
		n := u.years()
		if total := yearly(d.Estimate.Monthly, n); total != "" && n == 1 {
			t.say("costyear", "year", total)
		} else if total != "" {
			t.say("costyears", "n", strconv.Itoa(n), "total", total)
		}
	}
	if len(d.Estimate.Unknown) > 0 {
		t.say("costpartial", "list", t.join(d.Estimate.Unknown))
	}
	if d.simulated() && !t.everSaid("costsim") {
		t.say("costsim")
	}
}

func (t *turn) costUnknown() {
	t.say("costunknown")
}

func (t *turn) whyRegion(u *understanding) error {
	d := &t.draft
	for _, p := range u.where.asked {
		if p.region == d.region() || p.region == "" && countryOf(p.text) == t.regions[d.region()].Country {
			continue // "why Germany?" asks about the place that was chosen
		}
		if p.region != "" && d.region() != "" {
			return t.whyOther(p.region)
		}
		return t.listRegions(u)
	}
	f := d.regionField()
	switch {
	case d.region() == "":
		t.say("whynoregion")
		return nil
	case f.Why != "":
		if t.justSaidText(f.Why) {
			t.say("whyregionagain", "region", t.regionName(d.region()))
			t.say("whyregionlist")
			return nil
		}
		t.say("whyregion", "why", sentence(f.Why))
	case f.Source == "said" || f.Source == "accepted":
		t.say("whyregionsaid")
	}
	if d.Spec.OrgHeadquarters == "" {
		return nil
	}
	list, err := t.regionList(d.Spec.OrgHeadquarters, "")
	if err != nil {
		if waits(err) {
			return err
		}
		return nil
	}
	if r, ok := list.byID(d.region()); ok {
		if f.Why == "" && r.Why != "" {
			t.say("whyregion", "why", sentence(r.Why))
		}
		if r.Note != "" && !strings.Contains(f.Why, r.Note) {
			t.say("residencynote", "note", r.Note)
		}
	}
	return nil
}

// whyOther answers "why Ashburn?" where another place is chosen by now.
func (t *turn) whyOther(region string) error {
	list, err := t.regionList(t.draft.Spec.OrgHeadquarters, "")
	if waits(err) {
		return err
	}
	r, ok := list.byID(region)
	if !ok {
		t.say("keptregion", "region", t.regionName(t.draft.region()), "unwanted", t.regionName(region))
		return nil
	}
	t.say("whyother", "asked", r.title(), "region", t.regionName(t.draft.region()), "why", sentence(r.Why))
	return nil
}

// compareCost works out what the draft would cost in the other countries.
func (t *turn) compareCost() error {
	d := &t.draft
	if d.Estimate == nil || amount(d.Estimate.Monthly) == "" {
		t.costUnknown()
		return nil
	}
	var list []string
	seen := map[string]bool{t.regions[d.region()].Country: true}
	for _, id := range sortedKeys(t.regions) {
		if r := t.regions[id]; seen[r.Country] || t.calls >= mostCalls-1 {
			continue
		} else {
			seen[r.Country] = true
		}
		tried, ok, err := t.tryOut([]change{{Field: fieldRegion, Value: id}})
		if err != nil {
			return err
		}
		if ok {
			list = append(list, t.label("value", "saving", "what", t.regionName(id), "cost", t.atLeast(tried.Estimate)))
		}
	}
	t.say("comparecost", "region", t.regionName(d.region()), "cost", amount(d.Estimate.Monthly), "list", t.join(list))
	return nil
}

func (t *turn) listRegions(u *understanding) error {
	near, asked := t.draft.Spec.OrgHeadquarters, false
	for _, p := range u.where.asked {
		if p.area == "" {
			near, asked = p.text, true
		}
	}
	if home := t.draft.Spec.OrgHeadquarters; home != "" && slices.ContainsFunc(u.where.asked, func(p placeHit) bool { return p.region != "" }) {
		list, err := t.regionList(home, "")
		if waits(err) {
			return err
		}
		var about []string
		last := ""
		for _, p := range u.where.asked {
			r, ok := list.byID(p.region)
			switch {
			case !ok:
			case !r.Available:
				t.say("regionunavailable", "wanted", r.title(), "reason", sentence(r.Reason))
				return nil
			default:
				last = r.Name
				about = append(about, t.label("value", "regionaway", "region", r.title(), "distance", thousands(r.DistanceKM)))
			}
		}
		if len(about) > 0 { // "and Helsinki?", "Hillsboro or Ashburn?"
			t.say("aboutregion", "list", t.join(about), "place", firstPart(home), "name", last)
			return nil
		}
	}
	list, err := t.regionList(near, "")
	if err != nil {
		if waits(err) {
			return err
		}
		t.say("toolfailed")
		return nil
	}
	if best, ok := list.best(); ok && asked && best.DistanceKM > 60 && best.Country != near {
		t.say("regionsno", "place", near, "region", best.title(), "distance", thousands(best.DistanceKM))
		if t.listedRegions() {
			return nil
		}
	}
	var lines []string
	for _, r := range list.Items {
		if !r.Available || len(lines) == 6 || asked && len(lines) == 3 {
			continue
		}
		line := "- " + r.title()
		if near != "" && r.DistanceKM > 0 {
			line += " (" + thousands(r.DistanceKM) + " km)"
		}
		lines = append(lines, line)
	}
	if len(lines) == 0 {
		return nil
	}
	head := t.reply("regions")
	if near != "" {
		head = t.reply("regionsnear", "place", firstPart(near))
	}
	t.said = append(t.said, head+"\n"+strings.Join(lines, "\n"))
	return nil
}

// listedRegions is true where the regions were listed in this conversation.
func (t *turn) listedRegions() bool { return t.everSaid("regions") || t.everSaid("regionsnear") }

// justSaidText is true where the agent's last words had this text.
func (t *turn) justSaidText(s string) bool { return s != "" && strings.Contains(t.last, s) }

// latency says what the distance costs in time, by the speed of light in glass.
func (t *turn) latency(u *understanding) error {
	near := t.draft.Spec.OrgHeadquarters
	for _, p := range append(append([]placeHit{}, u.where.asked...), u.where.people...) {
		if p.area == "" && p.region == "" && p.text != t.regions[t.draft.region()].Country {
			near = p.text
		}
	}
	region := t.draft.region()
	if near == "" || region == "" {
		t.say("latencyunknown")
		return nil
	}
	list, err := t.regionList(near, "")
	if err != nil {
		if waits(err) {
			return err
		}
		t.say("latencyunknown")
		return nil
	}
	r, ok := list.byID(region)
	if !ok || r.DistanceKM == 0 {
		t.say("latencyunknown")
		return nil
	}
	// There and back at 200,000 km a second: a hundredth of a second per 1,000 km.
	id, ms := "latency", r.DistanceKM/100
	switch {
	case r.DistanceKM < 1500:
		id = "latencynear"
	case r.DistanceKM > 6000:
		id = "latencyfar"
	}
	t.say(id, "place", firstPart(near), "region", r.title(), "distance", thousands(r.DistanceKM), "ms", strconv.Itoa(max(ms, 1)))
	if best, ok := list.best(); ok && best.Region == region {
		t.say("latencynearest")
	} else if ok {
		t.say("latencynearer", "region", best.title(), "distance", thousands(best.DistanceKM))
	}
	return nil
}

// nearer answers whether there is a place that is closer to the people.
func (t *turn) nearer() error {
	home := t.draft.Spec.OrgHeadquarters
	if home == "" || t.draft.region() == "" {
		t.say("whynoregion")
		return nil
	}
	list, err := t.regionList(home, "")
	if waits(err) {
		return err
	}
	best, ok := list.best()
	switch {
	case ok && best.Region != t.draft.region():
		t.say("latencynearer", "region", best.title(), "distance", thousands(best.DistanceKM))
	case ok:
		t.say("nearest", "region", best.title(), "place", firstPart(home), "distance", thousands(best.DistanceKM))
	}
	return nil
}

// distance says how far the place is from the people.
func (t *turn) distance(u *understanding) error {
	home := t.draft.Spec.OrgHeadquarters
	if home == "" || t.draft.region() == "" {
		t.say("whynoregion")
		return nil
	}
	list, err := t.regionList(home, "")
	if waits(err) {
		return err
	}
	id := t.draft.region()
	for _, p := range u.where.asked {
		if p.region != "" {
			id = p.region
		}
	}
	if r, ok := list.byID(id); ok {
		t.say("distance", "region", r.title(), "place", firstPart(home), "distance", thousands(r.DistanceKM))
	}
	return nil
}

// armWorkers is true where the workers are of a type with ARM processors.
func (t *turn) armWorkers() bool {
	size := t.draft.workerSize()
	for _, p := range strings.Fields(t.ArmPrefixes) {
		if strings.HasPrefix(size, p) {
			return true
		}
	}
	return false
}

// stillInBudget weighs the price against what was said before that it may be.
func (t *turn) stillInBudget() error {
	n, currency := t.readBudget()
	switch {
	case t.draft.Estimate == nil || amount(t.draft.Estimate.Monthly) == "":
		t.costUnknown()
	case n == 0:
		t.say("nobudget", "cost", amount(t.draft.Estimate.Monthly))
	default:
		return t.weighBudget(n, currency)
	}
	return nil
}

// hourly says the price by the hour.
func (t *turn) hourly() {
	if e := t.draft.Estimate; e != nil && amount(e.Hourly) != "" {
		t.say("hourly", "hour", amount(e.Hourly), "cost", amount(e.Monthly))
		return
	}
	t.costUnknown()
}

// fits answers "is that something you do?" by what was noted.
func (t *turn) fits(u *understanding) {
	switch {
	case t.lost || t.everSaid("residencylost") && !t.everSaid("trialok") && !u.act("trial"):
		t.say("residencyadvice")
	case len(t.draft.Spec.Apps) > 0:
		t.say("fitsapps", "apps", t.appNames(t.draft.Spec.Apps))
	default:
		t.say("fits")
	}
}

// leaves answers whether the data leaves a country.
func (t *turn) leaves(u *understanding) {
	country := countryOf(t.draft.Spec.OrgHeadquarters)
	for _, p := range append(append([]placeHit{}, u.where.asked...), u.where.machines...) {
		if p.area == "" {
			country = countryOf(p.text)
		}
	}
	at, ok := t.regions[t.draft.region()]
	switch {
	case !ok:
		t.say("leavesunknown")
	case country == "":
		t.say("wheredata", "region", t.regionName(t.draft.region()))
	case country == at.Country:
		t.say("leavesnot", "country", country, "region", t.regionName(t.draft.region()))
	case t.hasRegion(country):
		t.say("leavesbut", "country", country, "region", t.regionName(t.draft.region()))
	default:
		t.say("leaves", "country", country, "region", t.regionName(t.draft.region()))
		t.lost = true
	}
}

// serverDies says what happens when a server fails, as the draft is.
func (t *turn) serverDies() {
	switch n, known := t.draft.workers(); {
	case t.draft.ha():
		t.say("diesha")
	case known && n == 0:
		t.say("diessingle")
	default:
		t.say("diesplain")
	}
}

func (t *turn) whySize(u *understanding) {
	d := &t.draft
	if d.Sizing == nil || d.Sizing.MemoryMiB == 0 {
		t.say("whyunknown")
		return
	}
	memory := strconv.FormatFloat(float64(d.Sizing.MemoryMiB)/1024, 'f', 1, 64)
	cpu := strconv.FormatFloat(float64(d.Sizing.CPUMillis)/1000, 'f', 1, 64)
	if contains(u.topics, "enough") {
		n := u.counts.askedCount
		if n >= d.Sizing.Workers || n == 0 && d.Sizing.Shortfall == "" {
			t.say("enoughyes")
		} else {
			t.say("enoughno")
		}
	}
	id := "whysize"
	count := t.workersLabel(d.Sizing.Workers, d.Sizing.WorkerSize)
	if n, ok := d.workers(); ok && d.field(fieldWorkers, "workerCount").Source == "said" {
		id, count = "whysizesaid", t.workersLabel(n, d.workerSize())
	}
	t.say(id, "memory", memory, "cpu", cpu, "count", count)
	if d.Sizing.Shortfall != "" {
		t.said = append(t.said, t.reply("shortfall", "text", sentence(d.Sizing.Shortfall)))
	}
}

func (t *turn) listSizes() error {
	region := t.draft.region()
	items, err := t.sizeList(region)
	if err != nil {
		if waits(err) {
			return err
		}
		t.say("toolfailed")
		return nil
	}
	var lines []string
	for _, s := range items {
		if !s.Orderable || len(lines) == 8 {
			continue
		}
		line := fmt.Sprintf("- %s: %d vCPU, %d GB", s.ID, s.VCPU, s.MemoryGB)
		if p := s.price(); p != "" {
			line += ", " + amount(money{Amount: p, Currency: keep(s.Currency, "EUR")})
		}
		lines = append(lines, line)
	}
	where := ""
	if region != "" {
		where = " (" + t.regionName(region) + ")"
	}
	t.said = append(t.said, t.reply("sizes", "where", where)+"\n"+strings.Join(lines, "\n"))
	return nil
}

func (t *turn) listApps() error {
	if t.suggested {
		return nil // some were suggested just now
	}
	if err := t.catalogue(); err != nil {
		return err
	}
	var can, not []string
	for _, slug := range sortedKeys(t.appInfo) {
		if t.appInfo[slug].Deployable {
			can = append(can, t.appFor(slug))
		} else {
			not = append(not, t.appName(slug))
		}
	}
	if len(can) == 0 {
		t.say("toolfailed")
		return nil
	}
	again := t.everSaid("apps")
	if !again {
		t.say("apps", "list", t.join(can))
	}
	if len(not) > 0 && (again || len(can) < 8) {
		t.say("appsnotyet", "list", t.join(not))
	}
	return nil
}

func (t *turn) whyApps(u *understanding) {
	if t.suggested {
		return // the suggestion of this turn names its reason
	}
	d := &t.draft
	f := d.field(fieldApps)
	switch {
	case len(d.Spec.Apps) == 0:
		t.say("whyappsnone")
	case f.Source == "suggested":
		t.say("whyappssuggested", "apps", t.appNames(d.Spec.Apps), "why", f.Why)
	default:
		t.say("whyapps", "apps", t.appNames(d.Spec.Apps))
	}
}

// aboutApps answers questions about Applications by name or by what they do.
func (t *turn) aboutApps(u *understanding) error {
	var names []wish
	for _, a := range u.apps {
		if a.asked && strings.HasPrefix(a.slug, "need:") {
			t.replied = true // applications has said it
			continue
		}
		if a.asked && len(names) < 2 {
			names = append(names, a)
		}
	}
	if len(names) == 0 || contains(u.topics, "whyapps") {
		return nil
	}
	for _, id := range u.topics {
		if t.language.topics[id].Weight >= 8 {
			return nil // the question is another one
		}
	}
	if err := t.catalogue(); err != nil {
		return err
	}
	var offers []string
	w := &work{}
	for _, a := range names {
		info := t.language.apps[a.slug]
		t.say("appabout", "about", info.About)
		switch {
		case contains(t.draft.Spec.Apps, a.slug):
			t.say("apphave")
		case !t.deployable(a.slug):
			near := t.appInfo[a.slug].Nearest
			if near == "" || !t.deployable(near) {
				t.say("appcannot")
				break
			}
			t.notYet(a, nil, t.draft.Spec.Apps, w)
		default:
			offers = append(offers, t.appName(a.slug))
		}
	}
	t.offerNearest(w)
	for _, s := range w.after {
		t.add(s)
	}
	if len(offers) > 0 {
		t.say("appoffer", "app", t.join(offers))
	}
	t.replied = true
	drop := []string{"included", "apps", "why"}
	var rest []string
	for _, id := range u.topics {
		if !contains(drop, id) {
			rest = append(rest, id)
		}
	}
	u.topics = rest
	return nil
}

// years is over how many years a price is asked for.
func (u *understanding) years() int {
	for _, m := range u.byKind["period"] {
		for i := m.from - 1; i >= 0 && i >= m.from-2; i-- {
			if t := &u.msg.tokens[i]; t.kind == numberToken && t.value > 0 && t.value <= 50 {
				return t.value
			}
		}
	}
	return 1
}

// yearly is twelve times a monthly amount with two decimals, for some years;
// empty where that is not how it is written.
func yearly(m money, years int) string {
	whole, cents, ok := strings.Cut(m.Amount, ".")
	n, err := strconv.ParseInt(whole+cents, 10, 64)
	if !ok || err != nil || len(cents) != 2 {
		return ""
	}
	n *= 12 * int64(years)
	return amount(money{Amount: fmt.Sprintf("%d.%02d", n/100, n%100), Currency: m.Currency})
}
