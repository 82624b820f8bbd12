package guide

import (
	"slices"
	"sort"
)

// topics1 is true for a topic that has weight of its own.
func (u *understanding) topics1(t match) bool { return u.topicOf(t).Weight > 1 }

func (r *reading) topicOf(m match) topic { return r.language.topics[m.id] }

// findTopics lists the questions of a message in the order they are asked.
func (r *reading) findTopics() []string {
	type hit struct {
		match
		score int
	}
	best := map[int][]hit{}
	for _, m := range r.byKind["topic"] {
		s := r.sentence(m)
		mode := r.mode(s)
		short := r.sentenceWords(s) <= 4
		if !mode.asks && (!short || r.topicOf(m).Asked || r.tells(s)) || r.name.covers(m) || r.insideYes(m) {
			continue
		}
		if !mode.asks && !r.msg.asks[s] && m.words < 2 && r.sentenceWords(s) > 2 {
			continue
		}
		best[s] = append(best[s], hit{m, 3*m.words + r.topicOf(m).Weight})
	}
	over := map[string]bool{}
	for _, hits := range best {
		for _, h := range hits {
			for _, id := range r.language.topics[h.id].Over {
				over[id] = true
			}
		}
	}
	var out []string
	for s := range r.msg.asks {
		hits := slices.DeleteFunc(best[s], func(h hit) bool { return over[h.id] })
		sort.SliceStable(hits, func(i, j int) bool {
			if hits[i].score != hits[j].score {
				return hits[i].score > hits[j].score
			}
			return hits[i].from < hits[j].from
		})
		var taken []hit
		for _, h := range hits {
			clash := len(taken) >= 2
			for _, t := range taken {
				clash = clash || h.from < t.to && h.to > t.from || h.id == t.id
			}
			if clash || len(taken) > 0 && (h.words < 2 || r.topicOf(h.match).Weight < 4 || h.score < taken[0].score-8) {
				continue
			}
			taken = append(taken, h)
		}
		sort.SliceStable(taken, func(i, j int) bool { return taken[i].from < taken[j].from })
		for _, t := range taken {
			if !contains(out, t.id) && len(out) < 3 {
				out = append(out, t.id)
			}
		}
	}
	return out
}

// tells is true where a sentence that asks nothing says a fact: "two workers are
// enough" is no question about them.
func (r *reading) tells(sentence int) bool {
	for _, m := range r.matches {
		if r.sentence(m) == sentence && (m.kind == "ha" || m.kind == "count" && (m.id == "workers" || m.id == "people" || m.id == "controlplanes") && m.from > 0 && r.msg.tokens[m.from-1].kind == numberToken) {
			return true
		}
	}
	return false
}

// insideYes is true for words that only agree: "why not".
func (r *reading) insideYes(m match) bool {
	for _, y := range r.byKind["act"] {
		if y.id == "yes" && y.words > 1 && y.from < m.to && y.to > m.from {
			return true
		}
	}
	return false
}
