package guide

import (
	"fmt"
	"path"
	"regexp"
	"sort"
	"strings"

	"sigs.k8s.io/yaml"
)

// loadLanguage reads and compiles data/<tag>.
func loadLanguage(tag string) (*language, error) {
	l := &language{tag: tag, spell: newSpeller(), matcher: newMatcher(), dotted: map[string]bool{}}
	if err := l.decode("words.yaml", &l.wordData); err != nil {
		return nil, err
	}
	l.setWords()
	steps := []func() error{l.loadApps, l.loadBusiness, l.loadPlaces, l.loadPatterns, l.loadTopics, l.loadReplies}
	for _, step := range steps {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// decode reads one file strictly: an unknown key is an error, so that a typing
// error in the data cannot hide.
func (l *language) decode(name string, v any) error {
	raw, err := data.ReadFile(path.Join("data", l.tag, name))
	if err != nil {
		return fmt.Errorf("guide: language %s has no %s: %w", l.tag, name, err)
	}
	if err := yaml.UnmarshalStrict(raw, v); err != nil {
		return fmt.Errorf("guide: %s of language %s: %w", name, l.tag, err)
	}
	return nil
}

func set(words string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(words) {
		out[fold(w)] = true
	}
	return out
}

func (l *language) setWords() {
	w := &l.wordData
	l.fillers, l.closers, l.common = set(w.Fillers), set(w.Closers), set(w.Common)
	l.abbreviations, l.tlds = set(w.Abbreviations), set(w.TLDs)
	l.names = nameWords{stops: set(w.NameStops), inner: set(w.NameInner), partners: set(w.NamePartners), heads: set(w.NameHeads), small: set(w.NameSmall)}
	l.links, l.listWords, l.articles, l.verbs = set(w.Links), set(w.ListWords), set(w.Articles), set(w.NamingVerbs)
	l.aroundName, l.mailWords, l.speakers = set(w.AroundName), set(w.MailWords), set(w.Speakers)
	l.siteWords = set(w.SiteWords)
	l.prying = set(w.Prying)
	l.mine, l.placeWords, l.looseNumbers, l.joiners = set(w.Mine), set(w.PlaceWords), set(w.LooseNumbers), set(w.NumberJoiners)
	l.turns, l.staffWords = set(w.Turns), set(w.StaffWords)
	l.inWords, l.halves, l.numberLinks, l.numberAfter = set(w.InWords), set(w.Halves), set(w.NumberLinks), set(w.NumberAfter)
	l.countStops, l.rangeWords, l.rangeOpen, l.labelStops = set(w.CountStops), set(w.RangeWords), set(w.RangeOpen), set(w.LabelStops)
	l.things, l.personEndings = set(w.Things), strings.Fields(w.PersonEndings)
	l.hereWords, l.oneWords = set(w.HereWords), set(w.OneWords)
	l.notWords, l.placeLabels = set(w.NotWords), set(w.PlaceLabels)
	l.usualApps, l.openKinds = strings.Fields(w.UsualApps), strings.Fields(w.OpenKinds)
	l.noWords = set(w.NoWords)
	l.small = set(w.YesSmall)
	l.tellWords = set(w.TellWords)
	l.soundNumbers = set(w.SoundNumbers)
	l.vague, l.correctors = set(w.Vague), set(w.Correctors)
	l.atWork, l.words, l.endings = set(w.AtWork), set(w.Words), strings.Fields(w.Endings)
	l.times, l.wishParts, l.wishFor, l.wishTo = set(w.Times), set(w.WishParts), set(w.WishFor), set(w.WishTo)
	l.shrugs, l.others, l.sides, l.never = set(w.Shrugs), set(w.Others), set(w.Sides), set(w.NameNever)
	l.names.not = set(w.NotNames)
	l.wordApps, l.currencies, l.andWord, l.mailApp = set(w.WordApps), w.Currencies, w.And, w.MailApp
	var symbols []string
	for _, mark := range sortedKeys(w.Symbols) {
		symbols = append(symbols, mark, w.Symbols[mark])
	}
	l.symbols = strings.NewReplacer(symbols...)
	l.expansions = map[string][]string{}
	for short, long := range w.Expansions {
		l.expansions[fold(short)] = strings.Fields(long)
	}
	at, dot := alternatives(w.SpokenAt), alternatives(w.SpokenDot)
	if at != "" && dot != "" {
		part := `[\p{L}\d][\p{L}\d_+\-]*`
		l.spokenAddress = regexp.MustCompile(`(?i)` + part + `(?:(?:\.|\s*` + dot + `\s*)` + part + `)*\s*(?:@|` + at + `)\s*` + part + `(?:\.` + part + `)*(?:\s*` + dot + `\s*` + part + `)+`)
		l.spokenAt = regexp.MustCompile(`(?i)\s*` + at + `\s*`)
		l.spokenDot = regexp.MustCompile(`(?i)\s*` + dot + `\s*`)
	}
	for w := range l.common {
		l.spell.known[w] = true // known, and nothing is corrected to it
	}
	for w := range l.Numbers {
		l.spell.learn(w)
	}
}

// alternatives makes words into a group that matches them between spaces or in
// brackets.
func alternatives(words []string) string {
	var out []string
	for _, w := range words {
		q := regexp.QuoteMeta(w)
		out = append(out, `\(\s*`+q+`\s*\)`, `\[\s*`+q+`\s*\]`, `\s`+q+`\s`)
	}
	if len(out) == 0 {
		return ""
	}
	return `(?:` + strings.Join(out, "|") + `)`
}

// patterns adds lines to the matcher.
func (l *language) patterns(kind, id string, lines []string) error {
	for _, line := range lines {
		if err := l.matcher.add(line, concept{kind: kind, id: id}, l.learn); err != nil {
			return fmt.Errorf("guide: language %s: %w", l.tag, err)
		}
	}
	return nil
}

func (l *language) learn(word string) {
	if strings.Contains(word, ".") {
		l.dotted[word] = true
	}
	l.spell.learn(word)
}

func (l *language) loadApps() error {
	var file struct {
		Apps  map[string]appData  `json:"apps"`
		Needs map[string]needData `json:"needs"`
		// Components are platform parts by slug, with what people call them.
		Components map[string][]string `json:"components"`
	}
	if err := l.decode("apps.yaml", &file); err != nil {
		return err
	}
	l.apps, l.needs = file.Apps, file.Needs
	for slug, a := range file.Apps {
		if err := l.patterns("app", slug, append([]string{a.Name, slug}, a.Aliases...)); err != nil {
			return err
		}
	}
	for id, n := range file.Needs {
		if _, ok := l.apps[n.Near]; n.Near != "" && !ok {
			return fmt.Errorf("guide: language %s: need %s is near the unknown app %s", l.tag, id, n.Near)
		}
		if err := l.patterns("need", id, n.Patterns); err != nil {
			return err
		}
		for _, slug := range n.Apps {
			if _, ok := l.apps[slug]; !ok {
				return fmt.Errorf("guide: language %s: need %s names the unknown app %s", l.tag, id, slug)
			}
		}
	}
	for slug, aliases := range file.Components {
		if err := l.patterns("component", slug, append([]string{slug}, aliases...)); err != nil {
			return err
		}
	}
	return nil
}

func (l *language) loadBusiness() error {
	if err := l.decode("business.yaml", &l.business); err != nil {
		return err
	}
	for _, id := range l.openKinds {
		if _, ok := l.business[id]; !ok {
			return fmt.Errorf("guide: language %s: openKinds names the unknown business %s", l.tag, id)
		}
	}
	for id, b := range l.business {
		if err := l.patterns("business", id, b.Patterns); err != nil {
			return err
		}
	}
	return nil
}

func (l *language) loadPlaces() error {
	var file struct {
		Regions   map[string]regionData `json:"regions"`
		Countries map[string]string     `json:"countries"` // name to its cities, comma separated
		Aliases   map[string]string     `json:"aliases"`   // spoken to the name of a country or city
		Demonyms  map[string]string     `json:"demonyms"`
		Areas     map[string][]string   `json:"areas"` // residency to what people call it
	}
	if err := l.decode("places.yaml", &file); err != nil {
		return err
	}
	l.regions, l.places = file.Regions, map[string]placeData{}
	for id, r := range file.Regions {
		if err := l.patterns("region", id, append([]string{r.Name, id}, r.Aliases...)); err != nil {
			return err
		}
	}
	fullName := map[string]string{} // of a city, to the name with the country
	add := func(kind, spoken, name string, p placeData) error {
		l.places[name] = p
		return l.patterns(kind, name, []string{spoken})
	}
	for country, cities := range file.Countries {
		if err := add("place", country, country, placeData{Name: country, Country: true}); err != nil {
			return err
		}
		for _, city := range strings.Split(cities, ",") {
			if city = strings.TrimSpace(city); city == "" {
				continue
			}
			fullName[city] = city + ", " + country
			if err := add("place", city, city+", "+country, placeData{Name: city + ", " + country}); err != nil {
				return err
			}
		}
	}
	for spoken, name := range file.Aliases {
		if full, ok := fullName[name]; ok {
			name = full
		}
		p, ok := l.places[name]
		if !ok {
			return fmt.Errorf("guide: language %s: place alias %s leads to the unknown %s", l.tag, spoken, name)
		}
		if err := add("place", spoken, name, p); err != nil {
			return err
		}
	}
	for spoken, name := range file.Demonyms {
		if err := l.patterns("demonym", name, []string{spoken}); err != nil {
			return err
		}
	}
	for area, spoken := range file.Areas {
		for _, s := range spoken {
			if err := add("place", s, area, placeData{Name: area, Area: area, Country: true}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *language) loadPatterns() error {
	var file map[string]map[string][]string
	if err := l.decode("phrases.yaml", &file); err != nil {
		return err
	}
	for kind, ids := range file {
		for id, lines := range ids {
			if err := l.patterns(kind, id, lines); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *language) loadTopics() error {
	if err := l.decode("topics.yaml", &l.topics); err != nil {
		return err
	}
	for id, t := range l.topics {
		if err := l.patterns("topic", id, t.Patterns); err != nil {
			return err
		}
	}
	return nil
}

func (l *language) loadReplies() error {
	var file struct {
		Replies map[string][]string          `json:"replies"`
		Labels  map[string]map[string]string `json:"labels"`
	}
	if err := l.decode("replies.yaml", &file); err != nil {
		return err
	}
	l.replies, l.labels = file.Replies, file.Labels
	var other struct {
		Tongues []tongue `json:"tongues"`
	}
	if err := l.decode("tongues.yaml", &other); err != nil {
		return err
	}
	l.tongues = other.Tongues
	for i := range l.tongues {
		l.tongues[i].words, l.tongues[i].alone = set(l.tongues[i].Words+" "+l.tongues[i].Alone), set(l.tongues[i].Alone)
	}
	return nil
}

// languages lists the tags that have data.
func languages() []string {
	entries, err := data.ReadDir("data")
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range entries {
		if e.IsDir() {
			out = append(out, e.Name())
		}
	}
	sort.Strings(out)
	return out
}
