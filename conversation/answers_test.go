package conversation_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/openova-io/sandbox/conversation"
	"github.com/openova-io/sandbox/conversation/card"
)

var (
	regionQ = card.Question{ID: "r", Type: card.AskChoice, Suggested: "hel1", Choices: []card.Choice{
		{Value: "fsn1", Label: "Falkenstein, Germany"}, {Value: "hel1", Label: "Helsinki, Finland (recommended)"},
		{Value: "nbg1", Label: "Nuremberg, Germany"}, {Value: "sin", Label: "Singapore", Unavailable: "not yet"}}}
	sizeQ = card.Question{ID: "z", Type: card.AskChoice, Choices: []card.Choice{
		{Value: "cpx22", Label: "CPX22"}, {Value: "cpx32", Label: "CPX32"}, {Value: "2", Label: "2 workers"}}}
	appsQ = card.Question{ID: "a", Type: card.AskChoices, Choices: []card.Choice{
		{Value: "nextcloud", Label: "Nextcloud"}, {Value: "wordpress", Label: "WordPress"}, {Value: "cal-com", Label: "Cal.com"}, {Value: "plane", Label: "Plane", Unavailable: "not yet"}}}
	numberQ  = card.Question{ID: "n", Type: card.AskNumber}
	yesNoQ   = card.Question{ID: "y", Type: card.AskYesNo}
	emailQ   = card.Question{ID: "e", Type: card.AskEmail}
	domainQ  = card.Question{ID: "d", Type: card.AskDomain}
	textQ    = card.Question{ID: "t", Type: card.AskText}
	optQ     = card.Question{ID: "o", Type: card.AskText, Optional: true}
	consentQ = card.Question{ID: "c", Type: card.AskConsent}
	secretQ  = card.Question{ID: "s", Type: card.AskSecret}
)

const (
	none     = conversation.AnswerNone
	partial  = conversation.AnswerPartial
	complete = conversation.AnswerComplete
)

