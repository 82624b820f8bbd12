package journal

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/openova-io/sandbox/conversation/fault"
)

// page is how many messages one request for a history asks for.
const page = 512

// message is one stored message as read.
type message struct {
	subject string
	seq     uint64
	id      string
	data    []byte
}

// Load gives the whole history of an aggregate, oldest first: opened, brought
// to the newest version, and including everything that was appended before the
// call. An aggregate that was never written has an empty history. Faults:
// [fault.Invalid] for a malformed name, [fault.Internal] for an entry that
// cannot be read, [fault.Unavailable] when the server or a key is away.
func (j *Journal) Load(ctx context.Context, aggregate string) ([]Event, error) {
	return j.LoadAfter(ctx, aggregate, 0)
}

// LoadAfter is [Journal.Load] without the events up to a sequence.
func (j *Journal) LoadAfter(ctx context.Context, aggregate string, seq uint64) ([]Event, error) {
	subject, err := subjectOf(aggregate)
	if err != nil {
		return nil, err
	}
	ctx, leave, err := j.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	msgs, err := j.read(ctx, subject, seq+1, 0)
	if err != nil {
		return nil, err
	}
	events := make([]Event, 0, len(msgs))
	for _, m := range msgs {
		e, err := j.decode(ctx, m)
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, nil
}

// List gives the ids of all aggregates of a noun, such as "conversation",
// sorted.
func (j *Journal) List(ctx context.Context, noun string) ([]string, error) {
	if !isToken(noun) || noun == claimNoun {
		return nil, fault.New(fault.Invalid, "%q is not a noun of the journal", clip(noun)).At("noun")
	}
	ctx, leave, err := j.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	prefix := subjectRoot + noun + "."
	stream, err := j.js.Stream(ctx, streamName)
	if err != nil {
		return nil, away(ctx, err)
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(prefix+"*"))
	if err != nil {
		return nil, away(ctx, err)
	}
	ids := make([]string, 0, len(info.State.Subjects))
	for subject := range info.State.Subjects {
		ids = append(ids, strings.TrimPrefix(subject, prefix))
	}
	slices.Sort(ids)
	return ids, nil
}

// Head gives the newest sequence of the whole journal; 0 when it is empty. A
// reader that follows up to Head has seen everything from before the call.
func (j *Journal) Head(ctx context.Context) (uint64, error) {
	ctx, leave, err := j.enter(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	return j.head(ctx)
}

func (j *Journal) head(ctx context.Context) (uint64, error) {
	stream, err := j.js.Stream(ctx, streamName)
	if err != nil {
		return 0, away(ctx, err)
	}
	return stream.CachedInfo().State.LastSeq, nil
}

// read gives the messages of one subject from sequence from on: at most limit,
// or all of them where limit is 0.
//
// It asks for many messages at once (a direct get), which any replica may
// answer. In a cluster a replica may be behind, so the leader is asked first
// how far the subject goes, and the answer is not believed before it gets there.
func (j *Journal) read(ctx context.Context, subject string, from uint64, limit int) ([]message, error) {
	var goal uint64
	if j.server == nil {
		var err error
		if goal, err = j.lastSeq(ctx, subject); err != nil {
			return nil, err
		}
	}
	var all []message
	for {
		want := page
		if limit > 0 {
			want = min(page, limit-len(all))
		}
		msgs, more, err := j.readPage(ctx, subject, from, want)
		if err != nil {
			return nil, err
		}
		all = append(all, msgs...)
		if len(msgs) > 0 {
			from = msgs[len(msgs)-1].seq + 1
		}
		if limit > 0 && len(all) >= limit {
			return all, nil
		}
		if more && len(msgs) > 0 {
			continue
		}
		if from > goal {
			return all, nil
		}
		select {
		case <-ctx.Done():
			return nil, away(ctx, ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// readPage makes one direct get of several messages. more tells whether the
// server has others.
func (j *Journal) readPage(ctx context.Context, subject string, from uint64, want int) (msgs []message, more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	request, err := json.Marshal(map[string]any{"seq": max(from, 1), "next_by_subj": subject, "batch": want})
	if err != nil {
		return nil, false, fault.Wrap(err, fault.Internal, "a read of the journal cannot be asked for")
	}
	inbox := j.conn.NewRespInbox()
	sub, err := j.conn.SubscribeSync(inbox)
	if err != nil {
		return nil, false, away(ctx, err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := j.conn.PublishRequest("$JS.API.DIRECT.GET."+streamName, inbox, request); err != nil {
		return nil, false, away(ctx, err)
	}
	for {
		m, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			return nil, false, away(ctx, err)
		}
		switch status := m.Header.Get("Status"); status {
		case "":
		case "204": // end of batch
			pending, _ := strconv.ParseUint(m.Header.Get("Nats-Num-Pending"), 10, 64)
			return msgs, pending > 0, nil
		case "404":
			return msgs, false, nil
		default:
			return nil, false, fault.New(fault.Unavailable, "the journal refused a read (status %s)", status)
		}
		seq, err := strconv.ParseUint(m.Header.Get("Nats-Sequence"), 10, 64)
		if err != nil {
			return nil, false, fault.Wrap(err, fault.Internal, "the journal's server gave a message without a sequence")
		}
		msgs = append(msgs, message{
			subject: m.Header.Get("Nats-Subject"), seq: seq,
			id: m.Header.Get(jetstream.MsgIDHeader), data: m.Data,
		})
	}
}

// lastSeq gives the sequence of a subject's last message as the leader knows
// it; 0 when there is none.
func (j *Journal) lastSeq(ctx context.Context, subject string) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	request, err := json.Marshal(map[string]string{"last_by_subj": subject})
	if err != nil {
		return 0, fault.Wrap(err, fault.Internal, "a read of the journal cannot be asked for")
	}
	m, err := j.conn.RequestWithContext(ctx, "$JS.API.STREAM.MSG.GET."+streamName, request)
	if err != nil {
		return 0, away(ctx, err)
	}
	var reply struct {
		Error   *jetstream.APIError `json:"error"`
		Message struct {
			Seq uint64 `json:"seq"`
		} `json:"message"`
	}
	if err := json.Unmarshal(m.Data, &reply); err != nil {
		return 0, fault.Wrap(err, fault.Internal, "the journal's server gave an answer that is not JSON")
	}
	if reply.Error != nil {
		if reply.Error.ErrorCode == jetstream.JSErrCodeMessageNotFound {
			return 0, nil
		}
		return 0, away(ctx, reply.Error)
	}
	return reply.Message.Seq, nil
}

// away makes a fault of an error of the connection. When the journal is closing
// or the caller has gone, that is the error.
func away(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	if errors.Is(err, nats.ErrConnectionClosed) {
		return errClosed()
	}
	return fault.Wrap(err, fault.Unavailable, "the journal gave no answer").(*fault.Error).Do("try again in a moment")
}

// aggregateOf gives the name under which people know a subject.
func aggregateOf(subject string) string { return strings.TrimPrefix(subject, subjectRoot) }
