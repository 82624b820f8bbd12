package identity

import (
	"context"
	"strings"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

// good tells whether a session goes on. A token without one has no session that
// could end.
func (s *sessions) good(ctx context.Context, c Claims) error {
	if c.SessionID == "" {
		return nil
	}
	x, ok, err := s.get(ctx, c.SessionID)
	if err == nil && (!ok || x.ended || !s.now().Before(x.Expires)) {
		err = sessionOver()
	}
	return err
}

func (s *sessions) load(ctx context.Context, sid string) error {
	events, err := s.journal.Load(ctx, "signin."+sid)
	if err != nil {
		return err
	}
	for _, e := range events {
		if err := s.apply(e); err != nil {
			return err
		}
	}
	return nil
}

func (s *sessions) append(ctx context.Context, sid string, after uint64, e journal.Event) error {
	e.Source, e.Aggregate = "sandbox/identity", "signin."+sid
	if s.journal == nil {
		if e.Timestamp.IsZero() {
			e.Timestamp = s.now()
		}
		s.mu.Lock()
		x := s.byID[sid]
		late := x != nil && x.seq != after
		s.mu.Unlock()
		if e.Seq = after + 1; late {
			return fault.New(fault.Conflict, "the session has moved on")
		}
		return s.apply(e)
	}
	stored, err := s.journal.Append(ctx, e.Aggregate, after, e)
	for _, e := range stored {
		e.Aggregate = "signin." + sid
		err = s.apply(e)
	}
	return err
}

// in are the ids of a person's sessions in an Organization that were seen here.
func (s *sessions) in(org, subject string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for sid, x := range s.byID {
		if x.Actor.Subject == subject && x.Actor.OrgID == org && !x.ended {
			out = append(out, sid)
		}
	}
	return out
}

// follow takes in what another instance did to a session that was seen here.
func (s *sessions) follow(e journal.Event) error {
	s.mu.Lock()
	_, known := s.byID[strings.TrimPrefix(e.Aggregate, "signin.")]
	s.mu.Unlock()
	if !known {
		return nil
	}
	return s.apply(e)
}

// apply takes one event in; one that was seen before changes nothing.
func (s *sessions) apply(e journal.Event) error {
	sid := strings.TrimPrefix(e.Aggregate, "signin.")
	s.mu.Lock()
	x := s.byID[sid]
	if x == nil {
		s.forget()
		x = &storedSession{}
		s.byID[sid] = x
	}
	if e.Seq <= x.seq {
		s.mu.Unlock()
		return nil
	}
	x.seq = e.Seq
	var err error
	switch e.Type {
	case eventSessionStarted:
		if x.ended = e.Erased(); !x.ended {
			err = e.Decode(&x.sessionStarted)
		}
		x.startedAt = e.Timestamp
	case eventSessionMoved:
		var d sessionMoved
		err = e.Decode(&d)
		x.Actor.OrgID = d.OrgID
	case eventSessionRotated:
		var d sessionRotated
		err = e.Decode(&d)
		x.generation, x.rotatedAt = d.Generation, e.Timestamp
	case eventSessionEnded:
		x.ended = true
	}
	ended := x.ended
	s.mu.Unlock()
	if ended {
		s.held.end(sid)
	}
	if err != nil {
		return fault.Wrap(err, fault.Internal, "the event %s of a session cannot be read", e.ID)
	}
	return nil
}

// forget makes room by what is over; the journal still has it. mu is held.
func (s *sessions) forget() {
	if len(s.byID) < maxSessions || s.journal == nil {
		return
	}
	now := s.now()
	for sid, x := range s.byID {
		if x.ended || !now.Before(x.Expires) {
			delete(s.byID, sid)
		}
	}
}
