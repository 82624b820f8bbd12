package journal

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
)

// erased is what the data of an event reads as once its person's key is gone.
const erased = `{"erased":true}`

// record is the stored body of an event: the envelope, with what is personal
// taken out of it and into Sealed. The aggregate is the subject and the
// sequence is the stream's, so neither is stored twice.
type record struct {
	ID        string          `json:"id"`
	Type      string          `json:"type"`
	Version   int             `json:"version"`
	Source    string          `json:"source"`
	Timestamp time.Time       `json:"timestamp"`
	TenantID  string          `json:"tenant_id"`
	Data      json.RawMessage `json:"data,omitempty"`
	Metadata  Metadata        `json:"metadata,omitzero"`
	// Sealed is a sealed [personal]; Data and the actor's e-mail are then absent.
	Sealed []byte `json:"sealed,omitempty"`
}

// personal is the part of an event that is about a person. ID binds it to its
// event, so that a sealed part cannot be moved to another one.
type personal struct {
	ID    string          `json:"id"`
	Data  json.RawMessage `json:"data,omitempty"`
	Email string          `json:"email,omitempty"`
}

// encode gives the stored body of e, sealed where e names a person.
func (j *Journal) encode(ctx context.Context, e Event) ([]byte, error) {
	r := record{
		ID: e.ID, Type: e.Type, Version: e.Version, Source: e.Source,
		Timestamp: e.Timestamp, TenantID: e.TenantID, Data: e.Data, Metadata: e.Metadata,
	}
	if person := e.Metadata.Person; person != "" && (len(e.Data) > 0 || e.Metadata.Actor.Email != "") {
		if j.sealer == nil {
			return nil, fault.New(fault.Internal, "event %s is about a person, and this journal has no keys to seal it with", e.Type).
				Do("open the journal with a vault as its Sealer")
		}
		plain, err := json.Marshal(personal{ID: e.ID, Data: e.Data, Email: e.Metadata.Actor.Email})
		if err != nil {
			return nil, fault.Wrap(err, fault.Internal, "the data of event %s is not JSON", e.Type)
		}
		if r.Sealed, err = j.sealer.Seal(ctx, person, plain); err != nil {
			return nil, err
		}
		r.Data, r.Metadata.Actor.Email = nil, ""
	}
	body, err := json.Marshal(r)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the data of event %s is not JSON", e.Type)
	}
	return body, nil
}

// decode reads a stored body, opens what is sealed and brings the data to the
// newest version.
func (j *Journal) decode(ctx context.Context, m message) (Event, error) {
	e, sealed, err := parse(m.data)
	if err != nil {
		return Event{}, fault.Wrap(err, fault.Internal, "entry %d of the journal cannot be read", m.seq)
	}
	e.Aggregate, e.Seq = m.subject[len(subjectRoot):], m.seq
	if len(sealed) > 0 {
		gone, err := j.open(ctx, &e, sealed)
		if err != nil {
			return Event{}, err
		}
		if gone {
			return e, nil // there is no shape left to bring up to date
		}
	}
	if err := j.upcasters.apply(&e); err != nil {
		return Event{}, err
	}
	return e, nil
}

// parse reads a stored body without opening it.
func parse(body []byte) (e Event, sealed []byte, err error) {
	var r record
	if err := json.Unmarshal(body, &r); err != nil {
		return Event{}, nil, err
	}
	if r.ID == "" || !isEventType(r.Type) || r.Version < 1 {
		return Event{}, nil, errors.New("id, type or version is missing")
	}
	return Event{
		ID: r.ID, Type: r.Type, Version: r.Version, Source: r.Source,
		Timestamp: r.Timestamp, TenantID: r.TenantID, Data: r.Data, Metadata: r.Metadata,
	}, r.Sealed, nil
}

// open puts the personal part back into e, or marks e as erased.
func (j *Journal) open(ctx context.Context, e *Event, sealed []byte) (gone bool, _ error) {
	if j.sealer == nil {
		return false, fault.New(fault.Internal, "event %s is sealed, and this journal has no keys to open it with", e.ID).
			Do("open the journal with the vault it was written with")
	}
	plain, err := j.sealer.Unseal(ctx, e.Metadata.Person, sealed)
	if fault.CodeOf(err) == fault.NotFound {
		e.Data = json.RawMessage(erased)
		return true, nil
	}
	if err != nil {
		return false, err
	}
	var p personal
	if err := json.Unmarshal(plain, &p); err != nil {
		return false, fault.Wrap(err, fault.Internal, "the sealed part of event %s cannot be read", e.ID)
	}
	if p.ID != e.ID {
		return false, fault.New(fault.Internal, "the sealed part of event %s belongs to another event", e.ID)
	}
	e.Data, e.Metadata.Actor.Email = p.Data, p.Email
	return false, nil
}

// Erased tells whether the event's data is gone because its person's key was
// destroyed. Folds skip such an event's data and keep its place.
func (e Event) Erased() bool { return string(e.Data) == erased }
