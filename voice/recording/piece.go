package recording

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
)

const (
	// Rate is the sample rate, in Hz, of both directions.
	Rate = 16000
	// frame is how many samples of each direction [Writer.Frame] takes: 20 ms.
	frame = Rate / 50
	// channels: the person is on the left, the agent on the right.
	channels = 2
	// pieceTime is how much sound is in a piece, in frames: what a crash costs.
	pieceTime = 50
	// mostPiece bounds what is read of one piece, in bytes.
	mostPiece = 1 << 20
)

// The pieces of a file. Each begins in the clear with its kind (1 byte), the length
// of its content and that of its sealed form (4 bytes each, little-endian), so that
// a recording's length is known without opening it. Sealed are the kind once more,
// the number of the piece (4 bytes) and the content: no piece can be taken for
// another.
const (
	pieceHeader byte = 'H' // JSON, a header: the first piece
	pieceSound  byte = 'S' // interleaved 16 bit PCM
	pieceCue    byte = 'C' // JSON, a Cue
)

const clearSize, sealedHead = 9, 5

// header is the first piece.
type header struct {
	ID             string    `json:"id"`
	ConversationID string    `json:"conversationId"`
	StartedAt      time.Time `json:"startedAt"`
}

// Cue is something that was said, from the beginning of the recording on.
type Cue struct {
	From time.Duration `json:"from"`
	To   time.Duration `json:"to"`
	// Who is person or agent.
	Who  string `json:"who"`
	Text string `json:"text"`
}

func encode(v any) []byte {
	raw, _ := json.Marshal(v) // of strings and times: it cannot fail
	return raw
}

// sealPiece gives a piece as it is written.
func sealPiece(ctx context.Context, s Sealer, person string, kind byte, n uint32, content []byte) ([]byte, error) {
	plain := make([]byte, sealedHead, sealedHead+len(content))
	plain[0] = kind
	binary.LittleEndian.PutUint32(plain[1:], n)
	sealed, err := s.Seal(ctx, person, append(plain, content...))
	if err != nil {
		return nil, err
	}
	piece := make([]byte, clearSize, clearSize+len(sealed))
	piece[0] = kind
	binary.LittleEndian.PutUint32(piece[1:], uint32(len(content)))
	binary.LittleEndian.PutUint32(piece[5:], uint32(len(sealed)))
	return append(piece, sealed...), nil
}

// reader goes through a recording.
type reader struct {
	sealer Sealer
	person string
	file   *os.File
	in     *bufio.Reader
	head   header
	n      uint32
}

// read opens a recording and its header.
func (s *Store) read(ctx context.Context, person, id string) (*reader, error) {
	path, err := s.path(person, id)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missing()
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the recording cannot be read")
	}
	r := &reader{sealer: s.o.Sealer, person: person, file: f, in: bufio.NewReaderSize(f, 128<<10)}
	kind, content, err := r.next(ctx)
	if err == nil && (kind != pieceHeader || json.Unmarshal(content, &r.head) != nil || r.head.ID != id) {
		err = fault.New(fault.Internal, "the recording is damaged")
	}
	if err == io.EOF {
		err = missing() // its writing ended before it began
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return r, nil
}

func (r *reader) close() { _ = r.file.Close() }

// clear reads the clear beginning of a piece.
func (r *reader) clear() (kind byte, content, sealed int, err error) {
	var head [clearSize]byte
	if _, err := io.ReadFull(r.in, head[:]); err != nil {
		return 0, 0, 0, io.EOF
	}
	content, sealed = int(binary.LittleEndian.Uint32(head[1:])), int(binary.LittleEndian.Uint32(head[5:]))
	if content > mostPiece || sealed > mostPiece {
		return 0, 0, 0, fault.New(fault.Internal, "the recording is damaged")
	}
	return head[0], content, sealed, nil
}

// next gives the next piece; io.EOF ends a recording, also in the middle of a piece
// that was not written to its end.
func (r *reader) next(ctx context.Context) (kind byte, content []byte, err error) {
	kind, _, size, err := r.clear()
	if err != nil {
		return 0, nil, err
	}
	sealed := make([]byte, size)
	if _, err := io.ReadFull(r.in, sealed); err != nil {
		return 0, nil, io.EOF
	}
	plain, err := r.sealer.Unseal(ctx, r.person, sealed)
	if err != nil {
		return 0, nil, err
	}
	if len(plain) < sealedHead || plain[0] != kind || binary.LittleEndian.Uint32(plain[1:]) != r.n {
		return 0, nil, fault.New(fault.Internal, "the recording is damaged")
	}
	r.n++
	return kind, plain[sealedHead:], nil
}

// seconds counts the sound that is left, without opening it.
func (r *reader) seconds() float64 {
	bytes := 0
	for {
		kind, content, sealed, err := r.clear()
		if err != nil {
			break
		}
		if n, err := r.in.Discard(sealed); err != nil || n < sealed {
			break
		}
		if kind == pieceSound {
			bytes += content
		}
	}
	return float64(bytes) / (2 * channels * Rate)
}
