package proc

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/openova-io/sandbox/conversation/fault"
)

// EnsureOptions say where the cloud lives and how it is started.
type EnsureOptions struct {
	// Dir is the cloud's folder; it is created if it is missing.
	Dir string
	// Command is the argv that starts the cloud on Dir. It must run in the
	// foreground until it is told to stop.
	Command []string
	// Env is added to an otherwise small environment (PATH, HOME, TMPDIR).
	// SANDBOX_SIMULATOR_DIR and SANDBOX_SIMULATOR_SPEED are always set.
	Env []string
	// Speed is passed on in SANDBOX_SIMULATOR_SPEED; 0 means 1.
	Speed float64
	// Timeout is how long a started cloud may take to answer; 0 is 30 s.
	Timeout time.Duration
}

// spool is what identifies the running process.
type spool struct {
	PID int `json:"pid"`
	// StartTime is field 22 of /proc/<pid>/stat: clock ticks since boot.
	StartTime uint64 `json:"startTime"`
	URL       string `json:"url"`
}

// Ensure gives a client of the cloud of Dir, starting it if it does not run.
// It is Unavailable when the cloud does not answer in time; the hint names its
// output file's place.
func Ensure(ctx context.Context, o EnsureOptions) (*Client, error) {
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the simulated cloud's folder cannot be created")
	}
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	unlock, err := lock(ctx, filepath.Join(o.Dir, "start.lock"))
	if err != nil {
		return nil, err
	}
	defer unlock()
	token, err := ensureToken(filepath.Join(o.Dir, "token"))
	if err != nil {
		return nil, err
	}
	if running, found := find(o.Dir); found {
		c := newClient(o.Dir, running, token)
		err := c.await(ctx, nil)
		if err == nil && running.URL == "" { // who started it died before it answered
			err = c.process.write(o.Dir)
		}
		if err == nil {
			return c, nil
		}
		if alive(running) {
			return nil, err
		}
		// It was ending when it was found.
	}
	return start(ctx, o, token)
}

// Find gives a client of a cloud that runs, without starting one; false if
// none does.
func Find(dir string) (*Client, bool) {
	running, found := find(dir)
	if !found {
		return nil, false
	}
	token, err := os.ReadFile(filepath.Join(dir, "token"))
	if err != nil {
		return nil, false
	}
	return newClient(dir, running, strings.TrimSpace(string(token))), true
}

// lock takes a file lock, waiting for whoever holds it.
func lock(ctx context.Context, path string) (func(), error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "a lock of the simulated cloud cannot be opened")
	}
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			_ = f.Close()
			return nil, fault.Wrap(err, fault.Internal, "a lock of the simulated cloud cannot be taken")
		}
		select {
		case <-ctx.Done():
			_ = f.Close()
			return nil, fault.Wrap(ctx.Err(), fault.Unavailable, "another process holds the simulated cloud's folder")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// ensureToken reads the folder's token, or makes it: 64 hexadecimal digits.
func ensureToken(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(data)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fault.Wrap(err, fault.Internal, "the simulated cloud's token cannot be read")
	}
	var b [32]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fault.Wrap(err, fault.Internal, "no randomness for the simulated cloud's token")
	}
	token := hex.EncodeToString(b[:])
	return token, writeFile(path, []byte(token))
}

// writeFile replaces a file of the owner in one step.
func writeFile(path string, data []byte) error {
	next := path + ".next"
	err := os.WriteFile(next, data, 0o600)
	if err == nil {
		err = os.Rename(next, path)
	}
	return fault.Wrap(err, fault.Internal, "the simulated cloud's folder cannot be written")
}

// find reads the spool file and reports whether its process still runs.
func find(dir string) (spool, bool) {
	var s spool
	data, err := os.ReadFile(filepath.Join(dir, "process.json"))
	if err != nil || json.Unmarshal(data, &s) != nil || !alive(s) {
		return spool{}, false
	}
	return s, true
}

