package run

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
)

// identify gives the identity of a living process.
func identify(pid int) Process {
	return Process{PID: pid, StartTime: startTime(pid), At: time.Now().UTC()}
}

// alive is true while exactly this process runs.
func (p Process) alive() bool {
	if p.PID <= 0 || syscall.Kill(p.PID, 0) != nil {
		return false
	}
	return p.StartTime == startTime(p.PID)
}

// signal sends sig to exactly this process; ok is false when it is gone.
func (p Process) signal(sig syscall.Signal) (ok bool, err error) {
	if !p.alive() {
		return false, nil
	}
	if err := syscall.Kill(p.PID, sig); err != nil {
		if errors.Is(err, syscall.ESRCH) {
			return false, nil
		}
		return false, fmt.Errorf("signal process %d: %w", p.PID, err)
	}
	return true, nil
}

// startTime is field 22 of /proc/<pid>/stat, empty for a process that is dead and
// only waits to be collected. The second field is the command
// name in brackets and may itself hold spaces and brackets, so fields are
// counted from the last bracket.
func startTime(pid int) string {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return ""
	}
	end := bytes.LastIndexByte(raw, ')')
	if end < 0 {
		return ""
	}
	fields := bytes.Fields(raw[end+1:])
	const afterName = 22 - 3 // the first field after the name is number 3
	if len(fields) <= afterName || fields[0][0] == 'Z' || fields[0][0] == 'X' {
		return ""
	}
	return string(fields[afterName])
}

// acquire takes the folder's lock. An inspector holds it for an instant only,
// so a taken lock is tried again for a while.
func acquire(path string, patience time.Duration) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the run's lock: %w", err)
	}
	deadline := time.Now().Add(patience)
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) || time.Now().After(deadline) {
			f.Close()
			return nil, fmt.Errorf("the run is being executed already: %w", err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
