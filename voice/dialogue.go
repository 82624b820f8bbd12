package voice

import (
	"context"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/journal"
)

// Dialogue is a conversation as a call needs it.
type Dialogue interface {
	// State is how the conversation stands. Somebody else's is fault.NotFound.
	State(ctx context.Context, actor journal.Actor, conversationID string) (State, error)
	// Say is a turn of the person's. counts is false for words that must not
	// consent to anything, whatever they are.
	Say(ctx context.Context, actor journal.Actor, conversationID, text string, counts bool) error
	// Cancel stops the turn that is being answered, if there is one.
	Cancel(ctx context.Context, actor journal.Actor, conversationID string) error
	// Heard journals that of the agent's text in a turn only this was heard.
	Heard(ctx context.Context, actor journal.Actor, conversationID, turnID, text string) error
	// Follow calls fn with what the agent says and shows from now on, until ctx ends.
	Follow(ctx context.Context, conversationID string, fn func(Utterance)) error
	// Answers says how far words answer a question.
	Answers(q card.Question, words, language string) Completeness
	// Consenting are the closed lists of words that consent, and that refuse.
	Consenting(language string) []string
	// Consents tells whether words are on the closed list that consents, Refuses
	// whether they refuse.
	Consents(words, language string) bool
	Refuses(words, language string) bool
	// Text is one of the call's own sentences: call.readback (with what was said),
	// call.again, call.button, call.unsure, call.recording.on and .off, call.silence.
	Text(language, name string, args ...any) string
}

// State is how a conversation stands.
type State struct {
	Language string
	// Open is the question that waits for an answer.
	Open *card.Question
	// Greeting is what the agent said when nobody has said anything yet.
	Greeting string
}

// Utterance is a piece of what the agent says or shows. Exactly one of Piece,
// Whole and Card is set.
type Utterance struct {
	TurnID string
	// Piece is added to what was said in the turn so far.
	Piece string
	// Whole is the turn's text when it has ended.
	Whole string
	// Card was shown.
	Card *card.Card
}

// Completeness is how far words answer the open question.
type Completeness int

// The values of [Completeness].
const (
	// Open: they do not, or nothing is asked; the person may go on.
	Open Completeness = iota
	// Partly: they are in the midst of an answer, such as a list or a number.
	Partly
	// Wholly: they settle it.
	Wholly
)
