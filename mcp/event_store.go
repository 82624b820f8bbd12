package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/mark3labs/mcp-go/server"
)

// How much of a session is kept for a client that lost its connection.
const (
	maxEvents     = 256
	maxEventBytes = 4 << 20
)

// eventStore keeps the newest messages that were sent to each session, so that a
// client whose connection broke in the middle of a call gets the rest. The
// library's own store keeps everything until the session ends, which for a client
// that stays is for ever.
type eventStore struct {
	mu       sync.Mutex
	last     int64
	sessions map[string]*sessionEvents
}

type sessionEvents struct {
	events []storedEvent // the oldest first
	bytes  int
}

type storedEvent struct {
	id      int64
	stream  string
	message json.RawMessage
}

var _ server.EventStore = (*eventStore)(nil)

func newEventStore() *eventStore { return &eventStore{sessions: map[string]*sessionEvents{}} }

// StoreEvent keeps a message and forgets the oldest ones beyond the bounds.
func (s *eventStore) StoreEvent(_ context.Context, session, stream string, message json.RawMessage) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.sessions[session]
	if of == nil {
		of = &sessionEvents{}
		s.sessions[session] = of
	}
	s.last++
	of.events = append(of.events, storedEvent{s.last, stream, slices.Clone(message)})
	of.bytes += len(message)
	for len(of.events) > maxEvents || of.bytes > maxEventBytes && len(of.events) > 1 {
		of.bytes -= len(of.events[0].message)
		of.events[0] = storedEvent{}
		of.events = of.events[1:]
	}
	return strconv.FormatInt(s.last, 10), nil
}

// ReplayEventsAfter sends what came after an event on the same stream.
func (s *eventStore) ReplayEventsAfter(_ context.Context, session, after string, send func(id string, message json.RawMessage) error) (string, error) {
	s.mu.Lock()
	var events []storedEvent
	if of := s.sessions[session]; of != nil {
		events = slices.Clone(of.events)
	}
	s.mu.Unlock()
	at := slices.IndexFunc(events, func(e storedEvent) bool { return strconv.FormatInt(e.id, 10) == after })
	if at < 0 {
		return "", fmt.Errorf("%w: it is not the session's, or too old", server.ErrUnknownEventID)
	}
	for _, e := range events[at+1:] {
		if e.stream != events[at].stream {
			continue
		}
		if err := send(strconv.FormatInt(e.id, 10), e.message); err != nil {
			return "", err
		}
	}
	return events[at].stream, nil
}

// PurgeSession forgets a session that has ended.
func (s *eventStore) PurgeSession(_ context.Context, session string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, session)
	return nil
}
