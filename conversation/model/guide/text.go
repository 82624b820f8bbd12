package guide

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// maxText is how much of one message is read, in bytes. A person's message is
// far below it; the rest of a pasted book is not looked at.
const maxText = 8000

type tokenKind uint8

const (
	wordToken tokenKind = iota
	numberToken
	punctToken
	emailToken
	domainToken
)

// token is one word, number, address or mark of a message. start and end are
// byte offsets into the message as it was typed, so that a name can be cut out
// exactly as the person wrote it.
type token struct {
	kind       tokenKind
	norm       string // lower case, without diacritics
	stem       string // norm without a plural ending
	fixed      string // norm with its spelling corrected, or empty
	fixedStem  string
	value      int // of a number
	start, end int
	capital    bool // the first letter is upper case
	first      bool // first word of its sentence
	sentence   int
}

// message is one message taken apart.
type message struct {
	text   string
	tokens []token
	// cased is true where upper and lower case tell something: not all lower,
	// not all upper.
	cased bool
	// asks holds, by sentence, whether it ends with a question mark.
	asks []bool
}

var (
	emailRE  = regexp.MustCompile(`(?i)[\p{L}\d][\p{L}\d._%+\-]*\s?@\s?[\p{L}\d](?:[\p{L}\d-]*[\p{L}\d])?(?:\.[\p{L}\d](?:[\p{L}\d-]*[\p{L}\d])?)+`)
	domainRE = regexp.MustCompile(`(?i)(?:https?://)?(?:[a-z\d](?:[a-z\d-]*[a-z\d])?\.)+[a-z]{2,24}\b(?:/[^\s,;]*)?`)
	numberRE = regexp.MustCompile(`^(\d{1,3}(?:[.,' ]\d{3})+|\d+)(?:[.,](\d{1,2}))?(k)?`)
)

// fold makes s lower case and takes the marks off its letters.
func fold(s string) string {
	ascii := true
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			ascii = false
			break
		}
	}
	if ascii {
		return strings.ToLower(s)
	}
	folder := transform.Chain(norm.NFD, runes.Remove(runes.In(unicode.Mn)), norm.NFC)
	out, _, err := transform.String(folder, s)
	if err != nil {
		out = s
	}
	return strings.ToLower(letters.Replace(out))
}

// letters that are not a base letter and a mark.
var letters = strings.NewReplacer("ß", "ss", "ø", "o", "Ø", "O", "ı", "i", "ł", "l", "Ł", "L", "æ", "ae", "Æ", "Ae", "œ", "oe", "đ", "d", "’", "'", "‘", "'", "ʼ", "'")

// stem takes a plural ending off an English word; other languages' files can
// list their forms.
func stem(w string) string {
	n := len(w)
	switch {
	case n > 4 && strings.HasSuffix(w, "ies"):
		return w[:n-3] + "y"
	case n > 4 && (strings.HasSuffix(w, "sses") || strings.HasSuffix(w, "ches") || strings.HasSuffix(w, "shes") || strings.HasSuffix(w, "xes")):
		return w[:n-2]
	case n > 3 && strings.HasSuffix(w, "s") && !strings.HasSuffix(w, "ss") && !strings.HasSuffix(w, "us") && !strings.HasSuffix(w, "is"):
		return w[:n-1]
	}
	return w
}

// read takes a text apart into tokens, in the words of the language.
func (l *language) read(text string) message {
	if len(text) > maxText {
		cut := maxText
		for cut > 0 && !utf8.RuneStart(text[cut]) {
			cut--
		}
		text = text[:cut]
	}
	text = l.plainAddresses(l.symbols.Replace(strings.ToValidUTF8(text, " ")))
	m := message{text: text, cased: hasCase(text)}
	spans := addressSpans(l, text)
	pos := 0
	for _, s := range spans {
		m.scan(l, pos, s.start)
		m.tokens = append(m.tokens, s)
		pos = s.end
	}
	m.scan(l, pos, len(text))
	m.tokens = l.joinNumbers(m.tokens)
	m.number(l)
	for i := range m.tokens {
		if i > 0 && m.cased && m.tokens[i].capital && l.names.heads[m.tokens[i-1].norm] {
			continue // "restaurant Brandt" is a name, and no misspelt brand
		}
		l.correct(&m.tokens[i], m.cased)
	}
	return m
}

