package shell_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openova-io/sandbox/shell"
	"github.com/openova-io/sandbox/shell/hold"
)

// cutPoints is at how many places of a stream somebody comes late.
const cutPoints = 12

// late is a stream with what somebody is given who comes in its middle.
type late struct {
	Cols   int      `json:"cols"`
	Rows   int      `json:"rows"`
	Stream string   `json:"stream"`
	Cuts   []lateAt `json:"cuts"`
}

type lateAt struct {
	At    int    `json:"at"`
	Paint string `json:"paint"`
}

// fidelity compares screens that begin with a snapshot somewhere in a session's
// recording with the one that saw everything: here, and with xterm.js, as pages do.
func fidelity(t *testing.T, name, dir string) {
	t.Helper()
	f, err := os.Open(hold.RecordingPath(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 64<<20)
	lines.Scan()
	var header struct {
		Term struct{ Cols, Rows int }
	}
	if err := json.Unmarshal(lines.Bytes(), &header); err != nil {
		t.Fatal(err)
	}
	var stream []byte
	for lines.Scan() {
		var e [3]any
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			break // the session goes on, and this line was not written whole
		}
		switch e[1] {
		case "o":
			stream = append(stream, e[2].(string)...)
		case "r": // everybody gets a new picture then
			t.Fatalf("%s: its size was changed", name)
		}
	}
	cols, rows := header.Term.Cols, header.Term.Rows
	all := late{Cols: cols, Rows: rows, Stream: base64.StdEncoding.EncodeToString(stream)}
	whole := hold.NewScreen(cols, rows, nil)
	defer whole.Close()
	at := 0
	var begun []hold.Screen
	for i := 1; i <= cutPoints; i++ {
		next := len(stream) * i / (cutPoints + 1)
		whole.Write(stream[at:next])
		for _, s := range begun {
			s.Write(stream[at:next])
		}
		at = next
		picture := whole.Snapshot()
		all.Cuts = append(all.Cuts, lateAt{at, base64.StdEncoding.EncodeToString(picture)})
		s := hold.NewScreen(cols, rows, nil)
		defer s.Close()
		s.Write(picture)
		begun = append(begun, s)
	}
	whole.Write(stream[at:])
	for i, s := range begun {
		s.Write(stream[at:])
		if !bytes.Equal(s.Snapshot(), whole.Snapshot()) {
			t.Errorf("%s: who comes at %d of %d shows something else at the end", name, all.Cuts[i].At, len(stream))
		}
	}
	raw, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, name+".json"), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("../web/app/node_modules/@xterm/headless"); err != nil {
		t.Log("not compared in xterm.js: the web app's packages are not here; make build fetches them")
		return
	}
	cmd := exec.Command("node", "dev/fidelity.mjs", folder)
	cmd.Dir = "../web/app"
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("in xterm.js it is not the same: %v", err)
	}
}

// TestSnapshotsOfPrograms records what programs that use the whole screen really
// write, and comes late to it.
func TestSnapshotsOfPrograms(t *testing.T) {
	t.Parallel()
	r := newRig(t, hold.Pod)
	work := t.TempDir()
	if err := os.WriteFile(filepath.Join(work, "main.go"), []byte(strings.Repeat("package main // é 日本 🎉\n\nfunc main() {\n\tprintln(\"hello\")\n}\n\n", 30)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		program string
		steps   []string // what is typed, and what is shown then, in turn; "2>" is the second prompt
	}{
		{"bash", []string{"printf '\\e[1;31mred\\e[0m 日本 🎉 e\\u0301 👩‍👩‍👧 \\e[7mback\\e[0m\\e[38;2;1;2;3mrgb\\e[0m\\n'; seq 1 200\n", "2>", "ls -la --color=always /usr /etc\n", "3>"}},
		{"vim", []string{"vim -u NONE -N -c 'syntax on' -c 'set number' main.go\n", "package", "\x06\x06\x02/main\r", "func", "ihello 日本 🎉\x1b", "hello 日本", ":split\r:qa!\r", "2>"}},
		{"less", []string{"less -S main.go\n", "package", " /hello\r", "[7mhello", "Ggbbq", "2>"}},
		{"tmux", []string{`tmux -L fidelity -f /dev/null new 'seq 1 100; exec cat' \; split-window -h 'ls --color=always /; echo right-$((3+3)) 日本; exec cat' \; split-window -v 'top -d 0.3'` + "\n",
			"right-6", "", "Tasks", "\x02d", "[detached", "tmux -L fidelity kill-server\n", "3>"}},
		{"top", []string{"top -d 0.2 -n 5\n", "2>"}},
		{"htop", []string{"htop -d 2\n", "Load", "\x1b[B\x1b[Bt", "F10", "q", "2>"}},
	} {
		t.Run(c.program, func(t *testing.T) {
			if _, err := exec.LookPath(c.program); err != nil {
				t.Skipf("%s is not installed", c.program)
			}
			s, err := r.Create(t.Context(), ann, shell.CreateOptions{Command: []string{"/bin/bash", "--norc"}, Dir: work, Cols: 100, Rows: 30, Env: map[string]string{"PS1": `\#> `}})
			if err != nil {
				t.Fatal(err)
			}
			p := r.attach(t, ann, s.ID, "", 0)
			p.until(t, "a prompt", p.shows("1>"))
			for i := 0; i < len(c.steps); i += 2 {
				p.typed(t, c.steps[i])
				p.until(t, fmt.Sprintf("%q after %q", c.steps[i+1], c.steps[i]), p.shows(c.steps[i+1]))
			}
			p.typed(t, "exit\n")
			p.ended(t, r, s.ID)
			fidelity(t, c.program, filepath.Join(r.options.Dir, s.ID))
		})
	}
}
