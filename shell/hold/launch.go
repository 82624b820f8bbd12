package hold

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Launcher starts a holder on a prepared folder so that it outlives the caller.
type Launcher interface {
	// secrets are not written anywhere; they live in the holder's memory.
	Launch(ctx context.Context, dir string, secrets Secrets) error
}

// Prepare writes the order of a session into dir, which is created.
func Prepare(dir string, order Order) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the session's folder: %w", err)
	}
	return writeJSON(dir, orderFile, order, true)
}

// Detached launches holders in a session of their own (setsid) on this machine.
// They survive the end of the service and a closed terminal; they do not survive
// a service manager that kills the service's whole control group.
type Detached struct {
	// Holder is the path of the sandbox-holder binary.
	Holder string
}

// Launch starts `sandbox-holder shell --detach dir`, which starts the holder
// proper and ends as soon as that one has reported, so that no child is left to
// wait for.
func (d Detached) Launch(ctx context.Context, dir string, secrets Secrets) error {
	told, err := json.Marshal(secrets)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, d.Holder, "shell", "--detach", dir)
	cmd.Env = []string{"PATH=/usr/bin:/bin"}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Stdin = bytes.NewReader(told)
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		if s := strings.TrimSpace(said.String()); s != "" {
			return errors.New(s)
		}
		return fmt.Errorf("start the holder: %w", err)
	}
	return nil
}

// Command is `sandbox-holder shell [--detach] <folder>`. It returns the exit code
// of the process.
func Command(args []string, stderr io.Writer) int {
	detach := len(args) == 2 && args[0] == "--detach"
	if len(args) != 1 && !detach {
		fmt.Fprintln(stderr, "usage: sandbox-holder shell [--detach] <session folder>")
		return 2
	}
	dir := args[len(args)-1]
	var err error
	if detach {
		err = relaunch(dir)
	} else {
		var ready io.WriteCloser = discard{}
		if f := os.NewFile(3, "ready"); f != nil && isPipe(f) {
			syscall.CloseOnExec(3)
			ready = f
		}
		var secrets Secrets
		if secrets, err = readSecrets(os.Stdin); err == nil {
			err = Execute(dir, secrets, ready)
		}
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}

// relaunch starts this program again without --detach in a new session and waits
// for its first word.
func relaunch(dir string) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	log, err := os.OpenFile(filepath.Join(dir, logFile), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open the holder's log: %w", err)
	}
	defer log.Close()
	secrets, err := readSecrets(os.Stdin)
	if err != nil {
		return err
	}
	told, err := json.Marshal(secrets)
	if err != nil {
		return err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	cmd := exec.Command(self, "shell", dir)
	// A small heap matters more here than speed of collection: there is one holder
	// for each session.
	cmd.Env = append(os.Environ(), "GOGC=50")
	cmd.Dir = "/"
	stdin, err := cmd.StdinPipe()
	if err != nil {
		w.Close()
		return err
	}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{w}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		w.Close()
		return fmt.Errorf("start the holder: %w", err)
	}
	w.Close()
	_, _ = stdin.Write(told) // it fits into the pipe
	stdin.Close()
	line, _ := bufio.NewReader(r).ReadString('\n')
	switch line = strings.TrimSpace(line); line {
	case "ok":
		return cmd.Process.Release()
	case "":
		return errors.New("the holder ended before it said anything")
	default:
		return errors.New(line)
	}
}

// readSecrets reads what the service hands over on the standard input; nothing
// when that is no pipe.
func readSecrets(f *os.File) (s Secrets, err error) {
	if !isPipe(f) {
		return s, nil
	}
	raw, err := readAll(f, 64<<10)
	if err == nil && len(raw) > 0 {
		err = json.Unmarshal(raw, &s)
	}
	if err != nil {
		err = errors.New("what the service handed over cannot be read")
	}
	return s, err
}

func isPipe(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeNamedPipe != 0
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) Close() error                { return nil }

// throughFolder gives a short name of a socket in dir: the kernel takes about a
// hundred bytes for one, and a data directory may be deep.
func throughFolder(dir, name string, use func(path string) error) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return use(fmt.Sprintf("/proc/self/fd/%d/%s", d.Fd(), name))
}

// foreground is the process group that the terminal's keys go to.
func foreground(tty *os.File) (group int, err error) {
	raw, err := tty.SyscallConn()
	if err != nil {
		return 0, err
	}
	if e := raw.Control(func(fd uintptr) { group, err = unix.IoctlGetInt(int(fd), unix.TIOCGPGRP) }); e != nil {
		return 0, e
	}
	return group, err
}

// Conn is a connection to a holder. Receive is for one goroutine, Send for many.
type Conn struct {
	conn net.Conn
	mu   sync.Mutex
}

// Dial attaches to the holder in dir.
func Dial(ctx context.Context, dir string, a AttachData) (c *Conn, err error) {
	err = throughFolder(dir, socketFile, func(path string) error {
		conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
		if err != nil {
			return fmt.Errorf("reach the holder: %w", err)
		}
		c = &Conn{conn: conn}
		return nil
	})
	if err != nil {
		return nil, err
	}
	a.Version = Version
	if err := c.Send(JSON(Attach, a)); err != nil {
		c.Close()
		return nil, fmt.Errorf("attach to the holder: %w", err)
	}
	return c, nil
}

// Send sends a frame.
func (c *Conn) Send(f Frame) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return writeFrame(c.conn, f)
}

// Receive gives the next frame. io.EOF means that the holder closed.
func (c *Conn) Receive() (Frame, error) { return readFrame(c.conn, 64<<20) }

// Close ends the connection.
func (c *Conn) Close() error { return c.conn.Close() }

// LastScreen is what was shown when the session in dir ended, as a snapshot frame.
func LastScreen(dir string) (Frame, error) {
	raw, err := os.ReadFile(filepath.Join(dir, screenFile))
	return Frame{Snapshot, raw}, err
}
