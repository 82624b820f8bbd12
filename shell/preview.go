package shell

import (
	"context"
	"errors"
	"net"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/shell/hold"
)

// MayDial says whether the actor may connect to a port of a session, 1 to 65535.
// Who may only watch the session may not: whatever listens there does what it is
// asked to.
func (s *Service) MayDial(actor journal.Actor, id, invitation string, port int) error {
	_, err := s.dialable(actor, id, invitation, port)
	return err
}

func (s *Service) dialable(actor journal.Actor, id, invitation string, port int) (dir string, err error) {
	x, role, err := s.find(actor, id, invitation)
	switch {
	case err != nil:
		return "", err
	case role != hold.Owner && role != hold.Driver:
		return "", fault.New(fault.Denied, "you may watch this session, and not use what it serves")
	case port < 1 || port > 65535:
		return "", fault.New(fault.Invalid, "a port is from 1 to 65535").At("port")
	}
	if _, err := x.manager(); fault.CodeOf(err) == fault.Conflict {
		return "", err // it has ended
	}
	return x.dir, nil
}

// DialPort connects to a port of a session on the session's own loopback. Where
// nothing listens it is a [fault.Conflict] fault.
func (s *Service) DialPort(ctx context.Context, actor journal.Actor, id, invitation string, port int) (net.Conn, error) {
	dir, err := s.dialable(actor, id, invitation, port)
	if err != nil {
		return nil, err
	}
	conn, err := hold.DialPort(ctx, dir, port)
	if errors.Is(err, hold.ErrNoListener) {
		return nil, fault.New(fault.Conflict, "nothing listens on port %d of this session", port).Do("Start the server in the session, and reload.")
	}
	return conn, fault.Wrap(err, fault.Unavailable, "the session does not answer")
}
