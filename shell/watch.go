package shell

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/shell/hold"
)

// watch follows one session until it has ended: it keeps the connection of the
// manager, turns records into cards, and writes down the end.
func (s *Service) watch(ctx context.Context, x *session) {
	for pause := 50 * time.Millisecond; ctx.Err() == nil; pause = min(2*pause, 2*time.Second) {
		status, err := hold.Inspect(x.dir)
		if err == nil && status.State == hold.Running {
			if s.manage(ctx, x, status) {
				pause = 50 * time.Millisecond
			}
			if status, err = hold.Inspect(x.dir); err == nil && status.State == hold.Running {
				select {
				case <-ctx.Done():
				case <-time.After(pause): // a holder that is just ending, or starting to listen
				}
				continue
			}
		}
		if err == nil {
			if err = s.finish(ctx, x, status); err == nil {
				return
			}
		}
		if ctx.Err() == nil {
			s.o.Logger.Error("a session cannot be followed", slog.String("session", x.id), slog.String("error", err.Error()))
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// manage is one connection to the holder. ok is true when there was one.
func (s *Service) manage(ctx context.Context, x *session, status hold.Status) (ok bool) {
	c, err := hold.Dial(ctx, x.dir, hold.AttachData{Role: hold.Manager, Name: "service"})
	if err != nil {
		return false
	}
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	defer c.Close()
	x.mu.Lock()
	x.control, x.pid = c, status.Process.Child
	if x.f.State == Starting {
		x.f.State = Idle
	}
	x.wake()
	x.mu.Unlock()
	defer func() {
		x.mu.Lock()
		x.control = nil
		x.mu.Unlock()
	}()
	for {
		f, err := c.Receive()
		if err != nil {
			return true
		}
		switch f.Kind {
		case hold.Spooled:
			if err := s.ingest(ctx, x); err != nil && ctx.Err() == nil {
				s.o.Logger.Error("records became no cards", slog.String("session", x.id), slog.String("error", err.Error()))
				return true // try again on another connection
			}
		case hold.Title:
			var t struct {
				Title string `json:"title"`
			}
			_ = json.Unmarshal(f.Payload, &t)
			x.mu.Lock()
			x.title = hold.CleanTitle(t.Title)
			x.mu.Unlock()
		case hold.Size:
			var z hold.SizeData
			_ = json.Unmarshal(f.Payload, &z)
			x.mu.Lock()
			x.size = z
			x.mu.Unlock()
		}
	}
}

// finish writes down how a session ended.
func (s *Service) finish(ctx context.Context, x *session, status hold.Status) error {
	lost := status.State != hold.Ended
	if lost {
		// The kernel ended the child with its holder; daemons are found by their mark.
		defer hold.RemoveGroups(x.id)
		if n := hold.Sweep(x.id); n > 0 {
			s.o.Logger.Warn("processes of a lost session were ended", slog.String("session", x.id), slog.Int("processes", n))
		}
		status.Exit = hold.ExitData{Code: -1, Error: "the process that held this session was killed"}
		if status.State == hold.Absent {
			status.Exit.Error = "the session was never started"
		}
	}
	if err := s.ingest(ctx, x); err != nil {
		return err
	}
	x.forget()
	x.mu.Lock()
	defer x.mu.Unlock()
	x.pid, x.size = 0, hold.SizeData{}
	if x.f.deleted || x.f.State == Ended || x.f.State == Lost {
		return nil
	}
	e := journal.New(eventExited, exited{ExitData: status.Exit, Lost: lost})
	e.ID = x.id + "-exited"
	if _, err := s.append(ctx, x, e); err != nil {
		return err
	}
	if lost {
		s.notify(x, Notice{What: Failed, Text: status.Exit.Error})
	}
	s.tell(ctx, factExited, x.id, x.f.owner, map[string]any{"code": status.Exit.Code, "signal": status.Exit.Signal, "lost": lost})
	return nil
}
