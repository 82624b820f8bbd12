package scripted

import (
	"encoding/json"
	"net/http"
	"strings"
)

// responses speaks OpenAI's responses API, as far as Codex reads it.
func (m *Model) responses(w http.ResponseWriter, r *http.Request, q request) {
	t := q.next()
	id := m.newCall()
	send := events(w)
	send("response.created", map[string]any{"response": map[string]any{"id": "resp_" + id}})
	if len(t.say) > 0 || t.tool == nil {
		item := map[string]any{"type": "message", "role": "assistant", "id": "msg_" + id, "content": []any{}}
		send("response.output_item.added", map[string]any{"output_index": 0, "item": item})
		text := ""
		m.speak(r, t, func(s string) {
			text += s
			send("response.output_text.delta", map[string]any{"item_id": "msg_" + id, "output_index": 0, "content_index": 0, "delta": s})
		})
		item["content"] = []any{map[string]any{"type": "output_text", "text": text}}
		send("response.output_item.done", map[string]any{"output_index": 0, "item": item})
	}
	if t.tool != nil {
		if c, ok := calling(*t.tool, q.offered()); ok {
			if t.tool.verb == "run" && q.asks() {
				c.input, _ = json.Marshal(map[string]string{"cmd": t.tool.rest, "sandbox_permissions": "require_escalated", "justification": "The script says so."})
			}
			item := map[string]any{"type": "function_call", "id": "fc_" + id, "call_id": "call_" + id, "name": c.name, "arguments": string(c.input)}
			if space := q.namespace(c.name); space != "" {
				item["namespace"] = space
			}
			send("response.output_item.done", map[string]any{"output_index": 1, "item": item})
		}
	}
	send("response.completed", map[string]any{"response": map[string]any{"id": "resp_" + id,
		"usage": map[string]any{"input_tokens": 10, "output_tokens": 10, "total_tokens": 20}}})
}

// asks is true when the model is told to ask for its commands.
func (q request) asks() bool {
	for _, x := range q.Input {
		if text, _ := x.text(); x.Role == "developer" && strings.Contains(text, "Run every command with") {
			return true
		}
	}
	return false
}
