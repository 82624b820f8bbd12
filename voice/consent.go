package voice

import (
	"context"
	"slices"
	"strings"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/voice/speech"
)

// asking is a question for consent in a call. It is guarded by the ear's lock.
//
// Words count only when the price and then the question were read to the end, when
// they are one phrase of the closed list, heard by a grammar that can also hear
// that it was none of them, and when nothing of the agent's was in the air while
// they were said. Any other yes is asked again.
type asking struct {
	id     string // of the open question
	prompt string
	// priceTurn is the turn in which the price was shown that is read out.
	priceTurn string
	// priceHeard and questionHeard: they were read, to the end.
	priceHeard, questionHeard bool
	again                     int // how often it was asked again
}

// mostAgain is how often a doubtful yes is asked again, before the button is left.
const mostAgain = 2

// clearly is how confident the ear is, from 0 to 1, of a yes that counts.
const clearly = 0.3

// agree tells whether two hearings of the same sound are the same words: most of
// the phrase is in the free one, and nothing else is, such as a "not".
func agree(phrase, free string) bool {
	words, same := speech.Words(phrase), 0
	for _, w := range speech.Words(free) {
		switch {
		case slices.Contains(words, w):
			same++
		case !slices.Contains(noWords, w):
			return false
		}
	}
	return 2*same > len(words)
}

// expectPrice remembers that a price is about to be read out.
func (a *asking) expectPrice(turnID string) {
	a.priceTurn, a.priceHeard, a.questionHeard = turnID, false, false
}

// shown takes that an approval is asked for; the price has to be of the same turn.
func (a *asking) shown(turnID string) {
	if turnID != a.priceTurn {
		a.priceHeard = false
	}
	a.questionHeard = false
}

// open takes the open question, and gives its words where it is for a consent.
func (a *asking) open(q *card.Question) string {
	if q == nil || q.Type != card.AskConsent {
		a.id, a.prompt, a.questionHeard = "", "", false
		return ""
	}
	if q.ID != a.id {
		a.id, a.again, a.questionHeard = q.ID, 0, false
	}
	a.prompt = strings.TrimSpace(q.Prompt)
	return a.prompt
}

// said takes a line that was read. What broke off was not heard.
func (a *asking) said(l *line) {
	switch l.part {
	case price:
		a.priceHeard = !l.failed
	case consent:
		a.questionHeard = a.prompt != "" && strings.HasSuffix(a.prompt, l.text) && !l.failed
	}
}

// heard tells whether a yes could count now.
func (a *asking) heard() bool { return a.id != "" && a.priceHeard && a.questionHeard }

// decides takes words that are on the closed list while a consent is asked for:
// they count, or are asked again. It is false for all others.
func (e *ear) decides(ctx context.Context, words string, doubtful bool) bool {
	if !e.call.options.Dialogue.Consents(words, e.call.language) {
		return false
	}
	e.mu.Lock()
	open, prompt := e.consent.id != "", e.consent.prompt
	counts := e.consent.heard() && !doubtful
	could := e.consent.priceHeard && e.consent.again < mostAgain
	if open {
		e.consent.questionHeard = false
		if !counts {
			e.consent.again++
		}
	}
	e.mu.Unlock()
	switch {
	case !open:
		return false
	case counts:
		e.call.speak("call.readback", plain, words)
		e.turn(ctx, words, true)
	case could:
		e.call.mouth.resume()
		e.call.speak("call.again", plain)
		e.call.mouth.say(&line{text: prompt, part: consent})
	default:
		e.call.mouth.resume()
		e.call.speak("call.button", plain)
	}
	return true
}
