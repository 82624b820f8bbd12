package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// The files of a run folder; doc.go says what each holds.
const (
	orderFile   = "order.json"
	lockFile    = "lock"
	intentFile  = "intent.json"
	processFile = "process.json"
	streamFile  = "stream.jsonl"
	stderrFile  = "stderr.log"
	exitFile    = "exit.json"
)

// Order is what a runner is to do. It holds no secret.
type Order struct {
	// ID names the run, e.g. "r1"; it is unique in its deployment.
	ID string `json:"id"`
	// Dir is tofu's working directory, absolute.
	Dir string `json:"dir"`
	// Argv is the command; Argv[0] is an absolute path.
	Argv []string `json:"argv"`
	// Env is the whole environment of the command.
	Env []string `json:"env"`
	// Inherit names variables whose values the command takes over from the runner's
	// own environment, because they must not be written down.
	Inherit []string `json:"inherit,omitempty"`
	// Remove are files that hold secrets and are deleted once the command ended.
	Remove []string `json:"remove,omitempty"`
	// GraceSeconds is how long an interrupted command may take to save its state
	// before its process group is killed; 0 means 60.
	GraceSeconds int `json:"graceSeconds,omitempty"`
	// TimeoutSeconds is after how long the command is interrupted; 0 means never.
	TimeoutSeconds int `json:"timeoutSeconds,omitempty"`
}

// Process identifies a process of this boot: a pid alone may be reused.
type Process struct {
	PID int `json:"pid"`
	// StartTime is the kernel's start time of the process in clock ticks since
	// boot; empty where the system does not tell.
	StartTime string    `json:"startTime,omitempty"`
	At        time.Time `json:"at"`
}

// Exit is how a run ended.
type Exit struct {
	// Code is the command's exit code; -1 when it did not start or was killed.
	Code int `json:"code"`
	// Signal is the signal that killed it, e.g. "killed".
	Signal string `json:"signal,omitempty"`
	// Interrupted is true when somebody asked the run to stop.
	Interrupted bool `json:"interrupted,omitempty"`
	// TimedOut is true when the order's timeout interrupted it.
	TimedOut bool `json:"timedOut,omitempty"`
	// Error says why the command could not be started.
	Error string    `json:"error,omitempty"`
	At    time.Time `json:"at"`
}

// writeDurably writes v as JSON so that after a power cut the file is there in
// full or not at all.
func writeDurably(dir, name string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	f, err := os.CreateTemp(dir, "."+name+"-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	defer os.Remove(f.Name())
	if _, err = f.Write(append(raw, '\n')); err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, name))
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// createDurably is writeDurably for a file that must not exist yet; it fails
// with fs.ErrExist if it does.
func createDurably(dir, name string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("create %s: %w", name, err)
	}
	if _, err = f.Write(append(raw, '\n')); err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		return fmt.Errorf("create %s: %w", name, err)
	}
	return nil
}

// syncDir makes the names in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// readJSON reads a file of the folder; found is false when there is none.
func readJSON(dir, name string, v any) (found bool, err error) {
	raw, err := os.ReadFile(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read %s: %w", name, err)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return true, fmt.Errorf("read %s: %w", name, err)
	}
	return true, nil
}
