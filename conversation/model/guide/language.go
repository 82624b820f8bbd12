package guide

import (
	"embed"
	"regexp"
	"strings"
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
