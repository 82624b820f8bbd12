package main_test

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// sandbox runs a command of the binary on a data directory and gives its output.
func sandbox(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	args = append(args, "--data-dir", dir, "--listen", "127.0.0.1:0", "--log-level", "warn")
	out, err := exec.CommandContext(t.Context(), filepath.Join(binaries, "sandbox"), args...).Output()
	return string(out), err
}

func TestKeysCommand(t *testing.T) {
	dir := home(t)
	type key struct {
		KID                    string
		VerifiesUntil, Revoked time.Time
	}
	list := func() (keys []key) {
		t.Helper()
		out, err := sandbox(t, dir, "keys", "list", "--json")
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(out), &keys); err != nil {
			t.Fatal(err)
		}
		return keys
	}
	before := list()
	out, err := sandbox(t, dir, "keys", "rotate")
	if err != nil {
		t.Fatal(err)
	}
	after := list()
	if len(before) != 1 || len(after) != 2 || after[0].VerifiesUntil.IsZero() || !strings.Contains(out, after[1].KID) {
		t.Errorf("rotated %v into %v: %s", before, after, out)
	}
	if _, err := sandbox(t, dir, "keys", "revoke", "no-such-key"); err == nil {
		t.Error("a key that is not there is revoked")
	}
	if _, err := sandbox(t, dir, "keys", "revoke", before[0].KID); err != nil {
		t.Error(err)
	}
	if out, _ := sandbox(t, dir, "keys", "list"); !strings.Contains(out, "revoked") || !strings.Contains(out, "signs") {
		t.Errorf("the list is\n%s", out)
	}
	if _, err := sandbox(t, dir, "keys"); err == nil {
		t.Error("no verb is no fault")
	}
}
