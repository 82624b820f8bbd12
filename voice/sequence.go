package voice

import "github.com/pion/rtp"

// A missing packet is waited for as long as leastGap others came, 100 ms, which the
// ears do not notice and most reordering does not exceed. On a network on which
// packets come later than that, up to mostGap are waited for, 260 ms, until none has
// been late for the time of calmAfter packets.
const (
	leastGap  = 5
	mostGap   = 13
	calmAfter = 1500
)

// sequencer puts packets into the order of their numbers (RFC 3550, 5.1). A packet
// that does not come in time is lost; one that comes later than that is dropped.
type sequencer struct {
	begun   bool
	next    uint16
	waiting map[uint16][]byte
	gap     int // how many are waited for
	calm    int // packets since one was late
}

// add takes a packet and gives the payloads that can be played now; nil is a lost
// one.
func (s *sequencer) add(p *rtp.Packet) [][]byte {
	if s.waiting == nil {
		s.waiting, s.gap = map[uint16][]byte{}, leastGap
	}
	if s.calm++; s.calm > calmAfter {
		s.gap = leastGap
	}
	distance := int16(p.SequenceNumber - s.next)
	switch {
	case !s.begun, distance > 500, distance < -500: // the first, or the sender began anew
		s.begun, s.next = true, p.SequenceNumber
		clear(s.waiting)
	case distance < 0:
		// One that was given up comes after those it was waited for with.
		if late := -int(distance); late >= s.gap && late < 50 {
			s.gap, s.calm = min(late, mostGap), 0
		}
		return nil
	}
	s.waiting[p.SequenceNumber] = p.Payload
	var out [][]byte
	for len(s.waiting) > 0 {
		payload, ok := s.waiting[s.next]
		if !ok && len(s.waiting) < s.gap && int(int16(p.SequenceNumber-s.next)) < s.gap {
			break
		}
		delete(s.waiting, s.next)
		s.next++
		out = append(out, payload)
	}
	return out
}
