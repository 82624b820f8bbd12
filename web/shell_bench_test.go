package web_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/creack/pty"

	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/shell"
	"github.com/openova-io/sandbox/shell/hold"
)

// The benchmarks of the developer shell: what a browser sees, through the service's
// WebSocket and a real holder, beside a bare terminal that is read in the same run,
// and gotty where its program is named. One round of each is a whole measurement.

const (
	flood     = 32 << 20
	floodLine = "yes 0123456789012345678901234567890123456789012345678901234567890123456789012345678"
	keys      = 500
)

var (
	floods = fmt.Sprintf("stty -echo; read go; %s | head -c %d; printf '\\033[31mall said\\n'; read stop", floodLine, flood)
	echoes = "stty raw -echo; printf ready; exec cat"
)

// terminal is one client of something that runs in a terminal.
type terminal struct {
	send func([]byte) error
	// read gives how many bytes more were shown, and what they were, if it is known.
	read func() (int, []byte, error)
}

// bareTerminal is a program on a terminal, and nothing between.
func bareTerminal(b *testing.B, script string) terminal {
	cmd := exec.CommandContext(b.Context(), "/bin/sh", "-c", script)
	f, err := pty.Start(cmd)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close(); _ = cmd.Wait() })
	buf := make([]byte, 32<<10)
	return terminal{
		func(p []byte) error { _, err := f.Write(p); return err },
		func() (int, []byte, error) { n, err := f.Read(buf); return n, buf[:n], err },
	}
}

// shellBench is a console with sessions.
type shellBench struct {
	c       console
	options shell.Options
	address string
}

func newShellBench(b *testing.B) *shellBench {
	c, server, options := newShellConsole(b)
	return &shellBench{c, options, "ws" + strings.TrimPrefix(server.URL, "http") + "/api/v1/sandbox/sessions/"}
}

func (s *shellBench) start(b *testing.B, script string) string {
	body, _ := json.Marshal(map[string]any{"command": []string{"/bin/sh", "-c", script}, "cols": 80, "rows": 24})
	r := s.c.signedIn(b, request(http.MethodPost, "/api/v1/sandbox/sessions", string(body)))
	r.Header.Set("Content-Type", "application/json")
	var made shell.Session
	decode(b, do(s.c.Handler(), r), &made)
	b.Cleanup(func() {
		do(s.c.Handler(), s.c.signedIn(b, request(http.MethodDelete, "/api/v1/sandbox/sessions/"+made.ID, "")))
	})
	return made.ID
}

// attach is a browser: it acknowledges what it has taken in every 64 KiB.
func (s *shellBench) attach(b *testing.B, id string) terminal {
	conn, _, err := websocket.Dial(b.Context(), s.address+id+"/stream?visible=false", &websocket.DialOptions{
		HTTPHeader: s.c.signedIn(b, request(http.MethodGet, "/", "")).Header, Host: "console.omantel.omani.works"})
	if err != nil {
		b.Fatal(err)
	}
	conn.SetReadLimit(64 << 20)
	b.Cleanup(func() { conn.CloseNow() })
	var have, acked uint64
	return terminal{
		func(p []byte) error {
			return conn.Write(b.Context(), websocket.MessageBinary, hold.Frame{Kind: hold.Input, Payload: p}.Bytes())
		},
		func() (int, []byte, error) {
			for {
				_, raw, err := conn.Read(b.Context())
				if err != nil {
					return 0, nil, err
				}
				f, err := hold.Parse(raw)
				if err != nil {
					return 0, nil, err
				}
				before, text := have, []byte(nil)
				switch f.Kind {
				case hold.Snapshot:
					offset, _, _, paint, err := hold.ParseSnapshot(f.Payload)
					if err != nil {
						return 0, nil, err
					}
					have, text = offset, paint
				case hold.Data:
					offset, p, err := f.Offset()
					if err != nil {
						return 0, nil, err
					}
					have, text = offset+uint64(len(p)), p
				default:
					continue
				}
				if have-acked >= 64<<10 {
					acked = have
					if err := conn.Write(b.Context(), websocket.MessageBinary, hold.At(hold.Ack, have).Bytes()); err != nil {
						return 0, nil, err
					}
				}
				return int(have - before), text, nil
			}
		},
	}
}

// gotty is another terminal server, which runs the script for each client anew.
func gotty(b *testing.B, script string) func() terminal {
	program := os.Getenv("GOTTY")
	if program == "" {
		b.Skip("GOTTY names no program to compare with (make bench-shell builds it)")
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	cmd := exec.CommandContext(b.Context(), program, "-w", "-a", "127.0.0.1", "-p", port, "--ws-origin", ".*", "/bin/sh", "-c", script)
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return func() terminal {
		var conn *websocket.Conn
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			if conn, _, err = websocket.Dial(b.Context(), "ws://127.0.0.1:"+port+"/ws", &websocket.DialOptions{Subprotocols: []string{"webtty"}}); err == nil || time.Now().After(end) {
				break
			}
		}
		if err != nil {
			b.Fatal(err)
		}
		conn.SetReadLimit(64 << 20)
		b.Cleanup(func() { conn.CloseNow() })
		write := func(kind string, p []byte) error {
			return conn.Write(b.Context(), websocket.MessageText, append([]byte(kind), p...))
		}
		if err := write("", []byte(`{"Arguments":"","AuthToken":""}`)); err != nil {
			b.Fatal(err)
		}
		return terminal{
			func(p []byte) error { return write("1", p) },
			func() (int, []byte, error) {
				for {
					_, raw, err := conn.Read(b.Context())
					if err != nil {
						return 0, nil, err
					}
					if len(raw) > 0 && raw[0] == '1' {
						p, err := base64.StdEncoding.DecodeString(string(raw[1:]))
						return len(p), p, err
					}
				}
			},
		}
	}
}

