package mcp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"runtime/debug"
	"sync"

	"github.com/google/uuid"
	mcpgo "github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

const (
	// maxMessage bounds one message of a client, in bytes.
	maxMessage = 1 << 20
	// maxAtOnce bounds how many requests of one client are answered at the same
	// time; further ones wait unread.
	maxAtOnce = 16
)

// ServeStream speaks newline-delimited MCP with one client, as on standard input
// and output, until in ends or ctx does. Requests that are being answered when in
// ends are answered to the end, so that a client may write its requests, close its
// side and read. It returns when nothing is written any more. Where in can be
// closed, it is when ctx ends or the client does not read any more.
//
// The library's own stdio server is not used: it has one session for the whole
// process, and so would send one client's notifications to another.
func (r *Registry) ServeStream(ctx context.Context, caller Caller, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s := &stream{
		server: r.server(), logger: r.logger, cancel: cancel, answers: make(chan mcpgo.JSONRPCMessage),
		session:   &clientSession{id: "stream-" + uuid.NewString(), notifications: make(chan mcpgo.JSONRPCNotification, 64)},
		listeners: map[context.Context]context.CancelFunc{},
	}
	if err := s.server.RegisterSession(ctx, s.session); err != nil {
		return err
	}
	defer s.server.UnregisterSession(ctx, s.session.id)

	if c, ok := in.(io.Closer); ok {
		defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	}
	written := make(chan struct{})
	go func() { // ends with answers
		defer close(written)
		s.write(out)
	}()
	err := s.read(s.server.WithContext(WithCaller(ctx, caller), s.session), in)
	s.endListening()
	s.working.Wait()
	close(s.answers)
	<-written
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause // the client does not read
	}
	if err == io.EOF || ctx.Err() != nil {
		return nil
	}
	return err
}

// stream is one client's connection.
type stream struct {
	server  *server.MCPServer
	session *clientSession
	logger  *slog.Logger
	cancel  context.CancelCauseFunc
	answers chan mcpgo.JSONRPCMessage
	working sync.WaitGroup

	mu        sync.Mutex
	listeners map[context.Context]context.CancelFunc // requests that end only with the connection
}

// read takes messages and starts their answers.
func (s *stream) read(ctx context.Context, in io.Reader) error {
	lines := bufio.NewReaderSize(in, 64<<10)
	slots := make(chan struct{}, maxAtOnce)
	for ctx.Err() == nil {
		line, whole, err := nextLine(lines)
		if line = bytes.TrimSpace(line); len(line) > 0 {
			if !whole {
				s.answers <- mcpgo.NewJSONRPCError(mcpgo.NewRequestId(nil), mcpgo.INVALID_REQUEST, "a message may have at most 1 MiB", nil)
			} else {
				s.take(ctx, line, slots)
			}
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// nextLine reads one line. Of one that is too long it keeps a beginning, reads past
// the rest, and says that it is not whole.
func nextLine(in *bufio.Reader) (line []byte, whole bool, err error) {
	whole = true
	for {
		part, err := in.ReadSlice('\n')
		if len(line)+len(part) > maxMessage {
			whole = false
		}
		if whole {
			line = append(line, part...)
		}
		if err != bufio.ErrBufferFull {
			return line, whole, err
		}
	}
}

// take handles one message: a request on a goroutine of its own, which ends with
// its answer, and everything else in the order in which it came.
func (s *stream) take(ctx context.Context, line []byte, slots chan struct{}) {
	var head struct {
		Method mcpgo.MCPMethod `json:"method"`
		ID     any             `json:"id"`
	}
	if json.Unmarshal(line, &head) != nil || head.ID == nil || head.Method == "" {
		s.answer(ctx, head.ID, line)
		return
	}
	if head.Method == mcpgo.MethodSubscriptionsListen {
		listening, end := context.WithCancel(ctx)
		s.mu.Lock()
		s.listeners[listening] = end
		s.mu.Unlock()
		s.working.Go(func() {
			defer end()
			s.answer(listening, head.ID, line)
			s.mu.Lock()
			delete(s.listeners, listening)
			s.mu.Unlock()
		})
		return
	}
	slots <- struct{}{}
	s.working.Go(func() {
		defer func() { <-slots }()
		s.answer(ctx, head.ID, line)
	})
}

// endListening ends the requests that nothing else would end.
func (s *stream) endListening() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, end := range s.listeners {
		end()
	}
}

// answer handles a message and sends what it is answered with, if anything.
func (s *stream) answer(ctx context.Context, id any, line []byte) {
	defer func() {
		if p := recover(); p != nil {
			s.logger.Error("answering a message panicked", slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
			s.answers <- mcpgo.NewJSONRPCError(mcpgo.NewRequestId(id), mcpgo.INTERNAL_ERROR, "something went wrong on our side", nil)
		}
	}()
	if m := s.server.HandleMessage(ctx, line); m != nil {
		s.answers <- m
	}
}

// write is the only one that writes. Before an answer it writes what was notified
// until then, so that a call's progress comes before its result. When the client
// does not read any more, everything is cancelled and dropped.
func (s *stream) write(out io.Writer) {
	broken := false
	put := func(m any) {
		if broken {
			return
		}
		raw, err := json.Marshal(m)
		if err != nil {
			s.logger.Error("a message cannot be encoded", slog.String("error", err.Error()))
			return
		}
		if _, err := out.Write(append(raw, '\n')); err != nil {
			broken = true
			s.cancel(err)
		}
	}
	for {
		select {
		case n := <-s.session.notifications:
			put(n)
		case m, more := <-s.answers:
			for range len(s.session.notifications) {
				put(<-s.session.notifications)
			}
			if !more {
				return
			}
			put(m)
		}
	}
}
