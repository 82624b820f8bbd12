package guide

// joinNumbers turns number words into numbers and joins what belongs together:
// "twenty five", "a couple of", "two hundred and ten".
func (l *language) joinNumbers(in []token) []token {
	out := make([]token, 0, len(in))
	for i := 0; i < len(in); i++ {
		t := in[i]
		v, ok := l.numberWord(t)
		if last, half := l.halfOf(in, i); half > 0 {
			t.end, i = in[last].end, last
			v, ok = half, true
		}
		if !ok {
			out = append(out, t)
			continue
		}
		t.kind, t.value = numberToken, v
		for i+1 < len(in) {
			next := in[i+1]
			joiner := 0
			if next.norm == "-" || next.norm == l.andWord && t.value >= 100 && i+2 < len(in) {
				joiner = 1
			}
			if i+1+joiner >= len(in) {
				break
			}
			part := in[i+1+joiner]
			if scale, ok := l.Scales[part.norm]; ok && joiner == 0 {
				t.value, t.end = t.value*scale, part.end
				i++
				continue
			}
			w, ok := l.Numbers[part.norm]
			if !ok || part.kind != wordToken || !continues(t.value, w) {
				break
			}
			t.value, t.end = t.value+w, part.end
			i += 1 + joiner
		}
		if t.end != in[i].end || t.norm == "" {
			t.end = in[i].end
		}
		// "a couple of people": the "of" belongs to the number.
		if i+1 < len(in) && l.looseNumbers[in[i].norm] && l.joiners[in[i+1].norm] {
			i++
		}
		out = append(out, t)
	}
	return out
}

// halfOf reads "half a dozen": where it ends, and its value; 0 for anything else.
func (l *language) halfOf(in []token, i int) (last, value int) {
	if !l.halves[in[i].norm] {
		return 0, 0
	}
	for last = i + 1; last < len(in) && last <= i+2; last++ {
		if scale := l.Scales[in[last].norm]; scale > 1 {
			return last, scale / 2
		}
		if !l.articles[in[last].norm] && !l.joiners[in[last].norm] {
			return 0, 0
		}
	}
	return 0, 0
}

// numberWord gives the value of a number or a number word.
func (l *language) numberWord(t token) (int, bool) {
	if t.kind == numberToken {
		return t.value, true
	}
	if t.kind != wordToken {
		return 0, false
	}
	if v, ok := l.Numbers[t.norm]; ok {
		return v, true
	}
	if v, ok := l.Scales[t.norm]; ok {
		return v, true
	}
	return 0, false
}

// continues is true where part goes on the number that value begins: 20 and 5,
// 200 and 10, but not 2 and 5.
func continues(value, part int) bool {
	switch {
	case part <= 0:
		return false
	case value >= 1000 && value%1000 == 0:
		return part < 1000
	case value >= 100 && value%100 == 0:
		return part < 100
	case value >= 20 && value < 100 && value%10 == 0:
		return part < 10
	}
	return false
}
