package voice

import "github.com/pion/rtp"

// mostGap is how many packets a missing one is waited for: 100 ms, which the
// ears do not notice and most reordering does not exceed.
const mostGap = 5

// sequencer puts packets into the order of their numbers (RFC 3550, 5.1). A packet
// that does not come in time is lost; one that comes later than that is dropped.
type sequencer struct {
	begun   bool
	next    uint16
	waiting map[uint16][]byte
}

// add takes a packet and gives the payloads that can be played now; nil is a lost
// one.
func (s *sequencer) add(p *rtp.Packet) [][]byte {
	if s.waiting == nil {
		s.waiting = map[uint16][]byte{}
	}
	distance := int16(p.SequenceNumber - s.next)
	switch {
	case !s.begun, distance > 500, distance < -500: // the first, or the sender began anew
		s.begun, s.next = true, p.SequenceNumber
		clear(s.waiting)
	case distance < 0:
		return nil
	}
	s.waiting[p.SequenceNumber] = p.Payload
	var out [][]byte
	for len(s.waiting) > 0 {
		payload, ok := s.waiting[s.next]
		if !ok && len(s.waiting) < mostGap && int16(p.SequenceNumber-s.next) < mostGap {
			break
		}
		delete(s.waiting, s.next)
		s.next++
		out = append(out, payload)
	}
	return out
}
