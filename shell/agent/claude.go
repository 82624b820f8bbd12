package agent

import (
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/shell/hold"
)

// claudeCode is Anthropic's Claude Code. It tells what it does by two side
// channels: hooks, which it posts to the holder, and the transcript that it keeps
// of every conversation, in which what the hooks do not say is found: errors of
// the model, and questions that were answered in the terminal with no.
func claudeCode() Agent {
	return Agent{
		Name: "claude-code", Title: "Claude Code", Program: "claude", API: Anthropic,
		Installed: []string{"node_modules/@anthropic-ai/claude-code-" + platform() + "/claude"},
		Get:       "Install it: make claude-code, or npm install -g @anthropic-ai/claude-code.",
		Modes:     []Mode{Plan, Ask, Edit, All},
		Prepare:   prepareClaude,
		Read:      func() Reader { return &claude{board: newBoard(), texts: map[string]bool{}, parts: map[string]string{}} },
	}
}

// claudeModes are our modes in its words.
var claudeModes = map[Mode]string{Plan: "plan", Ask: "default", Edit: "acceptEdits", All: "bypassPermissions"}

// claudeNotes are the hooks that are only told. PermissionRequest is answered.
var claudeNotes = []string{"UserPromptSubmit", "MessageDisplay", "PreToolUse", "PostToolUse", "PostToolUseFailure", "PostToolBatch", "Stop", "StopFailure", "SessionEnd"}

// claudeWait is how long a question may stay open, in seconds: as good as for ever.
const claudeWait = 30 * 24 * 3600

func prepareClaude(p Place) Launch {
	base := "http://127.0.0.1:" + hold.PortOf("hooks") + "/" + p.Nonce
	hooks := map[string]any{}
	hook := func(name, path string, timeout int) {
		hooks[name] = []any{map[string]any{"matcher": "*", "hooks": []any{map[string]any{"type": "http", "url": base + path, "timeout": timeout}}}}
	}
	for _, name := range claudeNotes {
		hook(name, "/note", 10)
	}
	hook("PermissionRequest", "/hold", claudeWait)
	settings, _ := json.Marshal(map[string]any{"hooks": hooks})
	seed := map[string]any{
		"hasCompletedOnboarding": true, "theme": "dark", "bypassPermissionsModeAccepted": true,
		"projects": map[string]any{p.Dir: map[string]any{"hasTrustDialogAccepted": true}},
	}
	env := []string{"DISABLE_AUTOUPDATER=1"}
	if p.Key != "" {
		seed["customApiKeyResponses"] = map[string]any{"approved": []string{p.Key[max(len(p.Key)-20, 0):]}, "rejected": []string{}}
		env = append(env, "ANTHROPIC_BASE_URL=http://127.0.0.1:"+hold.PortOf(hold.ModelCrossing), "ANTHROPIC_API_KEY="+p.Key,
			"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1")
	}
	if p.Model != "" {
		env = append(env, "ANTHROPIC_MODEL="+p.Model)
	}
	if p.Mode == All {
		env = append(env, "IS_SANDBOX=1") // it refuses the mode to root otherwise
	}
	seeds, _ := json.Marshal(seed)
	args := []string{"--settings", path.Join(p.Files, "claude.json"), "--permission-mode", claudeModes[p.Mode]}
	if p.Resume {
		args = append(args, "--resume", p.Conversation)
	} else {
		args = append(args, "--session-id", p.Conversation)
	}
	files := map[string]string{"claude.json": string(settings)}
	if len(p.Tools) > 0 {
		files["mcp.json"] = mcpServers(p.Tools, "url")
		args = append([]string{"--mcp-config", path.Join(p.Files, "mcp.json")}, args...) // it takes several: another flag has to follow
	}
	return Launch{
		Args: args, Env: env,
		Files: files,
		Seeds: map[string]string{".claude.json": string(seeds)},
		Sources: []hold.Source{
			{Name: "hooks", Kind: hold.Hooks, Secret: p.Nonce},
			{Name: "transcript", Kind: hold.Tail, Root: "home", Keep: []string{"user", "assistant", "system"},
				Path: path.Join(".claude/projects", claudeFolder.ReplaceAllString(p.Dir, "-"), p.Conversation+".jsonl")},
		},
	}
}

