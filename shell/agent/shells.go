package agent

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/shell/hold"
)

// The start files of the shells put marks around every prompt and command (OSC
// 133, 633;E, 633;P;Cwd), each with the session's nonce. The nonce is a variable
// of the shell that is not exported, and the file deletes itself when it is read,
// so that a program in the session cannot print a mark that counts.

const bashFile = `# Start file of a session: the marks that command cards are made of.
__sandbox_nonce='%[1]s'
rm -f -- '%[2]s'
[ -r /etc/bash.bashrc ] && . /etc/bash.bashrc
[ -r ~/.bashrc ] && . ~/.bashrc
# The history is the session's own; it keeps every line as it was typed.
set -o history
shopt -s cmdhist lithist histappend
HISTCONTROL= HISTIGNORE=
__sandbox_escape() {
  local LC_ALL=C s=$1
  s=${s//\\/\\\\}; s=${s//;/\\x3b}; s=${s//$'\n'/\\x0a}; s=${s//$'\e'/\\x1b}; s=${s//$'\a'/\\x07}; s=${s//$'\r'/\\x0d}
  printf '%%s' "$s"
}
__sandbox_before() {
  local h
  h=$(HISTTIMEFORMAT= builtin history 1)
  [[ $h =~ ^[[:space:]]*[0-9]+\*?[[:space:]]+(.*)$ ]] && h=${BASH_REMATCH[1]}
  printf '\e]633;E;%%s;%%s\a\e]133;C;%%s\a' "$(__sandbox_escape "$h")" "$__sandbox_nonce" "$__sandbox_nonce"
}
__sandbox_prompt() {
  local status=$?
  printf '\e]133;D;%%s;%%s\a\e]633;P;Cwd=%%s;%%s\a\e]7;file://%%s\a' "$status" "$__sandbox_nonce" "$(__sandbox_escape "$PWD")" "$__sandbox_nonce" "$PWD"
  return $status
}
PROMPT_COMMAND=(__sandbox_prompt "${PROMPT_COMMAND[@]}")
PS0='$(__sandbox_before)'"$PS0"
`

func bash() Agent {
	return Agent{
		Name: "bash", Title: "Bash", Program: "bash", Read: readCommands,
		Get: "Install it: apt-get install bash.",
		Prepare: func(p Place) Launch {
			file := path.Join(p.Files, "bashrc")
			return Launch{Args: []string{"--rcfile", file, "-i"}, Files: map[string]string{"bashrc": fmt.Sprintf(bashFile, p.Nonce, file)}}
		},
	}
}

const zshFile = `# Start file of a session: the marks that command cards are made of.
__sandbox_nonce='%[1]s'
rm -f -- '%[2]s'
ZDOTDIR=$HOME
[[ -r ~/.zshrc ]] && . ~/.zshrc
HISTFILE=${HISTFILE:-$HOME/.zsh_history} HISTSIZE=10000 SAVEHIST=10000
[[ -n $PS1 ]] && PS1=${PS1}
unsetopt PROMPT_SP
__sandbox_escape() {
  emulate -L zsh
  local s=$1
  s=${s//\\/\\\\}; s=${s//;/\\x3b}; s=${s//$'\n'/\\x0a}; s=${s//$'\e'/\\x1b}; s=${s//$'\a'/\\x07}; s=${s//$'\r'/\\x0d}
  print -rn -- "$s"
}
__sandbox_before() {
  printf '\e]633;E;%%s;%%s\a\e]133;C;%%s\a' "$(__sandbox_escape "$1")" "$__sandbox_nonce" "$__sandbox_nonce"
}
__sandbox_prompt() {
  local code=$?
  printf '\e]133;D;%%s;%%s\a\e]633;P;Cwd=%%s;%%s\a\e]7;file://%%s\a' "$code" "$__sandbox_nonce" "$(__sandbox_escape "$PWD")" "$__sandbox_nonce" "$PWD"
  return $code
}
precmd_functions=(__sandbox_prompt $precmd_functions)
preexec_functions+=(__sandbox_before)
`

func zsh() Agent {
	return Agent{
		Name: "zsh", Title: "Zsh", Program: "zsh", Read: readCommands,
		Get: "Install it: apt-get install zsh.",
		Prepare: func(p Place) Launch {
			return Launch{Args: []string{"-i"}, Env: []string{"ZDOTDIR=" + p.Files},
				Files: map[string]string{".zshrc": fmt.Sprintf(zshFile, p.Nonce, path.Join(p.Files, ".zshrc"))}}
		},
	}
}

// commands reads the marks of a shell.
type commands struct{ state State }

func readCommands() Reader { return &commands{} }

func (c *commands) State() State { return c.state }

func (c *commands) Hears() bool { return true }

func (c *commands) Answer(string, bool, string) (hold.ReplyData, error) {
	return hold.ReplyData{}, fault.New(fault.NotFound, "a shell asks for no permission")
}

func (c *commands) Prompt(string, string) (hold.ReplyData, bool) { return hold.ReplyData{}, false }

func (c *commands) Release() []hold.ReplyData { return nil }

// Read makes a card of every command. The card of its end has the id of the card
// of its start and so replaces it.
func (c *commands) Read(r hold.Record) (out []Update) {
	if r.Kind == "start" || r.Kind == "end" {
		c.state = map[string]State{"start": Working, "end": Idle}[r.Kind]
		data := card.BashData{Command: r.Command, Dir: r.Dir, Running: r.Kind == "start", FullScreen: r.Alternate, Millis: r.Millis, Skipped: r.Skipped}
		data.StartedAt = r.At.Add(-durationOf(r)).UTC().Format("2006-01-02T15:04:05.000Z")
		text := "$ " + r.Command
		if r.Kind == "end" {
			code := r.Exit
			data.ExitCode = &code
			data.Output = PlainText(r.Output)
			if r.Skipped > 0 {
				data.Output += fmt.Sprintf("\n[%d bytes left out]\n", r.Skipped)
			}
			data.Output = strings.TrimRight(data.Output+PlainText(r.Tail), "\n")
			text += "\n" + lastLines(data.Output, 5) + "\n" + outcome(code, r)
		} else {
			text += "\nrunning"
		}
		out = append(out, Update{Card: card.New("cmd-"+strconv.FormatUint(r.Offset, 10), card.KindBash, firstLine(r.Command), strings.ReplaceAll(text, "\n\n", "\n"), data)})
	}
	return out
}

func outcome(code int, r hold.Record) string {
	took := durationOf(r).Round(1e6).String()
	switch {
	case r.Alternate:
		return "a full-screen program, exit " + strconv.Itoa(code) + " after " + took
	case code == 0:
		return "done in " + took
	case code < 0:
		return "the session ended while it ran"
	}
	return "failed with exit " + strconv.Itoa(code) + " after " + took
}

func firstLine(s string) string {
	s, rest, more := strings.Cut(s, "\n")
	if r := []rune(s); len(r) > 80 {
		return string(r[:79]) + "…"
	}
	if more && rest != "" {
		s += " …"
	}
	return s
}

func lastLines(s string, n int) string {
	lines := strings.Split(s, "\n")
	if len(lines) > n {
		lines = append([]string{"…"}, lines[len(lines)-n:]...)
	}
	return strings.Join(lines, "\n")
}
