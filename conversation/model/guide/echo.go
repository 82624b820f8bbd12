package guide

import (
	"strings"
	"unicode"
)

// longestEcho is how many characters of a person's own words a reply says back.
const longestEcho = 90

// echo makes a person's words fit to stand in a reply, where they are often in
// quotes: one line without quotation marks, question marks, control characters or
// marks of the writing direction, and at most longestEcho characters. An
// apostrophe inside a word stays.
func echo(said string) string {
	var out []rune
	list := []rune(strings.ToValidUTF8(said, ""))
	for i, c := range list {
		inner := i > 0 && i+1 < len(list) && unicode.IsLetter(list[i-1]) && unicode.IsLetter(list[i+1])
		switch {
		case unicode.IsSpace(c):
			if len(out) > 0 && out[len(out)-1] != ' ' {
				out = append(out, ' ')
			}
		case inner && (c == '\'' || c == '’'):
			out = append(out, c)
		case unicode.In(c, unicode.C, unicode.Quotation_Mark), strings.ContainsRune("`?؟", c):
		default:
			out = append(out, c)
		}
	}
	if len(out) > longestEcho {
		out = append(out[:longestEcho:longestEcho], '…')
	}
	return strings.TrimSpace(string(out))
}

// quote writes a list of a person's own words.
func (t *turn) quote(list []string) string {
	out := make([]string, 0, len(list))
	for _, s := range list {
		if s = echo(s); s != "" {
			out = append(out, "“"+s+"”")
		}
	}
	return t.join(out)
}

// mostAsked is how many things a reply asks.
const mostAsked = 2

// sayer puts a reply together.
type sayer struct {
	said  map[string]bool
	asked int
}

// once leaves out of a text the sentences that were said already, also behind a
// colon: "My suggestion: it is near." says "It is near." too. It leaves out a
// question after mostAsked others, which can wait for its answer. Lists, which
// begin new lines, stay whole.
func (r *sayer) once(text string) string {
	if strings.Contains(text, "\n") {
		return text
	}
	var left []string
	for _, s := range cutSentences(text) {
		if r.said[s] {
			continue
		}
		if strings.HasSuffix(s, "?") {
			if r.asked == mostAsked {
				continue
			}
			r.asked++
		}
		r.said[s] = true
		if _, reason, ok := strings.Cut(s, ": "); ok {
			r.said[reason] = true
		}
		left = append(left, s)
	}
	return strings.Join(left, " ")
}

// cutSentences takes a paragraph apart. A full stop inside quotation marks ends no
// sentence.
func cutSentences(text string) []string {
	var out []string
	start, quoted := 0, false
	for i, c := range text {
		switch c {
		case '"':
			quoted = !quoted
		case '“':
			quoted = true
		case '”':
			quoted = false
		case ' ':
			if !quoted && i > start && strings.IndexByte(".!?", text[i-1]) >= 0 {
				out = append(out, text[start:i])
				start = i + 1
			}
		}
	}
	if start < len(text) {
		out = append(out, text[start:])
	}
	return out
}
