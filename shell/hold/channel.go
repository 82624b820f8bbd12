package hold

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// SourceKind is how an agent tells what it does.
type SourceKind string

const (
	// Hooks: the agent posts JSON to a listener of the holder. What it posts to
	// /<secret>/note is answered at once, and to /<secret>/hold when somebody
	// has decided.
	Hooks SourceKind = "hooks"
	// Tail: the agent appends JSON Lines to a file.
	Tail SourceKind = "tail"
	// Events: the agent serves server-sent events over HTTP.
	Events SourceKind = "events"
	// AppServer: the agent serves Codex's protocol, JSON-RPC over a WebSocket.
	AppServer SourceKind = "app-server"
)

// Source is one side channel of the agent in a session. Its records go into the
// spool as they are.
type Source struct {
	Name string     `json:"name"`
	Kind SourceKind `json:"kind"`
	// Secret is the first element of the paths that hooks are posted to, or what an
	// agent's server wants to know: with User (RFC 7617), or alone (RFC 6750).
	User   string `json:"user,omitempty"`
	Secret string `json:"secret,omitempty"`
	// Root is a folder that the session may write, and Path the file in it that is
	// tailed. Nothing outside of Root is opened, wherever a link in it leads. For
	// events Path is the path of the stream.
	Root string `json:"root,omitempty"`
	Path string `json:"path,omitempty"`
	// Input is the file in Root that replies are appended to.
	Input string `json:"input,omitempty"`
	// Keep are the values of the field "type", or of an app server "method", whose
	// records are kept; none keeps all. A transcript may hold whole requests that nobody
	// needs twice.
	Keep []string `json:"keep,omitempty"`
	// Settings are given to every conversation of an app server.
	Settings map[string]json.RawMessage `json:"settings,omitempty"`
}

func (s Source) keeps(raw []byte) bool {
	if len(s.Keep) == 0 {
		return true
	}
	var r struct {
		Type string `json:"type"`
	}
	if json.Unmarshal(raw, &r) != nil {
		return false
	}
	for _, k := range s.Keep {
		if k == r.Type {
			return true
		}
	}
	return false
}

// ReplyData goes from the service to an agent, by the channel that it came by.
type ReplyData struct {
	// Source is the source's name, and ID the record's that is answered.
	Source string `json:"source"`
	ID     string `json:"id"`
	// Path is where an event source takes the reply.
	Path string          `json:"path,omitempty"`
	Body json.RawMessage `json:"body"`
	// Then is posted next, for what an event source takes in two steps.
	Then *ReplyStep `json:"then,omitempty"`
	// Note is kept with the reply, for whoever reads the records.
	Note json.RawMessage `json:"note,omitempty"`
}

// ReplyStep is a further post to an event source.
type ReplyStep struct {
	Path string          `json:"path"`
	Body json.RawMessage `json:"body"`
}

// The kinds of a side channel's records; a shell's marks are "start" and "end".
const (
	// RecordNote is something that the agent told.
	RecordNote = "note"
	// RecordHeld is something that the agent waits for an answer of.
	RecordHeld = "held"
	// RecordAnswered: a reply with the record's ID was given; Data is a [ReplyData].
	// Only the first one is.
	RecordAnswered = "answered"
	// RecordGone: the agent does not wait any more.
	RecordGone = "gone"
	// RecordPort: a port of the session is listened on, or not any more; Data is a
	// [PortData].
	RecordPort = "port"
	// RecordLimit: a limit of the session was met; Data is a [LimitData].
	RecordLimit = "limit"
	// RecordExit is the last record of a session that ended.
	RecordExit = "exit"
)

// maxRecord bounds what one record may say; what is longer is named, and left out.
const maxRecord = 4 << 20

// channels are the side channels of one holder, and the ways through its wall.
type channels struct {
	h      *holder
	dir    string // of the crossing's sockets
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	closed []func()

	mu      sync.Mutex
	next    int
	held    map[string]chan json.RawMessage
	replied map[string]bool
	agents  map[string]*http.Client // by source
	talks   map[string]*talk        // with app servers, by source

	portsTold atomic.Int32
}

// openChannels listens for everything that the order names. Secrets are not in
// the order, as it is a file.
func openChannels(h *holder, secrets Secrets) (c *channels, err error) {
	c = &channels{h: h, dir: filepath.Join(h.dir, crossingDir), held: map[string]chan json.RawMessage{}, replied: map[string]bool{}, agents: map[string]*http.Client{}, talks: map[string]*talk{}}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	if len(h.order.Sources) == 0 && h.order.Model == nil && h.order.Repository == nil && h.order.Tools == nil && h.order.Egress == nil && !h.order.Ports {
		return c, nil
	}
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return c, err
	}
	for _, s := range h.order.Sources {
		switch s.Kind {
		case Hooks:
			err = c.serve(s.Name, c.hooks(s))
		case Events, AppServer:
			err = c.dialBack(s)
		case Tail:
		default:
			err = fmt.Errorf("the source %q is of the unknown kind %q", s.Name, s.Kind)
		}
		if err != nil {
			return c, err
		}
	}
	if h.order.Ports {
		if err := c.ports(); err != nil {
			return c, err
		}
	}
	if m := h.order.Model; m != nil {
		gateway, err := m.handler(secrets.ModelKey)
		if err != nil {
			return c, err
		}
		if err := c.serve(ModelCrossing, gateway); err != nil {
			return c, err
		}
	}
	if r := h.order.Repository; r != nil {
		gateway, closed, err := r.handler(h.dir, secrets.RepositoryToken)
		if err != nil {
			return c, err
		}
		c.closed = append(c.closed, closed)
		if err := c.serve(RepositoryCrossing, gateway); err != nil {
			return c, err
		}
	}
	if t := h.order.Tools; t != nil {
		gateway, err := t.handler(secrets.ToolHeaders)
		if err != nil {
			return c, err
		}
		if err := c.serve(ToolsCrossing, gateway); err != nil {
			return c, err
		}
	}
	if e := h.order.Egress; e != nil {
		proxy, err := newEgress(h.dir, e)
		if err != nil {
			return c, err
		}
		c.closed = append(c.closed, func() { proxy.log.Close() })
		if err := c.serve(ProxyCrossing, proxy); err != nil {
			return c, err
		}
	}
	return c, nil
}

