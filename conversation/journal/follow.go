package journal

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/openova-io/sandbox/conversation/fault"
)

// followerIdle is how long the server keeps the position of a follower that
// does not ask for more. A follower that comes back later resumes by sequence.
const followerIdle = time.Minute

// Follow calls fn, on the caller's goroutine, with every event after the
// sequence after that matches a filter: first those that are there, then each
// new one as it is appended, in order of Seq, each once, none left out. Filters
// are "conversation.<id>" or "deployment.*"; no filters are all aggregates.
// Filters that match nothing yet wait.
//
// It returns fn's error as it is, ctx's error when ctx ends, and otherwise a
// fault: [fault.Conflict] when after lies beyond the journal's end (the journal
// was restored from a backup: start over from 0), [fault.Unavailable] when the
// journal closes. A server that is away, or too busy to answer, is no error: it
// resumes where it was.
func (j *Journal) Follow(ctx context.Context, after uint64, filters []string, fn func(Event) error) error {
	subjects, err := subjectsOf(filters)
	if err != nil {
		return err
	}
	ctx, leave, err := j.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	f := follower{j: j, filters: filters, subjects: subjects, after: after, fn: fn}
	for wait := followAgain; ; wait = min(2*wait, 20*followAgain) {
		from := f.after
		err := f.run(ctx)
		if ctx.Err() != nil || !passes(err) {
			var i interrupted
			if errors.As(err, &i) {
				err = i.error
			}
			return err
		}
		if f.after > from { // it worked for a while
			wait = followAgain
		}
		j.logger.Warn("following the journal was interrupted; it goes on", "after", f.after, "error", err)
		select {
		case <-ctx.Done():
			return away(ctx, ctx.Err())
		case <-time.After(wait):
		}
	}
}

// followAgain is the first pause before a follower that was interrupted goes on.
const followAgain = 250 * time.Millisecond

// interrupted is an error of the connection or of the server, as against one of
// the caller or of what is stored.
type interrupted struct{ error }

func (i interrupted) Unwrap() error { return i.error }

// passes tells whether trying again may help.
func passes(err error) bool {
	var i interrupted
	if !errors.As(err, &i) || errors.Is(err, nats.ErrConnectionClosed) || errors.Is(err, jetstream.ErrConnectionClosed) {
		return false
	}
	var api *jetstream.APIError // 503 is a server without a leader, or one that starts
	return !errors.As(err, &api) || api.Code >= 500
}

// follower is one call of Follow.
type follower struct {
	j                 *Journal
	filters, subjects []string
	after             uint64 // everything up to here was given to fn
	fn                func(Event) error
}

// run follows until something is wrong.
func (f *follower) run(ctx context.Context) error {
	head, err := f.j.head(ctx)
	if err != nil {
		return interrupted{err}
	}
	if f.after > head {
		return fault.New(fault.Conflict, "the journal ends at %d, before %d", head, f.after).
			Do("it was restored from a backup; read it again from the start").At("after")
	}
	consumer, err := f.j.js.OrderedConsumer(ctx, streamName, jetstream.OrderedConsumerConfig{
		FilterSubjects:    f.subjects,
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       f.after + 1,
		InactiveThreshold: followerIdle,
	})
	if err != nil {
		return interrupted{away(ctx, err)}
	}
	messages, err := consumer.Messages()
	if err != nil {
		return interrupted{away(ctx, err)}
	}
	defer f.j.forget(ctx, consumer)
	defer messages.Stop()
	// An ordered consumer numbers what it delivers and starts anew, after the
	// last message it gave, as soon as a number is missing.
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return interrupted{away(ctx, err)}
		}
		meta, err := m.Metadata()
		if err != nil {
			return fault.Wrap(err, fault.Internal, "the journal's server gave a message without a sequence")
		}
		if matches(f.filters, aggregateOf(m.Subject())) {
			e, err := f.j.decode(ctx, message{subject: m.Subject(), seq: meta.Sequence.Stream, data: m.Data()})
			if err != nil {
				return err
			}
			if err := ctx.Err(); err != nil {
				return away(ctx, err)
			}
			if err := f.fn(e); err != nil {
				return err
			}
		}
		f.after = meta.Sequence.Stream
	}
}

// forget removes a follower's position from the server at once instead of after
// followerIdle, so that many short followers leave nothing behind.
func (j *Journal) forget(ctx context.Context, consumer jetstream.Consumer) {
	info := consumer.CachedInfo()
	if info == nil || j.closing.Err() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), verdictTimeout)
	defer cancel()
	if err := j.js.DeleteConsumer(ctx, streamName, info.Name); err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
		j.logger.Debug("a follower's position stays until it expires", "error", err)
	}
}

// matches tells whether an aggregate is meant by one of the filters.
func matches(filters []string, aggregate string) bool {
	if len(filters) == 0 {
		return !strings.HasPrefix(aggregate, claimNoun+".")
	}
	return slices.ContainsFunc(filters, func(f string) bool { return covers(f, aggregate) })
}
