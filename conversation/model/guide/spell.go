package guide

import "strings"

// speller corrects a word to one of the language's own words. It keeps, for
// every known word, its forms with one letter left out (two for long words), so
// that a look-up costs a few map reads however many words are known.
type speller struct {
	known   map[string]bool // words that are right as they are
	targets map[string]bool // words that others may be corrected to
	deletes map[string][]string
}

const (
	shortestFixed  = 5  // a word below it is never corrected
	shortestSure   = 6  // a shorter word, corrected, may still be a name
	shortestTwo    = 10 // from here on two errors are forgiven
	longestChecked = 24
)

func newSpeller() *speller {
	return &speller{known: map[string]bool{}, targets: map[string]bool{}, deletes: map[string][]string{}}
}

// learn adds a word that others may be corrected to.
func (s *speller) learn(word string) {
	if s.targets[word] {
		return
	}
	s.known[word], s.targets[word] = true, true
	if len(word) < shortestFixed-1 || len(word) > longestChecked {
		return
	}
	for _, d := range shortened(word) {
		s.deletes[d] = append(s.deletes[d], word)
	}
}

// fix gives the one known word that is closest, or an empty text.
func (s *speller) fix(word string) string {
	if len(word) < shortestFixed || len(word) > longestChecked {
		return ""
	}
	best, bestAt, tie := "", 3, false
	seen := map[string]bool{}
	for _, d := range append(shortened(word), word) {
		for _, w := range append(s.deletes[d], d) {
			if seen[w] || !s.targets[w] || w == word {
				continue
			}
			seen[w] = true
			at := distance(word, w)
			most := 1
			if len(word) >= shortestTwo && len(w) >= shortestTwo-1 {
				most = 2
			}
			if len(word) < shortestSure && len(w) <= len(word) && !turned(word, w) {
				continue // of a short word only a lost letter or two turned ones are sure
			}
			if at > most || word[0] != w[0] && at > 0 && !swapped(word, w) {
				continue
			}
			if at < bestAt {
				best, bestAt, tie = w, at, false
			} else if at == bestAt && stem(w) != stem(best) {
				tie = true
			}
		}
	}
	if tie && bestAt > 1 {
		return ""
	}
	return best
}

// swapped is true where the first two letters changed places.
func swapped(a, b string) bool {
	return len(a) > 1 && len(b) > 1 && a[0] == b[1] && a[1] == b[0]
}

// turned is true where two neighbouring letters changed places.
func turned(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	i := 0
	for i < len(a)-1 && a[i] == b[i] {
		i++
	}
	return i < len(a)-1 && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}

// shortened gives the word's forms with one letter less, and for long words
// with two letters less.
func shortened(word string) []string {
	out := make([]string, 0, len(word)*2)
	for i := range word {
		one := word[:i] + word[i+1:]
		out = append(out, one)
		if len(word) >= shortestTwo {
			for j := i; j < len(one); j++ {
				out = append(out, one[:j]+one[j+1:])
			}
		}
	}
	return out
}

// distance is the number of letters added, lost, changed or swapped with their
// neighbour (optimal string alignment).
func distance(a, b string) int {
	var before, last [longestChecked + 2]int
	row := last
	if len(a) > longestChecked || len(b) > longestChecked {
		return longestChecked
	}
	for j := 0; j <= len(b); j++ {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(row[j-1]+1, last[j]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

// inflected is true for a form of a known word by one of the language's endings:
// "baking" is from "bake", and no misspelt "banking".
func (l *language) inflected(word string) bool {
	for _, e := range l.endings {
		base, ok := strings.CutSuffix(word, e)
		if !ok || len(base) < 3 {
			continue
		}
		forms := []string{base, base + "e"}
		switch n := len(base); {
		case base[n-1] == base[n-2]: // "shopping"
			forms = append(forms, base[:n-1])
		case base[n-1] == 'i': // "tried"
			forms = append(forms, base[:n-1]+"y")
		}
		for _, form := range forms {
			if l.common[form] || l.spell.known[form] || l.words[form] {
				return true
			}
		}
	}
	return false
}

// correct sets the token's corrected form where the word is not known.
func (l *language) correct(t *token, cased bool) {
	if len(t.norm) < shortestSure && cased && t.capital {
		return
	}
	if t.kind != wordToken || l.spell.known[t.norm] || l.common[t.norm] || l.common[t.stem] || l.spell.known[t.stem] ||
		l.words[t.norm] || l.words[t.stem] || l.inflected(t.norm) {
		return
	}
	for i := 0; i < len(t.norm); i++ {
		if t.norm[i] >= 0x80 {
			return
		}
	}
	if f := l.spell.fix(t.norm); f != "" {
		t.fixed, t.fixedStem = f, stem(f)
	}
}
