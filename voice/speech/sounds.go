package speech

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// spelled are the sounds of letters in names of places, firms and programs, the
// longest first. Names are mostly written as they sound, other than English words.
var spelled = []struct{ letters, phones string }{
	{"tsch", "CH"}, {"sch", "SH"}, {"tch", "CH"}, {"eau", "OW"},
	{"sh", "SH"}, {"ch", "CH"}, {"kh", "K"}, {"gh", "G"}, {"th", "TH"}, {"ph", "F"}, {"zh", "ZH"}, {"dh", "D"}, {"bh", "B"},
	{"ck", "K"}, {"qu", "K W"}, {"ng", "NG"}, {"ts", "T S"}, {"tz", "T S"}, {"wh", "W"}, {"gn", "N Y"}, {"cz", "CH"},
	{"aa", "AA"}, {"ee", "IY"}, {"oo", "UW"}, {"ou", "UW"}, {"ai", "AY"}, {"ay", "AY"}, {"ei", "AY"}, {"ey", "EY"}, {"au", "AW"},
	{"aw", "AO"}, {"ow", "OW"}, {"oi", "OY"}, {"oy", "OY"}, {"ie", "IY"}, {"ia", "IY AH"}, {"io", "IY OW"}, {"ea", "IY"}, {"eu", "OY"},
	{"er", "ER"}, {"ur", "ER"}, {"ir", "IH R"}, {"ce", "S EH"}, {"ci", "S IY"}, {"cy", "S IY"},
	{"a", "AA"}, {"b", "B"}, {"c", "K"}, {"d", "D"}, {"e", "EH"}, {"f", "F"}, {"g", "G"}, {"h", "HH"}, {"i", "IY"}, {"j", "JH"},
	{"k", "K"}, {"l", "L"}, {"m", "M"}, {"n", "N"}, {"o", "OW"}, {"p", "P"}, {"q", "K"}, {"r", "R"}, {"s", "S"}, {"t", "T"},
	{"u", "UW"}, {"v", "V"}, {"w", "W"}, {"x", "K S"}, {"y", "IY"}, {"z", "Z"},
}

const vowels = "aeiouy"

// Sounds guesses the sounds of a name that no dictionary has, as CMU phones; empty
// for what is not written in Latin letters.
func Sounds(word string) string {
	letters := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) || r == '\'' {
			return -1
		}
		return r
	}, norm.NFD.String(strings.ToLower(word)))
	var phones []string
	for i := 0; i < len(letters); {
		at := slices.IndexFunc(spelled, func(s struct{ letters, phones string }) bool { return strings.HasPrefix(letters[i:], s.letters) })
		if at < 0 {
			return ""
		}
		s := spelled[at]
		last := i+len(s.letters) == len(letters)
		sound := s.phones
		switch {
		case s.letters == "a" && last && len(phones) > 0:
			sound = "AH"
		case s.letters == "h" && last: // Ajmah
			sound = ""
		case s.letters == "e" && last && len(phones) > 2:
			sound = "EY"
		case s.letters == "y" && !last && strings.ContainsRune(vowels, rune(letters[i+1])):
			sound = "Y"
		case len(s.letters) == 1 && i > 0 && letters[i-1] == letters[i] && !strings.ContainsRune(vowels, rune(letters[i])):
			sound = "" // a consonant twice is one
		}
		if sound != "" {
			phones = append(phones, strings.Fields(sound)...)
		}
		i += len(s.letters)
	}
	return strings.Join(phones, " ")
}
