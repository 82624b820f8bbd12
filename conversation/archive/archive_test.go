package archive_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openova-io/sandbox/conversation/archive"
	"github.com/openova-io/sandbox/conversation/fault"
)

const plenty = 1 << 30

// made gives an archive of a small vault.
func made(t testing.TB) []byte {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{"secrets/a.age": "ciphertext", "master.key": strings.Repeat("key", 1000), "empty": "", "lock": "skipped"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w, err := archive.NewWriter(&b, archive.Head{Version: "test", MasterKey: true})
	if err == nil {
		err = w.Add("vault", dir, func(rel string, _ fs.DirEntry) bool { return rel == "lock" })
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// entry is one entry of a crafted archive.
type entry struct {
	name, content, link string
	kind                byte
}

// craft makes an archive whose list at the end is right, whatever is in it.
func craft(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	gz := gzip.NewWriter(&b)
	w := tar.NewWriter(gz)
	put := func(h *tar.Header, content string) {
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	put(&tar.Header{Name: "sandbox-backup.json", Typeflag: tar.TypeReg, Size: 12}, `{"format":1}`)
	type sum struct {
		Path   string `json:"path"`
		Size   int64  `json:"size"`
		SHA256 string `json:"sha256"`
	}
	sums := []sum{}
	for _, e := range entries {
		if e.kind == 0 {
			e.kind = tar.TypeReg
		}
		put(&tar.Header{Name: e.name, Linkname: e.link, Typeflag: e.kind, Size: int64(len(e.content)), Mode: 0o600}, e.content)
		h := sha256.Sum256([]byte(e.content))
		sums = append(sums, sum{e.name, int64(len(e.content)), hex.EncodeToString(h[:])})
	}
	raw, _ := json.Marshal(sums)
	put(&tar.Header{Name: "sandbox-backup.sums", Typeflag: tar.TypeReg, Size: int64(len(raw))}, string(raw))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := gz.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// refused fails the test unless the archive is refused and nothing was written,
// neither into the folder nor beside it.
func refused(t *testing.T, what string, raw []byte, code fault.Code) {
	t.Helper()
	parent := t.TempDir()
	dir := filepath.Join(parent, "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := archive.Extract(bytes.NewReader(raw), plenty, dir); fault.CodeOf(err) != code {
		t.Errorf("%s: %v", what, err)
	}
	n := 0
	_ = filepath.WalkDir(parent, func(string, fs.DirEntry, error) error { n++; return nil })
	if n != 2 {
		t.Errorf("%s: %d things were written", what, n-2)
	}
}

func TestExtract(t *testing.T) {
	dir := t.TempDir()
	h, err := archive.Extract(bytes.NewReader(made(t)), plenty, dir)
	if err != nil || h.Version != "test" || !h.MasterKey {
		t.Fatal(h, err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "vault/secrets/a.age"))
	if err != nil || string(raw) != "ciphertext" {
		t.Errorf("%q, %v", raw, err)
	}
	for _, name := range []string{"vault/lock", "vault/link"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			t.Errorf("%s is there", name)
		}
	}
}

func TestHostileArchives(t *testing.T) {
	ok := entry{name: "vault/a", content: "a"}
	for what, e := range map[string]entry{
		"out of the folder":       {name: "vault/../../evil", content: "x"},
		"absolute":                {name: "/vault/evil", content: "x"},
		"dots":                    {name: "..", content: "x"},
		"another folder":          {name: "bin/evil", content: "x"},
		"beside the folders":      {name: "evil", content: "x"},
		"a folder for a file":     {name: "port/evil", content: "x"},
		"backslashes":             {name: `vault\..\..\evil`, content: "x"},
		"a link":                  {name: "vault/link", kind: tar.TypeSymlink, link: "/etc"},
		"a hard link":             {name: "vault/link", kind: tar.TypeLink, link: "/etc/passwd"},
		"a device":                {name: "vault/dev", kind: tar.TypeChar},
		"a pipe":                  {name: "vault/pipe", kind: tar.TypeFifo},
		"a folder":                {name: "vault/folder/", kind: tar.TypeDir},
		"a path that is not tidy": {name: "vault//a", content: "x"},
		"the same file again":     ok,
		"a very long path":        {name: "vault/" + strings.Repeat("a", 2000), content: "x"},
	} {
		refused(t, what, craft(t, ok, e), fault.Invalid)
	}
	good := craft(t, ok, entry{name: "port", content: "8080"}, entry{name: "recordings/a.wav", content: "x"})
	if _, _, err := archive.Check(bytes.NewReader(good), plenty); err != nil {
		t.Fatal(err)
	}
	refused(t, "another program's", func() []byte {
		var b bytes.Buffer
		gz := gzip.NewWriter(&b)
		w := tar.NewWriter(gz)
		_ = w.WriteHeader(&tar.Header{Name: "vault/a", Typeflag: tar.TypeReg})
		_, _ = w.Close(), gz.Close()
		return b.Bytes()
	}(), fault.Invalid)
	refused(t, "empty", nil, fault.Invalid)
	refused(t, "text", []byte("hello"), fault.Invalid)
	large := craft(t, ok, entry{name: "vault/b", content: strings.Repeat("b", 1<<20)})
	if _, err := archive.Extract(bytes.NewReader(large), 1<<20, t.TempDir()); fault.CodeOf(err) != fault.Limited {
		t.Errorf("too large: %v", err)
	}
}

// TestDamagedArchives: cut off anywhere, or with any byte changed, it is refused.
func TestDamagedArchives(t *testing.T) {
	raw := made(t)
	for n := range len(raw) {
		if _, _, err := archive.Check(bytes.NewReader(raw[:n]), plenty); fault.CodeOf(err) != fault.Invalid {
			t.Fatalf("cut after %d of %d bytes: %v", n, len(raw), err)
		}
	}
	refused(t, "half of it", raw[:len(raw)/2], fault.Invalid)
	changed := 0
	for n := 10; n < len(raw); n++ { // the first ten are gzip's own, such as its time
		other := bytes.Clone(raw)
		other[n] ^= 0x40
		// Compression can say the same in two ways; then nothing was changed.
		if _, _, err := archive.Check(bytes.NewReader(other), plenty); err == nil && !bytes.Equal(unpacked(t, other), unpacked(t, raw)) {
			t.Errorf("byte %d can be changed", n)
		}
		changed++
	}
	if changed < 300 {
		t.Errorf("only %d bytes", changed)
	}
}

func unpacked(t *testing.T, raw []byte) []byte {
	t.Helper()
	gz, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(gz)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func FuzzCheck(f *testing.F) {
	f.Add(made(f))
	f.Add(craft(f, entry{name: "vault/a", content: "a"}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if _, _, err := archive.Check(bytes.NewReader(raw), 1<<20); err != nil && fault.CodeOf(err) != fault.Invalid && fault.CodeOf(err) != fault.Limited {
			t.Errorf("%v", err)
		}
	})
}
