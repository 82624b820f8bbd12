package simulator

import (
	"bufio"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
)

// keepRequests is how many requests the log serves; the oldest are dropped.
const keepRequests = 20000

// Request is one entry of the request log. It never holds a body, a query or a
// header.
type Request struct {
	// Seq counts from 1 over the life of the folder.
	Seq    int64     `json:"seq"`
	Time   time.Time `json:"time"`
	Method string    `json:"method"`
	Path   string    `json:"path"`
	Status int       `json:"status"`
	// Name is the name of the resource that the request created, or empty.
	Name       string `json:"name,omitempty"`
	DurationMS int64  `json:"durationMs"`
}

// requestLog is an append-only file of JSON lines and its tail in memory.
type requestLog struct {
	mu      sync.Mutex
	file    *os.File
	entries []Request
	seq     int64
}

// openRequestLog reads the log. A last line that a crash cut short is dropped:
// its request was never answered. A log that has grown is rewritten with its
// newest entries.
func openRequestLog(path string) (*requestLog, error) {
	l := &requestLog{}
	data, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fault.Wrap(err, fault.Internal, "the request log cannot be read")
	default:
		lines := bufio.NewScanner(data)
		for lines.Scan() {
			var e Request
			if json.Unmarshal(lines.Bytes(), &e) == nil {
				l.entries = append(l.entries, e)
				l.seq = e.Seq
			}
		}
		_ = data.Close()
		if err := lines.Err(); err != nil {
			return nil, fault.Wrap(err, fault.Internal, "the request log cannot be read")
		}
	}
	l.trim()
	var all []byte
	for _, e := range l.entries {
		all = append(all, encodeLine(e)...)
	}
	if err := writeDurably(path, all); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the request log cannot be written")
	}
	l.file, err = os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0o600)
	return l, fault.Wrap(err, fault.Internal, "the request log cannot be opened")
}

func (l *requestLog) trim() {
	if extra := len(l.entries) - keepRequests; extra > 0 {
		l.entries = slices.Clone(l.entries[extra:])
	}
}

// encodeLine writes an entry; its fields always marshal.
func encodeLine(e Request) []byte {
	line, _ := json.Marshal(e)
	return append(line, '\n')
}

// add appends an entry and, if durable, returns when it is on disk.
func (l *requestLog) add(e Request, durable bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq++
	e.Seq = l.seq
	l.entries = append(l.entries, e)
	if len(l.entries) > 2*keepRequests {
		l.trim()
	}
	if _, err := l.file.Write(encodeLine(e)); err != nil {
		return err
	}
	if durable {
		return l.file.Sync()
	}
	return nil
}

// after gives the entries whose seq is above the given one, oldest first.
func (l *requestLog) after(seq int64) []Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := []Request{}
	for _, e := range l.entries {
		if e.Seq > seq {
			out = append(out, e)
		}
	}
	return out
}

func (l *requestLog) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}
