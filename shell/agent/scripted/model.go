package scripted

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Model is the model's HTTP server. It is safe for concurrent use.
type Model struct {
	// Key is what requests have to bring, as x-api-key or as bearer; empty takes all.
	Key string
	// Pace is the time between two words; 0 is at once.
	Pace time.Duration

	mu    sync.Mutex
	gate  chan struct{}
	asked int
	calls int

	newest string
}

// Go lets everybody go on who is at a pause.
func (m *Model) Go() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.gate != nil {
		close(m.gate)
		m.gate = nil
	}
}

// Asked is how many requests of scripts were answered.
func (m *Model) Asked() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asked
}

// Newest is the newest request of a script, as it came.
func (m *Model) Newest() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.newest
}

func (m *Model) pause(r *http.Request) {
	m.mu.Lock()
	if m.gate == nil {
		m.gate = make(chan struct{})
	}
	gate := m.gate
	m.mu.Unlock()
	select {
	case <-gate:
	case <-r.Context().Done():
	}
}

// request is what the APIs ask, as far as a script needs it.
type request struct {
	Model    string    `json:"model"`
	Stream   bool      `json:"stream"`
	Messages []message `json:"messages"`
	Input    []message `json:"input"` // of responses
	Tools    []struct {
		Name     string `json:"name"`
		Function struct {
			Name string `json:"name"`
		} `json:"function"`
		Tools []struct {
			Name string `json:"name"`
		} `json:"tools"` // of a namespace
	} `json:"tools"`
}

type message struct {
	Type    string          `json:"type"`
	Role    string          `json:"role"`
	Content json.RawMessage `json:"content"`
}

// text gives a message's text, and how many results of tools it brings.
func (q message) text() (text string, results int) {
	if q.Role == "tool" || q.Type == "function_call_output" {
		return "", 1
	}
	var s string
	if json.Unmarshal(q.Content, &s) == nil {
		return s, 0
	}
	var parts []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	_ = json.Unmarshal(q.Content, &parts)
	for _, p := range parts {
		if p.Type == "tool_result" {
			results++
		}
		text += p.Text + "\n"
	}
	return text, results
}

// next is what the model does now: the turn of the newest script that follows as
// many results as there are.
func (q request) next() turn {
	if len(q.Tools) == 0 {
		return turn{say: []step{{"say", "ok"}}} // a title, or a summary
	}
	var turns []turn
	done := 0
	for _, x := range slices.Concat(q.Messages, q.Input) {
		text, results := x.text()
		if x.Role == "user" {
			if t := script(text); t != nil {
				turns, done = t, 0
				continue
			}
		}
		done += results
	}
	if turns == nil {
		return turn{say: []step{{"say", "I do what a script says: do: say hello"}}}
	}
	if done >= len(turns) {
		return turn{}
	}
	return turns[done]
}

func (q request) offered() map[string]bool {
	out := map[string]bool{}
	for _, t := range q.Tools {
		out[t.Name], out[t.Function.Name] = true, true
		for _, inner := range t.Tools {
			out[inner.Name] = true
		}
	}
	return out
}

// namespace is where a tool is; empty for most.
func (q request) namespace(tool string) string {
	for _, t := range q.Tools {
		for _, inner := range t.Tools {
			if inner.Name == tool {
				return t.Name
			}
		}
	}
	return ""
}

func (m *Model) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/_go" {
		m.Go()
		return
	}
	bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if m.Key != "" && !slices.Contains([]string{bearer, r.Header.Get("X-Api-Key")}, m.Key) {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"type":"error","error":{"type":"authentication_error","message":"wrong key"}}`)
		return
	}
	var q request
	switch {
	case strings.HasSuffix(r.URL.Path, "/count_tokens"):
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"input_tokens":100}`)
		return
	}
	body, err := io.ReadAll(r.Body)
	if r.Method != http.MethodPost || err != nil || json.Unmarshal(body, &q) != nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	m.mu.Lock()
	m.asked++
	if len(q.Tools) > 0 {
		m.newest = string(body)
	}
	m.mu.Unlock()
	if strings.HasSuffix(r.URL.Path, "/messages") {
		m.anthropic(w, r, q)
		return
	}
	if strings.HasSuffix(r.URL.Path, "/responses") {
		m.responses(w, r, q)
		return
	}
	m.openai(w, r, q)
}

