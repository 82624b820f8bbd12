package hold_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/openova-io/sandbox/shell/hold"
)

var programDir string

var program = sync.OnceValues(func() (path string, err error) {
	if programDir, err = os.MkdirTemp("", "holder"); err != nil {
		return "", err
	}
	path = filepath.Join(programDir, "sandbox-holder")
	build := exec.Command("go", "build", "-o", path, "github.com/openova-io/sandbox/cmd/sandbox-holder")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

const sessionID = "0123456789abcdef01234567"

// start runs a shell script in a holder and ends it with the test. before is done
// with the session's folder before the holder starts.
func start(t *testing.T, script string, before ...func(dir string)) string {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), strings.Repeat("a-deep-folder/", 6), "session")
	id := fmt.Sprintf("%s-%d", sessionID, rand.Uint64())
	err = hold.Prepare(dir, hold.Order{
		ID: id, Argv: []string{"/bin/bash", "-c", script}, Dir: t.TempDir(), Cols: 80, Rows: 24, RecordingLimit: 1 << 20,
		Env: []string{"PATH=/usr/bin:/bin", "TERM=xterm-256color", "LANG=C.UTF-8", hold.EnvSession + "=" + id},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range before {
		f(dir)
	}
	if err := (hold.Detached{Holder: path}).Launch(t.Context(), dir, hold.Secrets{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s, _ := hold.Inspect(dir); s.State == hold.Running {
			_ = syscall.Kill(s.Process.PID, syscall.SIGTERM)
			await(t, "the holder to end", func() bool { s, _ := hold.Inspect(dir); return s.State != hold.Running })
		}
		hold.Sweep(id)
	})
	return dir
}

// await looks until something is true that no event tells of.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// viewer is a client with a screen of its own.
type viewer struct {
	*hold.Conn
	screen     hold.Screen
	cols, rows int
	epoch      string
	offset     uint64
	snapshots  int
	title      string
	blind      bool // it paints nothing, to be fast
	size       hold.SizeData
	hello      hold.HelloData
	exit       *hold.ExitData
	all        bytes.Buffer
}

func attach(t *testing.T, dir string, a hold.AttachData) *viewer {
	t.Helper()
	v := &viewer{}
	v.attach(t, dir, a)
	return v
}

func (v *viewer) attach(t *testing.T, dir string, a hold.AttachData) {
	t.Helper()
	a.Epoch, a.Have = v.epoch, v.offset
	if a.Role == "" {
		a.Role = hold.Driver
	}
	c, err := hold.Dial(t.Context(), dir, a)
	if err != nil {
		t.Fatal(err)
	}
	v.Conn = c
	t.Cleanup(func() { c.Close() })
}

// next takes one frame in.
func (v *viewer) next() (hold.Frame, error) {
	f, err := v.Receive()
	if err != nil {
		return f, err
	}
	switch f.Kind {
	case hold.Hello:
		err = json.Unmarshal(f.Payload, &v.hello)
	case hold.Snapshot:
		v.epoch = v.hello.Epoch // what it has is of this run from now on
		offset, cols, rows, paint, e := hold.ParseSnapshot(f.Payload)
		err = e
		v.screen, v.cols, v.rows = hold.NewScreen(cols, rows, nil), cols, rows
		v.screen.Write(paint)
		v.offset = offset
		v.snapshots++
	case hold.Data:
		offset, p, e := f.Offset()
		if err = e; e == nil && offset != v.offset {
			err = fmt.Errorf("data of offset %d came at %d", offset, v.offset)
		}
		if !v.blind {
			v.screen.Write(p)
		}
		v.all.Write(p)
		v.offset += uint64(len(p))
		_ = v.Send(hold.At(hold.Ack, v.offset)) // fails when the holder ends, which the next Receive tells
	case hold.Size:
		v.size = hold.SizeData{}
		err = json.Unmarshal(f.Payload, &v.size)
	case hold.Title:
		v.title = string(f.Payload)
	case hold.Exit:
		v.exit = &hold.ExitData{}
		err = json.Unmarshal(f.Payload, v.exit)
	}
	return f, err
}

// until takes frames in until something holds.
func (v *viewer) until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	stop := time.AfterFunc(30*time.Second, func() { v.Close() })
	defer stop.Stop()
	for !ok() {
		if _, err := v.next(); err != nil {
			t.Fatalf("waiting for %s: %v; it printed %q", what, err, tail(v.all.String()))
		}
	}
}

func (v *viewer) shows(text string) func() bool {
	return func() bool { return v.screen != nil && strings.Contains(string(v.screen.Snapshot()), text) }
}

func (v *viewer) typed(t *testing.T, s string) {
	t.Helper()
	if err := v.Send(hold.Frame{Kind: hold.Input, Payload: []byte(s)}); err != nil {
		t.Fatal(err)
	}
}

func tail(s string) string { return s[max(len(s)-400, 0):] }
