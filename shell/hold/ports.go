package hold

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// A session's ports are reached through its holder: the service dials the socket
// "ports" in the session's folder, and names a port ([DialPort]). The session's
// side has offered connections before, by the crossing of the same name, and
// connects one of them to the port. By that crossing it also tells which ports are
// listened on.
//
//	offer   'O', then from the holder the port as u16; '+' when it is connected, else '-'
//	watch   'W', then [PortData] as JSON Lines, one for each change

// PortsCrossing is the crossing by which a session offers its ports.
const PortsCrossing = "ports"

const (
	offer    = 'O'
	watch    = 'W'
	joined   = '+'
	refused  = '-'
	firstWas = 10 * time.Second // how long a session may take for a byte that it owes
	// maxPortRecords bounds what a session tells of its ports.
	maxPortRecords = 500
	maxOffers      = 64
)

// ErrNoListener says that nothing in the session listens on the port.
var ErrNoListener = errors.New("nothing listens on this port of the session")

// PortData is the data of a [RecordPort]: a port of the session is listened on, or
// is not any more.
type PortData struct {
	Port int  `json:"port"`
	Open bool `json:"open"`
}

// DialPort connects to a port of the session in dir, 1 to 65535, on its own
// loopback. It is [ErrNoListener] when nothing listens there.
func DialPort(ctx context.Context, dir string, port int) (net.Conn, error) {
	var conn net.Conn
	err := throughFolder(dir, PortsCrossing, func(path string) (err error) {
		conn, err = (&net.Dialer{}).DialContext(ctx, "unix", path)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reach the session's ports: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	answer := []byte{0}
	if _, err = conn.Write(binary.BigEndian.AppendUint16(nil, uint16(port))); err == nil {
		_, err = io.ReadFull(conn, answer)
	}
	if !stop() {
		err = errors.Join(err, ctx.Err())
	}
	switch {
	case err == nil && answer[0] == joined:
		return conn, nil
	case err == nil:
		err = ErrNoListener
	default:
		err = fmt.Errorf("reach port %d of the session: %w", port, err)
	}
	conn.Close()
	return nil, err
}

// ports serves both ends.
func (c *channels) ports() error {
	inner, err := listenAt(c.dir, PortsCrossing)
	if err != nil {
		return err
	}
	c.closed = append(c.closed, func() { inner.Close() })
	outer, err := listenAt(c.h.dir, PortsCrossing)
	if err != nil {
		return err
	}
	c.closed = append(c.closed, func() { outer.Close() })
	offers := make(chan *net.UnixConn, maxOffers)
	c.wg.Go(func() { // ends with its listener
		accepting(c, inner, maxOffers, func(conn *net.UnixConn) { c.told(conn, offers) })
	})
	c.wg.Go(func() {
		accepting(c, outer, 4*maxOffers, func(conn *net.UnixConn) { c.lead(conn, offers) })
	})
	return nil
}

// accepting handles connections, so many at a time, until the listener ends.
func accepting(c *channels, l net.Listener, most int, handle func(*net.UnixConn)) {
	room := make(chan struct{}, most)
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		select {
		case room <- struct{}{}:
		default: // whoever opens so many does not get more
			conn.Close()
			continue
		}
		c.wg.Go(func() {
			defer func() { <-room }()
			stop := context.AfterFunc(c.ctx, func() { _ = conn.Close() })
			defer stop()
			handle(conn.(*net.UnixConn))
		})
	}
}

// told takes in a connection of the session's side.
func (c *channels) told(conn *net.UnixConn, offers chan<- *net.UnixConn) {
	what := []byte{0}
	_ = conn.SetReadDeadline(time.Now().Add(firstWas))
	if _, err := io.ReadFull(conn, what); err != nil {
		conn.Close()
		return
	}
	_ = conn.SetReadDeadline(time.Time{})
	switch what[0] {
	case offer:
		select {
		case offers <- conn: // who takes it closes it
			return
		default:
		}
	case watch:
		lines := bufio.NewScanner(conn)
		lines.Buffer(make([]byte, 0, 256), 256)
		for c.portsTold.Load() < maxPortRecords && lines.Scan() {
			var p PortData
			if json.Unmarshal(lines.Bytes(), &p) != nil || p.Port < 1 || p.Port > 65535 {
				break
			}
			c.portsTold.Add(1)
			raw, _ := json.Marshal(p)
			c.note(RecordPort, PortsCrossing, fmt.Sprintf("port-%d", p.Port), raw)
		}
	}
	conn.Close()
}

// lead connects somebody who has dialled a port with an offer of the session's.
func (c *channels) lead(conn *net.UnixConn, offers <-chan *net.UnixConn) {
	defer conn.Close()
	port := make([]byte, 2)
	_ = conn.SetReadDeadline(time.Now().Add(firstWas))
	if _, err := io.ReadFull(conn, port); err != nil {
		return
	}
	_ = conn.SetReadDeadline(time.Time{})
	wait := time.NewTimer(firstWas)
	defer wait.Stop()
	for {
		select {
		case far := <-offers:
			answer := []byte{0}
			_ = far.SetDeadline(time.Now().Add(firstWas))
			_, err := far.Write(port)
			if err == nil {
				_, err = io.ReadFull(far, answer)
			}
			if err != nil { // it was offered, and is gone: another one
				far.Close()
				continue
			}
			defer far.Close()
			_ = far.SetDeadline(time.Time{})
			if _, err := conn.Write(answer); err == nil && answer[0] == joined {
				stop := context.AfterFunc(c.ctx, func() { _ = far.Close() })
				defer stop()
				join(conn, far, nil)
			}
			return
		case <-wait.C:
			return
		case <-c.ctx.Done():
			return
		}
	}
}
