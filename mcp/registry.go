package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"runtime/debug"

	mcpgo "github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/openova-io/sandbox/conversation/fault"
)

// Registry is a toolbox: its tools, and how a client is told to use them.
type Registry struct {
	name, version, instructions string
	logger                      *slog.Logger
	tools                       []server.ServerTool
	needs                       map[string]string // tool to capability
	schemas                     map[string]schema
}

// NewRegistry makes an empty toolbox. Instructions tell a client's model what
// the toolbox is for.
func NewRegistry(name, version, instructions string, logger *slog.Logger) *Registry {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &Registry{
		name: name, version: version, instructions: instructions, logger: logger,
		needs: map[string]string{}, schemas: map[string]schema{},
	}
}

// Tool describes one tool to [Register].
type Tool struct {
	// Name is dotted, e.g. "catalyst.draft.set".
	Name string
	// Capability is the one that a caller needs; empty means the tool's name.
	Capability string
	// Title is what a person reads when a client lists its tools.
	Title string
	// Description tells a model when to use the tool and what it gives.
	Description string
	// ReadOnly: the tool changes nothing.
	ReadOnly bool
	// Idempotent: calling it again with the same arguments changes nothing more.
	Idempotent bool
}

// Register adds a tool. In is a struct whose tags describe and limit its fields
// (see schemaOf); arguments that do not fit are refused before run. Out is what
// the client gets as structured content, which the protocol wants to be an object,
// and as JSON text for clients that read only text. It panics on a duplicate name,
// an Out that is no object or an In without a schema, which are mistakes of the
// program and not of a caller.
func Register[In, Out any](r *Registry, t Tool, run func(ctx context.Context, caller Caller, in In) (Out, error)) {
	if _, twice := r.needs[t.Name]; twice || t.Name == "" || t.Description == "" {
		panic("mcp: tool " + t.Name + " is registered twice, or has no name or description")
	}
	if k := reflect.TypeFor[Out]().Kind(); k != reflect.Struct && k != reflect.Map {
		panic("mcp: tool " + t.Name + " answers with something that is no JSON object")
	}
	s, err := schemaOf(reflect.TypeFor[In]())
	if err != nil {
		panic(fmt.Sprintf("mcp: tool %s: no schema for its input: %v", t.Name, err))
	}
	r.needs[t.Name], r.schemas[t.Name] = t.Capability, s
	if t.Capability == "" {
		r.needs[t.Name] = t.Name
	}
	tool := mcpgo.NewToolWithRawSchema(t.Name, t.Description, s.raw)
	tool.Title = t.Title
	destructive, openWorld := false, false
	tool.Annotations = mcpgo.ToolAnnotation{
		ReadOnlyHint: &t.ReadOnly, IdempotentHint: &t.Idempotent,
		DestructiveHint: &destructive, OpenWorldHint: &openWorld,
	}
	r.tools = append(r.tools, server.ServerTool{Tool: tool, Handler: func(ctx context.Context, req mcpgo.CallToolRequest) (*mcpgo.CallToolResult, error) {
		out, err := guarded(ctx, req, run)
		if err != nil {
			return failed(r.refusal(ctx, t.Name, err)), nil
		}
		text, err := json.Marshal(out)
		if err != nil {
			return failed(r.refusal(ctx, t.Name, err)), nil
		}
		return mcpgo.NewToolResultStructured(json.RawMessage(text), string(text)), nil
	}})
}

// Needs gives the one capability that each tool needs, by the tool's name.
func (r *Registry) Needs() map[string]string { return maps.Clone(r.needs) }

// guarded runs a tool. A panic becomes an error, so that a mistake in one tool
// costs one call.
func guarded[In, Out any](ctx context.Context, req mcpgo.CallToolRequest, run func(context.Context, Caller, In) (Out, error)) (out Out, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	caller, err := CallerFrom(ctx)
	if err != nil {
		return out, err
	}
	var in In
	args, err := json.Marshal(req.GetArguments())
	if err == nil {
		err = json.Unmarshal(args, &in)
	}
	if err != nil {
		return out, fault.Wrap(err, fault.Invalid, "the arguments do not fit the tool's schema")
	}
	return run(withProgress(ctx, req), caller, in)
}

// refusal is why a call failed, as its caller is told. The cause is logged and
// never sent.
func (r *Registry) refusal(ctx context.Context, tool string, err error) *fault.Error {
	f := fault.From(err)
	level := slog.LevelInfo
	switch {
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		f = fault.New(fault.Unavailable, "the call was cancelled before it was done").Do("Look at what is there before you call again.")
	case f.Code == fault.Internal:
		level = slog.LevelError
	}
	r.logger.LogAttrs(ctx, level, "tool refused", slog.String("tool", tool), slog.String("code", string(f.Code)), slog.String("error", err.Error()))
	return f
}

func failed(f *fault.Error) *mcpgo.CallToolResult {
	res := mcpgo.NewToolResultStructured(f, f.Text())
	res.IsError = true
	return res
}

// server makes an MCP server with the registry's tools. A transport whose
// connections are one client each makes one server each.
func (r *Registry) server() *server.MCPServer {
	hooks := &server.Hooks{}
	hooks.AddAfterCallTool(r.explain)
	hooks.AddAfterCallTool(r.witnessed)
	hooks.AddOnError(r.refused)
	s := server.NewMCPServer(r.name, r.version,
		server.WithInstructions(r.instructions),
		server.WithToolCapabilities(false),
		server.WithInputSchemaValidation(),
		server.WithToolFilter(r.allowed),
		server.WithHooks(hooks),
	)
	s.AddTools(r.tools...)
	return s
}

// allowed leaves the tools that the caller may call. The library asks it when it
// lists tools and when one is called, so that a list hides exactly what a call
// would not find. A stranger sees nothing.
func (r *Registry) allowed(ctx context.Context, all []mcpgo.Tool) []mcpgo.Tool {
	caller, err := CallerFrom(ctx)
	if err != nil {
		return nil
	}
	out := make([]mcpgo.Tool, 0, len(all))
	for _, t := range all {
		if caller.Grants.Allow(r.needs[t.Name]) {
			out = append(out, t)
		}
	}
	return out
}

// explain puts the refusal of arguments, which the library makes before a tool is
// run, into the words of every other refusal: all that is wrong, each with its
// place.
func (r *Registry) explain(ctx context.Context, _ any, req *mcpgo.CallToolRequest, result any) {
	res, ok := result.(*mcpgo.CallToolResult)
	s, known := r.schemas[req.Params.Name]
	if !ok || !known || !res.IsError || res.StructuredContent != nil {
		return
	}
	f := fault.New(fault.Invalid, "the arguments of %s do not fit its schema", req.Params.Name)
	f.Violations = s.check(req.Params.Arguments)
	r.logger.LogAttrs(ctx, slog.LevelInfo, "tool refused", slog.String("tool", req.Params.Name), slog.String("code", string(f.Code)), slog.String("error", f.Error()))
	*res = *failed(f)
}
