package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openova-io/sandbox/conversation/vault"
)

// holder builds the program as it is shipped: static, without cgo.
func holder(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sandbox-holder")
	build := exec.Command("go", "build", "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

func TestHolder(t *testing.T) {
	t.Parallel()
	program := holder(t)
	v, err := vault.Open(t.TempDir(), vault.Options{})
	if err != nil {
		t.Fatal(err)
	}
	wrapped, err := v.WrapKey(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(t.TempDir(), "key.wrapped")
	if err := os.WriteFile(key, wrapped, 0o600); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name string
		args []string
		code int
		says string
	}{
		{"version", []string{"version"}, 0, "sandbox-holder "},
		{"no command", nil, 2, "usage: sandbox-holder run|shell|inside|limited|forward|key|version"},
		{"an unknown command", []string{"apply"}, 2, "usage: sandbox-holder run|shell|inside|limited|forward|key|version"},
		{"run without a folder", []string{"run"}, 2, "usage: sandbox-holder run"},
		{"run without an order", []string{"run", t.TempDir()}, 1, "no readable order"},
		{"shell without a folder", []string{"shell"}, 2, "usage: sandbox-holder shell"},
		{"shell without an order", []string{"shell", t.TempDir()}, 1, "no readable order"},
		{"key", []string{"key", "--wrapped", key, "--master-key-file", v.MasterKeyFile()}, 0, `{"magic":"OpenTofu-External-Key-Provider","version":1}`},
		{"key without a file", []string{"key"}, 1, "--wrapped names no file"},
		{"key with the wrong master key", []string{"key", "--wrapped", key, "--master-key-file", key}, 1, "sandbox-holder key: "},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(program, c.args...)
			cmd.Stdin = strings.NewReader("null")
			out, _ := cmd.CombinedOutput()
			if code := cmd.ProcessState.ExitCode(); code != c.code || !strings.Contains(string(out), c.says) {
				t.Errorf("exit %d, said %q", code, out)
			}
		})
	}
}
