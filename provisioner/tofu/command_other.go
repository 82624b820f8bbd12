//go:build !linux

package tofu

import (
	"os/exec"
	"syscall"
)

// dieWithParent puts the command into its own group; this system cannot tie its
// life to the service's.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}
