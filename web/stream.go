package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

// patience is how long a reader may take nothing before it counts as gone.
const patience = 30 * time.Second

func isStream(path string) bool {
	return strings.HasSuffix(path, "/stream") || strings.HasSuffix(path, "/logs") || strings.HasSuffix(path, "/events")
}

// message is one message of a live stream. Seq 0 has no id: it is ephemeral, or
// not the last one of its event.
type message struct {
	seq   uint64
	event string
	data  any
}

// after reads the cursor of a stream.
func after(c echo.Context) (uint64, error) {
	v := c.Request().Header.Get("Last-Event-ID")
	if v == "" {
		v = c.QueryParam("after")
	}
	if v == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil {
		return 0, fault.New(fault.Invalid, "the cursor %q is not a sequence number", cut(v, 40)).At("after").Do("Send the id of the last message you have, or none.")
	}
	return n, nil
}

// stream is the live stream of a conversation.
func (s *Server) stream(c echo.Context) error {
	cursor, err := after(c)
	if err != nil {
		return err
	}
	w, err := s.newWatch(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(c.Request().Context())
	defer cancel()
	replayed, err := w.replay(ctx, cursor)
	if err != nil {
		return err
	}
	out := startStream(c, s.options.Heartbeat)
	s.streams.Inc()
	defer s.streams.Dec()
	// What has happened is one step of the cursor: whoever is cut off in its midst
	// gets it again. The heartbeat at its end says how far it goes.
	for _, m := range replayed {
		m.seq = 0
		if err := out.send(m); err != nil {
			return nil
		}
	}
	if err := out.send(message{w.seq, "heartbeat", struct{}{}}); err != nil {
		return nil
	}
	live := make(chan message, 256)
	done := make(chan struct{}, 2)
	put := func(m message) error {
		select {
		case live <- m:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	go func() { // owned by this request; ends with ctx
		defer func() { done <- struct{}{} }()
		defer cancel()
		err := w.follow(ctx, func(e journal.Event) error {
			ms, err := w.next(ctx, e)
			for _, m := range lastIDs(ms) {
				if err := put(m); err != nil {
					return err
				}
			}
			return err
		})
		if ctx.Err() == nil { // the reader comes back and goes on from its cursor
			s.options.Logger.Warn("a live stream broke off", slog.String("conversation", w.conversation), slog.String("error", err.Error()))
		}
	}()
	go func() { // owned by this request; ends with ctx
		defer func() { done <- struct{}{} }()
		_ = s.options.Journal.Listen(ctx, "live."+w.conversation, func(raw []byte) {
			_ = put(message{0, "delta", json.RawMessage(bytes.Clone(raw))})
		})
	}()
	defer func() { cancel(); <-done; <-done }()
	return out.pump(ctx, live)
}

// lastIDs leaves an event's id on its last message only: a reader that was cut off
// before that has not seen the event, and gets it whole when it comes back.
func lastIDs(ms []message) []message {
	for i := range ms {
		if i+1 < len(ms) && ms[i+1].seq == ms[i].seq {
			ms[i].seq = 0
		}
	}
	return ms
}

// eventStream writes text/event-stream (HTML standard, 9.2).
type eventStream struct {
	w         http.ResponseWriter
	rc        *http.ResponseController
	heartbeat time.Duration
}

func startStream(c echo.Context, heartbeat time.Duration) *eventStream {
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, "text/event-stream")
	h.Set("Cache-Control", "no-cache, no-store")
	h.Set("X-Accel-Buffering", "no")
	c.Response().WriteHeader(http.StatusOK)
	return &eventStream{w: c.Response(), rc: http.NewResponseController(c.Response()), heartbeat: heartbeat}
}

func (o *eventStream) send(m message) error {
	data, err := json.Marshal(m.data)
	if err != nil {
		return err
	}
	_ = o.rc.SetWriteDeadline(time.Now().Add(patience))
	if m.seq > 0 {
		_, err = fmt.Fprintf(o.w, "id: %d\n", m.seq)
	}
	if err == nil && m.event != "" {
		_, err = fmt.Fprintf(o.w, "event: %s\n", m.event)
	}
	if err == nil {
		_, err = fmt.Fprintf(o.w, "data: %s\n\n", data)
	}
	if err == nil {
		err = o.rc.Flush()
	}
	return err
}

// pump sends messages and heartbeats until ctx ends, the reader is gone, or live
// is closed and everything in it was sent.
func (o *eventStream) pump(ctx context.Context, live <-chan message) error {
	beat := time.NewTicker(o.heartbeat)
	defer beat.Stop()
	for {
		var m message
		open := true
		select {
		case <-ctx.Done():
			return nil
		case m, open = <-live:
		case <-beat.C:
			m = message{0, "heartbeat", struct{}{}}
		}
		if !open {
			return nil
		}
		if err := o.send(m); err != nil {
			return nil
		}
	}
}

// events gives the journal events themselves, as JSON Lines, for programs.
func (s *Server) events(c echo.Context) error {
	cursor, err := after(c)
	if err != nil {
		return err
	}
	w, err := s.newWatch(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	history, err := w.history(ctx, cursor)
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderContentType, "application/x-ndjson")
	c.Response().Header().Set("Cache-Control", "no-store")
	c.Response().WriteHeader(http.StatusOK)
	out := &lines{w: c.Response(), rc: http.NewResponseController(c.Response())}
	for _, e := range history {
		if err := out.write(e); err != nil {
			return nil
		}
	}
	if c.QueryParam("follow") != "true" {
		return nil
	}
	_ = out.rc.Flush() // also where nothing has happened yet
	ctx, cancel := context.WithCancel(ctx)
	beats := make(chan struct{})
	go func() { // awaited below; ends with ctx, or with the reader
		defer close(beats)
		defer cancel()
		tick := time.NewTicker(s.options.Heartbeat)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if out.beat() != nil {
					return
				}
			}
		}
	}()
	defer func() { cancel(); <-beats }()
	if err := w.follow(ctx, out.write); ctx.Err() == nil {
		s.options.Logger.Warn("a stream of events broke off", slog.String("conversation", w.conversation), slog.String("error", err.Error()))
	}
	return nil
}

// lines writes events as JSON Lines. Blank lines are heartbeats, by which a reader
// that is gone is noticed.
type lines struct {
	mu sync.Mutex
	w  http.ResponseWriter
	rc *http.ResponseController
}

func (o *lines) write(e journal.Event) error {
	raw, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return o.line(raw)
}

func (o *lines) beat() error { return o.line(nil) }

func (o *lines) line(raw []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	_ = o.rc.SetWriteDeadline(time.Now().Add(patience))
	if _, err := o.w.Write(append(raw, '\n')); err != nil {
		return err
	}
	return o.rc.Flush()
}
