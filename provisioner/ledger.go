package provisioner

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

// ledger keeps the folds of all deployments in step with the journal: what this
// instance appends is there at once, what others append comes by follow. It can
// be rebuilt from the journal at any time.
type ledger struct {
	journal *journal.Journal

	mu      sync.Mutex
	loaded  bool
	folds   map[string]Deployment
	changed map[string]chan struct{} // closed when the deployment moves on
}

func newLedger(j *journal.Journal) *ledger {
	return &ledger{journal: j, folds: map[string]Deployment{}, changed: map[string]chan struct{}{}}
}

// load reads every deployment once.
func (l *ledger) load(ctx context.Context) error {
	l.mu.Lock()
	loaded := l.loaded
	l.mu.Unlock()
	if loaded {
		return nil
	}
	ids, err := l.journal.List(ctx, "deployment")
	if err != nil {
		return err
	}
	for _, id := range ids {
		if _, err := l.get(ctx, id); err != nil {
			return err
		}
	}
	l.mu.Lock()
	l.loaded = true
	l.mu.Unlock()
	return nil
}

// get gives a deployment, or NotFound.
func (l *ledger) get(ctx context.Context, id string) (Deployment, error) {
	l.mu.Lock()
	d, ok := l.folds[id]
	l.mu.Unlock()
	if ok {
		return d, nil
	}
	return l.reload(ctx, id)
}

func (l *ledger) reload(ctx context.Context, id string) (Deployment, error) {
	if !isDeploymentID(id) {
		return Deployment{}, noDeployment(id)
	}
	events, err := l.journal.Load(ctx, "deployment."+id)
	if err != nil {
		return Deployment{}, err
	}
	if len(events) == 0 {
		return Deployment{}, noDeployment(id)
	}
	d, err := FoldDeployment(events)
	if err != nil {
		return Deployment{}, err
	}
	d.ID = id
	return l.put(d), nil
}

// put keeps the newer of two folds and wakes who waits.
func (l *ledger) put(d Deployment) Deployment {
	l.mu.Lock()
	defer l.mu.Unlock()
	if old, ok := l.folds[d.ID]; ok && old.Seq >= d.Seq {
		return old
	}
	l.folds[d.ID] = d
	if c := l.changed[d.ID]; c != nil {
		close(c)
		delete(l.changed, d.ID)
	}
	return d
}

// all gives every deployment, the newest first.
func (l *ledger) all(ctx context.Context) ([]Deployment, error) {
	if err := l.load(ctx); err != nil {
		return nil, err
	}
	l.mu.Lock()
	list := make([]Deployment, 0, len(l.folds))
	for _, d := range l.folds {
		list = append(list, d)
	}
	l.mu.Unlock()
	slices.SortFunc(list, func(a, b Deployment) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}

// wait blocks until the deployment is newer than d, or ctx ends.
func (l *ledger) wait(ctx context.Context, d Deployment) (Deployment, error) {
	l.mu.Lock()
	now := l.folds[d.ID]
	c := l.changed[d.ID]
	if c == nil {
		c = make(chan struct{})
		l.changed[d.ID] = c
	}
	l.mu.Unlock()
	if now.Seq > d.Seq {
		return now, nil
	}
	select {
	case <-c:
		return l.get(ctx, d.ID)
	case <-ctx.Done():
		return d, ctx.Err()
	}
}

// update appends what decide wants to a deployment. decide sees the newest state
// and is asked again when somebody else was faster; no events mean that there is
// nothing to do.
func (l *ledger) update(ctx context.Context, id string, decide func(Deployment) ([]journal.Event, error)) (Deployment, error) {
	const tries = 8
	d, err := l.get(ctx, id)
	for range tries {
		if err != nil {
			return d, err
		}
		var events []journal.Event
		if events, err = decide(d); err != nil || len(events) == 0 {
			return d, err
		}
		for i := range events { // who has acted may be a part of the service
			events[i].TenantID = d.Owner.OrgID
		}
		var filled []journal.Event
		filled, err = l.journal.Append(ctx, "deployment."+id, d.Seq, events...)
		if err == nil {
			return l.advance(d, filled)
		}
		if fault.CodeOf(err) != fault.Conflict {
			return d, err
		}
		d, err = l.reload(ctx, id)
	}
	return d, fault.New(fault.Conflict, "deployment %s is being changed by too many at once", id).Do("try again")
}

// create begins a deployment.
func (l *ledger) create(ctx context.Context, id string, events ...journal.Event) (Deployment, error) {
	filled, err := l.journal.Append(ctx, "deployment."+id, 0, events...)
	if err != nil {
		return Deployment{}, err
	}
	return l.advance(Deployment{ID: id}, filled)
}

func (l *ledger) advance(d Deployment, events []journal.Event) (Deployment, error) {
	for _, e := range events {
		var err error
		if d, err = d.apply(e); err != nil {
			return d, err
		}
	}
	return l.put(d), nil
}

// observe folds an event that somebody else may have appended. An event that
// does not follow on what is known makes the deployment be read again.
func (l *ledger) observe(ctx context.Context, e journal.Event) error {
	id, _ := cutAggregate(e.Aggregate)
	l.mu.Lock()
	d, ok := l.folds[id]
	l.mu.Unlock()
	if ok && e.Seq <= d.Seq {
		return nil
	}
	_, err := l.reload(ctx, id)
	return err
}

func isDeploymentID(id string) bool {
	if len(id) != 16 {
		return false
	}
	for _, c := range []byte(id) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func noDeployment(id string) error {
	if !isDeploymentID(id) {
		return fault.New(fault.NotFound, "there is no such deployment").Do("a deployment's id is 16 hex characters")
	}
	return fault.New(fault.NotFound, "there is no deployment %s", id).Do("look at the list of your deployments")
}
