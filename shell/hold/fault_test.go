package hold_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/openova-io/sandbox/shell/hold"
)

// TestLargePaste: a megabyte that is pasted arrives whole, however slowly the
// program takes it, and what others see goes on meanwhile.
func TestLargePaste(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "pasted")
	dir := start(t, fmt.Sprintf("stty raw -echo; echo ready; head -c 1048576 | (sleep 0.2; cat) > %q; echo taken; read stop", file))
	v, other := attach(t, dir, hold.AttachData{Name: "pastes"}), attach(t, dir, hold.AttachData{Name: "looks"})
	v.until(t, "it to be ready", v.shows("ready"))
	line := []byte(strings.Repeat("0123456789abcdef", 64))
	paste := bytes.Repeat(line, 1<<20/len(line))
	go func() { // ends when all is taken, or with the connection
		for rest := paste; len(rest) > 0; rest = rest[min(64<<10, len(rest)):] {
			if v.Send(hold.Frame{Kind: hold.Input, Payload: rest[:min(64<<10, len(rest))]}) != nil {
				return
			}
		}
	}()
	other.until(t, "all of it", other.shows("taken"))
	if raw, err := os.ReadFile(file); err != nil || !bytes.Equal(raw, paste) {
		t.Errorf("%d bytes arrived, %v", len(raw), err)
	}
}

// TestTitleFlood: a program that sets titles without end does not drown its clients,
// who are told the last one.
func TestTitleFlood(t *testing.T) {
	t.Parallel()
	const titles = 50_000
	dir := start(t, fmt.Sprintf(`read go; for ((i = 1; i <= %d; i++)); do printf '\033]0;title %%d\007' $i; done; echo flooded; read stop`, titles))
	v := attach(t, dir, hold.AttachData{Name: "desktop"})
	v.until(t, "a picture", func() bool { return v.screen != nil })
	v.typed(t, "go\n")
	told := 0
	v.until(t, "the last title", func() bool {
		if strings.Contains(v.title, fmt.Sprintf(`"title %d"`, titles)) {
			return true
		}
		told++
		return false
	})
	v.until(t, "the end", v.shows("flooded"))
	if told > titles/2 {
		t.Errorf("%d frames came for %d titles", told, titles)
	}
	status, err := hold.Inspect(dir)
	if err != nil {
		t.Fatal(err)
	}
	if rss := resident(t, status.Process.PID); rss > 64<<20 {
		t.Errorf("the holder has %d MiB", rss>>20)
	}
}

// TestFullDisk: when nothing more can be written, a session loses its recording and
// its cards, and goes on.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := start(t, `printf '\033]133;A\007'; for i in 1 2 3; do read x; echo "got $x"; done; exit 5`, func(dir string) {
		for _, name := range []string{hold.RecordingPath(dir), filepath.Join(dir, "spool.jsonl")} {
			if err := os.Symlink("/dev/full", name); err != nil {
				t.Fatal(err)
			}
		}
	})
	v := attach(t, dir, hold.AttachData{Name: "desktop"})
	for _, x := range []string{"one", "two", "three"} {
		v.typed(t, x+"\n")
		v.until(t, x, v.shows("got "+x))
	}
	v.until(t, "the end", func() bool { return v.exit != nil })
	if v.exit.Code != 5 {
		t.Errorf("it ended with %+v", v.exit)
	}
}

// TestKilledChild: the end of what runs, by whatever signal, is the session's, and
// says so.
func TestKilledChild(t *testing.T) {
	t.Parallel()
	dir := start(t, "echo ready; sleep 1000")
	v := attach(t, dir, hold.AttachData{Name: "desktop"})
	v.until(t, "it to be ready", v.shows("ready"))
	status, err := hold.Inspect(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(status.Process.Child, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	v.until(t, "the end", func() bool { return v.exit != nil })
	if v.exit.Signal != "killed" || v.exit.Code != -1 {
		t.Errorf("it ended with %+v", v.exit)
	}
	await(t, "the holder to be gone", func() bool { s, _ := hold.Inspect(dir); return s.State == hold.Ended && gone(s.Process.PID) })
}

// TestManySessions: many holders at once, each with its own program, all answer.
func TestManySessions(t *testing.T) {
	t.Parallel()
	n := 25
	if os.Getenv("SANDBOX_SOAK") != "" {
		n = 200
	}
	dirs := make([]string, n)
	for i := range dirs {
		dirs[i] = start(t, fmt.Sprintf("echo session-%d; while read x; do echo \"%d got $x\"; done", i, i))
	}
	all := make([]*viewer, n)
	for i, dir := range dirs {
		all[i] = attach(t, dir, hold.AttachData{Name: "desktop"})
		all[i].typed(t, "hello\n")
	}
	for i, v := range all {
		v.until(t, "the session", v.shows(fmt.Sprintf("session-%d", i)))
		v.until(t, "its answer", v.shows(fmt.Sprintf("%d got hello", i)))
	}
	for _, dir := range dirs {
		status, err := hold.Inspect(dir)
		if err != nil || status.State != hold.Running {
			t.Fatalf("%+v, %v", status, err)
		}
		if rss := resident(t, status.Process.PID); rss > 32<<20 {
			t.Errorf("a holder has %d MiB", rss>>20)
		}
	}
}
