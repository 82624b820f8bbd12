package conversation

import (
	"context"
	"sync"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

const (
	// maxRooms is how many conversations are kept folded in memory. The others
	// are folded again when somebody comes back to them.
	maxRooms = 256
	// maxRetries bounds how often an append that lost is decided again.
	maxRetries = 32
)

// room is one conversation in memory: its fold, and who waits for it to change.
type room struct {
	id      string
	users   int // guarded by Service.mu
	mu      sync.Mutex
	state   *Conversation // nil until loaded, or after a doubt
	behind  bool          // others have, or may have, written since
	changed chan struct{} // closed at the next change
}

// enter gives a conversation's room; leave must be called when done with it.
func (s *Service) enter(id string) (r *room, leave func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r = s.rooms[id]
	if r == nil {
		if len(s.rooms) >= maxRooms {
			for other, idle := range s.rooms {
				if idle.users == 0 {
					delete(s.rooms, other)
					break
				}
			}
		}
		r = &room{id: id, changed: make(chan struct{})}
		s.rooms[id] = r
	}
	r.users++
	return r, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		r.users--
	}
}

// load folds the conversation if it is not in memory, and what it lacks if others
// have written. r.mu must be held.
func (s *Service) load(ctx context.Context, r *room) error {
	var seq uint64
	if r.state != nil {
		if !r.behind {
			return nil
		}
		seq = r.state.Seq
	}
	events, err := s.options.Journal.LoadAfter(ctx, aggregate(r.id), seq)
	if err != nil {
		if fault.CodeOf(err) == fault.Invalid { // not an id at all
			return noConversation()
		}
		return err
	}
	r.behind = false
	switch {
	case r.state == nil && len(events) == 0:
		return noConversation()
	case len(events) == 0:
		return nil
	case r.state == nil:
		c, err := Fold(events)
		if err != nil {
			return err
		}
		r.state = &c
	default:
		for _, e := range events {
			if err := r.state.apply(e); err != nil {
				r.state = nil
				return err
			}
		}
	}
	s.list.put(r.state)
	r.notify()
	return nil
}

// notify wakes everybody who waits for a change. r.mu must be held.
func (r *room) notify() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// look gives a copy of the conversation as it is now.
func (s *Service) look(ctx context.Context, id string) (Conversation, error) {
	r, leave := s.enter(id)
	defer leave()
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := s.load(ctx, r); err != nil {
		return Conversation{}, err
	}
	return r.state.clone(), nil
}

// append journals what decide wants, decided on the newest state: when another
// writer was first, the state is loaded again and decide is asked again. Events
// without an actor are the service's own. It gives the conversation afterwards.
func (s *Service) append(ctx context.Context, id string, decide func(*Conversation) ([]journal.Event, error)) (Conversation, error) {
	r, leave := s.enter(id)
	defer leave()
	r.mu.Lock()
	defer r.mu.Unlock()
	for range maxRetries {
		if err := s.load(ctx, r); err != nil {
			return Conversation{}, err
		}
		events, err := decide(r.state)
		if err != nil {
			return Conversation{}, err
		}
		if len(events) == 0 {
			return r.state.clone(), nil
		}
		for i := range events {
			s.sign(&events[i], r.state.Owner)
		}
		written, err := s.options.Journal.Append(ctx, aggregate(id), r.state.Seq, events...)
		if fault.CodeOf(err) == fault.Conflict {
			r.behind = true
			continue
		}
		if err == nil {
			for _, e := range written {
				if err = r.state.apply(e); err != nil {
					break
				}
			}
		}
		if err != nil {
			r.state = nil // it may be there or not: the journal knows
			return Conversation{}, err
		}
		s.list.put(r.state)
		r.notify()
		return r.state.clone(), nil
	}
	return Conversation{}, fault.New(fault.Conflict, "the conversation is being written by somebody else all the time").
		Do("try again in a moment")
}

// sign fills in what all events of a conversation have in common.
func (s *Service) sign(e *journal.Event, owner journal.Actor) {
	e.Source = source
	e.TenantID = owner.OrgID
	if e.Metadata.Actor.Kind == "" {
		e.Metadata.Actor = journal.Actor{Kind: journal.System, Subject: source}
	}
	if e.Metadata.Person == "" {
		e.Metadata.Person = owner.Subject
	}
}

// heard takes in an event that somebody appended, this service or another.
func (s *Service) heard(ctx context.Context, id string, e journal.Event) {
	s.mu.Lock()
	r := s.rooms[id]
	s.mu.Unlock()
	if r != nil {
		r.mu.Lock()
		if r.state != nil && e.Seq > r.state.Seq {
			r.behind = true
			r.notify()
		}
		r.mu.Unlock()
	}
	if s.list.stale(id, e.Seq) {
		if _, err := s.look(ctx, id); err != nil && ctx.Err() == nil {
			s.options.Logger.Warn("a conversation cannot be read", "conversation", id, "error", err.Error())
		}
	}
}

func noConversation() error {
	return fault.New(fault.NotFound, "there is no such conversation").Do("list your conversations, or begin a new one")
}
