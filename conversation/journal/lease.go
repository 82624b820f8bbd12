package journal

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/openova-io/sandbox/conversation/fault"
)

const (
	leaseBucket = "SANDBOX_LEASES"
	// minLease is the shortest time to live that the server knows.
	minLease = time.Second
)

// Lease is the right to do something alone for a while: to run a
// conversation's turn, to drive a deployment. It ends by Release, or by itself
// when its time runs out without a Renew, on the server's clock.
//
// A holder that was paused does not notice that its lease ran out. What must
// never happen twice is therefore also guarded where it happens: by the
// expected sequence of Append, and by Epoch in what is stored.
type Lease struct {
	// Name is what is leased.
	Name string
	// Epoch grows with every lease of any name: of two holders of a name the one
	// with the greater epoch is the later.
	Epoch uint64

	j   *Journal
	ttl time.Duration

	mu       sync.Mutex
	revision uint64 // 0 once it is given back or lost
}

// leaseRecord is what the bucket holds under a lease's name.
type leaseRecord struct {
	Epoch uint64 `json:"epoch"` // 0 in the first revision, whose number it is
}

// ensureLeases opens the bucket. The embedded server has one client, this
// process, so whatever leases are there were held by a process that has ended.
func (j *Journal) ensureLeases(ctx context.Context, replicas int) error {
	var err error
	j.leases, err = j.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket:         leaseBucket,
		Description:    "OpenOva Sandbox: who works on what",
		History:        1,
		LimitMarkerTTL: time.Minute,
		Storage:        jetstream.FileStorage,
		Replicas:       replicas,
	})
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the journal's leases cannot be opened")
	}
	if j.server == nil {
		return nil
	}
	stream, err := j.js.Stream(ctx, "KV_"+leaseBucket)
	if err == nil {
		err = stream.Purge(ctx) // keeps the sequence, and with it the epochs' order
	}
	return fault.Wrap(err, fault.Unavailable, "the journal's old leases cannot be cleared")
}

// Lease takes name, a few words of letters, digits, - and _ with dots between
// them such as "turn.4f1c", for ttl (whole seconds, at least one). Faults:
// [fault.Conflict] when somebody holds it, [fault.Invalid] for a malformed name,
// [fault.Unavailable] when there was no answer.
func (j *Journal) Lease(ctx context.Context, name string, ttl time.Duration) (*Lease, error) {
	if _, err := liveSubject(name); err != nil {
		return nil, fault.New(fault.Invalid, "%q is not the name of a lease", clip(name)).
			Do("use words of letters, digits, - and _ with dots between them").At("name")
	}
	ctx, leave, err := j.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	ttl = max(ttl, minLease).Round(time.Second)
	body, err := json.Marshal(leaseRecord{})
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "a lease is not JSON")
	}
	revision, err := j.leases.Create(ctx, name, body, jetstream.KeyTTL(ttl))
	if errors.Is(err, jetstream.ErrKeyExists) {
		return nil, fault.Wrap(err, fault.Conflict, "somebody else is working on %s", name).(*fault.Error).Do("wait until they are done")
	}
	if err != nil {
		return nil, away(ctx, err)
	}
	return &Lease{Name: name, Epoch: revision, j: j, ttl: ttl, revision: revision}, nil
}

// Renew starts the lease's time anew; do so well before a third of it is left.
// Faults: [fault.Conflict] when the lease has run out or was given back (stop
// what you are doing), [fault.Unavailable] when there was no answer: the lease
// may still hold, so try again until its time is over.
func (l *Lease) Renew(ctx context.Context) error {
	ctx, leave, err := l.j.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.revision == 0 {
		return l.lost(nil)
	}
	body, err := json.Marshal(leaseRecord{Epoch: l.Epoch})
	if err != nil {
		return fault.Wrap(err, fault.Internal, "a lease is not JSON")
	}
	m := nats.NewMsg("$KV." + leaseBucket + "." + l.Name)
	m.Data = body
	ack, err := l.j.js.PublishMsg(ctx, m, jetstream.WithMsgTTL(l.ttl), jetstream.WithExpectLastSequencePerSubject(l.revision))
	if err == nil {
		l.revision = ack.Sequence
		return nil
	}
	if judge(err) != disputed {
		return away(ctx, err)
	}
	// An earlier renewal without an answer may be what is there.
	if entry, getErr := l.j.leases.Get(ctx, l.Name); getErr == nil {
		var r leaseRecord
		if json.Unmarshal(entry.Value(), &r) == nil && r.Epoch == l.Epoch {
			l.revision = entry.Revision()
			return nil
		}
	}
	l.revision = 0
	return l.lost(err)
}

// Release gives the lease back. Releasing one that is given back or has run out
// does nothing.
func (l *Lease) Release(ctx context.Context) error {
	ctx, leave, err := l.j.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.revision == 0 {
		return nil
	}
	err = l.j.leases.Purge(ctx, l.Name, jetstream.LastRevision(l.revision), jetstream.PurgeTTL(time.Minute))
	if err != nil && judge(err) != disputed {
		return away(ctx, err)
	}
	l.revision = 0
	return nil
}

// lost is the fault of a lease that is not held any more.
func (l *Lease) lost(cause error) error {
	f := fault.New(fault.Conflict, "the lease of %s has ended", l.Name).Do("stop, and take it again before going on")
	if cause != nil {
		return fault.Wrap(cause, f.Code, "%s", f.Message)
	}
	return f
}
