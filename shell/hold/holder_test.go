package hold_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/openova-io/sandbox/shell/hold"
)

func TestSession(t *testing.T) {
	t.Parallel()
	dir := start(t, `printf '\033]0;hello\007'; echo ready; read line; echo "got $line at $(stty size)"; exit 7`)
	v := attach(t, dir, hold.AttachData{Name: "desktop"})
	v.until(t, "the first output", v.shows("ready"))
	if err := v.Send(hold.JSON(hold.Resize, hold.ResizeData{Cols: 100, Rows: 30, Visible: true})); err != nil {
		t.Fatal(err)
	}
	v.until(t, "its size", func() bool { return v.size.Cols == 100 && v.size.Rows == 30 && v.size.Owner == v.hello.Client })
	v.typed(t, "hi\n")
	v.until(t, "the end", func() bool { return v.exit != nil })
	if !v.shows("got hi at 30 100")() || !strings.Contains(v.title, "hello") {
		t.Errorf("it shows %q with the title %s", v.screen.Snapshot(), v.title)
	}
	if v.exit.Code != 7 {
		t.Errorf("it ended with %+v", v.exit)
	}
	await(t, "the holder to be gone", func() bool { s, _ := hold.Inspect(dir); return s.State == hold.Ended && gone(s.Process.PID) })
	s, err := hold.Inspect(dir)
	if err != nil || s.Exit.Code != 7 {
		t.Errorf("the folder says %+v, %v", s, err)
	}
	last, err := hold.LastScreen(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, cols, rows, paint, err := hold.ParseSnapshot(last.Payload)
	if err != nil || cols != 100 || rows != 30 || !bytes.Equal(paint, v.screen.Snapshot()) {
		t.Errorf("the last screen is %d x %d %q, %v", cols, rows, paint, err)
	}
	replay(t, dir, v)
}

// gone is true for a process that ended, also while nobody has collected it.
func gone(pid int) bool {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(raw), ") Z ")
}

// replay plays the recording: it must end on the same screen.
func replay(t *testing.T, dir string, v *viewer) {
	t.Helper()
	raw, err := os.ReadFile(hold.RecordingPath(dir))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	var header struct {
		Version int
		Term    struct{ Cols, Rows int }
	}
	if err := json.Unmarshal([]byte(lines[0]), &header); err != nil || header.Version != 3 {
		t.Fatalf("the recording begins with %s", lines[0])
	}
	s := hold.NewScreen(header.Term.Cols, header.Term.Rows, nil)
	exit := ""
	for _, l := range lines[1:] {
		var e [3]any
		if err := json.Unmarshal([]byte(l), &e); err != nil {
			t.Fatalf("%s: %v", l, err)
		}
		switch e[1] {
		case "o":
			s.Write([]byte(e[2].(string)))
		case "r":
			c, r, _ := strings.Cut(e[2].(string), "x")
			cols, _ := strconv.Atoi(c)
			rows, _ := strconv.Atoi(r)
			s.Resize(cols, rows)
		case "x":
			exit = e[2].(string)
		}
	}
	same(t, "the played recording", s, v.screen)
	if exit != fmt.Sprint(v.exit.Code) {
		t.Errorf("the recording ends with %q", exit)
	}
}

