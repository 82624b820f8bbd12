package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"

	"github.com/google/jsonschema-go/jsonschema"
	mcpgo "github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/openova-io/sandbox/conversation/fault"
)

// Registry is a toolbox: its tools, and how a client is told to use them.
type Registry struct {
	name, version, instructions string
	logger                      *slog.Logger
	tools                       []server.ServerTool
	names                       map[string]bool
}

// NewRegistry makes an empty toolbox. Instructions tell a client's model what
// the toolbox is for.
func NewRegistry(name, version, instructions string, logger *slog.Logger) *Registry {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &Registry{name: name, version: version, instructions: instructions, logger: logger, names: map[string]bool{}}
}

// Tool describes one tool to [Register].
type Tool struct {
	// Name is dotted, e.g. "catalyst.draft.set".
	Name string
	// Title is what a person reads when a client lists its tools.
	Title string
	// Description tells a model when to use the tool and what it gives.
	Description string
	// ReadOnly: the tool changes nothing.
	ReadOnly bool
	// Idempotent: calling it again with the same arguments changes nothing more.
	Idempotent bool
}

// Register adds a tool. In is a struct whose jsonschema tags describe its
// fields; unknown arguments are refused. Out is what the client gets as
// structured content, and as JSON text for clients that read only text. It
// panics on a duplicate name or a type without a schema, which are mistakes of
// the program and not of a caller.
func Register[In, Out any](r *Registry, t Tool, run func(ctx context.Context, caller Caller, in In) (Out, error)) {
	if r.names[t.Name] {
		panic("mcp: tool " + t.Name + " is registered twice")
	}
	r.names[t.Name] = true
	schema, err := jsonschema.For[In](&jsonschema.ForOptions{TypeSchemas: anyTypeSchemas()})
	if err != nil {
		panic(fmt.Sprintf("mcp: tool %s: no schema for its input: %v", t.Name, err))
	}
	raw, err := json.Marshal(schema)
	if err != nil {
		panic(fmt.Sprintf("mcp: tool %s: %v", t.Name, err))
	}
	tool := mcpgo.NewToolWithRawSchema(t.Name, t.Description, raw)
	tool.Title = t.Title
	destructive, openWorld := false, false
	tool.Annotations = mcpgo.ToolAnnotation{
		Title: t.Title, ReadOnlyHint: &t.ReadOnly, IdempotentHint: &t.Idempotent,
		DestructiveHint: &destructive, OpenWorldHint: &openWorld,
	}
	r.tools = append(r.tools, server.ServerTool{Tool: tool, Handler: func(ctx context.Context, req mcpgo.CallToolRequest) (*mcpgo.CallToolResult, error) {
		caller, err := CallerFrom(ctx)
		if err != nil {
			return failed(err), nil
		}
		var in In
		args, err := json.Marshal(req.GetArguments())
		if err == nil {
			err = json.Unmarshal(args, &in)
		}
		if err != nil {
			return failed(fault.Wrap(err, fault.Invalid, "the arguments of %s do not fit its schema", t.Name)), nil
		}
		out, err := run(ctx, caller, in)
		if err != nil {
			f := fault.From(err)
			r.logger.LogAttrs(ctx, levelOf(f), "tool refused", slog.String("tool", t.Name), slog.String("code", string(f.Code)), slog.String("error", err.Error()))
			return failed(f), nil
		}
		return answered(out)
	}})
}

// levelOf is error for what is our own fault and info for what is a caller's.
func levelOf(f *fault.Error) slog.Level {
	if f.Code == fault.Internal {
		return slog.LevelError
	}
	return slog.LevelInfo
}

// anyTypeSchemas lets a field of type any hold any JSON value, which the
// generator would otherwise leave without a type and some clients refuse.
func anyTypeSchemas() map[reflect.Type]*jsonschema.Schema {
	return map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[Value](): {
			Description: "a text, a number, true or false, a list of texts, or null to clear",
			Types:       []string{"string", "number", "boolean", "array", "null"},
		},
	}
}

// Value is a JSON value of any type that a draft's field can have.
type Value struct{ V any }

// UnmarshalJSON keeps the value as decoded JSON.
func (v *Value) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &v.V) }

// MarshalJSON gives the value as it was.
func (v Value) MarshalJSON() ([]byte, error) { return json.Marshal(v.V) }

func answered(out any) (*mcpgo.CallToolResult, error) {
	text, err := json.Marshal(out)
	if err != nil {
		return failed(fault.Wrap(err, fault.Internal, "the answer could not be encoded")), nil
	}
	return mcpgo.NewToolResultStructured(json.RawMessage(text), string(text)), nil
}

func failed(err error) *mcpgo.CallToolResult {
	f := fault.From(err)
	res := mcpgo.NewToolResultStructured(f, f.Text())
	res.IsError = true
	return res
}

// server makes an MCP server with the registry's tools. Transports that give
// all their connections one session id get a server each.
func (r *Registry) server() *server.MCPServer {
	s := server.NewMCPServer(r.name, r.version,
		server.WithInstructions(r.instructions),
		server.WithToolCapabilities(false),
		server.WithInputSchemaValidation(),
		server.WithRecovery(),
	)
	s.AddTools(r.tools...)
	return s
}
