package hold

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"time"
	"unicode/utf8"
)

// recording is a terminal recording in the asciicast format, version 3: a header
// line, then one event a line with the seconds since the one before. It stops at
// its size limit or when the disk is full, says so in its last event, and never
// disturbs the session.
type recording struct {
	file  *os.File
	w     *bufio.Writer
	last  time.Time
	rest  []byte // a character that is not complete yet
	size  int64
	limit int64
	err   error // why it stopped
	// secrets are not recorded.
	secrets redactor
}

func newRecording(path string, cols, rows int, limit int64, secrets redactor, now time.Time) *recording {
	r := &recording{last: now, limit: limit, secrets: secrets}
	if limit <= 0 {
		return r
	}
	if r.file, r.err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600); r.err != nil {
		return r
	}
	r.w = bufio.NewWriterSize(r.file, 32<<10)
	r.line(map[string]any{"version": 3, "term": map[string]any{"cols": cols, "rows": rows, "type": "xterm-256color"}, "timestamp": now.Unix()})
	return r
}

// event adds an event: o is output, r a new size, x the exit code, m a remark.
func (r *recording) event(code, data string, now time.Time) {
	if r.w == nil || r.err != nil {
		return
	}
	seconds := max(now.Sub(r.last), 0).Seconds()
	r.last = now
	if r.size > r.limit {
		r.line([]any{0, "m", fmt.Sprintf("the recording ends here: it has %d bytes", r.size)})
		r.err = fmt.Errorf("the recording is full")
		_ = r.w.Flush()
		return
	}
	r.line([]any{json.Number(fmt.Sprintf("%.3f", seconds)), code, data})
}

func (r *recording) output(p []byte, now time.Time) {
	if r.w == nil || r.err != nil {
		return
	}
	p, held := r.secrets.stream(append(r.rest, p...))
	n := len(p)
	for i := 1; i <= min(3, len(p)); i++ { // a character that was cut waits for the rest
		if b := p[len(p)-i]; utf8.RuneStart(b) {
			if !utf8.FullRune(p[len(p)-i:]) {
				n = len(p) - i
			}
			break
		}
	}
	r.rest = append(append([]byte(nil), p[n:]...), held...)
	if n > 0 {
		r.event("o", string(p[:n]), now)
	}
}

func (r *recording) line(v any) {
	raw, _ := json.Marshal(v)
	if _, err := r.w.Write(append(raw, '\n')); err != nil {
		r.err = err
	}
	r.size += int64(len(raw)) + 1
}

func (r *recording) flush() {
	if r.w != nil && r.err == nil {
		r.err = r.w.Flush()
	}
}

// finish records what waited for more.
func (r *recording) finish(now time.Time) {
	if rest := string(r.rest); rest != "" {
		r.rest = nil
		r.event("o", rest, now)
	}
}

func (r *recording) close() {
	r.flush()
	if r.file != nil {
		_ = r.file.Close()
	}
}