// TestReconnectAnywhere: a client whose socket is cut at random bytes, and that
// comes back with the offset it had, ends with the server's screen.
func TestReconnectAnywhere(t *testing.T) {
	t.Parallel()
	cuts := 300
	if os.Getenv("SANDBOX_SOAK") != "" {
		cuts = 10000
	}
	file := filepath.Join(t.TempDir(), "stream")
	r := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	for b.Len() < 40*cuts*20 {
		token := tokens[r.IntN(len(tokens))]
		if token != "\x1bc" {
			b.WriteString(token)
		}
	}
	b.WriteString("\x18\x07\x1b\\\x1bc\x1b[31mthe end\r\n")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := start(t, fmt.Sprintf("stty -echo; read go; cat %q; read stop", file))
	v := attach(t, dir, hold.AttachData{Name: "cut"})
	v.until(t, "a picture", func() bool { return v.screen != nil })
	v.typed(t, "go\n")
	reconnects, deltas := 0, 0
	for range cuts {
		for range r.IntN(4) {
			_ = v.Send(hold.Frame{Kind: hold.Ping}) // so that there is an answer, also when all is said
			if _, err := v.next(); err != nil {
				t.Fatal(err)
			}
		}
		v.Close()
		before := v.snapshots
		if r.IntN(3) == 0 {
			v.epoch = "" // another device: it knows nothing
		}
		v.attach(t, dir, hold.AttachData{Name: "cut"})
		v.until(t, "an answer", func() bool { return v.hello.Offset >= v.offset })
		reconnects++
		if v.snapshots == before {
			deltas++
		}
	}
	v.until(t, "the end of the stream", v.shows("the end"))
	fresh := attach(t, dir, hold.AttachData{Name: "fresh"})
	fresh.until(t, "everything", func() bool { return fresh.screen != nil && fresh.offset >= v.offset })
	same(t, "the client that was cut", v.screen, fresh.screen)
	t.Logf("%d reconnects, %d of them by the gap alone, %d snapshots, %d bytes", reconnects, deltas, v.snapshots, v.offset)
}

// TestFlood: a program that prints without end and a client that reads nothing
// harm nobody else, and Ctrl-C works.
func TestFlood(t *testing.T) {
	t.Parallel()
	dir := start(t, "trap : INT; read go; yes; echo stopped; read stop")
	stalled := attach(t, dir, hold.AttachData{Name: "stalled"})
	stalled.until(t, "a picture", func() bool { return stalled.screen != nil })
	v := attach(t, dir, hold.AttachData{Name: "other"})
	v.until(t, "a picture", func() bool { return v.screen != nil })
	v.blind = true
	v.typed(t, "go\n")
	const flood = 64 << 20
	begin := time.Now()
	v.until(t, "the flood", func() bool { v.all.Reset(); return v.offset > flood })
	took := time.Since(begin)
	status, err := hold.Inspect(dir)
	if err != nil {
		t.Fatal(err)
	}
	rss := resident(t, status.Process.PID)
	if rss > 64<<20 {
		t.Errorf("the holder has %d MiB", rss>>20)
	}
	pressed := time.Now()
	v.typed(t, "\x03")
	v.all.Reset()
	v.until(t, "the end of yes", func() bool { return bytes.Contains(v.all.Bytes()[max(v.all.Len()-100<<10, 0):], []byte("stopped")) })
	t.Logf("%d MiB in %v beside a stalled client; holder %d MiB; Ctrl-C shown after %v", flood>>20, took.Round(time.Millisecond), rss>>20, time.Since(pressed).Round(time.Millisecond))
	// The stalled client wakes up: it acknowledges, and gets one picture.
	before := stalled.snapshots
	stalled.until(t, "a picture instead of the flood", func() bool { return stalled.snapshots > before })
	stalled.until(t, "the same screen", stalled.shows("stopped"))
	if stalled.offset < flood {
		t.Errorf("it is at %d", stalled.offset)
	}
}

func resident(t *testing.T, pid int) int {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Fatal(err)
	}
	pages, _ := strconv.Atoi(strings.Fields(string(raw))[1])
	return pages * os.Getpagesize()
}

// TestEndTakesEverybody: what a session leaves behind ends with it, daemons too.
func TestEndTakesEverybody(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "pids")
	dir := start(t, fmt.Sprintf(`(setsid sh -c 'echo $$ >> %[1]s; trap "" TERM HUP; exec sleep 1000' &) ; (setsid sleep 1001 & echo $! >> %[1]s); while [ $(wc -l < %[1]s) -lt 2 ]; do sleep 0.01; done; echo up; exit 3`, file))
	await(t, "the end", func() bool { s, _ := hold.Inspect(dir); return s.State == hold.Ended })
	raw, _ := os.ReadFile(file)
	pids := strings.Fields(string(raw))
	if len(pids) != 2 {
		t.Fatalf("the daemons are %q", raw)
	}
	for _, p := range pids {
		pid, _ := strconv.Atoi(p)
		if !gone(pid) {
			t.Errorf("daemon %d outlived its session", pid)
		}
	}
	if s, _ := hold.Inspect(dir); s.Exit.Code != 3 {
		t.Errorf("it ended with %+v", s.Exit)
	}
}

