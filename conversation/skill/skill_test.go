package skill_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/skill"
)

// good is a pack that keeps all rules; tests break one at a time.
const good = `---
name: clinic
title: Clinic
version: 2.1.0
industries: [healthcare]
apps:
  - slug: nextcloud
    why: Files.
regimes:
  - name: GDPR
    ask: Are you in the Union?
notes:
  - text: A fact.
    source: A law
    date: "2020-02-29"
questions: ["How many?"]
---
# Clinic

Be kind.
`

func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func load(t *testing.T, dir string) *skill.Packs {
	t.Helper()
	packs, err := skill.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return packs
}

func TestBuiltInPacks(t *testing.T) {
	packs := load(t, "").List()
	var names []string
	dated := regexp.MustCompile(`\(.+, \d{4}-\d{2}-\d{2}\)$`)
	claims := regexp.MustCompile(`(?i)\b(is|are|makes you|fully|guarantee[sd]?) (gdpr|hipaa|dora|pci|iso|soc)?[- ]?complian`)
	for _, p := range packs {
		names = append(names, p.Name)
		if len(p.Apps) < 3 || len(p.Regimes) == 0 || len(p.Questions) == 0 || len(p.Text) < 200 {
			t.Errorf("%s is too thin: %+v", p.Name, p)
		}
		for _, n := range p.Notes {
			if !dated.MatchString(n) {
				t.Errorf("%s: the note %q has no dated source", p.Name, n)
			}
		}
		if claims.MatchString(p.Text) {
			t.Errorf("%s promises compliance", p.Name)
		}
		if strings.Contains(p.Text, "---\n") {
			t.Errorf("%s: the front matter is in the text", p.Name)
		}
	}
	if got := strings.Join(names, " "); got != "education finance healthcare retail-ecommerce" {
		t.Errorf("the packs are %s", got)
	}
}

func TestGet(t *testing.T) {
	packs := load(t, "")
	for ask, want := range map[string]string{"healthcare": "healthcare", " Finance ": "finance", "retail": "retail-ecommerce"} {
		if p, err := packs.Get(ask); err != nil || p.Name != want {
			t.Errorf("Get(%q) = %s, %v; want %s", ask, p.Name, err, want)
		}
	}
	_, err := packs.Get("space")
	if fault.CodeOf(err) != fault.NotFound {
		t.Fatalf("Get of an unknown pack: %v", err)
	}
	for _, name := range []string{"education", "finance", "healthcare", "retail-ecommerce"} {
		if !strings.Contains(fault.From(err).Text(), name) {
			t.Errorf("%q does not name %s", fault.From(err).Text(), name)
		}
	}
}

func TestWhatIsGivenBelongsToTheCaller(t *testing.T) {
	packs := load(t, "")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			p, _ := packs.Get("finance")
			p.Apps[0].Slug, p.Notes[0], p.Questions[0] = "x", "x", "x"
			packs.List()[0].Regimes[0].Name = "x"
		})
	}
	wg.Wait()
	if p, _ := packs.Get("finance"); p.Apps[0].Slug == "x" || p.Notes[0] == "x" || p.Questions[0] == "x" {
		t.Error("a caller changed the pack")
	}
}

func TestOverride(t *testing.T) {
	mine := strings.Replace(good, "name: clinic", "name: healthcare", 1)
	packs := load(t, folder(t, map[string]string{
		"clinic.md": strings.ReplaceAll(good, "\n", "\r\n"), "mine.md": mine, "README.txt": "not a pack", ".hidden.md": "nor this",
	}))
	if n := len(packs.List()); n != 5 {
		t.Errorf("%d packs, want the 4 built-in ones and the new one", n)
	}
	p, err := packs.Get("healthcare")
	if err != nil || p.Version != "2.1.0" || p.Notes[0] != "A fact. (A law, 2020-02-29)" || p.Text != "# Clinic\n\nBe kind.\n" {
		t.Errorf("the override gave %+v, %v", p, err)
	}
}

