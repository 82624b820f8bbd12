package agent

import (
	"encoding/json"
	"maps"
	"path"
	"strconv"
	"strings"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/shell/hold"
)

// openCode is OpenCode. Its terminal is a client of an HTTP server within the same
// program, which tells everything as server-sent events and takes answers; the
// server is for who knows its password.
func openCode() Agent {
	return Agent{
		Name: "opencode", Title: "OpenCode", Program: "opencode", API: OpenAI,
		Installed: []string{"node_modules/opencode-" + platform() + "/bin/opencode"},
		Get:       "Install it: make opencode, or npm install -g opencode-ai.",
		Modes:     []Mode{Plan, Ask, Edit, All},
		Shows:     true,
		Prepare:   prepareOpenCode,
		Read: func() Reader {
			o := &openCodeReader{board: newBoard(), roles: map[string]string{}, parts: map[string]string{}}
			o.deaf = true // its server tells nothing of what was before somebody listened
			return o
		},
	}
}

// openCodeMay are our modes in its words. What is not named it may do unasked, as
// reading.
var openCodeMay = map[Mode]map[string]string{
	Plan: {"edit": "deny", "bash": "deny", "webfetch": "ask", "external_directory": "ask", "doom_loop": "deny"},
	Ask:  {"edit": "ask", "bash": "ask", "webfetch": "ask", "external_directory": "ask", "doom_loop": "ask"},
	Edit: {"edit": "allow", "bash": "ask", "webfetch": "ask", "external_directory": "ask", "doom_loop": "ask"},
	All:  {"edit": "allow", "bash": "allow", "webfetch": "allow", "external_directory": "allow", "doom_loop": "allow"},
}

func prepareOpenCode(p Place) Launch {
	model := first(p.Model, "default")
	// What is not named it may do unasked, hence servers' tools are.
	may := maps.Clone(openCodeMay[p.Mode])
	servers := map[string]any{}
	for _, t := range p.Tools {
		if p.Mode != All {
			may[t.Name+"_*"] = "ask"
		}
		if t.URL == "" {
			servers[t.Name] = map[string]any{"type": "local", "command": t.Command, "environment": t.Env, "enabled": true}
			continue
		}
		servers[t.Name] = map[string]any{"type": "remote", "url": t.URL, "headers": map[string]string{"Authorization": "Bearer " + t.Secret}, "oauth": false, "enabled": true}
	}
	config, _ := json.Marshal(map[string]any{
		"mcp":        servers,
		"autoupdate": false, "share": "disabled",
		"model": "sandbox/" + model, "small_model": "sandbox/" + model, "enabled_providers": []string{"sandbox"},
		"provider": map[string]any{"sandbox": map[string]any{
			"npm": "@ai-sdk/openai-compatible", "name": "Sandbox", // it is built in, in spite of the name
			"options": map[string]any{"baseURL": "http://127.0.0.1:" + hold.PortOf(hold.ModelCrossing), "apiKey": p.Key},
			"models":  map[string]any{model: map[string]any{"name": model}},
		}},
	})
	// A project's own configuration is read after ours, and this after that: what a
	// repository brings along never widens what was chosen.
	allowed, _ := json.Marshal(may)
	args := []string{"--hostname", "127.0.0.1", "--port", strconv.Itoa(p.Port)}
	if p.Mode == Plan {
		args = append(args, "--agent", "plan")
	}
	if p.Resume {
		args = append(args, "--continue")
	}
	return Launch{
		Args: args,
		Env: []string{"OPENCODE_CONFIG=" + path.Join(p.Files, "opencode.json"), "OPENCODE_PERMISSION=" + string(allowed), "OPENCODE_SERVER_PASSWORD=" + p.Nonce,
			"OPENCODE_DISABLE_MODELS_FETCH=1", "OPENCODE_DISABLE_AUTOUPDATE=1", "OPENCODE_DISABLE_LSP_DOWNLOAD=1", "OPENCODE_DISABLE_SHARE=1"},
		Files: map[string]string{"opencode.json": string(config)},
		Sources: []hold.Source{{Name: "events", Kind: hold.Events, Path: "/event", User: "opencode", Secret: p.Nonce, Keep: []string{
			"server.connected", "message.updated", "message.part.updated", "message.part.delta", "permission.asked", "permission.replied", "session.idle", "session.error", "todo.updated",
		}}},
		Serve: map[string]int{"events": p.Port},
	}
}

