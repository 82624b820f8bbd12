package conversation_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openova-io/sandbox/conversation"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

func TestGreetingIsPartOfTheCreation(t *testing.T) {
	h := open(t)
	c := h.get()
	if len(c.Turns) != 1 || c.Turns[0].Human != "" || !strings.Contains(c.Turns[0].Text, "Sovereign") || c.Turns[0].State != conversation.TurnDone {
		t.Errorf("the conversation begins with %+v", c.Turns)
	}
	again, err := h.service.Create(h.ctx, person, conversation.CreateOptions{ID: h.id})
	if err != nil || again.Seq != c.Seq {
		t.Errorf("creating it again gave %+v, %v", again, err)
	}
	_, err = h.service.Create(h.ctx, other, conversation.CreateOptions{ID: h.id})
	wantCode(t, err, fault.Conflict)
	for _, bad := range []conversation.CreateOptions{{ID: "A b"}, {ID: "x"}, {Language: "en;drop"}} {
		_, err := h.service.Create(h.ctx, person, bad)
		wantCode(t, err, fault.Invalid)
	}
	_, err = h.service.Create(h.ctx, journal.Actor{Kind: journal.Human}, conversation.CreateOptions{})
	wantCode(t, err, fault.Unauthenticated)
	for _, language := range []string{"en", "ar", "de-CH", "es", "fr", "tr", "sw"} {
		c, err := h.service.Create(h.ctx, person, conversation.CreateOptions{Language: language})
		if err != nil || len(c.Turns[0].Text) < 80 {
			t.Errorf("greeting in %s: %+v, %v", language, c.Turns, err)
		}
	}
}

func TestTurnStreamsCallsToolsAndJournalsIntentFirst(t *testing.T) {
	h := open(t)
	var during []string
	h.tool("draft.get", func(context.Context, conversation.ToolCall) (conversation.ToolResult, error) {
		during = h.types(2)
		return conversation.ToolResult{Text: "a draft", Structured: json.RawMessage(`{"id":"x"}`)}, nil
	})
	h.model.then(
		func(_ context.Context, _ conversation.Request, say func(string)) (conversation.Response, error) {
			say("Let me ")
			say("look.")
			return conversation.Response{Text: "Let me look.", InputTokens: 5, Calls: []conversation.ToolCall{
				{ID: "call_1", Name: "draft.get", Arguments: json.RawMessage(`{"a":1}`)}, {ID: "call_1", Name: "draft.get"},
			}}, nil
		},
		says("Here ", "it is."),
	)
	var pieces strings.Builder
	listening, stop := context.WithCancel(h.ctx)
	heard := make(chan struct{})
	ready := make(chan struct{})
	go func() {
		defer close(heard)
		_ = h.journal.Listen(listening, "live."+h.id, func(raw []byte) {
			var p conversation.Piece
			if json.Unmarshal(raw, &p) == nil && p.TurnID == "ready" {
				select {
				case <-ready:
				default:
					close(ready)
				}
				return
			}
			if pieces.WriteString(p.Text); strings.HasSuffix(pieces.String(), "it is.") {
				stop()
			}
		})
	}()
	for listened := false; !listened; { // until the listener is under way
		_ = h.journal.Broadcast(h.ctx, "live."+h.id, []byte(`{"turnId":"ready"}`))
		select {
		case <-ready:
			listened = true
		case <-time.After(time.Millisecond):
		}
	}
	turn := h.say("Show me")
	<-heard
	if want := "Let me look.\n\nHere it is."; turn.Text != want || pieces.String() != want {
		t.Errorf("the answer is %q, streamed as %q", turn.Text, pieces.String())
	}
	if want := []string{"turn.started", "tool.called", "tool.called"}; !slices.Equal(during[:3], want) {
		t.Errorf("when the tool ran the journal had %v", during)
	}
	want := []string{"turn.started", "tool.called", "tool.called", "tool.returned", "tool.returned", "turn.finished"}
	if got := h.types(2); !slices.Equal(got, want) {
		t.Errorf("the journal has %v", got)
	}
	if a, b := h.box.made[0].ID, h.box.made[1].ID; a == b || len(a) > 40 || !strings.HasPrefix(a, turn.ID) {
		t.Errorf("the calls have the ids %s and %s", a, b)
	}
	for _, e := range h.events() {
		if e.Type == conversation.EventToolCalled && (e.Metadata.EffectKey == "" || e.Metadata.Actor.Kind != journal.Model) {
			t.Errorf("a call is journalled as %+v", e.Metadata)
		}
	}
	var roles []string
	for _, m := range h.model.last().Messages {
		roles = append(roles, string(m.Role))
	}
	if want := []string{"agent", "human", "agent", "tool", "tool"}; !slices.Equal(roles, want) {
		t.Errorf("the model saw %v", roles)
	}
	if h.get().Tokens != 5 || h.get().ToolCalls != 2 {
		t.Errorf("counted %d tokens and %d calls", h.get().Tokens, h.get().ToolCalls)
	}
	folded, err := conversation.Fold(h.events())
	if err != nil || folded.Seq != h.get().Seq || len(folded.Turns) != len(h.get().Turns) {
		t.Errorf("the fold gives %+v, %v", folded, err)
	}
}

