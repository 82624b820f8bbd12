package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

// heartbeat is upstream's interval on its flow stream.
const heartbeat = 15 * time.Second

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
	out := startStream(c)
	s.streams.Inc()
	defer s.streams.Dec()
	for _, m := range lastIDs(replayed) {
		if err := out.send(m); err != nil {
			return nil
		}
	}
	if err := out.send(message{0, "heartbeat", struct{}{}}); err != nil {
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
		_ = w.follow(ctx, func(e journal.Event) error {
			ms, err := w.next(ctx, e)
			for _, m := range lastIDs(ms) {
				if err := put(m); err != nil {
					return err
				}
			}
			return err
		})
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
	w  http.ResponseWriter
	rc *http.ResponseController
}

func startStream(c echo.Context) *eventStream {
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, "text/event-stream")
	h.Set("Cache-Control", "no-cache, no-store")
	h.Set("X-Accel-Buffering", "no")
	c.Response().WriteHeader(http.StatusOK)
	return &eventStream{w: c.Response(), rc: http.NewResponseController(c.Response())}
}

func (o *eventStream) send(m message) error {
	data, err := json.Marshal(m.data)
	if err != nil {
		return err
	}
	// A reader that takes nothing for this long is gone.
	_ = o.rc.SetWriteDeadline(time.Now().Add(30 * time.Second))
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
	beat := time.NewTicker(heartbeat)
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
	rc := http.NewResponseController(c.Response())
	enc := json.NewEncoder(c.Response())
	write := func(e journal.Event) error {
		if err := enc.Encode(e); err != nil {
			return err
		}
		return rc.Flush()
	}
	for _, e := range history {
		if err := write(e); err != nil {
			return nil
		}
	}
	if c.QueryParam("follow") == "true" {
		_ = rc.Flush()
		_ = w.follow(ctx, write)
	}
	return nil
}
