package conversation

import (
	"regexp"
	"slices"
	"strings"

	"github.com/openova-io/sandbox/conversation/card"
)

// AnswerKind is how far a text answers a question.
type AnswerKind string

const (
	// AnswerNone: it is about something else.
	AnswerNone AnswerKind = "none"
	// AnswerPartial: it is about the question and does not settle it, or more is
	// coming. Value is what is there so far, if anything: for a choice the choices
	// that it could be.
	AnswerPartial AnswerKind = "partial"
	// AnswerComplete: it settles the question; Value is the answer.
	AnswerComplete AnswerKind = "complete"
)

// Answer is what a text is to a question.
type Answer struct {
	Kind AnswerKind
	// Value of a complete answer is a string (text, choice, e-mail, domain), a
	// []string (choices), an int (number) or a bool (yes or no, consent).
	Value any
}

func complete(v any) Answer { return Answer{AnswerComplete, v} }
func partial(v any) Answer  { return Answer{AnswerPartial, v} }

// Answers decides, by the question and the words alone, whether text answers q.
// It calls no model, and the same text always gives the same answer. Choices are
// understood by label, by value and by their place ("the second one"), numbers
// in digits and in words, negations turn around. A secret is never answered by
// a text; a consent only by the closed lists, which decides nothing by itself.
func Answers(q card.Question, text, language string) Answer {
	l := lexiconOf(language)
	list := tokens(text)
	if len(list) == 0 {
		return Answer{Kind: AnswerNone}
	}
	if q.Type == card.AskConsent {
		return answersConsent(l, text, list, language)
	}
	asking := strings.ContainsAny(schemePattern.ReplaceAllString(text, "$1"), "?؟？") || slices.Contains(l.Asking, list[0])
	if q.Suggested != "" && !asking && (isOne(list, l.Suggested) || q.Type != card.AskYesNo && l.agrees(list)) {
		return suggested(q, language)
	}
	var a Answer
	switch q.Type {
	case card.AskSecret:
		return Answer{Kind: AnswerNone}
	case card.AskChoice:
		a = l.choice(q, text)
	case card.AskChoices:
		a = l.choices(q, text, list)
	case card.AskNumber:
		a = l.amount(text, list)
	case card.AskYesNo:
		a = l.yesNo(list)
	case card.AskEmail:
		a = email(text)
	case card.AskDomain:
		a = l.domain(text, list, asking)
	default:
		a = l.text(q, text, list, asking)
	}
	if asking && a.Kind == AnswerComplete { // "is the second one better?"
		return partial(a.Value)
	}
	return a
}

// suggested takes what the question proposes, in the form its type wants.
func suggested(q card.Question, language string) Answer {
	proposal := q
	proposal.Suggested = ""
	if q.Type == card.AskChoice || q.Type == card.AskText || q.Type == "" {
		return complete(q.Suggested)
	}
	return Answers(proposal, q.Suggested, language)
}

// agrees is true for a text that is wholly a yes.
func (l lexicon) agrees(list []string) bool {
	return isOne(list, l.Yes) || isOne(without(list, l.Fillers), l.Yes)
}

func (l lexicon) refuses(list []string) bool {
	return isOne(list, l.No) || isOne(without(list, l.Fillers), l.No)
}

func answersConsent(l lexicon, text string, list []string, language string) Answer {
	w, err := embeddedWords()
	if err != nil {
		panic(err) // lexiconOf has read the same
	}
	lists := w.consent[base(language)]
	switch words := said(text); {
	case slices.Contains(lists.Explicit, words), slices.Contains(lists.Bare, words):
		return complete(true)
	case l.refuses(list):
		return complete(false)
	}
	return Answer{Kind: AnswerNone}
}

// yesNo: a whole phrase, or one that the text begins with.
func (l lexicon) yesNo(list []string) Answer {
	switch {
	case l.agrees(list):
		return complete(true)
	case l.refuses(list):
		return complete(false)
	}
	yes, no := l.begins(list, l.Yes), l.begins(list, l.No)
	switch {
	case yes > no && !l.negated(list[yes:]) && !has(list[yes:], l.No):
		return complete(true)
	case no > yes && !has(list[no:], l.Yes):
		return complete(false)
	case yes > 0 || no > 0:
		return partial(nil)
	}
	return Answer{Kind: AnswerNone}
}

// begins gives how many words of list its longest beginning in phrases has.
func (l lexicon) begins(list []string, phrases []string) int {
	longest := 0
	for _, p := range phrases {
		if f := strings.Fields(p); len(f) > longest && len(f) <= len(list) && slices.Equal(list[:len(f)], f) {
			longest = len(f)
		}
	}
	return longest
}