// plainAddresses writes "info at acme dot com" as an address. One that is complete
// as it was written ends there: of "info@acme.om . Al Noor" the rest is another
// sentence.
func (l *language) plainAddresses(text string) string {
	if l.spokenAddress == nil {
		return text
	}
	return l.spokenAddress.ReplaceAllStringFunc(text, func(s string) string {
		if plain, _, _ := strings.Cut(s, " "); emailRE.MatchString(plain) {
			return s
		}
		s = l.spokenAt.ReplaceAllString(s, "@")
		return l.spokenDot.ReplaceAllString(s, ".")
	})
}

// addressSpans finds e-mail addresses and domain names.
func addressSpans(l *language, text string) []token {
	var out []token
	for _, at := range emailRE.FindAllStringIndex(text, -1) {
		raw := strings.ReplaceAll(text[at[0]:at[1]], " ", "")
		out = append(out, token{kind: emailToken, norm: strings.ToLower(raw), start: at[0], end: at[1]})
	}
	emails := len(out)
	for _, at := range domainRE.FindAllStringIndex(text, -1) {
		inside := false
		for _, e := range out[:emails] {
			inside = inside || (at[0] < e.end && at[1] > e.start)
		}
		raw := strings.ToLower(text[at[0]:at[1]])
		if inside || !l.isDomain(raw, text[:at[0]], text[at[1]:]) {
			continue
		}
		out = append(out, token{kind: domainToken, norm: raw, stem: raw, start: at[0], end: at[1]})
	}
	for i := 1; i < len(out); i++ { // few: insertion sort by place
		for j := i; j > 0 && out[j].start < out[j-1].start; j-- {
			out[j], out[j-1] = out[j-1], out[j]
		}
	}
	return out
}

// isDomain tells "acme.com" from a forgotten space after a full stop.
func (l *language) isDomain(raw, before, rest string) bool {
	host := hostOf(raw)
	if l.dotted[host] {
		return true
	}
	tld := host[strings.LastIndexByte(host, '.')+1:]
	if !l.tlds[tld] {
		return false
	}
	words := strings.Fields(before)
	if len(words) > 0 && l.siteWords[fold(strings.Trim(words[len(words)-1], ":,"))] || strings.Contains(host, "-") {
		return true
	}
	if strings.Contains(raw, "://") || strings.HasPrefix(raw, "www.") || strings.Count(host, ".") > 1 {
		return true
	}
	// "we are acme.it is a shop": a word that is also an ending, with a sentence
	// going on after it.
	rest = strings.TrimLeft(rest, " ")
	return !l.common[tld] || rest == "" || !unicode.IsLetter(firstRune(rest))
}

// hostOf takes scheme, www and path off an address.
func hostOf(raw string) string {
	h := strings.TrimPrefix(strings.TrimPrefix(raw, "https://"), "http://")
	h = strings.TrimPrefix(h, "www.")
	if i := strings.IndexByte(h, '/'); i >= 0 {
		h = h[:i]
	}
	return h
}

func firstRune(s string) rune { r, _ := utf8.DecodeRuneInString(s); return r }

// hasCase is false for a text in one case only.
func hasCase(text string) bool {
	var upper, lower int
	for _, r := range text {
		if unicode.IsUpper(r) {
			upper++
		} else if unicode.IsLower(r) {
			lower++
		}
	}
	return upper > 0 && lower > 0 && lower > upper/2
}

