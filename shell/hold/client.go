package hold

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"time"
)

// client is one connection. Its reader and its writer are goroutines of its own,
// so that one which does not read or acknowledge holds up nobody else.
type client struct {
	h       *holder
	id      int
	conn    net.Conn
	name    string
	role    Role
	wake    chan struct{}
	written chan struct{} // closed when the writer has ended

	// Guarded by h.mu.
	size    ResizeData
	control []Frame // at most one per kind
	repaint bool    // it needs a snapshot, made no earlier than since
	since   uint64
	acked   uint64
	sent    uint64
}

func (c *client) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// queue adds a control frame; a newer one of the same kind replaces it, so that
// the queue of a client that does not read stays short. h.mu is held.
func (c *client) queue(f Frame) {
	for i := range c.control {
		if c.control[i].Kind == f.Kind {
			c.control[i] = f
			c.poke()
			return
		}
	}
	c.control = append(c.control, f)
	c.poke()
}

func (h *holder) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go h.serve(conn) // ends with the connection
	}
}

// serve is the reader of one connection.
func (h *holder) serve(conn net.Conn) {
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	f, err := readFrame(conn, MaxFrame)
	var a AttachData
	if err != nil || f.Kind != Attach || json.Unmarshal(f.Payload, &a) != nil {
		return
	}
	_ = conn.SetReadDeadline(time.Time{})
	c, ok := h.join(conn, a)
	if !ok {
		return
	}
	go c.write() // ends with the connection
	for {
		f, err := readFrame(conn, MaxFrame)
		if err != nil {
			break
		}
		c.handle(f)
	}
	h.leave(c)
	_ = conn.Close()
	<-c.written
}

func (h *holder) join(conn net.Conn, a AttachData) (*client, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.exit != nil {
		return nil, false
	}
	switch a.Role {
	case Observer, Driver, Owner, Manager:
	default:
		a.Role = Observer
	}
	h.next++
	c := &client{h: h, id: h.next, conn: conn, name: CleanTitle(a.Name), role: a.Role, size: a.ResizeData,
		wake: make(chan struct{}, 1), written: make(chan struct{})}
	h.out.mu.Lock()
	head, start := h.out.head(), h.out.start
	h.out.mu.Unlock()
	if a.Epoch == h.epoch && a.Have >= start && a.Have <= head && !h.resizedSince(a.Have) {
		c.sent, c.acked = a.Have, a.Have
	} else if a.Role != Manager {
		c.repaint = true
	}
	h.clients[c.id] = c
	c.queue(JSON(Hello, HelloData{Version: Version, Epoch: h.epoch, Offset: head, Client: c.id, Role: c.role, PID: h.child}))
	if h.title != "" {
		c.queue(JSON(Title, map[string]string{"title": h.title}))
	}
	if c.role == Manager {
		c.queue(At(Spooled, h.spooled))
	}
	if h.owner == 0 && c.sizes() {
		h.take(c)
	}
	h.tellSize()
	return c, true
}

// resizedSince is true when a client that has seen so much has the wrong size.
func (h *holder) resizedSince(offset uint64) bool { return offset < h.lastResize() }

func (h *holder) lastResize() uint64 {
	if n := len(h.resizes); n > 0 {
		return h.resizes[n-1].offset
	}
	return h.resized
}

// sizes says whether the size may follow this client.
func (c *client) sizes() bool {
	return c.role != Observer && c.role != Manager && c.size.Visible && c.size.Cols > 0 && c.size.Rows > 0
}

// take makes c the owner of the size.
func (h *holder) take(c *client) {
	h.owner = c.id
	h.resize(c.size.Cols, c.size.Rows)
}

func (h *holder) leave(c *client) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.clients, c.id)
	if h.owner == c.id {
		h.owner = 0
	}
	h.tellSize()
}

