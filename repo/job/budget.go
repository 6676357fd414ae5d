package job

import (
	"os/exec"

	"github.com/qsnap/qsnap/repo/report"
)

// A budget holds what the run takes of the machine within the profile's limits.
type budget interface {
	// Prepare gives a hook the limits and the priority back that the run has given up.
	Prepare(*exec.Cmd)
	// Stop ends the budget, and says what the run took.
	Stop() report.RunCost
}

// govern begins to hold the profile's limits. It returns nil if there are none.
func (x *running) govern() (budget, error) { return nil, nil }
