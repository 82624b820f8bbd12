package run

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

const (
	defaultGrace = 60 * time.Second
	// syncEvery is how much of the stream a power cut may take; the sweep of the
	// provider's API finds what is lost with it.
	syncEvery = 100 * time.Millisecond
)

// Execute carries out the order in dir and writes down how it went. It is the
// body of the detached runner, which has one goroutine beside this one: the
// wait for the command. ready gets "ok\n" once the intent is durable, or a
// line saying why nothing was started; it is then closed.
//
// Execute returns an error only when nothing was started.
func Execute(dir string, ready io.WriteCloser) error {
	order, lock, err := begin(dir)
	if err != nil {
		fmt.Fprintln(ready, err)
		ready.Close()
		return err
	}
	defer lock.Close()
	fmt.Fprintln(ready, "ok")
	ready.Close()

	exit := execute(dir, order, lock)
	for _, path := range order.Remove {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			exit.Error += "a secret file could not be removed; "
		}
	}
	exit.At = time.Now().UTC()
	return writeDurably(dir, exitFile, exit)
}

// begin takes the lock and writes the intent: from here on the effect may have
// happened.
func begin(dir string) (Order, *os.File, error) {
	var order Order
	if found, err := readJSON(dir, orderFile, &order); err != nil || !found {
		return order, nil, errors.Join(errors.New("the run folder has no readable order"), err)
	}
	if len(order.Argv) == 0 || !filepath.IsAbs(order.Argv[0]) || !filepath.IsAbs(order.Dir) {
		return order, nil, errors.New("the order names no absolute command and directory")
	}
	lock, err := acquire(filepath.Join(dir, lockFile), 2*time.Second)
	if err != nil {
		return order, nil, err
	}
	if err := createDurably(dir, intentFile, identify(os.Getpid())); err != nil {
		lock.Close()
		if errors.Is(err, fs.ErrExist) {
			err = errors.New("the run was begun before; it is never begun twice")
		}
		return order, nil, err
	}
	return order, lock, nil
}

// execute starts the command and stays until it is gone.
func execute(dir string, order Order, lock *os.File) Exit {
	syscall.Umask(0o077) // tofu's state and its backup are for nobody else
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE)
	defer signal.Stop(signals)

	stream, err := os.OpenFile(filepath.Join(dir, streamFile), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return Exit{Code: -1, Error: err.Error()}
	}
	defer stream.Close()
	stderr, err := os.OpenFile(filepath.Join(dir, stderrFile), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return Exit{Code: -1, Error: err.Error()}
	}
	defer stderr.Close()

	cmd := exec.Command(order.Argv[0], order.Argv[1:]...)
	cmd.Dir, cmd.Env = order.Dir, order.Env
	for _, name := range order.Inherit {
		if v, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	// Plain files, no pipes: the command does not need the runner to go on.
	cmd.Stdout, cmd.Stderr = stream, stderr
	cmd.ExtraFiles = []*os.File{lock}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return Exit{Code: -1, Error: err.Error()}
	}
	// Without this file a cancel cannot reach tofu after the runner's death, but
	// the run itself is sound: no reason to stop it.
	_ = writeDurably(dir, processFile, identify(cmd.Process.Pid))

	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	exit := attend(order, cmd.Process, stream, signals, ended)
	// Providers that outlived tofu would go on talking to the cloud.
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	_ = stream.Sync()
	return exit
}

// attend keeps the stream durable and runs the ladder of a cancel: SIGINT, the
// grace, SIGKILL for the whole group.
func attend(order Order, command *os.Process, stream *os.File, signals <-chan os.Signal, ended <-chan error) Exit {
	grace := time.Duration(order.GraceSeconds) * time.Second
	if grace <= 0 {
		grace = defaultGrace
	}
	var timeout, kill <-chan time.Time
	if order.TimeoutSeconds > 0 {
		timer := time.NewTimer(time.Duration(order.TimeoutSeconds) * time.Second)
		defer timer.Stop()
		timeout = timer.C
	}
	ticker := time.NewTicker(syncEvery)
	defer ticker.Stop()

	var exit Exit
	var synced int64
	interrupt := func() {
		if kill == nil { // a second SIGINT would make tofu abandon its state
			_ = command.Signal(syscall.SIGINT)
			kill = time.After(grace)
		}
	}
	for {
		select {
		case err := <-ended:
			exit.Code, exit.Signal = outcome(err)
			return exit
		case <-signals:
			exit.Interrupted = true
			interrupt()
		case <-timeout:
			exit.TimedOut = true
			interrupt()
		case <-kill:
			_ = syscall.Kill(-command.Pid, syscall.SIGKILL)
		case <-ticker.C:
			if info, err := stream.Stat(); err == nil && info.Size() > synced {
				if stream.Sync() == nil {
					synced = info.Size()
				}
			}
		}
	}
}

// outcome reads the result of a wait.
func outcome(err error) (code int, sig string) {
	if err == nil {
		return 0, ""
	}
	var exitErr *exec.ExitError
	if !errors.As(err, &exitErr) {
		return -1, ""
	}
	if ws, ok := exitErr.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return -1, ws.Signal().String()
	}
	return exitErr.ExitCode(), ""
}
