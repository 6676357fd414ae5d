package extract

import (
	"context"
	"fmt"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
)

// How many chunks, and files without any, are planned before they are read and written.
// The first windows are smaller, so that there is soon something to do: each holds twice
// as much as the one before. A huge file's last window may hold more.
const (
	firstWindow = 4 << 10
	lastWindow  = 32 << 10
	hugeFile    = 128 << 10
)

// A window is files to be written. While one is carried out the next one is planned.
type window struct {
	files []*written // that the window completes, by no chunk of their own
	uses  []use
	links []linkJob
	left  []*dir             // whose subtrees are planned, children first
	order map[*pack.Info]int // in which the packs were first needed
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

// reset empties the window. Its memory serves the next but one.
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
	replica := "" // which alone has some of it
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
	if replica != "" && x.DryRun { // else it may fail, and says so
		x.notice(w.path(), fmt.Errorf("its content is missing in the repository, and would come from the replica %s", replica))
	}
	if split || w.left == 1 { // nothing or part of it may be written by now
		x.win.files = append(x.win.files, w)
	} else {
		w.left--
	}
	if len(x.win.files)+len(x.win.uses) > x.limit {
		return x.endWindow(ctx)
	}
	return nil
}

// use notes that a file needs a chunk, and which replica it would come from.
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
	w.await()
	x.win.uses = append(x.win.uses, use{
		pack: p.Pack, segment: p.Segment, offset: p.Offset, length: p.Length,
		order: int32(order), id: c.ID, file: w, chunk: c.Offset,
	})
	return nil
}

// careful reports whether the packs of a file are to be known to be there before it is
// written: where something that is live would be replaced or deleted, and where nothing
// will be read that would tell.
func (x *extraction) careful(w *written) bool {
	return x.DryRun || x.Delete || w.action == Replace
}

// endWindow has the window carried out when the one before is, and begins another.
func (x *extraction) endWindow(ctx context.Context) error {
	if err := <-x.ran; err != nil {
		x.ran <- err
		return err
	}
	x.limit = min(2*x.limit, lastWindow)
	w := x.win
	x.win, x.spare = x.spare, w
	go func() { x.ran <- x.run(ctx, w) }()
	return nil
}