// scan appends the tokens of text[from:to].
func (m *message) scan(l *language, from, to int) {
	text := m.text
	for i := from; i < to; {
		r, size := utf8.DecodeRuneInString(text[i:to])
		switch {
		case r == '\n':
			m.tokens = append(m.tokens, token{kind: punctToken, norm: "\n", start: i, end: i + size})
			i += size
		case unicode.IsSpace(r):
			i += size
		case unicode.IsDigit(r) && r < utf8.RuneSelf:
			i = m.scanNumber(text, i, to)
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			i = m.scanWord(l, text, i, to)
		default:
			m.tokens = append(m.tokens, token{kind: punctToken, norm: letters.Replace(string(r)), start: i, end: i + size})
			i += size
		}
	}
}

// scanNumber reads 12, 1,200, 2.5k, and "8gb" as a number and a word.
func (m *message) scanNumber(text string, i, to int) int {
	at := numberRE.FindStringSubmatchIndex(text[i:to])
	end := i + at[1]
	// A name such as cx43 never starts with a digit; "3rd" and "24h" do.
	digits := strings.NewReplacer(",", "", ".", "", "'", "", " ", "").Replace(text[i+at[2] : i+at[3]])
	v, err := strconv.Atoi(digits)
	if err != nil || v > 1_000_000_000 {
		v = 1_000_000_000
	}
	if at[6] >= 0 {
		if end < to && unicode.IsLetter(firstRune(text[end:to])) { // "5km"
			end--
		} else {
			v *= 1000
			if at[4] >= 0 { // "2.5k"
				part, scale := text[i+at[4]:i+at[5]], 1000
				for _, c := range part {
					scale /= 10
					v += int(c-'0') * scale
				}
			}
		}
	}
	m.tokens = append(m.tokens, token{kind: numberToken, norm: text[i:end], stem: text[i:end], value: v, start: i, end: end})
	return end
}

// scanWord reads a word; contractions and short forms become the words that
// they stand for, all with the same place in the text.
func (m *message) scanWord(l *language, text string, i, to int) int {
	end := i
	for end < to {
		r, size := utf8.DecodeRuneInString(text[end:to])
		inner := (r == '\'' || r == '’' || r == '‘') && end+size < to && unicode.IsLetter(firstRune(text[end+size:to]))
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.Mn, r) && !inner {
			break
		}
		end += size
	}
	raw := text[i:end]
	n := fold(raw)
	capital := unicode.IsUpper(firstRune(raw))
	if long, ok := l.expansions[n]; ok {
		for _, w := range long {
			m.tokens = append(m.tokens, token{norm: w, stem: stem(w), start: i, end: end, capital: capital})
		}
		return end
	}
	n = strings.TrimSuffix(n, "'s")
	n = strings.ReplaceAll(n, "'", "")
	m.tokens = append(m.tokens, token{norm: n, stem: stem(n), start: i, end: end, capital: capital})
	return end
}

// number gives every token its sentence.
func (m *message) number(l *language) {
	sentence, first := 0, true
	m.asks = append(m.asks, false)
	for i := range m.tokens {
		t := &m.tokens[i]
		t.sentence = sentence
		if t.kind != punctToken {
			t.first, first = first, false
			continue
		}
		switch t.norm {
		case "?", "!", ";", "\n", "؟", "。":
		case ".":
			if i > 0 && l.abbreviations[m.tokens[i-1].norm] && i+1 < len(m.tokens) && !(m.cased && m.tokens[i+1].capital && l.names.stops[m.tokens[i+1].norm]) {
				continue
			}
		default:
			continue
		}
		m.asks[sentence] = m.asks[sentence] || t.norm == "?" || t.norm == "؟"
		if !first {
			sentence, first = sentence+1, true
			m.asks = append(m.asks, false)
		}
	}
}

// slice is the text of tokens from to to, as it was typed.
func (m *message) slice(from, to int) string {
	if from >= to || to > len(m.tokens) {
		return ""
	}
	return m.text[m.tokens[from].start:m.tokens[to-1].end]
}

// words counts the tokens that are not marks.
func (m *message) words() int {
	n := 0
	for _, t := range m.tokens {
		if t.kind != punctToken {
			n++
		}
	}
	return n
}
