package speech

import (
	"regexp"
	"strings"
)

var (
	spokenLink  = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	spokenURL   = regexp.MustCompile(`https?://\S+`)
	spokenMoney = regexp.MustCompile(`(€|\$|EUR\s|USD\s)\s?([0-9][0-9,]*)(?:\.([0-9]{2}))?`)
	spokenSize  = regexp.MustCompile(`\b(cpx|ccx|cax|cx|lb)([0-9]{2})\b`)
	spokenName  = regexp.MustCompile(`\b[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)*\.[a-zA-Z]{2,}\b`)
	spokenMarks = strings.NewReplacer("**", "", "__", "", "`", "", "#", "", "•", ", ", "→", " to ", "–", ", ", "—", ", ", "•••", "hidden", "k3s", "k three s", "GB", "gigabytes", "vCPU", "processors")
)

// linkOnScreen is what is said of an address that nobody wants to hear.
var linkOnScreen = map[string]string{"en": "the link on your screen"}

// currencies are said after the number, in one word.
var currencies = map[string]map[string][2]string{
	"en": {"€": {"euros", "cents"}, "EUR": {"euros", "cents"}, "$": {"dollars", "cents"}, "USD": {"dollars", "cents"}},
}

// Spoken gives a text as people say it: marks of formatting are dropped, prices
// and the names of servers and domains are spelt as they are spoken, and an
// address becomes a word about it. Languages without rules of their own keep
// theirs to the voice.
func Spoken(text, language string) string {
	base, _, _ := strings.Cut(strings.ToLower(language), "-")
	text = spokenLink.ReplaceAllString(text, "$1")
	if link, ok := linkOnScreen[base]; ok {
		text = spokenURL.ReplaceAllString(text, link)
	}
	if words, ok := currencies[base]; ok {
		text = spokenMoney.ReplaceAllStringFunc(text, func(price string) string {
			m := spokenMoney.FindStringSubmatch(price)
			word := words[strings.TrimSpace(m[1])]
			said := strings.ReplaceAll(m[2], ",", "") + " " + word[0]
			if cents := strings.TrimLeft(m[3], "0"); cents != "" {
				said += " and " + cents + " " + word[1]
			}
			return said
		})
	}
	if base == "en" {
		text = spokenSize.ReplaceAllStringFunc(text, func(size string) string {
			m := spokenSize.FindStringSubmatch(size)
			return strings.Join(strings.Split(strings.ToUpper(m[1]), ""), " ") + " " + m[2]
		})
		text = spokenName.ReplaceAllStringFunc(text, func(name string) string { return strings.ReplaceAll(name, ".", " dot ") })
	}
	return strings.Join(strings.Fields(spokenMarks.Replace(text)), " ")
}

// Sentences cuts a text that is still being written into the sentences that are
// whole, and the rest. A sentence ends with its mark and white space, or with a
// line; a decimal point and an abbreviation of one letter do not end one.
func Sentences(text string) (whole []string, rest string) {
	start := 0
	runes := []rune(text)
	for i := 0; i < len(runes); i++ {
		end := false
		switch runes[i] {
		case '\n':
			end = true
		case '.', '!', '?', '؟', '…', '。':
			end = i+1 < len(runes) && (runes[i+1] == ' ' || runes[i+1] == '\n')
			if runes[i] == '.' && i >= 2 && runes[i-2] == ' ' { // J. Smith
				end = false
			}
		}
		if !end {
			continue
		}
		if s := strings.TrimSpace(string(runes[start : i+1])); s != "" {
			whole = append(whole, s)
		}
		start = i + 1
	}
	return whole, strings.TrimLeft(string(runes[start:]), " \n")
}
