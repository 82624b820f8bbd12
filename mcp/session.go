package mcp

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"
	mcpgo "github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/openova-io/sandbox/conversation/fault"
)

// maxSessions is how many HTTP sessions one person may have; the oldest ends when
// one more begins, and its client begins anew.
const maxSessions = 32

// sessions are the HTTP sessions that are open, each with the person who began it.
// A session's id is no proof of identity: it is good only together with a token of
// the same person.
//
// Each is also known to the library, by a placeholder. The library then makes an
// object of its own for every request, with a queue of notifications of its own;
// otherwise the requests of one session would share one, and take each other's
// progress.
type sessions struct {
	server *server.MCPServer

	mu      sync.Mutex
	owner   map[string]string   // session to subject
	byOwner map[string][]string // subject to sessions, the oldest first
}

func newSessions(s *server.MCPServer) *sessions {
	return &sessions{server: s, owner: map[string]string{}, byOwner: map[string][]string{}}
}

func (s *sessions) begin(subject string) string {
	id := uuid.NewString()
	s.mu.Lock()
	defer s.mu.Unlock()
	if mine := s.byOwner[subject]; len(mine) >= maxSessions {
		s.drop(mine[0])
	}
	s.owner[id] = subject
	s.byOwner[subject] = append(s.byOwner[subject], id)
	// It cannot be there already, the only way for this to fail.
	_ = s.server.RegisterSession(context.Background(), &clientSession{id: id})
	return id
}

// has says whether the session is open and the subject's.
func (s *sessions) has(id, subject string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	owner, open := s.owner[id]
	return open && owner == subject
}

func (s *sessions) end(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(id)
}

func (s *sessions) drop(id string) {
	subject, open := s.owner[id]
	if !open {
		return
	}
	delete(s.owner, id)
	s.server.UnregisterSession(context.Background(), id)
	left := slices.DeleteFunc(s.byOwner[subject], func(x string) bool { return x == id })
	if s.byOwner[subject] = left; len(left) == 0 {
		delete(s.byOwner, subject)
	}
}

// ResolveSessionIdManager gives the library a person's view of the sessions. The
// sweeper of idle sessions, which comes without a request, only ends them.
func (s *sessions) ResolveSessionIdManager(r *http.Request) server.SessionIdManager {
	if r == nil {
		return sessionsOf{s, ""}
	}
	caller, _ := CallerFrom(r.Context())
	return sessionsOf{s, caller.Actor.Subject}
}

// sessionsOf are the sessions of one person.
type sessionsOf struct {
	all     *sessions
	subject string
}

func (s sessionsOf) Generate() string { return s.all.begin(s.subject) }

func (s sessionsOf) Validate(id string) (ended bool, err error) {
	if !s.all.has(id, s.subject) {
		return false, fault.New(fault.NotFound, "there is no such session")
	}
	return false, nil
}

func (s sessionsOf) Terminate(id string) (notAllowed bool, err error) {
	s.all.end(id) // a request was let through for its own session only
	return false, nil
}

// clientSession is one client, as the library sees it.
type clientSession struct {
	id            string
	notifications chan mcpgo.JSONRPCNotification
	initialized   atomic.Bool
}

func (s *clientSession) SessionID() string { return s.id }
func (s *clientSession) Initialize()       { s.initialized.Store(true) }
func (s *clientSession) Initialized() bool { return s.initialized.Load() }
func (s *clientSession) NotificationChannel() chan<- mcpgo.JSONRPCNotification {
	return s.notifications
}
