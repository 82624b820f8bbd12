package hold

import "bytes"

// sequencer cuts a terminal's byte stream into printable characters, controls
// and complete escape sequences, whatever the pieces it arrives in. It exists
// because the emulator's own parser takes the byte 0x9C inside a UTF-8
// character of a title for its end, and because a snapshot has to hold the
// sequence that was received in part.
type sequencer struct {
	state   state
	pending []byte // the sequence or character that is not complete
	need    int    // bytes that the character still wants
	long    bool   // the string is longer than what is kept of it
	base    uint64 // bytes of the stream before this write
	pos     uint64 // the byte that is looked at, while a string is read
	out     sink
}

// sink takes what the sequencer found.
type sink interface {
	ascii(p []byte)          // printable, 0x20 to 0x7e
	char(r []byte)           // one character above ASCII
	control(c byte)          // C0
	sequence(p []byte)       // ESC ... complete
	text(p []byte, cut bool) // OSC, DCS, APC, PM or SOS with its terminator; cut: too long to be kept
}

type state uint8

const (
	ground state = iota
	character
	escape
	escapeInter
	csi
	str       // OSC, DCS, APC, PM, SOS
	strEscape // ESC inside of one
)

// maxString is how much of an OSC, DCS or APC is kept.
const maxString = 64 << 10

// maxCSI bounds a control sequence; a longer one is dropped.
const maxCSI = 256

func (s *sequencer) write(p []byte) {
	for i := 0; i < len(p); {
		b := p[i]
		switch s.state {
		case ground:
			if b >= 0x20 && b < 0x7f {
				n := i + 1
				for n < len(p) && p[n] >= 0x20 && p[n] < 0x7f {
					n++
				}
				s.out.ascii(p[i:n])
				i = n
				continue
			}
			s.atGround(b)
		case character:
			if b&0xc0 != 0x80 || !s.plausible(b) {
				s.reset() // the character was cut short: nothing is shown for it
				continue  // and this byte is looked at afresh
			}
			s.pending = append(s.pending, b)
			if s.need--; s.need == 0 {
				s.done()
			}
		case escape, escapeInter:
			if s.interrupted(b) {
				break
			}
			s.pending = append(s.pending, b)
			switch {
			case b >= 0x20 && b < 0x30:
				s.state = escapeInter
			case s.state == escape && b == '[':
				s.state = csi
			case s.state == escape && (b == ']' || b == 'P' || b == '_' || b == '^' || b == 'X'):
				s.state = str
			case b >= 0x30 && b < 0x7f:
				s.complete()
			default:
				s.reset()
			}
		case csi:
			if s.interrupted(b) {
				break
			}
			switch {
			case b >= 0x40 && b < 0x7f:
				s.pending = append(s.pending, b)
				if len(s.pending) > maxCSI {
					s.reset()
				} else {
					s.complete()
				}
			case b >= 0x20 && b < 0x40:
				if len(s.pending) <= maxCSI {
					s.pending = append(s.pending, b)
				}
			}
		case str, strEscape:
			s.pos = s.base + uint64(i)
			s.inString(b)
		}
		i++
	}
	s.base += uint64(len(p))
}

func (s *sequencer) atGround(b byte) {
	switch {
	case b == 0x1b:
		s.pending, s.state = append(s.pending[:0], b), escape
	case b < 0x20:
		s.out.control(b)
	case b >= 0xc2 && b < 0xe0:
		s.begin(b, 1)
	case b >= 0xe0 && b < 0xf0:
		s.begin(b, 2)
	case b >= 0xf0 && b < 0xf5:
		s.begin(b, 3)
	}
	// Everything else (DEL, stray continuation bytes) shows nothing.
}

func (s *sequencer) begin(b byte, need int) {
	s.pending, s.need, s.state = append(s.pending[:0], b), need, character
}

// plausible refuses overlong forms, surrogates and what is beyond Unicode.
func (s *sequencer) plausible(b byte) bool {
	if len(s.pending) != 1 {
		return true
	}
	switch s.pending[0] {
	case 0xe0:
		return b >= 0xa0
	case 0xed:
		return b < 0xa0
	case 0xf0:
		return b >= 0x90
	case 0xf4:
		return b < 0x90
	}
	return true
}

