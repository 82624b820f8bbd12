package mcp

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"log/slog"
	"net/http"
	"time"

	"github.com/mark3labs/mcp-go/client"
	mcpgo "github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/openova-io/sandbox/conversation/fault"
)

// sessionIdleTTL ends HTTP sessions whose client went away without saying so.
const sessionIdleTTL = 30 * time.Minute

// Handler serves the toolbox over streamable HTTP. Authenticate names the caller
// of a request, or fails with a fault, which is answered before the protocol
// sees anything.
func (r *Registry) Handler(authenticate func(*http.Request) (Caller, error)) http.Handler {
	transport := server.NewStreamableHTTPServer(r.server(),
		server.WithEventStore(server.NewInMemoryEventStore()),
		server.WithStateful(true),
		server.WithSessionIdleTTL(sessionIdleTTL),
		server.WithHeartbeatInterval(15*time.Second),
		server.WithStreamableHTTPLogger(r.logger),
		// The Host allow-list of the web server is the protection against
		// rebinding, and it knows the names that this service really has.
		server.WithDisableLocalhostProtection(true),
	)
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		caller, err := authenticate(req)
		if err != nil {
			f := fault.From(err)
			if f.Code == fault.Unauthenticated {
				w.Header().Set("WWW-Authenticate", `Bearer realm="sandbox"`)
			}
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(f.HTTPStatus())
			_ = json.NewEncoder(w).Encode(f)
			return
		}
		transport.ServeHTTP(w, req.WithContext(WithCaller(req.Context(), caller)))
	})
}

// ServeStream speaks newline-delimited MCP with one client, as on standard
// input and output, until in ends or ctx does.
func (r *Registry) ServeStream(ctx context.Context, caller Caller, in io.Reader, out io.Writer) error {
	stdio := server.NewStdioServer(r.server())
	stdio.SetErrorLogger(slogLogger(r.logger))
	err := stdio.Listen(WithCaller(ctx, caller), in, out)
	if err == io.EOF || ctx.Err() != nil {
		return nil
	}
	return err
}

// slogLogger hands a library's log lines to slog.
func slogLogger(l *slog.Logger) *log.Logger {
	return slog.NewLogLogger(l.Handler(), slog.LevelWarn)
}

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

// List gives the tools of the toolbox.
func (c *Client) List(ctx context.Context) ([]Described, error) {
	res, err := c.c.ListTools(ctx, mcpgo.ListToolsRequest{})
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
			return Result{Text: "the arguments are not a JSON object", IsError: true}, nil
		}
		req.Params.Arguments = args
	}
	res, err := c.c.CallTool(WithCaller(ctx, caller), req)
	if err != nil {
		if ctx.Err() != nil {
			return Result{}, ctx.Err()
		}
		// An unknown tool or a protocol error: the model is told, and can go on.
		return Result{Text: "the call was refused: " + err.Error(), IsError: true}, nil
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
