package journal

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/openova-io/sandbox/conversation/fault"
)

const (
	// maxEvents is how many events one Append takes; the server's limit of a batch.
	maxEvents = 1000
	// headerRoom is kept free of each message's size limit for its headers.
	headerRoom = 4 << 10

	attempts       = 3
	attemptTimeout = 5 * time.Second
	// verdictTimeout bounds the last look at the tail when the caller has gone.
	verdictTimeout = 2 * time.Second
)

// The server's answers that an append has to tell apart.
const (
	codeWrongSequence         jetstream.ErrorCode = 10071
	codeWrongSequenceConstant jetstream.ErrorCode = 10164 // the same, on a replicated stream
	codeBatchDuplicate        jetstream.ErrorCode = 10201
	codeBatchIncomplete       jetstream.ErrorCode = 10176
	codeBatchTooMany          jetstream.ErrorCode = 10210
	codeTooLarge              jetstream.ErrorCode = 10054
)

// Append adds events to an aggregate, all of them or none. expected is the
// sequence of the aggregate's last event as the caller knows it, 0 if there
// must be none. It returns the events with ID, Source, Timestamp, Aggregate and
// Seq filled in, once the disk has them.
//
// Appending the same events (the same IDs, at the same place) again is no
// second append: it returns what is there. So a caller that does not know how
// an Append ended may repeat it.
//
// Faults: [fault.Conflict] when the aggregate has moved on (load it and decide
// again), [fault.Invalid] for a malformed name or event, [fault.Limited] for an
// event above the size limit or over 1000 events, [fault.NotFound] when the
// person's key was destroyed, [fault.Unavailable] when there was no answer; the
// events may then be there or not, and loading the aggregate tells.
func (j *Journal) Append(ctx context.Context, aggregate string, expected uint64, events ...Event) ([]Event, error) {
	subject, err := subjectOf(aggregate)
	if err != nil {
		return nil, err
	}
	ctx, leave, err := j.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	filled, err := j.fill(aggregate, events)
	if err != nil {
		return nil, err
	}
	msgs := make([]*nats.Msg, len(filled))
	for i, e := range filled {
		body, err := j.encode(ctx, e)
		if err != nil {
			return nil, err
		}
		if limit := j.conn.MaxPayload() - headerRoom; int64(len(body)) > limit {
			return nil, fault.New(fault.Limited, "event %s has %d bytes; the journal takes at most %d", e.Type, len(body), limit).
				Do("keep large content in a file and refer to it")
		}
		msgs[i] = newMessage(subject, e.ID, body)
	}
	last, err := j.settle(ctx, subject, expected, msgs)
	if err != nil {
		return nil, err
	}
	for i := range filled {
		filled[i].Seq = last - uint64(len(filled)-1-i)
	}
	return filled, nil
}

// fill checks events and gives copies with every field of the envelope set.
func (j *Journal) fill(aggregate string, events []Event) ([]Event, error) {
	if len(events) == 0 {
		return nil, fault.New(fault.Invalid, "there is nothing to append to %s", aggregate).At("events")
	}
	if len(events) > maxEvents {
		return nil, fault.New(fault.Limited, "%d events are too many for one append; at most %d fit", len(events), maxEvents).At("events")
	}
	filled := make([]Event, len(events))
	seen := make(map[string]bool, len(events))
	for i, e := range events {
		if !isEventType(e.Type) {
			return nil, fault.New(fault.Invalid, "%q is not an event type", clip(e.Type)).Do("use dotted lower-case words, such as conversation.turn.started")
		}
		if e.Version == 0 {
			e.Version = 1
		}
		if e.Version < 0 || j.upcasters.outdated(e) {
			return nil, fault.New(fault.Internal, "event %s is written in version %d, which is out of date", e.Type, e.Version)
		}
		if e.ID == "" {
			id, err := uuid.NewV7()
			if err != nil {
				return nil, fault.Wrap(err, fault.Internal, "no random numbers for an event's id")
			}
			e.ID = id.String()
		}
		if !isToken(e.ID) || seen[e.ID] {
			return nil, fault.New(fault.Invalid, "the id %q is malformed or used twice in one append", clip(e.ID)).At("id")
		}
		seen[e.ID] = true
		if e.Source == "" {
			e.Source = "sandbox/" + nounOf(aggregate)
		}
		if e.TenantID == "" {
			e.TenantID = e.Metadata.Actor.OrgID
		}
		if e.Timestamp.IsZero() {
			e.Timestamp = time.Now()
		}
		e.Timestamp = e.Timestamp.UTC().Truncate(time.Millisecond)
		e.Aggregate, e.Seq = aggregate, 0
		filled[i] = e
	}
	return filled, nil
}

// newMessage makes a message whose id the server recognises when it comes again.
func newMessage(subject, id string, body []byte) *nats.Msg {
	m := nats.NewMsg(subject)
	m.Data = body
	m.Header.Set(jetstream.MsgIDHeader, id)
	return m
}

