package provisioner

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Place is a city or a country that a person may name.
type Place struct {
	Name string `json:"name"`
	// CountryCode is ISO 3166-1 alpha-2; Country is its name.
	CountryCode string   `json:"countryCode"`
	Country     string   `json:"country"`
	Lat         float64  `json:"lat"`
	Lon         float64  `json:"lon"`
	Aliases     []string `json:"aliases,omitempty"`
	// IsCountry is true for an entry that stands for a whole country; its
	// coordinates are then those of the largest city.
	IsCountry bool `json:"isCountry,omitempty"`
}

// Country is what the catalogue knows of a country's law on personal data.
type Country struct {
	Code    string   `json:"code"`
	Name    string   `json:"name"`
	Lat     float64  `json:"lat"`
	Lon     float64  `json:"lon"`
	Aliases []string `json:"aliases,omitempty"`
	// EEA is true where the GDPR applies by membership.
	EEA bool `json:"eea,omitempty"`
	// Law names the general law on personal data, where we are sure of it.
	Law string `json:"law,omitempty"`
}

// FindPlace understands a place in a person's words: "Muscat", "our office is in
// Mascat, Oman", "Türkiye". A city wins over its country, a city of a country
// that is also named over one of the same name elsewhere, and a larger number of
// matching words over a smaller one; of two cities of one name the larger wins,
// and a country over a place of its name elsewhere. One wrong letter is forgiven in a name of
// six letters or more.
func (c *Catalogue) FindPlace(text string) (Place, bool) {
	tokens := words(text)
	if len(tokens) > 40 {
		tokens = tokens[:40]
	}
	if found := c.exactPlaces(tokens); len(found) > 0 {
		return c.bestPlace(found), true
	}
	return c.nearPlace(tokens)
}

// placeHit is a place whose name stands in the text, with how many words of the
// text it took.
type placeHit struct {
	place Place
	words int
	at    int
}

func (c *Catalogue) exactPlaces(tokens []string) []placeHit {
	var hits []placeHit
	for at := 0; at < len(tokens); at++ {
		for n := min(5, len(tokens)-at); n > 0; n-- {
			ids := c.placeIndex[strings.Join(tokens[at:at+n], " ")]
			for _, i := range ids {
				hits = append(hits, placeHit{c.places[i], n, at})
			}
			if len(ids) > 0 {
				at += n - 1
				break
			}
		}
	}
	return hits
}

func (c *Catalogue) bestPlace(hits []placeHit) Place {
	named := map[string]bool{} // countries that the text names
	taken := map[int]bool{}    // where a country's name stands
	for _, h := range hits {
		if h.place.IsCountry {
			named[h.place.CountryCode], taken[h.at] = true, true
		}
	}
	rank := func(h placeHit) int {
		switch {
		case h.place.IsCountry:
			return h.words
		case named[h.place.CountryCode]:
			return h.words + 100
		case taken[h.at]:
			return h.words - 10
		}
		return h.words + 10
	}
	best := hits[0]
	for _, h := range hits[1:] {
		if rank(h) > rank(best) {
			best = h
		}
	}
	return best.place
}

// nearPlace looks for a single word that differs by one letter from a name.
func (c *Catalogue) nearPlace(tokens []string) (Place, bool) {
	for _, t := range tokens {
		if len([]rune(t)) < 6 {
			continue
		}
		best := -1
		for key, ids := range c.placeIndex {
			if !strings.Contains(key, " ") && oneEditApart(t, key) && (best < 0 || ids[0] < best) {
				best = ids[0]
			}
		}
		if best >= 0 {
			return c.places[best], true
		}
	}
	return Place{}, false
}

// RankRegions orders every known region for a Sovereign whose people are near a
// place: those that can be planned first, and among these the ones that keep
// the wished residency, then by great-circle distance. near is free text and may
// be empty; residency is a country, "EU", "EEA", "GDPR" or "US", and may be
// empty too.
func (c *Catalogue) RankRegions(near, residency string) []RankedRegion {
	place, known := c.FindPlace(near)
	wish := c.readResidency(residency)
	kept := false
	for _, r := range c.regions {
		kept = kept || r.Available && wish.keeps(c, r)
	}
	out := make([]RankedRegion, 0, len(c.regions))
	for _, r := range c.regions {
		x := RankedRegion{CatalogueRegion: r}
		if known {
			x.DistanceKM = distanceKM(place.Lat, place.Lon, r.Lat, r.Lon)
		}
		out = append(out, x)
	}
	slices.SortStableFunc(out, func(a, b RankedRegion) int {
		return cmp.Or(
			-compareBool(a.Available, b.Available),
			-compareBool(wish.keeps(c, a.CatalogueRegion), wish.keeps(c, b.CatalogueRegion)),
			cmp.Compare(a.DistanceKM, b.DistanceKM),
		)
	})
	for i := range out {
		out[i].Why = c.whyRegion(out, i, place, known, wish, kept)
		out[i].ResidencyNote = c.residencyNote(out[i].CatalogueRegion, place, known)
	}
	return out
}

