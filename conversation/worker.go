package conversation

import (
	"context"
	"errors"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

// job is the worker of one conversation; there is one as long as something waits
// to be answered. Its fields are guarded by Service.mu.
type job struct {
	again  bool // woken while it was working
	turnID string
	cancel context.CancelCauseFunc // of the running turn
	wish   string                  // a turn to be cancelled before it has begun
}

// The reasons for which a turn ends early.
var (
	errCancelled = errors.New("cancelled by the person")
	errTime      = errors.New("the turn's time is over")
	errLost      = errors.New("another instance has taken the turn over")
)

// wake makes sure that a conversation has a worker.
func (s *Service) wake(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if j := s.jobs[id]; j != nil {
		j.again = true
		return
	}
	s.jobs[id] = &job{}
	s.workers.Add(1)
	go s.work(id) // ends when nothing waits, or with Close
}

// work answers a conversation's turns, one after the other, while it holds the
// conversation's lease.
func (s *Service) work(id string) {
	defer s.workers.Done()
	log := s.options.Logger.With("conversation", id)
	for s.closing.Err() == nil {
		err := s.workOnce(id)
		if err != nil && s.closing.Err() == nil {
			if fault.CodeOf(err) != fault.Conflict {
				log.Error("a conversation's turns cannot be answered now", "error", err.Error())
			}
			// Somebody else is at it, or the journal is away: look again shortly.
			select {
			case <-s.closing.Done():
			case <-time.After(s.options.LeaseTime / 20):
			}
			continue
		}
		s.mu.Lock()
		j := s.jobs[id]
		if !j.again {
			delete(s.jobs, id)
			s.mu.Unlock()
			return
		}
		j.again = false
		s.mu.Unlock()
	}
	s.mu.Lock()
	delete(s.jobs, id)
	s.mu.Unlock()
}

// workOnce answers everything that waits now.
func (s *Service) workOnce(id string) (err error) {
	c, err := s.look(s.closing, id)
	if fault.CodeOf(err) == fault.NotFound {
		return nil
	}
	if err != nil || c.next() == nil {
		return err
	}
	lease, err := s.options.Journal.Lease(s.closing, "turn."+id, s.options.LeaseTime)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := s.last()
		defer cancel()
		if e := lease.Release(ctx); e != nil {
			s.options.Logger.Debug("a lease was not given back", "conversation", id, "error", e.Error())
		}
	}()
	s.forget(id) // a former holder may have written
	for s.closing.Err() == nil {
		c, err := s.look(s.closing, id)
		if err != nil {
			return err
		}
		t := c.next()
		if t == nil {
			return nil
		}
		if err := s.attend(id, lease, t.ID); err != nil {
			return err
		}
	}
	return nil
}

// attend runs one turn with its lease renewed and its cancels heard.
func (s *Service) attend(id string, lease *journal.Lease, turnID string) error {
	ctx, cancel := context.WithCancelCause(s.closing)
	defer cancel(nil)
	timed, stopTime := context.WithTimeoutCause(ctx, s.options.Budget.TurnTime, errTime)
	defer stopTime()

	s.mu.Lock()
	j := s.jobs[id]
	j.turnID, j.cancel = turnID, cancel
	if j.wish == turnID {
		cancel(errCancelled)
	}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		j.turnID, j.cancel = "", nil
		s.mu.Unlock()
	}()

	helpers := make(chan struct{}, 2)
	go func() { // keeps the lease; ends with the turn
		defer func() { helpers <- struct{}{} }()
		ticker := time.NewTicker(s.options.LeaseTime / 3)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				if fault.CodeOf(lease.Renew(ctx)) == fault.Conflict {
					cancel(errLost)
				}
			}
		}
	}()
	go func() { // hears cancels from other instances; ends with the turn
		defer func() { helpers <- struct{}{} }()
		_ = s.options.Journal.Listen(ctx, "cancel."+id, func(turn []byte) {
			if string(turn) == turnID {
				cancel(errCancelled)
			}
		})
	}()
	err := s.run(timed, id, turnID)
	cancel(nil)
	<-helpers
	<-helpers
	return err
}

// forget makes the next look read what others may have written.
func (s *Service) forget(id string) {
	r, leave := s.enter(id)
	defer leave()
	r.mu.Lock()
	r.behind = true
	r.mu.Unlock()
}

// last gives a context for what has to be written although everything ends.
func (s *Service) last() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 10*time.Second)
}

// Wait returns when a turn is finished. Faults: [fault.NotFound] for an unknown
// turn; ctx's error when ctx ends first.
func (s *Service) Wait(ctx context.Context, id, turnID string) error {
	r, leave := s.enter(id)
	defer leave()
	for {
		r.mu.Lock()
		err := s.load(ctx, r)
		changed := r.changed
		var t *Turn
		if err == nil {
			t = r.state.turn(turnID)
		}
		finished := t != nil && t.Finished()
		r.mu.Unlock()
		switch {
		case err != nil:
			return err
		case t == nil:
			return fault.New(fault.NotFound, "there is no turn %s in this conversation", cut(turnID, 64))
		case finished:
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

// CancelTurn stops the turn that is being answered. It is journalled as
// cancelled, with what the person saw of the answer. What a tool has done stays
// done. Faults: [fault.Conflict] when nothing is being answered.
func (s *Service) CancelTurn(ctx context.Context, actor journal.Actor, id string) error {
	c, err := s.Get(ctx, actor, id)
	if err != nil {
		return err
	}
	t := c.next()
	if t == nil {
		return fault.New(fault.Conflict, "nothing is being answered that could be stopped")
	}
	s.wake(id)
	s.mu.Lock()
	j := s.jobs[id]
	if j != nil {
		if j.wish = t.ID; j.turnID == t.ID {
			j.cancel(errCancelled)
		}
	}
	s.mu.Unlock()
	return s.options.Journal.Broadcast(ctx, "cancel."+id, []byte(t.ID))
}