// speak says a turn's words, one at a time.
func (m *Model) speak(r *http.Request, t turn, say func(string)) {
	for _, s := range t.say {
		if s.verb == "pause" {
			m.pause(r)
			continue
		}
		for word := range strings.SplitAfterSeq(strings.ReplaceAll(s.rest, `\n`, "\n"), " ") {
			say(word)
			if m.Pace > 0 {
				select {
				case <-time.After(m.Pace):
				case <-r.Context().Done():
				}
			}
		}
	}
}

func (m *Model) newCall() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls++
	return fmt.Sprintf("%06d", m.calls)
}

// events begins a stream of events that are named.
func events(w http.ResponseWriter) func(kind string, v map[string]any) {
	w.Header().Set("Content-Type", "text/event-stream")
	return func(kind string, v map[string]any) {
		v["type"] = kind
		raw, _ := json.Marshal(v)
		fmt.Fprintf(w, "event: %s\ndata: %s\n\n", kind, raw)
		_ = http.NewResponseController(w).Flush()
	}
}

func (m *Model) anthropic(w http.ResponseWriter, r *http.Request, q request) {
	t := q.next()
	id := m.newCall()
	usage := map[string]any{"input_tokens": 10, "output_tokens": 10}
	if !q.Stream {
		w.Header().Set("Content-Type", "application/json")
		text := ""
		m.speak(r, t, func(s string) { text += s })
		_ = json.NewEncoder(w).Encode(map[string]any{"id": "msg_" + id, "type": "message", "role": "assistant", "model": q.Model,
			"content": []any{map[string]any{"type": "text", "text": text}}, "stop_reason": "end_turn", "usage": usage})
		return
	}
	send := events(w)
	send("message_start", map[string]any{"message": map[string]any{"id": "msg_" + id, "type": "message", "role": "assistant", "model": q.Model, "content": []any{}, "usage": usage}})
	index, stop := 0, "end_turn"
	if len(t.say) > 0 || t.tool == nil {
		send("content_block_start", map[string]any{"index": index, "content_block": map[string]any{"type": "text", "text": ""}})
		m.speak(r, t, func(s string) {
			send("content_block_delta", map[string]any{"index": index, "delta": map[string]any{"type": "text_delta", "text": s}})
		})
		send("content_block_stop", map[string]any{"index": index})
		index++
	}
	if t.tool != nil {
		if c, ok := calling(*t.tool, q.offered()); ok {
			stop = "tool_use"
			send("content_block_start", map[string]any{"index": index, "content_block": map[string]any{"type": "tool_use", "id": "toolu_" + id, "name": c.name, "input": map[string]any{}}})
			send("content_block_delta", map[string]any{"index": index, "delta": map[string]any{"type": "input_json_delta", "partial_json": string(c.input)}})
			send("content_block_stop", map[string]any{"index": index})
		}
	}
	send("message_delta", map[string]any{"delta": map[string]any{"stop_reason": stop}, "usage": map[string]any{"output_tokens": 10}})
	send("message_stop", map[string]any{})
}

func (m *Model) openai(w http.ResponseWriter, r *http.Request, q request) {
	t := q.next()
	id := m.newCall()
	base := map[string]any{"id": "chatcmpl-" + id, "model": q.Model, "created": time.Now().Unix()}
	if !q.Stream {
		text := ""
		m.speak(r, t, func(s string) { text += s })
		base["object"] = "chat.completion"
		base["choices"] = []any{map[string]any{"index": 0, "finish_reason": "stop", "message": map[string]any{"role": "assistant", "content": text}}}
		base["usage"] = map[string]any{"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(base)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	base["object"] = "chat.completion.chunk"
	send := func(delta map[string]any, reason any) {
		base["choices"] = []any{map[string]any{"index": 0, "delta": delta, "finish_reason": reason}}
		raw, _ := json.Marshal(base)
		fmt.Fprintf(w, "data: %s\n\n", raw)
		_ = http.NewResponseController(w).Flush()
	}
	send(map[string]any{"role": "assistant", "content": ""}, nil)
	m.speak(r, t, func(s string) { send(map[string]any{"content": s}, nil) })
	reason := "stop"
	if t.tool != nil {
		if c, ok := calling(*t.tool, q.offered()); ok {
			reason = "tool_calls"
			send(map[string]any{"tool_calls": []any{map[string]any{"index": 0, "id": "call_" + id, "type": "function",
				"function": map[string]any{"name": c.name, "arguments": string(c.input)}}}}, nil)
		}
	}
	base["usage"] = map[string]any{"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20}
	send(map[string]any{}, reason)
	fmt.Fprint(w, "data: [DONE]\n\n")
	_ = http.NewResponseController(w).Flush()
}