// awaits reads until the text was shown.
func (x terminal) awaits(b *testing.B, text string) {
	seen := []byte(nil)
	for !bytes.Contains(seen, []byte(text)) {
		_, p, err := x.read()
		if err != nil {
			b.Errorf("waiting for %q: %v", text, err)
			return
		}
		seen = append(seen[max(len(seen)-len(text), 0):], p...)
	}
}

// throughput is how fast the last of all clients has everything, in MB/s.
func throughput(b *testing.B, all []terminal) float64 {
	begin := time.Now()
	if err := all[0].send([]byte("go\n")); err != nil {
		b.Fatal(err)
	}
	var wg sync.WaitGroup
	for _, x := range all {
		wg.Go(func() { x.awaits(b, "all said") })
	}
	wg.Wait()
	return float64(flood) / 1e6 / time.Since(begin).Seconds()
}

// keyEcho gives p50 and p99 of the time from a key to its echo, in ms; the others look
// on.
func keyEcho(b *testing.B, all []terminal) (p50, p99 float64) {
	for _, x := range all[1:] {
		go func() { // ends with its connection
			for {
				if _, _, err := x.read(); err != nil {
					return
				}
			}
		}()
	}
	all[0].awaits(b, "ready")
	var took []time.Duration
	for i := range keys {
		key := []byte{'a' + byte(i%26)}
		begin := time.Now()
		if err := all[0].send(key); err != nil {
			b.Fatal(err)
		}
		all[0].awaits(b, string(key))
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	return ms(took[len(took)/2]), ms(took[len(took)*99/100])
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

var clients = []int{1, 10, 50}

func BenchmarkShellThroughput(b *testing.B) {
	for b.Loop() {
		bare := throughput(b, []terminal{bareTerminal(b, floods)})
		b.ReportMetric(bare, "bare-MB/s")
		s := newShellBench(b)
		for _, n := range clients {
			id := s.start(b, floods)
			var all []terminal
			for range n {
				x := s.attach(b, id)
				if _, _, err := x.read(); err != nil { // the first picture
					b.Fatal(err)
				}
				all = append(all, x)
			}
			v := throughput(b, all)
			b.ReportMetric(v, fmt.Sprintf("MB/s-%d", n))
			if n == 1 {
				b.ReportMetric(bare/v, "ratio")
			}
		}
	}
}

func BenchmarkShellEcho(b *testing.B) {
	for b.Loop() {
		p50, p99 := keyEcho(b, []terminal{bareTerminal(b, echoes)})
		b.ReportMetric(p50, "bare-p50-ms")
		b.ReportMetric(p99, "bare-p99-ms")
		s := newShellBench(b)
		for _, n := range clients {
			id := s.start(b, echoes)
			var all []terminal
			for range n {
				all = append(all, s.attach(b, id))
			}
			p50, p99 := keyEcho(b, all)
			b.ReportMetric(p50, fmt.Sprintf("p50-ms-%d", n))
			b.ReportMetric(p99, fmt.Sprintf("p99-ms-%d", n))
		}
	}
}

func BenchmarkShellGotty(b *testing.B) {
	for b.Loop() {
		b.ReportMetric(throughput(b, []terminal{gotty(b, floods)()}), "MB/s")
		connect := gotty(b, echoes)
		for _, n := range clients {
			var all []terminal
			for range n {
				all = append(all, connect())
			}
			p50, p99 := keyEcho(b, all)
			b.ReportMetric(p50, fmt.Sprintf("p50-ms-%d", n))
			b.ReportMetric(p99, fmt.Sprintf("p99-ms-%d", n))
		}
	}
}

// BenchmarkShellAttach is the way back to a session with 2,000 lines behind it: for
// a browser, for one after the service was away; and what its holder takes.
func BenchmarkShellAttach(b *testing.B) {
	for b.Loop() {
		s := newShellBench(b)
		id := s.start(b, "seq 1 2000; printf all; printf ' said'; read stop")
		first := s.attach(b, id)
		first.awaits(b, "all said")
		var took []time.Duration
		for range 100 {
			begin := time.Now()
			x := s.attach(b, id)
			_, paint, err := x.read()
			if err != nil {
				b.Fatal(err)
			}
			screen := hold.NewScreen(80, 24, nil)
			screen.Write(paint)
			took = append(took, time.Since(begin))
			screen.Close()
		}
		slices.Sort(took)
		b.ReportMetric(ms(took[len(took)/2]), "painted-p50-ms")
		b.ReportMetric(ms(took[len(took)*99/100]), "painted-p99-ms")

		status, err := hold.Inspect(filepath.Join(s.options.Dir, id))
		if err != nil {
			b.Fatal(err)
		}
		raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", status.Process.PID))
		for line := range strings.Lines(string(raw)) {
			var kib float64
			if _, err := fmt.Sscanf(line, "Rss: %f kB", &kib); err == nil {
				b.ReportMetric(kib/1024, "holder-MiB")
			}
		}

		begin := time.Now()
		again, err := shell.New(b.Context(), s.options)
		if err != nil {
			b.Fatal(err)
		}
		st, err := again.Attach(b.Context(), journal.Actor{Kind: journal.Human, Subject: "layla"}, id, shell.AttachOptions{})
		if err != nil {
			b.Fatal(err)
		}
		for {
			f, err := st.Receive(context.Background())
			if err != nil {
				b.Fatal(err)
			}
			if f.Kind == hold.Snapshot {
				break
			}
		}
		b.ReportMetric(ms(time.Since(begin)), "back-ms")
		st.Close()
		_ = again.Close()
	}
}