// begin follows the sources; the child has been started.
func (c *channels) begin() {
	for _, s := range c.h.order.Sources {
		switch s.Kind {
		case Tail:
			c.wg.Go(func() { c.tail(s) })
		case Events:
			c.wg.Go(func() { c.follow(s) })
		case AppServer:
			c.wg.Go(func() { c.converse(s) })
		}
	}
}

// close lets everybody go who waits, takes in what was told last, and waits.
func (c *channels) close() {
	c.cancel()
	for _, f := range c.closed {
		f()
	}
	c.wg.Wait()
}

// serve answers HTTP on the crossing's socket of a name.
func (c *channels) serve(name string, handler http.Handler) error {
	l, err := listenAt(c.dir, name)
	if err != nil {
		return err
	}
	s := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return c.ctx }}
	c.wg.Go(func() { _ = s.Serve(l) }) // ends with close
	c.closed = append(c.closed, func() { _ = s.Close() })
	return nil
}

func (c *channels) newID(source string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next++
	return fmt.Sprintf("%s-%d", source, c.next)
}

// note puts what a source told into the spool.
func (c *channels) note(kind, source, id string, raw []byte) {
	r := Record{Kind: kind, Source: source, ID: id, At: time.Now().UTC()}
	if len(raw) > maxRecord || !json.Valid(raw) {
		r.Skipped = len(raw)
	} else {
		r.Data = json.RawMessage(raw)
	}
	c.h.record(r)
}

// reply hands a reply to the agent. Only the first one to a record counts.
func (c *channels) reply(r ReplyData) {
	var source *Source
	for i := range c.h.order.Sources {
		if c.h.order.Sources[i].Name == r.Source {
			source = &c.h.order.Sources[i]
		}
	}
	if source == nil || r.ID == "" || len(r.ID) > 200 {
		return
	}
	c.mu.Lock()
	first := !c.replied[r.ID]
	held := c.held[r.ID]
	if source.Kind == Hooks && held == nil {
		first = false
	}
	if first {
		c.replied[r.ID] = true
		delete(c.held, r.ID)
	}
	c.mu.Unlock()
	if !first {
		return
	}
	raw, err := json.Marshal(r)
	if err != nil {
		return
	}
	// The answer is written down before it is given: whoever reads the records never
	// sees an effect without its cause.
	c.note(RecordAnswered, r.Source, r.ID, raw)
	switch source.Kind {
	case Hooks:
		held <- r.Body
	case Tail:
		if err := appendLine(source.Root, source.Input, r.Body); err != nil {
			fmt.Fprintln(os.Stderr, "a reply did not reach the agent:", err)
		}
	case Events:
		c.wg.Go(func() {
			err := c.post(*source, r.Path, r.Body)
			if err == nil && r.Then != nil {
				err = c.post(*source, r.Then.Path, r.Then.Body)
			}
			if err != nil {
				fmt.Fprintln(os.Stderr, "a reply did not reach the agent:", err)
			}
		})
	case AppServer:
		c.wg.Go(func() {
			if err := c.tell(source.Name, r.ID, r.Body); err != nil {
				fmt.Fprintln(os.Stderr, "a reply did not reach the agent:", err)
			}
		})
	}
}

// hooks is the listener that an agent posts to.
func (c *channels) hooks(s Source) http.Handler {
	mux := http.NewServeMux()
	read := func(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
		raw, err := readAll(r.Body, maxRecord+1)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return nil, false
		}
		return raw, true
	}
	answer := func(w http.ResponseWriter, body []byte) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	}
	mux.HandleFunc("POST /"+s.Secret+"/note", func(w http.ResponseWriter, r *http.Request) {
		if raw, ok := read(w, r); ok {
			c.note(RecordNote, s.Name, c.newID(s.Name), raw)
			answer(w, []byte("{}"))
		}
	})
	mux.HandleFunc("POST /"+s.Secret+"/hold", func(w http.ResponseWriter, r *http.Request) {
		raw, ok := read(w, r)
		if !ok {
			return
		}
		id := c.newID(s.Name)
		decided := make(chan json.RawMessage, 1)
		c.mu.Lock()
		c.held[id] = decided
		c.mu.Unlock()
		c.note(RecordHeld, s.Name, id, raw)
		select {
		case body := <-decided:
			answer(w, body)
			return
		case <-r.Context().Done():
		case <-c.ctx.Done():
		}
		c.mu.Lock()
		_, waiting := c.held[id]
		delete(c.held, id)
		c.mu.Unlock()
		if waiting {
			c.note(RecordGone, s.Name, id, nil)
		}
	})
	return mux
}

// crossingDir holds the sockets that lead out of a session.
const crossingDir = "crossing"

// CrossingDir is the folder of a session's crossing.
func CrossingDir(dir string) string { return filepath.Join(dir, crossingDir) }

// The crossing's sockets that are no source.
const (
	ModelCrossing = "model"
	ProxyCrossing = "proxy"
)

// validCrossing keeps names of sockets plain.
func validCrossing(name string) bool {
	return name != "" && len(name) <= 32 && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz") == ""
}
