package conversation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

// answer is one turn being answered.
type answer struct {
	s        *Service
	c        Conversation // as of the last append
	id       string
	turnID   string
	model    Model
	calls    int
	in, out  int // tokens
	spent    int // tokens of the conversation before
	returned bool

	mu   sync.Mutex // the model may say from a goroutine of its own
	text strings.Builder
	step int // where the running step's text begins
}

// consentTime is how long taking a decision may take.
const consentTime = time.Minute

// budgetFault ends a turn that used up what it may use.
type budgetFault struct{ what string }

func (b budgetFault) Error() string { return b.what }

// run answers a turn to its end and journals how it ended. An error means that
// the turn is not finished: the journal was away, or it was taken over.
func (s *Service) run(ctx context.Context, id, turnID string) error {
	c, err := s.look(ctx, id)
	if err != nil {
		return err
	}
	t := c.turn(turnID)
	if t == nil || t.Finished() {
		return nil
	}
	a := &answer{s: s, c: c, id: id, turnID: turnID, spent: c.Tokens}
	a.model = s.choose(&c)
	for _, step := range t.Steps { // of a former run
		a.text.WriteString(step.Said)
		a.calls += len(step.Calls)
	}
	if t.dangling() {
		return a.finish(TurnInterrupted, "interrupted", "the service ended while a tool was at work")
	}
	if err := a.consent(ctx, t); err != nil {
		return a.conclude(ctx, err)
	}
	if a.returned { // the decision was under way when a former run ended
		return nil
	}
	return a.conclude(ctx, a.think(ctx))
}

// consent hands a decision about an approval over, before the model hears of
// anything.
func (a *answer) consent(ctx context.Context, t *Turn) error {
	act, ok := t.act(&a.c)
	if !ok || t.Decided != nil {
		return nil
	}
	if t.Given {
		a.returned = true
		text := "interrupted.decided"
		if a.s.stillPending(ctx, a.id, act.CardID) == nil {
			text = "interrupted.undecided"
		}
		return a.finish(TurnInterrupted, text, "the service ended while the decision was being taken")
	}
	err := a.append(ctx, journal.New(EventConsentGiven, ConsentGiven{TurnID: a.turnID, CardID: act.CardID, Value: act.Value, Means: act.Means}))
	if err != nil {
		return err
	}
	// From here on nothing stops it half-way: it is done and written down.
	whole, cancel := context.WithTimeout(context.WithoutCancel(ctx), consentTime)
	defer cancel()
	decided := a.s.decide(whole, a.turnID, act)
	late, cancelLate := a.s.last()
	defer cancelLate()
	return a.append(late, journal.New(EventConsentDecided, decided))
}

// think asks models and calls tools until one has nothing more to call.
func (a *answer) think(ctx context.Context) error {
	toolbox, err := a.s.options.Toolbox(ctx, a.id, a.c.Owner)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the agent's tools are away")
	}
	if closer, ok := toolbox.(io.Closer); ok {
		defer func() { _ = closer.Close() }()
	}
	tools, err := toolbox.List(ctx)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the agent's tools are away")
	}
	for {
		done, err := a.oneStep(ctx, toolbox, tools)
		if err == nil && done {
			return nil
		}
		if err == nil {
			continue
		}
		var broken modelFault
		last := a.s.options.Models[len(a.s.options.Models)-1]
		if ctx.Err() != nil || !errors.As(err, &broken) || a.model == last {
			return err
		}
		if err := a.switchTo(ctx, last, broken.reason); err != nil {
			return err
		}
	}
}

// modelFault is a model that failed; reason may be shown.
type modelFault struct {
	reason string
	cause  error
}

func (m modelFault) Error() string { return m.reason }
func (m modelFault) Unwrap() error { return m.cause }

