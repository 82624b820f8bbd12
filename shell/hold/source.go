package hold

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"
)

func readAll(r io.Reader, limit int64) ([]byte, error) { return io.ReadAll(io.LimitReader(r, limit)) }

// lookEvery is how often a tailed file is looked at. Watching instead would need
// a watch for each folder of its path that does not exist yet.
const lookEvery = 60 * time.Millisecond

// tail spools the lines of a file as they become complete, until the session
// ends.
func (c *channels) tail(s Source) {
	t := tailer{source: s, emit: func(line []byte) {
		if s.keeps(line) {
			c.note(RecordNote, s.Name, c.newID(s.Name), line)
		}
	}}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		t.look()
		select {
		case <-tick.C:
		case <-c.ctx.Done():
			t.look() // what was written last
			return
		}
	}
}

// tailer reads a file that the session writes, and that it may also replace or
// make a link of: it is opened below its root only, and only if it is a file.
type tailer struct {
	source Source
	emit   func(line []byte)
	offset int64
	rest   []byte
	skip   bool // within a line that is too long
}

func (t *tailer) look() {
	f, err := openBelow(t.source.Root, t.source.Path, os.O_RDONLY)
	if err != nil {
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() == t.offset {
		return
	}
	if info.Size() < t.offset { // it was begun anew
		t.offset, t.rest, t.skip = 0, nil, false
	}
	buf := make([]byte, 64<<10)
	for {
		n, err := f.ReadAt(buf, t.offset)
		t.offset += int64(n)
		t.take(buf[:n])
		if n == 0 || err != nil {
			return
		}
	}
}

func (t *tailer) take(p []byte) {
	for len(p) > 0 {
		line, rest, complete := bytes.Cut(p, []byte{'\n'})
		if !t.skip {
			t.rest = append(t.rest, line...)
		}
		if len(t.rest) > maxRecord {
			t.rest, t.skip = nil, true
		}
		if !complete {
			return
		}
		if !t.skip && len(bytes.TrimSpace(t.rest)) > 0 {
			t.emit(t.rest)
		}
		t.rest, t.skip, p = nil, false, rest
	}
}

// openBelow opens a regular file that the session may have put there. Links that
// lead out of root are refused, and a pipe does not make the holder wait.
func openBelow(root, path string, flag int) (*os.File, error) {
	r, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	f, err := r.OpenFile(path, flag|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, errors.Join(fmt.Errorf("%s is no file", path), err)
	}
	return f, nil
}

func appendLine(root, path string, line []byte) error {
	f, err := openBelow(root, path, os.O_WRONLY|os.O_APPEND)
	if err != nil {
		return err
	}
	_, err = f.Write(append(bytes.TrimSpace(line), '\n'))
	return errors.Join(err, f.Close())
}

// dialBack prepares to reach a server inside of the session. The session's side
// connects to the crossing's socket and offers its connections ([Inside]), so
// that the holder never connects to what the session has put somewhere.
func (c *channels) dialBack(s Source) error {
	l, err := listenAt(c.dir, s.Name)
	if err != nil {
		return err
	}
	offered := make(chan net.Conn)
	c.wg.Go(func() { // ends with the listener
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			select {
			case offered <- conn:
			case <-c.ctx.Done():
				conn.Close()
				return
			}
		}
	})
	c.closed = append(c.closed, func() { l.Close() })
	c.agents[s.Name] = &http.Client{Transport: &http.Transport{
		DisableKeepAlives:     true,
		ResponseHeaderTimeout: 90 * time.Second, // an agent that starts answers when it is ready
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			select {
			case conn := <-offered:
				return conn, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		},
	}}
	return nil
}

// answersWithin is how long an agent may take to begin its stream. What it is asked
// while it starts it may never answer; it is asked again then.
const answersWithin = 3 * time.Second

// follow spools an agent's server-sent events, until the session ends.
func (c *channels) follow(s Source) {
	for c.ctx.Err() == nil {
		_ = c.events(s)
		select {
		case <-time.After(200 * time.Millisecond): // it is just starting, or ending
		case <-c.ctx.Done():
		}
	}
}

func (c *channels) events(s Source) error {
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://agent"+s.Path, nil)
	if err != nil {
		return err
	}
	late := time.AfterFunc(answersWithin, cancel)
	defer late.Stop()
	request.Header.Set("Accept", "text/event-stream")
	s.authorize(request)
	answer, err := c.agents[s.Name].Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	late.Stop()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the agent answered %d", answer.StatusCode)
	}
	lines := bufio.NewReaderSize(answer.Body, 64<<10)
	var data []byte
	for {
		part, err := lines.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
		if len(data)+len(part) > maxRecord+64<<10 {
			return errors.New("an event is too long")
		}
		data = append(data, part...)
		if err != nil {
			continue
		}
		// Each event of the agents is one line of data.
		if raw, ok := bytes.CutPrefix(bytes.TrimSpace(data), []byte("data:")); ok {
			if raw = bytes.TrimSpace(raw); s.keeps(raw) {
				c.note(RecordNote, s.Name, c.newID(s.Name), raw)
			}
		}
		data = data[:0]
	}
}

func (s Source) authorize(r *http.Request) {
	if s.User != "" {
		r.SetBasicAuth(s.User, s.Secret)
	}
}

// post gives a reply to an agent's server.
func (c *channels) post(s Source, path string, body []byte) error {
	if !strings.HasPrefix(path, "/") {
		return fmt.Errorf("%q is no path", path)
	}
	ctx, cancel := context.WithTimeout(c.ctx, 2*time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://agent"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	s.authorize(request)
	answer, err := c.agents[s.Name].Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		said, _ := readAll(answer.Body, 500)
		return fmt.Errorf("%s answered %d: %s", path, answer.StatusCode, said)
	}
	return nil
}

// listenAt listens on a unix socket that only this user can open.
func listenAt(dir, name string) (l net.Listener, err error) {
	if name != socketFile && !validCrossing(name) {
		return nil, fmt.Errorf("%q is no name of a crossing", name)
	}
	err = throughFolder(dir, name, func(path string) error {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		ul, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			return fmt.Errorf("listen on the socket %s: %w", name, err)
		}
		ul.SetUnlinkOnClose(false)
		l = ul
		return os.Chmod(path, 0o600)
	})
	return l, err
}
