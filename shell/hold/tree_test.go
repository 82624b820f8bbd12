package hold_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/openova-io/sandbox/shell/hold"
)

// TestSweepMissesNobody: a process that becomes another program all the time, and
// shows no environment while it does, is found all the same.
func TestSweepMissesNobody(t *testing.T) {
	script := filepath.Join(t.TempDir(), "again")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nexec \"$0\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for range 50 {
		cmd := exec.Command(script)
		cmd.Env = append(os.Environ(), hold.EnvSession+"="+t.Name())
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		n := hold.Sweep(t.Name())
		if n != 1 {
			_ = cmd.Process.Kill()
			t.Errorf("%d processes were ended", n)
		}
		_ = cmd.Wait()
	}
}
