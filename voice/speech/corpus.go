package speech

import (
	"embed"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

//go:embed data
var corpora embed.FS

// numbers are the numbers that people say, for the slot "number".
var numbers = strings.Fields("one two three four five six seven eight nine ten eleven twelve fifteen twenty thirty forty fifty sixty hundred")

// Pronunciations are the sounds of names that are in no dictionary, from
// data/en.dict: CMU phones by word.
func Pronunciations() map[string]string {
	raw, err := fs.ReadFile(corpora, "data/en.dict")
	if err != nil {
		return nil
	}
	all := map[string]string{}
	for _, line := range strings.Split(string(raw), "\n") {
		if word, phones, ok := strings.Cut(strings.TrimSpace(line), " "); ok && word != "#" {
			all[word] = phones
		}
	}
	return all
}

// corpusLine bounds how many sentences one line of a corpus gives.
const corpusLine = 400

// Corpus gives the sentences that are likely to be said in a language, for
// [EarOptions.Sentences]: the embedded patterns with the values of their slots,
// such as "region": {"helsinki", "falkenstein"}; slots may be nil. A pattern with a slot that has
// no value is left out; a language without patterns gives nothing.
func Corpus(language string, slots map[string][]string) []string {
	base, _, _ := strings.Cut(strings.ToLower(language), "-")
	raw, err := fs.ReadFile(corpora, "data/"+base+".txt")
	if err != nil {
		return nil
	}
	var all []string
	for _, line := range strings.Split(string(raw), "\n") {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		for i, choice := range choices(line) {
			all = append(all, filled(strings.Join(strings.Fields(choice), " "), slots, i)...)
		}
	}
	return all
}

// choices multiplies out (a|b|) in a pattern.
func choices(pattern string) []string {
	open := strings.IndexByte(pattern, '(')
	if open < 0 {
		return []string{pattern}
	}
	shut := open + strings.IndexByte(pattern[open:], ')')
	if shut < open {
		return nil
	}
	rest := choices(pattern[shut+1:])
	var all []string
	for _, choice := range strings.Split(pattern[open+1:shut], "|") {
		for _, r := range rest {
			if len(all) < corpusLine {
				all = append(all, pattern[:open]+choice+r)
			}
		}
	}
	return all
}

// filled puts the values into the slots of a sentence, those of the other slots in
// turn beside those of one, so that the sentences stay few. Of the choices of a
// pattern, the first is given with every value of its longest slot, the others
// with as many as the first slot has.
func filled(sentence string, slots map[string][]string, turn int) []string {
	names := slotNames(sentence)
	if len(slots["number"]) == 0 {
		slots = maps.Clone(slots)
		if slots == nil {
			slots = map[string][]string{}
		}
		slots["number"] = numbers
	}
	if len(names) == 0 {
		return []string{sentence}
	}
	if slices.ContainsFunc(names, func(n string) bool { return len(slots[n]) == 0 }) {
		return nil
	}
	n := len(slots[names[0]])
	if turn == 0 {
		for _, name := range names {
			n = max(n, len(slots[name]))
		}
	}
	var all []string
	for i := range n {
		s := sentence
		for k, name := range names {
			values := slots[name]
			at := i
			if turn > 0 && k > 0 {
				at = turn + i*(k+1) + k
			} else if k > 0 { // two slots of one kind have not the same value
				at = i + k
			}
			s = strings.Replace(s, "{"+name+"}", values[at%len(values)], 1)
		}
		all = append(all, s)
	}
	return all
}

// slotNames gives the slots of a sentence in their order.
func slotNames(sentence string) []string {
	var names []string
	for {
		_, after, ok := strings.Cut(sentence, "{")
		name, rest, closed := strings.Cut(after, "}")
		if !ok || !closed {
			return names
		}
		names, sentence = append(names, name), rest
	}
}
