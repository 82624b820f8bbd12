package journal

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

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
// journal closes. Lost connections are not errors; it resumes where it was.
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
	head, err := j.head(ctx)
	if err != nil {
		return err
	}
	if after > head {
		return fault.New(fault.Conflict, "the journal ends at %d, before %d", head, after).
			Do("it was restored from a backup; read it again from the start").At("after")
	}
	consumer, err := j.js.OrderedConsumer(ctx, streamName, jetstream.OrderedConsumerConfig{
		FilterSubjects:    subjects,
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       after + 1,
		InactiveThreshold: followerIdle,
	})
	if err != nil {
		return away(ctx, err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		return away(ctx, err)
	}
	defer j.forget(ctx, consumer)
	defer messages.Stop()
	// An ordered consumer numbers what it delivers and starts anew, after the
	// last message it gave, as soon as a number is missing.
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return away(ctx, err)
		}
		meta, err := m.Metadata()
		if err != nil {
			return fault.Wrap(err, fault.Internal, "the journal's server gave a message without a sequence")
		}
		if !matches(filters, aggregateOf(m.Subject())) {
			continue
		}
		e, err := j.decode(ctx, message{subject: m.Subject(), seq: meta.Sequence.Stream, data: m.Data()})
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return away(ctx, err)
		}
		if err := fn(e); err != nil {
			return err
		}
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
