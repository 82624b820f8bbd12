package openai_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openova-io/sandbox/conversation"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/model/openai"
)

const key = "sk-test-0123456789abcdefghij"

// provider is an endpoint that does, for the n-th request, what its n-th
// behaviour says; the last one stays.
type provider struct {
	*httptest.Server
	calls  atomic.Int32
	bodies chan map[string]any
}

func newProvider(t *testing.T, behaviours ...http.HandlerFunc) *provider {
	t.Helper()
	p := &provider{bodies: make(chan map[string]any, 16)}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := int(p.calls.Add(1))
		if r.URL.Path != "/v1/chat/completions" || r.Method != http.MethodPost || r.Header.Get("Authorization") != "Bearer "+key {
			t.Errorf("an unexpected request: %s %s", r.Method, r.URL.Path)
		}
		raw, _ := io.ReadAll(r.Body)
		var body map[string]any
		if err := json.Unmarshal(raw, &body); err != nil || body["stream"] != true {
			t.Errorf("an unexpected body: %s", raw)
		}
		p.bodies <- body
		behaviours[min(n, len(behaviours))-1](w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *provider) model(t *testing.T, change ...func(*openai.Options)) *openai.Model {
	t.Helper()
	o := openai.Options{Name: "tiny", BaseURL: p.URL + "/v1", Key: key, Timeout: 10 * time.Second, MaxRetryDelay: time.Millisecond}
	for _, f := range change {
		f(&o)
	}
	m, err := openai.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// chunk is one server-sent event of the protocol.
func chunk(delta, finish string) string {
	if finish != "null" {
		finish = `"` + finish + `"`
	}
	return fmt.Sprintf("data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"tiny\",\"choices\":[{\"index\":0,\"delta\":%s,\"finish_reason\":%s}]}\n\n", delta, finish)
}

func text(s string) string {
	quoted, _ := json.Marshal(s)
	return chunk(`{"content":`+string(quoted)+`}`, "null")
}

const (
	usage = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"tiny\",\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":7,\"total_tokens\":18}}\n\n"
	done  = "data: [DONE]\n\n"
)

// streams sends events, each flushed by itself.
func streams(events ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for _, e := range events {
			_, _ = io.WriteString(w, e)
			w.(http.Flusher).Flush()
		}
	}
}

func refuses(status int, message string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"message": message, "type": "x", "code": "y", "param": nil}})
	}
}

func typed(contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = io.WriteString(w, body)
	}
}

// endless writes until the client goes away.
func endless(status int, contentType, piece string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		block := strings.Repeat(piece, 4096)
		for {
			if _, err := io.WriteString(w, block); err != nil {
				return
			}
		}
	}
}

func manyCalls() []string {
	var out []string
	for i := range 70 {
		out = append(out, chunk(fmt.Sprintf(`{"tool_calls":[{"index":%d,"id":"c%d","function":{"name":"a","arguments":"{}"}}]}`, i, i), "null"))
	}
	return out
}

var hello = streams(text("Hel"), text("lo"), chunk(`{}`, "stop"), usage, done)

func respond(t *testing.T, m *openai.Model, req conversation.Request) (conversation.Response, string, error) {
	t.Helper()
	var said strings.Builder
	resp, err := m.Respond(t.Context(), req, func(p string) { said.WriteString(p) })
	return resp, said.String(), err
}

func ask(s string) conversation.Request {
	return conversation.Request{Messages: []conversation.Message{{Role: conversation.FromHuman, Text: s}}}
}

func TestText(t *testing.T) {
	m := newProvider(t, hello).model(t)
	resp, said, err := respond(t, m, ask("hi"))
	if err != nil || resp.Text != "Hello" || said != "Hello" || resp.InputTokens != 11 || resp.OutputTokens != 7 || len(resp.Calls) != 0 {
		t.Fatalf("%+v, said %q, %v", resp, said, err)
	}
	if m.Name() != "openai:tiny" {
		t.Errorf("the name is %s", m.Name())
	}
}

