package rclone

import (
	"os/exec"
	"syscall"
)

// bindLife ends a command with this process, however that ends.
func bindLife(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
