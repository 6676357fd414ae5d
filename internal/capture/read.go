package capture

import (
	"context"
	"errors"
	"io"
	"io/fs"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/internal/source"
	"github.com/qsnap/qsnap/snapshot"
)

// work does jobs until there are none left.
func (c *capture) work(ctx context.Context) error {
	writer := c.Sink.ChunkWriter()
	w := &worker{c: c, ctx: ctx, writer: writer}
	for j := range c.jobs {
		if err := ctx.Err(); err != nil {
			return err
		}
		if j.piece != nil {
			if err := c.putPiece(ctx, j.piece, writer); err != nil {
				return err
			}
			continue
		}
		for _, f := range j.files {
			if err := w.file(f); err != nil {
				return err
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return writer.Flush(ctx)
}

// readAlone reads a file of any size in the calling goroutine.
func (c *capture) readAlone(ctx context.Context, j fileJob) error {
	w := &worker{c: c, ctx: ctx, writer: c.Sink.ChunkWriter()}
	if err := w.file(j); err != nil {
		return err
	}
	return w.writer.Flush(ctx)
}

// A worker reads files that are not large.
type worker struct {
	c      *capture
	ctx    context.Context
	writer ChunkWriter
	buf    []byte // for files of several chunks
	part   []byte // for reads of unsized files

	entry, after snapshot.Entry // of the file being read
	data         dataReader
}

// file reads a file, a second time if it changes meanwhile. It returns only errors of the
// sink and of the context. Other errors are the file's problem.
func (w *worker) file(j fileJob) error {
	if err := w.c.Pace.Pace(w.ctx); err != nil {
		return err
	}
	e := &w.entry
	*e = *j.entry()
	var problem error
	for try := range 2 {
		var fatal error
		problem, fatal = w.read(j, e)
		if fatal != nil {
			return fatal
		}
		if try > 0 || !errors.Is(problem, errChanged) {
			break
		}
	}
	*j.entry() = *e
	return w.c.endFile(w.ctx, j, problem)
}

// read reads a file into an entry and sets the entry's fields.
func (w *worker) read(j fileJob, e *snapshot.Entry) (problem, fatal error) {
	f, meta, err := j.block.node.dir.Open(e.Name, e)
	if err != nil {
		return err, nil
	}
	defer func() { f.Close() }() // f may be replaced below
	w.c.identify(j.block.node, e, meta)
	if p := j.block.node.volume; p.unsizedFile(f, meta, e) {
		u := w.unsized(f, p)
		f = u
		return w.readUnsized(j, u, e)
	}
	data := &w.data
	if err := describeFile(f, meta, e, data); err != nil {
		return err, nil
	}
	before := *e
	defer w.c.dropSmall(f, j.cold)
	if e.DataSize() <= int64(w.c.Params.Whole) {
		problem, fatal = w.whole(data, e)
	} else {
		problem, fatal = w.chunks(j, data, e)
	}
	if problem != nil || fatal != nil {
		return problem, fatal
	}
	return stable(f, &before, e, &w.after), nil
}

// describeFile sets the attributes and holes of a file, and prepares data to read it.
func describeFile(f source.File, meta disk.Meta, e *snapshot.Entry, data *dataReader) (err error) {
	if e.Xattrs, err = f.Xattrs(); err != nil {
		return err
	}
	e.Holes = nil
	if meta.Allocated < e.Size {
		if e.Holes, err = f.Holes(e.Size); err != nil {
			return err
		}
	}
	*data = dataReader{f: f, holes: e.Holes, size: e.Size}
	return data.start()
}

// whole stores the file's data as one chunk.
func (w *worker) whole(data *dataReader, e *snapshot.Entry) (problem, fatal error) {
	want := int(e.DataSize())
	room := w.writer.Reserve(want)
	n, err := io.ReadFull(data, room)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		e.Size -= int64(want - n) // the file became shorter, which stable will detect
		cutHoles(e)
		err = nil
	}
	if err != nil {
		return err, nil
	}
	w.c.Progress.BytesRead.Add(uint64(n))
	e.Content = nil
	if n > 0 {
		id, err := w.writer.Put(w.ctx, room[:n])
		if err != nil {
			return nil, err
		}
		e.Content = []snapshot.Chunk{{ID: id, Length: uint32(n)}}
	}
	return nil, nil
}

// chunks cuts the file's data into chunks and stores them.
func (w *worker) chunks(j fileJob, data *dataReader, e *snapshot.Entry) (problem, fatal error) {
	content := w.c.contentWriter(w.ctx)
	want := e.DataSize()
	if w.buf == nil {
		w.buf = make([]byte, w.c.Params.Max+windowBytes)
	}
	first := w.c.newCutChain(w.ctx, j.before())
	before := rest{cutChain: first}
	for ends := false; !ends; {
		if err := w.c.Pace.Pace(w.ctx); err != nil {
			return nil, err
		}
		s, err := w.c.readWindow(data, w.buf, first)
		if err != nil {
			return err, nil
		}
		var found cuts
		found, before = s.cutBehind(w.ctx, before)
		if err := putChunks(w.ctx, w.writer, s.buf, found, content.Add); err != nil {
			return nil, err
		}
		ends = s.ends
	}
	e.Size -= want - data.read
	cutHoles(e)
	return nil, content.Finish(e)
}

func (c *capture) contentWriter(ctx context.Context) *snapshot.ContentWriter {
	return snapshot.NewContentWriter(func(page []byte) (chunk.ID, error) { return c.Sink.PutTree(ctx, page) })
}

// putChunks stores chunks of buf.
func putChunks(ctx context.Context, writer ChunkWriter, buf []byte, found cuts, add func(snapshot.Chunk) error) error {
	from := found.start
	for _, e := range found.ends {
		var err error
		if e.id.IsZero() {
			e.id, err = writer.Put(ctx, buf[from:e.at])
		} else {
			err = writer.PutNamed(ctx, e.id, buf[from:e.at])
		}
		if err != nil {
			return err
		}
		if err := add(snapshot.Chunk{ID: e.id, Length: uint32(e.at - from)}); err != nil {
			return err
		}
		from = e.at
	}
	return nil
}

// stable returns errChanged if the file has changed since before its data was read. The
// entry then keeps the earlier time, so that the next snapshot reads the file again.
// after receives the file's current state.
func stable(f source.File, before, e, after *snapshot.Entry) error {
	*after = snapshot.Entry{}
	if _, err := f.Stat(after); err != nil {
		return err
	}
	if after.Size != before.Size || after.MTime != before.MTime || after.CTime != before.CTime || e.Size != before.Size {
		return errChanged
	}
	return nil
}

// vanished is the problem of an entry that is dropped before it gets into a tree.
const vanished = "vanished"

// endFile stores the result in the entry. A file that changed is kept as it was read.
func (c *capture) endFile(ctx context.Context, j fileJob, problem error) error {
	e := j.entry()
	if problem != nil {
		if errors.Is(problem, errChanged) {
			c.problem(j.path(), problem)
		} else {
			c.unreadFile(j, problem)
			e.Problem = source.Reason(problem)
			e.Content, e.List, e.Holes = nil, chunk.ID{}, nil
		}
		if errors.Is(problem, fs.ErrNotExist) {
			e.Problem = vanished
		}
	}
	before := j.before()
	c.count(e, before, before != nil && snapshot.SameContent(before, e) && snapshot.SameAttributes(before, e))
	if j.links != nil {
		if err := j.links.finish(ctx, c, e); err != nil {
			return err
		}
	}
	return c.finishOne(ctx, j.block)
}

// count counts an entry that is not a directory.
func (c *capture) count(e, before *snapshot.Entry, same bool) {
	p := c.Progress
	if e.Type != snapshot.File {
		p.Others.Add(1)
		return
	}
	p.Files.Add(1)
	p.Bytes.Add(uint64(e.Size))
	switch {
	case same:
		p.SameFiles.Add(1)
	case before == nil || before.Type != snapshot.File:
		p.NewFiles.Add(1)
	default:
		p.ChangedFiles.Add(1)
	}
}

// cutHoles cuts the holes off at the file's end.
func cutHoles(e *snapshot.Entry) {
	for i, h := range e.Holes {
		if h.Offset+h.Length > e.Size {
			e.Holes = e.Holes[:i]
			if h.Offset < e.Size {
				e.Holes = append(e.Holes[:i:i], snapshot.Hole{Offset: h.Offset, Length: e.Size - h.Offset})
			}
			return
		}
	}
}
