package mcp

import (
	"context"

	"github.com/mark3labs/mcp-go/server"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

// Caller is on whose behalf, and in which conversation, a tool runs.
type Caller struct {
	// Actor is of kind model; Subject, Email and OrgID are the person's that the
	// client acts for.
	Actor journal.Actor
	// ConversationID is the conversation whose draft is meant where a call names
	// none. Empty for a client that has none yet.
	ConversationID string
	// Grants are the capabilities that the caller has. Tools that need another one
	// are neither listed nor found.
	Grants Grants
}

type callerKey struct{}

// WithCaller puts the caller into the context. Only transports do so.
func WithCaller(ctx context.Context, c Caller) context.Context {
	c.Actor.Kind = journal.Model
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerFrom gives the caller of a tool call, or an unauthenticated fault.
func CallerFrom(ctx context.Context) (Caller, error) {
	c, ok := ctx.Value(callerKey{}).(Caller)
	if !ok || c.Actor.Subject == "" {
		return Caller{}, fault.New(fault.Unauthenticated, "this tool needs to know who calls").
			Do("Send a bearer token of this service.")
	}
	return c, nil
}

// Session names the client's session, empty where the protocol has none: over
// HTTP from revision 2026-07-28 on.
func Session(ctx context.Context) string {
	if s := server.ClientSessionFromContext(ctx); s != nil {
		return s.SessionID()
	}
	return ""
}