func (s *sequencer) done() {
	p := s.pending
	s.state = ground
	if len(p) == 2 && p[0] == 0xc2 && p[1] < 0xa0 {
		// A C1 control in UTF-8 is the same as its seven-bit form.
		s.write([]byte{0x1b, p[1] - 0x40})
		return
	}
	s.out.char(p)
	s.pending = s.pending[:0]
}

// interrupted handles controls inside a sequence: they take effect at once,
// CAN and SUB end it, ESC begins another.
func (s *sequencer) interrupted(b byte) bool {
	switch {
	case b == 0x18 || b == 0x1a:
		s.reset()
	case b == 0x1b:
		s.pending, s.state = append(s.pending[:0], b), escape
	case b < 0x20:
		s.out.control(b)
	case b == 0x7f:
	case b >= 0x80:
		s.reset()
	default:
		return false
	}
	return true
}

func (s *sequencer) inString(b byte) {
	if s.state == strEscape {
		if b == '\\' {
			s.add(b)
			s.finish()
			return
		}
		// ESC and anything else ends the string and begins a sequence.
		if n := len(s.pending); n > 0 && s.pending[n-1] == 0x1b {
			s.pending = s.pending[:n-1]
		}
		s.finish()
		s.pending, s.state = append(s.pending[:0], 0x1b), escape
		s.write([]byte{b})
		return
	}
	switch b {
	case 0x1b:
		s.add(b)
		s.state = strEscape
	case 0x07:
		if s.pending[1] == ']' {
			s.add(b)
			s.finish()
			return
		}
		s.add(b)
	case 0x18, 0x1a:
		s.reset()
	default:
		s.add(b)
	}
}

func (s *sequencer) add(b byte) {
	if len(s.pending) < maxString {
		s.pending = append(s.pending, b)
	} else {
		s.long = true
	}
}

func (s *sequencer) finish() {
	p, long := s.pending, s.long
	s.state, s.long = ground, false
	s.out.text(p, long)
	s.pending = s.pending[:0]
	if cap(s.pending) > 4<<10 {
		s.pending = nil
	}
}

func (s *sequencer) complete() {
	p := s.pending
	s.state = ground
	s.out.sequence(p)
	s.pending = s.pending[:0]
}

func (s *sequencer) reset() { s.pending, s.state, s.long = s.pending[:0], ground, false }

// half is the part of a sequence that was received, for a client to go on from.
func (s *sequencer) half() []byte {
	if s.state == ground {
		return nil
	}
	return bytes.Clone(s.pending)
}

// control sequences, taken apart.
type command struct {
	prefix byte // '?', '>', '=', '<' or 0
	inter  byte // ' ', '$', '!' or 0
	final  byte
	params []int // -1 where one was left out
	raw    []byte
}

// parseCSI reads "ESC [ ... final". Sub-parameters count as parameters: only
// SGR has them, and it goes to the emulator as it is.
func parseCSI(p []byte) command {
	c := command{final: p[len(p)-1], raw: p}
	body := p[2 : len(p)-1]
	if len(body) > 0 && body[0] >= '<' && body[0] <= '?' {
		c.prefix, body = body[0], body[1:]
	}
	if n := len(body); n > 0 && body[n-1] >= 0x20 && body[n-1] < 0x30 {
		c.inter, body = body[n-1], body[:n-1]
	}
	if len(body) == 0 {
		return c
	}
	n := -1
	for _, b := range body {
		switch {
		case b >= '0' && b <= '9':
			n = min(max(n, 0)*10+int(b-'0'), 1<<16)
		case b == ';' || b == ':':
			c.params = append(c.params, n)
			n = -1
		}
	}
	c.params = append(c.params, n)
	return c
}

// param is the i-th parameter, or otherwise where it was left out.
func (c command) param(i, otherwise int) int {
	if i >= len(c.params) || c.params[i] < 0 {
		return otherwise
	}
	return c.params[i]
}
