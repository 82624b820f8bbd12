package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
)

// socketName is the socket of a data directory's service.
const socketName = "sandbox.sock"

// lockDir takes the data directory for this process. The lock ends with it.
func lockDir(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the data directory cannot be made; name another with --data-dir")
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the data directory cannot be locked")
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fault.New(fault.Conflict, "another service is running on this data directory").
			Do("Use it (sandbox chat finds it by itself), stop it, or name another directory with --data-dir.")
	}
	return f, nil
}

// listenLocal opens the socket of the data directory's service. The lock is held,
// so a socket that is there is a leftover. The path of a unix socket is limited
// to about 100 bytes; a deeper directory gets a link to a short one.
func listenLocal(dir string) (net.Listener, error) {
	path := filepath.Join(dir, socketName)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	old := syscall.Umask(0o177)
	defer syscall.Umask(old)
	return net.Listen("unix", shortPath(dir, path))
}

// shortPath gives a path to the socket that fits into a socket address: through
// /proc/self/fd for directories that are too deep.
func shortPath(dir, path string) string {
	if len(path) < 100 {
		return path
	}
	d, err := os.Open(dir)
	if err != nil {
		return path
	}
	// The descriptor stays open for the life of the process, which is the life of
	// the socket.
	return fmt.Sprintf("/proc/self/fd/%d/%s", d.Fd(), socketName)
}

// localClient is an HTTP client of the service of a data directory. The host of
// its URLs does not matter.
func localClient(dir string) *http.Client {
	path := filepath.Join(dir, socketName)
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", shortPath(dir, path))
		},
		MaxIdleConnsPerHost: 8,
	}}
}

// findService gives a client of the service that runs on a data directory.
func findService(ctx context.Context, dir string) (*http.Client, error) {
	if client := localClient(dir); alive(ctx, client) {
		return client, nil
	}
	return nil, fault.New(fault.Unavailable, "no service runs on the data directory")
}

// alive says whether a service answers on the data directory. Where none runs that
// is known at once; one that is busy gets some time.
func alive(ctx context.Context, c *http.Client) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://sandbox/healthz", nil)
	if err != nil {
		return false
	}
	res, err := c.Do(req)
	if err != nil {
		return false
	}
	_ = res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// ensureService gives a client of the service of a data directory. If none runs
// it starts one with the given arguments, detached, and waits until it answers.
func ensureService(ctx context.Context, dir string, args []string) (*http.Client, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the data directory cannot be made")
	}
	client := localClient(dir)
	if alive(ctx, client) {
		return client, nil
	}
	// One starter at a time; the others find what it started.
	lock, err := os.OpenFile(filepath.Join(dir, "start.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return nil, err
	}
	if alive(ctx, client) {
		return client, nil
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	out, err := os.OpenFile(filepath.Join(dir, "service.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.Command(self, args...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the service could not be started")
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }() // reaps the child; ends with it or with this process
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	late := time.NewTimer(60 * time.Second)
	defer late.Stop()
	for {
		select {
		case err := <-exited:
			if lock, busy := lockDir(dir); busy == nil {
				_ = lock.Close()
			} else if fault.CodeOf(busy) == fault.Conflict { // somebody else's service, which is starting or busy
				exited = nil
				continue
			}
			return nil, fault.New(fault.Unavailable, "the service ended at once (%v)", err).Do("Its last words are in %s.", out.Name())
		case <-late.C:
			return nil, fault.New(fault.Unavailable, "the service does not answer").Do("Its output is in %s.", out.Name())
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-tick.C:
			if alive(ctx, client) {
				return client, nil
			}
		}
	}
}
