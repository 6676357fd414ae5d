package repo

import (
	"context"

	"github.com/qsnap/qsnap/target"
)

// Heal mends a repository and its replica from each other. What is damaged or missing
// on the replica gets there again. What is damaged or missing here gets here under new
// names: chunks and trees in new packs, by way of an ordinary run, and snapshots as
// Undelete brings them back. For a name here is used once: somebody who was about to
// delete a pack, and was taken for dead, may still do so, when nobody remembers it; what
// lies under its old name again would be relied on, and be lost.
//
// Others may use the repository meanwhile. If something can't be mended, the report
// comes with an error that matches ErrDamaged.
func (r *Repo) Heal(ctx context.Context, to target.Target, o HealOptions) (*HealReport, error) {
	return heal(ctx, r.e, to, o)
}
