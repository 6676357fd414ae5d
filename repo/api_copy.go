package repo

import (
	"context"

	"github.com/qsnap/qsnap/snapshot"
)

// Copy copies snapshots to another repository, the oldest first. Those that it has
// already, by their own id or as the Original of another, are skipped; so to copy
// all of them again and again copies what is new. Everything is checked against its
// id as it is read. Nobody has to wait, and both repositories may be pruned
// meanwhile.
//
// To a twin (see Twin) packs are moved as they are, and snapshots keep their ids,
// unless a name was used there before. A pack is moved whole, and may hold more than
// the snapshots need, which Prune removes. To any other repository chunks are packed
// anew under that one's ids, and trees are translated. A copy there names the
// snapshot that it was made from as its Original, and continues the chain of its
// source's snapshots. This takes about 100 bytes of memory for each chunk of a
// snapshot of which no older version was copied.
//
// Chunks stay cut as they are. Snapshots that the other repository takes itself have
// chunks in common with copied ones where it cuts files alike: all, if it was made
// Like this one (see InitOptions), else those of files that are small enough for both to
// keep whole.
//
// Tags are copied as they are now, pins aren't. What an interrupted copy has stored
// is used by the next. A snapshot that can't be read whole is not copied: the error
// is ErrNotCopied, after all others were, and names a file and what of it is lost.
func (r *Repo) Copy(ctx context.Context, to *Repo, snapshots []*snapshot.Manifest, o CopyOptions) (CopyReport, error) {
	return copySnapshots(ctx, r.e, to.e, snapshots, o)
}
