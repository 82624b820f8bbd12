package conversation

import (
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/openova-io/sandbox/conversation/fault"
)

// lexicon is what [Answers] knows of a language: data/words/<language>.json. All
// entries are as [tokens] gives them.
type lexicon struct {
	// Yes and No are whole phrases.
	Yes []string `json:"yes"`
	No  []string `json:"no"`
	// Negators turn what follows them around, as far as the next comma: "not".
	// Excluders reach over commas: "except".
	Negators  []string `json:"negators"`
	Excluders []string `json:"excluders"`
	// Contrast ends what a negator covers: "but", "rather".
	Contrast []string `json:"contrast"`
	// All and None are answers to a question with many choices; Suggested takes
	// what was proposed.
	All       []string `json:"all"`
	None      []string `json:"none"`
	Suggested []string `json:"suggested"`
	// Fillers may stand around an answer without changing it.
	Fillers []string `json:"fillers"`
	// LeadIns stand before a name: "it is called".
	LeadIns []string `json:"leadIns"`
	// Joiners at the end of a text say that more is coming: "and".
	Joiners []string `json:"joiners"`
	// Asking are words that begin a question.
	Asking []string `json:"asking"`
	// Counters stand before a place in digits: "number", "option".
	Counters []string `json:"counters"`
	// Ordinals are places in a list, from 1; -1 is the last.
	Ordinals map[string]int `json:"ordinals"`
	// Numbers are the words for numbers; 100 and 1000 multiply.
	Numbers map[string]int `json:"numbers"`
	// UnitFirst languages say "five and twenty"; FourTwenties ones "four-twenty".
	UnitFirst    bool `json:"unitFirst"`
	FourTwenties bool `json:"fourTwenties"`
	// NumberJoiners stand inside numbers: "and".
	NumberJoiners []string `json:"numberJoiners"`
}

// words is all the language that the package knows.
type words struct {
	lexica  map[string]lexicon
	consent consentLists
}

// loadWords reads the lists.
func loadWords() (words, error) {
	w := words{lexica: map[string]lexicon{}}
	if err := readJSON("data/consent.json", &w.consent); err != nil {
		return w, err
	}
	names, err := fs.Glob(files, "data/words/*.json")
	if err != nil {
		return w, fault.Wrap(err, fault.Internal, "the lists of words are not there")
	}
	for _, name := range names {
		var l lexicon
		if err := readJSON(name, &l); err != nil {
			return w, err
		}
		w.lexica[strings.TrimSuffix(path.Base(name), ".json")] = l
	}
	if len(w.lexica["en"].Yes) == 0 || len(w.consent["en"].Explicit) == 0 {
		return w, fault.New(fault.Internal, "the English lists of words are not complete")
	}
	return w, nil
}

// embeddedWords is the lists that are compiled in, read once. They never change; a
// fault in them is a fault of the build, which the tests find.
var embeddedWords = sync.OnceValues(loadWords)

// lexiconOf gives the lexicon of a language, English where there is none.
func lexiconOf(language string) lexicon {
	w, err := embeddedWords()
	if err != nil {
		panic(err)
	}
	if l, ok := w.lexica[base(language)]; ok {
		return l
	}
	return w.lexica["en"]
}

// tokens gives the words of a text: composed, in lower case, with Western
// digits, without punctuation except inside a word ("e-mail", "don't", "1.5").
func tokens(text string) []string {
	return slices.DeleteFunc(clauses(text), func(w string) bool { return w == "," })
}

// clauses is tokens with the commas left in, as words of their own.
func clauses(text string) []string {
	text = strings.ToLower(norm.NFKC.String(text))
	text = strings.NewReplacer("’", "'", "‘", "'", "ـ", "").Replace(text)
	var out []string
	var word []rune
	flush := func() {
		if w := strings.Trim(string(word), "'-."); w != "" {
			out = append(out, w)
		}
		word = word[:0]
	}
	runes := []rune(text)
	for i, r := range runes {
		switch {
		case (r == ',' || r == '٬') && groups(runes, i):
			word = append(word, '.')
		case unicode.IsDigit(r):
			word = append(word, digit(r))
		case unicode.IsLetter(r), unicode.Is(unicode.Mn, r):
			word = append(word, r)
		case (r == '\'' || r == '-' || r == '.') && len(word) > 0:
			word = append(word, r)
		case strings.ContainsRune(",;،؛、，", r):
			flush()
			out = append(out, ",")
		default:
			flush()
		}
	}
	flush()
	return out
}

// groups is true where the comma at i separates thousands: "1,500".
func groups(runes []rune, i int) bool {
	if i == 0 || !unicode.IsDigit(runes[i-1]) || i+4 > len(runes) {
		return false
	}
	for _, r := range runes[i+1 : i+4] {
		if !unicode.IsDigit(r) {
			return false
		}
	}
	return i+4 == len(runes) || !unicode.IsDigit(runes[i+4])
}

// digit gives the Western form of a decimal digit.
func digit(r rune) rune {
	for _, zero := range []rune{'٠', '۰', '०'} {
		if r >= zero && r <= zero+9 {
			return '0' + r - zero
		}
	}
	return r
}

// find gives where the words of phrase stand in list, or -1.
func find(list, phrase []string) int {
	for i := 0; len(phrase) > 0 && i+len(phrase) <= len(list); i++ {
		if slices.Equal(list[i:i+len(phrase)], phrase) {
			return i
		}
	}
	return -1
}

// isOne is true when list is, as a whole, one of phrases.
func isOne(list []string, phrases []string) bool {
	return len(list) > 0 && slices.Contains(phrases, strings.Join(list, " "))
}

// has is true when one of phrases stands in list.
func has(list []string, phrases []string) bool {
	return slices.ContainsFunc(phrases, func(p string) bool { return find(list, strings.Fields(p)) >= 0 })
}

// without takes phrases off both ends of list, the longest first.
func without(list []string, phrases []string) []string {
	for {
		n := len(list)
		for _, p := range phrases {
			f := strings.Fields(p)
			if len(f) < len(list) && slices.Equal(list[:len(f)], f) {
				list = list[len(f):]
			}
			if len(f) < len(list) && slices.Equal(list[len(list)-len(f):], f) {
				list = list[:len(list)-len(f)]
			}
		}
		if len(list) == n {
			return list
		}
	}
}