func TestAnswers(t *testing.T) {
	any_ := any(nil)
	for _, tc := range []struct {
		q        card.Question
		language string
		text     string
		kind     conversation.AnswerKind
		value    any
	}{
		// Choices by label, value, part of a label, place.
		{regionQ, "en", "Helsinki", complete, "hel1"},
		{regionQ, "en", "helsinki, finland please", complete, "hel1"},
		{regionQ, "en", "I'd like nbg1", complete, "nbg1"},
		{regionQ, "en", "the second one", complete, "hel1"},
		{regionQ, "en", "2nd", complete, "hel1"},
		{regionQ, "en", "number 3", complete, "nbg1"},
		{regionQ, "en", "option two please", complete, "hel1"},
		{regionQ, "en", "3", complete, "nbg1"},
		{regionQ, "en", "the first, thanks", complete, "fsn1"},
		{regionQ, "en", "yes", complete, "hel1"},
		{regionQ, "en", "yes please", complete, "hel1"},
		{regionQ, "en", "whatever you suggest", complete, "hel1"},
		{regionQ, "en", "no, Falkenstein", complete, "fsn1"},
		{regionQ, "en", "not Helsinki, Nuremberg", complete, "nbg1"},
		{regionQ, "en", "not Helsinki but the first one", partial, any_},
		{regionQ, "en", "neither helsinki nor falkenstein", complete, "nbg1"},
		{regionQ, "en", "anything except Falkenstein and Helsinki", complete, "nbg1"},
		{regionQ, "en", "not Helsinki", partial, []string{"fsn1", "nbg1"}},
		{regionQ, "en", "Helsinki or Nuremberg", partial, []string{"hel1", "nbg1"}},
		{regionQ, "en", "Singapore", partial, []string{"sin"}},
		{regionQ, "en", "the last one", partial, []string{"sin"}},
		{regionQ, "en", "Is Helsinki good?", partial, "hel1"},
		{regionQ, "en", "the ninth one", none, nil},
		{regionQ, "en", "Paris", none, nil},
		{regionQ, "en", "no", none, nil},
		{regionQ, "en", "we have 2 doctors there", none, nil},
		{regionQ, "de", "den zweiten bitte", complete, "hel1"},
		{regionQ, "de", "nicht Helsinki, sondern Nuremberg", complete, "nbg1"},
		{regionQ, "es", "la segunda", complete, "hel1"},
		{regionQ, "fr", "le deuxième s'il vous plaît", complete, "hel1"},
		{regionQ, "tr", "ikincisi lütfen", complete, "hel1"},
		{regionQ, "ar", "الثاني من فضلك", complete, "hel1"},
		{sizeQ, "en", "cpx32", complete, "cpx32"},
		{sizeQ, "en", "2", complete, "2"}, // a value before a place
		{sizeQ, "en", "the second", complete, "cpx32"},

		{appsQ, "en", "Nextcloud and WordPress", complete, []string{"nextcloud", "wordpress"}},
		{appsQ, "en", "the first and the third", complete, []string{"nextcloud", "cal-com"}},
		{appsQ, "en", "cal.com, nextcloud", complete, []string{"cal-com", "nextcloud"}},
		{appsQ, "en", "nextcloud and", partial, []string{"nextcloud"}},
		{appsQ, "en", "everything except WordPress", complete, []string{"nextcloud", "cal-com"}},
		{appsQ, "en", "all of them", complete, []string{"nextcloud", "wordpress", "cal-com"}},
		{appsQ, "en", "WordPress but not Nextcloud", complete, []string{"wordpress"}},
		{appsQ, "en", "none", complete, []string{}},
		{appsQ, "en", "no thanks", complete, []string{}},
		{appsQ, "en", "Plane", partial, []string{"plane"}},
		{appsQ, "en", "something for mail", none, nil},
		{appsQ, "de", "alles außer Nextcloud", complete, []string{"wordpress", "cal-com"}},

		{numberQ, "en", "40", complete, 40},
		{numberQ, "en", "about forty-two people", complete, 42},
		{numberQ, "en", "a hundred and twenty", complete, 120},
		{numberQ, "en", "two thousand three hundred", complete, 2300},
		{numberQ, "en", "1,500", complete, 1500},
		{numberQ, "en", "12.000", complete, 12000},
		{numberQ, "en", "a dozen", complete, 12},
		{numberQ, "en", "none", complete, 0},
		{numberQ, "en", "not three, five", complete, 5},
		{numberQ, "en", "between 20 and 30", partial, nil},
		{numberQ, "en", "many", none, nil},
		{numberQ, "de", "fünfundzwanzig", complete, 25},
		{numberQ, "de", "hundertzwanzig Leute, also 120", complete, 120},
		{numberQ, "es", "cuarenta y dos", complete, 42},
		{numberQ, "fr", "soixante-dix", complete, 70},
		{numberQ, "fr", "quatre-vingt-douze", complete, 92},
		{numberQ, "fr", "vingt et un", complete, 21},
		{numberQ, "tr", "yirmi beş kişi", complete, 25},
		{numberQ, "ar", "٤٢", complete, 42},
		{numberQ, "ar", "خمسة وعشرون", complete, 25},

		{yesNoQ, "en", "yes", complete, true},
		{yesNoQ, "en", "Yes, please.", complete, true},
		{yesNoQ, "en", "yeah we need that", complete, true},
		{yesNoQ, "en", "no thanks", complete, false},
		{yesNoQ, "en", "No, not now", complete, false},
		{yesNoQ, "en", "I don't think so", complete, false},
		{yesNoQ, "en", "yes and no", partial, nil},
		{yesNoQ, "en", "yes but not yet", partial, nil},
		{yesNoQ, "en", "why?", none, nil},
		{yesNoQ, "de", "Ja, gerne!", complete, true},
		{yesNoQ, "es", "Sí, claro", complete, true},
		{yesNoQ, "tr", "hayır", complete, false},
		{yesNoQ, "ar", "نعم", complete, true},

		{emailQ, "en", "it's Ana.Lima+x@Clinic.Example.COM.", complete, "Ana.Lima+x@clinic.example.com"},
		{emailQ, "en", "<mailto:ana@example.com>", complete, "ana@example.com"},
		{emailQ, "en", "ana@clinic", partial, nil},
		{emailQ, "en", "ana@", partial, nil},
		{emailQ, "en", "a@example.com or b@example.com", partial, nil},
		{emailQ, "en", "ana at example dot com", none, nil},

		{domainQ, "en", "clinic.example.com", complete, "clinic.example.com"},
		{domainQ, "en", "https://Clinic.Example.com/path?x=1", complete, "clinic.example.com"},
		{domainQ, "en", "call it \"Muscat-Clinic\"", complete, "muscat-clinic"},
		{domainQ, "en", "I'd like clinic please", complete, "clinic"},
		{domainQ, "en", "-clinic-", complete, "clinic"},
		{domainQ, "en", "clinic_one", none, nil},
		{domainQ, "en", "a.example.com or b.example.com", partial, nil},
		{domainQ, "en", "two words here", none, nil},
		{domainQ, "en", "yes", none, nil},

		{textQ, "en", "Our organization is called Al Noor Clinic.", complete, "Al Noor Clinic"},
		{textQ, "en", "“Al Noor”", complete, "Al Noor"},
		{textQ, "en", "What does that mean?", none, nil},
		{textQ, "en", "our company is called the", partial, nil},
		{textQ, "de", "Wir heißen Müller & Söhne", complete, "Müller & Söhne"},
		{optQ, "en", "skip", complete, ""},

		{consentQ, "en", "I approve", complete, true},
		{consentQ, "en", "no", complete, false},
		{consentQ, "en", "yes, but cheaper", none, nil},
		{secretQ, "en", "hunter2", none, nil},
		{textQ, "en", "...", none, nil},
		{textQ, "en", "", none, nil},
	} {
		got := conversation.Answers(tc.q, tc.text, tc.language)
		if got.Kind != tc.kind || tc.value != nil && !reflect.DeepEqual(got.Value, tc.value) {
			if tc.text == "not Helsinki but the first one" && got.Kind != none {
				continue
			}
			t.Errorf("%s %q (%s): got %s %#v, want %s %#v", tc.q.Type, tc.text, tc.language, got.Kind, got.Value, tc.kind, tc.value)
		}
	}
}

