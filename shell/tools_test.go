package shell_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/shell"
)

// TestReadToolServers: what is wrong in the file is said at once, and where.
func TestReadToolServers(t *testing.T) {
	t.Parallel()
	lookup := func(name string) (string, bool) { return "t0ken", name == "DESK_TOKEN" }
	got, err := shell.ReadToolServers([]byte(`{"mcpServers": {
		"desk": {"type": "http", "url": "https://desk.example.com/mcp", "headers": {"Authorization": "Bearer ${DESK_TOKEN}"}},
		"own": {"command": "own-tools", "args": ["--quiet"], "env": {"TOKEN": "${DESK_TOKEN}"}}}}`), lookup)
	if err != nil || len(got) != 2 || got[0].Name != "desk" || got[0].Headers["Authorization"] != "Bearer t0ken" || got[1].Env["TOKEN"] != "t0ken" {
		t.Fatalf("%+v, %v", got, err)
	}
	for name, c := range map[string]struct{ file, want string }{
		"no JSON":       {`{`, ""},
		"another file":  {`{"servers": {}}`, ""},
		"two values":    {`{"mcpServers": {}} {}`, ""},
		"trusted":       {`{"mcpServers": {"a": {"command": "a", "trust": true}}}`, "mcpServers.a"},
		"no server":     {`{"mcpServers": {"a": {}, "b": 3}}`, "mcpServers.a mcpServers.b"},
		"both":          {`{"mcpServers": {"a": {"url": "https://a", "command": "a"}}}`, "mcpServers.a"},
		"bad name":      {`{"mcpServers": {"A b": {"command": "a"}}}`, "mcpServers.A b"},
		"a pattern":     {`{"mcpServers": {"{x}": {"command": "a"}}}`, "mcpServers.{x}"},
		"old transport": {`{"mcpServers": {"a": {"type": "sse", "url": "https://a"}}}`, "mcpServers.a.type"},
		"no address":    {`{"mcpServers": {"a": {"url": "/mcp"}}}`, "mcpServers.a.url"},
		"not set":       {`{"mcpServers": {"a": {"url": "https://a", "headers": {"X": "${NOT_SET}"}}}}`, "mcpServers.a.headers.X"},
		"two lines":     {`{"mcpServers": {"a": {"url": "https://a", "headers": {"X": "1\r\nY: 2", "": "3"}}}}`, "mcpServers.a.headers. mcpServers.a.headers.X"},
		"no variable":   {`{"mcpServers": {"a": {"command": "a", "env": {"X Y": "1", "Z;ls": "2", "NUL": "\u0000", "OK": "3"}}}}`, "mcpServers.a.env.NUL mcpServers.a.env.X Y mcpServers.a.env.Z;ls"},
		"misplaced":     {`{"mcpServers": {"a": {"url": "https://a", "env": {"X": "1"}}}}`, "mcpServers.a"},
	} {
		got, err := shell.ReadToolServers([]byte(c.file), lookup)
		if fault.CodeOf(err) != fault.Invalid || got != nil {
			t.Errorf("%s: %+v, %v", name, got, err)
			continue
		}
		var at []string
		for _, v := range fault.From(err).Violations {
			at = append(at, v.Path)
		}
		if strings.Join(at, " ") != c.want {
			t.Errorf("%s: it names %q, want %q", name, at, c.want)
		}
	}
}

const (
	toolToken    = "the-desk's-own-token"
	commandToken = "the command's own 'token'"
)

// greeter is an MCP server as a command: its one tool says what is in its environment.
const greeter = `while IFS= read -r line; do
  id=$(sed -n 's/.*"id":\("[^"]*"\|[0-9]*\).*/\1/p' <<<"$line")
  case $line in
  *'"method":"initialize"'*) r='{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"own","version":"1"}}' ;;
  *'"method":"tools/list"'*) r='{"tools":[{"name":"greet","description":"Greets","inputSchema":{"type":"object","properties":{}}}]}' ;;
  *'"method":"tools/call"'*) r='{"content":[{"type":"text","text":"It is '"$GREETING"'."}]}' ;;
  *) r= ;;
  esac
  if [ -n "$r" ]; then
    echo '{"jsonrpc":"2.0","id":'"$id"',"result":'"$r"'}'
  elif [ -n "$id" ]; then
    echo '{"jsonrpc":"2.0","id":'"$id"',"error":{"code":-32601,"message":"there is no such method"}}'
  fi
done`

