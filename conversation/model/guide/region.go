package guide

import (
	"strconv"
	"strings"
)

// region is one entry of marketplace.region.list.
type regionItem struct {
	Region     string `json:"region"`
	Name       string `json:"name"`
	City       string `json:"city"`
	Country    string `json:"country"`
	Available  bool   `json:"available"`
	Reason     string `json:"reason"`
	DistanceKM int    `json:"distanceKm"`
	Why        string `json:"why"`
	Note       string `json:"residencyNote"`
}

type regionList struct {
	Items []regionItem `json:"items"`
	Place *struct {
		Name    string `json:"name"`
		Country string `json:"country"`
	} `json:"place"`
}

func (l regionList) best(not ...string) (regionItem, bool) {
	for _, r := range l.Items {
		if r.Available && !contains(not, r.Region) {
			return r, true
		}
	}
	return regionItem{}, false
}

func (l regionList) byID(id string) (regionItem, bool) {
	for _, r := range l.Items {
		if r.Region == id {
			return r, true
		}
	}
	return regionItem{}, false
}

// title is "Falkenstein, Germany".
func (r regionItem) title() string {
	name := r.Name
	if name == "" {
		name = r.City
	}
	if r.Country == "" {
		return name
	}
	return name + ", " + r.Country
}

// place sets where the people are and where it should run.
func (t *turn) place(u *understanding, w *work) error {
	s := &t.draft.Spec
	home := s.OrgHeadquarters
	for _, p := range u.where.people {
		if p.drop || p.area != "" {
			continue
		}
		if !p.known {
			list, err := t.regionList(p.text, "")
			if err != nil {
				if waits(err) {
					return err
				}
				continue
			}
			if list.Place == nil {
				w.after = append(w.after, t.reply("placeunknown", "place", echo(p.text)))
				continue
			}
		}
		if !strings.EqualFold(p.text, s.OrgHeadquarters) {
			w.put(fieldPlace, p.text)
			w.note(t.label("value", "place", "v", echo(p.text)))
		}
		home = p.text
		break
	}
	if home == "" && len(u.where.people) == 0 && u.where.inName != "" {
		w.changes = append(w.changes, change{Field: fieldPlace, Value: u.where.inName, Source: "suggested", Why: t.reply("placeinname")})
		w.note(t.label("value", "place", "v", echo(u.where.inName)))
		home = u.where.inName
	}
	if u.residency {
		if done, err := t.staysIn(u, w, home); done || err != nil {
			return err
		}
	}
	return t.region(u, w, home)
}

// staysIn answers the wish that the data stays in a country. Where there is no
// region, it says so plainly and takes nothing in its place.
func (t *turn) staysIn(u *understanding, w *work, home string) (done bool, err error) {
	country := countryOf(home)
	for _, p := range append(append([]placeHit{}, u.where.people...), u.where.machines...) {
		switch {
		case p.drop:
		case p.area != "":
			return false, nil
		default:
			country = countryOf(p.text)
		}
	}
	switch {
	case country == "":
		w.after = append(w.after, t.reply("staywhere"))
		t.replied = true
		return true, nil
	case t.hasRegion(country):
		if len(u.where.machines) == 0 {
			u.where.machines = []placeHit{{text: country, known: true}}
		}
		return false, nil
	}
	list, err := t.regionList(keep(home, country), country)
	if waits(err) {
		return true, err
	}
	if best, ok := list.best(); ok {
		w.after = append(w.after, t.reply("residencylost", "area", country, "region", best.title(), "distance", thousands(best.DistanceKM)))
		t.replied, t.lost = true, true
	}
	return true, nil
}

// countryOf is the country of "Muscat, Oman", and of "Oman".
func countryOf(place string) string {
	if i := strings.LastIndex(place, ", "); i >= 0 {
		return place[i+2:]
	}
	return place
}

