package conversation

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

const (
	// MaxText is the size of one message, in bytes.
	MaxText = 16 << 10
	// MaxWaiting is how many messages wait behind the one that is being answered.
	MaxWaiting = 8
)

// TurnOption is how something is said or pressed.
type TurnOption func(*turnOptions)

type turnOptions struct {
	id    string
	aside bool
}

// Aside says words that must not consent to anything, whatever they are: in a
// call, those that were spoken over the agent or before the question was heard.
func Aside() TurnOption { return func(o *turnOptions) { o.aside = true } }

// TurnID names the turn, so that sending it again is harmless: a turn of this id
// that is there already is the same turn, whatever else was sent with it. It is
// "t" and 20 hexadecimal digits; without it, or empty, the service makes one.
func TurnID(id string) TurnOption { return func(o *turnOptions) { o.id = id } }

var turnIDPattern = regexp.MustCompile(`^t[0-9a-f]{20}$`)

// how reads the options of a turn that begins.
func how(options []TurnOption) (turnOptions, error) {
	var o turnOptions
	for _, option := range options {
		option(&o)
	}
	switch {
	case o.id == "":
		o.id = newTurnID()
	case !turnIDPattern.MatchString(o.id):
		return o, fault.New(fault.Invalid, "%q is not the id of a turn", cut(o.id, 64)).Do("send t and 20 hexadecimal digits, or none").At("turnId")
	}
	return o, nil
}

// Say journals what a person said, and has it answered in the background. It
// gives the turn's id once the journal has the message. Credentials in the text
// are taken out before. Faults: [fault.Invalid] for an empty message or one that
// is not text, [fault.Limited] for one above 16 KiB or when eight wait already,
// [fault.NotFound] for somebody else's conversation, [fault.Denied] when the
// actor is not a person.
func (s *Service) Say(ctx context.Context, actor journal.Actor, id, text string, options ...TurnOption) (string, error) {
	o, err := how(options)
	if err != nil {
		return "", err
	}
	turnID := o.id
	c, err := s.listen(ctx, actor, id, turnID)
	if err != nil || c.turn(turnID) != nil {
		return turnID, err
	}
	text, err = readable(text)
	if err != nil {
		return "", err
	}
	text, found := Catch(text)
	caught, err := s.keep(ctx, c, turnID, found)
	if err != nil {
		return "", err
	}
	return turnID, s.begin(ctx, actor, id, turnID, caught, func(c *Conversation) (TurnStarted, error) {
		started := TurnStarted{TurnID: turnID, Role: FromHuman, Text: text, Open: c.Open}
		if !o.aside {
			started.Consent = s.consentByWords(c, text)
		}
		return started, nil
	})
}

// Press journals a person's press on a card, and has it answered in the
// background. What value has to be depends on the card's kind, see package card.
// A press on an approval card is decided by [Consent] before the model hears of
// it. Faults as those of Say, and: [fault.NotFound] for an unknown card,
// [fault.Conflict] for one that was answered or replaced, [fault.Invalid] for a
// value that does not fit.
func (s *Service) Press(ctx context.Context, actor journal.Actor, id, cardID, value string, options ...TurnOption) (string, error) {
	o, err := how(options)
	if err != nil {
		return "", err
	}
	turnID := o.id
	c, err := s.listen(ctx, actor, id, turnID)
	if err != nil || c.turn(turnID) != nil {
		return turnID, err
	}
	if value, err = readable(value); err != nil {
		return "", err
	}
	p, err := s.readPress(&c, cardID, value)
	if err != nil {
		return "", err
	}
	if p.press.Kind == card.KindApproval {
		if err := s.stillPending(ctx, id, cardID); err != nil {
			return "", err
		}
	}
	caught, err := s.keep(ctx, c, turnID, p.found)
	if err != nil {
		return "", err
	}
	return turnID, s.begin(ctx, actor, id, turnID, caught, func(c *Conversation) (TurnStarted, error) {
		p, err := s.readPress(c, cardID, value) // it may have been answered meanwhile
		return TurnStarted{TurnID: turnID, Role: FromHuman, Text: p.text, Press: &p.press, Open: c.Open}, err
	})
}

// listen checks who speaks to which conversation, and that there is room, unless
// the turn is there already.
func (s *Service) listen(ctx context.Context, actor journal.Actor, id, turnID string) (Conversation, error) {
	if s.closing.Err() != nil {
		return Conversation{}, fault.New(fault.Unavailable, "the service is closing").Do("send it again in a moment")
	}
	if actor.Kind != journal.Human {
		return Conversation{}, fault.New(fault.Denied, "only a person speaks in a conversation")
	}
	c, err := s.Get(ctx, actor, id)
	if err == nil && c.turn(turnID) == nil {
		err = hasRoom(&c)
	}
	return c, err
}