// oneStep asks the model once and calls the tools that it wishes for.
func (a *answer) oneStep(ctx context.Context, toolbox Toolbox, tools []Tool) (done bool, err error) {
	budget := a.s.options.Budget
	a.begin()
	r, err := a.model.Respond(ctx, Request{
		Instructions: a.s.texts.say(a.c.Language, "instructions") + "\nThe person's language is " + a.c.Language + ". Answer in it.\n",
		Language:     a.c.Language,
		Messages:     a.c.messages(a.turnID),
		Tools:        tools,
	}, func(piece string) { a.say(ctx, piece) })
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	if err != nil {
		a.s.options.Logger.Warn("a model failed", "conversation", a.id, "model", a.model.Name(), "error", err.Error())
		return false, modelFault{fault.From(err).Message, err}
	}
	a.in, a.out = a.in+r.InputTokens, a.out+r.OutputTokens
	a.rest(ctx, r.Text)
	if len(r.Calls) == 0 {
		if a.silent() {
			return false, modelFault{"it gave an empty answer", nil}
		}
		return true, a.restore(ctx)
	}
	switch {
	case a.in+a.out > budget.Tokens:
		return false, budgetFault{fmt.Sprintf("it used more than %d tokens", budget.Tokens)}
	case a.calls+len(r.Calls) > budget.ToolCalls:
		return false, budgetFault{fmt.Sprintf("it wanted more than %d tool calls", budget.ToolCalls)}
	case a.c.ToolCalls+len(r.Calls) > budget.ConversationToolCalls:
		return false, budgetFault{fmt.Sprintf("the conversation has used its %d tool calls", budget.ConversationToolCalls)}
	}
	if err := a.restore(ctx); err != nil {
		return false, err
	}
	return false, a.callAll(ctx, toolbox, tools, r.Calls)
}

// choose gives the model that answers now: the first one, unless it failed just
// now or the conversation has used up its tokens.
func (s *Service) choose(c *Conversation) Model {
	first, last := s.options.Models[0], s.options.Models[len(s.options.Models)-1]
	resting := c.Model == last.Name() && time.Since(c.SwitchedAt) < s.options.Cooldown
	if resting || c.Tokens >= s.options.Budget.ConversationTokens {
		return last
	}
	return first
}

// switchTo makes another model answer, and says so.
func (a *answer) switchTo(ctx context.Context, to Model, reason string) error {
	from := a.model
	a.model = to
	notice := card.New("model-"+a.turnID, card.KindNotice, a.s.texts.say(a.c.Language, "switched.title"),
		a.s.texts.say(a.c.Language, "switched.text", from.Name(), reason, to.Name()), card.NoticeData{Level: "warning"})
	return a.append(ctx,
		journal.New(EventModelSwitched, ModelSwitched{TurnID: a.turnID, From: from.Name(), To: to.Name(), Reason: reason}),
		journal.New(EventCardShown, CardShown{TurnID: a.turnID, Card: notice}))
}

// restore says, once a model has answered, that it is back.
func (a *answer) restore(ctx context.Context) error {
	current := a.c.Model
	if current == "" {
		current = a.s.options.Models[0].Name()
	}
	if current == a.model.Name() {
		return nil
	}
	reason := "it answers again"
	if a.spent >= a.s.options.Budget.ConversationTokens {
		reason = "the conversation has used its tokens"
	}
	return a.append(ctx, journal.New(EventModelSwitched, ModelSwitched{TurnID: a.turnID, From: current, To: a.model.Name(), Reason: reason}))
}

// conclude journals the end of a turn that was thought about.
func (a *answer) conclude(ctx context.Context, err error) error {
	var budget budgetFault
	var broken modelFault
	cause := context.Cause(ctx)
	switch {
	case err == nil:
		a.askConsent(ctx)
		return a.finish(TurnDone, "", "")
	case errors.Is(cause, errLost), errors.Is(err, errLost):
		return nil // it is somebody else's now
	case errors.Is(cause, errCancelled):
		return a.finish(TurnCancelled, "", "the person stopped it")
	case errors.Is(cause, errClosing):
		return a.finish(TurnInterrupted, "", "the service was restarted")
	case errors.Is(cause, errTime):
		return a.finish(TurnFailed, "failed.budget", fmt.Sprintf("it took more than %s", a.s.options.Budget.TurnTime))
	case errors.As(err, &budget):
		return a.finish(TurnFailed, "failed.budget", budget.what)
	case errors.As(err, &broken):
		return a.finish(TurnFailed, "failed.model", broken.reason)
	}
	a.s.options.Logger.Error("a turn failed", "conversation", a.id, "turn", a.turnID, "error", err.Error())
	return a.finish(TurnFailed, "failed.tools", fault.From(err).Message)
}