// openCodeReader reads its records.
type openCodeReader struct {
	board
	roles map[string]string // of messages
	parts map[string]string // the message of a part that is text
}

// openCodeEvent is an event, as far as cards need it.
type openCodeEvent struct {
	Type       string `json:"type"`
	Properties struct {
		Info struct {
			ID    string         `json:"id"`
			Role  string         `json:"role"`
			Error *openCodeError `json:"error"`
		} `json:"info"`
		Part      openCodePart `json:"part"`
		PartID    string       `json:"partID"`
		Field     string       `json:"field"`
		Delta     string       `json:"delta"`
		ID        string       `json:"id"`
		RequestID string       `json:"requestID"`
		Reply     string       `json:"reply"`
		// Permission is what kind of thing it asks for.
		Permission string   `json:"permission"`
		Patterns   []string `json:"patterns"`
		Metadata   struct {
			FilePath string `json:"filepath"`
			Diff     string `json:"diff"`
			Command  string `json:"command"`
		} `json:"metadata"`
		Tool struct {
			CallID string `json:"callID"`
		} `json:"tool"`
		Error *openCodeError `json:"error"`
		Todos []struct {
			Content string `json:"content"`
			Status  string `json:"status"`
		} `json:"todos"`
	} `json:"properties"`
}

type openCodeError struct {
	Name string `json:"name"`
	Data struct {
		Message string `json:"message"`
	} `json:"data"`
}

// openCodePart is a part of a message: a text, or the call of a tool.
type openCodePart struct {
	ID        string `json:"id"`
	MessageID string `json:"messageID"`
	Type      string `json:"type"`
	Text      string `json:"text"`
	Synthetic bool   `json:"synthetic"`
	Time      struct {
		End int64 `json:"end"`
	} `json:"time"`
	Tool   string `json:"tool"`
	CallID string `json:"callID"`
	State  struct {
		Status   string          `json:"status"`
		Input    json.RawMessage `json:"input"`
		Output   string          `json:"output"`
		Error    string          `json:"error"`
		Metadata struct {
			Output string `json:"output"`
			Exit   *int   `json:"exit"`
			Diff   string `json:"diff"`
			Exists *bool  `json:"exists"`
		} `json:"metadata"`
		Time struct {
			Start int64 `json:"start"`
			End   int64 `json:"end"`
		} `json:"time"`
	} `json:"state"`
}

func (o *openCodeReader) Read(r hold.Record) []Update {
	var e openCodeEvent
	if o.channel(r) || r.Source != "events" || json.Unmarshal(r.Data, &e) != nil {
		return o.take()
	}
	o.deaf = false
	p := e.Properties
	switch e.Type {
	case "message.updated":
		o.roles[p.Info.ID] = p.Info.Role
		o.trouble("error-"+p.Info.ID, p.Info.Error)
	case "session.error":
		o.trouble("error-"+r.ID, p.Error)
	case "message.part.updated":
		o.part(r, p.Part)
	case "message.part.delta":
		if o.parts[p.PartID] != "" && p.Field == "text" {
			o.more("text-"+p.PartID, p.Delta)
		}
	case "permission.asked":
		o.asked(r, e)
	case "permission.replied":
		if a := o.asks["ask-"+p.RequestID]; a != nil {
			a.open = false
			if a.state == "waiting" {
				state := "allowed"
				if p.Reply == "reject" {
					state = "denied"
				}
				o.close(a, state, "terminal")
			}
		}
	case "todo.updated":
		var items []card.TodoItem
		for _, t := range p.Todos {
			state := map[string]string{"in_progress": "active", "completed": "done", "cancelled": "done"}[t.Status]
			items = append(items, card.TodoItem{Text: clip(t.Content, 500), State: first(state, "pending")})
		}
		o.todo(items)
	case "session.idle":
		o.done(r.At)
	}
	return o.take()
}

