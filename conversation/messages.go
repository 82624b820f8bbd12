package conversation

import (
	"slices"
	"strings"
)

const (
	// maxHistory is how much of the conversation a model gets, in bytes: older
	// turns lose their tool calls first, and the oldest are left out.
	maxHistory = 192 << 10
	// fullTurns is how many of the newest turns keep their tool calls.
	fullTurns = 6
)

// messages gives the conversation as a model sees it, up to and with a turn.
// Turns that wait behind it are not in it.
func (c *Conversation) messages(turnID string) []Message {
	end := slices.IndexFunc(c.Turns, func(t Turn) bool { return t.ID == turnID }) + 1
	var blocks [][]Message
	size := 0
	for i := end - 1; i >= 0; i-- {
		block := c.Turns[i].messages(i >= end-fullTurns)
		for _, m := range block {
			size += len(m.Text) + 64
			for _, call := range m.Calls {
				size += len(call.Arguments)
			}
			if m.Result != nil {
				size += len(m.Result.Text) + len(m.Result.Structured)
			}
		}
		if size > maxHistory && i < end-1 {
			break
		}
		blocks = append(blocks, block)
	}
	slices.Reverse(blocks)
	return slices.Concat(blocks...)
}

// messages gives one turn. The text of an agent's message is what it said in
// that step, so that nothing is in there twice.
func (t *Turn) messages(full bool) []Message {
	var out []Message
	if t.Human != "" {
		out = append(out, Message{TurnID: t.ID, Role: FromHuman, Text: t.Human, Open: t.Open, Press: t.Press})
	}
	if t.Decided != nil {
		out = append(out, Message{TurnID: t.ID, Role: FromSystem, Text: t.Decided.note()})
	}
	rest := t.Text
	if full {
		for _, s := range t.Steps {
			out = append(out, Message{TurnID: t.ID, Role: FromAgent, Text: strings.TrimSpace(s.Said), Calls: s.Calls})
			for _, call := range s.Calls {
				r := ToolResult{CallID: call.ID, Name: call.Name, IsError: true,
					Text: "The call was interrupted. Whether it had an effect is not known: look before you do it again."}
				if i := slices.IndexFunc(s.Results, func(r ToolResult) bool { return r.CallID == call.ID }); i >= 0 {
					r = s.Results[i]
				}
				out = append(out, Message{TurnID: t.ID, Role: FromTool, Text: r.Text, Result: &r})
			}
			rest = cutPrefix(rest, s.Said)
		}
	}
	if t.Heard != nil {
		heard := "Of the answer that follows the person heard only this much, and then interrupted: " + *t.Heard
		if *t.Heard == "" {
			heard = "The person interrupted before they heard anything of the answer that follows."
		}
		out = append(out, Message{TurnID: t.ID, Role: FromSystem, Text: heard})
	}
	if rest != "" {
		out = append(out, Message{TurnID: t.ID, Role: FromAgent, Text: rest})
	}
	if t.Reason != "" && t.State != TurnDone {
		out = append(out, Message{TurnID: t.ID, Role: FromSystem, Text: "The answer above was not finished: " + t.Reason + "."})
	}
	return out
}

// cutPrefix takes what was said in a step off the front of the whole text.
func cutPrefix(text, said string) string {
	return strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(text), strings.TrimSpace(said)))
}

// dangling is true when a call was announced and its result never came: nobody
// knows whether the effect took place.
func (t *Turn) dangling() bool {
	return slices.ContainsFunc(t.Steps, func(s Step) bool { return len(s.Results) < len(s.Calls) })
}
