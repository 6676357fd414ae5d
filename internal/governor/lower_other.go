//go:build !linux && !windows

package governor

import (
	"fmt"
	"os/exec"

	"golang.org/x/sys/unix"
)

type lowered struct{}

const lowestNice = 19

// lower sets the priority of the process. Only root could raise it again for others.
func (l *Lowered) lower(Lowering) {
	if err := unix.Setpriority(unix.PRIO_PROCESS, 0, lowestNice); err != nil {
		l.Remarks = append(l.Remarks, fmt.Sprintf("the priority is as it was: %v", err))
	}
	var core unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_CORE, &core) == nil {
		core.Cur = 0
		_ = unix.Setrlimit(unix.RLIMIT_CORE, &core)
	}
}

// Start starts a command, which has the low priority of this process.
func (l *Lowered) Start(cmd *exec.Cmd) error { return cmd.Start() }
