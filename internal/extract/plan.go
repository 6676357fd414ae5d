package extract

import (
	"context"
	"fmt"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
)

// Limits of chunks, and of files without chunks, that a window holds. The first windows
// are smaller, so that there is work soon: each holds twice as much as the one before.
// The last window of a huge file may hold more.
const (
	firstWindow = 4 << 10
	lastWindow  = 32 << 10
	hugeFile    = 128 << 10
)

// A window is a set of files to write. While one window is executed the next is planned.
type window struct {
	files []*written // files that the window completes without a chunk
	uses  []use
	links []linkJob
	left  []*dir             // directories whose subtrees are planned, children first
	order map[*pack.Info]int // the order in which packs were first needed
}

// A use is a chunk that a file needs.
type use struct {
	pack    *pack.Info
	segment uint32
	offset  uint32 // in the plain segment
	length  uint32
	order   int32 // of the pack
	id      chunk.ID
	file    *written
	chunk   int64 // offset in the file's data without holes
}

func newWindow() *window { return &window{order: map[*pack.Info]int{}} }

// reset empties the window. Its memory is reused for the window after the next.
func (w *window) reset() {
	clear(w.files)
	clear(w.uses)
	clear(w.links)
	clear(w.left)
	clear(w.order)
	w.files, w.uses, w.links, w.left = w.files[:0], w.uses[:0], w.links[:0], w.left[:0]
}

// plan adds a file to the window.
func (x *extraction) plan(ctx context.Context, w *written) error {
	if x.DryRun {
		defer func() {
			if !w.failed {
				x.count(w.entry)
			}
		}()
	}
	from, split := len(x.win.uses), false
	replica := "" // the only replica that has some of its chunks
	for c, err := range snapshot.Chunks(ctx, x.Source, w.entry, 0) {
		if err == nil {
			err = x.use(ctx, w, c, &replica)
		}
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			x.win.uses = x.win.uses[:from]
			x.fail(w, err)
			return nil
		}
		if len(x.win.uses)-from > hugeFile {
			if err := x.endWindow(ctx); err != nil {
				return err
			}
			from, split = 0, true
		}
	}
	if replica != "" && x.DryRun { // otherwise reading may fail and report it
		x.notice(w.path(), fmt.Errorf("its content is missing in the repository, and would come from the replica %s", replica))
	}
	if split || w.left == 1 { // nothing or part of it may have been written
		x.win.files = append(x.win.files, w)
	} else {
		w.left--
	}
	if len(x.win.files)+len(x.win.uses) > x.limit {
		return x.endWindow(ctx)
	}
	return nil
}

// use records that a file needs a chunk. If the chunk would come from a replica, use sets
// its name.
func (x *extraction) use(ctx context.Context, w *written, c snapshot.PlacedChunk, replica *string) error {
	p, err := x.Source.Locate(ctx, c.ID)
	if err == nil && x.careful(w) {
		var name string
		if name, err = x.Source.Present(ctx, c.ID); name != "" {
			*replica = name
		}
	}
	if err != nil {
		return err
	}
	order, ok := x.win.order[p.Pack]
	if !ok {
		order = len(x.win.order)
		x.win.order[p.Pack] = order
		if !x.packs[p.Pack.ID] {
			x.packs[p.Pack.ID] = true
			x.Progress.Packs.Add(1)
		}
	}
	w.addPending()
	x.win.uses = append(x.win.uses, use{
		pack: p.Pack, segment: p.Segment, offset: p.Offset, length: p.Length,
		order: int32(order), id: c.ID, file: w, chunk: c.Offset,
	})
	return nil
}

// careful reports whether the packs of a file must be known to exist before the file is
// written: where live data would be replaced or deleted, and where nothing is read that
// would reveal a missing pack.
func (x *extraction) careful(w *written) bool {
	return x.DryRun || x.Delete || w.action == Replace
}

// endWindow starts executing the window when the previous one is done, and begins
// another.
func (x *extraction) endWindow(ctx context.Context) error {
	if err := <-x.ran; err != nil {
		x.ran <- err
		return err
	}
	x.limit = min(2*x.limit, lastWindow)
	w := x.win
	x.win, x.spareWindow = x.spareWindow, w
	go func() { x.ran <- x.run(ctx, w) }()
	return nil
}