// region sets the region that was wished for.
func (t *turn) region(u *understanding, w *work, home string) error {
	var want []placeHit
	var not []string
	for _, p := range u.where.machines {
		switch {
		case p.drop && p.region != "":
			not = append(not, p.region)
		case p.drop:
			for _, id := range sortedKeys(t.regions) {
				if r := t.regions[id]; sameCountry(p.text, r.Country) || p.text == r.Country || p.area != "" && p.area == r.Area {
					not = append(not, id)
				}
			}
		default:
			want = append(want, p)
		}
	}
	if len(want) > 1 {
		want = t.narrow(want)
	}
	switch {
	case len(want) > 1 && !u.corrects():
		return t.whichRegion(want, w)
	case len(want) > 0:
		return t.wantedRegion(want[len(want)-1], home, w)
	case u.where.near && home != "":
		return t.nearestRegion(home, not, w)
	case len(not) > 0 || u.where.another:
		if u.where.another && len(not) == 0 && t.draft.region() != "" {
			not = append(not, t.draft.region())
		}
		if r := t.draft.region(); r != "" && !contains(not, r) {
			w.after = append(w.after, t.reply("keptregion", "region", t.regionName(r), "unwanted", t.unwanted(u, not[0])))
			t.replied = true
			return nil
		}
		return t.nearestRegion(home, not, w)
	}
	return nil
}

// narrow lets a city stand for its country, and a place for the area it is in:
// "in Germany, preferably Nuremberg".
func (t *turn) narrow(want []placeHit) []placeHit {
	var exact []placeHit
	for _, p := range want {
		if p.region != "" {
			exact = append(exact, p)
		}
	}
	if len(exact) > 0 {
		return exact
	}
	var places []placeHit
	for _, p := range want {
		if p.area == "" {
			places = append(places, p)
		}
	}
	if len(places) > 0 {
		return places
	}
	return want[:1]
}

func (t *turn) whichRegion(want []placeHit, w *work) error {
	list, err := t.regionList("", "")
	if waits(err) {
		return err
	}
	var values, labels []string
	for _, p := range want {
		id := p.region
		if id == "" {
			continue
		}
		values = append(values, id)
		label := t.regions[id].Name
		if r, ok := list.byID(id); ok {
			label = r.title()
		}
		labels = append(labels, label)
	}
	if len(values) < 2 {
		return t.wantedRegion(want[len(want)-1], "", w)
	}
	w.after = append(w.after, t.reply("whichregion"))
	w.ask = append(w.ask, t.choice(fieldRegion, t.reply("whichregion"), values, labels, ""))
	return nil
}

// wantedRegion sets the region that stands where the person said, or the nearest
// with the reason.
func (t *turn) wantedRegion(p placeHit, home string, w *work) error {
	if p.area != "" {
		return t.residency(p.area, home, w)
	}
	near, within := p.text, ""
	if t.language.places[p.text].Country && home != "" && t.hasRegion(p.text) {
		near, within = home, p.text // the one of that country that is nearest to the people
	}
	list, err := t.regionList(near, within)
	if err != nil {
		if waits(err) {
			return err
		}
		if p.region != "" && p.region != t.draft.region() {
			w.put(fieldRegion, p.region)
			w.note(t.label("value", "region", "v", p.text))
		}
		return nil
	}
	if p.region != "" {
		r, ok := list.byID(p.region)
		if ok && !r.Available {
			w.after = append(w.after, t.reply("regionunavailable", "wanted", r.title(), "reason", sentence(r.Reason)))
			return nil
		}
		title := p.text
		if ok {
			title = r.title()
		}
		if p.region != t.draft.region() || t.draft.regionField().Source != "said" {
			w.put(fieldRegion, p.region)
			w.note(t.label("value", "region", "v", title))
		} else {
			w.same = append(w.same, title)
		}
		return nil
	}
	if list.Place == nil && !p.known {
		w.after = append(w.after, t.reply("placeunknown", "place", echo(p.text)))
		return nil
	}
	best, ok := list.best()
	if !ok {
		return nil
	}
	country := t.language.places[p.text].Country
	switch wanted := firstPart(p.text); {
	case country && best.Country == p.text:
		w.put(fieldRegion, best.Region)
		w.after = append(w.after, t.reply("regionincountry", "country", p.text, "region", best.title()))
	case strings.EqualFold(best.City, wanted) || strings.EqualFold(best.Name, wanted):
		w.put(fieldRegion, best.Region)
		w.note(t.label("value", "region", "v", best.title()))
	case best.Region == t.draft.region():
		w.after = append(w.after, t.reply("nearestkept", "wanted", p.text, "region", best.title(), "distance", thousands(best.DistanceKM)))
		t.replied = true
	default:
		id := "nearestregion"
		if best.DistanceKM == 0 {
			id = "nearestregionplain"
		}
		text := t.reply(id, "wanted", p.text, "region", best.title(), "distance", thousands(best.DistanceKM))
		// The person chose the direction, so this stands like what was said.
		w.changes = append(w.changes, change{Field: fieldRegion, Value: best.Region, Why: best.Why})
		w.after = append(w.after, text)
	}
	return nil
}

