package journal

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"

	"github.com/openova-io/sandbox/conversation/fault"
)

// claim is the stored body of a claim or of its release. A claim is never
// deleted: its release is a later entry, so the history of a name stays.
type claim struct {
	Data     json.RawMessage `json:"data,omitempty"`
	Released bool            `json:"released,omitempty"`
}

// Claim takes a value of a noun for one taker: an e-mail address, a subdomain, a
// token's id. The value is hashed into the subject (keyed, where the [Sealer] is
// a [Blinder]) and not stored; data says who took it and must hold nothing
// personal. Faults: [fault.Conflict] when it is taken, whoever took it (look
// with Claimed whether it was you), [fault.Invalid] for an empty value,
// [fault.Unavailable] when there was no answer.
func (j *Journal) Claim(ctx context.Context, noun, value string, data any) error {
	raw, err := json.Marshal(data)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "the data of a claim on a %s is not JSON", noun)
	}
	return j.turnClaim(ctx, noun, value, func(taken bool) (*claim, error) {
		if taken {
			return nil, fault.New(fault.Conflict, "this %s is taken", noun).Do("choose another one")
		}
		return &claim{Data: raw}, nil
	})
}

// Claimed tells whether a value is taken, and gives the data of its claim.
func (j *Journal) Claimed(ctx context.Context, noun, value string) (json.RawMessage, bool, error) {
	subject, err := j.claimSubject(noun, value)
	if err != nil {
		return nil, false, err
	}
	ctx, leave, err := j.enter(ctx)
	if err != nil {
		return nil, false, err
	}
	defer leave()
	c, _, err := j.lastClaim(ctx, subject)
	if err != nil || c == nil || c.Released {
		return nil, false, err
	}
	return c.Data, true, nil
}

// Release gives a value back. Releasing what is not taken does nothing. Faults:
// [fault.Conflict] when somebody else changed the claim at the same moment.
func (j *Journal) Release(ctx context.Context, noun, value string) error {
	return j.turnClaim(ctx, noun, value, func(taken bool) (*claim, error) {
		if !taken {
			return nil, nil
		}
		return &claim{Released: true}, nil
	})
}

// turnClaim reads a claim, lets next decide on what follows it, and writes that
// only if nothing came in between. next gives nil to leave it as it is.
func (j *Journal) turnClaim(ctx context.Context, noun, value string, next func(taken bool) (*claim, error)) error {
	subject, err := j.claimSubject(noun, value)
	if err != nil {
		return err
	}
	ctx, leave, err := j.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	now, seq, err := j.lastClaim(ctx, subject)
	if err != nil {
		return err
	}
	write, err := next(now != nil && !now.Released)
	if err != nil || write == nil {
		return err
	}
	body, err := json.Marshal(write)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "a claim on a %s is not JSON", noun)
	}
	_, err = j.settle(ctx, subject, seq, []*nats.Msg{newMessage(subject, uuid.NewString(), body)})
	if fault.CodeOf(err) == fault.Conflict {
		return fault.Wrap(err, fault.Conflict, "this %s was taken or given back a moment ago", noun).(*fault.Error).Do("look again")
	}
	return err
}

// lastClaim gives a claim's newest entry and its sequence; nil and 0 where there
// never was one.
func (j *Journal) lastClaim(ctx context.Context, subject string) (*claim, uint64, error) {
	msgs, err := j.read(ctx, subject, 1, 0)
	if err != nil || len(msgs) == 0 {
		return nil, 0, err
	}
	m := msgs[len(msgs)-1]
	var c claim
	if err := json.Unmarshal(m.data, &c); err != nil {
		return nil, 0, fault.Wrap(err, fault.Internal, "entry %d of the journal cannot be read", m.seq)
	}
	return &c, m.seq, nil
}
