package target

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"sync/atomic"
)

// A Meter counts the requests to the target that it wraps. Put it next to the target,
// beneath other wrappers, to count what really reaches the target. It is safe for
// concurrent use.
type Meter struct {
	t Target

	puts, gets, stats, lists, deletes, stages, spaces, others atomic.Uint64

	listed, retries, errors atomic.Uint64
	up, down                atomic.Uint64
}

// Counts are what a Meter has counted. A request is a call of a method: a back end may
// need several exchanges for one.
type Counts struct {
	Puts    uint64 // including commits of staged objects
	Gets    uint64
	Stats   uint64
	Lists   uint64
	Deletes uint64
	Stages  uint64
	Spaces  uint64
	Others  uint64 // about locks, hidden objects, and whether Put is create-only

	Listed  uint64 // names that lists yielded
	Retries uint64 // requests that a Retry above the Meter repeated; also in the counts above
	Errors  uint64 // requests that failed, except with fs.ErrExist or fs.ErrNotExist

	// BytesUp are the bytes read from bodies, once each for a Put, and the bytes written to
	// staged objects. BytesDown are the bytes that were read.
	BytesUp, BytesDown uint64
}

// NewMeter returns a Meter around a target.
func NewMeter(t Target) *Meter { return &Meter{t: t} }

// Unwrap returns the target beneath.
func (m *Meter) Unwrap() Target { return m.t }

// Cover makes the Meter count staged objects and optional calls.
func (m *Meter) Cover(want, found any) any {
	switch want.(type) {
	case *Stager:
		return meteredStager{m, found.(Stager)}
	case *SpaceReporter, *CreateOnlyReporter, *Locker, *VersionRestorer:
		return capability{m.ask, found}
	}
	return found
}

// Counts returns what has been counted so far.
func (m *Meter) Counts() Counts {
	return Counts{
		Puts: m.puts.Load(), Gets: m.gets.Load(), Stats: m.stats.Load(), Lists: m.lists.Load(),
		Deletes: m.deletes.Load(), Stages: m.stages.Load(), Spaces: m.spaces.Load(), Others: m.others.Load(),
		Listed: m.listed.Load(), Retries: m.retries.Load(), Errors: m.errors.Load(),
		BytesUp: m.up.Load(), BytesDown: m.down.Load(),
	}
}

// Requests returns the number of requests of all methods.
func (c Counts) Requests() uint64 {
	return c.Puts + c.Gets + c.Stats + c.Lists + c.Deletes + c.Stages + c.Spaces + c.Others
}

// Since returns what was counted after an earlier count.
func (c Counts) Since(earlier Counts) Counts {
	return Counts{
		Puts: c.Puts - earlier.Puts, Gets: c.Gets - earlier.Gets, Stats: c.Stats - earlier.Stats,
		Lists: c.Lists - earlier.Lists, Deletes: c.Deletes - earlier.Deletes, Stages: c.Stages - earlier.Stages,
		Spaces: c.Spaces - earlier.Spaces, Others: c.Others - earlier.Others, Listed: c.Listed - earlier.Listed, Retries: c.Retries - earlier.Retries,
		Errors: c.Errors - earlier.Errors, BytesUp: c.BytesUp - earlier.BytesUp, BytesDown: c.BytesDown - earlier.BytesDown,
	}
}

// begin counts a request.
func (m *Meter) begin(ctx context.Context, method *atomic.Uint64) {
	method.Add(1)
	if isRepeat(ctx) {
		m.retries.Add(1)
	}
}

// end counts how a request ended, and returns err.
func (m *Meter) end(err error) error {
	if err != nil && !errors.Is(err, fs.ErrExist) && !errors.Is(err, fs.ErrNotExist) {
		m.errors.Add(1)
	}
	return err
}

// Put implements Target.
func (m *Meter) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	m.begin(ctx, &m.puts)
	return m.end(m.t.Put(ctx, name, &meteredBody{ReaderAt: body, m: m}, size))
}

// A meteredBody counts its bytes up to the highest offset read: a target that hashes a
// body first reads it twice.
type meteredBody struct {
	io.ReaderAt
	m    *Meter
	read atomic.Int64
}

// ReadAt implements io.ReaderAt.
func (b *meteredBody) ReadAt(p []byte, off int64) (int, error) {
	n, err := b.ReaderAt.ReadAt(p, off)
	end := off + int64(n)
	for {
		read := b.read.Load()
		if end <= read {
			return n, err
		}
		if b.read.CompareAndSwap(read, end) {
			b.m.up.Add(uint64(end - read))
			return n, err
		}
	}
}

// Inspect returns the body for reads that are not counted.
func (b *meteredBody) Inspect() io.ReaderAt { return Inspect(b.ReaderAt) }

// Get implements Target.
func (m *Meter) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	m.begin(ctx, &m.gets)
	r, err := m.t.Get(ctx, name, off, n)
	if err != nil {
		return nil, m.end(err)
	}
	return &meteredReader{r, m, false}, nil
}

type meteredReader struct {
	io.ReadCloser
	m      *Meter
	failed bool
}

func (r *meteredReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.m.down.Add(uint64(n))
	if err != nil && err != io.EOF && !r.failed {
		r.failed = true
		return n, r.m.end(err)
	}
	return n, err
}

// Stat implements Target.
func (m *Meter) Stat(ctx context.Context, name string) (Info, error) {
	m.begin(ctx, &m.stats)
	info, err := m.t.Stat(ctx, name)
	return info, m.end(err)
}

// List implements Target.
func (m *Meter) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		m.begin(ctx, &m.lists)
		for info, err := range m.t.List(ctx, prefix) {
			if err == nil {
				m.listed.Add(1)
			}
			if !yield(info, m.end(err)) {
				return
			}
		}
	}
}

// Delete implements Target.
func (m *Meter) Delete(ctx context.Context, name string) error {
	m.begin(ctx, &m.deletes)
	return m.end(m.t.Delete(ctx, name))
}

// ask counts an optional call.
func (m *Meter) ask(ctx context.Context, method, _ string, f func(context.Context) error) error {
	counter := &m.others
	if method == askSpace {
		counter = &m.spaces
	}
	m.begin(ctx, counter)
	return m.end(f(ctx))
}

type meteredStager struct {
	m       *Meter
	beneath Stager
}

func (s meteredStager) Stage(ctx context.Context) (Staged, error) {
	s.m.begin(ctx, &s.m.stages)
	staged, err := s.beneath.Stage(ctx)
	if err != nil {
		return nil, s.m.end(err)
	}
	return meteredStaged{staged, s.m}, nil
}

type meteredStaged struct {
	Staged
	m *Meter
}

func (s meteredStaged) WriteAt(p []byte, off int64) (int, error) {
	n, err := s.Staged.WriteAt(p, off)
	s.m.up.Add(uint64(n))
	return n, s.m.end(err)
}

func (s meteredStaged) ReadAt(p []byte, off int64) (int, error) {
	n, err := s.Staged.ReadAt(p, off)
	s.m.down.Add(uint64(n))
	if err == io.EOF {
		return n, err
	}
	return n, s.m.end(err)
}

func (s meteredStaged) Commit(ctx context.Context, name string, size int64) error {
	s.m.begin(ctx, &s.m.puts)
	return s.m.end(s.Staged.Commit(ctx, name, size))
}
