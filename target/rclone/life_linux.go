package rclone

import (
	"os/exec"
	"syscall"
)

// bindLife makes the system end a command when this process ends, in whatever way.
func bindLife(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
