package conversation

import (
	"slices"
	"strings"

	"github.com/openova-io/sandbox/conversation/card"
)

// mention is a choice that a text names.
type mention struct {
	choice  int
	negated bool
}

// mentions finds the choices in a text: by their labels and values, the longest
// first, so that "cpx32 large" is not also "cpx32"; else by their places.
func (l lexicon) mentions(q card.Question, list []string) []mention {
	type name struct {
		words  []string
		choice int
	}
	var names []name
	for i, c := range q.Choices {
		bare, _, _ := strings.Cut(c.Label, "(")
		short, _, _ := strings.Cut(bare, ",")
		for _, n := range [][]string{clauses(c.Label), tokens(c.Label), tokens(bare), tokens(short), tokens(c.Value)} {
			if len(n) > 0 {
				names = append(names, name{n, i})
			}
		}
	}
	slices.SortStableFunc(names, func(a, b name) int { return len(b.words) - len(a.words) })
	masked := slices.Clone(list)
	at := map[int]mention{} // by place in the text
	for _, n := range names {
		for {
			i := find(masked, n.words)
			if i < 0 {
				break
			}
			at[i] = mention{n.choice, l.negated(masked[:i])}
			for j := range n.words {
				masked[i+j] = ""
			}
			masked[i] = "\x00" // a mention, which a negator does not reach across twice
		}
	}
	if len(at) == 0 {
		l.places(q, list, at)
	}
	var out []mention
	for i := range list {
		if m, ok := at[i]; ok {
			out = append(out, m)
		}
	}
	return out
}

// places finds choices by their places: "the second one", "number 2", "2".
func (l lexicon) places(q card.Question, list []string, at map[int]mention) {
	put := func(i, n int) {
		if n == -1 {
			n = len(q.Choices)
		}
		if n >= 1 && n <= len(q.Choices) {
			at[i] = mention{n - 1, l.negated(list[:i])}
		}
	}
	for i, w := range list {
		if n, ok := l.Ordinals[w]; ok {
			put(i, n)
		}
	}
	if len(at) > 0 {
		return
	}
	bare := without(list, l.Fillers)
	for i := range list {
		n, used := l.number(list[i:])
		if used == 1 && (len(bare) == 1 && bare[0] == list[i] || i > 0 && slices.Contains(l.Counters, list[i-1])) {
			put(i, n)
		}
	}
}

// sortOut splits the mentioned choices into wanted and unwanted ones.
func sortOut(mentions []mention) (wanted, unwanted []int) {
	for _, m := range mentions {
		if m.negated {
			unwanted = append(unwanted, m.choice)
		} else if !slices.Contains(wanted, m.choice) {
			wanted = append(wanted, m.choice)
		}
	}
	wanted = slices.DeleteFunc(wanted, func(i int) bool { return slices.Contains(unwanted, i) })
	return wanted, unwanted
}

// choice: exactly one is wanted, or exactly one is left over.
func (l lexicon) choice(q card.Question, text string) Answer {
	wanted, unwanted := sortOut(l.mentions(q, clauses(text)))
	if len(wanted) == 0 && len(unwanted) > 0 {
		for i := range q.Choices {
			if !slices.Contains(unwanted, i) && q.Choices[i].Unavailable == "" {
				wanted = append(wanted, i)
			}
		}
	}
	switch {
	case len(wanted) == 0 && len(unwanted) == 0:
		return Answer{Kind: AnswerNone}
	case len(wanted) == 1 && q.Choices[wanted[0]].Unavailable == "":
		return complete(q.Choices[wanted[0]].Value)
	}
	return partial(valuesOf(q, wanted))
}

// choices: what is wanted, or everything but what is not.
func (l lexicon) choices(q card.Question, text string, list []string) Answer {
	wanted, unwanted := sortOut(l.mentions(q, clauses(text)))
	switch {
	case len(wanted) == 0 && len(unwanted) == 0 && (isOne(list, l.None) || l.refuses(list)):
		return complete([]string{})
	case len(wanted) == 0 && (len(unwanted) > 0 || has(list, l.All)):
		for i := range q.Choices {
			if !slices.Contains(unwanted, i) && q.Choices[i].Unavailable == "" {
				wanted = append(wanted, i)
			}
		}
	}
	if len(wanted) == 0 {
		return Answer{Kind: AnswerNone}
	}
	last := list[len(list)-1]
	unavailable := slices.ContainsFunc(wanted, func(i int) bool { return q.Choices[i].Unavailable != "" })
	if slices.Contains(l.Joiners, last) || unavailable {
		return partial(valuesOf(q, wanted))
	}
	return complete(valuesOf(q, wanted))
}

func valuesOf(q card.Question, choices []int) []string {
	values := make([]string, len(choices))
	for i, c := range choices {
		values[i] = q.Choices[c].Value
	}
	return values
}
