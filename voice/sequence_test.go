package voice

import (
	"fmt"
	"slices"
	"testing"

	"github.com/pion/rtp"
	"pgregory.net/rapid"
)

func TestPacketsInTheirOrder(t *testing.T) {
	for _, tt := range []struct {
		in   []uint16
		want string
	}{
		{[]uint16{65534, 65535, 0, 1}, "[65534 65535 0 1]"},
		{[]uint16{1, 3, 2, 4}, "[1 2 3 4]"},
		{[]uint16{1, 3, 4, 5, 6, 7, 2, 8}, "[1 lost 3 4 5 6 7 8]"},
		{[]uint16{1, 1, 2, 2, 1}, "[1 2]"},
		// After one that came eight places late, as late a one is waited for.
		{[]uint16{1, 3, 4, 5, 6, 7, 8, 9, 2, 10, 12, 13, 14, 15, 16, 17, 18, 11, 19}, "[1 lost 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19]"},
		{[]uint16{1, 2, 9000, 9001}, "[1 2 9000 9001]"},
	} {
		if got := fmt.Sprint(played(tt.in)); got != tt.want {
			t.Errorf("%v was played as %s, want %s", tt.in, got, tt.want)
		}
	}
}

func played(numbers []uint16) []string {
	var s sequencer
	out := []string{}
	for _, n := range numbers {
		for _, p := range s.add(&rtp.Packet{Header: rtp.Header{SequenceNumber: n}, Payload: []byte(fmt.Sprint(n))}) {
			if p == nil {
				p = []byte("lost")
			}
			out = append(out, string(p))
		}
	}
	return out
}

// Whatever a network does within 100 ms, no packet is played twice or out of its
// order, and none waits for ever.
func TestPacketsAreNeverDoubled(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first := rapid.Uint16().Draw(t, "first")
		var numbers []uint16
		for i := range rapid.IntRange(20, 200).Draw(t, "packets") {
			n := first + uint16(i)
			switch rapid.IntRange(0, 9).Draw(t, "fate") {
			case 0: // lost
			case 1:
				numbers = append(numbers, n, n)
			case 2:
				numbers = slices.Insert(numbers, max(0, len(numbers)-rapid.IntRange(0, 3).Draw(t, "late")), n)
			default:
				numbers = append(numbers, n)
			}
		}
		last, seen := -1, map[string]bool{}
		for _, p := range played(numbers) {
			if p == "lost" {
				last++
				continue
			}
			if seen[p] {
				t.Fatalf("%s was played twice", p)
			}
			seen[p] = true
			var n int
			_, _ = fmt.Sscan(p, &n)
			at := int(uint16(n) - first)
			if at <= last && last >= 0 {
				t.Fatalf("%s was played after %d", p, last)
			}
			last = at
		}
	})
}
