package shell_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/conversation/vault"
	"github.com/openova-io/sandbox/shell"
	"github.com/openova-io/sandbox/shell/hold"
)

// TestMain: the holder that was built goes with the tests.
func TestMain(m *testing.M) {
	code := m.Run()
	os.RemoveAll(programDir)
	os.Exit(code)
}

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

var (
	owner    = journal.Actor{Kind: journal.Human, Subject: "owner", LocalOwner: true}
	ann      = journal.Actor{Kind: journal.Human, Subject: "ann", OrgID: "omantel"}
	bob      = journal.Actor{Kind: journal.Human, Subject: "bob", OrgID: "omantel"}
	stranger = journal.Actor{Kind: journal.Human, Subject: "eve", OrgID: "elsewhere"}
)

// rig is a service on real parts that can be ended and started again.
type rig struct {
	*shell.Service
	journal *journal.Journal
	options shell.Options
}

func newRig(t *testing.T, isolation hold.Isolation) *rig {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	if isolation == hold.Bwrap {
		if _, err := hold.ProbeBwrap(t.Context()); err != nil {
			t.Skipf("not tested here: %v", err)
		}
	}
	dir := t.TempDir()
	v, err := vault.Open(filepath.Join(dir, "vault"), vault.Options{})
	if err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(t.Context(), journal.Options{Dir: filepath.Join(dir, "journal"), Sealer: v})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{journal: j, options: shell.Options{Journal: j, Dir: filepath.Join(dir, "sessions"), Isolation: isolation, Launcher: hold.Detached{Holder: path}, Holder: path, RecordingsKeep: time.Hour, Vault: v}}
	r.restart(t)
	t.Cleanup(func() {
		for _, a := range []journal.Actor{owner, ann} {
			for _, s := range r.List(a) {
				if err := r.Delete(context.WithoutCancel(t.Context()), a, s.ID); err != nil {
					t.Errorf("a session stays: %v", err)
				}
			}
		}
		_ = r.Service.Close()
		_ = j.Close()
	})
	return r
}

// restart is what an upgrade does to sessions: nothing.
func (r *rig) restart(t *testing.T) {
	t.Helper()
	if r.Service != nil {
		_ = r.Service.Close()
	}
	s, err := shell.New(t.Context(), r.options)
	if err != nil {
		t.Fatal(err)
	}
	r.Service = s
}

// phone is a client that shows cards and the screen.
type phone struct {
	*shell.Stream
	screen hold.Screen
	cards  []card.Card
	seen   map[string]int
	since  uint64
	exit   *hold.ExitData
}

func (r *rig) attach(t *testing.T, actor journal.Actor, id, invitation string, since uint64) *phone {
	t.Helper()
	st, err := r.Attach(t.Context(), actor, id, shell.AttachOptions{AttachData: hold.AttachData{Name: "phone"}, Invitation: invitation, Cards: true, Since: since})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return &phone{Stream: st, seen: map[string]int{}, since: since}
}

// ended waits for the end of ann's session, and until it is written down.
func (p *phone) ended(t *testing.T, r *rig, id string) {
	t.Helper()
	p.until(t, "the end", func() bool { return p.exit != nil })
	for {
		if v, err := r.Get(ann, id, ""); err != nil || v.State == shell.Ended {
			return
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatal("its end is not written down")
		}
	}
}

func (p *phone) until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	if err := p.within(t, 2*time.Minute, ok); err != nil {
		screen := ""
		if p.screen != nil {
			screen = string(p.screen.Snapshot())
		}
		t.Fatalf("waiting for %s: %v; %d cards; the screen is %q", what, err, len(p.cards), screen[max(len(screen)-600, 0):])
	}
}

// pressed types until it is taken: what is typed while a dialog is being drawn goes to
// what was there before.
func (p *phone) pressed(t *testing.T, key, what string, taken func() bool) {
	t.Helper()
	for range 10 {
		p.typed(t, key)
		if p.within(t, 3*time.Second, taken) == nil {
			return
		}
	}
	t.Fatalf("%q was typed in vain: %s", key, what)
}

