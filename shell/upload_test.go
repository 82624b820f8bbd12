package shell_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/shell"
	"github.com/openova-io/sandbox/shell/hold"
)

// TestUpload puts files into a walled session, which reads them; nothing gets outside
// of its home, whatever the session has put there.
func TestUpload(t *testing.T) {
	t.Parallel()
	r := newRig(t, hold.Bwrap)
	s, err := r.Create(t.Context(), ann, shell.CreateOptions{Command: []string{"/bin/bash", "--norc", "-c", "cat; sleep 600"}})
	if err != nil {
		t.Fatal(err)
	}
	put := func(name, content string) string {
		t.Helper()
		path, size, err := r.Upload(ann, s.ID, "", name, strings.NewReader(content))
		if err != nil || size != int64(len(content)) {
			t.Fatalf("%d bytes, %v", size, err)
		}
		return path
	}
	folder := filepath.Join(r.options.Dir, s.ID, "home")
	for name, want := range map[string]string{
		"screen shot (1).png": "screen-shot-1-.png", "../../../etc/passwd": "passwd", `C:\temp\a.txt`: "a.txt", ".bashrc": "bashrc",
		"; rm -rf ~": "rm-rf", "مخطط.pdf": "مخطط.pdf", "": "file", "\x1b[31m": "31m",
	} {
		path := put(name, "content of "+name)
		if path != "/home/sandbox/uploads/"+want {
			t.Errorf("%q is at %q", name, path)
		}
		if raw, err := os.ReadFile(filepath.Join(folder, "uploads", want)); err != nil || string(raw) != "content of "+name {
			t.Errorf("%q has %q, %v", name, raw, err)
		}
	}
	if path := put("a.txt", "another"); path != "/home/sandbox/uploads/a-2.txt" {
		t.Errorf("the second of a name is at %q", path)
	}
	if _, _, err := r.Upload(ann, s.ID, "", "large", bytes.NewReader(make([]byte, shell.MaxUpload+1))); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("too large a file: %v", err)
	}
	if _, err := os.Stat(filepath.Join(folder, "uploads", "large")); !os.IsNotExist(err) {
		t.Errorf("half of a file stays: %v", err)
	}
	if _, _, err := r.Upload(bob, s.ID, "", "x", strings.NewReader("x")); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("a colleague: %v", err)
	}
	watch, _, err := r.Invite(t.Context(), ann, s.ID, hold.Observer)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Upload(bob, s.ID, watch, "x", strings.NewReader("x")); fault.CodeOf(err) != fault.Denied {
		t.Errorf("an observer: %v", err)
	}
	// A folder that the session has turned into a way out leads nowhere.
	outside := t.TempDir()
	if err := os.RemoveAll(filepath.Join(folder, "uploads")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(folder, "uploads")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Upload(ann, s.ID, "", "x", strings.NewReader("x")); err == nil {
		t.Error("a link out of the home was followed")
	}
	if entries, err := os.ReadDir(outside); err != nil || len(entries) != 0 {
		t.Errorf("something is outside: %v, %v", entries, err)
	}
}