// alive reports whether the process of the spool runs: the same pid, begun at
// the same time, and not a zombie.
func alive(s spool) bool {
	at, state, err := startTime(s.PID)
	return err == nil && at == s.StartTime && state != "Z" && state != "X"
}

// startTime reads when a process began, in clock ticks since boot, and its
// state letter. The name in the second field can hold blanks and parentheses,
// so the fields are counted from its last parenthesis.
func startTime(pid int) (ticks uint64, state string, err error) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, "", err
	}
	text := string(data)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	// The state is field 3 and comes first here, so field 22 has index 19.
	if len(fields) < 20 {
		return 0, "", errors.New("unexpected format of /proc/<pid>/stat")
	}
	ticks, err = strconv.ParseUint(fields[19], 10, 64)
	return ticks, fields[0], err
}

// start launches the cloud and waits until it answers. The lock is held.
func start(ctx context.Context, o EnsureOptions, token string) (*Client, error) {
	if len(o.Command) == 0 {
		return nil, fault.New(fault.Unavailable, "the simulated cloud does not run, and no command to start it was given")
	}
	output, err := os.OpenFile(filepath.Join(o.Dir, "output.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the simulated cloud's output file cannot be opened")
	}
	defer output.Close()
	// No context: the process has to outlive this call and its caller.
	cmd := exec.Command(o.Command[0], o.Command[1:]...)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.Dir = o.Dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	speed := o.Speed
	if speed == 0 {
		speed = 1
	}
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "GOCOVERDIR"} {
		if value, set := os.LookupEnv(name); set {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	cmd.Env = append(cmd.Env, "SANDBOX_SIMULATOR_DIR="+o.Dir, "SANDBOX_SIMULATOR_SPEED="+strconv.FormatFloat(speed, 'g', -1, 64))
	cmd.Env = append(cmd.Env, o.Env...)
	// One that was killed can hold the folder for a moment longer than its pid.
	held := filepath.Join(o.Dir, "lock")
	moment, cancel := context.WithTimeout(ctx, 2*time.Second)
	free, err := lock(moment, held)
	cancel()
	if err != nil {
		// Who started it was killed before it could write the spool file.
		if raw, bad := os.ReadFile(held); bad == nil {
			if pid, bad := strconv.Atoi(string(raw)); bad == nil {
				return adopt(ctx, o.Dir, token, pid, nil)
			}
		}
		return nil, err
	}
	free()
	// A spool or an address of an earlier life must not be taken for this one's.
	if err := os.Remove(filepath.Join(o.Dir, "process.json")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Wrap(err, fault.Internal, "the simulated cloud's spool file cannot be removed")
	}
	if err := cmd.Start(); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the simulated cloud could not be started")
	}
	ended := make(chan struct{})
	go func() {
		// Reaps the child; its exit status is in its output file.
		_ = cmd.Wait()
		close(ended)
	}()
	client, err := adopt(ctx, o.Dir, token, cmd.Process.Pid, ended)
	if err != nil {
		_ = cmd.Process.Kill()
		<-ended
		return nil, err
	}
	return client, nil
}

// adopt waits for a process that was just started and writes its spool file.
func adopt(ctx context.Context, dir, token string, pid int, ended <-chan struct{}) (*Client, error) {
	began, _, err := startTime(pid)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the simulated cloud ended as soon as it was started")
	}
	c := newClient(dir, spool{PID: pid, StartTime: began}, token)
	// Written before the URL is known too: a caller that is killed meanwhile
	// must not leave a process that nobody finds.
	if err := c.process.write(dir); err != nil {
		return nil, err
	}
	if err := c.await(ctx, ended); err != nil {
		return nil, err
	}
	return c, c.process.write(dir)
}

// write stores the spool file.
func (s spool) write(dir string) error {
	data, err := json.Marshal(s)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "the simulated cloud's spool file cannot be encoded")
	}
	return writeFile(filepath.Join(dir, "process.json"), data)
}
