package object

import (
	"context"
	"io"
	"iter"
	"sync/atomic"

	"github.com/qsnap/qsnap/internal/cache"
	"github.com/qsnap/qsnap/target"
)

// A Meter counts the calls of a target's methods, and the bytes that they move. It is safe
// for concurrent use.
type Meter struct{ Requests, Up, Down atomic.Uint64 }

// Dry returns a store of the same objects that stores and deletes nothing, and the meter that
// counts what the store would ask of the target. An object that was put can't be read. The
// cache is only read.
func (s *Store) Dry() (*Store, *Meter) {
	m := new(Meter)
	dry := On(dryTarget{s.target, m}, Options{})
	dry.remote, dry.dir, dry.replicas = s.remote, s.dir, s.replicas
	if s.cache != nil {
		dry.cache = cache.Open(s.cacheDir(), 0, nil)
	}
	return dry, m
}

// A dryTarget counts all calls and passes on only those that read. It hides the optional
// interfaces of the target.
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

// ReadOnly returns a store of the same objects, without cache and replicas. Its writes fail
// with the error why.
func (s *Store) ReadOnly(why error) *Store {
	out := On(ReadOnly(s.target, why), Options{})
	out.remote, out.dir = s.remote, s.dir
	return out
}

// ReadOnly returns a target whose writes fail with the error why. It hides the optional
// interfaces of t.
func ReadOnly(t target.Target, why error) target.Target { return readOnly{classifyDamage(t), why} }

type readOnly struct {
	target target.Target
	why    error
}

// Put is part of target.Target.
func (t readOnly) Put(context.Context, string, io.ReaderAt, int64) error { return t.why }

// Delete is part of target.Target.
func (t readOnly) Delete(context.Context, string) error { return t.why }

// Get is part of target.Target.
func (t readOnly) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	return t.target.Get(ctx, name, off, n)
}

// Stat is part of target.Target.
func (t readOnly) Stat(ctx context.Context, name string) (target.Info, error) {
	return t.target.Stat(ctx, name)
}

// List is part of target.Target.
func (t readOnly) List(ctx context.Context, prefix string) iter.Seq2[target.Info, error] {
	return t.target.List(ctx, prefix)
}
