package mcp

import (
	"context"
	"log/slog"

	mcpgo "github.com/mark3labs/mcp-go/mcp"

	"github.com/openova-io/sandbox/conversation/fault"
)

// Witness is told of every tool call of an outside client when it has ended, and
// before the client has the answer: the tool's name, and the code of the fault with
// which it was refused, empty where it was done. It is told nothing of what was said
// or answered. Where it fails the client is told that, in place of the answer.
type Witness func(ctx context.Context, tool string, refused fault.Code) error

type witnessKey struct{}

// WithWitness puts the witness into the context. Transports do so for clients from
// outside; the house's own agent has none, as its turns are journalled.
func WithWitness(ctx context.Context, w Witness) context.Context {
	return context.WithValue(ctx, witnessKey{}, w)
}

func witnessOf(ctx context.Context) Witness {
	w, _ := ctx.Value(witnessKey{}).(Witness)
	return w
}

// witnessed tells of a call that a tool has answered, or refused.
func (r *Registry) witnessed(ctx context.Context, _ any, req *mcpgo.CallToolRequest, result any) {
	w, res := witnessOf(ctx), (*mcpgo.CallToolResult)(nil)
	if w == nil {
		return
	}
	res, _ = result.(*mcpgo.CallToolResult)
	var code fault.Code
	if res != nil && res.IsError {
		code = fault.Internal
		if f, ok := res.StructuredContent.(*fault.Error); ok {
			code = f.Code
		}
	}
	// What was done is done, also for a client that has hung up.
	err := w(context.WithoutCancel(ctx), req.Params.Name, code)
	if err == nil || res == nil {
		return
	}
	r.logger.LogAttrs(ctx, slog.LevelError, "a tool call could not be recorded", slog.String("tool", req.Params.Name), slog.String("error", err.Error()))
	if !res.IsError {
		*res = *failed(fault.New(fault.Unavailable, "what you did could not be written into the audit log").Do("Look whether it was done before you do it again."))
	}
}

// refused tells of a call that the protocol itself refused: of a tool that is not
// there, or not for this caller.
func (r *Registry) refused(ctx context.Context, _ any, method mcpgo.MCPMethod, message any, _ error) {
	w := witnessOf(ctx)
	req, ok := message.(*mcpgo.CallToolRequest)
	if w == nil || method != mcpgo.MethodToolsCall || !ok {
		return
	}
	if err := w(context.WithoutCancel(ctx), cut(req.Params.Name), fault.NotFound); err != nil {
		r.logger.LogAttrs(ctx, slog.LevelError, "a tool call could not be recorded", slog.String("tool", cut(req.Params.Name)), slog.String("error", err.Error()))
	}
}
