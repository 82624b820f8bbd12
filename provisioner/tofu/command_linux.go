package tofu

import (
	"os/exec"
	"syscall"
)

// dieWithParent keeps a short command from outliving the service.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
