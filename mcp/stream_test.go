package mcp_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	mcpgo "github.com/mark3labs/mcp-go/mcp"

	"github.com/openova-io/sandbox/mcp"
)

// line is a connection to a served box, as raw lines.
type line struct {
	t   *testing.T
	in  *io.PipeWriter
	out *bufio.Reader
	end chan error
}

func connect(t *testing.T, ctx context.Context, b *box, who mcp.Caller) *line {
	t.Helper()
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	l := &line{t: t, in: inW, out: bufio.NewReaderSize(outR, 4<<20), end: make(chan error, 1)}
	go func() {
		err := b.ServeStream(ctx, who, inR, outW)
		_ = outW.Close()
		l.end <- err
	}()
	t.Cleanup(func() { _ = inW.Close(); _ = outR.Close() })
	return l
}

func (l *line) send(messages ...string) {
	l.t.Helper()
	for _, m := range messages {
		if _, err := io.WriteString(l.in, m+"\n"); err != nil {
			l.t.Fatal(err)
		}
	}
}

// message is any message of the server.
type message struct {
	ID     any
	Method string
	Params struct {
		ProgressToken any
		Progress      int
		Message       string
	}
	Result struct {
		IsError           bool
		StructuredContent json.RawMessage
		ResultType        string
		Tools             []struct{ Name string }
	}
	Error *struct {
		Code    int
		Message string
	}
}

func (l *line) read() message {
	l.t.Helper()
	raw, err := l.out.ReadBytes('\n')
	if err != nil {
		l.t.Fatalf("reading %q: %v", raw, err)
	}
	var m message
	if err := json.Unmarshal(raw, &m); err != nil {
		l.t.Fatalf("%s: %v", raw, err)
	}
	return m
}

const (
	hello       = `{"jsonrpc":"2.0","id":"hello","method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}`
	initialized = `{"jsonrpc":"2.0","method":"notifications/initialized"}`
	// stateless is the _meta of a request of the newer revision.
	stateless = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"x","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}`
)

func call(id int, tool, arguments, meta string) string {
	if meta != "" {
		meta = "," + meta
	}
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":%q,"arguments":%s%s}}`, id, tool, arguments, meta)
}

func (l *line) greet() {
	l.t.Helper()
	l.send(hello, initialized)
	if m := l.read(); m.ID != "hello" || m.Error != nil {
		l.t.Fatalf("the greeting is %+v", m)
	}
}

// A real client, in both revisions.
func TestStreamWithAClient(t *testing.T) {
	for _, revision := range []string{sessionRevision, statelessRevision} {
		t.Run(revision, func(t *testing.T) {
			b := newBox(t)
			inR, inW := io.Pipe()
			outR, outW := io.Pipe()
			go func() { _ = b.ServeStream(t.Context(), anna(), inR, outW) }()
			c := greet(t, client.NewClient(transport.NewIO(outR, inW, io.NopCloser(strings.NewReader("")))), revision)
			if names := toolNames(t, c); len(names) != 4 {
				t.Errorf("the tools are %q", names)
			}
			if res := use(t, c, "box.echo", map[string]any{"text": "hi"}); res.IsError {
				t.Errorf("%+v", res)
			}
			if res := use(t, c, "box.echo", map[string]any{"text": "hi", "x": 1}); !res.IsError {
				t.Errorf("%+v", res)
			}
			if id := <-b.sessions; !strings.HasPrefix(id, "stream-") {
				t.Errorf("the session is %q", id)
			}
		})
	}
}

// Whoever writes all requests, closes the input and reads gets all answers.
func TestStreamAnswersWhatWasAskedBeforeTheEnd(t *testing.T) {
	b := newBox(t)
	l := connect(t, t.Context(), b, anna())
	l.greet()
	l.send(call(1, "box.wait", `{"how":"x"}`, ""))
	await(t, "call", b.waiting)
	if err := l.in.Close(); err != nil {
		t.Fatal(err)
	}
	b.release <- struct{}{}
	if m := l.read(); m.ID != 1.0 || m.Result.IsError || m.Error != nil {
		t.Errorf("the answer is %+v", m)
	}
	if err := await(t, "end", l.end); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if _, err := l.out.ReadByte(); err != io.EOF {
		t.Errorf("after the end: %v", err)
	}
}