func TestBadToolCallsBecomeResultsThatTheModelReads(t *testing.T) {
	h := open(t)
	h.tool("ok", func(context.Context, conversation.ToolCall) (conversation.ToolResult, error) {
		return conversation.ToolResult{}, errors.New("secret internal detail")
	})
	h.model.then(func(context.Context, conversation.Request, func(string)) (conversation.Response, error) {
		return conversation.Response{Calls: []conversation.ToolCall{
			{Name: "catalyst.approve", Arguments: json.RawMessage(`{}`)},
			{Name: "ok", Arguments: json.RawMessage(`{"a":`)},
			{Name: "ok", Arguments: json.RawMessage(`[1]`)},
			{Name: "ok", Arguments: json.RawMessage(`{}`)},
		}}, nil
	}, says("I see."))
	h.say("Go")
	var texts []string
	for _, m := range h.model.last().Messages {
		if m.Role == conversation.FromTool {
			if !m.Result.IsError {
				t.Errorf("%+v is no error", m.Result)
			}
			texts = append(texts, m.Text)
		}
	}
	if len(texts) != 4 || !strings.Contains(texts[0], "no tool") || !strings.Contains(texts[1], "JSON object") || strings.Contains(texts[3], "internal detail") {
		t.Errorf("the model read %q", texts)
	}
	if h.box.count() != 1 {
		t.Errorf("%d calls were made", h.box.count())
	}
}

func TestMessageLimits(t *testing.T) {
	h := open(t)
	for text, code := range map[string]fault.Code{
		"": fault.Invalid, " \n\t ": fault.Invalid, "a\x00b": fault.Invalid, "a\x1b[31m": fault.Invalid, "\xff\xfe": fault.Invalid,
		"a\u0085b": fault.Invalid, strings.Repeat("x", conversation.MaxText+1): fault.Limited,
	} {
		_, err := h.service.Say(h.ctx, person, h.id, text)
		wantCode(t, err, code)
		if f := fault.From(err); f.Hint == "" || strings.Contains(f.Text(), "\x1b") {
			t.Errorf("%.20q is refused with %q", text, f.Text())
		}
	}
	_, err := h.service.Say(h.ctx, other, h.id, "hello")
	wantCode(t, err, fault.NotFound)
	_, err = h.service.Say(h.ctx, journal.Actor{Kind: journal.Model, Subject: person.Subject}, h.id, "hello")
	wantCode(t, err, fault.Denied)
	_, err = h.service.Say(h.ctx, person, "no such.id*", "hello")
	wantCode(t, err, fault.NotFound)
	if got := h.types(2); len(got) != 0 {
		t.Errorf("refused messages left %v", got)
	}
	if turn := h.say("  line one\r\nline two مرحبا 👋\n"); turn.Human != "line one\nline two مرحبا 👋" {
		t.Errorf("the message is %q", turn.Human)
	}
}

