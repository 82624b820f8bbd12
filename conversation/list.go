package conversation

import (
	"context"
	"slices"
	"sync"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/journal"
)

// list is the projection behind [Service.List]: the heads of all conversations
// and which of them wait for an answer. It holds nothing that the journal does
// not, and fills itself.
type list struct {
	mu    sync.Mutex
	heads map[string]head
}

type head struct {
	Conversation // without turns and cards
	waiting      bool
}

// put takes a conversation's newest state in.
func (l *list) put(c *Conversation) {
	h := head{*c, c.next() != nil}
	h.Turns, h.Cards = []Turn{}, []card.Card{}
	h.asked, h.answered = nil, nil
	h.Deployments = slices.Clone(c.Deployments)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.heads[c.ID].Seq <= h.Seq {
		l.heads[c.ID] = h
	}
}

// stale is true when the list does not have a conversation as of seq.
func (l *list) stale(id string, seq uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.heads[id].Seq < seq
}

// waiting gives the conversations with a turn that is not finished.
func (l *list) waiting() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var ids []string
	for id, h := range l.heads {
		if h.waiting {
			ids = append(ids, id)
		}
	}
	return ids
}

// List gives the actor's conversations without their turns and cards, the one
// that changed last first.
func (s *Service) List(ctx context.Context, actor journal.Actor) ([]Conversation, error) {
	return s.listed(ctx, actor, func(owner journal.Actor) bool { return owns(actor, owner) })
}

// Of is List of all that a person began, in whichever Organization.
func (s *Service) Of(ctx context.Context, person journal.Actor) ([]Conversation, error) {
	return s.listed(ctx, person, func(owner journal.Actor) bool { return owner.Subject == person.Subject })
}

func (s *Service) listed(ctx context.Context, actor journal.Actor, which func(owner journal.Actor) bool) ([]Conversation, error) {
	if err := somebody(actor); err != nil {
		return nil, err
	}
	ids, err := s.options.Journal.List(ctx, "conversation")
	if err != nil {
		return nil, err
	}
	mine := []Conversation{}
	for _, id := range ids {
		s.list.mu.Lock()
		h, known := s.list.heads[id]
		s.list.mu.Unlock()
		if !known {
			if _, err := s.look(ctx, id); err != nil {
				return nil, err
			}
			s.list.mu.Lock()
			h = s.list.heads[id]
			s.list.mu.Unlock()
		}
		if which(h.Owner) && !h.Erased {
			mine = append(mine, h.Conversation)
		}
	}
	slices.SortFunc(mine, func(a, b Conversation) int {
		if c := b.UpdatedAt.Compare(a.UpdatedAt); c != 0 {
			return c
		}
		return int(int64(b.Seq) - int64(a.Seq))
	})
	return mine, nil
}

// Forget drops what is in memory of a person's conversations. What the journal has
// of them reads as erased once their key is destroyed.
func (s *Service) Forget(person string) {
	s.list.mu.Lock()
	for id, h := range s.list.heads {
		if h.Owner.Subject == person {
			delete(s.list.heads, id)
		}
	}
	s.list.mu.Unlock()
	s.mu.Lock()
	var rooms []*room
	for _, r := range s.rooms {
		rooms = append(rooms, r)
	}
	s.mu.Unlock()
	for _, r := range rooms {
		r.mu.Lock()
		if r.state != nil && r.state.Owner.Subject == person {
			r.state = nil
		}
		r.mu.Unlock()
	}
}