// askConsent ends an answer that showed an approval with the question on its
// card, so that the agent's last word is that question and no other. In a call
// every answer ends with it as long as it is open: there is no button to hear.
func (a *answer) askConsent(ctx context.Context) {
	prompt := a.c.consentPrompt()
	t := a.c.turn(a.turnID)
	inCall := t != nil && t.By.Via == "call"
	if prompt == "" || !inCall && a.c.utterance.approval != a.c.openCard() || strings.HasSuffix(squeeze(a.text.String()), squeeze(prompt)) {
		return
	}
	a.begin()
	a.say(ctx, prompt)
}

// finish journals the end. What the service adds is said first, so that the
// journal has what the person saw.
func (a *answer) finish(state TurnState, add, reason string) error {
	ctx, cancel := a.s.last()
	defer cancel()
	if add != "" {
		a.begin()
		a.say(ctx, a.s.texts.say(a.c.Language, add))
	}
	a.mu.Lock()
	text := a.text.String()
	a.mu.Unlock()
	err := a.append(ctx, journal.New(EventTurnFinished, TurnFinished{
		TurnID: a.turnID, State: state, Text: strings.TrimSpace(text), Model: a.model.Name(), Reason: reason,
		InputTokens: a.in, OutputTokens: a.out,
	}))
	if errors.Is(err, errLost) {
		return nil
	}
	return err
}

// append journals for the turn as long as it is not finished. Somebody who
// finished it has taken it over, which is errLost.
func (a *answer) append(ctx context.Context, events ...journal.Event) error {
	c, err := a.s.append(ctx, a.id, func(c *Conversation) ([]journal.Event, error) {
		if t := c.turn(a.turnID); t == nil || t.Finished() {
			return nil, errLost
		}
		return events, nil
	})
	if err == nil {
		a.c = c
	}
	return err
}

// begin makes a new paragraph for what is said next.
func (a *answer) begin() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.step = a.text.Len()
}

// say gives a piece to everybody who listens, and remembers it. What comes after
// the end of the turn is neither said nor remembered.
func (a *answer) say(ctx context.Context, piece string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if piece == "" || ctx.Err() != nil {
		return
	}
	if a.step == a.text.Len() && a.step > 0 {
		piece = "\n\n" + strings.TrimLeft(piece, "\n")
	}
	a.text.WriteString(piece)
	raw, err := json.Marshal(Piece{a.turnID, piece})
	if err == nil {
		err = a.s.options.Journal.Broadcast(ctx, "live."+a.id, raw)
	}
	if err != nil { // the whole is journalled anyway
		a.s.options.Logger.Debug("a piece of text was not streamed", "conversation", a.id, "error", err.Error())
	}
}

// rest says what a model put into its answer and did not stream.
func (a *answer) rest(ctx context.Context, whole string) {
	a.mu.Lock()
	streamed := strings.TrimLeft(a.text.String()[a.step:], "\n")
	a.mu.Unlock()
	if missing, ok := strings.CutPrefix(strings.TrimLeft(whole, "\n"), streamed); ok {
		a.say(ctx, missing)
	}
}

// said gives what was said in the running step.
func (a *answer) said() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.text.String()[a.step:]
}

// silent is true when the whole turn has said and done nothing.
func (a *answer) silent() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.calls == 0 && strings.TrimSpace(a.text.String()) == ""
}

// Piece is what is broadcast on the topic "live.<conversation>" while a turn is
// answered: text that is added to what was said in the turn so far.
type Piece struct {
	TurnID string `json:"turnId"`
	Text   string `json:"text"`
}
