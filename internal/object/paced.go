package object

import (
	"context"
	"io"
	"iter"

	"github.com/qsnap/qsnap/internal/pace"
	"github.com/qsnap/qsnap/target"
)

// Paced returns a target that asks p before each operation, and again within long ones. If p
// is nil it returns t.
func Paced(t target.Target, p pace.Pacer) target.Target {
	if p == nil || p == pace.Free || t == nil {
		return t
	}
	return paced{t, p}
}

// Parts of an operation, before each of which a Pacer is asked.
const (
	pacedBytes = 256 << 10
	pacedNames = 256
)

type paced struct {
	target target.Target
	pacer  pace.Pacer
}

// Unwrap returns the target beneath.
func (t paced) Unwrap() target.Target { return t.target }

// Cover paces what is staged.
func (t paced) Cover(want, found any) any {
	if _, ok := want.(*target.Stager); ok {
		return pacedStager{t.pacer, found.(target.Stager)}
	}
	return found
}

// Put is part of target.Target.
func (t paced) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	if err := t.pacer.Pace(ctx); err != nil {
		return err
	}
	return t.target.Put(ctx, name, pacedBody{body, ctx, t.pacer}, size)
}

type pacedBody struct {
	body  io.ReaderAt
	ctx   context.Context // of Put
	pacer pace.Pacer
}

// ReadAt is io.ReaderAt.
func (b pacedBody) ReadAt(p []byte, off int64) (int, error) {
	if err := b.pacer.Pace(b.ctx); err != nil {
		return 0, err
	}
	return b.body.ReadAt(p, off)
}

// Inspect returns the body for reading that does not send it. See target.Inspect.
func (b pacedBody) Inspect() io.ReaderAt {
	return pacedBody{target.Inspect(b.body), b.ctx, b.pacer}
}

// Get is part of target.Target.
func (t paced) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	if err := t.pacer.Pace(ctx); err != nil {
		return nil, err
	}
	r, err := t.target.Get(ctx, name, off, n)
	if err != nil {
		return nil, err
	}
	return &pacedReader{ReadCloser: r, ctx: ctx, pacer: t.pacer}, nil
}

type pacedReader struct {
	io.ReadCloser
	ctx   context.Context // of Get
	pacer pace.Pacer
	read  int // bytes since the pacer was asked
}

// Read is io.Reader.
func (r *pacedReader) Read(p []byte) (int, error) {
	if r.read >= pacedBytes {
		if err := r.pacer.Pace(r.ctx); err != nil {
			return 0, err
		}
		r.read = 0
	}
	n, err := r.ReadCloser.Read(p[:min(len(p), pacedBytes)])
	r.read += n
	return n, err
}

// Stat is part of target.Target.
func (t paced) Stat(ctx context.Context, name string) (target.Info, error) {
	if err := t.pacer.Pace(ctx); err != nil {
		return target.Info{}, err
	}
	return t.target.Stat(ctx, name)
}

// List is part of target.Target.
func (t paced) List(ctx context.Context, prefix string) iter.Seq2[target.Info, error] {
	return func(yield func(target.Info, error) bool) {
		if err := t.pacer.Pace(ctx); err != nil {
			yield(target.Info{}, err)
			return
		}
		listed := 0
		for info, err := range t.target.List(ctx, prefix) {
			if listed++; err == nil && listed%pacedNames == 0 {
				err = t.pacer.Pace(ctx)
			}
			if !yield(info, err) || err != nil {
				return
			}
		}
	}
}

// Delete is part of target.Target.
func (t paced) Delete(ctx context.Context, name string) error {
	if err := t.pacer.Pace(ctx); err != nil {
		return err
	}
	return t.target.Delete(ctx, name)
}

type pacedStager struct {
	pacer   pace.Pacer
	beneath target.Stager
}

// Stage is part of target.Stager.
func (s pacedStager) Stage(ctx context.Context) (target.Staged, error) {
	if err := s.pacer.Pace(ctx); err != nil {
		return nil, err
	}
	staged, err := s.beneath.Stage(ctx)
	if err != nil {
		return nil, err
	}
	return pacedStaged{staged, ctx, s.pacer}, nil
}

type pacedStaged struct {
	target.Staged
	ctx   context.Context // of Stage
	pacer pace.Pacer
}

// WriteAt is io.WriterAt.
func (s pacedStaged) WriteAt(p []byte, off int64) (int, error) {
	if err := s.pacer.Pace(s.ctx); err != nil {
		return 0, err
	}
	return s.Staged.WriteAt(p, off)
}

// ReadAt is io.ReaderAt.
func (s pacedStaged) ReadAt(p []byte, off int64) (int, error) {
	if err := s.pacer.Pace(s.ctx); err != nil {
		return 0, err
	}
	return s.Staged.ReadAt(p, off)
}

// Commit is part of target.Staged.
func (s pacedStaged) Commit(ctx context.Context, name string, size int64) error {
	if err := s.pacer.Pace(ctx); err != nil {
		return err
	}
	return s.Staged.Commit(ctx, name, size)
}