// within takes in what comes until something is so.
func (p *phone) within(t *testing.T, patience time.Duration, ok func() bool) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for !ok() {
		f, err := p.Receive(ctx)
		if err != nil {
			return err
		}
		switch f.Kind {
		case hold.Snapshot:
			_, cols, rows, paint, err := hold.ParseSnapshot(f.Payload)
			if err != nil {
				t.Fatal(err)
			}
			p.screen = hold.NewScreen(cols, rows, nil)
			p.screen.Write(paint)
		case hold.Data:
			offset, data, _ := f.Offset()
			p.screen.Write(data)
			_ = p.Send(hold.At(hold.Ack, offset+uint64(len(data))))
		case hold.Card:
			var c card.Card
			if err := json.Unmarshal(f.Payload, &c); err != nil {
				t.Fatal(err)
			}
			p.since = max(p.since, c.Seq)
			p.show(c)
		case hold.Exit:
			p.exit = &hold.ExitData{}
			_ = json.Unmarshal(f.Payload, p.exit)
		}
	}
	return nil
}

func (p *phone) show(c card.Card) {
	for i := range p.cards {
		if p.cards[i].ID == c.ID {
			p.cards[i] = c
			return
		}
	}
	p.cards = append(p.cards, c)
}

// bash is the data of the i-th card.
func (p *phone) bash(i int) card.BashData {
	var d card.BashData
	if i < len(p.cards) {
		_ = p.cards[i].Decode(&d)
	}
	return d
}

func (p *phone) shows(text string) func() bool {
	return func() bool { return p.screen != nil && strings.Contains(string(p.screen.Snapshot()), text) }
}

func (p *phone) typed(t *testing.T, s string) {
	t.Helper()
	if err := p.Send(hold.Frame{Kind: hold.Input, Payload: []byte(s)}); err != nil {
		t.Fatal(err)
	}
}

