package repo

import (
	"context"

	"github.com/qsnap/qsnap/target"
)

// Twin makes a twin of the repository on an empty target: one with the same id and
// keys, to which Copy moves packs and snapshots just as they are. It has no
// snapshots yet, and all secrets that open this repository open it, too. On a target
// that has the twin already it completes what was interrupted, and adds the key
// slots that were made since, so that the twin follows a rotation. A target that
// holds another repository is fs.ErrExist.
func (r *Repo) Twin(ctx context.Context, t target.Target) error {
	return makeTwin(ctx, r.e, t)
}
