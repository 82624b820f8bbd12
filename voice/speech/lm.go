package speech

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"slices"
	"sort"
	"strings"
)

// LanguageModel counts what is likely to be said and writes it as an ARPA trigram
// model with Witten-Bell smoothing, which the ear mixes with its general model
// of the language. Witten-Bell suits a small corpus: it takes the number of
// different words seen after a history for the chance of a new one.
type LanguageModel struct {
	grams [3]map[string]int
}

// NewLanguageModel counts sentences. They are folded by [Words]; empty ones are
// left out.
func NewLanguageModel(sentences []string) *LanguageModel {
	m := &LanguageModel{}
	for i := range m.grams {
		m.grams[i] = map[string]int{}
	}
	for _, s := range sentences {
		words := Words(s)
		if len(words) == 0 {
			continue
		}
		words = append(append([]string{"<s>"}, words...), "</s>")
		for i := range words {
			for n := 1; n <= 3 && i+n <= len(words); n++ {
				m.grams[n-1][strings.Join(words[i:i+n], " ")]++
			}
		}
	}
	return m
}

// Vocabulary gives the words that the model knows, sorted.
func (m *LanguageModel) Vocabulary() []string {
	var words []string
	for w := range m.grams[0] {
		if w != "<s>" && w != "</s>" {
			words = append(words, w)
		}
	}
	slices.Sort(words)
	return words
}

// follow is what came after one history.
type follow struct {
	total, kinds int
	seen         []string // the words, sorted
}

// followers groups the n-grams of an order by their history.
func followers(grams map[string]int) map[string]*follow {
	all := map[string]*follow{}
	for g, n := range grams {
		history, word := "", g
		if i := strings.LastIndexByte(g, ' '); i >= 0 {
			history, word = g[:i], g[i+1:]
		}
		f := all[history]
		if f == nil {
			f = &follow{}
			all[history] = f
		}
		f.total += n
		f.kinds++
		f.seen = append(f.seen, word)
	}
	for _, f := range all {
		slices.Sort(f.seen)
	}
	return all
}

// WriteARPA writes the model in ARPA format (Doug Paul's, as read by sphinxbase):
// log10 probabilities, with back-off weights for every history.
func (m *LanguageModel) WriteARPA(w io.Writer) error {
	out := bufio.NewWriter(w)
	unigrams := followers(withoutStart(m.grams[0]))[""]
	if unigrams == nil {
		return fmt.Errorf("the language model has no sentence")
	}
	bigrams, trigrams := followers(m.grams[1]), followers(m.grams[2])
	words := float64(unigrams.kinds)
	uni := func(word string) float64 {
		return (float64(m.grams[0][word]) + 1) / (float64(unigrams.total) + words) // every word was seen, so add-one will do
	}
	bi := func(history, word string) float64 {
		f := bigrams[history]
		if f == nil {
			return uni(word)
		}
		return (float64(m.grams[1][history+" "+word]) + float64(f.kinds)*uni(word)) / float64(f.total+f.kinds)
	}
	tri := func(history, word string) float64 {
		f := trigrams[history]
		_, last, _ := strings.Cut(history, " ")
		return (float64(m.grams[2][history+" "+word]) + float64(f.kinds)*bi(last, word)) / float64(f.total+f.kinds)
	}
	// The weight of a history is what its unseen words share, over what the shorter
	// history gives them.
	weight := func(f *follow, p, shorter func(string) float64) float64 {
		left, given := 1.0, 1.0
		for _, word := range f.seen {
			left, given = left-p(word), given-shorter(word)
		}
		return max(left, 1e-6) / max(given, 1e-6)
	}
	fmt.Fprintf(out, "\\data\\\nngram 1=%d\nngram 2=%d\nngram 3=%d\n\n\\1-grams:\n", len(m.grams[0]), len(m.grams[1]), len(m.grams[2]))
	for _, g := range sorted(m.grams[0]) {
		p := -99.0
		if g != "<s>" { // a sentence begins once, and not by chance
			p = math.Log10(uni(g))
		}
		if f := bigrams[g]; f != nil {
			fmt.Fprintf(out, "%.4f %s %.4f\n", p, g, math.Log10(weight(f, func(x string) float64 { return bi(g, x) }, uni)))
		} else {
			fmt.Fprintf(out, "%.4f %s\n", p, g)
		}
	}
	fmt.Fprintf(out, "\n\\2-grams:\n")
	for _, g := range sorted(m.grams[1]) {
		history, word, _ := strings.Cut(g, " ")
		fmt.Fprintf(out, "%.4f %s", math.Log10(bi(history, word)), g)
		if f := trigrams[g]; f != nil {
			fmt.Fprintf(out, " %.4f", math.Log10(weight(f, func(x string) float64 { return tri(g, x) }, func(x string) float64 { return bi(word, x) })))
		}
		fmt.Fprintln(out)
	}
	fmt.Fprintf(out, "\n\\3-grams:\n")
	for _, g := range sorted(m.grams[2]) {
		i := strings.LastIndexByte(g, ' ')
		fmt.Fprintf(out, "%.4f %s\n", math.Log10(tri(g[:i], g[i+1:])), g)
	}
	fmt.Fprintf(out, "\n\\end\\\n")
	return out.Flush()
}

func withoutStart(grams map[string]int) map[string]int {
	rest := map[string]int{}
	for g, n := range grams {
		if g != "<s>" {
			rest[g] = n
		}
	}
	return rest
}

func sorted(grams map[string]int) []string {
	keys := make([]string, 0, len(grams))
	for g := range grams {
		keys = append(keys, g)
	}
	sort.Strings(keys)
	return keys
}
