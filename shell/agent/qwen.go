package agent

import (
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/openova-io/sandbox/shell/hold"
)

// qwenCode is Qwen Code. Beside its terminal it writes everything that it does
// into a file, and takes answers from another one: its "dual output".
func qwenCode() Agent {
	return Agent{
		Name: "qwen-code", Title: "Qwen Code", Program: "qwen", API: OpenAI,
		Installed: []string{"node_modules/node-" + platform() + "/bin/node", "node_modules/@qwen-code/qwen-code/cli-entry.js"},
		Get:       "Install it: make qwen-code, or npm install -g @qwen-code/qwen-code with Node.js 22.",
		Modes:     []Mode{Plan, Ask, Edit, All},
		Prepare:   prepareQwen,
		Read:      func() Reader { return &qwen{board: newBoard()} },
	}
}

// qwenModes are our modes in its words.
var qwenModes = map[Mode]string{Plan: "plan", Ask: "default", Edit: "auto-edit", All: "yolo"}

func prepareQwen(p Place) Launch {
	args := []string{"--approval-mode", qwenModes[p.Mode], "--json-file", path.Join(p.Files, "events.jsonl"), "--input-file", path.Join(p.Files, "replies.jsonl")}
	if p.Resume {
		args = append(args, "--continue")
	}
	settings, _ := json.Marshal(map[string]any{
		"general":  map[string]any{"enableAutoUpdate": false, "disableAutoUpdate": true},
		"privacy":  map[string]any{"usageStatisticsEnabled": false},
		"security": map[string]any{"auth": map[string]any{"selectedType": "openai"}},
		"tools":    map[string]any{"useBuiltinRipgrep": false},
	})
	files := map[string]string{"events.jsonl": "", "replies.jsonl": ""}
	if len(p.Tools) > 0 {
		files["mcp.json"] = mcpServers(p.Tools, "httpUrl")
		args = append(args, "--mcp-config", path.Join(p.Files, "mcp.json"))
	}
	return Launch{
		Args: args,
		Env: []string{"OPENAI_BASE_URL=http://127.0.0.1:" + hold.PortOf(hold.ModelCrossing), "OPENAI_API_KEY=" + p.Key, "OPENAI_MODEL=" + p.Model,
			"QWEN_SANDBOX=false"},
		Files:   files,
		Seeds:   map[string]string{".qwen/settings.json": string(settings)},
		Sources: []hold.Source{{Name: "events", Kind: hold.Tail, Root: "files", Path: "events.jsonl", Input: "replies.jsonl"}},
	}
}

// qwen reads its records.
type qwen struct {
	board
	messages, prompts int
}

// qwenEvent is a line of its file, as far as cards need it.
type qwenEvent struct {
	Type      string `json:"type"`
	Subtype   string `json:"subtype"`
	RequestID string `json:"request_id"`
	Event     struct {
		Type  string `json:"type"`
		Delta struct {
			Type string `json:"type"`
			Text string `json:"text"`
		} `json:"delta"`
	} `json:"event"`
	Request struct {
		Subtype   string          `json:"subtype"`
		ToolName  string          `json:"tool_name"`
		ToolUseID string          `json:"tool_use_id"`
		Input     json.RawMessage `json:"input"`
	} `json:"request"`
	Response struct {
		RequestID string `json:"request_id"`
		Response  struct {
			Allowed bool `json:"allowed"`
		} `json:"response"`
	} `json:"response"`
	Message struct {
		Content json.RawMessage `json:"content"`
	} `json:"message"`
}