// claudeFolder is what it makes of a path to name a folder after.
var claudeFolder = regexp.MustCompile(`[^A-Za-z0-9]`)

// claude reads its records.
type claude struct {
	board
	prompts int
	texts   map[string]bool   // said in full
	parts   map[string]string // said so far
}

// claudeHook is what a hook says, as far as cards need it.
type claudeHook struct {
	Event      string          `json:"hook_event_name"`
	Prompt     string          `json:"prompt"`
	MessageID  string          `json:"message_id"`
	Index      int             `json:"index"`
	Delta      string          `json:"delta"`
	Final      bool            `json:"final"`
	ToolUseID  string          `json:"tool_use_id"`
	ToolName   string          `json:"tool_name"`
	ToolInput  json.RawMessage `json:"tool_input"`
	Response   json.RawMessage `json:"tool_response"`
	Error      string          `json:"error"`
	DurationMS int64           `json:"duration_ms"`
}

func (c *claude) Read(r hold.Record) []Update {
	switch {
	case c.channel(r):
	case r.Source == "hooks":
		c.hook(r)
	case r.Source == "transcript":
		c.transcript(r)
	}
	return c.take()
}

func (c *claude) hook(r hold.Record) {
	var h claudeHook
	if json.Unmarshal(r.Data, &h) != nil {
		return
	}
	switch h.Event {
	case "UserPromptSubmit":
		c.prompts++
		c.person(fmt.Sprintf("prompt-%d", c.prompts), h.Prompt, r.At)
	case "MessageDisplay":
		id := "text-" + h.MessageID
		if c.texts[id] {
			return
		}
		// It says nothing of the state, and begins nothing anew: the end of what is said
		// may come after Stop.
		c.parts[id] += h.Delta
		delete(c.said, id)
		c.more(id, c.parts[id])
		if h.Final {
			c.texts[id] = true
			c.told(id, c.parts[id])
			delete(c.parts, id)
		}
	case "PreToolUse":
		c.call(h.ToolUseID, actionOf(h.ToolName, h.ToolInput), r.At)
	case "PermissionRequest":
		act := actionOf(h.ToolName, h.ToolInput)
		c.question(&ask{source: r.Source, record: r.ID, action: act, tool: c.match(act)})
	case "PostToolUse":
		c.over(h.ToolUseID, claudeOutcome(h.Response, h.DurationMS), r.At)
	case "PostToolUseFailure":
		c.over(h.ToolUseID, claudeFailure(h.Error, h.DurationMS), r.At)
	case "Stop", "StopFailure", "SessionEnd":
		c.done(r.At)
	}
}

// match finds the call that a permission is asked for: the hook does not name it,
// but it is one that has begun, with the same input.
func (c *claude) match(act action) string {
	best := ""
	var at time.Time
	for id, t := range c.tools {
		if !t.over && !t.asked && t.action.name == act.name && t.action.what() == act.what() && !t.at.Before(at) {
			best, at = id, t.at
		}
	}
	return best
}

// claudeOutcome reads what a tool that went well has answered.
func claudeOutcome(raw json.RawMessage, millis int64) outcomeOf {
	o := outcomeOf{millis: millis}
	var d struct {
		Stdout string `json:"stdout"`
		Stderr string `json:"stderr"`
		Type   string `json:"type"`
		Patch  []struct {
			OldStart int      `json:"oldStart"`
			NewStart int      `json:"newStart"`
			Lines    []string `json:"lines"`
		} `json:"structuredPatch"`
	}
	if json.Unmarshal(raw, &d) != nil {
		return o
	}
	o.output = strings.TrimRight(PlainText([]byte(d.Stdout+nonEmpty("\n", d.Stderr))), "\n")
	o.created = d.Type == "create"
	for _, p := range d.Patch {
		o.hunks = append(o.hunks, card.Hunk{OldStart: p.OldStart, NewStart: p.NewStart, Lines: p.Lines})
	}
	return o
}

