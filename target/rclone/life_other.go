//go:build !linux

package rclone

import "os/exec"

// bindLife does nothing: only Linux can end a command with the process that runs it.
func bindLife(*exec.Cmd) {}