func (q *qwen) Read(r hold.Record) []Update {
	var e qwenEvent
	if q.channel(r) {
		// It says nothing of what was denied by this channel, and ends its turn.
		if a := q.asks["ask-"+r.ID]; a != nil && r.Kind == hold.RecordAnswered && a.state == "denied" && a.by == "here" {
			q.over(a.tool, outcomeOf{failed: true, refused: true}, r.At)
			q.done(r.At)
		}
		return q.take()
	}
	if r.Source != "events" || json.Unmarshal(r.Data, &e) != nil {
		return q.take()
	}
	text := fmt.Sprintf("text-%d", q.messages)
	switch e.Type {
	case "stream_event":
		switch e.Event.Type {
		case "message_start":
			q.messages++
			q.state = Working
		case "content_block_delta":
			if e.Event.Delta.Type == "text_delta" {
				q.more(text, e.Event.Delta.Text)
			}
		case "message_stop":
			// Nothing says that a turn has ended, but that no tool was called.
			if !q.busy() {
				q.done(r.At)
			}
		}
	case "assistant", "user":
		q.message(r, e, text)
	case "control_request":
		if e.Request.Subtype == "can_use_tool" {
			act := actionOf(e.Request.ToolName, e.Request.Input)
			q.call(e.Request.ToolUseID, act, r.At)
			q.question(&ask{source: r.Source, record: e.RequestID, action: act, tool: e.Request.ToolUseID})
		}
	case "control_response":
		if a := q.asks["ask-"+e.Response.RequestID]; a != nil {
			a.open = false
			if a.state == "waiting" {
				state := "denied"
				if e.Response.Response.Allowed {
					state = "allowed"
				}
				q.close(a, state, "terminal")
			}
		}
	}
	return q.take()
}

// busy is true while a tool is called.
func (q *qwen) busy() bool {
	for _, t := range q.tools {
		if !t.over {
			return true
		}
	}
	return false
}

// message takes in a whole message: what was said, tools that are called, and what
// came of them.
func (q *qwen) message(r hold.Record, e qwenEvent, text string) {
	var parts []contentPart
	var plain string
	if json.Unmarshal(e.Message.Content, &plain) == nil && plain != "" {
		parts = append(parts, contentPart{Type: "text", Text: plain})
	}
	_ = json.Unmarshal(e.Message.Content, &parts)
	said := ""
	for _, p := range parts {
		switch p.Type {
		case "text":
			said += p.Text
		case "tool_use":
			if e.Type == "assistant" {
				defer q.call(p.ID, actionOf(p.Name, p.Input), r.At)
			}
		case "tool_result":
			q.over(p.ToolID, qwenOutcome(contentText(p.Content), p.IsError), r.At)
		}
	}
	switch {
	case said == "":
	case e.Type == "assistant":
		q.told(text, said)
	default:
		q.prompts++
		q.person(fmt.Sprintf("prompt-%d", q.prompts), said, r.At)
	}
}

var (
	qwenExit   = regexp.MustCompile(`(?m)^Exit Code: (-?\d+)$`)
	qwenOutput = regexp.MustCompile(`(?s)(?:^|\n)Output: (.*?)\n(?:Error|Exit Code|Signal|Background PIDs|Process Group PGID): `)
)

// qwenOutcome reads the result of a tool, which for a command is a text of named
// lines.
func qwenOutcome(said string, failed bool) outcomeOf {
	o := outcomeOf{failed: failed, output: PlainText([]byte(said))}
	if failed {
		o.problem, o.exit = said, -1
		o.refused = strings.Contains(said, "cancelled") || strings.Contains(said, "[Operation Cancelled]")
	}
	if m := qwenExit.FindStringSubmatch(said); m != nil {
		o.exit, _ = strconv.Atoi(m[1])
	}
	if m := qwenOutput.FindStringSubmatch(said); m != nil {
		o.output = strings.TrimRight(PlainText([]byte(m[1])), "\n")
		if o.output == "(empty)" {
			o.output = ""
		}
	}
	return o
}

// Answer goes into the file that it reads.
func (q *qwen) Answer(cardID string, allow bool, _ string) (hold.ReplyData, error) {
	a, err := q.waiting(cardID)
	if err != nil {
		return hold.ReplyData{}, err
	}
	body, err := json.Marshal(map[string]any{"type": "confirmation_response", "request_id": a.record, "allowed": allow})
	return hold.ReplyData{Source: a.source, ID: a.record, Body: body, Note: verdict(allow)}, err
}

// Prompt goes there, too: what is typed before it is ready is lost.
func (q *qwen) Prompt(id, text string) (hold.ReplyData, bool) {
	body, err := json.Marshal(map[string]string{"type": "submit", "text": text})
	return hold.ReplyData{Source: "events", ID: id, Body: body}, err == nil
}

// Release has nothing to do: it notices itself what was answered in the terminal.
func (q *qwen) Release() []hold.ReplyData { return nil }