// TestKilledHolder: the folder tells that a holder was killed, and the sweep ends
// what it could not.
func TestKilledHolder(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "pid")
	dir := start(t, fmt.Sprintf(`setsid sh -c 'echo $$ > %[1]s.new; mv %[1]s.new %[1]s; exec sleep 1000' & read x`, file))
	await(t, "the daemon", func() bool { _, err := os.Stat(file); return err == nil })
	s, err := hold.Inspect(dir)
	if err != nil || s.State != hold.Running {
		t.Fatalf("%+v, %v", s, err)
	}
	_ = syscall.Kill(s.Process.PID, syscall.SIGKILL)
	await(t, "the loss", func() bool { s, _ := hold.Inspect(dir); return s.State == hold.Lost })
	await(t, "the child's end", func() bool { return gone(s.Process.Child) })
	var order hold.Order
	raw, _ := os.ReadFile(filepath.Join(dir, "order.json"))
	if err := json.Unmarshal(raw, &order); err != nil {
		t.Fatal(err)
	}
	hold.Sweep(order.ID)
	raw, _ = os.ReadFile(file)
	pid, _ := strconv.Atoi(strings.TrimSpace(string(raw)))
	await(t, "the daemon's end", func() bool { return gone(pid) })
}

// TestSizeOwner: the size follows who typed last, never somebody who shows cards
// or only looks, and 1,000 sizes of two clients leave one screen.
func TestSizeOwner(t *testing.T) {
	t.Parallel()
	dir := start(t, "cat")
	big, small := hold.ResizeData{Cols: 120, Rows: 40, Visible: true}, hold.ResizeData{Cols: 50, Rows: 20, Visible: true}
	desktop := attach(t, dir, hold.AttachData{Name: "desktop", ResizeData: big})
	desktop.until(t, "its size", func() bool { return desktop.size.Cols == 120 && len(desktop.size.Watchers) == 1 })
	phone := attach(t, dir, hold.AttachData{Name: "phone", ResizeData: hold.ResizeData{Cols: 40, Rows: 30}})
	watcher := attach(t, dir, hold.AttachData{Name: "guest", Role: hold.Observer, ResizeData: small})
	watcher.until(t, "everybody", func() bool { return len(watcher.size.Watchers) == 3 })
	watcher.typed(t, "I must not type\n")
	_ = watcher.Send(hold.Frame{Kind: hold.Claim})
	phone.until(t, "a picture", func() bool { return phone.screen != nil })
	phone.typed(t, "from the cards\n")
	phone.until(t, "the echo", phone.shows("from the cards"))
	if phone.shows("must not type")() || phone.size.Cols != 120 {
		t.Errorf("the phone shows %q at %d columns", phone.screen.Snapshot(), phone.size.Cols)
	}
	_ = phone.Send(hold.JSON(hold.Resize, small))
	phone.until(t, "to be seen", func() bool { return len(phone.size.Watchers) == 3 && phone.size.Watchers[1].Visible })
	if phone.size.Cols != 120 {
		t.Error("somebody who only looks changed the size")
	}
	phone.typed(t, "now I type\n")
	phone.until(t, "its size", func() bool {
		return phone.size.Cols == 50 && phone.size.Owner == phone.hello.Client && phone.cols == 50
	})
	_ = desktop.Send(hold.Frame{Kind: hold.Claim})
	desktop.until(t, "the size back", func() bool { return desktop.size.Owner == desktop.hello.Client && desktop.cols == 120 })

	r := rand.New(rand.NewPCG(3, 4))
	var wait sync.WaitGroup
	for _, v := range []*viewer{desktop, phone} {
		seed := r.Uint64()
		wait.Go(func() {
			r := rand.New(rand.NewPCG(seed, 5))
			for range 500 {
				_ = v.Send(hold.JSON(hold.Resize, hold.ResizeData{Cols: 2 + r.IntN(200), Rows: 1 + r.IntN(60), Visible: r.IntN(4) > 0}))
				if r.IntN(3) == 0 {
					_ = v.Send(hold.Frame{Kind: hold.Input, Payload: []byte("text that wraps " + strconv.Itoa(r.IntN(1000)) + "\n")})
				}
			}
		})
	}
	sent := make(chan struct{})
	go func() { wait.Wait(); close(sent) }()
	settled := make(chan struct{})
	go func() { // the phone reads along
		for {
			f, err := phone.next()
			if err != nil {
				return
			}
			if f.Kind == hold.Pong {
				close(settled)
			}
		}
	}()
	for done := false; !done; {
		select {
		case <-sent:
			done = true
		default:
			if _, err := desktop.next(); err != nil {
				t.Fatal(err)
			}
			_ = desktop.Send(hold.Frame{Kind: hold.Ping}) // so that there is always something to read
		}
	}
	// The holder has taken everything that the phone sent once it answers its ping.
	_ = phone.Send(hold.Frame{Kind: hold.Ping})
	desktop.until(t, "the phone's rest", func() bool {
		select {
		case <-settled:
			return true
		default:
			_ = desktop.Send(hold.Frame{Kind: hold.Ping})
			return false
		}
	})
	_ = desktop.Send(hold.JSON(hold.Resize, hold.ResizeData{Cols: 77, Rows: 17, Visible: true}))
	_ = desktop.Send(hold.Frame{Kind: hold.Claim})
	desktop.typed(t, "settled\n")
	desktop.until(t, "the last size", func() bool { return desktop.cols == 77 && desktop.rows == 17 && desktop.shows("settled")() })
	fresh := attach(t, dir, hold.AttachData{Name: "fresh"})
	fresh.until(t, "a picture", func() bool { return fresh.screen != nil && fresh.offset >= desktop.offset })
	desktop.until(t, "the same output", func() bool { return desktop.offset >= fresh.offset })
	wipe := []byte("\x18\x1b[3J") // lines in the scrollback keep the width they had
	fresh.screen.Write(wipe)
	desktop.screen.Write(wipe)
	same(t, "after 1,000 sizes", desktop.screen, fresh.screen)
}