func TestWhatIsSent(t *testing.T) {
	// The SDK's environment must change nothing.
	t.Setenv("OPENAI_API_KEY", "sk-other")
	t.Setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/")
	t.Setenv("OPENAI_ORG_ID", "org")
	p := newProvider(t, hello)
	req := conversation.Request{
		Instructions: "Be brief.",
		Messages: []conversation.Message{
			{Role: conversation.FromHuman, Text: "two workers"},
			{Role: conversation.FromAgent, Text: "One moment.", Calls: []conversation.ToolCall{{ID: "1", Name: "catalyst.draft.set", Arguments: json.RawMessage(`{"a":1}`)}}},
			{Role: conversation.FromTool, Result: &conversation.ToolResult{CallID: "1", Text: "done", Structured: json.RawMessage(`{"ok":true}`)}},
			{Role: conversation.FromAgent},
			{Role: conversation.FromSystem, Text: "The person approved."},
			{Role: conversation.FromTool, Result: &conversation.ToolResult{CallID: "2", Text: "no", IsError: true}},
		},
		Tools: []conversation.Tool{{Name: "catalyst.draft.set", Description: "sets", InputSchema: json.RawMessage(`{"type":"object","properties":{"a":{"type":"number"}}}`)}, {Name: "a_b.c"}},
	}
	if _, _, err := respond(t, p.model(t), req); err != nil {
		t.Fatal(err)
	}
	body := <-p.bodies
	got, _ := json.Marshal(map[string]any{"messages": body["messages"], "tools": body["tools"], "model": body["model"]})
	const want = `{"messages":[{"content":"Be brief.","role":"system"},{"content":"two workers","role":"user"},` +
		`{"content":"One moment.","role":"assistant","tool_calls":[{"function":{"arguments":"{\"a\":1}","name":"catalyst_2edraft_2eset"},"id":"1","type":"function"}]},` +
		`{"content":"{\"ok\":true}","role":"tool","tool_call_id":"1"},{"content":"The person approved.","role":"system"},{"content":"ERROR: no","role":"tool","tool_call_id":"2"}],` +
		`"model":"tiny","tools":[{"function":{"description":"sets","name":"catalyst_2edraft_2eset","parameters":{"properties":{"a":{"type":"number"}},"type":"object"}},"type":"function"},` +
		`{"function":{"name":"a__b_2ec","parameters":{"properties":{},"type":"object"}},"type":"function"}]}`
	if string(got) != want {
		t.Errorf("sent\n%s\nwant\n%s", got, want)
	}
}

func TestToolCalls(t *testing.T) {
	m := newProvider(t, streams(
		text("I look."),
		chunk(`{"tool_calls":[{"index":0,"id":"x","type":"function","function":{"name":"catalyst_2edraft_2eget","arguments":""}}]}`, "null"),
		chunk(`{"tool_calls":[{"index":1,"id":"y","type":"function","function":{"name":"a__b_2ec","arguments":"{\"q\":"}}]}`, "null"),
		chunk(`{"tool_calls":[{"index":1,"function":{"arguments":"1}"}}]}`, "null"),
		chunk(`{"tool_calls":[{"index":2,"id":"z","type":"function","function":{"name":"made_up","arguments":"{\"half\": "}}]}`, "null"),
		chunk(`{}`, "tool_calls"), done)).model(t)
	resp, said, err := respond(t, m, ask("hi"))
	if err != nil || resp.Text != "I look." || said != resp.Text {
		t.Fatalf("%+v, %q, %v", resp, said, err)
	}
	// The last call's arguments are broken and go on as they came.
	want := []conversation.ToolCall{{ID: "x", Name: "catalyst.draft.get", Arguments: json.RawMessage(`{}`)}, {ID: "y", Name: "a_b.c", Arguments: json.RawMessage(`{"q":1}`)}, {ID: "z", Name: "made_up", Arguments: json.RawMessage(`{"half": `)}}
	if fmt.Sprintf("%s", resp.Calls) != fmt.Sprintf("%s", want) {
		t.Errorf("calls\n%s\nwant\n%s", resp.Calls, want)
	}
}