// TestCommandCards: every command of bash and zsh is one exact card, also when the
// service is away in the middle, and no program can forge one.
func TestCommandCards(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 300)
	commands := []struct {
		line, output string
		code         int
		full         bool
	}{
		{line: "echo hello", output: "hello"},
		{line: "false", code: 1},
		{line: "(exit 7)", code: 7},
		{line: "no-such-program", code: 127, output: "*"},
		{line: "for i in 1 2; do\necho \"n $i\"\ndone", output: "n 1\nn 2"},
		{line: "printf 'a;b\\\\c\\n'", output: `a;b\c`},
		{line: "sleep 0.3"},
		{line: "printf '10%%\\r100%%\\n'", output: "100%"},
		{line: "printf '\\033[31mred\\033[0m\\n'", output: "red"},
		{line: "cd /tmp"},
		{line: "pwd", output: "/tmp"},
		{line: "echo ümläut 日本 🎉", output: "ümläut 日本 🎉"},
		{line: "echo one; echo two", output: "one\ntwo"},
		{line: "echo piped | tr a-z A-Z", output: "PIPED"},
		{line: "echo to-stderr >&2", output: "to-stderr"},
		{line: "printf 'no line end'", output: "no line end"},
		{line: "seq 1 3", output: "1\n2\n3"},
		{line: "echo " + long, output: long},
		{line: `printf '\033]633;E;forged;0\007\033]133;C;0\007evil\033]133;D;0;0\007\n'`, output: "evil"},
		{line: `printf '\033[?1049hfull\033[?1049l'; (exit 3)`, code: 3, full: true},
		{line: "echo same", output: "same"},
		{line: "echo same", output: "same"},
		{line: "sh -c 'kill -TERM $$'", code: 143, output: "*"},
	}
	for _, name := range []string{"bash", "zsh"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(name); err != nil {
				t.Skipf("%s is not on this machine", name)
			}
			r := newRig(t, hold.None)
			s, err := r.Create(t.Context(), owner, shell.CreateOptions{Agent: name, Cols: 100, Rows: 30})
			if err != nil {
				t.Fatal(err)
			}
			p := r.attach(t, owner, s.ID, "", 0)
			p.until(t, "a picture", func() bool { return p.screen != nil })
			for i, c := range commands {
				if i == 8 || i == 15 { // the service is away while the command is typed and runs
					_ = r.Service.Close()
					conn, err := hold.Dial(t.Context(), filepath.Join(r.options.Dir, s.ID), hold.AttachData{Role: hold.Driver})
					if err != nil {
						t.Fatal(err)
					}
					p.Close()
					_ = conn.Send(hold.Frame{Kind: hold.Input, Payload: []byte(c.line + "\n")})
					r.Service = nil
					r.restart(t)
					kept, seen := p.cards, p.since
					p = r.attach(t, owner, s.ID, "", seen)
					p.cards = kept
				} else {
					p.typed(t, c.line+"\n")
				}
				p.until(t, c.line, func() bool { return len(p.cards) > i && !p.bash(i).Running })
			}
			for i, want := range commands {
				got := p.bash(i)
				if got.Command != want.line || got.ExitCode == nil || *got.ExitCode != want.code || got.FullScreen != want.full || want.output != "*" && got.Output != want.output {
					t.Errorf("card %d is %+v (exit %v), want %+v", i, got, got.ExitCode, want)
				}
			}
			// The marks are dated when they are read: the first of two can be the later read.
			if p.bash(6).Millis < 250 || p.bash(10).Dir != "/tmp" {
				t.Errorf("sleep took %d ms; pwd was typed in %s", p.bash(6).Millis, p.bash(10).Dir)
			}
			const slow = `sh -c "printf 'u%s\n' p; exec sleep 100"`
			p.typed(t, slow+"\n")
			p.until(t, "a running card", func() bool { return len(p.cards) > len(commands) && p.bash(len(commands)).Running })
			p.until(t, "its output", p.shows("\nup\r\n"))
			if v, _ := r.Get(owner, s.ID, ""); v.State != shell.Working || v.LastCommand != slow {
				t.Errorf("the session is %s with %q", v.State, v.LastCommand)
			}
			if err := r.Signal(owner, s.ID, "INT"); err != nil {
				t.Fatal(err)
			}
			p.until(t, "its end", func() bool { return !p.bash(len(commands)).Running })
			if code := *p.bash(len(commands)).ExitCode; code != 130 {
				t.Errorf("an interrupted command ended with %d", code)
			}
			if len(p.cards) != len(commands)+1 {
				t.Errorf("%d cards for %d commands", len(p.cards), len(commands)+1)
			}
			p.typed(t, "exit 5\n")
			p.until(t, "the end of the session", func() bool { return p.exit != nil })
			if p.exit.Code != 5 {
				t.Errorf("it ended with %+v", p.exit)
			}
			again := r.attach(t, owner, s.ID, "", 0)
			again.until(t, "the past", func() bool { return again.exit != nil && again.screen != nil && len(again.cards) >= len(commands)+1 })
		})
	}
}

