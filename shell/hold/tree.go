package hold

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// EnvSession marks every process of a session, so that they are found even when
// the holder was killed and they have left its process group and its terminal.
const EnvSession = "SANDBOX_SESSION_ID"

// adopt makes this process the parent of all descendants that lose theirs, so
// that a daemon cannot leave the session's tree.
func adopt() error { return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }

// processes are all processes by parent.
func processes() map[int][]int {
	children := map[int][]int{}
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if f := stat(pid); len(f) > 1 && f[0] != "Z" && f[0] != "X" {
			parent, _ := strconv.Atoi(f[1])
			children[parent] = append(children[parent], pid)
		}
	}
	return children
}

// descendants are all processes below pid, children before grandchildren.
func descendants(pid int) []int {
	children := processes()
	all := append([]int(nil), children[pid]...)
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all
}

// endTree ends every process below pid: it hangs up, asks, waits for grace, and
// then kills until nobody is left. reap collects the dead.
func endTree(pid int, grace time.Duration, reap func()) {
	deadline := time.Now().Add(grace)
	asked := map[int]bool{}
	for {
		reap()
		left := descendants(pid)
		if len(left) == 0 {
			return
		}
		late := time.Now().After(deadline)
		for _, p := range left {
			switch {
			case late:
				_ = syscall.Kill(p, syscall.SIGKILL)
			case !asked[p]:
				asked[p] = true
				for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGTERM, syscall.SIGCONT} {
					_ = syscall.Kill(p, s)
				}
			}
		}
		if time.Now().After(deadline.Add(10 * time.Second)) {
			return // somebody is stuck in the kernel
		}
		time.Sleep(10 * time.Millisecond) // there is no event for the end of somebody else's child
	}
}

// A lost holder's processes are looked for again after a pause, so many times at
// most: a program that forks faster than this is left to the operator. Of those
// passes so many wait for a process that may yet turn out to be one.
const (
	maxSweeps  = 100
	maxUnsure  = 20
	sweepPause = 5 * time.Millisecond
)

// Sweep kills what a lost holder left behind: every process of this user whose
// environment names the session. It says how many there were.
func Sweep(session string) int {
	if session == "" {
		return 0
	}
	mark := []byte(EnvSession + "=" + session)
	ended := map[int]bool{}
	// What forks while it is looked for is found in the next pass; a pass that finds
	// nothing is the last one.
	waited := 0
	for range maxSweeps {
		found, unsure := marked(mark)
		if len(found) == 0 {
			if !unsure || waited == maxUnsure {
				break
			}
			waited++
		}
		for _, pid := range found {
			if syscall.Kill(pid, syscall.SIGKILL) == nil {
				ended[pid] = true
			}
		}
		time.Sleep(sweepPause) // the kernel says of nobody else's child when it is gone
	}
	return len(ended)
}

// marked lists the processes that have the mark in their environment. Those that
// are over, but not yet reaped, have none. It is unsure where one shows no
// environment, or half of one: the kernel has none to show while a process becomes
// another program.
func marked(mark []byte) (out []int, unsure bool) {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		raw, err := environ("/proc/" + e.Name() + "/environ")
		if err != nil {
			continue
		}
		if len(raw) == 0 || raw[len(raw)-1] != 0 {
			_, err := os.Readlink("/proc/" + e.Name() + "/exe") // none is the kernel's own, or over
			unsure = unsure || err == nil
		}
		for v := range bytes.SplitSeq(raw, []byte{0}) {
			if bytes.Equal(v, mark) {
				out = append(out, pid)
				break
			}
		}
	}
	return out, unsure
}

// environ reads an environment with as few calls as can be: between two of them
// the process can become another program, and the rest is gone.
func environ(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	var out bytes.Buffer
	out.Grow(64 << 10)
	_, err = out.ReadFrom(f)
	return out.Bytes(), err
}
