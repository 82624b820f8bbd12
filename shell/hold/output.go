package hold

import "sync"

const (
	// kept is how much output a client that reconnects can catch up with.
	kept = 1 << 20
	// maxLag is how far the screen may be behind the child. Beyond it plain output
	// is left out, and anything else makes the child wait.
	maxLag = 4 << 20
	// unacked is how much output a client may have that it has not painted.
	unacked = 512 << 10
	// piece is the most that goes out in one frame.
	piece = 64 << 10
)

// output is what the child printed, by offset: the last [kept] bytes, and those
// before them that the screen has not seen yet. Memory is bounded by kept plus
// maxLag however slow a client is, because clients have no queues: each reads
// from here at its own offset, and one that falls off the end gets a snapshot.
type output struct {
	mu    sync.Mutex
	buf   []byte
	start uint64 // offset of buf[0]
	seen  uint64 // up to where the screen has seen it
	ended bool
	room  *sync.Cond // the screen has caught up
	more  chan struct{}
}

func newOutput() *output {
	o := &output{more: make(chan struct{})}
	o.room = sync.NewCond(&o.mu)
	return o
}

func (o *output) head() uint64 { return o.start + uint64(len(o.buf)) }

// behind is how far the screen is behind the child.
func (o *output) behind() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return int(o.head() - o.seen)
}

// append adds output and wakes whoever waits for it. It waits while the screen
// is too far behind.
func (o *output) append(p []byte) uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.head()-o.seen > maxLag && !o.ended {
		o.room.Wait()
	}
	o.buf = append(o.buf, p...)
	if drop := len(o.buf) - kept; drop > 0 {
		if lag := int(o.head() - o.seen); len(o.buf)-drop < lag {
			drop = len(o.buf) - lag
		}
		// Moving is paid once per kept bytes.
		if drop > kept/2 {
			o.start += uint64(drop)
			o.buf = append(make([]byte, 0, len(o.buf)-drop+kept), o.buf[drop:]...)
		}
	}
	o.wake()
	return o.head()
}

func (o *output) wake() {
	close(o.more)
	o.more = make(chan struct{})
}

// end wakes everybody for the last time.
func (o *output) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = true
	o.room.Broadcast()
	o.wake()
}

// read copies at most n bytes from offset on. ok is false when they are gone.
// An empty answer with more says what to wait for.
func (o *output) read(offset uint64, n int) (p []byte, ok, ended bool, more <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if offset < o.start || offset > o.head() {
		return nil, false, o.ended, o.more
	}
	rest := o.buf[offset-o.start:]
	return append([]byte(nil), rest[:min(len(rest), n)]...), true, o.ended, o.more
}

// painted says that the screen has seen everything up to offset.
func (o *output) painted(offset uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seen = offset
	o.room.Broadcast()
	o.wake()
}
