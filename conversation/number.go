package conversation

import (
	"slices"
	"strconv"
	"strings"
)

// maxNumber is the largest number that an answer can be.
const maxNumber = 1_000_000_000

// numbers gives the numbers in a text, in digits or in words, in their order.
func (l lexicon) numbers(list []string) []int {
	var out []int
	for i := 0; i < len(list); {
		n, used := l.number(list[i:])
		if used == 0 {
			i++
			continue
		}
		if !l.negated(list[:i]) {
			out = append(out, n)
		}
		i += used
	}
	return out
}

// number reads the number that list begins with; used is 0 where it begins with
// none.
func (l lexicon) number(list []string) (n, used int) {
	if n, ok := digits(list[0]); ok {
		used = 1
		for used < len(list) { // "2 thousand"
			m, ok := l.Numbers[list[used]]
			if !ok || m < 100 || n*m > maxNumber {
				break
			}
			n *= m
			used++
		}
		return n, used
	}
	total, part := 0, 0 // of thousands, and below
	for used < len(list) {
		word := list[used]
		if used > 0 && slices.Contains(l.NumberJoiners, word) && used+1 < len(list) {
			if _, ok := l.Numbers[list[used+1]]; ok && (l.UnitFirst || part%10 == 0) {
				used++
				continue
			}
			break
		}
		values, ok := l.split(word)
		if !ok {
			break
		}
		p, t := part, total
		fits := true
		for _, v := range values {
			fits = fits && l.add(&t, &p, v, used == 0)
		}
		if !fits {
			break
		}
		part, total = p, t
		used++
	}
	return total + part, used
}

// add takes one more word into a number; false when it begins another one.
func (l lexicon) add(total, part *int, v int, first bool) bool {
	switch {
	case v >= 1000:
		*total, *part = *total+max(*part, 1)*v, 0
	case v == 100:
		*part = max(*part, 1) * 100
	case *part == 4 && v == 20 && l.FourTwenties:
		*part = 80
	case first || *part == 0 && v > 0:
		*part += v
	case *part%100 == 0 && v < 100,
		*part%10 == 0 && *part%100 >= 20 && v > 0 && (v < 10 || l.FourTwenties && v < 20),
		l.UnitFirst && *part%100 < 10 && *part%100 > 0 && v >= 20 && v%10 == 0:
		*part += v
	default:
		return false
	}
	return true
}

// split gives the values of a word, or of the parts of a hyphenated one.
func (l lexicon) split(word string) ([]int, bool) {
	if v, ok := l.Numbers[word]; ok {
		return []int{v}, true
	}
	var values []int
	for _, p := range strings.Split(word, "-") {
		if slices.Contains(l.NumberJoiners, p) {
			continue
		}
		v, ok := l.Numbers[p]
		if !ok {
			return nil, false
		}
		values = append(values, v)
	}
	return values, len(values) > 0
}

// digits reads a whole number in digits, with or without separators of
// thousands.
func digits(word string) (int, bool) {
	if strings.Contains(word, ".") {
		for i, group := range strings.Split(word, ".") {
			if i == 0 && (group == "" || len(group) > 3) || i > 0 && len(group) != 3 {
				return 0, false
			}
		}
		word = strings.ReplaceAll(word, ".", "")
	}
	n, err := strconv.Atoi(word)
	if err != nil || n < 0 || n > maxNumber {
		return 0, false
	}
	return n, true
}