// trouble shows an error, but for a person's own wish to stop.
func (o *openCodeReader) trouble(id string, e *openCodeError) {
	if e != nil && e.Name != "MessageAbortedError" {
		o.failed(id, first(e.Data.Message, e.Name))
	}
}

func (o *openCodeReader) part(r hold.Record, p openCodePart) {
	switch p.Type {
	case "text":
		switch role := o.roles[p.MessageID]; {
		case p.Synthetic: // what it tells its model beside the prompt
		case role == "user":
			o.person("prompt-"+p.ID, p.Text, r.At)
		case role == "assistant" && p.Time.End > 0:
			o.told("text-"+p.ID, p.Text)
			delete(o.parts, p.ID)
		case role == "assistant":
			o.parts[p.ID], o.state = p.MessageID, Working
		}
	case "tool":
		if p.State.Status == "pending" { // what it is called with is not complete
			return
		}
		o.call(p.CallID, actionOf(p.Tool, p.State.Input), r.At)
		switch p.State.Status {
		case "running":
			if p.State.Metadata.Output != "" {
				o.progress(p.CallID, PlainText([]byte(p.State.Metadata.Output)))
			}
		case "completed", "error":
			o.over(p.CallID, p.outcome(), r.At)
		}
	}
}

// outcome is how a call of a tool ended.
func (p openCodePart) outcome() outcomeOf {
	s := p.State
	o := outcomeOf{problem: s.Error, failed: s.Status == "error", output: strings.TrimRight(PlainText([]byte(first(s.Metadata.Output, s.Output))), "\n"),
		hunks: unified(s.Metadata.Diff), created: s.Metadata.Exists != nil && !*s.Metadata.Exists}
	if s.Time.End > s.Time.Start && s.Time.Start > 0 {
		o.millis = s.Time.End - s.Time.Start
	}
	if o.failed {
		o.exit = -1
		o.refused = strings.Contains(s.Error, "rejected permission") || strings.Contains(s.Error, "prevents you from using")
	}
	if s.Metadata.Exit != nil {
		o.exit = *s.Metadata.Exit
	}
	return o
}

// asked shows what it asks for, from what the tool was called with; what that does
// not say is in the question.
func (o *openCodeReader) asked(r hold.Record, e openCodeEvent) {
	p := e.Properties
	act := action{name: p.Permission, detail: strings.Join(p.Patterns, "\n")}
	if t := o.tools[p.Tool.CallID]; t != nil && p.Permission != "external_directory" {
		act = t.action
	}
	if hunks := unified(p.Metadata.Diff); len(hunks) > 0 {
		act.kind, act.path, act.hunks = actDiff, first(p.Metadata.FilePath, act.path), hunks
	}
	o.question(&ask{source: r.Source, record: p.ID, action: act, tool: p.Tool.CallID})
}

// Answer goes to its server.
func (o *openCodeReader) Answer(cardID string, allow bool, message string) (hold.ReplyData, error) {
	a, err := o.waiting(cardID)
	if err != nil {
		return hold.ReplyData{}, err
	}
	said := map[string]string{"reply": "once"}
	if !allow {
		said["reply"] = "reject"
		if message != "" {
			said["message"] = message
		}
	}
	body, err := json.Marshal(said)
	return hold.ReplyData{Source: a.source, ID: a.record, Path: "/permission/" + a.record + "/reply", Body: body, Note: verdict(allow)}, err
}

// Release has nothing to do: its dialog and its server are the same.
func (o *openCodeReader) Release() []hold.ReplyData { return nil }