// negated is true when what comes after these words is meant the other way
// round.
func (l lexicon) negated(before []string) bool {
	ended := false
	for i := len(before) - 1; i >= 0; i-- {
		switch {
		case slices.Contains(l.Contrast, before[i]):
			return false
		case slices.Contains(l.Excluders, before[i]):
			return true
		case !ended && slices.Contains(l.Negators, before[i]):
			return true
		}
		ended = ended || before[i] == ","
	}
	return false
}

// amount: exactly one number.
func (l lexicon) amount(text string, list []string) Answer {
	found := l.numbers(clauses(text))
	slices.Sort(found)
	found = slices.Compact(found)
	switch {
	case len(found) == 1:
		return complete(found[0])
	case len(found) > 1:
		return partial(nil)
	case isOne(list, l.None):
		return complete(0)
	}
	return Answer{Kind: AnswerNone}
}

// text: anything but a question, without the words that introduce a name.
func (l lexicon) text(q card.Question, text string, list []string, asking bool) Answer {
	if asking {
		return Answer{Kind: AnswerNone}
	}
	if q.Optional && (l.refuses(list) || isOne(list, l.None)) {
		return complete("")
	}
	if slices.Contains(l.Joiners, list[len(list)-1]) {
		return partial(nil)
	}
	return complete(l.name(text))
}

// name takes an introduction off a name: "it is called Acme." is Acme.
func (l lexicon) name(text string) string {
	text = strings.TrimRight(strings.TrimSpace(text), ".!。 ")
	lower := strings.ToLower(strings.ReplaceAll(text, "’", "'"))
	if len(lower) == len(text) {
		for _, lead := range l.LeadIns { // the longest first
			if rest, ok := strings.CutPrefix(lower, lead+" "); ok && strings.TrimSpace(rest) != "" {
				text = strings.TrimSpace(text[len(text)-len(rest):])
				break
			}
		}
	}
	if inner := strings.Trim(text, "\"'“”„«»‘’"); inner != "" {
		text = strings.TrimSpace(inner)
	}
	return text
}

var emailPattern = regexp.MustCompile(`[A-Za-z0-9._%+-]+@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*\.[A-Za-z]{2,24}`)

// email: exactly one address.
func email(text string) Answer {
	var found []string
	for _, m := range emailPattern.FindAllString(text, -1) {
		user, host, _ := strings.Cut(m, "@")
		user = strings.TrimLeft(user, ".")
		if a := user + "@" + strings.ToLower(host); user != "" && len(a) <= 254 && !strings.Contains(user, "..") && !slices.Contains(found, a) {
			found = append(found, a)
		}
	}
	switch {
	case len(found) == 1:
		return complete(found[0])
	case len(found) > 1 || strings.Contains(text, "@"):
		return partial(nil)
	}
	return Answer{Kind: AnswerNone}
}

var (
	domainPattern = regexp.MustCompile(`^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$`)
	schemePattern = regexp.MustCompile(`(?i)https?://([^\s/:]+)\S*`)
)

// domain: one name with dots, or the one word that is left when introductions
// are taken off.
func (l lexicon) domain(text string, list []string, asking bool) Answer {
	text = schemePattern.ReplaceAllString(text, "$1")
	var dotted []string
	for _, w := range strings.Fields(strings.ToLower(text)) {
		w = strings.Trim(w, ".,;:!?\"'()<>“”«»")
		if strings.Contains(w, ".") && len(w) <= 253 && domainPattern.MatchString(w) && !slices.Contains(dotted, w) {
			dotted = append(dotted, w)
		}
	}
	switch {
	case len(dotted) == 1:
		return complete(dotted[0])
	case len(dotted) > 1:
		return partial(nil)
	case asking || l.agrees(list) || l.refuses(list):
		return Answer{Kind: AnswerNone}
	}
	label := strings.ToLower(l.name(text))
	if words := without(tokens(label), l.Fillers); len(words) == 1 {
		if label == words[0] || !strings.ContainsAny(label, "_@/\\") {
			label = words[0]
		}
	}
	switch {
	case domainPattern.MatchString(label):
		return complete(label)
	case domainPattern.MatchString(strings.TrimRight(label, "-")) || strings.HasSuffix(strings.TrimSpace(text), "."):
		return partial(nil)
	}
	return Answer{Kind: AnswerNone}
}