func hasRoom(c *Conversation) error {
	if c.unfinished() > MaxWaiting {
		return fault.New(fault.Limited, "%d messages are waiting to be answered already", MaxWaiting).Do("wait for an answer, then send it again")
	}
	return nil
}

// begin journals a turn and wakes the worker that answers it.
func (s *Service) begin(ctx context.Context, actor journal.Actor, id, turnID string, with []journal.Event, start func(*Conversation) (TurnStarted, error)) error {
	_, err := s.append(ctx, id, func(c *Conversation) ([]journal.Event, error) {
		if c.turn(turnID) != nil { // the same one, sent twice at once
			return nil, nil
		}
		if err := hasRoom(c); err != nil {
			return nil, err
		}
		started, err := start(c)
		if err != nil {
			return nil, err
		}
		events := []journal.Event{journal.New(EventTurnStarted, started).By(actor)}
		return append(events, with...), nil
	})
	if err == nil {
		s.wake(id)
	}
	return err
}

// keep takes what was caught to the vault, and gives the events that say so.
// What has no place there is dropped.
func (s *Service) keep(ctx context.Context, c Conversation, turnID string, found []Secret) ([]journal.Event, error) {
	var events []journal.Event
	for i, f := range found {
		text := "caught.dropped"
		purpose := ""
		if f.Purpose != "" && s.options.Secrets != nil {
			if err := s.options.Secrets.Put(ctx, c.ID, f.Purpose, f.value); err != nil {
				return nil, fault.Wrap(err, fault.Unavailable, "your message has a credential in it that could not be put into the vault, so nothing of it was kept").(*fault.Error).
					Do("send it again in a moment, without the credential")
			}
			text, purpose = "caught.kept", f.Purpose
		}
		notice := card.New(fmt.Sprintf("caught-%s-%d", turnID, i+1), card.KindNotice, s.texts.say(c.Language, "caught.title"),
			s.texts.say(c.Language, text, f.Kind), card.NoticeData{Level: "warning"})
		events = append(events,
			journal.New(EventSecretCaught, SecretCaughtData{Purpose: purpose, Kind: f.Kind}),
			journal.New(EventCardShown, CardShown{TurnID: turnID, Card: notice}))
	}
	return events, nil
}

// readable gives a person's text with plain line ends and without white space
// around it, or says what is wrong with it.
func readable(text string) (string, error) {
	if len(text) > MaxText {
		return "", fault.New(fault.Limited, "the message has %d bytes, and %d is the most", len(text), MaxText).
			Do("send it in several messages").At("text")
	}
	if !utf8.ValidString(text) {
		return "", fault.New(fault.Invalid, "the message is not valid UTF-8 text").Do("send it as plain text").At("text")
	}
	text = strings.ReplaceAll(text, "\r\n", "\n")
	for i, r := range text {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return "", fault.New(fault.Invalid, "the message has the control character U+%04X at byte %d, so it is not plain text", r, i).
				Do("take it out, or type the message instead of pasting it").At("text")
		}
	}
	if text = strings.TrimSpace(text); text == "" {
		return "", fault.New(fault.Invalid, "the message is empty").Do("write something, or press a button").At("text")
	}
	return text, nil
}

// Heard journals that of the agent's answer in a turn only this was heard,
// because the person interrupted it in a call. Faults: [fault.NotFound] for
// somebody else's conversation or an unknown turn.
func (s *Service) Heard(ctx context.Context, actor journal.Actor, id, turnID, text string) error {
	if _, err := s.Get(ctx, actor, id); err != nil {
		return err
	}
	_, err := s.append(ctx, id, func(c *Conversation) ([]journal.Event, error) {
		t := c.turn(turnID)
		if t == nil {
			return nil, fault.New(fault.NotFound, "there is no turn %s in this conversation", cut(turnID, 64))
		}
		if t.Heard != nil && *t.Heard == text {
			return nil, nil
		}
		return []journal.Event{journal.New(EventTurnHeard, TurnHeard{turnID, text}).By(actor)}, nil
	})
	return err
}

// Consenting gives the closed list of words that approve, and those that refuse,
// in a language: all that can be meant when the question for consent is open.
func (s *Service) Consenting(language string) []string {
	l := lexiconOf(language)
	lists := s.words.consent[base(language)]
	return slices.Concat(lists.Explicit, lists.Bare, l.No)
}

// Text gives a sentence of the service's own in a language, such as those that a
// call says besides the turns.
func (s *Service) Text(language, name string, args ...any) string {
	return s.texts.say(language, name, args...)
}
