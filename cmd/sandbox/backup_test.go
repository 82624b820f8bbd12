package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestBackupGoesOnWhereItStopped: a backup is made while a deployment is built,
// everything that made it is gone, and in an empty directory it goes on to the end
// of it, in the same conversation, with nothing made twice.
func TestBackupGoesOnWhereItStopped(t *testing.T) {
	for _, at := range []string{"phase1-watching", "tofu-applying"} {
		t.Run(at, func(t *testing.T) {
			needTofu(t)
			dir := home(t)
			k := startTalk(t, dir)
			approval := toApproval(k)
			k.press(approval.ID, "approve")
			k.status(at)
			file := filepath.Join(t.TempDir(), "sandbox.backup")
			if out, err := exec.Command(filepath.Join(binaries, "sandbox"), "backup", file, "--data-dir", dir).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			conversation := ""
			for _, e := range k.seen {
				if id, ok := strings.CutPrefix(e.Aggregate, "conversation."); ok {
					conversation = id
				}
			}
			_ = k.cmd.Process.Kill()
			if err := stop(t.Context(), dir); err != nil {
				t.Fatal(err)
			}
			// The runner of an apply outlives the service; it ends without its cloud.
			for late := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
				err := os.RemoveAll(dir)
				if err == nil {
					break
				}
				if time.Now().After(late) {
					t.Fatal(err)
				}
			}
			again := home(t)
			if out, err := exec.Command(filepath.Join(binaries, "sandbox"), "restore", file, "--data-dir", again).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			k = startTalk(t, again, "--conversation", conversation)
			k.status("ready")
			k.finish()
			createdOnce(t, again)
		})
	}
}

// TestRestoreRefuses: what is no good backup, and a directory that is not empty,
// leave everything as it was.
func TestRestoreRefuses(t *testing.T) {
	dir := home(t)
	file := filepath.Join(t.TempDir(), "sandbox.backup")
	if out, err := sandbox(t, dir, "backup", file); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the backup is %v, %v", info, err)
	}
	if _, err := sandbox(t, dir, "backup", file); err == nil {
		t.Error("a backup is written over another")
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	restore := func(raw []byte, into string, args ...string) (string, error) {
		f := filepath.Join(t.TempDir(), "b")
		if err := os.WriteFile(f, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(filepath.Join(binaries, "sandbox"), append([]string{"restore", f, "--data-dir", into}, args...)...).CombinedOutput()
		return string(out), err
	}
	for what, bad := range map[string][]byte{"half": raw[:len(raw)/2], "text": []byte("hello"), "empty": nil} {
		parent := t.TempDir()
		out, err := restore(bad, filepath.Join(parent, "data"))
		if left, _ := os.ReadDir(parent); err == nil || len(left) != 0 || !strings.Contains(out, "no backup") {
			t.Errorf("%s: %v, %v: %s", what, err, left, out)
		}
	}
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := restore(raw, full); err == nil || !strings.Contains(out, "not empty") {
		t.Errorf("a directory that is not empty: %v: %s", err, out)
	}
	parent := t.TempDir()
	if out, err := restore(raw, filepath.Join(parent, "data"), "--max-size", "0.000001"); err == nil {
		t.Errorf("too large: %s", out)
	}
	if left, _ := os.ReadDir(parent); len(left) != 0 {
		t.Errorf("%v is left of what was too large", left)
	}
	if out, err := restore(raw, filepath.Join(parent, "data")); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