// A request that ends only with the connection does not keep it open.
func TestStreamEndsListening(t *testing.T) {
	l := connect(t, t.Context(), newBox(t), anna())
	l.send(`{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{` + stateless + `,"notifications":{"toolsListChanged":true}}}`)
	if m := l.read(); m.Error != nil {
		t.Fatalf("listening is refused: %+v", m)
	}
	_ = l.in.Close()
	go func() { _, _ = io.Copy(io.Discard, l.out) }()
	if err := await(t, "end", l.end); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

func TestStreamCancelsACall(t *testing.T) {
	b := newBox(t)
	l := connect(t, t.Context(), b, anna())
	l.greet()
	l.send(call(1, "box.wait", `{"how":"x"}`, ""), call(2, "box.wait", `{"how":"y"}`, ""))
	await(t, "call", b.waiting)
	await(t, "call", b.waiting)
	l.send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"reason":"enough"}}`)
	if err := await(t, "cancellation", b.cancelled); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if m := l.read(); m.ID != 1.0 {
		t.Errorf("%v ended and not the call that was cancelled", m.ID)
	}
	b.release <- struct{}{}
	if m := l.read(); m.ID != 2.0 || m.Result.IsError {
		t.Errorf("the other call: %+v", m)
	}
}

// Progress comes whole, in order, before the answer, to the client that asked for
// it and to no other.
func TestStreamProgress(t *testing.T) {
	for name, meta := range map[string]string{
		sessionRevision:   `"_meta":{"progressToken":"p%d"}`,
		statelessRevision: strings.Replace(stateless, "{", `{"progressToken":"p%d",`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			b := newBox(t)
			var group sync.WaitGroup
			defer group.Wait()
			for client := range 2 { // at the same time
				l := connect(t, t.Context(), b, anna())
				group.Go(func() {
					if name == sessionRevision {
						l.greet()
					}
					for id := range 50 {
						id = 100*(client+1) + id
						l.send(call(id, "box.progress", `{"steps":20}`, fmt.Sprintf(meta, id)))
						for step := range 20 {
							m := l.read()
							if m.Method != "notifications/progress" || m.Params.ProgressToken != fmt.Sprintf("p%d", id) || m.Params.Progress != step+1 ||
								m.Params.Message != fmt.Sprintf("step %d", step+1) {
								t.Errorf("step %d of call %d is %+v", step, id, m)
								return
							}
						}
						if m := l.read(); m.ID != float64(id) || m.Result.IsError {
							t.Errorf("the answer of call %d is %+v", id, m)
							return
						}
					}
				})
			}
		})
	}
	b := newBox(t)
	l := connect(t, t.Context(), b, anna())
	l.greet()
	l.send(call(1, "box.progress", `{"steps":3}`, ""))
	if m := l.read(); m.ID != 1.0 {
		t.Errorf("a client that did not ask for progress got %+v", m)
	}
}

// What is no message is answered with an error and breaks nothing.
func TestStreamSurvivesNonsense(t *testing.T) {
	b := newBox(t)
	l := connect(t, t.Context(), b, anna())
	l.greet()
	for name, x := range map[string]struct {
		send string
		code int
	}{
		"no JSON":           {`{"jsonrpc":`, mcpgo.PARSE_ERROR},
		"binary":            {"\x00\xff\xfe", mcpgo.PARSE_ERROR},
		"a list":            {`[]`, mcpgo.PARSE_ERROR},
		"no version":        {`{"id":1,"method":"ping"}`, mcpgo.INVALID_REQUEST},
		"no such method":    {`{"jsonrpc":"2.0","id":1,"method":"resources/list"}`, mcpgo.METHOD_NOT_FOUND},
		"no such tool":      {call(1, "shell.run", "{}", ""), mcpgo.INVALID_PARAMS},
		"params of a list":  {`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}`, mcpgo.INVALID_REQUEST},
		"far too long":      {`{"jsonrpc":"2.0","id":1,"method":"ping","x":"` + strings.Repeat("x", 2<<20) + `"}`, mcpgo.INVALID_REQUEST},
		"an old initialize": {`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{` + stateless + `}}`, mcpgo.METHOD_NOT_FOUND},
	} {
		l.send(x.send)
		if m := l.read(); m.Error == nil || m.Error.Code != x.code {
			t.Errorf("%s is answered %+v", name, m)
		}
	}
	l.send("", "   ", `{"jsonrpc":"2.0","method":"notifications/unknown"}`, `{"jsonrpc":"2.0","id":5,"method":"ping"}`)
	if m := l.read(); m.ID != 5.0 || m.Error != nil {
		t.Errorf("after all that a ping is answered %+v", m)
	}
}

// A client that goes away ends its calls, and so does the end of the service.
func TestStreamEndsItsCalls(t *testing.T) {
	t.Run("the client does not read", func(t *testing.T) {
		b := newBox(t)
		inR, inW := io.Pipe()
		outR, outW := io.Pipe()
		end := make(chan error, 1)
		go func() { end <- b.ServeStream(t.Context(), anna(), inR, outW) }()
		_ = outR.Close()
		_, _ = io.WriteString(inW, call(1, "box.wait", `{"how":"x"}`, stateless)+"\n"+call(2, "box.echo", `{"text":"ab"}`, stateless)+"\n")
		await(t, "cancellation", b.cancelled)
		if err := await(t, "end", end); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("it ended with %v", err)
		}
	})
	t.Run("the service ends", func(t *testing.T) {
		b := newBox(t)
		ctx, cancel := context.WithCancel(t.Context())
		l := connect(t, ctx, b, anna())
		l.greet()
		l.send(call(1, "box.wait", `{"how":"x"}`, ""))
		await(t, "call", b.waiting)
		go func() { _, _ = io.Copy(io.Discard, l.out) }()
		cancel()
		await(t, "cancellation", b.cancelled)
		if err := await(t, "end", l.end); err != nil {
			t.Errorf("it ended with %v", err)
		}
	})
}

// Many requests at once are all answered.
func TestStreamManyAtOnce(t *testing.T) {
	b := newBox(t)
	l := connect(t, t.Context(), b, anna())
	l.greet()
	const n = 200
	go func() {
		for i := range n {
			_, _ = io.WriteString(l.in, call(i, "box.progress", `{"steps":0}`, "")+"\n")
		}
	}()
	seen := map[any]bool{}
	for range n {
		seen[l.read().ID] = true
	}
	if len(seen) != n {
		t.Errorf("%d of %d are answered", len(seen), n)
	}
}

func FuzzStream(f *testing.F) {
	for _, s := range []string{hello, initialized, call(1, "box.echo", `{"text":"ab"}`, stateless), "{}", "null", "\n\n", `{"jsonrpc":"2.0","id":{},"method":"ping"}`} {
		f.Add(s)
	}
	r := mcp.NewRegistry("x", "1", "", nil)
	mcp.Register(r, mcp.Tool{Name: "box.echo", Description: "e"}, func(_ context.Context, _ mcp.Caller, in echoIn) (echoIn, error) { return in, nil })
	f.Fuzz(func(t *testing.T, in string) {
		var out strings.Builder
		if err := r.ServeStream(t.Context(), anna(), strings.NewReader(in+"\n"), &out); err != nil {
			t.Fatal(err)
		}
		for l := range strings.Lines(out.String()) {
			if !json.Valid([]byte(l)) {
				t.Fatalf("it wrote %q", l)
			}
		}
	})
}