func (t *turn) residency(area, home string, w *work) error {
	list, err := t.regionList(home, area)
	if err != nil {
		if waits(err) {
			return err
		}
		return nil
	}
	best, ok := list.best()
	if !ok {
		return nil
	}
	if best.Region == t.draft.region() {
		w.after = append(w.after, t.reply("residencykept", "area", t.areaName(area), "region", best.title()))
		if t.draft.regionField().Source == "said" {
			return nil
		}
	} else {
		w.after = append(w.after, t.reply("residencykept", "area", t.areaName(area), "region", best.title()))
	}
	w.changes = append(w.changes, change{Field: fieldRegion, Value: best.Region, Why: best.Why})
	return nil
}

// areaName is how the data writes a residency.
func (t *turn) areaName(area string) string {
	if n := t.labels["area"][area]; n != "" {
		return n
	}
	return area
}

// nearestRegion suggests the nearest region to the people, except some.
func (t *turn) nearestRegion(home string, not []string, w *work) error {
	list, err := t.regionList(home, "")
	if err != nil {
		if waits(err) {
			return err
		}
		return nil
	}
	best, ok := list.best(not...)
	if ok && best.Region == t.draft.region() {
		w.same = append(w.same, best.title())
	}
	if !ok || best.Region == t.draft.region() {
		return nil
	}
	if s := t.draft.regionField().Source; s == "said" || s == "accepted" {
		w.put(fieldRegion, nil) // a suggestion does not replace what was said
	}
	source := "suggested"
	if len(not) > 0 {
		source = "accepted" // what was ruled out must not come back with the next suggestion
	}
	w.changes = append(w.changes, change{Field: fieldRegion, Value: best.Region, Source: source, Why: best.Why})
	if len(not) == 0 {
		w.after = append(w.after, t.reply("suggestregion", "region", best.title(), "why", sentence(best.Why)))
		return nil
	}
	unwanted := t.regions[not[0]].Name
	if r, ok := list.byID(not[0]); ok {
		unwanted = r.title()
	}
	w.after = append(w.after, t.reply("notregion", "unwanted", unwanted, "region", best.title(), "why", sentence(best.Why)))
	return nil
}

// unwanted names the place that was ruled out, in the person's words where they
// named a larger one.
func (t *turn) unwanted(u *understanding, region string) string {
	for _, p := range u.where.machines {
		if p.drop && p.region == "" {
			return t.areaName(p.text)
		}
	}
	return t.regionName(region)
}

func firstPart(s string) string {
	s, _, _ = strings.Cut(s, ",")
	return s
}

// thousands writes 4870 as 4,870.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// hasRegion is true where one of the provider's places is in a country.
func (t *turn) hasRegion(country string) bool {
	for _, r := range t.regions {
		if r.Country == country {
			return true
		}
	}
	return false
}
