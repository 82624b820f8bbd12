package mcp

import (
	"context"
	"sync/atomic"
	"time"

	mcpgo "github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

type progressKey struct{}

// progress is what a client asked to be told while its call runs.
type progress struct {
	token mcpgo.ProgressToken
	steps atomic.Int64
}

func withProgress(ctx context.Context, req mcpgo.CallToolRequest) context.Context {
	if req.Params.Meta == nil || req.Params.Meta.ProgressToken == nil {
		return ctx
	}
	return context.WithValue(ctx, progressKey{}, &progress{token: req.Params.Meta.ProgressToken})
}

// Progress tells the client of the call that is running how it goes on, in one
// sentence, if the client asked to be told. It never blocks. Clients give up on a
// call that is silent for long, so a tool that takes more than some seconds calls
// it; see [Alive].
func Progress(ctx context.Context, message string) {
	p, ok := ctx.Value(progressKey{}).(*progress)
	if !ok {
		return
	}
	notify(ctx, string(mcpgo.MethodNotificationProgress), map[string]any{
		"progressToken": p.token, "progress": p.steps.Add(1), "message": message,
	})
}

// Alive calls Progress at once and then every so often, with what say gives then,
// until stop is called or ctx ends. Stop waits: afterwards nothing is sent any
// more.
func Alive(ctx context.Context, every time.Duration, say func() string) (stop func()) {
	if _, ok := ctx.Value(progressKey{}).(*progress); !ok {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { // ends with stop
		defer close(done)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			Progress(ctx, say())
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
	return func() { cancel(); <-done }
}

type writerKey struct{}

// notify sends a notification on the stream of the call that is running, before
// the call's answer. It goes past the library's own way on purpose: that one marks
// the whole session, after which every later answer is kept in the event store.
func notify(ctx context.Context, method string, params map[string]any) {
	n := mcpgo.JSONRPCNotification{JSONRPC: mcpgo.JSONRPC_VERSION, Notification: mcpgo.Notification{
		Method: method, Params: mcpgo.NotificationParams{AdditionalFields: params},
	}}
	if w, ok := ctx.Value(writerKey{}).(*progressWriter); ok {
		w.notify(n)
		return
	}
	session := server.ClientSessionFromContext(ctx)
	if session == nil || !session.Initialized() {
		return
	}
	select {
	case session.NotificationChannel() <- n:
	default: // a client that does not read loses progress, and nothing else
	}
}