// TestWhoMayWhat: a session is its owner's; an invitation lets people of the same
// Organization see or type, and nothing else.
func TestWhoMayWhat(t *testing.T) {
	t.Parallel()
	r := newRig(t, hold.Pod)
	ctx := t.Context()
	s, err := r.Create(ctx, ann, shell.CreateOptions{Agent: "bash"})
	if err != nil {
		t.Fatal(err)
	}
	mine := r.attach(t, ann, s.ID, "", 0)
	mine.until(t, "a picture", func() bool { return mine.screen != nil })
	watch, _, err := r.Invite(ctx, ann, s.ID, hold.Observer)
	if err != nil {
		t.Fatal(err)
	}
	drive, _, err := r.Invite(ctx, ann, s.ID, hold.Driver)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Invite(ctx, ann, s.ID, hold.Owner); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("an invitation as owner: %v", err)
	}
	if v, err := r.Get(bob, s.ID, watch); err != nil || v.Role != hold.Observer {
		t.Errorf("the observer is %s, %v", v.Role, err)
	}
	observer, driver := r.attach(t, bob, s.ID, watch, 0), r.attach(t, bob, s.ID, drive, 0)
	observer.typed(t, "echo from-the-observer\n")
	driver.typed(t, "echo from-the-driver\n")
	driver.until(t, "what the driver typed", func() bool { return len(driver.cards) > 0 && driver.bash(0).Output == "from-the-driver" })
	for what, err := range map[string]error{
		"a stranger's invitation": func() error { _, err := r.Get(stranger, s.ID, drive); return err }(),
		"no invitation":           func() error { _, err := r.Get(bob, s.ID, ""); return err }(),
		"another token":           func() error { _, err := r.Get(bob, s.ID, "0000"); return err }(),
		"the local owner":         func() error { _, err := r.Get(owner, s.ID, ""); return err }(),
		"renaming":                func() error { _, err := r.Rename(ctx, bob, s.ID, "mine"); return err }(),
		"inviting":                func() error { _, _, err := r.Invite(ctx, bob, s.ID, hold.Driver); return err }(),
		"a signal":                r.Signal(bob, s.ID, "KILL"),
		"a size":                  r.Resize(bob, s.ID, 10, 10),
		"deleting":                r.Delete(ctx, bob, s.ID),
		"the recording":           func() error { _, err := r.Recording(bob, s.ID); return err }(),
		"nobody":                  func() error { _, err := r.Get(journal.Actor{}, s.ID, drive); return err }(),
	} {
		if fault.CodeOf(err) != fault.NotFound {
			t.Errorf("%s: %v", what, err)
		}
	}
	if n := len(r.List(bob)); n != 0 {
		t.Errorf("bob has %d sessions", n)
	}
	if v, err := r.Rename(ctx, ann, s.ID, " my \x1b[31mwork "); err != nil || v.Name != "my [31mwork" {
		t.Errorf("it is named %q, %v", v.Name, err)
	}
	if err := r.Resize(ann, s.ID, 90, 20); err != nil {
		t.Fatal(err)
	}
	mine.typed(t, "stty size\n")
	mine.until(t, "the size", mine.shows("20 90"))
	if mine.shows("from-the-observer")() {
		t.Error("an observer typed")
	}
	r.restart(t)
	if v, err := r.Get(bob, s.ID, watch); err != nil || v.Name != "my [31mwork" {
		t.Errorf("after a restart: %+v, %v", v, err)
	}
	if err := r.Delete(ctx, ann, s.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Get(ann, s.ID, ""); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("a deleted session: %v", err)
	}
	if _, err := os.Stat(filepath.Join(r.options.Dir, s.ID)); !os.IsNotExist(err) {
		t.Error("its files stay")
	}
}

