package conversation

import (
	"context"
	"encoding/json"

	"github.com/openova-io/sandbox/conversation/card"
)

// Model is who thinks: a language model, or the built-in guide. It has no memory
// of its own between calls; everything it knows is in the [Request], and
// everything it does is a tool call.
type Model interface {
	// Name is shown to the person, e.g. "guide" or "openai:gpt-5".
	Name() string
	// Respond gives the next step of a turn: text, tool calls, or both. Text is
	// also streamed through say, in pieces that add up to Response.Text. A step
	// without tool calls ends the turn. Respond returns promptly when ctx ends.
	Respond(ctx context.Context, req Request, say func(piece string)) (Response, error)
}

// Request is everything a model is given for one step.
type Request struct {
	// Instructions are the concierge's standing orders.
	Instructions string
	// Language is a BCP 47 tag, e.g. "en".
	Language string
	// Messages are the conversation so far, oldest first; the last ones are the
	// turn that is running, with its tool calls and results.
	Messages []Message
	// Tools are what the model may call.
	Tools []Tool
}

// Role is who a message is from.
type Role string

const (
	// FromHuman: the person said it, or pressed a card.
	FromHuman Role = "human"
	// FromAgent: the model said it, or called tools.
	FromAgent Role = "agent"
	// FromTool: the result of a tool call.
	FromTool Role = "tool"
	// FromSystem: a fact from the service, e.g. that an approval was given. Never
	// from a person, never from the internet.
	FromSystem Role = "system"
)

// Message is one entry of a conversation as a model sees it.
type Message struct {
	TurnID string
	Role   Role
	Text   string
	// Open is the question that was open when a human message came, if any.
	Open *card.Question
	// Press is set where the human pressed a card instead of typing.
	Press *Press
	// Calls are the tool calls of an agent message.
	Calls []ToolCall
	// Result is set on a tool message.
	Result *ToolResult
}

// Press is a person's press on a card.
type Press struct {
	CardID string `json:"cardId"`
	Value  string `json:"value"`
	// Kind is the pressed card's kind, filled in by the service.
	Kind card.Kind `json:"kind,omitempty"`
}

// Tool is something a model may call.
type Tool struct {
	Name        string
	Description string
	// InputSchema is a JSON Schema (2020-12) of the arguments.
	InputSchema json.RawMessage
}

// ToolCall is a model's wish to call a tool.
type ToolCall struct {
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Arguments json.RawMessage `json:"arguments"`
}

// ToolResult is what a tool call gave.
type ToolResult struct {
	CallID string `json:"callId"`
	Name   string `json:"name"`
	// Text is the result for a reader; Structured is the same as JSON.
	Text       string          `json:"text"`
	Structured json.RawMessage `json:"structured,omitempty"`
	IsError    bool            `json:"isError,omitempty"`
}

// Response is one step of a turn.
type Response struct {
	Text  string
	Calls []ToolCall
	// InputTokens and OutputTokens are 0 where the model does not count.
	InputTokens, OutputTokens int
}

// Toolbox is what an agent may do in one conversation. In the service it is an
// MCP client, so that an outside client can hold the very same tools with the
// very same checks.
type Toolbox interface {
	List(ctx context.Context) ([]Tool, error)
	// Call runs one tool. A tool that refuses gives a result with IsError; an error
	// is returned only when the toolbox itself failed.
	Call(ctx context.Context, call ToolCall) (ToolResult, error)
}
