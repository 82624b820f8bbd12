package conversation

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/openova-io/sandbox/conversation/fault"
)

//go:embed data
var files embed.FS

// texts are what the service itself says, by language and name.
type texts map[string]map[string]string

// loadTexts reads data/texts/<language>.json and data/instructions/<language>.md.
func loadTexts() (texts, error) {
	t := texts{}
	names, err := fs.Glob(files, "data/texts/*.json")
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the texts are not there")
	}
	for _, name := range names {
		var m map[string]string
		if err := readJSON(name, &m); err != nil {
			return nil, err
		}
		language := strings.TrimSuffix(path.Base(name), ".json")
		if raw, err := files.ReadFile("data/instructions/" + language + ".md"); err == nil {
			m["instructions"] = string(raw)
		}
		t[language] = m
	}
	if t["en"]["instructions"] == "" {
		return nil, fault.New(fault.Internal, "the English texts are not complete")
	}
	return t, nil
}

// say gives a text with its %s filled in. A language that lacks it says it in
// English.
func (t texts) say(language, name string, args ...any) string {
	text, ok := t[base(language)][name]
	if !ok {
		text = t["en"][name]
	}
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

// base gives the language of a tag: "en" of "en-GB".
func base(tag string) string {
	language, _, _ := strings.Cut(strings.ToLower(tag), "-")
	return language
}

func readJSON(name string, into any) error {
	raw, err := files.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	return fault.Wrap(err, fault.Internal, "the embedded file %s cannot be read", name)
}
