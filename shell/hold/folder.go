package hold

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// The files of a session's folder; doc.go says what each holds.
const (
	orderFile     = "order.json"
	processFile   = "process.json"
	socketFile    = "socket"
	spoolFile     = "spool.jsonl"
	recordingFile = "recording.cast"
	screenFile    = "screen.bin"
	exitFile      = "exit.json"
	logFile       = "holder.log"
)

// Order is what a holder is to run.
type Order struct {
	// ID is the session's: 24 lower-case hexadecimal characters.
	ID string `json:"id"`
	// Argv is the command; Argv[0] is an absolute path.
	Argv []string `json:"argv"`
	// Env is the whole environment.
	Env []string `json:"env"`
	// Dir is the working directory, absolute.
	Dir  string `json:"dir"`
	Cols int    `json:"cols"`
	Rows int    `json:"rows"`
	// Nonce makes the shell's marks believable; empty means that there are none.
	Nonce string `json:"nonce,omitempty"`
	// RecordingLimit is the most bytes of the recording; 0 records nothing.
	RecordingLimit int64 `json:"recordingLimit,omitempty"`
	// Sources are the agent's side channels, by name.
	Sources []Source `json:"sources,omitempty"`
	// Ports says that the session's ports can be reached ([DialPort]).
	Ports bool `json:"ports,omitempty"`
	// Limits are what its processes may use.
	Limits Limits `json:"limits,omitzero"`
	// Model is what the session's agent thinks with; nil is none.
	Model *Model `json:"model,omitempty"`
	// Repository is what the session works in; nil is none.
	Repository *Repository `json:"repository,omitempty"`
	// Tools are the MCP servers of the session's agent; nil is none.
	Tools *Tools `json:"tools,omitempty"`
	// Egress is where else the session may connect to; nil is nowhere.
	Egress *Egress `json:"egress,omitempty"`
}

// Process identifies a holder of this boot: a pid alone may be reused.
type Process struct {
	PID       int       `json:"pid"`
	StartTime string    `json:"startTime"`
	Child     int       `json:"child"`
	Epoch     string    `json:"epoch"`
	At        time.Time `json:"at"`
}

// State is where a session is.
type State string

const (
	// Absent: no holder was started.
	Absent State = "absent"
	// Running: the holder lives and can be attached to.
	Running State = "running"
	// Ended: the command ended, and the exit says how.
	Ended State = "ended"
	// Lost: the holder is gone and nobody wrote how the command ended.
	Lost State = "lost"
)

// Status is what a session's folder tells.
type Status struct {
	State   State
	Process Process
	Exit    ExitData
	ExitAt  time.Time
}

type exitRecord struct {
	ExitData
	At time.Time `json:"at"`
}

// Inspect tells where the session in dir is. It never changes the folder.
func Inspect(dir string) (Status, error) {
	var s Status
	var exit exitRecord
	if found, err := readJSON(dir, exitFile, &exit); err != nil {
		return s, err
	} else if found {
		_, err := readJSON(dir, processFile, &s.Process)
		s.State, s.Exit, s.ExitAt = Ended, exit.ExitData, exit.At
		return s, err
	}
	found, err := readJSON(dir, processFile, &s.Process)
	switch {
	case err != nil:
		return s, err
	case !found:
		s.State = Absent
	case s.Process.alive():
		s.State = Running
	default:
		s.State = Lost
		if found, err := readJSON(dir, exitFile, &exit); err == nil && found {
			s.State, s.Exit, s.ExitAt = Ended, exit.ExitData, exit.At // it ended while we looked
		}
	}
	return s, nil
}

// alive is true while exactly this process runs.
func (p Process) alive() bool {
	return p.PID > 0 && syscall.Kill(p.PID, 0) == nil && p.StartTime != "" && p.StartTime == startTime(p.PID)
}

// RecordingPath is where a session's recording is.
func RecordingPath(dir string) string { return filepath.Join(dir, recordingFile) }

// ReadSpool gives at most so many complete records from a byte offset of the
// spool on, and for each the offset that it ends at, from which to go on. A line
// that is still being written is left.
func ReadSpool(dir string, from int64, most int) (records []Record, ends []int64, err error) {
	f, err := os.Open(filepath.Join(dir, spoolFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read the spool: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && from > info.Size() {
		err = fmt.Errorf("it has %d bytes and not %d", info.Size(), from)
	}
	if err == nil {
		_, err = f.Seek(from, io.SeekStart)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read the spool: %w", err)
	}
	lines := bufio.NewReaderSize(f, 64<<10)
	for len(records) < most {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return records, ends, fmt.Errorf("read the spool: %w", err)
		}
		var r Record
		if err := json.Unmarshal(line, &r); err != nil {
			return records, ends, fmt.Errorf("read the spool at %d: %w", from, err)
		}
		from += int64(len(line))
		records, ends = append(records, r), append(ends, from)
	}
	return records, ends, nil
}

// startTime is field 22 of /proc/<pid>/stat, empty for a process that is dead.
// The second field is the command name and may hold brackets and spaces, so
// fields are counted from the last bracket.
func startTime(pid int) string {
	fields := stat(pid)
	const afterName = 22 - 3
	if len(fields) <= afterName || fields[0] == "Z" || fields[0] == "X" {
		return ""
	}
	return fields[afterName]
}

// stat are the fields of /proc/<pid>/stat after the command name: state, parent, ...
func stat(pid int) []string {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return nil
	}
	var fields []string
	for _, f := range bytes.Fields(raw[bytes.LastIndexByte(raw, ')')+1:]) {
		fields = append(fields, string(f))
	}
	return fields
}

// writeJSON writes v so that after a power cut the file is there in full or not
// at all. create refuses to replace one.
func writeJSON(dir, name string, v any, create bool) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	return writeFile(dir, name, append(raw, '\n'), create)
}

func writeFile(dir, name string, raw []byte, create bool) error {
	f, err := os.CreateTemp(dir, "."+name+"-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	defer os.Remove(f.Name())
	if _, err = f.Write(raw); err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil && create {
		err = os.Link(f.Name(), filepath.Join(dir, name))
	} else if err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, name))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

func readJSON(dir, name string, v any) (found bool, err error) {
	raw, err := os.ReadFile(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, v)
	}
	if err != nil {
		return true, fmt.Errorf("read %s: %w", name, err)
	}
	return true, nil
}