func TestBrokenOverrides(t *testing.T) {
	swap := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%q is not in the good pack", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	for name, c := range map[string]struct{ text, at string }{
		"empty":             {"", "p.md:1"},
		"no front matter":   {"# Hello\n", "p.md:1"},
		"never closed":      {"---\nname: a\ntitle: b\n", "p.md:4"},
		"no text":           {swap("# Clinic\n\nBe kind.\n", "  \n"), "p.md:17"},
		"bad YAML":          {swap("title: Clinic", "title: [Clinic"), "p.md:3"},
		"tab":               {swap("    why: Files.", "\twhy: Files."), "p.md:8"},
		"unknown key":       {swap("regimes:", "regime:"), "p.md:9"},
		"unknown inner key": {swap("why: Files.", "because: Files."), "p.md:8"},
		"wrong type":        {swap("industries: [healthcare]", "industries: healthcare"), "p.md:5"},
		"twice the key":     {swap("title: Clinic", "title: Clinic\ntitle: Other"), "p.md:4"},
		"bad name":          {swap("name: clinic", "name: The Clinic"), "p.md:2"},
		"no title":          {swap("title: Clinic", `title: " "`), "p.md:3"},
		"bad version":       {swap("version: 2.1.0", "version: newest"), "p.md:4"},
		"no industry":       {swap("[healthcare]", "[]"), "p.md:5"},
		"app without why":   {swap("why: Files.", `why: ""`), "p.md:7"},
		"regime, no ask":    {swap("Are you in the Union?", "You are compliant."), "p.md:11"},
		"no source":         {swap("source: A law", `source: ""`), "p.md:13"},
		"no date":           {swap(`date: "2020-02-29"`, `date: ""`), "p.md:13"},
		"impossible date":   {swap("2020-02-29", "2021-02-29"), "p.md:13"},
		"no question":       {swap("How many?", "Tell me."), "p.md:16"},
		"binary":            {swap("Be kind.", "\xff\x00"), "p.md:20"},
		"too large":         {good + strings.Repeat("x", 65<<10), "p.md:1"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := skill.Load(folder(t, map[string]string{"p.md": c.text}))
			f := fault.From(err)
			if f == nil || f.Code != fault.Invalid {
				t.Fatalf("Load: %v", err)
			}
			file, _, _ := strings.Cut(c.at, ":")
			if !strings.Contains(f.Message, file+", line ") || f.Path != c.at {
				t.Errorf("%q is at %s, want %s", f.Message, f.Path, c.at)
			}
		})
	}
}

func TestUnreadableOverrides(t *testing.T) {
	outside := folder(t, map[string]string{"secret.md": good})
	linked := t.TempDir()
	if err := os.Symlink(filepath.Join(outside, "secret.md"), filepath.Join(linked, "p.md")); err != nil {
		t.Fatal(err)
	}
	sub := t.TempDir()
	if err := os.Mkdir(filepath.Join(sub, "p.md"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, dir := range map[string]string{
		"missing": filepath.Join(t.TempDir(), "none"), "a link out of the folder": linked, "a folder as a file": sub,
		"two of one name": folder(t, map[string]string{"a.md": good, "b.md": good}),
	} {
		if _, err := skill.Load(dir); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		} else if strings.Contains(fault.From(err).Text(), dir) {
			t.Errorf("%s: the message names the machine's path: %s", name, fault.From(err).Text())
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte("---\n---\n"))
	f.Add([]byte("---\nname: &a [*a]\n---\nx"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := skill.Parse("p.md", raw)
		if err != nil {
			if fault.CodeOf(err) != fault.Invalid || !strings.HasPrefix(fault.From(err).Message, "the skill pack p.md, line ") {
				t.Fatalf("a fault without file and line: %v", err)
			}
			return
		}
		if p.Name == "" || p.Title == "" || p.Text == "" || len(p.Industries) == 0 {
			t.Fatalf("an incomplete pack passed: %+v", p)
		}
	})
}
