package hetzner

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

//go:embed *.tf *.tftpl *.sh tests/*.tftest.hcl
var files embed.FS

// Files is the module as a workdir holds it: the configuration and its
// templates, in one flat folder, without the tests.
func Files() fs.FS { return moduleFS{files} }

// TestFiles is the module with its tests (tests/*.tftest.hcl), for tofu test.
func TestFiles() fs.FS { return files }

// Digest is the SHA-256 over the names and contents of [Files], in hex. Two
// workdirs of the same digest plan the same.
func Digest() string {
	h := sha256.New()
	names, err := fs.Glob(Files(), "*")
	if err != nil {
		panic(err) // the pattern is constant
	}
	for _, name := range names { // Glob sorts
		b, err := fs.ReadFile(Files(), name)
		if err != nil {
			panic(err) // embedded at build time
		}
		fmt.Fprintf(h, "%s %d\n", name, len(b))
		h.Write(b)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// moduleFS hides the tests.
type moduleFS struct{ embed.FS }

func hidden(name string) bool {
	return name == "tests" || strings.HasPrefix(name, "tests/") || path.Ext(name) == ".go"
}

func (m moduleFS) Open(name string) (fs.File, error) {
	if hidden(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return m.FS.Open(name)
}

func (m moduleFS) ReadFile(name string) ([]byte, error) {
	if hidden(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return m.FS.ReadFile(name)
}

func (m moduleFS) ReadDir(name string) ([]fs.DirEntry, error) {
	if hidden(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	all, err := m.FS.ReadDir(name)
	kept := all[:0:0]
	for _, e := range all {
		if !hidden(path.Join(name, e.Name())) {
			kept = append(kept, e)
		}
	}
	return kept, err
}
