package openai

import (
	"encoding/hex"
	"encoding/json"
	"strings"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/shared"

	"github.com/openova-io/sandbox/conversation"
	"github.com/openova-io/sandbox/conversation/fault"
)

// messages is the conversation in the protocol's roles.
func messages(req conversation.Request) []sdk.ChatCompletionMessageParamUnion {
	out := make([]sdk.ChatCompletionMessageParamUnion, 0, len(req.Messages)+1)
	if req.Instructions != "" {
		out = append(out, sdk.SystemMessage(req.Instructions))
	}
	for _, msg := range req.Messages {
		switch msg.Role {
		case conversation.FromHuman:
			out = append(out, sdk.UserMessage(msg.Text))
		case conversation.FromSystem:
			out = append(out, sdk.SystemMessage(msg.Text))
		case conversation.FromTool:
			if msg.Result != nil {
				out = append(out, sdk.ToolMessage(resultText(*msg.Result), msg.Result.CallID))
			}
		case conversation.FromAgent:
			if msg.Text != "" || len(msg.Calls) > 0 {
				out = append(out, agentMessage(msg))
			}
		}
	}
	return out
}

// agentMessage is what the model itself said and called before.
func agentMessage(msg conversation.Message) sdk.ChatCompletionMessageParamUnion {
	var said sdk.ChatCompletionAssistantMessageParam
	if msg.Text != "" {
		said.Content.OfString = param.NewOpt(msg.Text)
	}
	for _, call := range msg.Calls {
		said.ToolCalls = append(said.ToolCalls, sdk.ChatCompletionMessageToolCallUnionParam{
			OfFunction: &sdk.ChatCompletionMessageFunctionToolCallParam{
				ID: call.ID,
				Function: sdk.ChatCompletionMessageFunctionToolCallFunctionParam{
					Name: encodeName(call.Name), Arguments: string(call.Arguments),
				},
			},
		})
	}
	return sdk.ChatCompletionMessageParamUnion{OfAssistant: &said}
}

// resultText is a tool's result as the model reads it. Where there is JSON it is
// the whole result; the text says the same to people.
func resultText(r conversation.ToolResult) string {
	text := r.Text
	if len(r.Structured) > 0 {
		text = string(r.Structured)
	}
	if r.IsError {
		return "ERROR: " + strings.TrimSpace(r.Text+"\n"+string(r.Structured))
	}
	return text
}

// tools are the toolbox in the protocol's form. A schema that is no object is
// sent as "any object"; the toolbox checks the arguments anyway.
func tools(box []conversation.Tool) []sdk.ChatCompletionToolUnionParam {
	out := make([]sdk.ChatCompletionToolUnionParam, 0, len(box))
	for _, t := range box {
		def := shared.FunctionDefinitionParam{Name: encodeName(t.Name)}
		if t.Description != "" {
			def.Description = param.NewOpt(t.Description)
		}
		var schema map[string]any
		if json.Unmarshal(t.InputSchema, &schema) != nil || schema == nil {
			schema = map[string]any{"type": "object"}
		}
		if schema["type"] == "object" && schema["properties"] == nil {
			schema["properties"] = map[string]any{} // some endpoints insist
		}
		def.Parameters = schema
		out = append(out, sdk.ChatCompletionFunctionTool(def))
	}
	return out
}

// plain is true for the bytes that stand for themselves in a name.
func plain(b byte) bool {
	return b == '-' || b >= '0' && b <= '9' || b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z'
}

// encodeName gives a tool's name in the protocol's letters; see the package.
func encodeName(name string) string {
	var out strings.Builder
	for i := range len(name) {
		switch b := name[i]; {
		case plain(b):
			out.WriteByte(b)
		case b == '_':
			out.WriteString("__")
		default:
			out.WriteByte('_')
			out.WriteString(hex.EncodeToString([]byte{b}))
		}
	}
	return out.String()
}

