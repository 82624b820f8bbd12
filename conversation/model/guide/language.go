package guide

import (
	"embed"
	"fmt"
	"path"
	"regexp"
	"sort"
	"strings"

	"sigs.k8s.io/yaml"
)

//go:embed data
var data embed.FS

// language is everything the guide knows of one language: all of it is read
// from data/<tag>/*.yaml, nothing is in code. It does not change after loading.
type language struct {
	tag string
	wordData
	expansions    map[string][]string
	fillers       map[string]bool
	closers       map[string]bool
	common        map[string]bool
	abbreviations map[string]bool
	tlds          map[string]bool
	dotted        map[string]bool
	names         nameWords
	links         map[string]bool
	listWords     map[string]bool
	articles      map[string]bool
	verbs         map[string]bool // that announce a name
	aroundName    map[string]bool
	mailWords     map[string]bool
	speakers      map[string]bool
	inWords       map[string]bool
	turns         map[string]bool
	mine          map[string]bool
	placeWords    map[string]bool
	prying        map[string]bool
	looseNumbers  map[string]bool
	joiners       map[string]bool
	halves        map[string]bool
	numberLinks   map[string]bool
	numberAfter   map[string]bool
	countStops    map[string]bool
	rangeWords    map[string]bool
	rangeOpen     map[string]bool
	labelStops    map[string]bool
	siteWords     map[string]bool
	staffWords    map[string]bool
	wordApps      map[string]bool
	times         map[string]bool
	vague         map[string]bool
	small         map[string]bool // words that change no yes
	noWords       map[string]bool
	usualApps     []string
	openKinds     []string
	notWords      map[string]bool
	placeLabels   map[string]bool
	tellWords     map[string]bool
	things        map[string]bool
	personEndings []string
	hereWords     map[string]bool
	oneWords      map[string]bool
	soundNumbers  map[string]bool
	correctors    map[string]bool
	words         map[string]bool // right as they are, and of no list
	endings       []string
	atWork        map[string]bool
	wishParts     map[string]bool
	wishFor       map[string]bool
	wishTo        map[string]bool
	shrugs        map[string]bool
	others        map[string]bool
	sides         map[string]bool
	never         map[string]bool // in a name that has no capitals
	currencies    map[string]string
	andWord       string
	mailApp       string
	symbols       *strings.Replacer

	spokenAddress, spokenAt, spokenDot *regexp.Regexp

	spell    *speller
	matcher  *matcher
	apps     map[string]appData
	needs    map[string]needData
	business map[string]businessData
	regions  map[string]regionData
	places   map[string]placeData
	topics   map[string]topic
	replies  map[string][]string
	labels   map[string]map[string]string
	tongues  []tongue
}

