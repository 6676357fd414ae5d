package repo

import (
	"context"

	"github.com/qsnap/qsnap/internal/transfer"
	"github.com/qsnap/qsnap/snapshot"
)

// CopyOptions say how snapshots are copied. The zero value is useful.
type CopyOptions struct {
	Compression Compression // of what isn't moved unchanged
	Workers     int         // 0 is as many as processors

	// Progress is called now and then, and once for each snapshot that was or could not
	// be copied, by one goroutine at a time.
	Progress func(CopyProgress)
}

// PhaseCopy is the only phase of Copy. Its unit is UnitSnapshots.
const PhaseCopy Phase = transfer.PhaseCopying

// CopyProgress is how far copying has come. Its Total is the snapshots that are to be
// copied, without those that are there already.
type CopyProgress struct {
	Progress
	Report   CopyReport // so far
	Finished bool       // this is the last call

	Current *snapshot.Manifest // the one being copied, or nil
	Copy    *snapshot.Manifest // what it is in the other repository, once it is there
	Problem error              // why it could not be copied
}

// A CopyReport counts what was copied.
type CopyReport struct {
	Copied      int64 `json:"snapshots_copied"`
	Skipped     int64 `json:"snapshots_skipped"` // those that were there already
	Failed      int64 `json:"snapshots_failed"`
	BytesRead   int64 `json:"bytes_read"`  // of packs that were moved, and of chunks and trees
	PacksMoved  int64 `json:"packs_moved"` // unchanged
	BytesMoved  int64 `json:"bytes_moved"`
	Blobs       int64 `json:"blobs_repacked"`      // chunks and trees that were packed again
	BlobBytes   int64 `json:"blob_bytes_repacked"` // of these, before compression
	BytesStored int64 `json:"bytes_stored"`        // in all, moved or packed again
}

// Copy copies snapshots to another repository, the oldest first. Those that it has
// already, by their own id or as the Original of another, are skipped. So to copy all
// snapshots repeatedly copies what is new. Everything is checked against its id as it is
// read. Nobody has to wait, and both repositories may be pruned meanwhile.
//
// To a twin (see Maintenance.MakeTwin) packs are moved unchanged, and snapshots keep their
// ids, unless a name was used there before. A pack is moved whole, and may hold more than
// the snapshots need, which Prune removes. To any other repository chunks are packed
// again under that one's ids, and trees are translated. A copy there names the
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
// is ErrNotCopied, after all others were, and names a file and what of it is lost. The
// report is valid with any error.
func (r *Repo) Copy(ctx context.Context, to *Repo, snapshots []*snapshot.Manifest, o CopyOptions) (CopyReport, error) {
	room := transfer.Options{Compression: o.Compression, Workers: o.Workers}
	if o.Progress != nil {
		room.Progress = func(p transfer.Progress) {
			o.Progress(CopyProgress{progressOf(p.Progress), CopyReport(p.Report), p.Finished, p.Current, p.Copy, p.Problem})
		}
	}
	report, err := transfer.Copy(ctx, r.e, to.e, snapshots, room)
	return CopyReport(report), err
}
