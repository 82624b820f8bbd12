// Package scripted is a language model that does what the prompt says, step by
// step, for tests of the real coding agents: they cannot tell it from a model that
// thinks. It speaks the Anthropic messages API and OpenAI's chat completions, both
// streamed.
//
// A prompt with a line that begins with "do:" is a script; its steps are separated
// by ";;":
//
//	do: say Let me see. ;; write /work/a.txt one ;; edit /work/a.txt one => two ;;
//	    run exit 3 ;; todo first, second ;; use lookup {"id": 1} ;; pause ;; say Done.
//
// What is used is a tool whose name ends so, with its input. What is edited are whole
// lines, for an agent that takes patches.
//
// What is said and the tool that follows it are one message of the model. After a
// pause nothing comes until [Model.Go].
package scripted

import (
	"encoding/json"
	"strings"
)

// step is one step of a script.
type step struct {
	verb string // say, write, edit, run, todo, use, pause
	rest string
}

// turn is one message of the model: what it says, and the tool that it calls.
type turn struct {
	say  []step // say and pause
	tool *step
}

// script gives the turns of the script in a prompt; none when there is none.
func script(prompt string) []turn {
	_, body, ok := strings.Cut(prompt, "do:")
	if !ok {
		return nil
	}
	var turns []turn
	var now turn
	for part := range strings.SplitSeq(body, ";;") {
		verb, rest, _ := strings.Cut(strings.TrimSpace(part), " ")
		s := step{verb, strings.TrimSpace(rest)}
		switch verb {
		case "say", "pause":
			now.say = append(now.say, s)
		case "write", "edit", "run", "todo", "use":
			now.tool = &s
			turns, now = append(turns, now), turn{}
		}
	}
	return append(turns, now)
}

// call is a tool call in the words of an agent.
type call struct {
	name  string
	input json.RawMessage
}

// calling finds the tool for a step among those that the agent offers. Agents call
// the same things by different names.
func calling(s step, offered map[string]bool) (call, bool) {
	pick := func(names ...string) string {
		for _, n := range names {
			if offered[n] {
				return n
			}
		}
		return ""
	}
	path, rest, _ := strings.Cut(s.rest, " ")
	var c call
	input := map[string]any{}
	switch s.verb {
	case "write":
		c.name = pick("Write", "write_file", "write", "exec_command")
		input[pathKey(c.name)], input["content"] = path, rest+"\n"
		if c.name == "exec_command" {
			input = patch("*** Add File: "+path, "+"+rest)
		}
	case "edit":
		from, to, _ := strings.Cut(rest, "=>")
		from, to = strings.TrimSpace(from), strings.TrimSpace(to)
		switch c.name = pick("Edit", "edit", "exec_command"); {
		case c.name == "exec_command":
			input = patch("*** Update File: "+path, "@@", "-"+from, "+"+to)
		case offered["bash"]: // opencode
			input["filePath"], input["oldString"], input["newString"] = path, from, to
		default:
			input["file_path"], input["old_string"], input["new_string"] = path, from, to
		}
	case "run":
		c.name = pick("Bash", "run_shell_command", "bash", "exec_command")
		input["command"], input["description"] = s.rest, "What the script says"
		if c.name == "exec_command" {
			input = map[string]any{"cmd": s.rest}
		}
		if c.name == "run_shell_command" {
			input["is_background"] = false
		}
	case "todo":
		c.name = pick("TodoWrite", "todo_write", "todowrite", "TaskCreate")
		var todos []any
		for i, t := range strings.Split(s.rest, ",") {
			status := "pending"
			if i == 0 {
				status = "in_progress"
			}
			t = strings.TrimSpace(t)
			todos = append(todos, map[string]any{"id": string(rune('1' + i)), "content": t, "activeForm": t, "status": status, "priority": "medium"})
		}
		input["todos"] = todos
		if c.name == "TaskCreate" {
			input = map[string]any{"subject": s.rest, "description": s.rest}
		}
	}
	if s.verb == "use" {
		for name := range offered {
			if strings.HasSuffix(name, path) {
				c.name = name
			}
		}
		return call{c.name, json.RawMessage(rest)}, c.name != "" && json.Valid([]byte(rest))
	}
	c.input, _ = json.Marshal(input)
	return c, c.name != ""
}

// patch is a change of a file as Codex has it made: by a command that is none.
func patch(lines ...string) map[string]any {
	return map[string]any{"cmd": "apply_patch <<'EOF'\n*** Begin Patch\n" + strings.Join(lines, "\n") + "\n*** End Patch\nEOF"}
}

func pathKey(tool string) string {
	if tool == "write" {
		return "filePath"
	}
	return "file_path"
}