// handle does what a client asks, as far as its role lets it.
func (c *client) handle(f Frame) {
	h := c.h
	drives := c.role == Driver || c.role == Owner
	switch f.Kind {
	case Input:
		if !drives || len(f.Payload) == 0 {
			return
		}
		h.mu.Lock()
		if h.owner != c.id && c.sizes() { // who typed last owns the size
			h.take(c)
			h.tellSize()
		}
		h.mu.Unlock()
		select {
		case h.input <- f.Payload: // waiting here holds up this client only
		case <-h.done:
		}
	case Resize:
		var r ResizeData
		if json.Unmarshal(f.Payload, &r) != nil {
			return
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		c.size = r
		switch {
		case c.sizes() && (h.owner == 0 || h.owner == c.id):
			h.take(c)
		case h.owner == c.id:
			h.owner = 0
		}
		h.tellSize()
	case Claim:
		h.mu.Lock()
		defer h.mu.Unlock()
		if c.sizes() {
			h.take(c)
			h.tellSize()
		}
	case Ack:
		if offset, _, err := f.Offset(); err == nil {
			h.mu.Lock()
			c.acked = max(c.acked, min(offset, c.sent))
			h.mu.Unlock()
			c.poke()
		}
	case Ping:
		h.mu.Lock()
		c.queue(Frame{Pong, f.Payload[:min(len(f.Payload), 64)]})
		h.mu.Unlock()
	case Reply:
		var r ReplyData
		if c.role == Manager && json.Unmarshal(f.Payload, &r) == nil {
			h.channels.reply(r)
		}
	case Signal:
		var s struct {
			Signal string `json:"signal"`
			Cols   int    `json:"cols"`
			Rows   int    `json:"rows"`
		}
		if c.role != Manager || json.Unmarshal(f.Payload, &s) != nil {
			return
		}
		if s.Cols > 0 && s.Rows > 0 {
			h.mu.Lock()
			h.owner = 0
			h.resize(s.Cols, s.Rows)
			h.tellSize()
			h.mu.Unlock()
			return
		}
		h.signal(s.Signal)
	}
}

// write is the writer of one connection.
func (c *client) write() {
	defer close(c.written)
	defer c.conn.Close()
	h := c.h
	for {
		h.mu.Lock()
		control, repaint, since, exit := c.control, c.repaint, c.since, h.exit
		c.control = nil
		sent, behind := c.sent, c.sent-c.acked
		h.mu.Unlock()
		for _, f := range control {
			if writeFrame(c.conn, f) != nil {
				return
			}
		}
		if c.role == Manager {
			if exit != nil {
				_ = writeFrame(c.conn, JSON(Exit, exit))
				return
			}
			<-c.wake
			continue
		}
		if behind > unacked && exit == nil {
			<-c.wake // it has more than it has painted; nothing is kept for it
			continue
		}
		if repaint {
			f, at, more := h.picture(since)
			if more != nil {
				select {
				case <-more:
				case <-c.wake:
				}
				continue
			}
			h.mu.Lock()
			if c.since <= at {
				c.repaint = false
			}
			c.sent, c.acked = at, at
			h.mu.Unlock()
			if writeFrame(c.conn, f) != nil {
				return
			}
			continue
		}
		p, ok, ended, more := h.out.read(sent, piece)
		switch {
		case !ok: // what it wants is gone
			h.mu.Lock()
			c.repaint = true
			h.mu.Unlock()
		case len(p) > 0:
			h.mu.Lock()
			stale := c.repaint
			if !stale {
				c.sent = sent + uint64(len(p))
			}
			h.mu.Unlock()
			if !stale && writeFrame(c.conn, At(Data, sent, p...)) != nil {
				return
			}
		case ended && exit != nil:
			_ = writeFrame(c.conn, JSON(Exit, exit))
			return
		default:
			select {
			case <-more:
			case <-c.wake:
			}
			if ended { // only the exit is still to come
				select {
				case <-h.done:
				case <-time.After(5 * time.Second):
				}
			}
		}
	}
}

// picture is a snapshot that is no older than since; more says what to wait for
// while the screen is not so far.
func (h *holder) picture(since uint64) (f Frame, at uint64, more <-chan struct{}) {
	_, _, ended, more := h.out.read(0, 0)
	h.mu.Lock()
	pending := len(h.resizes) > 0
	cols, rows := h.cols, h.rows
	h.mu.Unlock()
	h.screenMu.Lock()
	defer h.screenMu.Unlock()
	if (h.painted < since || pending) && !ended {
		return Frame{}, 0, more
	}
	return snapshotFrame(h.painted, cols, rows, h.screen.Snapshot()), h.painted, nil
}

func snapshotFrame(offset uint64, cols, rows int, paint []byte) Frame {
	head := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, uint16(cols)), uint16(rows))
	return At(Snapshot, offset, append(head, paint...)...)
}

// ParseSnapshot reads the payload of a snapshot frame.
func ParseSnapshot(p []byte) (offset uint64, cols, rows int, paint []byte, err error) {
	if len(p) < 12 {
		return 0, 0, 0, nil, fmt.Errorf("a snapshot of %d bytes is cut short", len(p))
	}
	return binary.BigEndian.Uint64(p), int(binary.BigEndian.Uint16(p[8:])), int(binary.BigEndian.Uint16(p[10:])), p[12:], nil
}
