package journal

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/openova-io/sandbox/conversation/fault"
)

// listenBuffer is how many broadcasts wait for a slow listener; beyond it the
// newest are lost to that listener.
const listenBuffer = 1024

// Broadcast sends data to everybody who listens to topic now. Nothing is kept
// and nobody is waited for: it is for what is worthless a moment later, such as
// the pieces of a text whose whole is journalled.
func (j *Journal) Broadcast(ctx context.Context, topic string, data []byte) error {
	subject, err := liveSubject(topic)
	if err != nil {
		return err
	}
	ctx, leave, err := j.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if err := j.conn.Publish(subject, data); err != nil {
		if errors.Is(err, nats.ErrMaxPayload) {
			return fault.Wrap(err, fault.Limited, "a broadcast of %d bytes is too large", len(data))
		}
		return away(ctx, err)
	}
	return nil
}

// Listen calls fn, on the caller's goroutine, with each broadcast to topic, in
// the order in which one sender sent them, until ctx ends; it returns ctx's
// error. What is broadcast before Listen is under way, or faster than fn takes
// it, is lost. fn owns its bytes.
func (j *Journal) Listen(ctx context.Context, topic string, fn func([]byte)) error {
	subject, err := liveSubject(topic)
	if err != nil {
		return err
	}
	ctx, leave, err := j.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	pieces := make(chan *nats.Msg, listenBuffer)
	sub, err := j.conn.ChanSubscribe(subject, pieces)
	if err != nil {
		return away(ctx, err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case m := <-pieces:
			fn(m.Data)
		}
	}
}

// Publish tells other systems of a fact, under upstream's subject "catalyst."
// plus the event's type, with the event's id for deduplication. Where a stream
// keeps that subject, Publish returns once it has it; elsewhere the fact goes to
// whoever listens. An event about a person is refused ([fault.Denied]) and the
// actor's e-mail address is left out.
func (j *Journal) Publish(ctx context.Context, e Event) error {
	ctx, leave, err := j.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if e.Metadata.Person != "" {
		return fault.New(fault.Denied, "event %s is about a person and does not leave the journal", e.Type)
	}
	aggregate := e.Aggregate
	filled, err := j.fill(aggregate, []Event{e})
	if err != nil {
		return err
	}
	fact := filled[0]
	fact.Aggregate, fact.Seq, fact.Metadata.Actor.Email = aggregate, e.Seq, ""
	body, err := json.Marshal(fact)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "the data of event %s is not JSON", e.Type)
	}
	m := newMessage(factRoot+fact.Type, fact.ID, body)
	if j.server == nil {
		switch _, err := j.js.StreamNameBySubject(ctx, m.Subject); {
		case err == nil:
			_, err = j.js.PublishMsg(ctx, m)
			return gone(ctx, err)
		case !errors.Is(err, jetstream.ErrStreamNotFound):
			return away(ctx, err)
		}
	}
	if err := j.conn.PublishMsg(m); err != nil {
		return away(ctx, err)
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout) // a flush wants a deadline
	defer cancel()
	return gone(ctx, j.conn.FlushWithContext(ctx))
}

// gone is away for an error that may be nil.
func gone(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	return away(ctx, err)
}