func nonEmpty(before, s string) string {
	if s == "" {
		return ""
	}
	return before + s
}

var claudeExit = regexp.MustCompile(`^(?:Error: )?Exit code (\d+)\n?`)

// claudeFailure reads why a tool has failed; of a command also its exit code.
func claudeFailure(problem string, millis int64) outcomeOf {
	o := outcomeOf{failed: true, problem: problem, output: PlainText([]byte(problem)), exit: -1, millis: millis}
	if m := claudeExit.FindStringSubmatch(problem); m != nil {
		o.exit, _ = strconv.Atoi(m[1])
		o.output = strings.TrimRight(PlainText([]byte(problem[len(m[0]):])), "\n")
	}
	return o
}

func (c *claude) transcript(r hold.Record) {
	var t struct {
		Type       string `json:"type"`
		IsAPIError bool   `json:"isApiErrorMessage"`
		UUID       string `json:"uuid"`
		IsMeta     bool   `json:"isMeta"`
		Decision   struct {
			Decision string `json:"decision"`
		} `json:"permissionDecision"`
		Message struct {
			ID      string          `json:"id"`
			Content json.RawMessage `json:"content"`
		} `json:"message"`
		Result json.RawMessage `json:"toolUseResult"`
	}
	if json.Unmarshal(r.Data, &t) != nil {
		return
	}
	var parts []contentPart
	_ = json.Unmarshal(t.Message.Content, &parts)
	for _, p := range parts {
		switch {
		case t.Type == "assistant" && t.IsAPIError && p.Type == "text":
			c.failed("error-"+t.UUID, p.Text)
			c.done(r.At)
		case t.Type == "assistant" && p.Type == "tool_use":
			c.call(p.ID, actionOf(p.Name, p.Input), r.At)
		case t.Type == "user" && p.Type == "tool_result":
			said := contentText(p.Content)
			switch {
			case p.IsError && t.Decision.Decision == "reject":
				c.over(p.ToolID, outcomeOf{failed: true, refused: true, problem: said}, r.At)
			case p.IsError:
				c.over(p.ToolID, claudeFailure(said, 0), r.At)
			default:
				o := claudeOutcome(t.Result, 0)
				c.over(p.ToolID, o, r.At)
			}
		case t.Type == "user" && p.Type == "text" && strings.HasPrefix(p.Text, "[Request interrupted"):
			c.done(r.At)
		}
	}
}

// contentPart is a part of a message in the wire format of Anthropic, which the
// transcripts of several agents keep.
type contentPart struct {
	Type    string          `json:"type"`
	Text    string          `json:"text"`
	ID      string          `json:"id"`
	Name    string          `json:"name"`
	Input   json.RawMessage `json:"input"`
	ToolID  string          `json:"tool_use_id"`
	IsError bool            `json:"is_error"`
	Content json.RawMessage `json:"content"`
}

// contentText is the text of a content that is a string or a list of parts.
func contentText(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var parts []struct {
		Text string `json:"text"`
	}
	_ = json.Unmarshal(raw, &parts)
	for _, p := range parts {
		s += p.Text
	}
	return s
}

// Answer replies to the hook that asks.
func (c *claude) Answer(cardID string, allow bool, message string) (hold.ReplyData, error) {
	a, err := c.waiting(cardID)
	if err != nil {
		return hold.ReplyData{}, err
	}
	decision := map[string]any{"behavior": "allow"}
	if !allow {
		decision = map[string]any{"behavior": "deny", "message": first(message, "The person denied this.")}
	}
	body, err := json.Marshal(map[string]any{"hookSpecificOutput": map[string]any{"hookEventName": "PermissionRequest", "decision": decision}})
	return hold.ReplyData{Source: a.source, ID: a.record, Body: body, Note: verdict(allow)}, err
}

// Release lets hooks go whose question was answered in the terminal: it leaves them
// open otherwise.
func (c *claude) Release() (out []hold.ReplyData) {
	for _, a := range c.left() {
		out = append(out, hold.ReplyData{Source: a.source, ID: a.record, Body: json.RawMessage("{}")})
	}
	return out
}
