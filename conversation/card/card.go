package card

import (
	"encoding/json"

	"github.com/openova-io/sandbox/conversation/fault"
)

// Kind says how a card's Data is to be read. A client that does not know a kind
// shows Title and Text.
type Kind string

// The kinds shared by both scopes.
const (
	KindText     Kind = "text"
	KindToolCall Kind = "tool-call"
	KindChoice   Kind = "choice"
	KindForm     Kind = "form"
	KindSecret   Kind = "secret"
	KindPlan     Kind = "plan"
	KindCost     Kind = "cost"
	KindApproval Kind = "approval"
	KindProgress Kind = "progress"
	KindFlow     Kind = "flow"
	KindLink     Kind = "link"
	KindNotice   Kind = "notice"
	KindError    Kind = "error"
)

// The kinds that only shell sessions show.
const (
	KindDiff        Kind = "diff"
	KindBash        Kind = "bash"
	KindPreviewLink Kind = "preview-link"
	KindPermission  Kind = "permission"
	KindTodo        Kind = "todo"
	KindImage       Kind = "image"
)

// Card is one thing shown to a person.
type Card struct {
	// ID is unique in its conversation, deployment or session. A later card
	// with the same ID replaces this one.
	ID   string `json:"id"`
	Kind Kind   `json:"kind"`
	// Seq is the journal sequence of the event that showed the card; 0 before
	// it is journalled. It is the cursor of the live stream.
	Seq   uint64 `json:"seq"`
	Title string `json:"title,omitempty"`
	// Text is the complete plain-text rendering, a few short lines.
	Text string `json:"text"`
	// Speech is what is said aloud; empty means that Text's first line is.
	Speech string `json:"speech,omitempty"`
	// Data is the value of the kind's type in data.go.
	Data json.RawMessage `json:"data,omitempty"`
}

// New makes a card with data encoded as JSON, a nil list as an empty one. It
// panics only if data cannot be encoded, which no type of this package can cause.
func New(id string, kind Kind, title, text string, data any) Card {
	c := Card{ID: id, Kind: kind, Title: title, Text: text}
	if data != nil {
		raw, err := json.Marshal(withLists(data))
		if err != nil {
			panic("card: data of kind " + string(kind) + " does not encode: " + err.Error())
		}
		c.Data = raw
	}
	return c
}

// Decode reads the card's data into v, a pointer to the kind's data type. A
// card without data or with data of another shape is an [fault.Invalid] fault.
func (c Card) Decode(v any) error {
	if len(c.Data) == 0 {
		return fault.New(fault.Invalid, "card %s of kind %s has no data", c.ID, c.Kind).At("data")
	}
	if err := json.Unmarshal(c.Data, v); err != nil {
		return fault.Wrap(err, fault.Invalid, "card %s: data does not fit kind %s", c.ID, c.Kind)
	}
	return nil
}
