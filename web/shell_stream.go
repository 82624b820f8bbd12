package web

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/coder/websocket"
	"github.com/labstack/echo/v4"
	"golang.org/x/sync/errgroup"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/shell"
	"github.com/openova-io/sandbox/shell/hold"
	"github.com/openova-io/sandbox/web/identity"
)

const (
	// pingEvery finds out that a client is gone whose network went away without a word.
	pingEvery = 20 * time.Second
	// writeWithin is how long one message may take; a client that takes nothing for
	// so long is let go, and comes back with the offset it has.
	writeWithin = 30 * time.Second
)

// accept upgrades a request to a WebSocket.
func (s *Server) accept(c echo.Context) (*websocket.Conn, error) {
	r := c.Request()
	if r.Header.Get("Upgrade") == "" {
		return nil, fault.New(fault.Invalid, "this address is a WebSocket").Do("Connect to it with a WebSocket client.")
	}
	conn, err := websocket.Accept(c.Response(), r, &websocket.AcceptOptions{
		InsecureSkipVerify: true, // sameOrigin has checked it
		CompressionMode:    websocket.CompressionDisabled,
	})
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the connection could not be upgraded")
	}
	conn.SetReadLimit(hold.MaxFrame + 1)
	return conn, nil
}

// sessionStream is one client of a session: the frames of package hold as binary
// messages, with cards among them.
func (s *Server) sessionStream(c echo.Context) error {
	claims, err := s.caller(c)
	if err != nil {
		return err
	}
	actor, err := s.actor(c)
	if err != nil {
		return err
	}
	number := func(name string) uint64 { n, _ := strconv.ParseUint(c.QueryParam(name), 10, 64); return n }
	o := shell.AttachOptions{Invitation: c.QueryParam("invitation"), Cards: true, Since: number("since"), Watch: identity.May(claims, identity.AttachSession) != nil}
	o.Epoch, o.Have, o.Name = c.QueryParam("epoch"), number("have"), cut(c.QueryParam("name"), 60)
	o.Cols, o.Rows, o.Visible = int(number("cols")), int(number("rows")), c.QueryParam("visible") == "true"
	return s.relay(c, func(ctx context.Context) (*shell.Stream, error) {
		return s.options.Shell.Attach(ctx, actor, c.Param("id"), o)
	}, func(f hold.Frame) []byte { return f.Bytes() }, hold.Parse)
}

// sessionAttach is upstream's raw attach: the screen and then the output as they
// are, and every message is input. The service acknowledges for the client.
func (s *Server) sessionAttach(c echo.Context) error {
	actor, err := s.actor(c)
	if err != nil {
		return err
	}
	o := shell.AttachOptions{Invitation: c.QueryParam("invitation")}
	o.Name = "raw"
	return s.relay(c, func(ctx context.Context) (*shell.Stream, error) {
		return s.options.Shell.Attach(ctx, actor, c.Param("id"), o)
	}, func(f hold.Frame) []byte {
		switch f.Kind {
		case hold.Snapshot:
			if _, _, _, paint, err := hold.ParseSnapshot(f.Payload); err == nil {
				return paint
			}
		case hold.Data:
			if _, p, err := f.Offset(); err == nil {
				return p
			}
		}
		return nil
	}, func(p []byte) (hold.Frame, error) { return hold.Frame{Kind: hold.Input, Payload: p}, nil })
}

// relay carries messages both ways until one side ends.
func (s *Server) relay(c echo.Context, attach func(context.Context) (*shell.Stream, error), out func(hold.Frame) []byte, in func([]byte) (hold.Frame, error)) error {
	ctx, cancel := context.WithCancel(c.Request().Context())
	defer cancel()
	st, err := attach(ctx)
	if err != nil {
		return err
	}
	defer st.Close()
	conn, err := s.accept(c)
	if err != nil {
		return err
	}
	defer conn.CloseNow()
	s.streams.Inc()
	defer s.streams.Dec()
	raw := c.Path() == "/api/v1/sandbox/sessions/:id/attach"
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { // from the session
		for {
			f, err := st.Receive(ctx)
			if err != nil {
				return err
			}
			message := out(f)
			if len(message) > 0 {
				write, done := context.WithTimeout(ctx, writeWithin)
				err = conn.Write(write, websocket.MessageBinary, message)
				done()
				if err != nil {
					return err
				}
			}
			if raw && f.Kind == hold.Data {
				offset, p, _ := f.Offset()
				_ = st.Send(hold.At(hold.Ack, offset+uint64(len(p))))
			}
			if f.Kind == hold.Exit {
				return errEnded
			}
		}
	})
	group.Go(func() error { // from the client
		for {
			_, p, err := conn.Read(ctx)
			if err != nil {
				return err
			}
			f, err := in(p)
			if err == nil {
				err = st.Send(f)
			}
			if fault.CodeOf(err) == fault.Invalid {
				_ = conn.Close(websocket.StatusPolicyViolation, cut(err.Error(), 100))
			}
			if err != nil {
				return err
			}
		}
	})
	group.Go(func() error {
		tick := time.NewTicker(pingEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-tick.C:
				wait, done := context.WithTimeout(ctx, pingEvery)
				err := conn.Ping(wait)
				done()
				if err != nil {
					return err
				}
			}
		}
	})
	if err := group.Wait(); errors.Is(err, errEnded) {
		_ = conn.Close(websocket.StatusNormalClosure, "the session has ended")
	} else {
		// The client comes back by itself, with what it has.
		_ = conn.Close(websocket.StatusGoingAway, "")
	}
	return nil
}

var errEnded = errors.New("the session has ended")