func (c *Catalogue) whyRegion(all []RankedRegion, i int, place Place, known bool, wish residencyWish, kept bool) string {
	r := all[i]
	if !r.Available {
		return r.Reason + "."
	}
	keeps := wish.keeps(c, r.CatalogueRegion)
	within := ""
	if keeps {
		within = " in " + wish.label
	}
	var b strings.Builder
	switch {
	case known && i == 0:
		fmt.Fprintf(&b, "%s (%s) is the nearest available region%s to %s, about %s km away", r.Name, r.Country, within, place.Name, thousands(r.DistanceKM))
	case known:
		fmt.Fprintf(&b, "%s (%s) is about %s km from %s", r.Name, r.Country, thousands(r.DistanceKM), place.Name)
	default:
		fmt.Fprintf(&b, "%s is in %s", r.Name, withArticle(r.Country))
	}
	switch {
	case keeps:
		b.WriteString("; the data would stay in " + wish.label)
	case wish.asked() && !kept:
		b.WriteString("; no available region lies in " + wish.label)
	case wish.asked():
		b.WriteString("; it is not in " + wish.label)
	}
	b.WriteString(".")
	if known && i == 0 {
		for _, o := range all {
			if !o.Available && o.Provider == "hetzner" && o.DistanceKM < r.DistanceKM {
				fmt.Fprintf(&b, " %s is nearer and cannot be used: %s.", o.Name, o.Reason)
			}
		}
	}
	return b.String()
}

// residencyNote states under which law the data would lie and which law the
// people's country has. It is information, never a claim of compliance.
func (c *Catalogue) residencyNote(r CatalogueRegion, place Place, known bool) string {
	at := c.countries[r.CountryCode]
	note := "The data would be stored in " + withArticle(r.Country)
	if at.Law != "" {
		note += ", where " + at.Law + " applies"
	}
	note += "."
	if !known || place.CountryCode == r.CountryCode {
		return note
	}
	home := c.countries[place.CountryCode]
	if home.EEA && at.EEA {
		return note + " " + asSentence(withArticle(home.Name)+" is in the same legal area")
	}
	note += " That is outside " + withArticle(home.Name)
	if home.Law != "" && home.Law != at.Law {
		note += ", which has " + home.Law
	}
	return note + "; whether a transfer abroad has conditions is for your own counsel to say."
}

// residencyWish is a place where the data has to stay.
type residencyWish struct {
	label string
	code  string // a country's code
	eea   bool
}

func (w residencyWish) asked() bool { return w.label != "" }

func (w residencyWish) keeps(c *Catalogue, r CatalogueRegion) bool {
	switch {
	case w.eea:
		return c.countries[r.CountryCode].EEA
	case w.code != "":
		return r.CountryCode == w.code
	}
	return false
}

func (c *Catalogue) readResidency(text string) residencyWish {
	tokens := words(text)
	for _, t := range tokens {
		switch t {
		case "eu", "eea", "gdpr", "europe", "european", "dsgvo", "rgpd":
			return residencyWish{label: "the EU", eea: true}
		case "us":
			return residencyWish{label: "the United States", code: "US"}
		}
	}
	if p, ok := c.FindPlace(text); ok {
		return residencyWish{label: withArticle(c.countries[p.CountryCode].Name), code: p.CountryCode}
	}
	return residencyWish{}
}

// withArticle gives a country's name as it stands in a sentence.
func withArticle(country string) string {
	for _, start := range []string{"United ", "Netherlands", "Philippines", "Maldives", "Bahamas", "Gambia", "Democratic ", "Republic ", "Central ", "Dominican ", "Seychelles", "Comoros", "Cayman ", "Solomon "} {
		if strings.HasPrefix(country, start) {
			return "the " + country
		}
	}
	return country
}

// distanceKM is the great-circle distance on a sphere of 6371 km radius.
func distanceKM(lat1, lon1, lat2, lon2 float64) int {
	const rad = math.Pi / 180
	dLat, dLon := (lat2-lat1)*rad, (lon2-lon1)*rad
	h := math.Pow(math.Sin(dLat/2), 2) + math.Cos(lat1*rad)*math.Cos(lat2*rad)*math.Pow(math.Sin(dLon/2), 2)
	return int(math.Round(2 * 6371 * math.Asin(math.Min(1, math.Sqrt(h)))))
}

// fold brings text to one form: lower case, without accents, with the Latin
// letters that do not decompose spelled out.
func fold(s string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.ToLower(s)) {
		if unicode.Is(unicode.Mn, r) {
			continue
		}
		if plain, ok := plainLetters[r]; ok {
			b.WriteString(plain)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

var plainLetters = map[rune]string{
	'ı': "i", 'ß': "ss", 'ø': "o", 'ł': "l", 'æ': "ae", 'œ': "oe", 'đ': "d", 'ð': "d", 'þ': "th",
	'أ': "ا", 'إ': "ا", 'آ': "ا", 'ى': "ي", 'ة': "ه",
}

func isWordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// words cuts text into folded words. Dots and apostrophes inside a word do not
// part it: "U.S.A." is "usa".
func words(s string) []string {
	s = strings.NewReplacer(".", "", "'", "", "’", "").Replace(fold(s))
	return strings.FieldsFunc(s, func(r rune) bool { return !isWordRune(r) })
}

// oneEditApart is true when one letter put in, left out or exchanged, or two
// neighbours swapped, makes a of b.
func oneEditApart(a, b string) bool {
	x, y := []rune(a), []rune(b)
	if len(x) > len(y) {
		x, y = y, x
	}
	if len(y)-len(x) > 1 || len(x) == 0 {
		return false
	}
	i := 0
	for i < len(x) && x[i] == y[i] {
		i++
	}
	if len(x) != len(y) {
		return slices.Equal(x[i:], y[i+1:])
	}
	if i == len(x) || slices.Equal(x[i+1:], y[i+1:]) {
		return true
	}
	return i+1 < len(x) && x[i] == y[i+1] && x[i+1] == y[i] && slices.Equal(x[i+2:], y[i+2:])
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// thousands writes 4870 as "4,870".
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