func TestCannotStart(t *testing.T) {
	t.Parallel()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	for what, order := range map[string]hold.Order{
		"no such program": {ID: "a", Argv: []string{"/no/such/agent"}, Dir: "/"},
		"no such folder":  {ID: "b", Argv: []string{"/bin/true"}, Dir: "/no/such/folder"},
		"no command":      {ID: "c", Dir: "/"},
	} {
		dir := filepath.Join(t.TempDir(), "session")
		if err := hold.Prepare(dir, order); err != nil {
			t.Fatal(err)
		}
		err := (hold.Detached{Holder: path}).Launch(t.Context(), dir, hold.Secrets{})
		if err == nil || strings.Contains(err.Error(), "exit status") {
			t.Errorf("%s: %v", what, err)
		}
		if s, _ := hold.Inspect(dir); s.State == hold.Running {
			t.Errorf("%s: it runs", what)
		}
	}
	dir := start(t, "read x")
	if err := (hold.Detached{Holder: path}).Launch(t.Context(), dir, hold.Secrets{}); err == nil || !strings.Contains(err.Error(), "begun before") {
		t.Errorf("a second holder: %v", err)
	}
}

// TestBadClients: what is no protocol is refused, and the session goes on.
func TestBadClients(t *testing.T) {
	t.Parallel()
	dir := start(t, "cat")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c, err := hold.Dial(ctx, dir, hold.AttachData{Role: "king"})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []hold.Frame{{hold.Resize, []byte("{")}, {hold.Ack, []byte{1}}, {hold.Signal, []byte(`{"signal":"KILL"}`)}, {'?', nil}, {hold.Input, []byte("an unknown role may not type\n")}} {
		if err := c.Send(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Send(hold.Frame{Kind: hold.Input, Payload: make([]byte, hold.MaxFrame+1)}); err == nil {
		for err == nil {
			_, err = c.Receive()
		}
		if !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
			t.Errorf("a frame that is too large: %v", err)
		}
	}
	v := attach(t, dir, hold.AttachData{Name: "good"})
	v.until(t, "a picture", func() bool { return v.screen != nil })
	v.typed(t, "still here\n")
	v.until(t, "the echo", v.shows("still here"))
	if v.shows("may not type")() {
		t.Error("an unknown role typed")
	}
}