func TestEightMessagesWait(t *testing.T) {
	h := open(t)
	release := make(chan struct{})
	h.model.then(func(ctx context.Context, req conversation.Request, say func(string)) (conversation.Response, error) {
		<-release
		return conversation.Response{Text: "To " + req.Messages[len(req.Messages)-1].Text}, nil
	})
	var ids []string
	for i := range 1 + conversation.MaxWaiting {
		id, err := h.service.Say(h.ctx, person, h.id, fmt.Sprint("message ", i))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	_, err := h.service.Say(h.ctx, person, h.id, "one more")
	wantCode(t, err, fault.Limited)
	close(release)
	for i, id := range ids {
		if turn := h.wait(id); turn.Text != fmt.Sprint("To message ", i) {
			t.Errorf("message %d was answered with %q", i, turn.Text)
		}
	}
}

func TestCancelKeepsExactlyWhatWasSaid(t *testing.T) {
	h := open(t)
	said := make(chan struct{})
	h.model.then(func(ctx context.Context, _ conversation.Request, say func(string)) (conversation.Response, error) {
		say("Half a sen")
		close(said)
		<-ctx.Done()
		say("tence that nobody sees")
		return conversation.Response{}, ctx.Err()
	}, says("Next."))
	id, err := h.service.Say(h.ctx, person, h.id, "Tell me")
	if err != nil {
		t.Fatal(err)
	}
	<-said
	wantCode(t, h.service.CancelTurn(h.ctx, other, h.id), fault.NotFound)
	if err := h.service.CancelTurn(h.ctx, person, h.id); err != nil {
		t.Fatal(err)
	}
	if turn := h.wait(id); turn.State != conversation.TurnCancelled || turn.Text != "Half a sen" || turn.Reason == "" {
		t.Errorf("the turn ended as %+v", turn)
	}
	wantCode(t, h.service.CancelTurn(h.ctx, person, h.id), fault.Conflict)
	if turn := h.say("And now?"); turn.Text != "Next." {
		t.Errorf("afterwards: %+v", turn)
	}
	for _, m := range h.model.last().Messages {
		if strings.Contains(m.Text, "nobody sees") {
			t.Errorf("the model was told %q", m.Text)
		}
	}
}

func TestCancelDuringAToolKeepsTheHistoryWhole(t *testing.T) {
	h := open(t)
	in := make(chan struct{})
	h.tool("slow", func(ctx context.Context, _ conversation.ToolCall) (conversation.ToolResult, error) {
		close(in)
		<-ctx.Done()
		return conversation.ToolResult{}, ctx.Err()
	})
	h.model.then(calls("slow", "slow"), says("never"))
	id, err := h.service.Say(h.ctx, person, h.id, "Go")
	if err != nil {
		t.Fatal(err)
	}
	<-in
	if err := h.service.CancelTurn(h.ctx, person, h.id); err != nil {
		t.Fatal(err)
	}
	turn := h.wait(id)
	if turn.State != conversation.TurnCancelled || len(turn.Steps[0].Results) != 2 || h.box.count() != 1 {
		t.Errorf("the turn is %+v after %d calls", turn, h.box.count())
	}
}

func TestTheGuideTakesOverVisibly(t *testing.T) {
	h := open(t)
	h.model.then(func(_ context.Context, _ conversation.Request, say func(string)) (conversation.Response, error) {
		say("I thi")
		return conversation.Response{}, fault.Wrap(errors.New("dial tcp 10.0.0.1: key sk-123"), fault.Unavailable, "the model's server does not answer")
	})
	turn := h.say("Hello")
	if turn.Text != "I thi\n\nThe guide is here." || turn.Model != "guide" || turn.State != conversation.TurnDone {
		t.Errorf("the turn is %+v", turn)
	}
	c := h.get()
	if notice := c.Cards[len(c.Cards)-1]; c.Model != "guide" || notice.Kind != "notice" || !strings.Contains(notice.Text, "thinker could not answer (the model's server does not answer)") || strings.Contains(notice.Text, "sk-123") {
		t.Errorf("model %s, notice %q", c.Model, notice.Text)
	}
	asked := h.model.asked()
	if h.say("Again"); h.model.asked() != asked {
		t.Error("the failed model was asked again at once")
	}
}

func TestAModelThatIsBackIsJournalled(t *testing.T) {
	h := open(t, func(o *conversation.Options) { o.Cooldown = time.Nanosecond })
	h.model.then(fails(errors.New("away")), says("Back."))
	h.say("Hello")
	if turn := h.say("Again"); turn.Text != "Back." || h.get().Model != "thinker" {
		t.Errorf("the turn is %+v, the model %s", turn, h.get().Model)
	}
}

func TestWhenEveryModelFailsThePersonIsTold(t *testing.T) {
	h := open(t)
	h.model.then(says(""))
	h.guide.then(fails(errors.New("boom")))
	turn := h.say("Hello")
	if turn.State != conversation.TurnFailed || !strings.Contains(turn.Text, "Nothing is lost") || strings.Contains(turn.Reason, "boom") {
		t.Errorf("the turn is %+v", turn)
	}
	h.options.Toolbox = func(context.Context, string, journal.Actor) (conversation.Toolbox, error) {
		return nil, errors.New("away")
	}
	h.service.Close()
	h.service = h.start()
	if turn := h.say("Hello"); turn.State != conversation.TurnFailed || !strings.Contains(turn.Text, "tools") {
		t.Errorf("without tools the turn is %+v", turn)
	}
}

func TestBudgets(t *testing.T) {
	for name, tc := range map[string]struct {
		budget conversation.Budget
		step   step
		reason string
	}{
		"tool calls": {conversation.Budget{ToolCalls: 3}, calls("ok"), "3 tool calls"},
		"tokens": {conversation.Budget{Tokens: 10}, func(context.Context, conversation.Request, func(string)) (conversation.Response, error) {
			return conversation.Response{OutputTokens: 6, Calls: []conversation.ToolCall{{Name: "ok"}}}, nil
		}, "10 tokens"},
		"time": {conversation.Budget{TurnTime: 20 * time.Millisecond}, func(ctx context.Context, _ conversation.Request, _ func(string)) (conversation.Response, error) {
			<-ctx.Done()
			return conversation.Response{}, ctx.Err()
		}, "20ms"},
		"all tool calls": {conversation.Budget{ConversationToolCalls: 2}, calls("ok"), "its 2 tool calls"},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t, func(o *conversation.Options) { o.Budget = tc.budget })
			h.tool("ok", func(context.Context, conversation.ToolCall) (conversation.ToolResult, error) {
				return conversation.ToolResult{Text: "ok"}, nil
			})
			h.model.then(tc.step)
			turn := h.say("Go")
			if turn.State != conversation.TurnFailed || !strings.Contains(turn.Reason, tc.reason) || !strings.Contains(turn.Text, "more than I may use") {
				t.Errorf("the turn is %+v", turn)
			}
		})
	}
	h := open(t, func(o *conversation.Options) { o.Budget.ConversationTokens = 5 })
	h.model.then(func(context.Context, conversation.Request, func(string)) (conversation.Response, error) {
		return conversation.Response{Text: "Costly.", InputTokens: 9}, nil
	})
	h.say("One")
	if turn := h.say("Two"); turn.Model != "guide" || h.get().Model != "guide" {
		t.Errorf("after the tokens were used %s answered", turn.Model)
	}
}