// settle publishes until the outcome is certain, and gives the sequence of the
// last message. Publishing again is safe: the expected sequence lets the
// messages in at most once, and when they are refused the tail tells whether
// they are the ones that were there first.
func (j *Journal) settle(ctx context.Context, subject string, expected uint64, msgs []*nats.Msg) (uint64, error) {
	j.still.RLock()
	defer j.still.RUnlock()
	var err error
	for try := range attempts {
		var last uint64
		var outcome outcome
		last, outcome, err = j.publish(ctx, subject, expected, msgs)
		switch outcome {
		case stored:
			return last, nil
		case refused:
			return 0, err
		case disputed:
			return j.tail(ctx, subject, expected, msgs, true)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(try+1) * 20 * time.Millisecond):
			continue
		}
		break
	}
	// No answer, or the caller has gone. One last look; beyond that the outcome
	// is open, and the caller is told so.
	look, cancel := context.WithTimeout(context.WithoutCancel(ctx), verdictTimeout)
	defer cancel()
	if last, tailErr := j.tail(look, subject, expected, msgs, false); tailErr == nil || fault.CodeOf(tailErr) == fault.Conflict {
		return last, tailErr
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return 0, fault.Wrap(err, fault.Unavailable, "the journal gave no answer in time; whether the entry is there is not known")
}

// outcome is what one attempt to publish came to.
type outcome int

const (
	unknown  outcome = iota // no answer, or none that says what happened
	stored                  // the disk has it
	disputed                // something is there already; the tail tells what
	refused                 // certainly not stored, and trying again will not help
)

// publish makes one attempt.
func (j *Journal) publish(ctx context.Context, subject string, expected uint64, msgs []*nats.Msg) (uint64, outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	if len(msgs) > 1 {
		select {
		case j.batches <- struct{}{}:
			defer func() { <-j.batches }()
		case <-ctx.Done():
			return 0, unknown, ctx.Err()
		}
		batch := uuid.NewString()
		for i, m := range msgs {
			m.Header.Set("Nats-Batch-Id", batch)
			m.Header.Set("Nats-Batch-Sequence", strconv.Itoa(i+1))
		}
		// Only the commit is answered: what went wrong before fails it.
		msgs[len(msgs)-1].Header.Set("Nats-Batch-Commit", "1")
	}
	msgs[0].Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(expected, 10))
	last := len(msgs) - 1
	for _, m := range msgs[:last] {
		if err := j.conn.PublishMsg(m); err != nil {
			return 0, unknown, err
		}
	}
	ack, err := j.js.PublishMsg(ctx, msgs[last])
	if err == nil && ack.Duplicate {
		return 0, disputed, nil
	}
	if err == nil {
		return ack.Sequence, stored, nil
	}
	return 0, judge(err), explain(err, subject)
}

// judge tells what an error of the server says about the messages.
func judge(err error) outcome {
	var api *jetstream.APIError
	if !errors.As(err, &api) {
		if errors.Is(err, nats.ErrMaxPayload) || errors.Is(err, nats.ErrHeadersNotSupported) {
			return refused
		}
		return unknown
	}
	switch api.ErrorCode {
	case codeWrongSequence, codeWrongSequenceConstant, codeBatchDuplicate:
		return disputed
	case codeBatchIncomplete, codeBatchTooMany:
		return unknown
	default:
		return refused
	}
}

// explain makes a fault of a refusal.
func explain(err error, subject string) error {
	var api *jetstream.APIError
	if errors.Is(err, nats.ErrMaxPayload) || (errors.As(err, &api) && api.ErrorCode == codeTooLarge) {
		return fault.Wrap(err, fault.Limited, "an entry for %s is too large for the journal", aggregateOf(subject))
	}
	return fault.Wrap(err, fault.Unavailable, "the journal cannot take an entry for %s", aggregateOf(subject))
}

// tail looks at what follows expected: the very messages (then it gives their
// last sequence), somebody else's (a conflict), or nothing.
// answered tells whether the server has said that something is in the way.
func (j *Journal) tail(ctx context.Context, subject string, expected uint64, msgs []*nats.Msg, answered bool) (uint64, error) {
	there, err := j.read(ctx, subject, expected+1, len(msgs))
	if err != nil {
		return 0, err
	}
	for i, m := range msgs {
		if i >= len(there) || there[i].id != m.Header.Get(jetstream.MsgIDHeader) {
			break
		}
		if i == len(msgs)-1 {
			return there[i].seq, nil
		}
	}
	if len(there) == 0 && !answered {
		return 0, fault.New(fault.Unavailable, "the entry for %s is not in the journal yet", aggregateOf(subject))
	}
	// With an answer and nothing there, the caller's expectation is from
	// elsewhere, or one of the ids was used elsewhere.
	return 0, fault.New(fault.Conflict, "%s has moved on since it was read", aggregateOf(subject)).Do("load it again and decide anew")
}
