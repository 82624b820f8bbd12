package recording

import (
	"context"
	"encoding/binary"
	"os"
	"sync"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
)

// queue is how many frames may wait for the disk: ten seconds.
const queue = 500

// Writer is a recording that is being made. Its one goroutine, which writes, ends
// with Close.
type Writer struct {
	store  *Store
	file   *os.File
	path   string
	person string

	frames chan [channels][]int16
	cues   chan Cue
	stop   chan struct{}
	done   chan struct{}
	ended  chan struct{} // closed when nothing more is taken
	once   sync.Once

	// Owned by the goroutine: the number of the next piece, and the bytes of sound.
	n       uint32
	written int

	mu   sync.Mutex
	lost int
	time time.Duration
}

func newWriter(s *Store, f *os.File, path, person string) *Writer {
	return &Writer{store: s, file: f, path: path, person: person, frames: make(chan [channels][]int16, queue), cues: make(chan Cue, 64),
		stop: make(chan struct{}), done: make(chan struct{}), ended: make(chan struct{})}
}

func (w *Writer) start() { go w.run() }

// Frame takes 20 ms of both directions; nil is silence. It never waits: where the
// disk is too slow, silence is recorded in the frame's place.
func (w *Writer) Frame(person, agent []int16) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.time += 20 * time.Millisecond
	select {
	case w.frames <- [channels][]int16{person, agent}:
	default:
		w.lost++
	}
}

// Now is how long the recording is.
func (w *Writer) Now() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.time
}

// Said takes a caption. It never waits.
func (w *Writer) Said(c Cue) {
	select {
	case w.cues <- c:
	default:
	}
}

// Ended is closed when nothing more is taken: the recording was closed or deleted,
// or it has become as long, or all of them as large, as they may be.
func (w *Writer) Ended() <-chan struct{} { return w.ended }

// Close ends the recording and waits until it is written. It may be called again.
func (w *Writer) Close() error {
	w.once.Do(func() { close(w.stop) })
	<-w.done
	return nil
}

func (w *Writer) run() {
	defer close(w.done)
	defer w.store.ended(w.path)
	defer w.file.Close()
	ctx := context.Background()
	sound := make([]byte, 0, pieceTime*frame*channels*2)
	room := true
	flush := func() {
		if len(sound) == 0 || !room {
			return
		}
		err := w.put(ctx, pieceSound, sound)
		sound = sound[:0]
		if err != nil {
			if fault.CodeOf(err) != fault.Limited {
				w.store.o.Logger.Warn("a recording ends, as it cannot be written", "error", err.Error())
			}
			room = false
			close(w.ended)
		}
	}
	defer func() {
		if room {
			close(w.ended)
		}
	}()
	add := func(f [channels][]int16) {
		for i := range frame {
			for _, pcm := range f {
				var s int16
				if i < len(pcm) {
					s = pcm[i]
				}
				sound = binary.LittleEndian.AppendUint16(sound, uint16(s))
			}
		}
		if len(sound) >= pieceTime*frame*channels*2 {
			flush()
		}
	}
	take := func(f [channels][]int16) {
		w.mu.Lock()
		lost := w.lost
		w.lost = 0
		w.mu.Unlock()
		for range lost {
			add([channels][]int16{})
		}
		add(f)
	}
	cue := func(c Cue) {
		if room && w.put(ctx, pieceCue, encode(c)) != nil {
			w.store.o.Logger.Warn("a caption was not recorded")
		}
	}
	for {
		select {
		case f := <-w.frames:
			take(f)
		case c := <-w.cues:
			cue(c)
		case <-w.stop:
			for {
				select {
				case f := <-w.frames:
					take(f)
				case c := <-w.cues:
					cue(c)
				default:
					flush()
					return
				}
			}
		}
	}
}

// put writes a piece. Faults: [fault.Limited] when there is no room for more,
// [fault.Unavailable] when the disk refuses it.
func (w *Writer) put(ctx context.Context, kind byte, content []byte) error {
	piece, err := sealPiece(ctx, w.store.o.Sealer, w.person, kind, w.n, content)
	if err != nil {
		return err
	}
	if _, err := w.file.Write(piece); err != nil {
		return fault.Wrap(err, fault.Unavailable, "a recording cannot be written")
	}
	w.n++
	if kind == pieceHeader { // the store's lock is held
		w.store.bytes += int64(len(piece))
		return nil
	}
	if kind == pieceSound {
		w.written += len(content)
	}
	if length := time.Duration(w.written/(2*channels)) * time.Second / Rate; !w.store.grown(len(piece)) || length >= w.store.o.MostTime {
		return fault.New(fault.Limited, "the recording is as long as it may be")
	}
	return nil
}
