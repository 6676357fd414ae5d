//go:build !unix

package hook

import "os/exec"

// ownGroup does nothing: there are no groups.
func ownGroup(*exec.Cmd) {}

// ask does nothing: a process can only be killed.
func ask(*exec.Cmd) {}

// kill ends a process.
func kill(cmd *exec.Cmd) { _ = cmd.Process.Kill() }