func TestAdoptAndList(t *testing.T) {
	h := open(t)
	anonymous := journal.Actor{Kind: journal.Human, Subject: "browser-7"}
	c, err := h.service.Create(h.ctx, anonymous, conversation.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.service.Adopt(h.ctx, c.ID, person); err != nil {
		t.Fatal(err)
	}
	if err := h.service.Adopt(h.ctx, c.ID, person); err != nil {
		t.Errorf("adopting again: %v", err)
	}
	wantCode(t, h.service.Adopt(h.ctx, c.ID, other), fault.Denied)
	_, err = h.service.Get(h.ctx, anonymous, c.ID)
	wantCode(t, err, fault.NotFound)
	h.say("We run a clinic in Muscat")
	fresh := h.start() // knows nothing yet
	defer fresh.Close()
	for _, s := range []*conversation.Service{h.service, fresh} {
		list, err := s.List(h.ctx, person)
		if err != nil || len(list) != 2 || list[0].ID != h.id || list[0].Title != "We run a clinic in Muscat" || list[1].ID != c.ID {
			t.Errorf("the list is %+v, %v", list, err)
		}
	}
	if list, err := h.service.List(h.ctx, other); err != nil || len(list) != 0 {
		t.Errorf("somebody else's list is %+v, %v", list, err)
	}
}

// A client that does not know whether its message arrived sends it again.
func TestATurnSentAgainIsTheSameTurn(t *testing.T) {
	h := open(t)
	h.model.then(says("Hello."))
	const id = "t0123456789abcdef0123"
	var sends sync.WaitGroup
	for range 8 {
		sends.Go(func() {
			if got, err := h.service.Say(h.ctx, person, h.id, "hello", conversation.TurnID(id)); err != nil || got != id {
				t.Errorf("the turn is %q, %v", got, err)
			}
		})
	}
	sends.Wait()
	if turn := h.wait(id); turn.Human != "hello" || turn.Text != "Hello." {
		t.Errorf("the turn is %+v", turn)
	}
	if got, err := h.service.Press(h.ctx, person, h.id, "no such card", "x", conversation.TurnID(id)); err != nil || got != id {
		t.Errorf("sent again when it was answered: %q, %v", got, err)
	}
	c, err := h.service.Get(h.ctx, person, h.id)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(c.Turns); n != 2 { // the greeting and this one
		t.Errorf("there are %d turns", n)
	}
	_, err = h.service.Say(h.ctx, person, h.id, "hello", conversation.TurnID("1; drop"))
	wantCode(t, err, fault.Invalid)
}
