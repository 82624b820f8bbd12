package hold

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
)

// Version of the protocol between a holder and its clients. A holder outlives
// the service that started it, so both sides ignore frames and JSON fields that
// they do not know, and a changed meaning is a new frame type.
const Version = 1

// Kind is the first byte of a frame. The same frames travel on the holder's
// socket, each behind its length, and as binary WebSocket messages.
type Kind byte

// Frames from the holder.
const (
	// Hello is JSON [HelloData], the first frame.
	Hello Kind = 'H'
	// Snapshot is offset u64, cols u16, rows u16, paint: what is shown after the
	// output's first offset bytes. The client starts from an empty terminal.
	Snapshot Kind = 'S'
	// Data is offset u64 of its first byte, then output.
	Data Kind = 'D'
	// Size is JSON [SizeData]: the size, who owns it and who watches.
	Size Kind = 'Z'
	// Title is JSON {"title"}.
	Title Kind = 'T'
	// Exit is JSON [ExitData], the last frame of a session that ended.
	Exit Kind = 'X'
	// Card is a card as JSON; the service sends it, never a holder.
	Card Kind = 'C'
	// Doing is JSON {"state"}: what the session does; the service sends it, never a
	// holder.
	Doing Kind = 'W'
	// Spooled is offset u64: the spool has grown to so many bytes.
	Spooled Kind = 'N'
	// Pong answers Ping with its payload.
	Pong Kind = 'p'
)

// Frames to the holder.
const (
	// Attach is JSON [AttachData] and has to be the first frame.
	Attach Kind = 'h'
	// Input is what was typed.
	Input Kind = 'I'
	// Resize is JSON [ResizeData].
	Resize Kind = 'R'
	// Ack is offset u64: output up to there is painted.
	Ack Kind = 'A'
	// Claim takes the ownership of the size.
	Claim Kind = 'F'
	// Ping is echoed as Pong.
	Ping Kind = 'P'
	// Signal is JSON {"signal"}; only a manager may send it.
	Signal Kind = 'K'
	// Reply is JSON [ReplyData] for the agent; only a manager may send it.
	Reply Kind = 'V'
)

// MaxFrame bounds a frame from a client; a larger one ends the connection.
const MaxFrame = 1 << 20

// Role is what a client may do.
type Role string

// The roles. An observer sees, a driver also types and sizes; a manager is the
// service itself: it gets no output, and may signal.
const (
	Observer Role = "observer"
	Driver   Role = "driver"
	Owner    Role = "owner"
	Manager  Role = "manager"
)

// AttachData is how a client introduces itself.
type AttachData struct {
	Version int `json:"version"`
	// Name is shown to everybody who watches.
	Name string `json:"name"`
	Role Role   `json:"role"`
	// Epoch and Have are what the client saw last; without Epoch it gets a snapshot.
	Epoch string `json:"epoch,omitempty"`
	Have  uint64 `json:"have,omitempty"`
	ResizeData
}

// ResizeData is what a client could show.
type ResizeData struct {
	Cols int `json:"cols,omitempty"`
	Rows int `json:"rows,omitempty"`
	// Visible is false for a hidden page and for the card view: neither is ever
	// asked for its size.
	Visible bool `json:"visible"`
}

// HelloData greets a client.
type HelloData struct {
	Version int `json:"version"`
	// Epoch names this run of the holder; offsets of another epoch mean nothing.
	Epoch  string `json:"epoch"`
	Offset uint64 `json:"offset"`
	Client int    `json:"client"`
	Role   Role   `json:"role"`
	PID    int    `json:"pid"`
}

// SizeData is the size and everybody who watches.
type SizeData struct {
	Cols int `json:"cols"`
	Rows int `json:"rows"`
	// Owner is the client whose window the size follows; 0 is nobody.
	Owner    int       `json:"owner"`
	Watchers []Watcher `json:"watchers"`
}

// Watcher is one client.
type Watcher struct {
	Client int    `json:"client"`
	Name   string `json:"name"`
	Role   Role   `json:"role"`
	// Visible is false while it shows cards or is hidden.
	Visible bool `json:"visible"`
}

// ExitData is how a session ended.
type ExitData struct {
	// Code is the exit code; -1 when a signal ended it or it never started.
	Code   int    `json:"code"`
	Signal string `json:"signal,omitempty"`
	Error  string `json:"error,omitempty"`
}

// Frame is one message.
type Frame struct {
	Kind    Kind
	Payload []byte
}

// JSON makes a frame of a value.
func JSON(kind Kind, v any) Frame {
	raw, err := json.Marshal(v)
	if err != nil {
		panic("hold: a frame does not encode: " + err.Error())
	}
	return Frame{kind, raw}
}

// At makes a frame that begins with an offset.
func At(kind Kind, offset uint64, rest ...byte) Frame {
	return Frame{kind, append(binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(rest)), offset), rest...)}
}

// Offset is the offset that the frame begins with, and what follows it.
func (f Frame) Offset() (uint64, []byte, error) {
	if len(f.Payload) < 8 {
		return 0, nil, fmt.Errorf("frame %q has no offset", f.Kind)
	}
	return binary.BigEndian.Uint64(f.Payload), f.Payload[8:], nil
}

// Bytes is the frame as one message.
func (f Frame) Bytes() []byte { return append([]byte{byte(f.Kind)}, f.Payload...) }

// Parse reads one message.
func Parse(p []byte) (Frame, error) {
	if len(p) == 0 {
		return Frame{}, fmt.Errorf("an empty message is no frame")
	}
	return Frame{Kind(p[0]), p[1:]}, nil
}

// writeFrame writes length, kind and payload at once.
func writeFrame(w io.Writer, f Frame) error {
	b := binary.BigEndian.AppendUint32(make([]byte, 0, 5+len(f.Payload)), uint32(len(f.Payload)+1))
	_, err := w.Write(append(append(b, byte(f.Kind)), f.Payload...))
	return err
}

// readFrame reads one frame of at most limit bytes.
func readFrame(r io.Reader, limit int) (Frame, error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return Frame{}, err
	}
	n := int(binary.BigEndian.Uint32(head[:4])) - 1
	if n < 0 || n > limit {
		return Frame{}, fmt.Errorf("a frame of %d bytes is refused", n)
	}
	f := Frame{Kind(head[4]), make([]byte, n)}
	_, err := io.ReadFull(r, f.Payload)
	return f, err
}
