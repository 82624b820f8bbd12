package agent

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/shell/hold"
)

// codexReader reads its records.
type codexReader struct {
	board
	thread  string            // that is gone on with
	parents map[string]bool   // threads that another one has begun, or that nobody sees
	printed map[string]string // by commands
}

// codexMessage is a message of the server, as far as cards need it.
type codexMessage struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params struct {
		ThreadID  string          `json:"threadId"`
		Thread    codexThread     `json:"thread"`
		Turn      codexTurn       `json:"turn"`
		Item      codexItem       `json:"item"`
		ItemID    string          `json:"itemId"`
		Delta     string          `json:"delta"`
		Command   string          `json:"command"`
		RequestID json.RawMessage `json:"requestId"`
		Decisions []any           `json:"availableDecisions"`
		Server    string          `json:"serverName"`
		Meta      struct {
			Kind string          `json:"codex_approval_kind"`
			Tool string          `json:"tool_name"`
			Args json.RawMessage `json:"tool_params"`
		} `json:"_meta"`
		Error     codexError `json:"error"`
		WillRetry bool       `json:"willRetry"`
		Plan      []struct {
			Step   string `json:"step"`
			Status string `json:"status"`
		} `json:"plan"`
	} `json:"params"`
	Result struct {
		Thread codexThread `json:"thread"`
	} `json:"result"`
	Error *codexError `json:"error"`
}

type codexThread struct {
	ID        string `json:"id"`
	Parent    string `json:"parentThreadId"`
	Ephemeral bool   `json:"ephemeral"`
}

type codexTurn struct {
	ID    string      `json:"id"`
	Error *codexError `json:"error"`
}

type codexError struct {
	Message string `json:"message"`
}

// codexItem is a piece of a conversation.
type codexItem struct {
	Type    string `json:"type"`
	ID      string `json:"id"`
	Text    string `json:"text"`
	Content []struct {
		Text string `json:"text"`
	} `json:"content"`
	Command  string `json:"command"`
	Status   string `json:"status"`
	Output   string `json:"aggregatedOutput"`
	ExitCode *int   `json:"exitCode"`
	Millis   int64  `json:"durationMs"`
	Changes  []struct {
		Path string `json:"path"`
		Kind struct {
			Type string `json:"type"`
		} `json:"kind"`
		Diff string `json:"diff"`
	} `json:"changes"`
	Server string          `json:"server"`
	Tool   string          `json:"tool"`
	Query  string          `json:"query"`
	Args   json.RawMessage `json:"arguments"`
	Error  *codexError     `json:"error"`
}

func (c *codexReader) Read(r hold.Record) []Update {
	var m codexMessage
	if c.channel(r) || r.Source != "server" || json.Unmarshal(r.Data, &m) != nil {
		return c.take()
	}
	p := m.Params
	if p.ThreadID != "" && c.parents[p.ThreadID] {
		return c.take()
	}
	switch m.Method {
	case "":
		c.answered(m)
	case "thread/started":
		c.begun(p.Thread)
	case "thread/status/changed":
		for _, id := range c.order { // a no would have ended its item before
			if a := c.asks[id]; a.state == "waiting" && !a.open {
				c.close(a, "allowed", "terminal")
			}
		}
	case "turn/started":
		c.thread, c.state = p.ThreadID, Working
	case "turn/completed":
		c.ended(p.Turn, r.At)
	case "turn/plan/updated":
		var items []card.TodoItem
		for _, s := range p.Plan {
			state := map[string]string{"inProgress": "active", "completed": "done"}[s.Status]
			items = append(items, card.TodoItem{Text: clip(s.Step, 500), State: first(state, "pending")})
		}
		c.todo(items)
	case "error":
		if !p.WillRetry {
			c.failed("error-"+r.ID, p.Error.Message)
		}
	case "item/started", "item/completed":
		c.item(p.Item, m.Method == "item/completed", r.At)
	case "item/agentMessage/delta":
		c.more("text-"+p.ItemID, p.Delta)
	case "item/commandExecution/outputDelta":
		c.printed[p.ItemID] = tailOf(c.printed[p.ItemID]+p.Delta, maxText)
		c.progress(p.ItemID, PlainText([]byte(c.printed[p.ItemID])))
	case "item/commandExecution/requestApproval", "item/fileChange/requestApproval":
		c.asked(r, m)
	case "mcpServer/elicitation/request":
		if p.Meta.Kind == "mcp_tool_call" { // what servers themselves ask is asked in the terminal
			c.asked(r, m)
		}
	case "serverRequest/resolved":
		if a := c.asks["ask-"+codexRequest(p.RequestID)]; a != nil {
			a.open = false
		}
	}
	return c.take()
}

// answered takes in what our own requests brought: that a conversation is told to us,
// and has the settings that it is to have.
func (c *codexReader) answered(m codexMessage) {
	of := strings.Trim(string(m.ID), `"`)
	switch {
	case m.Error != nil:
		c.failed(of, m.Error.Message)
	case m.Result.Thread.ID != "":
		c.begun(m.Result.Thread)
	case strings.HasPrefix(of, "set:"):
		c.deaf = false
	}
}

func (c *codexReader) begun(t codexThread) {
	if t.Parent != "" || t.Ephemeral {
		c.parents[t.ID] = true
		return
	}
	c.thread = t.ID
}

func (c *codexReader) ended(t codexTurn, at time.Time) {
	if t.Error != nil {
		c.failed("error-"+t.ID, t.Error.Message)
	}
	c.done(at)
}

