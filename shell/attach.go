package shell

import (
	"context"
	"encoding/json"
	"io"
	"sync"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/shell/hold"
)

// AttachOptions say how a client attaches.
type AttachOptions struct {
	hold.AttachData
	// Invitation is the token of one; empty for the owner.
	Invitation string
	// Cards asks for the session's cards that are newer than Since, the journal's
	// sequence, and for all that come.
	Cards bool
	Since uint64
	// Watch makes the client an observer, whatever else it could be.
	Watch bool
}

// Stream is one attached client: the holder's frames, with the session's cards
// among them. Receive is for one goroutine, Send for many.
type Stream struct {
	conn   *hold.Conn // nil once the session has ended
	frames chan hold.Frame
	done   chan struct{}
	// greeted is closed once the hello is out: nothing comes before it.
	greeted chan struct{}
	hello   sync.Once
	once    sync.Once
	wg      sync.WaitGroup
}

// Attach connects a client to a session, also to one that has ended: it then
// gets the last screen, the cards and the exit.
func (s *Service) Attach(ctx context.Context, actor journal.Actor, id string, o AttachOptions) (*Stream, error) {
	x, role, err := s.find(actor, id, o.Invitation)
	if err != nil {
		return nil, err
	}
	if o.Watch {
		role = hold.Observer
	}
	o.AttachData.Role = role
	st := &Stream{frames: make(chan hold.Frame), done: make(chan struct{}), greeted: make(chan struct{})}
	status, err := hold.Inspect(x.dir)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the session's state cannot be read")
	}
	if status.State == hold.Running {
		if st.conn, err = hold.Dial(ctx, x.dir, o.AttachData); err != nil {
			if status, err = hold.Inspect(x.dir); err != nil || status.State == hold.Running {
				return nil, fault.New(fault.Unavailable, "the session does not answer").Do("Try again in a moment.")
			}
		}
	}
	if st.conn != nil {
		st.wg.Go(func() { st.relay() })
	} else {
		st.wg.Go(func() { st.past(x, status, role) })
	}
	if o.Cards {
		changed, stop := x.changes()
		st.wg.Go(func() { defer stop(); st.cards(x, o.Since, changed) })
	}
	return st, nil
}

func (st *Stream) put(f hold.Frame) bool {
	select {
	case st.frames <- f:
		return true
	case <-st.done:
		return false
	}
}

// relay hands on what the holder sends, until it closes.
func (st *Stream) relay() {
	for {
		f, err := st.conn.Receive()
		if err != nil {
			st.end()
			return
		}
		if f.Kind == hold.Spooled {
			continue
		}
		if !st.put(f) {
			return
		}
		if f.Kind == hold.Hello {
			st.greet()
		}
	}
}

// past is a session that has ended.
func (st *Stream) past(x *session, status hold.Status, role hold.Role) {
	hello := hold.HelloData{Version: hold.Version, Epoch: status.Process.Epoch, Role: role}
	if !st.put(hold.JSON(hold.Hello, hello)) {
		return
	}
	st.greet()
	if last, err := hold.LastScreen(x.dir); err == nil && !st.put(last) {
		return
	}
	x.mu.Lock()
	exit := x.f.Exit
	x.mu.Unlock()
	if exit == nil {
		exit = &hold.ExitData{Code: -1, Error: "the process that held this session was killed"}
		if status.State == hold.Ended {
			exit = &status.Exit
		}
	}
	st.put(hold.JSON(hold.Exit, exit))
}

// cards sends the cards that changed since a journal sequence, and goes on.
func (st *Stream) cards(x *session, since uint64, changed <-chan struct{}) {
	select {
	case <-st.greeted:
	case <-st.done:
		return
	}
	drafts := map[string]string{}
	var doing State
	for {
		x.mu.Lock()
		var fresh []card.Card
		for _, c := range x.f.cards {
			if c.Seq > since {
				fresh = append(fresh, c)
			}
		}
		since = max(since, x.f.seq)
		// Those that still change have no sequence: a client that comes back gets them
		// anew.
		for id := range drafts {
			if _, ok := x.live.drafts[id]; !ok {
				delete(drafts, id)
			}
		}
		for id, c := range x.live.drafts {
			if now := c.Text + string(c.Data); drafts[id] != now {
				drafts[id] = now
				fresh = append(fresh, c)
			}
		}
		now := x.doing()
		x.mu.Unlock()
		if now != doing {
			doing = now
			if !st.put(hold.JSON(hold.Doing, map[string]State{"state": now})) {
				return
			}
		}
		for _, c := range fresh {
			raw, err := json.Marshal(c)
			if err != nil || !st.put(hold.Frame{Kind: hold.Card, Payload: raw}) {
				return
			}
		}
		select {
		case <-changed:
		case <-st.done:
			return
		}
	}
}

// Receive gives the next frame; io.EOF when the holder has closed.
func (st *Stream) Receive(ctx context.Context) (hold.Frame, error) {
	select {
	case f := <-st.frames:
		return f, nil
	case <-ctx.Done():
		return hold.Frame{}, ctx.Err()
	case <-st.done:
		return hold.Frame{}, io.EOF
	}
}

// Send hands a client's frame to the holder. What only the service may send is
// refused.
func (st *Stream) Send(f hold.Frame) error {
	switch f.Kind {
	case hold.Input, hold.Resize, hold.Ack, hold.Claim, hold.Ping:
	default:
		return fault.New(fault.Invalid, "a client may not send the frame %q", byte(f.Kind))
	}
	if st.conn == nil {
		return nil // it has ended: nobody listens
	}
	return st.conn.Send(f)
}

func (st *Stream) greet() { st.hello.Do(func() { close(st.greeted) }) }

func (st *Stream) end() { st.once.Do(func() { close(st.done) }) }

// Close ends the stream and waits for its goroutines.
func (st *Stream) Close() error {
	st.end()
	if st.conn != nil {
		_ = st.conn.Close()
	}
	st.wg.Wait()
	return nil
}

// Idle tells when something last happened in the actor's sessions, and how many
// run.
func (s *Service) Idle(actor journal.Actor) (last string, running int) {
	for _, v := range s.List(actor) {
		if v.State != Ended && v.State != Lost {
			running++
		}
		if at := v.ActiveAt.UTC().Format("2006-01-02T15:04:05.000Z"); at > last {
			last = at
		}
	}
	return last, running
}

// Agents lists what can be started. A session of an ended one is started again by
// its agent's own means.