func TestCallsThatShareAnIndex(t *testing.T) {
	m := newProvider(t, streams(
		chunk(`{"tool_calls":[{"index":0,"id":"x","function":{"name":"a","arguments":"{}"}}]}`, "null"),
		chunk(`{"tool_calls":[{"index":0,"id":"y","function":{"name":"b","arguments":"{}"}}]}`, "tool_calls"), done)).model(t)
	resp, _, err := respond(t, m, ask("hi"))
	if err != nil || len(resp.Calls) != 2 || resp.Calls[0].Name != "a" || resp.Calls[1].Name != "b" {
		t.Fatalf("%+v, %v", resp, err)
	}
}

func TestRetries(t *testing.T) {
	for name, first := range map[string]http.HandlerFunc{
		"429": refuses(429, "slow down"), "500": refuses(500, "oops"),
		"no answer": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t, first, hello)
			resp, _, err := respond(t, p.model(t), ask("hi"))
			if err != nil || resp.Text != "Hello" || p.calls.Load() != 2 {
				t.Fatalf("%+v after %d calls, %v", resp, p.calls.Load(), err)
			}
		})
	}
}

// The endpoint says when to come back. That is kept to, up to the bound, beyond
// which another model answers at once.
func TestRetryAfter(t *testing.T) {
	busy := func(header, value string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(header, value)
			refuses(429, "slow down")(w, r)
		}
	}
	t.Run("soon", func(t *testing.T) {
		p := newProvider(t, busy("Retry-After-Ms", "60"), hello)
		began := time.Now()
		resp, _, err := respond(t, p.model(t, func(o *openai.Options) { o.MaxRetryDelay = 5 * time.Second }), ask("hi"))
		if waited := time.Since(began); err != nil || resp.Text != "Hello" || p.calls.Load() != 2 || waited < 60*time.Millisecond {
			t.Errorf("%+v after %d calls and %v, %v", resp, p.calls.Load(), waited, err)
		}
	})
	t.Run("much later", func(t *testing.T) {
		p := newProvider(t, busy("Retry-After", "3600"), hello)
		_, _, err := respond(t, p.model(t, func(o *openai.Options) { o.MaxRetryDelay = 5 * time.Second }), ask("hi"))
		f := fault.From(err)
		if f == nil || f.Code != fault.Unavailable || !strings.Contains(f.Message, "429") || f.Hint == "" || p.calls.Load() != 1 {
			t.Errorf("after %d calls: %v", p.calls.Load(), err)
		}
	})
	t.Run("never", func(t *testing.T) {
		p := newProvider(t, refuses(500, "oops"))
		if _, _, err := respond(t, p.model(t, func(o *openai.Options) { o.Retries = -1 }), ask("hi")); err == nil || p.calls.Load() != 1 {
			t.Errorf("after %d calls: %v", p.calls.Load(), err)
		}
	})
}

// Two calls with one id are two calls; a name that comes with every piece is one
// name.
func TestSloppyEndpoints(t *testing.T) {
	m := newProvider(t, streams(
		chunk(`{"tool_calls":[{"index":0,"id":"x","function":{"name":"a","arguments":"{\"n\":"}}]}`, "null"),
		chunk(`{"tool_calls":[{"index":0,"id":"x","function":{"name":"a","arguments":"1}"}}]}`, "null"),
		chunk(`{"tool_calls":[{"index":1,"id":"x","function":{"name":"b","arguments":"{}"}}]}`, "null"),
		chunk(`{"tool_calls":[{"index":2,"function":{"name":"c","arguments":"null"}}]}`, "stop"))).model(t)
	resp, _, err := respond(t, m, ask("hi"))
	want := []conversation.ToolCall{{ID: "x", Name: "a", Arguments: json.RawMessage(`{"n":1}`)}, {ID: "x", Name: "b", Arguments: json.RawMessage(`{}`)}, {ID: "", Name: "c", Arguments: json.RawMessage(`null`)}}
	if err != nil || fmt.Sprintf("%s", resp.Calls) != fmt.Sprintf("%s", want) {
		t.Errorf("calls\n%s\nwant\n%s, %v", resp.Calls, want, err)
	}
}

