package run_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/openova-io/sandbox/provisioner/run"
)

// The test binary is its own holder: `<binary> run ...` does what sandbox-holder
// does.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "run" {
		os.Exit(run.Command(os.Args[2:], os.Stderr))
	}
	os.Exit(m.Run())
}

// launch starts script as a detached run and gives its folder.
func launch(t *testing.T, script string, change func(*run.Order)) string {
	t.Helper()
	work := t.TempDir()
	dir := filepath.Join(work, "r1")
	order := run.Order{ID: "r1", Dir: work, Argv: []string{"/bin/sh", "-c", script}, Env: []string{"PATH=/usr/bin:/bin"}, GraceSeconds: 20}
	if change != nil {
		change(&order)
	}
	if err := run.Prepare(dir, order); err != nil {
		t.Fatal(err)
	}
	if err := start(t, dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = run.Kill(dir) })
	return dir
}

func start(t *testing.T, dir string) error {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return run.Detached{Holder: self}.Launch(t.Context(), dir)
}

// collect follows a run to its end.
func collect(t *testing.T, dir string, offset int64) ([]string, run.Status) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var lines []string
	status, err := run.Follow(ctx, dir, offset, func(records []run.Record) error {
		for _, r := range records {
			lines = append(lines, string(r.Line))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines, status
}

// pidIn waits for a file of a run that holds a process and gives its pid. The
// detached runner writes it when it gets there and tells nobody, so it is looked
// for.
func pidIn(t *testing.T, dir, name string) int {
	t.Helper()
	for range 400 {
		var p run.Process
		if raw, err := os.ReadFile(filepath.Join(dir, name)); err == nil && decode(raw, &p) == nil {
			return p.PID
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s never appeared", name)
	return 0
}

func TestRunWritesStreamAndExit(t *testing.T) {
	t.Parallel()
	dir := launch(t, `echo one; echo two; echo problem >&2; exit 3`, nil)
	lines, status := collect(t, dir, 0)
	if strings.Join(lines, ",") != "one,two" {
		t.Errorf("stream: %q", lines)
	}
	if status.State != run.Finished || status.Exit.Code != 3 || status.Exit.Interrupted {
		t.Errorf("status: %+v", status)
	}
	if lines, _ := collect(t, dir, 4); strings.Join(lines, ",") != "two" {
		t.Errorf("from offset 4: %q", lines)
	}
}

func TestRunIsExecutedOnce(t *testing.T) {
	t.Parallel()
	dir := launch(t, `echo effect >> effects; until [ -e go ]; do sleep 0.02; done`, nil)
	if err := start(t, dir); err == nil {
		t.Error("a second start of a living run succeeded")
	}
	if status, err := run.Inspect(dir); err != nil || status.State != run.Running {
		t.Errorf("status %+v, %v", status, err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(dir), "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	collect(t, dir, 0)
	if err := start(t, dir); err == nil {
		t.Error("a second start of a finished run succeeded")
	}
	raw, err := os.ReadFile(filepath.Join(filepath.Dir(dir), "effects"))
	if err != nil || string(raw) != "effect\n" {
		t.Errorf("effects: %q, %v", raw, err)
	}
}

func TestInterruptGivesGrace(t *testing.T) {
	t.Parallel()
	dir := launch(t, `trap 'echo saved; exit 1' INT; echo ready; while :; do sleep 0.05; done`, nil)
	await(t, dir, "ready")
	if err := run.Interrupt(dir); err != nil {
		t.Fatal(err)
	}
	lines, status := collect(t, dir, 0)
	if strings.Join(lines, ",") != "ready,saved" || status.State != run.Finished || !status.Exit.Interrupted || status.Exit.Code != 1 {
		t.Errorf("%q %+v", lines, status)
	}
	if err := run.Interrupt(dir); err != nil {
		t.Errorf("interrupting a finished run: %v", err)
	}
}

func TestGraceEndsInKill(t *testing.T) {
	t.Parallel()
	dir := launch(t, `trap '' INT; echo ready; while :; do sleep 0.05; done`, func(o *run.Order) { o.GraceSeconds = 1 })
	await(t, dir, "ready")
	if err := run.Interrupt(dir); err != nil {
		t.Fatal(err)
	}
	_, status := collect(t, dir, 0)
	if status.State != run.Finished || status.Exit.Signal != "killed" || !status.Exit.Interrupted {
		t.Errorf("%+v", status)
	}
}

func TestTimeoutInterrupts(t *testing.T) {
	t.Parallel()
	dir := launch(t, `trap 'exit 1' INT; while :; do sleep 0.05; done`, func(o *run.Order) { o.TimeoutSeconds = 1 })
	if _, status := collect(t, dir, 0); !status.Exit.TimedOut || status.Exit.Interrupted {
		t.Errorf("%+v", status)
	}
}

// TestCommandOutlivesRunner: kill -9 of the runner alone does not stop the
// command; the run counts as running until the command is gone, and is then lost,
// with a complete stream.
func TestCommandOutlivesRunner(t *testing.T) {
	t.Parallel()
	dir := launch(t, `echo begun; until [ -e go ]; do sleep 0.02; done; echo done`, nil)
	pidIn(t, dir, "process.json")
	await(t, dir, "begun")
	kill(t, pidIn(t, dir, "intent.json"))
	if status, err := run.Inspect(dir); err != nil || status.State != run.Running {
		t.Fatalf("after the runner's death: %+v, %v", status, err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(dir), "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	lines, status := collect(t, dir, 0)
	if strings.Join(lines, ",") != "begun,done" || status.State != run.Lost {
		t.Errorf("%q %+v", lines, status)
	}
	if err := start(t, dir); err == nil {
		t.Error("a lost run was started again")
	}
}

func TestKilledRunIsLost(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := launch(t, `printf 'whole\ntorn'; exec sleep 60`, func(o *run.Order) { o.Remove = []string{secret} })
	await(t, dir, "whole")
	command := pidIn(t, dir, "process.json")
	kill(t, pidIn(t, dir, "intent.json"))
	kill(t, command)
	lines, status := collect(t, dir, 0)
	if strings.Join(lines, ",") != "whole" || status.State != run.Lost {
		t.Errorf("%q %+v", lines, status)
	}
	if files, err := run.Secrets(dir); err != nil || len(files) != 1 || files[0] != secret {
		t.Errorf("secrets to remove: %v, %v", files, err)
	}
}

func TestInterruptReachesOrphan(t *testing.T) {
	t.Parallel()
	dir := launch(t, `trap 'echo saved; exit 1' INT; echo ready; while :; do sleep 0.05; done`, nil)
	pidIn(t, dir, "process.json")
	await(t, dir, "ready")
	pidIn(t, dir, "process.json")
	kill(t, pidIn(t, dir, "intent.json"))
	if err := run.Interrupt(dir); err != nil {
		t.Fatal(err)
	}
	if lines, status := collect(t, dir, 0); strings.Join(lines, ",") != "ready,saved" || status.State != run.Lost {
		t.Errorf("%q %+v", lines, status)
	}
}

func TestSecretsAreGoneBeforeTheExit(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := launch(t, `exit 0`, func(o *run.Order) { o.Remove = []string{secret} })
	if _, status := collect(t, dir, 0); status.Exit.Code != 0 || status.Exit.Error != "" {
		t.Errorf("%+v", status)
	}
	if _, err := os.Stat(secret); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the secret is still there: %v", err)
	}
}

func TestEnvironmentIsTheOrders(t *testing.T) {
	t.Setenv("SANDBOX_TEST_STRAY", "stray")
	dir := launch(t, `env | sort | grep -v -e ^PWD -e ^SHLVL -e ^OLDPWD -e ^_=`, func(o *run.Order) { o.Env = append(o.Env, "ONLY=this") })
	if lines, _ := collect(t, dir, 0); strings.Join(lines, ",") != "ONLY=this,PATH=/usr/bin:/bin" {
		t.Errorf("environment: %q", lines)
	}
}

func TestMissingCommandIsReported(t *testing.T) {
	t.Parallel()
	dir := launch(t, "", func(o *run.Order) { o.Argv = []string{"/nonexistent/tofu"} })
	if _, status := collect(t, dir, 0); status.State != run.Finished || status.Exit.Code != -1 || status.Exit.Error == "" {
		t.Errorf("%+v", status)
	}
}

func TestAbsentRun(t *testing.T) {
	t.Parallel()
	if status, err := run.Inspect(filepath.Join(t.TempDir(), "r1")); err != nil || status.State != run.Absent {
		t.Errorf("%+v, %v", status, err)
	}
}

// await waits until the stream has a line.
func await(t *testing.T, dir, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	said := errors.New("said")
	_, err := run.Follow(ctx, dir, 0, func(records []run.Record) error {
		for _, r := range records {
			if string(r.Line) == want {
				return said
			}
		}
		return nil
	})
	if !errors.Is(err, said) {
		t.Fatalf("the run never said %q: %v", want, err)
	}
}

// kill ends a process that this test's run started, and waits until it is gone.
func kill(t *testing.T, pid int) {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 10_000)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil || n == 0:
			t.Fatalf("process %d does not die: %v", pid, err)
		default:
			return
		}
	}
}