// item shows a piece of the conversation.
func (c *codexReader) item(i codexItem, over bool, at time.Time) {
	switch i.Type {
	case "userMessage":
		var said []string
		for _, part := range i.Content {
			said = append(said, part.Text)
		}
		if over {
			c.person("prompt-"+i.ID, strings.Join(said, "\n"), at)
		}
	case "agentMessage":
		id := "text-" + i.ID
		for _, other := range slices.Sorted(maps.Keys(c.said)) {
			if other != id { // the model was cut off, and is asked again
				c.told(other, c.said[other])
			}
		}
		if over {
			c.told(id, i.Text)
		}
	case "commandExecution", "fileChange", "mcpToolCall", "webSearch":
		for n, act := range i.actions() {
			id := i.call(n)
			c.call(id, act, at)
			if over {
				c.over(id, i.outcome(act), at)
				delete(c.printed, id)
			}
		}
	}
}

// call names one of the item's calls.
func (i codexItem) call(n int) string {
	if n == 0 {
		return i.ID
	}
	return fmt.Sprintf("%s-%d", i.ID, n)
}

// actions are what the item does, one for each file.
func (i codexItem) actions() (out []action) {
	switch i.Type {
	case "commandExecution":
		return []action{{kind: actBash, name: "exec_command", command: unwrapped(i.Command)}}
	case "fileChange":
		for _, change := range i.Changes {
			a := action{kind: actDiff, name: "apply_patch", path: change.Path, created: change.Kind.Type == "add", hunks: unified(change.Diff)}
			switch {
			case len(a.hunks) > 0:
			case change.Kind.Type == "delete":
				a.hunks = hunksOf(change.Diff, "")
			default:
				a.hunks = hunksOf("", change.Diff)
			}
			out = append(out, a)
		}
		return out
	case "webSearch":
		return []action{{name: "web_search", detail: i.Query}}
	}
	return []action{{name: i.Server + "_" + i.Tool, detail: string(i.Args)}}
}

func (i codexItem) outcome(a action) outcomeOf {
	o := outcomeOf{failed: i.Status == "failed", refused: i.Status == "declined", millis: i.Millis, hunks: a.hunks, created: a.created,
		output: strings.TrimRight(PlainText([]byte(i.Output)), "\n")}
	if i.Error != nil {
		o.problem = i.Error.Message
	}
	if o.failed {
		o.exit = -1
	}
	if i.ExitCode != nil {
		o.exit = *i.ExitCode
	}
	return o
}

// asked shows what it asks for.
func (c *codexReader) asked(r hold.Record, m codexMessage) {
	id := codexRequest(m.ID)
	if c.asks["ask-"+id] != nil {
		return // it was told once more
	}
	a := &ask{source: r.Source, record: id, tool: m.Params.ItemID, action: action{kind: actBash, name: "exec_command", command: unwrapped(m.Params.Command)}}
	if tool := m.Params.Meta.Tool; tool != "" {
		a.action = action{name: m.Params.Server + "_" + tool, detail: string(m.Params.Meta.Args)}
		for _, id := range slices.Sorted(maps.Keys(c.tools)) { // it does not say which call it is
			if t := c.tools[id]; !t.over && !t.asked && t.action.name == a.action.name {
				a.tool = id
				break
			}
		}
		a.no = codexTool
	} else if t := c.tools[a.tool]; t != nil {
		a.action = t.action
	}
	if a.no == "" && slices.Contains(m.Params.Decisions, any("decline")) {
		a.no = codexDecline
	}
	c.question(a)
}

// How a question is answered with no: without one of these its turn ends, as it does
// with the same answer in the terminal.
const (
	codexDecline = "decline"
	codexTool    = "tool"
)

// codexRequest makes a name of the server's own for a request.
func codexRequest(id json.RawMessage) string { return "codex-" + string(id) }

// Answer is the answer to its request.
func (c *codexReader) Answer(cardID string, allow bool, _ string) (hold.ReplyData, error) {
	a, err := c.waiting(cardID)
	if err != nil {
		return hold.ReplyData{}, err
	}
	verb, result := "decision", map[string]any{}
	if a.no == codexTool {
		verb, result["content"] = "action", map[string]any{}
	}
	switch {
	case allow:
		result[verb] = "accept"
	case a.no == "":
		result[verb] = "cancel"
	default:
		result[verb] = "decline"
	}
	body, err := json.Marshal(map[string]any{"id": json.RawMessage(strings.TrimPrefix(a.record, "codex-")), "result": result})
	return hold.ReplyData{Source: a.source, ID: a.record, Body: body, Note: verdict(allow)}, err
}

// Prompt begins a turn of the conversation that its terminal shows.
func (c *codexReader) Prompt(id, text string) (hold.ReplyData, bool) {
	if c.thread == "" {
		return hold.ReplyData{}, false
	}
	body, err := json.Marshal(map[string]any{"method": "turn/start", "params": map[string]any{
		"threadId": c.thread, "input": []any{map[string]string{"type": "text", "text": text}}}})
	return hold.ReplyData{Source: "server", ID: id, Body: body}, err == nil
}

// Release has nothing to do: its dialog and its server's request are the same.
func (c *codexReader) Release() []hold.ReplyData { return nil }

// unwrapped is the command that a shell was given.
func unwrapped(command string) string {
	_, inner, ok := strings.Cut(command, "bash -lc ")
	switch {
	case !ok:
		return command
	case len(inner) > 1 && inner[0] == '\'' && inner[len(inner)-1] == '\'':
		return strings.NewReplacer(`'\''`, `'`, `'"'"'`, `'`).Replace(inner[1 : len(inner)-1])
	case len(inner) > 1 && inner[0] == '"' && inner[len(inner)-1] == '"':
		return strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\$`, `$`, "\\`", "`").Replace(inner[1 : len(inner)-1])
	}
	return inner
}

// tailOf is the end of a text.
func tailOf(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[len(s)-n:], "")
}