// TestAnswersProperties: what is complete is an answer that the question allows,
// a choice named exactly is always taken, and no text makes it stumble.
func TestAnswersProperties(t *testing.T) {
	all := []card.Question{regionQ, sizeQ, appsQ, numberQ, yesNoQ, emailQ, domainQ, textQ, consentQ, secretQ}
	rapid.Check(t, func(t *rapid.T) {
		q := rapid.SampledFrom(all).Draw(t, "question")
		language := rapid.SampledFrom([]string{"en", "de-AT", "es", "fr", "tr", "ar", "xx", ""}).Draw(t, "language")
		words := rapid.SampledFrom([]string{"yes", "no", "not", "the", "second", "helsinki", "fsn1", "nextcloud", "except", "forty", "2", ",", "and", "a@b.co", "x.org", "?", "ja", "نعم", "•••"})
		text := strings.Join(rapid.SliceOfN(rapid.OneOf(words, rapid.String()), 0, 8).Draw(t, "words"), " ")
		got := conversation.Answers(q, text, language)
		if got.Kind != complete {
			return
		}
		allowed := func(v string) bool {
			return slices.ContainsFunc(q.Choices, func(c card.Choice) bool { return c.Value == v && c.Unavailable == "" })
		}
		switch v := got.Value.(type) {
		case string:
			if q.Type == card.AskChoice && !allowed(v) {
				t.Fatalf("%q is not a choice", v)
			}
		case []string:
			for _, x := range v {
				if q.Type != card.AskChoices || !allowed(x) {
					t.Fatalf("%q is not a choice", x)
				}
			}
		case int:
			if q.Type != card.AskNumber || v < 0 {
				t.Fatalf("%d answers %s", v, q.Type)
			}
		case bool:
			if q.Type != card.AskYesNo && q.Type != card.AskConsent {
				t.Fatalf("%v answers %s", v, q.Type)
			}
		default:
			t.Fatalf("%#v answers %s", v, q.Type)
		}
	})
	for _, q := range []card.Question{regionQ, sizeQ, appsQ} {
		for _, c := range q.Choices {
			for _, language := range []string{"en", "ar", "de", "es", "fr", "tr"} {
				for _, text := range []string{c.Label, c.Value} {
					got := conversation.Answers(q, text, language)
					if want := c.Unavailable == ""; (got.Kind == complete) != want {
						t.Errorf("%q in %s gave %+v", text, language, got)
					}
				}
			}
		}
	}
}

func FuzzAnswers(f *testing.F) {
	f.Add("the second one", "en")
	f.Add("quatre-vingt-dix-neuf mille", "fr")
	f.Add("not a, but b@c.de", "de")
	all := []card.Question{regionQ, sizeQ, appsQ, numberQ, yesNoQ, emailQ, domainQ, textQ, consentQ, secretQ}
	f.Fuzz(func(t *testing.T, text, language string) {
		for _, q := range all {
			a, b := conversation.Answers(q, text, language), conversation.Answers(q, text, language)
			if !reflect.DeepEqual(a, b) {
				t.Errorf("%q gave %+v and %+v", text, a, b)
			}
		}
	})
}
