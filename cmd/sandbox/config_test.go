package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The README's table is the one that --help is made from.
func TestReadmeHasTheConfigurationTable(t *testing.T) {
	path := filepath.Join("..", "..", "README.md")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const from, to = "<!-- configuration -->\n", "<!-- /configuration -->"
	before, rest, ok := strings.Cut(string(raw), from)
	_, after, ok2 := strings.Cut(rest, to)
	if !ok || !ok2 {
		t.Fatal("the README has no place for the configuration table")
	}
	want := before + from + configurationTable() + to + after
	if os.Getenv("UPDATE_README") != "" {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != string(raw) {
		t.Error("the README's configuration table is out of date: UPDATE_README=1 go test -run Readme ./cmd/sandbox")
	}
}

func TestPrecedence(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "sandbox.yaml")
	if err := os.WriteFile(file, []byte("speed: 3\nlisten: 127.0.0.1:1\nmodel: openai:file\nout-of-stock: cpx32\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SANDBOX_LISTEN", "127.0.0.1:2")
	t.Setenv("SANDBOX_MODEL", "openai:env")
	c, rest, err := parse("serve", []string{"--config", file, "--model=guide", "--data-dir", dir}, &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	if len(rest) != 0 || c.Speed != 3 || c.Listen != "127.0.0.1:2" || c.Model != "guide" || c.OutOfStock != "cpx32" {
		t.Errorf("got %+v", c)
	}
}

func TestBadUsage(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.yaml")
	if err := os.WriteFile(bad, []byte("speeed: 3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		args []string
		want string
	}{
		{"no command", nil, ""},
		{"unknown command", []string{"provision"}, `no command "provision"`},
		{"unknown flag", []string{"serve", "--sped", "1"}, "sped"},
		{"speed is no number", []string{"serve", "--speed", "fast"}, "not a number"},
		{"speed is negative", []string{"serve", "--speed", "-1"}, "more than 0"},
		{"unknown cloud", []string{"chat", "--cloud", "moon"}, "simulated or hetzner"},
		{"unknown option in the file", []string{"serve", "--config", bad}, `unknown option "speeed"`},
		{"file is missing", []string{"serve", "--config", filepath.Join(dir, "none")}, "cannot be read"},
		{"duration without unit", []string{"apply", "--timeout", "5"}, "90s"},
		{"plan without a file", []string{"plan", "--data-dir", dir}, "one specification file"},
		{"another toolbox", []string{"mcp", "developer", "--data-dir", dir}, "one toolbox"},
		{"chat with words", []string{"chat", "hello", "--data-dir", dir}, "no arguments"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			if code := run(t.Context(), tc.args, stdio{strings.NewReader(""), &out, &errs}); code != 2 {
				t.Errorf("exit code %d, want 2", code)
			}
			if !strings.Contains(errs.String(), tc.want) {
				t.Errorf("stderr is %q, want it to say %q", errs.String(), tc.want)
			}
		})
	}
}
