package conversation

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

const (
	// maxResult is how much text of a tool's result is kept, in bytes.
	maxResult = 64 << 10
	// maxStructured is how large a result's JSON may be; a larger one is left out.
	maxStructured = 256 << 10
	// maxArguments is how large a call's arguments may be.
	maxArguments = 64 << 10
)

// callAll makes the calls of one step, in their order. All of them are
// journalled before the first is made, under ids of our own: a model's ids are
// its own business, and ours are the idempotency keys of the effects.
func (a *answer) callAll(ctx context.Context, toolbox Toolbox, tools []Tool, wished []ToolCall) error {
	step := 1
	if t := a.c.turn(a.turnID); t != nil {
		step = len(t.Steps) + 1
	}
	by := journal.Actor{Kind: journal.Model, Subject: a.model.Name()}
	calls := slices.Clone(wished)
	events := make([]journal.Event, len(calls))
	for i := range calls {
		a.calls++
		calls[i].ID = fmt.Sprintf("%s-%d", a.turnID, a.calls)
		raw := calls[i].Arguments
		switch {
		case len(raw) == 0:
			raw = json.RawMessage("{}")
		case len(raw) > maxArguments || !json.Valid(raw):
			// What was not JSON is kept as text, so that the model can see its mistake.
			raw, _ = json.Marshal(cut(strings.ToValidUTF8(string(raw), "�"), 2000))
		}
		calls[i].Arguments = raw
		called := ToolCalled{TurnID: a.turnID, CallID: calls[i].ID, Name: calls[i].Name, Arguments: raw, Step: step}
		if i == 0 {
			called.Said = a.said()
		}
		events[i] = journal.New(EventToolCalled, called).By(by)
		events[i].Metadata.EffectKey = calls[i].ID
	}
	if err := a.append(ctx, events...); err != nil {
		return err
	}
	for _, call := range calls {
		result := a.call(ctx, toolbox, tools, call)
		late, cancel := a.s.last() // it happened, whatever ends now
		err := a.append(late, journal.New(EventToolReturned, ToolReturned{
			TurnID: a.turnID, CallID: call.ID, Name: call.Name,
			Text: result.Text, Structured: result.Structured, IsError: result.IsError,
		}).By(by))
		cancel()
		if err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// call makes one call. Every way to fail is a result that the model can read.
func (a *answer) call(ctx context.Context, toolbox Toolbox, tools []Tool, call ToolCall) ToolResult {
	refuse := func(err error) ToolResult {
		return ToolResult{Text: fault.From(err).Text(), IsError: true}
	}
	switch {
	case ctx.Err() != nil:
		return refuse(fault.New(fault.Conflict, "the turn ended before this was called: it was not done"))
	case !slices.ContainsFunc(tools, func(t Tool) bool { return t.Name == call.Name }):
		return refuse(fault.New(fault.NotFound, "there is no tool %q", cut(call.Name, 64)).Do("use one of the tools that are listed"))
	case !object(call.Arguments):
		return refuse(fault.New(fault.Invalid, "the arguments of %s are not a JSON object", call.Name).Do("call it again with an object"))
	}
	r, err := toolbox.Call(ctx, call)
	if err != nil {
		a.s.options.Logger.Warn("a tool failed", "conversation", a.id, "tool", call.Name, "error", err.Error())
		r = refuse(err)
		if ctx.Err() != nil {
			r.Text = "The call was stopped. Whether it had an effect is not known: look before you do it again."
		}
	}
	if len(r.Text) > maxResult {
		r.Text = strings.ToValidUTF8(r.Text[:maxResult], "") + "\n(The rest is left out.)"
	}
	if len(r.Structured) > maxStructured || len(r.Structured) > 0 && !json.Valid(r.Structured) {
		r.Structured = nil
	}
	if !utf8.ValidString(r.Text) {
		r.Text = strings.ToValidUTF8(r.Text, "�")
	}
	return r
}
