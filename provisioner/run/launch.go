package run

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// Launcher starts a runner on a prepared folder so that it outlives the caller.
// Launch returns nil once the runner's intent is durable.
type Launcher interface {
	Launch(ctx context.Context, dir string) error
}

// Prepare writes the order of a run into dir, which is created. The order of a
// run that was prepared before is left as it is.
func Prepare(dir string, order Order) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the run folder: %w", err)
	}
	var old Order
	if found, err := readJSON(dir, orderFile, &old); found || err != nil {
		return err
	}
	return writeDurably(dir, orderFile, order)
}

// Detached launches runners in a session of their own (setsid) on this machine.
// They survive the end of the service and a closed terminal; they do not
// survive a service manager that kills the service's whole control group.
type Detached struct {
	// Holder is the path of the sandbox-holder binary.
	Holder string
	// Inherit names the variables that the runner gets from this process beside
	// PATH, for orders that inherit them.
	Inherit []string
}

// Launch starts `sandbox-holder run --detach dir`, which starts the runner
// proper and ends as soon as that one has reported, so that no child is left to
// wait for.
func (d Detached) Launch(ctx context.Context, dir string) error {
	cmd := exec.CommandContext(ctx, d.Holder, "run", "--detach", dir)
	cmd.Env = []string{"PATH=/usr/bin:/bin"}
	for _, name := range d.Inherit {
		if v, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("start the runner: %s: %w", strings.TrimSpace(said.String()), err)
	}
	return nil
}

// Command is `sandbox-holder run [--detach] <folder>`. It returns the exit code
// of the process.
func Command(args []string, stderr io.Writer) int {
	detach := len(args) == 2 && args[0] == "--detach"
	if len(args) != 1 && !detach {
		fmt.Fprintln(stderr, "usage: sandbox-holder run [--detach] <run folder>")
		return 2
	}
	dir := args[len(args)-1]
	var err error
	if detach {
		err = relaunch(dir)
	} else {
		// Descriptor 3 is the launcher's pipe where there is one.
		var ready io.WriteCloser = discard{}
		if f := os.NewFile(3, "ready"); f != nil && isPipe(f) {
			ready = f
		}
		err = Execute(dir, ready)
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}

// relaunch starts this program again without --detach in a new session and
// waits for its first word.
func relaunch(dir string) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	cmd := exec.Command(self, "run", dir)
	cmd.Env = os.Environ()
	cmd.Dir = "/"
	cmd.ExtraFiles = []*os.File{w}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		w.Close()
		return fmt.Errorf("start the runner: %w", err)
	}
	w.Close()
	line, _ := bufio.NewReader(r).ReadString('\n')
	switch line = strings.TrimSpace(line); line {
	case "ok":
		return cmd.Process.Release()
	case "":
		return errors.New("the runner ended before it said anything")
	default:
		return errors.New(line)
	}
}

func isPipe(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeNamedPipe != 0
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) Close() error                { return nil }
