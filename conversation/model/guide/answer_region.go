package guide

import (
	"slices"
	"strconv"
	"strings"
)

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
