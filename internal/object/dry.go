package object

import (
	"context"
	"io"
	"iter"
	"sync/atomic"

	"github.com/qsnap/qsnap/internal/cache"
	"github.com/qsnap/qsnap/target"
)

// A Meter counts what is asked of a target: calls of its methods, and bytes. Its methods
// are safe for concurrent use.
type Meter struct{ Requests, Up, Down atomic.Uint64 }

// Dry returns the same objects as a store that stores and deletes nothing, and what counts
// what it is asked for. What was put isn't there. The cache is only read.
func (s *Store) Dry() (*Store, *Meter) {
	m := new(Meter)
	dry := On(dryTarget{s.target, m}, Options{})
	dry.remote, dry.dir = s.remote, s.dir
	if s.cache != nil {
		dry.cache = cache.Open(s.cacheDir(), 0, nil)
	}
	return dry, m
}

// A dryTarget counts what is asked of a target, and passes on only what reads. It hides
// what else the target can do.
type dryTarget struct {
	t target.Target
	m *Meter
}

// Put is part of target.Target.
func (d dryTarget) Put(ctx context.Context, _ string, _ io.ReaderAt, size int64) error {
	d.m.Requests.Add(1)
	d.m.Up.Add(uint64(size))
	return ctx.Err()
}

// Get is part of target.Target.
func (d dryTarget) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	d.m.Requests.Add(1)
	rc, err := d.t.Get(ctx, name, off, n)
	if err != nil {
		return nil, err
	}
	return dryReader{rc, d.m}, nil
}

type dryReader struct {
	io.ReadCloser
	m *Meter
}

// Read is io.Reader.
func (r dryReader) Read(b []byte) (int, error) {
	n, err := r.ReadCloser.Read(b)
	r.m.Down.Add(uint64(n))
	return n, err
}

// Stat is part of target.Target.
func (d dryTarget) Stat(ctx context.Context, name string) (target.Info, error) {
	d.m.Requests.Add(1)
	return d.t.Stat(ctx, name)
}

// List is part of target.Target.
func (d dryTarget) List(ctx context.Context, prefix string) iter.Seq2[target.Info, error] {
	d.m.Requests.Add(1)
	return d.t.List(ctx, prefix)
}

// Delete is part of target.Target.
func (d dryTarget) Delete(ctx context.Context, _ string) error {
	d.m.Requests.Add(1)
	return ctx.Err()
}

// ReadOnly returns the same objects, without cache and replicas, as a store whose writes
// fail with an error.
func (s *Store) ReadOnly(why error) *Store {
	out := On(ReadOnly(s.target, why), Options{})
	out.remote, out.dir = s.remote, s.dir
	return out
}

// ReadOnly returns a target as one whose writes fail with an error. It hides what else
// the target can do.
func ReadOnly(t target.Target, why error) target.Target { return readOnly{tellDamage(t), why} }

type readOnly struct {
	of  target.Target
	why error
}

// Put is part of target.Target.
func (t readOnly) Put(context.Context, string, io.ReaderAt, int64) error { return t.why }

// Delete is part of target.Target.
func (t readOnly) Delete(context.Context, string) error { return t.why }

// Get is part of target.Target.
func (t readOnly) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	return t.of.Get(ctx, name, off, n)
}

// Stat is part of target.Target.
func (t readOnly) Stat(ctx context.Context, name string) (target.Info, error) {
	return t.of.Stat(ctx, name)
}

// List is part of target.Target.
func (t readOnly) List(ctx context.Context, prefix string) iter.Seq2[target.Info, error] {
	return t.of.List(ctx, prefix)
}
