package speech

import (
	"slices"
	"strings"
	"unicode"
)

// Words gives a text as a recogniser writes it: small letters, no punctuation,
// apostrophes inside a word kept, digits as they are.
func Words(text string) []string {
	text = strings.ToLower(strings.ReplaceAll(text, "’", "'"))
	return strings.FieldsFunc(strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || r == '\'' {
			return r
		}
		return ' '
	}, text), unicode.IsSpace)
}

// Phones are the sounds of English as the ear's dictionary writes them (CMU's 39).
var Phones = strings.Fields("AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH")

// OtherPrefix begins the words that stand for one [Phones] each in a [Grammar]:
// sounds that are none of its phrases.
const OtherPrefix = "zz"

// Unsayable is a word that nobody says. It takes the weight that is kept from the
// sounds: JSGF normalizes the weights of alternatives, so a sound can only be
// made unlikely by something beside it that is likely.
const Unsayable = OtherPrefix + "unsayable"

// otherWeight is how likely one more sound beside the phrases is: small enough
// that a phrase, said clearly, costs less than the row of its own sounds.
const otherWeight = "0.0000001"

// Grammar is a JSGF grammar of exactly these phrases, or empty when there are
// none. Words that known does not have make their phrase impossible to hear, so
// it is left out; known nil knows every word.
//
// A grammar alone hears one of its phrases in every noise. So this one allows any
// row of sounds beside and instead of a phrase, each of them unlikely. [Heard]
// tells what was said.
func Grammar(phrases []string, known func(string) bool) string {
	var rules []string
	for _, p := range phrases {
		words := Words(p)
		ok := len(words) > 0
		for _, w := range words {
			ok = ok && (known == nil || known(w))
		}
		if rule := strings.Join(words, " "); ok && !slices.Contains(rules, rule) {
			rules = append(rules, rule)
		}
	}
	if len(rules) == 0 {
		return ""
	}
	var others []string
	for _, p := range Phones {
		others = append(others, "/"+otherWeight+"/ "+OtherPrefix+strings.ToLower(p))
	}
	return "#JSGF V1.0;\ngrammar answer;\npublic <answer> = [<others>] <phrase> [<others>] | <others>;\n" +
		"<phrase> = " + strings.Join(rules, " | ") + ";\n<others> = <other> [<others>];\n" +
		"<other> = " + strings.Join(others, " | ") + " | /1/ " + Unsayable + ";\n"
}

// mostOthers is how many sounds beside a phrase are breath and noise; with more,
// something else was said.
const mostOthers = 2

// Heard gives the words of a recogniser's hypothesis without its marks for noise,
// silence and further pronunciations; nothing, where a grammar heard other sounds
// than its phrases.
func Heard(hypothesis string) string {
	var words []string
	others := 0
	for _, w := range strings.Fields(hypothesis) {
		switch {
		case strings.HasPrefix(w, OtherPrefix):
			others++
		case strings.HasPrefix(w, "<"), strings.HasPrefix(w, "["), strings.HasPrefix(w, "+"):
		default:
			w, _, _ = strings.Cut(w, "(") // yes(2)
			words = append(words, w)
		}
	}
	if others > mostOthers {
		return ""
	}
	return strings.Join(words, " ")
}
