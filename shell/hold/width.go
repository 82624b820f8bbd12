package hold

import "sort"

// runeWidth is how many cells a character takes: 0, 1 or 2.
func runeWidth(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case in(zeroWidth[:], r):
		return 0
	case in(doubleWidth[:], r):
		return 2
	}
	return 1
}

func in(ranges [][2]rune, r rune) bool {
	i := sort.Search(len(ranges), func(i int) bool { return ranges[i][1] >= r })
	return i < len(ranges) && ranges[i][0] <= r
}
