package main_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/journal"
)

// storySpeed makes the simulated cloud's minutes seconds.
const storySpeed = "60"

// patience bounds every wait of a story; what is awaited usually comes at once.
const patience = 2 * time.Minute

var binaries string // the folder with sandbox and sandbox-holder

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "sandbox-binaries-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		build := exec.Command("go", "build", "-o", dir, "../...")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building the binaries: %v\n%s", err, out)
			return 1
		}
		binaries = dir
		return m.Run()
	}())
}

// needTofu skips a story where the external tools are not built.
func needTofu(t *testing.T) {
	t.Helper()
	out, err := exec.Command(filepath.Join(binaries, "sandbox"), "doctor", "--json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var doctor struct {
		Parts []struct {
			Name  string
			Found bool
		}
	}
	if err := json.Unmarshal(out, &doctor); err != nil {
		t.Fatal(err)
	}
	for _, p := range doctor.Parts[:2] {
		if !p.Found {
			t.Skipf("%s is not built; make tools builds it", p.Name)
		}
	}
}

// home is a data directory whose processes end with the test.
func home(t testing.TB) string {
	t.Helper()
	// A socket's path is short; the test's own directory may not be.
	dir, err := os.MkdirTemp("", "sbx")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(context.Background(), dir); err != nil {
			t.Errorf("stopping what the test started: %v", err)
		}
		if t.Failed() {
			for _, f := range []string{"service.log", "cloud/output.log"} {
				if raw, err := os.ReadFile(filepath.Join(dir, f)); err == nil {
					t.Logf("%s:\n%s", f, tail(string(raw), 6000))
				}
			}
		}
		_ = os.RemoveAll(dir)
	})
	return dir
}

func tail(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return "…" + s[len(s)-n:]
}

// stop ends everything that runs on a data directory.
func stop(ctx context.Context, dir string) error {
	out, err := exec.CommandContext(ctx, filepath.Join(binaries, "sandbox"), "stop", "--data-dir", dir).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// talk is a running `sandbox chat --json`.
type talk struct {
	t      *testing.T
	in     io.WriteCloser
	events chan journal.Event
	cmd    *exec.Cmd
	seen   []journal.Event
}

func startTalk(t *testing.T, dir string, args ...string) *talk {
	t.Helper()
	cmd := exec.Command(filepath.Join(binaries, "sandbox"), append([]string{"chat", "--json", "--data-dir", dir, "--speed", storySpeed, "--listen", "127.0.0.1:0", "--log-level", "warn"}, args...)...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	k := &talk{t: t, in: in, cmd: cmd, events: make(chan journal.Event, 4096)}
	go func() { // ends with the program
		defer close(k.events)
		lines := bufio.NewReader(out)
		for {
			line, err := lines.ReadBytes('\n')
			var e journal.Event
			if json.Unmarshal(line, &e) == nil {
				k.events <- e
			}
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return k
}

func (k *talk) say(line string) {
	k.t.Helper()
	if _, err := io.WriteString(k.in, line+"\n"); err != nil {
		k.t.Fatalf("saying %q: %v", line, err)
	}
}

func (k *talk) press(cardID, value string) {
	k.t.Helper()
	raw, _ := json.Marshal(map[string]string{"press": cardID, "value": value})
	k.say(string(raw))
}

// until takes events until one fits.
func (k *talk) until(what string, fits func(journal.Event) bool) journal.Event {
	k.t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		select {
		case e, ok := <-k.events:
			if !ok {
				k.t.Fatalf("the chat ended before %s; seen:\n%s", what, k.story())
			}
			k.seen = append(k.seen, e)
			if fits(e) {
				return e
			}
		case <-late.C:
			k.t.Fatalf("no %s within %v; seen:\n%s", what, patience, k.story())
		}
	}
}

// answered waits for the end of the turn that is running and gives its text.
func (k *talk) answered() string {
	k.t.Helper()
	var d struct{ State, Text string }
	k.until("an answer", func(e journal.Event) bool {
		return e.Type == "conversation.turn.finished" && e.Decode(&d) == nil
	})
	return d.Text
}

// shown gives the newest card of a kind that was shown so far.
func (k *talk) shown(kind card.Kind) (card.Card, bool) {
	for i := len(k.seen) - 1; i >= 0; i-- {
		var d struct{ Card card.Card }
		if k.seen[i].Type == "conversation.card.shown" && k.seen[i].Decode(&d) == nil && d.Card.Kind == kind {
			return d.Card, true
		}
	}
	return card.Card{}, false
}

// spec is the newest draft's specification.
func (k *talk) spec() map[string]any {
	for i := len(k.seen) - 1; i >= 0; i-- {
		var d struct{ Spec map[string]any }
		if k.seen[i].Type == "conversation.draft.changed" && k.seen[i].Decode(&d) == nil {
			return d.Spec
		}
	}
	return nil
}

// story is what was seen, for a person who looks for the mistake.
func (k *talk) story() string {
	var b strings.Builder
	for _, e := range k.seen {
		fmt.Fprintf(&b, "%d %s %s\n", e.Seq, e.Type, tail(string(e.Data), 300))
	}
	return tail(b.String(), 8000)
}

// status waits until the deployment has the status.
func (k *talk) status(want string) {
	k.t.Helper()
	k.until("the status "+want, func(e journal.Event) bool {
		var d struct{ Status, Reason string }
		if e.Type != "deployment.status.changed" || e.Decode(&d) != nil {
			return false
		}
		if d.Status == "failed" && want != "failed" {
			k.t.Fatalf("the deployment failed: %s\n%s", d.Reason, k.story())
		}
		return d.Status == want
	})
}

// finish ends the input and waits for the program.
func (k *talk) finish() {
	k.t.Helper()
	_ = k.in.Close()
	for e := range k.events {
		k.seen = append(k.seen, e)
	}
	if err := k.cmd.Wait(); err != nil {
		k.t.Errorf("the chat ended with %v", err)
	}
}
