package conversation_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/openova-io/sandbox/conversation"
	"github.com/openova-io/sandbox/conversation/journal"
)

// leave puts the journal into the state that a process leaves which dies in the
// middle of a turn: exactly these events, and no lease.
func (h *house) leave(events ...journal.Event) string {
	h.t.Helper()
	for i := range events {
		events[i] = events[i].By(person).Of(person.Subject)
	}
	if _, err := h.journal.Append(h.ctx, "conversation."+h.id, h.get().Seq, events...); err != nil {
		h.t.Fatal(err)
	}
	s := h.service
	h.service = h.start()
	_ = s.Close()
	h.run(h.service)
	return "t1"
}

func started(consent string, press *conversation.Press) journal.Event {
	return journal.New(conversation.EventTurnStarted, conversation.TurnStarted{TurnID: "t1", Role: conversation.FromHuman, Text: "Go on", Consent: consent, Press: press})
}

func called(id string, n int) journal.Event {
	return journal.New(conversation.EventToolCalled, conversation.ToolCalled{TurnID: "t1", CallID: id, Name: "apply", Arguments: []byte("{}"), Step: n, Said: "One moment."})
}

func returned(id string) journal.Event {
	return journal.New(conversation.EventToolReturned, conversation.ToolReturned{TurnID: "t1", CallID: id, Name: "apply", Text: "done"})
}

func TestAMessageThatWaitedIsAnsweredAfterARestart(t *testing.T) {
	h := open(t)
	h.model.then(says("Here I am."))
	if turn := h.wait(h.leave(started("", nil))); turn.Text != "Here I am." || turn.State != conversation.TurnDone {
		t.Errorf("the turn is %+v", turn)
	}
}

func TestATurnGoesOnWhereEveryEffectIsKnown(t *testing.T) {
	h := open(t)
	h.model.then(says("It is done."))
	turn := h.wait(h.leave(started("", nil), called("t1-1", 1), returned("t1-1")))
	if turn.Text != "One moment.\n\nIt is done." || turn.State != conversation.TurnDone || h.box.count() != 0 {
		t.Errorf("the turn is %+v after %d calls", turn, h.box.count())
	}
	m := h.model.last().Messages
	if last := m[len(m)-1]; last.Role != conversation.FromTool || last.Text != "done" {
		t.Errorf("the model saw %+v", last)
	}
}

func TestAnEffectThatMayHaveHappenedIsNotRepeated(t *testing.T) {
	h := open(t)
	turn := h.wait(h.leave(started("", nil), called("t1-1", 1)))
	if turn.State != conversation.TurnInterrupted || !strings.HasPrefix(turn.Text, "One moment.\n\nI was interrupted") || h.box.count() != 0 || h.model.asked() != 0 {
		t.Errorf("the turn is %+v after %d calls", turn, h.box.count())
	}
	h.say("Go on")
	found := false
	for _, m := range h.model.last().Messages {
		found = found || m.Role == conversation.FromTool && m.Result.IsError && strings.Contains(m.Text, "not known")
	}
	if !found {
		t.Error("the model is not told that the call was interrupted")
	}
}

func TestADecisionIsNotTakenTwice(t *testing.T) {
	given := journal.New(conversation.EventConsentGiven, conversation.ConsentGiven{TurnID: "t1", CardID: "a", Value: "approve", Means: "press"})
	press := &conversation.Press{CardID: "a", Value: "approve", Kind: "approval"}
	for name, tc := range map[string]struct {
		pending bool
		text    string
	}{
		"not recorded": {true, "decide once more"},
		"recorded":     {false, "had been recorded"},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			if tc.pending {
				h.desk.open("a")
			}
			turn := h.wait(h.leave(started("", press), given))
			if turn.State != conversation.TurnInterrupted || !strings.Contains(turn.Text, tc.text) || len(h.desk.decided()) != 0 {
				t.Errorf("the turn is %+v, decided %+v", turn, h.desk.decided())
			}
		})
	}
	t.Run("not yet handed over", func(t *testing.T) {
		h := open(t)
		h.desk.open("a")
		if h.wait(h.leave(started("", press))); len(h.desk.decided()) != 1 {
			t.Errorf("decided %+v", h.desk.decided())
		}
	})
}

