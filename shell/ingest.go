package shell

import (
	"context"
	"fmt"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/shell/agent"
	"github.com/openova-io/sandbox/shell/hold"
)

// live is what the service keeps of a session's side channels while it runs. It
// can always be had again from the spool.
type live struct {
	reader agent.Reader
	// read is how far the reader is in the spool.
	read int64
	// drafts are cards that still change, by id; they are in no event.
	drafts map[string]card.Card
}

const (
	// batch is how many records make one event at most; what changes a card twice
	// among them is one card.
	batch = 64
	// maxEvent bounds an event's cards, in bytes.
	maxEvent = 256 << 10
)

// ingest turns the records that are new in the spool into cards, exactly once: the
// event carries how far the spool is read. A service that has just started has its
// reader read again what was made cards of before.
func (s *Service) ingest(ctx context.Context, x *session) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	a, err := agent.Find(x.f.Agent)
	if err != nil {
		return nil // a command without an adapter
	}
	if x.live.reader == nil {
		x.live = live{reader: a.Reader(), drafts: map[string]card.Card{}}
	}
	for {
		most := batch
		if x.live.read < x.f.spool {
			most = 1 // not beyond what is in the journal
		}
		records, ends, err := hold.ReadSpool(x.dir, x.live.read, most)
		if err != nil || len(records) == 0 {
			x.release()
			return err
		}
		kept, size, next := []card.Card{}, 0, x.live.read
		for i, r := range records {
			for _, u := range x.live.reader.Read(r) {
				delete(x.live.drafts, u.Card.ID)
				if u.Draft {
					x.live.drafts[u.Card.ID] = u.Card
					continue
				}
				kept = withCard(kept, u.Card)
				size += len(u.Card.Data) + len(u.Card.Text)
			}
			if next = ends[i]; size > maxEvent {
				break
			}
		}
		again := x.live.read < x.f.spool
		x.live.read = next
		if again {
			continue
		}
		if len(kept) > 0 {
			e := journal.New(eventCards, cards{Spool: next, Cards: kept}).Of(x.f.owner.Subject)
			// The same records give the same event, also when its answer was lost.
			e.ID = fmt.Sprintf("%s-%d", x.id, next)
			if _, err := s.append(ctx, x, e); err != nil {
				x.live.reader = nil // what it has read is in no event
				return err
			}
			for _, c := range kept {
				s.notify(x, noticeOf(c))
			}
		}
		x.wake()
	}
}

// withCard adds a card, or replaces the one with its id.
func withCard(all []card.Card, c card.Card) []card.Card {
	for i := range all {
		if all[i].ID == c.ID {
			all[i] = c
			return all
		}
	}
	return append(all, c)
}

// release lets the agent's side channel go where it waits for what was answered in
// the terminal. x.mu is held.
func (x *session) release() {
	if x.control == nil {
		return
	}
	for _, r := range x.live.reader.Release() {
		_ = x.control.Send(hold.JSON(hold.Reply, r)) // it is tried again with the next record
	}
}

// forget drops what belongs to a session that runs.
func (x *session) forget() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.live = live{}
}

// doing is the state of a session that runs. x.mu is held.
func (x *session) doing() State {
	if x.f.State == Ended || x.f.State == Lost || x.f.State == Starting || x.live.reader == nil {
		return x.f.State
	}
	switch x.live.reader.State() {
	case agent.Working:
		return Working
	case agent.Waiting:
		return Waiting
	}
	return Idle
}

// Answer lets the agent do what one of its permission cards asks, or not. The
// first answer counts, wherever it is given; a later one is a [fault.Conflict]
// fault and does nothing. message is for the agent, when it may not.
func (s *Service) Answer(ctx context.Context, actor journal.Actor, id, invitation, cardID string, allow bool, message string) (card.Card, error) {
	x, role, err := s.find(actor, id, invitation)
	if err != nil {
		return card.Card{}, err
	}
	if role != hold.Owner && role != hold.Driver {
		return card.Card{}, fault.New(fault.Denied, "you may watch this session, and not answer for it")
	}
	control, err := x.manager()
	if err != nil {
		return card.Card{}, err
	}
	changed, stop := x.changes()
	defer stop()
	x.mu.Lock()
	if x.live.reader == nil {
		x.mu.Unlock()
		return card.Card{}, fault.New(fault.Unavailable, "the session does not answer yet").Do("Try again in a moment.")
	}
	reply, err := x.live.reader.Answer(cardID, allow, cut(message))
	x.mu.Unlock()
	if err != nil {
		return card.Card{}, err
	}
	if err := control.Send(hold.JSON(hold.Reply, reply)); err != nil {
		return card.Card{}, fault.Wrap(err, fault.Unavailable, "the session does not answer")
	}
	// What came of it is in the spool, whoever was first.
	ctx, cancel := context.WithTimeout(ctx, endWithin)
	defer cancel()
	for {
		if c, data, ok := x.permission(cardID); ok && data.State != "waiting" {
			if data.By != "here" || (data.State == "allowed") != allow {
				return c, fault.New(fault.Conflict, "this was answered already").Do("Look at its card: it says where.")
			}
			return c, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return card.Card{}, fault.New(fault.Unavailable, "the session has not answered yet").Do("Look at the card in a moment.")
		}
	}
}

// permission gives a permission card of the session.
func (x *session) permission(cardID string) (c card.Card, data card.PermissionData, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, c := range x.f.cards {
		if c.ID == cardID && c.Kind == card.KindPermission {
			return c, data, c.Decode(&data) == nil
		}
	}
	return c, data, false
}
