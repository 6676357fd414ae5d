package repo

import (
	"context"
	"io"
	"iter"
	"path/filepath"
	"sync/atomic"

	"github.com/qsnap/qsnap/internal/cache"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target"
)

// A Cost is what something asks of a target, once the repository is open. A request is
// a call of a method of target.Target; a server may need several exchanges for one.
type Cost struct {
	Requests  uint64 `json:"requests"`
	BytesUp   uint64 `json:"bytes_to_send"`
	BytesDown uint64 `json:"bytes_to_fetch"`
}

// EstimateSnapshot does all that Snapshot does, but stores nothing. It returns the
// manifest that would be stored, which has no id, and what Snapshot would cost if
// nothing changes until then. It reads and compresses what Snapshot would.
func (r *Repo) EstimateSnapshot(ctx context.Context, src Source, o SnapshotOptions) (*snapshot.Manifest, Cost, error) {
	spared := &sparedTarget{t: r.target}
	dry, err := newRepo(spared, r.opts, r.config, r.ring)
	if err != nil {
		return nil, Cost{}, err
	}
	defer dry.Close()
	dry.far, dry.spared = r.far, spared
	if dir, err := r.cacheDir(); err == nil && r.objects != nil {
		dry.objects = cache.Open(filepath.Join(dir, "objects"), 0) // to which nothing is added
	}
	m, err := dry.Snapshot(ctx, src, o)
	return m, spared.cost(), err
}

// estimate counts what publishing would ask of the target (see publication), and
// returns without.
func (t *taking) estimate() error {
	body, err := t.m.Marshal()
	if err != nil {
		return err
	}
	object, err := t.r.box.SealIn(t.session.run, seal.Manifest, body)
	if err != nil {
		return err
	}
	c := t.r.spared
	c.up.Add(2 * uint64(len(object))) // pending and final
	c.requests.Add(4)                 // both, the quarantine, and the removal of the pending one
	if !t.m.Parent.IsZero() {
		c.requests.Add(1) // whether it stands
		c.down.Add(seal.HeaderSize)
	}
	t.session.mu.Lock()
	relied := len(t.session.relied)
	t.session.mu.Unlock()
	if relied > fewPacks || t.resume != nil {
		relied = 1 // a listing tells of all
	}
	c.requests.Add(uint64(relied))
	return nil
}

// A sparedTarget counts what is asked of a target, and passes on only what reads. It
// has no space of its own: what was put isn't there.
type sparedTarget struct {
	t                  target.Target
	requests, up, down atomic.Uint64
}

func (s *sparedTarget) cost() Cost { return Cost{s.requests.Load(), s.up.Load(), s.down.Load()} }

// Put is part of target.Target.
func (s *sparedTarget) Put(ctx context.Context, _ string, _ io.ReaderAt, size int64) error {
	s.requests.Add(1)
	s.up.Add(uint64(size))
	return ctx.Err()
}

// Get is part of target.Target.
func (s *sparedTarget) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	s.requests.Add(1)
	rc, err := s.t.Get(ctx, name, off, n)
	if err != nil {
		return nil, err
	}
	return sparedReader{rc, s}, nil
}

type sparedReader struct {
	io.ReadCloser
	s *sparedTarget
}

// Read is io.Reader.
func (r sparedReader) Read(b []byte) (int, error) {
	n, err := r.ReadCloser.Read(b)
	r.s.down.Add(uint64(n))
	return n, err
}

// Stat is part of target.Target.
func (s *sparedTarget) Stat(ctx context.Context, name string) (target.Info, error) {
	s.requests.Add(1)
	return s.t.Stat(ctx, name)
}

// List is part of target.Target.
func (s *sparedTarget) List(ctx context.Context, prefix string) iter.Seq2[target.Info, error] {
	s.requests.Add(1)
	return s.t.List(ctx, prefix)
}

// Delete is part of target.Target.
func (s *sparedTarget) Delete(ctx context.Context, _ string) error {
	s.requests.Add(1)
	return ctx.Err()
}