func TestClosingJournalsWhatWasSaid(t *testing.T) {
	h := open(t)
	said := make(chan struct{})
	h.model.then(func(ctx context.Context, _ conversation.Request, say func(string)) (conversation.Response, error) {
		say("So far")
		close(said)
		<-ctx.Done()
		return conversation.Response{}, ctx.Err()
	})
	first, err := h.service.Say(h.ctx, person, h.id, "one")
	if err != nil {
		t.Fatal(err)
	}
	<-said
	second, err := h.service.Say(h.ctx, person, h.id, "two")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.service.Close(); err != nil {
		t.Fatal(err)
	}
	if err := h.service.Close(); err != nil {
		t.Error(err)
	}
	if _, err := h.service.Say(h.ctx, person, h.id, "three"); err == nil {
		t.Error("a closed service took a message")
	}
	h.model.then(says("Later."))
	h.service = h.start()
	h.run(h.service)
	if turn := h.wait(first); turn.State != conversation.TurnInterrupted || turn.Text != "So far" {
		t.Errorf("the first turn is %+v", turn)
	}
	if turn := h.wait(second); turn.Text != "Later." {
		t.Errorf("the second turn is %+v", turn)
	}
}

func TestAnotherInstanceWaitsForTheLeaseAndTakesOver(t *testing.T) {
	h := open(t, func(o *conversation.Options) { o.LeaseTime = time.Second })
	answered := make(chan struct{})
	release := make(chan struct{})
	h.model.then(func(context.Context, conversation.Request, func(string)) (conversation.Response, error) {
		close(answered)
		<-release
		return conversation.Response{Text: "Once."}, nil
	}, says("Twice."))
	second := h.start()
	defer second.Close()
	h.run(h.service)
	h.run(second)
	first, err := h.service.Say(h.ctx, person, h.id, "one")
	if err != nil {
		t.Fatal(err)
	}
	<-answered
	next, err := second.Say(h.ctx, person, h.id, "two") // the other instance
	if err != nil {
		t.Fatal(err)
	}
	close(release)
	if turn := h.wait(first); turn.Text != "Once." {
		t.Errorf("the first turn is %+v", turn)
	}
	if err := second.Wait(h.ctx, h.id, next); err != nil {
		t.Fatal(err)
	}
	c, err := second.Get(h.ctx, person, h.id)
	if err != nil || c.Turns[2].Text != "Twice." || h.model.asked() != 2 {
		t.Errorf("%+v, %v; the model was asked %d times", c.Turns, err, h.model.asked())
	}
}

func TestACancelReachesTheInstanceThatAnswers(t *testing.T) {
	h := open(t)
	said := make(chan struct{})
	h.model.then(func(ctx context.Context, _ conversation.Request, _ func(string)) (conversation.Response, error) {
		close(said)
		<-ctx.Done()
		return conversation.Response{}, ctx.Err()
	})
	id, err := h.service.Say(h.ctx, person, h.id, "one")
	if err != nil {
		t.Fatal(err)
	}
	<-said
	second := h.start()
	defer second.Close()
	for { // the answering instance may not listen yet
		if err := second.CancelTurn(h.ctx, person, h.id); err != nil {
			t.Fatal(err)
		}
		short, cancel := context.WithTimeout(h.ctx, 20*time.Millisecond)
		err := h.service.Wait(short, h.id, id)
		cancel()
		if err == nil {
			break
		}
	}
	if turn := h.wait(id); turn.State != conversation.TurnCancelled {
		t.Errorf("the turn is %+v", turn)
	}
}

func TestADecisionIsNotStoppedHalfWay(t *testing.T) {
	h := open(t)
	h.plan("a", "Here.")
	h.desk.hold, h.desk.reached = make(chan struct{}), make(chan struct{})
	id, err := h.service.Press(h.ctx, person, h.id, "a", "approve")
	if err != nil {
		t.Fatal(err)
	}
	<-h.desk.reached
	if err := h.service.CancelTurn(h.ctx, person, h.id); err != nil {
		t.Fatal(err)
	}
	close(h.desk.hold)
	turn := h.wait(id)
	if turn.State != conversation.TurnCancelled || turn.Decided == nil || turn.Decided.Decision != conversation.Approved || len(h.desk.decided()) != 1 {
		t.Errorf("the turn is %+v", turn)
	}
}

func TestErasedAndUnknownEventsFold(t *testing.T) {
	h := open(t)
	h.say("Hello")
	events := h.events()
	events = append(events, journal.Event{Type: "conversation.from.the.future", Data: []byte(`{}`), Seq: 99})
	for i := range events {
		if i > 0 {
			events[i].Data = []byte(`{"erased":true}`)
		}
	}
	c, err := conversation.Fold(events)
	if err != nil || !c.Erased || c.Owner.Subject != person.Subject {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := conversation.Fold(events[1:]); err == nil {
		t.Error("half a history folds")
	}
}