// TestBadRequests: what cannot be started says why, and leaves nothing behind.
func TestBadRequests(t *testing.T) {
	t.Parallel()
	r := newRig(t, hold.None)
	for what, o := range map[string]shell.CreateOptions{
		"nothing":           {},
		"both":              {Agent: "bash", Command: []string{"true"}},
		"an unknown agent":  {Agent: "cobol"},
		"a missing program": {Command: []string{"no-such-agent"}},
		"a missing folder":  {Agent: "bash", Dir: "/no/such/folder"},
		"a folder outside":  {Agent: "bash", Dir: "../../.."},
		"our own variable":  {Agent: "bash", Env: map[string]string{"SANDBOX_SESSION_ID": "x"}},
		"a giant":           {Agent: "bash", Cols: 100000, Rows: 24},
		"a NUL":             {Command: []string{"true", "a\x00b"}},
	} {
		if _, err := r.Create(t.Context(), owner, o); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := r.Create(t.Context(), ann, shell.CreateOptions{Agent: "bash"}); fault.CodeOf(err) != fault.Denied {
		t.Errorf("somebody else without a wall: %v", err)
	}
	if entries, _ := os.ReadDir(r.options.Dir); len(entries) != 0 || len(r.List(owner)) != 0 {
		t.Errorf("%d folders are left", len(entries))
	}
}

// TestWall: behind bubblewrap a session sees nothing of the machine, of the
// service or of another session.
func TestWall(t *testing.T) {
	r := newRig(t, hold.Bwrap)
	secret := rand.Text()
	t.Setenv("A_SECRET_OF_THE_SERVICE", secret)
	file := filepath.Join(r.options.Dir, "..", "secret")
	if err := os.WriteFile(file, []byte(secret), 0o644); err != nil {
		t.Fatal(err)
	}
	other, err := r.Create(t.Context(), ann, shell.CreateOptions{Command: []string{"sleep", "1000"}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := r.Create(t.Context(), ann, shell.CreateOptions{Agent: "bash", Cols: 150})
	if err != nil {
		t.Fatal(err)
	}
	p := r.attach(t, ann, s.ID, "", 0)
	p.until(t, "a picture", func() bool { return p.screen != nil })
	n := 0
	run := func(line string) card.BashData {
		p.typed(t, line+"\n")
		p.until(t, line, func() bool { return len(p.cards) > n && !p.bash(n).Running })
		n++
		return p.bash(n - 1)
	}
	for _, c := range []struct{ what, line, want string }{
		{"its home", "pwd; whoami; hostname; cat /proc/1/comm", "/home/sandbox/work\nsandbox\nsandbox\nbwrap"},
		{"the service's files", "cat " + file + " 2>/dev/null; ls -A " + r.options.Dir + " 2>/dev/null; echo end", "end"},
		{"the service's sockets", "find / -xdev -type s 2>/dev/null | head; echo end", "end"},
		{"shadow, keys, mail", "cat /etc/shadow /root/.ssh/* /var/mail/* 2>/dev/null; ls /home; echo end", "sandbox\nend"},
		{"other processes", "ps -eo comm= | sort -u | grep -v -e bash -e bwrap -e sandbox-holder -e ps -e sort -e grep; ls -d /proc/[0-9]* | wc -l | awk '{print ($1<12)}'", "1"},
		{"the network", "ls /sys/class/net 2>/dev/null; cat /proc/net/dev | grep -c :; (exec 3<>/dev/tcp/169.254.169.254/80) 2>/dev/null || echo unreachable", "1\nunreachable"},
		{"the service's environment", "env | grep -c A_SECRET; tr '\\0' '\\n' < /proc/1/environ | grep -c A_SECRET", "0\n0"},
		{"writing to the system", "touch /usr/x 2>/dev/null || echo read-only; touch /etc/x 2>/dev/null; echo end", "read-only\nend"},
		{"more namespaces", "unshare -Ur true 2>/dev/null || echo refused", "refused"},
	} {
		if got := run(c.line); got.Output != c.want && !(c.what == "writing to the system" && strings.HasPrefix(got.Output, "read-only")) {
			t.Errorf("%s: %q, want %q", c.what, got.Output, c.want)
		}
	}
	if err := r.Delete(t.Context(), ann, other.ID); err != nil {
		t.Fatal(err)
	}
}

// TestLostHolder: a holder that is killed is noticed at once and by a service that
// starts later, and what it left behind is ended.
func TestLostHolder(t *testing.T) {
	t.Parallel()
	r := newRig(t, hold.None)
	s, err := r.Create(t.Context(), owner, shell.CreateOptions{Agent: "bash"})
	if err != nil {
		t.Fatal(err)
	}
	p := r.attach(t, owner, s.ID, "", 0)
	daemon := fmt.Sprintf("sleep 12345.%d", os.Getpid()) // no other run's
	p.typed(t, "setsid "+daemon+" & echo ready\n")
	p.until(t, "a daemon", func() bool { return len(p.cards) > 0 && !p.bash(0).Running })
	status, err := hold.Inspect(filepath.Join(r.options.Dir, s.ID))
	if err != nil {
		t.Fatal(err)
	}
	if err := exec.Command("kill", "-9", fmt.Sprint(status.Process.PID)).Run(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if v, _ := r.Get(owner, s.ID, ""); v.State == shell.Lost {
			break
		} else if time.Now().After(end) {
			t.Fatalf("it is %s", v.State)
		}
	}
	if out, _ := exec.Command("pgrep", "-fx", daemon).Output(); len(out) > 0 {
		t.Errorf("the daemon lives as %s", out)
	}
	r.restart(t)
	if v, err := r.Get(owner, s.ID, ""); err != nil || v.State != shell.Lost || v.Exit.Error == "" {
		t.Errorf("after a restart it is %+v, %v", v, err)
	}
}
