package guide

import "unicode"

// detect recognises another language: by its script, or by more of its frequent
// words than of this language's.
func (l *language) detect(r *reading) *tongue {
	var foreign, plain int
	scripts := map[string]int{}
	for _, c := range r.msg.text {
		switch {
		case !unicode.IsLetter(c):
		case unicode.Is(unicode.Latin, c):
			plain++
		default:
			foreign++
			for name, script := range tongueScripts {
				if unicode.Is(script, c) {
					scripts[name]++
				}
			}
		}
	}
	if foreign > 1 && foreign*2 >= plain {
		if scripts["Hiragana"] > 0 {
			scripts["Han"] = 0
		}
		best := &tongue{} // a script of no language that is known here
		for i := range l.tongues {
			if scripts[l.tongues[i].Script] > scripts[best.Script] {
				best = &l.tongues[i]
			}
		}
		return best
	}
	own, best, count, alone := 0, -1, 0, false
	seen := make([]int, len(l.tongues))
	for i := range r.msg.tokens {
		t := &r.msg.tokens[i]
		if t.kind != wordToken || r.name.covers(match{from: i, to: i + 1}) {
			continue
		}
		if l.common[t.norm] || l.fillers[t.norm] {
			own++
		}
		if l.names.small[t.norm] {
			continue // "Casa de la Luna" is a name in English too
		}
		for j := range l.tongues {
			if l.tongues[j].words[t.norm] {
				seen[j]++
			}
			alone = alone || l.tongues[j].alone[t.norm]
		}
	}
	for j, n := range seen {
		if n > count {
			best, count = j, n
		}
	}
	if best >= 0 && (count >= 2 && count > own || count == 1 && alone && own == 0 && r.msg.words() <= 2) {
		return &l.tongues[best]
	}
	return nil
}

// tongueScripts are the scripts by which a language is known. Hiragana comes with
// Han in Japanese, and tells it from Chinese.
var tongueScripts = map[string]*unicode.RangeTable{
	"Arabic": unicode.Arabic, "Cyrillic": unicode.Cyrillic, "Hiragana": unicode.Hiragana, "Han": unicode.Han,
	"Devanagari": unicode.Devanagari, "Hangul": unicode.Hangul, "Thai": unicode.Thai, "Hebrew": unicode.Hebrew,
	"Greek": unicode.Greek, "Bengali": unicode.Bengali, "Amharic": unicode.Ethiopic,
}
