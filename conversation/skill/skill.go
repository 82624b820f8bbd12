package skill

import (
	"embed"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/openova-io/sandbox/conversation/fault"
)

//go:embed data/*.md
var builtIn embed.FS

// Pack is what the concierge knows of one industry.
type Pack struct {
	// Name is the pack's slug: lower-case letters, digits and dashes.
	Name string `json:"name"`
	// Title is the name as a person reads it.
	Title string `json:"title"`
	// Version is a semantic version of the pack's content, e.g. "1.0.0".
	Version string `json:"version"`
	// Industries are slugs of the catalogue's industries that the pack is for.
	Industries []string `json:"industries"`
	// Apps are the Applications to suggest, most useful first.
	Apps []AppReason `json:"apps"`
	// Regimes are the compliance regimes to ask about.
	Regimes []Regime `json:"regimes"`
	// Notes are facts about law and data residency, each ending with its source
	// and the source's date in brackets.
	Notes []string `json:"notes"`
	// Questions are what to ask, in this order.
	Questions []string `json:"questions"`
	// Text is the Markdown below the front matter.
	Text string `json:"text"`
}

// AppReason is an Application with the reason to suggest it.
type AppReason struct {
	// Slug is the Application's slug in the catalogue.
	Slug string `json:"slug"`
	// Why is one sentence for the person.
	Why string `json:"why"`
}

// Regime is a compliance regime that may concern the person.
type Regime struct {
	// Name is the regime's name as in the specification's orgCompliance.
	Name string `json:"name"`
	// Ask is the question that finds out whether it concerns them.
	Ask string `json:"ask"`
}

// Packs are all packs that were loaded.
type Packs struct {
	names  []string // sorted
	byName map[string]Pack
}

// Load reads the built-in packs and then the *.md files directly in dir, which
// replace the pack of the same name or add one. An empty dir means the built-in
// packs only. Faults: [fault.Invalid] for a folder or file that cannot be read
// or a pack that breaks a rule, with the file's name and the line; two files of
// dir with one name are refused too.
func Load(dir string) (*Packs, error) {
	p := &Packs{byName: map[string]Pack{}}
	data, err := fs.Sub(builtIn, "data")
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the built-in skill packs are missing")
	}
	if err := p.read(data); err != nil {
		return nil, err
	}
	if dir != "" {
		// Opened as a root: a link in the folder cannot lead out of it.
		root, err := os.OpenRoot(dir)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "the folder of skill packs cannot be read; give one that exists and is readable, or none")
		}
		defer root.Close()
		if err := p.read(root.FS()); err != nil {
			return nil, err
		}
	}
	for name := range p.byName {
		p.names = append(p.names, name)
	}
	slices.Sort(p.names)
	return p, nil
}

// maxFile is the largest pack in bytes; a model has to read it.
const maxFile = 64 << 10

// read takes in every *.md file of one folder.
func (p *Packs) read(folder fs.FS) error {
	entries, err := fs.ReadDir(folder, ".")
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "the folder of skill packs cannot be listed; check its permissions")
	}
	from := map[string]string{}
	for _, e := range entries {
		if path.Ext(e.Name()) != ".md" || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		info, err := fs.Stat(folder, e.Name())
		if err != nil {
			return unreadable(err, e.Name())
		}
		if !info.Mode().IsRegular() {
			return invalid(e.Name(), 1, "is not a file; a pack is a regular file")
		}
		if info.Size() > maxFile {
			return invalid(e.Name(), 1, "is larger than %d bytes; shorten it", maxFile)
		}
		raw, err := fs.ReadFile(folder, e.Name())
		if err != nil {
			return unreadable(err, e.Name())
		}
		pack, err := Parse(e.Name(), raw)
		if err != nil {
			return err
		}
		if other, twice := from[pack.Name]; twice {
			return invalid(e.Name(), 1, "has the name %q, which %s has already; give each pack its own", pack.Name, other)
		}
		from[pack.Name] = e.Name()
		p.byName[pack.Name] = pack
	}
	return nil
}

func unreadable(err error, file string) error {
	return fault.Wrap(err, fault.Invalid, "the skill pack %s, line 1: cannot be read; check that it is there and its permissions", file)
}

// List gives all packs in the order of their names.
func (p *Packs) List() []Pack {
	packs := make([]Pack, 0, len(p.names))
	for _, name := range p.names {
		packs = append(packs, p.byName[name].clone())
	}
	return packs
}

// Get gives one pack by its name, or by an industry that exactly one pack is
// for. Faults: [fault.NotFound], which names the packs that exist.
func (p *Packs) Get(name string) (Pack, error) {
	name = strings.ToLower(strings.TrimSpace(name))
	if pack, ok := p.byName[name]; ok {
		return pack.clone(), nil
	}
	var found []string
	for _, n := range p.names {
		if slices.Contains(p.byName[n].Industries, name) {
			found = append(found, n)
		}
	}
	if len(found) == 1 {
		return p.byName[found[0]].clone(), nil
	}
	return Pack{}, fault.New(fault.NotFound, "there is no skill pack %q", cut(name, 80)).
		At("name").Do("The packs are: %s.", strings.Join(p.names, ", "))
}

func (p Pack) clone() Pack {
	p.Industries = slices.Clone(p.Industries)
	p.Apps = slices.Clone(p.Apps)
	p.Regimes = slices.Clone(p.Regimes)
	p.Notes = slices.Clone(p.Notes)
	p.Questions = slices.Clone(p.Questions)
	return p
}

// cut shortens text to n runes.
func cut(text string, n int) string {
	if r := []rune(text); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return text
}
