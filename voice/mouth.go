package voice

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/openova-io/sandbox/voice/speech"
)

// mostAhead is how much sound is made before it is needed, in frames: enough to
// hide a slow engine, and little to throw away when the person interrupts.
const mostAhead = 10 * 1000 / frameTime

// line is one sentence of the agent's on its way to the person's ear.
type line struct {
	turnID string
	text   string
	// part says which lines are not interrupted, and what they are for.
	part part

	frames [][]int16 // made and not played
	made   int
	played int
	whole  bool // nothing more is made of it
	failed bool // not all of it could be made
	begun  bool // it was told of
	again  bool // it was cut off, and is said once more
}

// part is what a line is for.
type part int

const (
	plain part = iota
	// price and consent are read to the end, whoever speaks.
	price
	consent
	// prompting is the question whether somebody is still there.
	prompting
	// notice has to be heard: cut off, it is said once more from its beginning.
	notice
)

func (l *line) firm() bool { return l.part == price || l.part == consent }

// heard is the part of the text that was played, to the word.
func (l *line) heard() string {
	if l.whole && l.played >= l.made {
		return l.text
	}
	total := l.made
	if !l.whole { // a voice says about 14 characters a second
		total = max(total, utf8.RuneCountInString(l.text)*1000/14/frameTime)
	}
	if total == 0 {
		return ""
	}
	words := strings.Fields(l.text)
	return strings.Join(words[:len(words)*l.played/total], " ")
}

// sender takes Opus packets of one frame each.
type sender interface{ send(packet []byte) error }

// mouth speaks lines, one after the other, at a clock that never stops.
type mouth struct {
	synthesizer speech.Synthesizer
	language    string
	sender      sender
	logger      *slog.Logger
	// begun and ended tell of a line that is being heard; they are called from the
	// clock and must not wait.
	begun, ended func(*line)
	// voiced is told with every line whether another voice than the wanted one speaks.
	voiced func(fallback bool)
	// sounded gets every frame of the clock; nil is silence.
	sounded func([]int16)

	mu     sync.Mutex
	lines  []*line // the first one is being played
	paused bool
	hushed bool // nothing is said: the person reads
	quiet  int  // frames since the last one with a sound
	sent   levels
	wake   chan struct{} // for the maker
}

func newMouth(s speech.Synthesizer, language string, to sender, logger *slog.Logger) *mouth {
	return &mouth{synthesizer: s, language: language, sender: to, logger: logger, wake: make(chan struct{}, 1), quiet: int(echoTime / (frameTime * time.Millisecond)),
		begun: func(*line) {}, ended: func(*line) {}, sounded: func([]int16) {}, voiced: func(bool) {}}
}

// say queues a line.
func (m *mouth) say(l *line) {
	m.mu.Lock()
	if !m.hushed {
		m.lines = append(m.lines, l)
	}
	m.mu.Unlock()
	m.rouse()
}

// hush makes it silent until it is told otherwise: what there is to say is on the
// screen, and counts as said by nobody.
func (m *mouth) hush(on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.hushed = on; on {
		m.lines, m.paused = nil, false
	}
}

// isHushed tells whether it is silent.
func (m *mouth) isHushed() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.hushed
}

func (m *mouth) rouse() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// speaking tells whether something is being said now, and whether it is firm. A
// paused mouth is silent.
func (m *mouth) speaking() (now, firm bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.lines) == 0 || m.paused {
		return false, false
	}
	return true, m.lines[0].firm()
}

// current is the line that is being said.
func (m *mouth) current() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.lines) == 0 {
		return ""
	}
	return m.lines[0].text
}

// played gives how loud the last frames were.
func (m *mouth) played() levels {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sent
}

// echoTime is how long after its end what the agent said may still come back:
// the person's jitter buffer, their room, and the way both ways.
const echoTime = 300 * time.Millisecond

// echoes tells whether the agent is in the air: it speaks, or has just spoken.
func (m *mouth) echoes() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.lines) > 0 && !m.paused || m.quiet < int(echoTime/(frameTime*time.Millisecond))
}

// mark changes lines that were not said to the end yet.
func (m *mouth) mark(change func(*line)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range m.lines {
		change(l)
	}
}

// pause is silence at once, until resume or drop. Firm lines are not paused.
func (m *mouth) pause() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.lines) == 0 || m.lines[0].firm() {
		return false
	}
	m.paused = true
	return true
}

// resume goes on where pause stopped.
func (m *mouth) resume() {
	m.mu.Lock()
	m.paused = false
	m.mu.Unlock()
	m.rouse()
}

// drop forgets what was not said yet, and gives what was heard of each turn that
// this cut off. Firm lines stay, and so do notices.
func (m *mouth) drop() map[string]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.paused = false
	cut := map[string]string{}
	var rest []*line
	for i, l := range m.lines {
		if l.firm() {
			rest = append(rest, l)
			continue
		}
		part := ""
		if i == 0 {
			part = l.heard()
		}
		if l.part == notice && !(l.again && l.begun) {
			rest = append(rest, &line{text: l.text, part: notice, again: l.again || l.begun})
		}
		if _, ok := cut[l.turnID]; !ok {
			cut[l.turnID] = part
		}
	}
	m.lines = rest
	m.rouse()
	return cut
}

