package extract

import (
	"context"

	"github.com/qsnap/qsnap/snapshot"
)

// rehearse examines everything that an extraction will do, before it deletes anything
// first: every pack that it needs must exist. If anything would fail, nothing is deleted
// first, and the extraction itself reports the failure. It returns how much space
// deletion may free.
func (x *extraction) rehearse(ctx context.Context) (freed Most, err error) {
	if !x.DeleteFirst || !x.Delete || x.Bare {
		return Most{}, nil
	}
	o := x.Options
	o.DryRun, o.DeleteFirst, o.IgnoreRoom, o.Progress = true, false, true, new(Progress)
	o.Confirm, o.Spared, o.Problem, o.Leftover, o.Notice = nil, nil, nil, nil, nil
	o.Action = func(a Action, _ string, e *snapshot.Entry) {
		if a != Delete {
			return
		}
		freed.Inodes++
		if e.Type == snapshot.File {
			freed.Bytes += uint64(max(e.Size, 0))
		}
	}
	if err := Run(ctx, o); err != nil {
		return Most{}, err
	}
	if x.DeleteFirst = o.Progress.Problems.Load() == 0; !x.DeleteFirst {
		return Most{}, nil
	}
	return freed, nil
}
