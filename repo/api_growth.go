package repo

import "context"

// Growth returns what the snapshots that are picked mean for the size of the
// repository, the oldest first. New and Only regard all snapshots, those that aren't
// picked too.
//
// It reads each page of a tree at most twice, however many snapshots share it, and no
// data. It takes about 40 bytes of memory for each chunk and page. A manifest or
// page that can't be read is an error, as is a chunk that is in no pack that is
// known: there is no exact answer then.
func (r *Repo) Growth(ctx context.Context, s Select) ([]Growth, error) {
	return growthOf(ctx, r.e, s)
}