// settled is after how many frames of silence the last word has faded in the encoder:
// from there on one packet is sent again and again. Encoding is most of what a call
// costs, and most of a call is listening.
const settled = 10

// run is the clock; it ends with ctx.
func (m *mouth) run(ctx context.Context) {
	e, err := newEncoder()
	if err != nil {
		m.logger.Error("a call has no voice", "error", err.Error())
		return
	}
	silence := make([]int16, spokenFrame)
	var still []byte // a packet of silence
	silent := 0      // so many frames in a row were
	next := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		frame := m.frame()
		m.sounded(frame)
		if silent++; frame != nil {
			silent = 0
		}
		packet, err := still, error(nil)
		if silent <= settled {
			if frame == nil {
				frame = silence
			}
			packet, err = e.encode(frame)
			if silent == settled {
				still = slices.Clone(packet)
			}
		}
		if err == nil {
			err = m.sender.send(packet)
		}
		if err != nil && ctx.Err() == nil {
			m.logger.Debug("a frame was not sent", "error", err.Error())
		}
		next = next.Add(frameTime * time.Millisecond)
		if late := time.Since(next); late > 200*time.Millisecond { // the machine slept: do not hurry after it
			next = time.Now()
		}
		timer.Reset(time.Until(next))
	}
}

// frame takes the next frame to be heard; nil is silence.
func (m *mouth) frame() []int16 {
	m.mu.Lock()
	var begun, ended *line
	var frame []int16
	if !m.paused && len(m.lines) > 0 {
		l := m.lines[0]
		if len(l.frames) > 0 {
			if !l.begun {
				begun, l.begun = l, true
			}
			frame, l.frames = l.frames[0], l.frames[1:]
			l.played++
		}
		if l.whole && len(l.frames) == 0 {
			ended = l
			m.lines = m.lines[1:]
		}
	}
	m.sent.add(frame)
	if m.quiet++; frame != nil {
		m.quiet = 0
	}
	m.mu.Unlock()
	if begun != nil {
		m.begun(begun)
	}
	if ended != nil {
		m.ended(ended)
	}
	if frame != nil {
		m.rouse()
	}
	return frame
}

// make makes sound of the lines, ahead of the clock; it ends with ctx.
func (m *mouth) make(ctx context.Context) {
	for {
		if l := m.unmade(); l != nil {
			m.speak(ctx, l)
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-m.wake:
		}
	}
}

// unmade gives the first line that has no sound yet, if there is room ahead.
func (m *mouth) unmade() *line {
	m.mu.Lock()
	defer m.mu.Unlock()
	ahead := 0
	for _, l := range m.lines {
		if !l.whole {
			if ahead < mostAhead {
				return l
			}
			return nil
		}
		ahead += len(l.frames)
	}
	return nil
}

// speak makes the sound of one line. A voice that breaks off says the line once
// more, from its beginning; what cannot be said even so is left out: it is on the
// screen.
func (m *mouth) speak(ctx context.Context, l *line) {
	failed := true
	for try := 0; try < 2 && failed && ctx.Err() == nil; try++ {
		if try > 0 && !m.again(l) {
			break
		}
		failed = !m.sound(ctx, l)
	}
	m.mu.Lock()
	l.whole, l.failed = true, failed
	m.mu.Unlock()
}

// again forgets the sound that was made of a line, if it is still to be said.
func (m *mouth) again(l *line) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	l.frames, l.made, l.played = nil, 0, 0
	return slices.Contains(m.lines, l)
}

// sound makes the sound of a line, and tells whether all of it was made, or nobody
// wants it any more.
func (m *mouth) sound(ctx context.Context, l *line) bool {
	audio, err := m.synthesizer.Speak(ctx, speech.Sentence{Text: speech.Spoken(l.text, m.language), Language: m.language})
	if err != nil {
		if ctx.Err() == nil {
			m.logger.Warn("a sentence was not spoken", "engine", m.synthesizer.Name(), "error", err.Error())
		}
		return false
	}
	defer audio.Close()
	m.voiced(speech.Fallback(audio))
	r := newResampler(audio)
	for ctx.Err() == nil {
		frame := make([]int16, spokenFrame)
		if err := r.frame(frame); err != nil {
			if err == io.EOF && l.made > 0 {
				return true
			}
			if ctx.Err() == nil {
				m.logger.Warn("a sentence was cut", "engine", m.synthesizer.Name(), "error", err.Error())
			}
			return false
		}
		m.mu.Lock()
		l.frames = append(l.frames, frame)
		l.made++
		queued := slices.Contains(m.lines, l)
		m.mu.Unlock()
		if !queued { // dropped meanwhile
			return true
		}
	}
	return false
}
