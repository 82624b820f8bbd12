package shell

import (
	"context"
	"strings"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/shell/hold"
)

// seat is somebody who types into a session's terminal and looks at what it shows.
type seat struct {
	session *session
	conn    *hold.Conn
	frames  chan hold.Frame
	screen  hold.Screen
	changed <-chan struct{}
	stop    func()
}

func sit(ctx context.Context, x *session) (*seat, error) {
	c, err := hold.Dial(ctx, x.dir, hold.AttachData{Role: hold.Driver, Name: "prompt"})
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the session does not answer")
	}
	s := &seat{session: x, conn: c, frames: make(chan hold.Frame, 16)}
	s.changed, s.stop = x.changes()
	go func() { // ends with the connection
		defer close(s.frames)
		for {
			f, err := c.Receive()
			if err != nil {
				return
			}
			select {
			case s.frames <- f:
			case <-ctx.Done():
				return
			}
		}
	}()
	return s, nil
}

func (s *seat) leave() {
	s.stop()
	_ = s.conn.Close()
	for range s.frames { // what it still had
	}
	if s.screen != nil {
		s.screen.Close()
	}
}

// until follows what is shown and what becomes known of the session until ok; false
// when ctx or the session ends before.
func (s *seat) until(ctx context.Context, ok func() bool) bool {
	for !ok() {
		select {
		case f, open := <-s.frames:
			if !open {
				return false
			}
			s.see(f)
		case <-s.changed:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

func (s *seat) see(f hold.Frame) {
	switch f.Kind {
	case hold.Snapshot:
		_, cols, rows, paint, err := hold.ParseSnapshot(f.Payload)
		if err != nil {
			return
		}
		if s.screen != nil {
			s.screen.Close()
		}
		s.screen = hold.NewScreen(cols, rows, nil)
		s.screen.Write(paint)
	case hold.Data:
		if offset, p, err := f.Offset(); err == nil && s.screen != nil {
			s.screen.Write(p)
			_ = s.conn.Send(hold.At(hold.Ack, offset+uint64(len(p)))) // fails when it ends, which the frames tell
		}
	}
}

// takes tells whether what runs in the terminal takes pasted text; shows says that it
// also shows its cursor then.
func (s *seat) takes(shows bool) bool {
	return s.screen != nil && s.screen.Mode(pastes) && (!shows || s.screen.Mode(cursor))
}

// hears tells whether the agent's side channel is there.
func (s *seat) hears() bool {
	s.session.mu.Lock()
	defer s.session.mu.Unlock()
	return s.session.live.reader != nil && s.session.live.reader.Hears()
}

// told is how much the agent's side channel has told.
func (s *seat) told() int64 {
	s.session.mu.Lock()
	defer s.session.mu.Unlock()
	return s.session.live.read
}

func (s *seat) types(text string) error {
	return fault.Wrap(s.conn.Send(hold.Frame{Kind: hold.Input, Payload: []byte(text)}), fault.Unavailable, "the session does not answer")
}

// prompt pastes a text, and enters it once it is shown. An agent that has just started
// may forget what came too early; what it has not taken is pasted again. It is entered
// once only, as a second Enter could be an answer.
func (s *seat) prompt(ctx context.Context, text string) error {
	begun := s.told()
	for try := time.Duration(1); ; try++ {
		if err := s.types(pasted(text)); err != nil {
			return err
		}
		patience, cancel := context.WithTimeout(ctx, try*2*time.Second)
		shown := s.until(patience, func() bool { return s.shows(text) || s.told() != begun })
		cancel()
		if shown {
			return s.types("\r")
		}
		if ctx.Err() != nil || try == 5 {
			return notNow
		}
	}
}

// shows tells whether the terminal shows the beginning of a text, or that something
// was pasted: agents fold what is long.
func (s *seat) shows(text string) bool {
	if s.screen == nil {
		return false
	}
	plain := func(t string) string { return strings.Join(strings.Fields(t), "") }
	begins := []rune(plain(text))
	screen := plain(s.screen.Text())
	return strings.Contains(screen, string(begins[:min(len(begins), 16)])) || strings.Contains(screen, "[Pasted")
}
