package voice

import (
	"sync"
	"time"

	"github.com/pion/webrtc/v4/pkg/media"
)

// microphone sends every 20 ms what is said, or the quiet of a room, until its phone
// hangs up.
type microphone struct {
	mu    sync.Mutex
	queue []int16
	said  chan time.Time // gets when the last word was sent
}

// open begins to send.
func (p *phone) open() *microphone {
	m := &microphone{said: make(chan time.Time, 1)}
	e, err := newEncoder()
	if err != nil {
		p.t.Fatal(err)
	}
	done, ended := make(chan struct{}), make(chan struct{})
	p.t.Cleanup(func() { close(done); <-ended })
	go func() {
		defer close(ended)
		tick := time.NewTicker(frameTime * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			pcm, last := m.take()
			frame := make([]int16, spokenFrame)
			for i := range frame {
				frame[i] = pcm[i*heardFrame/spokenFrame]
			}
			packet, err := e.encode(frame)
			if err == nil {
				err = p.track.WriteSample(media.Sample{Data: packet, Duration: frameTime * time.Millisecond})
			}
			if err != nil {
				return
			}
			if last {
				m.said <- time.Now()
			}
		}
	}()
	return m
}

// take gives the next frame, and whether it is the last one of what is said.
func (m *microphone) take() ([heardFrame]int16, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var frame [heardFrame]int16
	n := copy(frame[:], m.queue)
	m.queue = m.queue[n:]
	return frame, n > 0 && len(m.queue) == 0
}

// say speaks, and gives the moment after the last word.
func (m *microphone) say(pcm []int16) time.Time {
	m.mu.Lock()
	m.queue = trimmed(pcm)
	m.mu.Unlock()
	return <-m.said
}

// trimmed takes the silence from both ends.
func trimmed(pcm []int16) []int16 {
	const step = heardFrame / 4
	from, to := 0, len(pcm)
	for from+step < to && loud(pcm[from:from+step]) == 0 {
		from += step
	}
	for to-step > from && loud(pcm[to-step:to]) == 0 {
		to -= step
	}
	return pcm[from:to]
}
