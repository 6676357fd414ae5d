package extract

import (
	"cmp"
	"context"
	"iter"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
)

// run executes a window, and sets the attributes of directories that are complete.
func (x *extraction) run(ctx context.Context, win *window) error {
	defer win.reset()
	if err := x.runUses(ctx, win.uses); err != nil {
		return err
	}
	for _, w := range win.files {
		if x.DryRun {
			break
		}
		if err := x.failed(ctx); err != nil {
			return err
		}
		x.write(w, 0, nil, 1)
	}
	for _, j := range win.links {
		if err := x.failed(ctx); err != nil {
			return err
		}
		x.runLink(j)
	}
	for _, d := range win.left {
		x.finish(d)
	}
	return x.failed(ctx)
}

// finish sets the attributes of a directory.
func (x *extraction) finish(d *dir) {
	if x.DryRun {
		return
	}
	err := x.dirs.use(d, func(out *disk.Out) error {
		var have snapshot.Entry
		_, err := out.Self(&have)
		if err == nil && !x.sameAttributes(d.entry, &have) {
			out.Finish(d.entry, x.Keep, x.reportTo(d.full))
		}
		return err
	})
	if err != nil {
		x.problem(d.path, err)
	}
}

// runUses reads the needed segments, each once, and writes their chunks.
func (x *extraction) runUses(ctx context.Context, uses []use) error {
	slices.SortFunc(uses, func(a, b use) int {
		return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.segment, b.segment),
			cmp.Compare(a.offset, b.offset), cmp.Compare(a.chunk, b.chunk))
	})
	x.Progress.Requests.Add(uint64(x.Source.Requests(segmentsOf(uses))))
	if x.DryRun {
		x.countSegments(uses)
		return nil
	}
	defer x.Source.Prefetch(ctx, segmentsOf(uses))()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(x.Workers)
	for from := 0; from < len(uses) && ctx.Err() == nil; {
		to := endOfSegment(uses, from)
		group := uses[from:to]
		from = to
		g.Go(func() error {
			if err := x.failed(ctx); err != nil {
				return err
			}
			buf := <-x.buffers
			defer func() { x.buffers <- buf }()
			return x.runSegment(ctx, group, buf)
		})
	}
	return g.Wait()
}

// segmentsOf yields the segments of uses, each once.
func segmentsOf(uses []use) iter.Seq2[*pack.Info, int] {
	return func(yield func(*pack.Info, int) bool) {
		for from := 0; from < len(uses); from = endOfSegment(uses, from) {
			if !yield(uses[from].pack, int(uses[from].segment)) {
				return
			}
		}
	}
}

func endOfSegment(uses []use, from int) int {
	to := from + 1
	for to < len(uses) && uses[to].pack == uses[from].pack && uses[to].segment == uses[from].segment {
		to++
	}
	return to
}

func (x *extraction) countSegments(uses []use) {
	for from := 0; from < len(uses); from = endOfSegment(uses, from) {
		x.countSegment(&uses[from])
	}
}

func (x *extraction) countSegment(u *use) {
	if int(u.segment) < len(u.pack.Segments) {
		x.Progress.PackBytes.Add(uint64(u.pack.Segments[u.segment].Stored))
	}
}

// runSegment reads one segment and writes the needed chunks. If the segment can't be
// read, each chunk is read from another place.
func (x *extraction) runSegment(ctx context.Context, uses []use, buf *[]byte) error {
	first := &uses[0]
	x.countSegment(first)
	plain, err := x.Source.Segment(ctx, first.pack, int(first.segment), *buf)
	if err == nil {
		*buf = plain[:0]
	} else if ctx.Err() != nil {
		return ctx.Err()
	}
	for len(uses) > 0 {
		if err := x.failed(ctx); err != nil {
			return err
		}
		u := &uses[0]
		n, data, err := x.together(ctx, plain, uses)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			x.fail(u.file, err)
		default:
			x.write(u.file, u.chunk, data, n)
		}
		uses = uses[n:]
	}
	return nil
}

// together returns the first chunk and the following ones that also follow it in its
// file: workers that write to the same file wait for each other.
func (x *extraction) together(ctx context.Context, plain []byte, uses []use) (n int, data []byte, err error) {
	first := &uses[0]
	if !x.right(plain, first) {
		data, err = x.Source.Chunk(ctx, first.id)
		return 1, data, err
	}
	end, behind := first.offset+first.length, first.chunk+int64(first.length)
	for n = 1; n < len(uses); n++ {
		u := &uses[n]
		if u.file != first.file || u.offset != end || u.chunk != behind || !x.right(plain, u) {
			break
		}
		end, behind = end+u.length, behind+int64(u.length)
	}
	return n, plain[first.offset:end], nil
}

// right reports whether a chunk is in its segment.
func (x *extraction) right(plain []byte, u *use) bool {
	end := int(u.offset) + int(u.length)
	return end <= len(plain) && x.Source.Verify(u.id, plain[u.offset:end]) == nil
}
