package skill

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"sigs.k8s.io/yaml"

	"github.com/openova-io/sandbox/conversation/fault"
)

// front is a pack's front matter.
type front struct {
	Name       string      `json:"name"`
	Title      string      `json:"title"`
	Version    string      `json:"version"`
	Industries []string    `json:"industries"`
	Apps       []AppReason `json:"apps"`
	Regimes    []Regime    `json:"regimes"`
	Notes      []note      `json:"notes"`
	Questions  []string    `json:"questions"`
}

// note is a statement with where it is from.
type note struct {
	Text   string `json:"text"`
	Source string `json:"source"`
	Date   string `json:"date"`
}

var (
	slug    = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	version = regexp.MustCompile(`^\d+\.\d+\.\d+$`)
	// yamlLine finds the line in what the YAML parser says.
	yamlLine = regexp.MustCompile(`line (\d+): ([^\n]*)`)
	// unknownKey finds the key that strict decoding refused.
	unknownKey = regexp.MustCompile(`unknown field "([^"]+)"`)
	// wrongType finds the field whose value is of another type.
	wrongType = regexp.MustCompile(`Go (?:struct field|value of type) (?:front\.)?([a-zA-Z.]+)`)
)

// Parse reads one pack; file is its name for messages. Faults: [fault.Invalid]
// with the file's name and the line.
func Parse(file string, raw []byte) (Pack, error) {
	if !utf8.Valid(raw) || bytes.IndexByte(raw, 0) >= 0 {
		return Pack{}, invalid(file, firstBadLine(raw), "is not UTF-8 text")
	}
	raw = bytes.ReplaceAll(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")), []byte("\r\n"), []byte("\n"))
	matter, text, err := split(file, string(raw))
	if err != nil {
		return Pack{}, err
	}
	var f front
	if err := yaml.UnmarshalStrict([]byte(matter), &f); err != nil {
		return Pack{}, notYAML(file, matter, err)
	}
	if err := f.check(file, matter); err != nil {
		return Pack{}, err
	}
	if strings.TrimSpace(text) == "" {
		return Pack{}, invalid(file, strings.Count(matter, "\n")+3, "has no text below the front matter; say there what a model should know")
	}
	p := Pack{
		Name: f.Name, Title: f.Title, Version: f.Version,
		Industries: f.Industries, Apps: f.Apps, Regimes: f.Regimes,
		Notes: []string{}, Questions: f.Questions, Text: strings.TrimSpace(text) + "\n",
	}
	for _, n := range f.Notes {
		p.Notes = append(p.Notes, fmt.Sprintf("%s (%s, %s)", strings.TrimSpace(n.Text), strings.TrimSpace(n.Source), n.Date))
	}
	return p, nil
}

// split parts the front matter from the text.
func split(file, raw string) (matter, text string, err error) {
	rest, ok := strings.CutPrefix(raw, "---\n")
	if !ok {
		return "", "", invalid(file, 1, "does not begin with front matter; its first line must be ---")
	}
	if matter, text, ok = strings.Cut(rest, "\n---\n"); !ok {
		if matter, ok = strings.CutSuffix(rest, "\n---"); !ok {
			return "", "", invalid(file, strings.Count(raw, "\n")+1, "ends within its front matter; close it with a line of ---")
		}
	}
	return matter, text, nil
}

// check applies the rules that YAML cannot.
func (f front) check(file, matter string) error {
	at := func(key string) int { return keyLine(matter, key, 0) }
	switch {
	case !slug.MatchString(f.Name):
		return invalid(file, at("name"), "needs a name of lower-case letters, digits and dashes")
	case strings.TrimSpace(f.Title) == "":
		return invalid(file, at("title"), "needs a title")
	case !version.MatchString(f.Version):
		return invalid(file, at("version"), "needs a version such as 1.0.0")
	case len(f.Industries) == 0:
		return invalid(file, at("industries"), "needs at least one industry")
	}
	for _, industry := range f.Industries {
		if !slug.MatchString(industry) {
			return invalid(file, at("industries"), "names the industry %q; use the catalogue's slug", cut(industry, 80))
		}
	}
	seen := map[string]bool{}
	for i, a := range f.Apps {
		line := keyLine(matter, "slug", i)
		if !slug.MatchString(a.Slug) || strings.TrimSpace(a.Why) == "" {
			return invalid(file, line, "needs a slug and a reason for app %d", i+1)
		}
		if seen[a.Slug] {
			return invalid(file, line, "names the app %s twice", a.Slug)
		}
		seen[a.Slug] = true
	}
	for i, r := range f.Regimes {
		if strings.TrimSpace(r.Name) == "" || !strings.HasSuffix(strings.TrimSpace(r.Ask), "?") {
			return invalid(file, keyLine(matter, "ask", i), "needs a name and a question (ask, ending in ?) for regime %d", i+1)
		}
	}
	for i, n := range f.Notes {
		line := keyLine(matter, "text", i)
		if strings.TrimSpace(n.Text) == "" || strings.TrimSpace(n.Source) == "" {
			return invalid(file, line, "makes a claim without a source in note %d; name the source or leave the note out", i+1)
		}
		if _, err := time.Parse(time.DateOnly, n.Date); err != nil {
			return invalid(file, line, "makes a claim without a dated source in note %d; give the source's date as \"2006-01-02\"", i+1)
		}
	}
	for i, q := range f.Questions {
		if !strings.HasSuffix(strings.TrimSpace(q), "?") {
			return invalid(file, at("questions"), "has a question that asks nothing: number %d does not end in ?", i+1)
		}
	}
	return nil
}

// keyLine is the line in the file of the n-th (from 0) occurrence of a key in
// the front matter; 1 when it is not there.
func keyLine(matter, key string, n int) int {
	found := regexp.MustCompile(`(?m)(?:^|[\s{,-])`+regexp.QuoteMeta(key)+`:`).FindAllStringIndex(matter, -1)
	if n >= len(found) {
		return 1
	}
	// One line for the opening ---, and the match may begin at the line break.
	return strings.Count(matter[:found[n][1]], "\n") + 2
}

// notYAML turns what the parser says into a fault with the file's line.
func notYAML(file, matter string, err error) error {
	said := err.Error()
	if m := yamlLine.FindStringSubmatch(said); m != nil {
		line, _ := strconv.Atoi(m[1])
		return invalid(file, line+1, "has front matter that cannot be read: %s", cut(m[2], 160))
	}
	if m := unknownKey.FindStringSubmatch(said); m != nil {
		return invalid(file, keyLine(matter, m[1][strings.LastIndexByte(m[1], '.')+1:], 0), "has the unknown key %q in its front matter", cut(m[1], 80))
	}
	if m := wrongType.FindStringSubmatch(said); m != nil {
		return invalid(file, keyLine(matter, m[1][strings.LastIndexByte(m[1], '.')+1:], 0), "has a value of the wrong type for %q", cut(m[1], 80))
	}
	return fault.Wrap(err, fault.Invalid, "the skill pack %s, line 2: has front matter that cannot be read as YAML", file)
}

// firstBadLine is the line of the first byte that is no text.
func firstBadLine(raw []byte) int {
	line := 1
	for len(raw) > 0 {
		r, n := utf8.DecodeRune(raw)
		if r == 0 || r == utf8.RuneError && n == 1 {
			return line
		}
		if r == '\n' {
			line++
		}
		raw = raw[n:]
	}
	return line
}

// invalid is a fault about one line of one file.
func invalid(file string, line int, format string, args ...any) error {
	return fault.New(fault.Invalid, "the skill pack %s, line %d: %s", file, line, fmt.Sprintf(format, args...)).
		At(fmt.Sprintf("%s:%d", file, line))
}
