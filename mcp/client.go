package mcp

import (
	"context"
	"encoding/json"

	"github.com/mark3labs/mcp-go/client"
	mcpgo "github.com/mark3labs/mcp-go/mcp"

	"github.com/openova-io/sandbox/conversation/fault"
)

// Client is an MCP client of a toolbox in the same process. It is how the
// house's own agent holds its tools.
type Client struct {
	c *client.Client
}

// Local connects a client to the toolbox in process. Close it when done.
func (r *Registry) Local(ctx context.Context) (*Client, error) {
	c, err := client.NewInProcessClient(r.server())
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the toolbox could not be opened")
	}
	if err := c.Start(ctx); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the toolbox could not be opened")
	}
	req := mcpgo.InitializeRequest{}
	req.Params.ProtocolVersion = mcpgo.LATEST_PROTOCOL_VERSION
	req.Params.ClientInfo = mcpgo.Implementation{Name: "sandbox-agent", Version: r.version}
	if _, err := c.Initialize(ctx, req); err != nil {
		_ = c.Close()
		return nil, fault.Wrap(err, fault.Internal, "the toolbox did not answer")
	}
	return &Client{c: c}, nil
}

// Close ends the connection; it may be called more than once.
func (c *Client) Close() error { return c.c.Close() }

// Described is a tool as a model is told of it.
type Described struct {
	Name, Description string
	InputSchema       json.RawMessage
}

// List gives the tools that the caller may call.
func (c *Client) List(ctx context.Context, caller Caller) ([]Described, error) {
	res, err := c.c.ListTools(WithCaller(ctx, caller), mcpgo.ListToolsRequest{})
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the tools could not be listed")
	}
	out := make([]Described, 0, len(res.Tools))
	for _, t := range res.Tools {
		schema := t.RawInputSchema
		if len(schema) == 0 {
			if schema, err = json.Marshal(t.InputSchema); err != nil {
				return nil, fault.Wrap(err, fault.Internal, "the schema of tool %s could not be read", t.Name)
			}
		}
		out = append(out, Described{Name: t.Name, Description: t.Description, InputSchema: schema})
	}
	return out, nil
}

// Result is what a tool answered.
type Result struct {
	Text       string
	Structured json.RawMessage
	IsError    bool
}

// Call runs one tool for the caller. A refusal is a Result with IsError.
func (c *Client) Call(ctx context.Context, caller Caller, name string, arguments json.RawMessage) (Result, error) {
	req := mcpgo.CallToolRequest{}
	req.Params.Name = name
	if len(arguments) > 0 {
		var args map[string]any
		if err := json.Unmarshal(arguments, &args); err != nil {
			return refused(fault.New(fault.Invalid, "the arguments of %s are not a JSON object", name)), nil
		}
		req.Params.Arguments = args
	}
	res, err := c.c.CallTool(WithCaller(ctx, caller), req)
	if err != nil {
		if ctx.Err() != nil {
			return Result{}, ctx.Err()
		}
		// Only a tool that is not there is refused by the protocol itself: the model is
		// told, and can go on.
		return refused(fault.New(fault.NotFound, "there is no tool %q here", cut(name))), nil
	}
	out := Result{IsError: res.IsError, Structured: res.RawStructuredContent}
	for _, content := range res.Content {
		if t, ok := content.(mcpgo.TextContent); ok {
			out.Text += t.Text
		}
	}
	if len(out.Structured) == 0 && res.StructuredContent != nil {
		out.Structured, _ = json.Marshal(res.StructuredContent)
	}
	return out, nil
}

func refused(f *fault.Error) Result {
	raw, _ := json.Marshal(f)
	return Result{Text: f.Text(), Structured: raw, IsError: true}
}
