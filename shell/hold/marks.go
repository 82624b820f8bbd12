package hold

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// Record is one raw record of a session's side channel, a line of its spool.
// The holder writes what it saw; what it means to a card is the adapter's.
type Record struct {
	// Offset is where in the output the command began: a mark's key, with Kind.
	Offset uint64 `json:"offset,omitempty"`
	// Kind is "start" when a command began and "end" when it ended; of a side channel
	// it is one of [RecordNote], [RecordHeld], [RecordAnswered], [RecordGone].
	Kind string    `json:"kind"`
	At   time.Time `json:"at"`
	// Source is the side channel that it came by; empty for marks.
	Source string `json:"source,omitempty"`
	// ID names a side channel's record in this session.
	ID string `json:"id,omitempty"`
	// Data is what was told. Without it Skipped bytes were too many, or no JSON.
	Data json.RawMessage `json:"data,omitempty"`
	// Command is the command line as it was typed, with its line ends.
	Command string `json:"command,omitempty"`
	// Dir is the working directory in which it was typed.
	Dir string `json:"dir,omitempty"`
	// Exit is the exit code of an "end"; -1 when the session ended first.
	Exit int `json:"exit,omitempty"`
	// Millis is how long it ran.
	Millis int64 `json:"millis,omitempty"`
	// Alternate is true when it used the whole screen, as editors do; there is no
	// output then.
	Alternate bool `json:"alternate,omitempty"`
	// Output is what it printed, escape sequences included: the beginning, and
	// after Skipped bytes the end in Tail.
	Output  []byte `json:"output,omitempty"`
	Skipped int    `json:"skipped,omitempty"`
	Tail    []byte `json:"tail,omitempty"`
}

const (
	headBytes = 8 << 10
	tailBytes = 24 << 10
)

// marks reads the marks that the shell puts around prompts and commands (OSC 133
// of FinalTerm, 633;E of VS Code, OSC 7). A mark counts only with the session's
// nonce, so that a program cannot forge one by printing it.
type marks struct {
	sequencer
	nonce string
	emit  func(Record)
	now   func() time.Time

	command, dir string
	running      bool
	current      Record
	from         uint64 // output from here on is not taken yet
	chunk        []byte
	chunkBase    uint64
}

func newMarks(nonce string, emit func(Record)) *marks {
	m := &marks{nonce: nonce, emit: emit, now: time.Now}
	m.out = m
	return m
}

func (m *marks) write(p []byte) {
	m.chunk, m.chunkBase = p, m.base
	m.sequencer.write(p)
	if m.running {
		m.take(m.base)
	}
	m.chunk = nil
}

func (m *marks) ascii([]byte) {}
func (m *marks) char([]byte)  {}
func (m *marks) control(byte) {}

func (m *marks) sequence(p []byte) {
	if m.running && (bytes.HasPrefix(p, []byte("\x1b[?1049h")) || bytes.HasPrefix(p, []byte("\x1b[?1047h")) || bytes.HasPrefix(p, []byte("\x1b[?47h"))) {
		m.current.Alternate = true
		m.current.Output, m.current.Tail, m.current.Skipped = nil, nil, 0
	}
}

func (m *marks) text(p []byte, cut bool) {
	if cut || m.nonce == "" || len(p) < 6 || p[1] != ']' {
		return
	}
	body := string(bytes.TrimSuffix(bytes.TrimSuffix(p[2:], []byte{0x1b, '\\'}), []byte{7}))
	body, mine := strings.CutSuffix(body, ";"+m.nonce)
	if !mine {
		return
	}
	end := m.pos + 1
	switch {
	case strings.HasPrefix(body, "633;E;"):
		m.command = unescape(body[len("633;E;"):])
	case strings.HasPrefix(body, "633;P;Cwd="):
		m.dir = unescape(body[len("633;P;Cwd="):])
	case body == "133;C":
		m.running, m.from = true, end
		m.current = Record{Offset: end, Kind: "start", At: m.now().UTC(), Command: m.command, Dir: m.dir}
		m.emit(m.current)
	case strings.HasPrefix(body, "133;D;"):
		if !m.running {
			return // an empty line was entered
		}
		m.take(end - uint64(len(p)))
		exit, err := strconv.Atoi(body[len("133;D;"):])
		if err != nil {
			exit = -1
		}
		m.finish(exit)
	}
}

// finish closes the running command.
func (m *marks) finish(exit int) {
	if !m.running {
		return
	}
	m.running = false
	r, now := m.current, m.now().UTC()
	r.Kind, r.Exit, r.Millis, r.At = "end", exit, now.Sub(r.At).Milliseconds(), now
	m.emit(r)
	m.command = ""
}

// take adds output up to offset to the running command's.
func (m *marks) take(to uint64) {
	r := &m.current
	if r.Alternate {
		m.from = to
		return
	}
	if to < m.from {
		// The mark began in a piece that was taken already: it is no output.
		n := int(m.from - to)
		if cut := min(n, len(r.Tail)); cut > 0 {
			r.Tail, n = r.Tail[:len(r.Tail)-cut], n-cut
		}
		r.Output = r.Output[:max(len(r.Output)-n, 0)]
		m.from = to
		return
	}
	p := m.chunk[m.from-m.chunkBase : to-m.chunkBase]
	m.from = to
	if room := headBytes - len(r.Output); room > 0 && r.Skipped == 0 && len(r.Tail) == 0 {
		n := min(room, len(p))
		r.Output, p = append(r.Output, p[:n]...), p[n:]
	}
	if len(p) > tailBytes {
		r.Skipped += len(p) - tailBytes
		p = p[len(p)-tailBytes:]
	}
	r.Tail = append(r.Tail, p...)
	if over := len(r.Tail) - tailBytes; over > 0 {
		r.Skipped += over
		r.Tail = append(r.Tail[:0], r.Tail[over:]...)
	}
}

// unescape undoes what the shell's script does to a command line: \\ is a
// backslash and \xHH a byte.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			if s[i+1] == '\\' {
				b.WriteByte('\\')
				i++
				continue
			}
			if s[i+1] == 'x' && i+3 < len(s) {
				if n, err := strconv.ParseUint(s[i+2:i+4], 16, 8); err == nil {
					b.WriteByte(byte(n))
					i += 3
					continue
				}
			}
		}
		b.WriteByte(s[i])
	}
	return strings.ToValidUTF8(b.String(), "�")
}