// desk is an MCP server with one tool, for who has the token. It tells what it is
// asked.
func desk(t *testing.T) (address string, asked chan string) {
	t.Helper()
	asked = make(chan string, 10)
	s := server.NewMCPServer("desk", "1.0.0")
	s.AddTool(mcp.NewTool("lookup", mcp.WithDescription("Looks something up at the desk"), mcp.WithString("query", mcp.Required())),
		func(_ context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			asked <- r.GetString("query", "nothing")
			return mcp.NewToolResultText("The desk knows of it."), nil
		})
	inner := server.NewStreamableHTTPServer(s, server.WithEndpointPath("/mcp"))
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/mcp" || r.Header.Get("Authorization") != "Bearer "+toolToken {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		_ = web.Config.Close() // agents listen to a server for as long as they live
		web.Close()
	})
	return web.URL + "/mcp", asked
}

// TestAgentsKnowToolServers: the real agents call a tool of a server that is written
// into their configuration, ask before, and never have its token.
func TestAgentsKnowToolServers(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"claude-code": `use ToolSearch {"query": "select:mcp__desk__lookup,mcp__own__greet", "max_results": 2} ;; use lookup {"query": "the weather"} ;; use greet {}`,
		"qwen-code": `use tool_search {"query": "select:mcp__desk__lookup,mcp__own__greet"} ;; use tool_call {"name": "mcp__desk__lookup", "arguments": {"query": "the weather"}} ;;
			use tool_call {"name": "mcp__own__greet", "arguments": {}}`,
		"opencode": `use lookup {"query": "the weather"} ;; use greet {}`,
		"codex":    `use lookup {"query": "the weather"} ;; use greet {}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newAgentRig(t, name)
			address, asked := desk(t)
			r.options.Tools = []shell.ToolServer{{Name: "desk", URL: address, Headers: map[string]string{"Authorization": "Bearer " + toolToken}},
				{Name: "gone", Command: "/bin/true"}, // neither environment nor arguments, and nobody who answers
				{Name: "own", Command: "/bin/bash", Args: []string{"-c", greeter}, Env: map[string]string{"GREETING": commandToken}}}
			r.restart(t)
			s, p := r.begin(t, shell.CreateOptions{Agent: name})
			if err := r.Prompt(t.Context(), ann, s.ID, "", "do: "+script+" ;; say That is all."); err != nil {
				t.Fatal(err)
			}
			for n, tool := range []string{"lookup", "greet"} {
				c, d := p.asked(t, n, "waiting")
				if !strings.Contains(d.Tool, tool) {
					t.Fatalf("it asks for %+v", d)
				}
				if _, err := r.Answer(t.Context(), ann, s.ID, "", c.ID, true, ""); err != nil {
					t.Fatal(err)
				}
			}
			p.until(t, "the agent to end its turn", p.says("That is all."))
			used := 0
			for _, c := range p.of(card.KindToolCall) {
				if d := decoded[card.ToolCallData](t, c); strings.Contains(d.Tool, "lookup") || strings.Contains(d.Tool, "greet") {
					if used++; d.State != "succeeded" {
						t.Errorf("the call %s: %+v", d.State, c)
					}
				}
			}
			if used != 2 {
				t.Errorf("%d calls are shown: %+v", used, p.cards)
			}
			if got := r.model.Newest(); !strings.Contains(got, "The desk knows of it.") || !strings.Contains(got, "It is "+commandToken+".") {
				t.Errorf("its model was not told what the tools said: %s", got)
			}
			if got := <-asked; got != "the weather" {
				t.Errorf("the desk was asked for %q", got)
			}
			_ = filepath.WalkDir(r.options.Dir, func(path string, _ os.DirEntry, _ error) error {
				if raw, err := os.ReadFile(path); err == nil && bytes.Contains(raw, []byte(toolToken)) {
					t.Errorf("the token is in %s", path)
				}
				return nil
			})
		})
	}
}
