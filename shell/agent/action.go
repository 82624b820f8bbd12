package agent

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/openova-io/sandbox/conversation/card"
)

// What a call of a tool does, whatever the agent calls the tool.
const (
	actOther = iota
	actBash
	actDiff
	actTodo
)

// action is a call of a tool, in our words.
type action struct {
	kind    int
	name    string // as the agent calls the tool
	command string
	path    string
	hunks   []card.Hunk
	created bool
	todos   []card.TodoItem
	detail  string
}

// what it does, for the question whether it may.
func (a action) what() string {
	switch a.kind {
	case actBash:
		return a.command
	case actDiff:
		return a.path
	}
	return a.detail
}

// toolInput are the fields of the tools of the agents that we know. They call the
// same things by different names.
type toolInput struct {
	Command     string          `json:"command"`
	FilePath    string          `json:"file_path"`
	FilePath2   string          `json:"filePath"`
	Path        string          `json:"path"`
	Content     string          `json:"content"`
	OldString   string          `json:"old_string"`
	OldString2  string          `json:"oldString"`
	NewString   string          `json:"new_string"`
	NewString2  string          `json:"newString"`
	Pattern     string          `json:"pattern"`
	URL         string          `json:"url"`
	Query       string          `json:"query"`
	Description string          `json:"description"`
	Subject     string          `json:"subject"`
	Plan        string          `json:"plan"`
	Name        string          `json:"name"`
	Arguments   json.RawMessage `json:"arguments"`
	Edits       []struct {
		OldString string `json:"old_string"`
		NewString string `json:"new_string"`
	} `json:"edits"`
	Todos []struct {
		Content string `json:"content"`
		Status  string `json:"status"`
	} `json:"todos"`
}

// actionOf reads a call of a tool.
func actionOf(name string, raw json.RawMessage) action {
	var in toolInput
	_ = json.Unmarshal(raw, &in)
	if name == "tool_call" && in.Name != "" && in.Name != name { // Qwen Code's, for tools that it shows its model by name only
		return actionOf(in.Name, in.Arguments)
	}
	path := first(in.FilePath, in.FilePath2, in.Path)
	a := action{name: name, path: path}
	switch strings.ToLower(name) {
	case "bash", "run_shell_command":
		a.kind, a.command = actBash, in.Command
	case "write", "write_file":
		a.kind, a.created = actDiff, true
		a.hunks = hunksOf("", in.Content)
	case "edit", "multiedit", "replace":
		a.kind = actDiff
		a.hunks = hunksOf(first(in.OldString, in.OldString2), first(in.NewString, in.NewString2))
		for _, e := range in.Edits {
			a.hunks = append(a.hunks, hunksOf(e.OldString, e.NewString)...)
		}
	case "todowrite", "todo_write":
		a.kind = actTodo
		for _, t := range in.Todos {
			state := map[string]string{"in_progress": "active", "completed": "done"}[t.Status]
			a.todos = append(a.todos, card.TodoItem{Text: clip(t.Content, 500), State: first(state, "pending")})
		}
	default:
		a.detail = first(path, in.Pattern, in.URL, in.Query, in.Command, in.Plan, in.Subject, in.Description)
	}
	return a
}

func first(all ...string) string {
	for _, s := range all {
		if s != "" {
			return s
		}
	}
	return ""
}

// hunksOf is the change from one text to another as a hunk, as far as the two say:
// where in the file it is they do not.
func hunksOf(from, to string) []card.Hunk {
	h := card.Hunk{}
	for _, l := range linesOf(from) {
		h.Lines = append(h.Lines, "-"+l)
	}
	for _, l := range linesOf(to) {
		h.Lines = append(h.Lines, "+"+l)
	}
	if len(h.Lines) == 0 {
		return nil
	}
	return []card.Hunk{h}
}

func linesOf(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(s, "\n"), "\n")
}

// unified reads the hunks of a change in the unified format.
func unified(diff string) (hunks []card.Hunk) {
	for line := range strings.SplitSeq(diff, "\n") {
		var h card.Hunk
		if strings.HasPrefix(line, "@@ -") {
			var oldLines, newLines int
			if n, _ := fmt.Sscanf(line, "@@ -%d,%d +%d,%d @@", &h.OldStart, &oldLines, &h.NewStart, &newLines); n < 4 {
				h.OldStart, h.NewStart = 0, 0
			}
			hunks = append(hunks, h)
			continue
		}
		if len(hunks) == 0 || line == "" || !strings.ContainsRune(" +-", rune(line[0])) {
			continue
		}
		last := &hunks[len(hunks)-1]
		last.Lines = append(last.Lines, line)
	}
	return hunks
}

// maxHunkLines bounds what a card shows of a change.
const maxHunkLines = 400

// diffCard shows a change of a file.
func diffCard(id, path string, hunks []card.Hunk, created bool, o outcomeOf) card.Card {
	data := card.DiffData{Path: path, State: "made", Created: created, Problem: clip(o.problem, 2<<10)}
	switch {
	case o.refused:
		data.State, data.Problem = "failed", "It was denied."
	case o.failed:
		data.State = "failed"
	}
	left := maxHunkLines
	var text strings.Builder
	for _, h := range hunks {
		shown := card.Hunk{OldStart: h.OldStart, NewStart: h.NewStart}
		for _, l := range h.Lines {
			switch {
			case strings.HasPrefix(l, "+"):
				data.Added++
			case strings.HasPrefix(l, "-"):
				data.Removed++
			}
			if left--; left < 0 {
				data.Cut = true
				continue
			}
			shown.Lines = append(shown.Lines, clip(l, 2000))
			text.WriteString(clip(l, 200) + "\n")
		}
		if len(shown.Lines) > 0 {
			data.Hunks = append(data.Hunks, shown)
		}
	}
	head := path + fmt.Sprintf(" (+%d −%d)", data.Added, data.Removed)
	if data.State == "failed" {
		head += ", failed: " + firstLine(data.Problem)
	}
	return card.New(id, card.KindDiff, path, head+"\n"+clip(strings.TrimRight(text.String(), "\n"), 4<<10), data)
}