// wordData is words.yaml.
type wordData struct {
	Symbols       map[string]string `json:"symbols"`
	Expansions    map[string]string `json:"expansions"`
	Fillers       string            `json:"fillers"`
	Closers       string            `json:"closers"`
	Common        string            `json:"common"`
	Abbreviations string            `json:"abbreviations"`
	TLDs          string            `json:"tlds"`
	Numbers       map[string]int    `json:"numbers"`
	Scales        map[string]int    `json:"scales"`
	LooseNumbers  string            `json:"looseNumbers"`
	NumberJoiners string            `json:"numberJoiners"`
	Mine          string            `json:"mine"`
	PlaceWords    string            `json:"placeWords"`
	Prying        string            `json:"prying"`
	SpokenAt      []string          `json:"spokenAt"`
	SpokenDot     []string          `json:"spokenDot"`
	NameStops     string            `json:"nameStops"`
	NameInner     string            `json:"nameInner"`
	NamePartners  string            `json:"namePartners"`
	NameHeads     string            `json:"nameHeads"`
	LegalForms    map[string]string `json:"legalForms"`
	Links         string            `json:"links"`
	ListWords     string            `json:"listWords"`
	Articles      string            `json:"articles"`
	NamingVerbs   string            `json:"namingVerbs"`
	AroundName    string            `json:"aroundName"`
	MailWords     string            `json:"mailWords"`
	Speakers      string            `json:"speakers"`
	InWords       string            `json:"inWords"`
	Turns         string            `json:"turns"`
	Halves        string            `json:"halves"`
	NumberLinks   string            `json:"numberLinks"`
	NumberAfter   string            `json:"numberAfter"`
	CountStops    string            `json:"countStops"`
	RangeWords    string            `json:"rangeWords"`
	RangeOpen     string            `json:"rangeOpen"`
	LabelStops    string            `json:"labelStops"`
	SiteWords     string            `json:"siteWords"`
	WordApps      string            `json:"wordApps"`
	Times         string            `json:"times"`
	Vague         string            `json:"vague"`
	ArmPrefixes   string            `json:"armPrefixes"`
	YesSmall      string            `json:"yesSmall"`
	NoWords       string            `json:"noWords"`
	UsualApps     string            `json:"usualApps"`
	OpenKinds     string            `json:"openKinds"`
	NotWords      string            `json:"notWords"`
	PlaceLabels   string            `json:"placeLabels"`
	TellWords     string            `json:"tellWords"`
	Things        string            `json:"things"`
	PersonEndings string            `json:"personEndings"`
	HereWords     string            `json:"hereWords"`
	OneWords      string            `json:"oneWords"`
	SoundNumbers  string            `json:"soundNumbers"`
	Correctors    string            `json:"correctors"`
	Words         string            `json:"words"`
	Endings       string            `json:"endings"`
	AtWork        string            `json:"atWork"`
	WishParts     string            `json:"wishParts"`
	WishFor       string            `json:"wishFor"`
	WishTo        string            `json:"wishTo"`
	Shrugs        string            `json:"shrugs"`
	Others        string            `json:"others"`
	Sides         string            `json:"sides"`
	NameNever     string            `json:"nameNever"`
	NotNames      string            `json:"notNames"`
	Currencies    map[string]string `json:"currencies"`
	And           string            `json:"and"`
	MailApp       string            `json:"mailApp"`
	MostWorkers   int               `json:"mostWorkers"`
	StaffWords    string            `json:"staffWords"`
	Pools         string            `json:"pools"`
	Ordinals      map[string]int    `json:"ordinals"`
	NameSmall     string            `json:"nameSmall"`
}

// nameWords are the words that tell where an organisation's name ends.
type nameWords struct {
	stops, inner, partners, heads, small, not map[string]bool
}

// appData is one Application of apps.yaml, as people speak of it.
type appData struct {
	Name    string   `json:"name"`
	For     string   `json:"for"`
	Aliases []string `json:"aliases"`
	About   string   `json:"about"`
}

// needData is something people want done, and the Applications that do it,
// best first.
type needData struct {
	Label    string   `json:"label"`
	Apps     []string `json:"apps"`
	Patterns []string `json:"patterns"`
	// Note is said where no Application does it, and Near is what comes nearest.
	Note string `json:"note"`
	Near string `json:"near"`
	// Say replaces the usual sentence about a wish that cannot be met.
	Say string `json:"say"`
}

// businessData is a kind of organisation.
type businessData struct {
	Label    string   `json:"label"`
	Industry string   `json:"industry"`
	Patterns []string `json:"patterns"`
	Suggest  []string `json:"suggest"`
}

// regionData is how people speak of one of the provider's places.
type regionData struct {
	Name    string   `json:"name"`
	Country string   `json:"country"`
	Area    string   `json:"area"`
	Aliases []string `json:"aliases"`
}

// placeData is a place on earth that a person may name.
type placeData struct {
	Name string
	// Area is a residency such as "EU" for a group of countries; such a place is
	// never somebody's address.
	Area    string
	Country bool
}

// topic is a question that is answered from data.
type topic struct {
	Patterns []string `json:"patterns"`
	// Answer may hold {placeholders}; Handler names code that answers instead.
	Answer  string `json:"answer"`
	Handler string `json:"handler"`
	// Simulated and Real replace Answer in the one or the other cloud.
	Simulated string `json:"simulated"`
	Real      string `json:"real"`
	// Weight breaks ties; a general topic has less.
	Weight int `json:"weight"`
	// Asked is true for a topic that is one only in a question.
	Asked bool `json:"asked"`
	// Over names more general topics that are not answered beside this one.
	Over []string `json:"over"`
}

// tongue recognises another language.
type tongue struct {
	Tag    string `json:"tag"`
	Script string `json:"script"`
	Words  string `json:"words"`
	// Alone are words that tell the language by themselves.
	Alone string `json:"alone"`
	Reply string `json:"reply"`
	words map[string]bool
	alone map[string]bool
}

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
