package journal

import (
	"encoding/json"
	"time"
)

// Event is one fact in the journal: upstream's envelope plus a version per
// type. Its JSON is what is stored, published and streamed.
type Event struct {
	// ID is a UUID; it is also the Nats-Msg-Id, so that a repeated append of the
	// same event is one event.
	ID string `json:"id"`
	// Type is dotted, e.g. "conversation.turn.started".
	Type string `json:"type"`
	// Version is the version of Data's shape for this Type, from 1.
	Version int `json:"version"`
	// Source is who wrote it, e.g. "sandbox/conversation".
	Source string `json:"source"`
	// Timestamp is UTC with milliseconds.
	Timestamp time.Time `json:"timestamp"`
	// TenantID is the Organization that owns the aggregate, and where a writer leaves
	// it out the actor's; the JSON name is upstream's.
	TenantID string          `json:"tenant_id"`
	Data     json.RawMessage `json:"data"`
	Metadata Metadata        `json:"metadata,omitzero"`

	// Aggregate is "conversation.<id>", "draft.<id>", "deployment.<id>" or
	// "session.<id>"; it is the subject, not part of the stored body.
	Aggregate string `json:"aggregate,omitempty"`
	// Seq is the stream sequence, the only cursor there is. Set when read.
	Seq uint64 `json:"seq,omitempty"`
}

// Metadata is what is known about an event beside its data.
type Metadata struct {
	Actor Actor `json:"actor,omitzero"`
	// Person is the id of the person whose key seals Data; empty data is not
	// sealed. Events with personal content must set it.
	Person string `json:"person,omitempty"`
	// Cause is the id of the event that led to this one.
	Cause string `json:"cause,omitempty"`
	// EffectKey is the idempotency key of the effect that the event announces.
	EffectKey string `json:"effectKey,omitempty"`
}

// ActorKind is what kind of actor did something.
type ActorKind string

// The kinds of actors. Only a human can approve.
const (
	Human  ActorKind = "human"
	Model  ActorKind = "model"
	System ActorKind = "system"
)

// Actor is who did something.
type Actor struct {
	Kind ActorKind `json:"kind,omitempty"`
	// Subject is the stable id of the person, client or part.
	Subject string `json:"subject,omitempty"`
	Email   string `json:"email,omitempty"`
	// EmailVerified is true when the person proved to own Email.
	EmailVerified bool `json:"emailVerified,omitempty"`
	// LocalOwner is true for the operating-system user who owns the data
	// directory. It counts as verified for simulated deployments only.
	LocalOwner bool `json:"localOwner,omitempty"`
	// NoConsent is true for who may speak and not approve: a person without that
	// right, and a program that has a person's token. Nothing that they say or press
	// is an approval.
	NoConsent bool   `json:"noConsent,omitempty"`
	OrgID     string `json:"orgId,omitempty"`
	// Via is the surface: web, chat, mcp, api, call.
	Via string `json:"via,omitempty"`
}

// Owns tells whether what belongs to owner is the actor's: the same person, in the
// same Organization. What was begun in none is the person's everywhere.
func (a Actor) Owns(owner Actor) bool {
	return a.Subject != "" && a.Subject == owner.Subject && (owner.OrgID == "" || owner.OrgID == a.OrgID)
}

// New makes an event of version 1 with data encoded as JSON; Append fills ID,
// Timestamp and Source where they are empty. It panics only if data cannot be
// encoded.
func New(eventType string, data any) Event {
	raw, err := json.Marshal(data)
	if err != nil {
		panic("journal: data of " + eventType + " does not encode: " + err.Error())
	}
	return Event{Type: eventType, Version: 1, Data: raw}
}

// By sets who did it and returns the event.
func (e Event) By(a Actor) Event { e.Metadata.Actor = a; return e }

// Of sets the person whose key seals the data and returns the event.
func (e Event) Of(person string) Event { e.Metadata.Person = person; return e }

// Decode reads the event's data into v.
func (e Event) Decode(v any) error { return json.Unmarshal(e.Data, v) }