// decodeName undoes encodeName. What encodeName cannot have made is given back as
// it came, for the toolbox to refuse.
func decodeName(wire string) string {
	var out strings.Builder
	for i := 0; i < len(wire); i++ {
		switch {
		case wire[i] != '_':
			out.WriteByte(wire[i])
		case i+1 < len(wire) && wire[i+1] == '_':
			out.WriteByte('_')
			i++
		case i+2 < len(wire):
			b, err := hex.DecodeString(wire[i+1 : i+3])
			if err != nil {
				return wire
			}
			out.Write(b)
			i += 2
		default:
			return wire
		}
	}
	if name := out.String(); encodeName(name) == wire {
		return name
	}
	return wire
}

// The bounds of one step, so that a mad endpoint cannot fill the memory.
const (
	maxCalls = 64
	maxBytes = 1 << 20
)

// answer gathers the pieces of one step.
type answer struct {
	text   strings.Builder
	calls  []call
	bytes  int
	reason string
	in     int64
	out    int64
}

// call is a tool call that grows piece by piece; index is the provider's number.
type call struct {
	index    int64
	id, name string
	args     strings.Builder
}

// take adds one piece of the stream.
func (a *answer) take(chunk sdk.ChatCompletionChunk, say func(string)) error {
	if u := chunk.Usage; u.TotalTokens > 0 {
		a.in, a.out = u.PromptTokens, u.CompletionTokens
	}
	for _, c := range chunk.Choices {
		if c.Index != 0 {
			continue // one answer was asked for
		}
		piece := c.Delta.Content + c.Delta.Refusal
		a.bytes += len(piece)
		for _, d := range c.Delta.ToolCalls {
			a.bytes += len(d.Function.Name) + len(d.Function.Arguments) + len(d.ID)
			if a.bytes <= maxBytes {
				a.grow(d)
			}
		}
		if a.bytes > maxBytes || len(a.calls) > maxCalls {
			return errTooMuch()
		}
		if piece != "" {
			a.text.WriteString(piece)
			say(piece)
		}
		if c.FinishReason != "" {
			a.reason = c.FinishReason
		}
	}
	return nil
}

// grow adds a piece to the call of its index, or begins it.
func (a *answer) grow(d sdk.ChatCompletionChunkChoiceDeltaToolCall) {
	at := -1
	for i := range a.calls {
		// Some endpoints number all calls 0 and tell them apart by id only.
		if a.calls[i].index == d.Index && (d.ID == "" || a.calls[i].id == "" || a.calls[i].id == d.ID) {
			at = i
		}
	}
	if at < 0 {
		a.calls = append(a.calls, call{index: d.Index})
		at = len(a.calls) - 1
	}
	c := &a.calls[at]
	if c.id == "" {
		c.id = d.ID
	}
	if d.Function.Name != c.name { // some endpoints repeat the name with every piece
		c.name += d.Function.Name
	}
	c.args.WriteString(d.Function.Arguments)
}

// response is the whole step, if it is whole.
func (a *answer) response() (conversation.Response, error) {
	switch a.reason {
	case "":
		return conversation.Response{}, fault.New(fault.Unavailable, "broke off in the middle of its answer")
	case "length":
		return conversation.Response{}, fault.New(fault.Unavailable, "ran out of room before its answer was complete")
	case "content_filter":
		return conversation.Response{}, fault.New(fault.Unavailable, "was stopped by its provider's content filter")
	}
	if strings.TrimSpace(a.text.String()) == "" && len(a.calls) == 0 {
		return conversation.Response{}, fault.New(fault.Unavailable, "gave an empty answer")
	}
	r := conversation.Response{Text: a.text.String(), InputTokens: int(a.in), OutputTokens: int(a.out)}
	for i := range a.calls {
		c := &a.calls[i]
		args := c.args.String()
		if strings.TrimSpace(args) == "" {
			args = "{}" // a tool without arguments: many models write nothing
		}
		r.Calls = append(r.Calls, conversation.ToolCall{ID: c.id, Name: decodeName(c.name), Arguments: json.RawMessage(args)})
	}
	return r, nil
}
