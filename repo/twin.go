package repo

import (
	"context"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/transfer"
	"github.com/qsnap/qsnap/target"
)

// MakeTwin makes a twin of the repository on an empty target: one with the same id and
// keys, to which Copy moves packs and snapshots unchanged. It has no snapshots yet, and
// all secrets that open this repository open it, too. On a target that has the twin
// already it completes what was interrupted, and adds the key slots that were made since,
// so that the twin follows a rotation. A target that holds another repository is
// fs.ErrExist.
func (m *Maintenance) MakeTwin(ctx context.Context, t target.Target) error {
	return transfer.MakeTwin(ctx, m.e, object.Paced(t, m.e.Pace))
}