// A step that broke off in the middle of a tool call calls nothing.
func TestACutCallIsNoCall(t *testing.T) {
	half := []string{
		chunk(`{"tool_calls":[{"index":0,"id":"x","function":{"name":"a","arguments":"{}"}}]}`, "null"),
		chunk(`{"tool_calls":[{"index":1,"id":"y","function":{"name":"b","arguments":"{\"half"}}]}`, "null"),
	}
	for name, behaviour := range map[string]http.HandlerFunc{
		"the stream ends":       streams(half...),
		"it says it is done":    streams(append(half, done)...),
		"the connection breaks": func(w http.ResponseWriter, r *http.Request) { streams(half...)(w, r); panic(http.ErrAbortHandler) },
		"it ran out of room":    streams(append(half, chunk(`{}`, "length"), done)...),
	} {
		p := newProvider(t, behaviour)
		resp, _, err := respond(t, p.model(t), ask("hi"))
		if fault.CodeOf(err) != fault.Unavailable || len(resp.Calls) != 0 || p.calls.Load() != 1 {
			t.Errorf("%s: %+v after %d calls, %v", name, resp, p.calls.Load(), err)
		}
	}
}

func TestFailures(t *testing.T) {
	long := strings.Repeat("é\n", 400) + key
	for name, c := range map[string]struct {
		behaviour http.HandlerFunc
		calls     int32
		says      string
	}{
		"500 for ever":      {refuses(500, "oops"), 3, `status 500, saying "oops"`},
		"bad key":           {refuses(401, "Incorrect API key "+key+" given"), 1, `saying "Incorrect API key ••• given"`},
		"long words":        {refuses(400, long), 1, `é é`},
		"not JSON":          {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>", 502) }, 3, "status 502"},
		"a redirect":        {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/other", 307) }, 1, "status 307"},
		"ends early":        {streams(text("Hel")), 1, "broke off"},
		"done too early":    {streams(text("Hel"), done), 1, "broke off"},
		"an error midway":   {streams(text("Hel"), "data: {\"error\":{\"message\":\"overloaded\"}}\n\n"), 1, `broke off, saying "overloaded"`},
		"no JSON midway":    {streams(text("Hel"), "data: {\"choices\": [\n\n"), 1, "cannot be read"},
		"no type":           {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"choices":[]}`) }, 1, "broke off"},
		"an answer as JSON": {typed("application/json", `{"choices":[{"message":{"content":"hi"}}]}`), 1, "answers with application/json"},
		"a web page":        {typed("text/html; charset=utf-8", "<html>sign in</html>"), 1, "answers with text/html"},
		"an endless error":  {endless(500, "application/json", "x"), 3, "status 500"},
		"an endless event":  {endless(200, "text/event-stream", "data: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n"), 1, "more than one step"},
		"an endless line":   {endless(200, "text/event-stream", "data: x"), 1, "cannot be read"},
		"too many calls":    {streams(append(manyCalls(), chunk(`{}`, "tool_calls"), done)...), 1, "more than one step"},
		"empty":             {streams(chunk(`{}`, "stop"), done), 1, "empty"},
		"only blanks":       {streams(text(" \n"), chunk(`{}`, "stop"), done), 1, "empty"},
		"cut":               {streams(text("Hel"), chunk(`{}`, "length"), done), 1, "ran out of room"},
		"filtered":          {streams(chunk(`{}`, "content_filter"), done), 1, "content filter"},
		"far too much":      {streams(text(strings.Repeat("x", 600<<10)), text(strings.Repeat("x", 600<<10)), chunk(`{}`, "stop"), done), 1, "more than one step"},
		"connection breaks": {func(w http.ResponseWriter, r *http.Request) {
			streams(text("Hel"))(w, r)
			panic(http.ErrAbortHandler)
		}, 1, "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t, c.behaviour)
			resp, _, err := respond(t, p.model(t), ask("hi"))
			f := fault.From(err)
			if f == nil || f.Code != fault.Unavailable {
				t.Fatalf("%+v, %v; want a fault that says unavailable", resp, err)
			}
			if !strings.Contains(f.Message, c.says) || !strings.Contains(f.Message, "openai:tiny") {
				t.Errorf("the message %q does not say %q", f.Message, c.says)
			}
			if strings.Contains(err.Error(), key) || strings.Contains(f.Message, "\n") {
				t.Errorf("the message gives away too much: %q", err)
			}
			if n := len([]rune(f.Message)); n > 300 {
				t.Errorf("the message has %d characters", n)
			}
			if p.calls.Load() != c.calls {
				t.Errorf("%d calls, want %d", p.calls.Load(), c.calls)
			}
		})
	}
}

// hangs sends a beginning and then nothing until the client goes away.
func hangs(began chan<- struct{}) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		streams(text("Hel"))(w, r)
		close(began)
		<-r.Context().Done()
	}
}

// The time bounds a step with all its retries, wherever it hangs.
func TestTimeout(t *testing.T) {
	for name, behaviour := range map[string]http.HandlerFunc{
		"in the middle": hangs(make(chan struct{})),
		"before it answers": func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
		},
		"between two tries": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "30")
			refuses(503, "later")(w, r)
		},
		"with sighs": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				streams(": still here\n\n")(w, r)
				select {
				case <-r.Context().Done():
				case <-time.After(5 * time.Millisecond):
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newProvider(t, behaviour).model(t, func(o *openai.Options) {
				o.Timeout, o.MaxRetryDelay = 100*time.Millisecond, time.Minute
			})
			_, _, err := respond(t, m, ask("hi"))
			if fault.CodeOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "100ms") {
				t.Fatalf("after the timeout: %v", err)
			}
		})
	}
}

func TestCancel(t *testing.T) {
	began := make(chan struct{})
	m := newProvider(t, hangs(began)).model(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-began; cancel() }()
	_, err := m.Respond(ctx, ask("hi"), nil)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("after cancel: %v", err)
	}
}

func TestOptions(t *testing.T) {
	for _, o := range []openai.Options{{}, {Name: " "}, {Name: "a", BaseURL: "ftp://x/v1"}, {Name: "a", BaseURL: "x"}, {Name: "a", BaseURL: "https://u:p@x/v1"}, {Name: "a", BaseURL: "http://\x7f"}} {
		if _, err := openai.New(o); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("New(%+v): %v", o, err)
		}
	}
	if _, err := openai.New(openai.Options{Name: "gpt-5"}); err != nil {
		t.Error(err)
	}
}

var legal = regexp.MustCompile(`^[A-Za-z0-9_-]*$`)

func FuzzNames(f *testing.F) {
	for _, s := range []string{"catalyst.draft.get", "a_b", "a__b", "a_2eb", "a.b", "_", "", "ü", "_2", "x_", "a_2E"} {
		f.Add(s, "catalyst_draft_get")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		wa, wb := openai.EncodeName(a), openai.EncodeName(b)
		if !legal.MatchString(wa) {
			t.Fatalf("%q becomes %q, which the protocol refuses", a, wa)
		}
		if openai.DecodeName(wa) != a {
			t.Fatalf("%q becomes %q and then %q", a, wa, openai.DecodeName(wa))
		}
		if a != b && wa == wb {
			t.Fatalf("%q and %q are both %q", a, b, wa)
		}
		_ = openai.DecodeName(b) // whatever a model makes up
	})
}
