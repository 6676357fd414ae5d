package repo

import (
	"context"

	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/target"
)

// A spool holds a pack until it is stored.
type spool interface {
	pack.Spool
	// Commit stores the first size bytes as Put does.
	Commit(ctx context.Context, name string, size int64) error
	Discard() error
}

// newSpool returns a spool on the target where that can stage objects, or else in
// the buffer.
func (r *Repo) newSpool(ctx context.Context, b *pack.Buffer) (spool, error) {
	if stager, ok := target.As[target.Stager](r.target); ok {
		return stager.Stage(ctx)
	}
	b.Reset()
	return memorySpool{b, r.target}, nil
}

// A memorySpool is put when it is committed.
type memorySpool struct {
	*pack.Buffer
	target target.Target
}

// Commit is part of spool.
func (m memorySpool) Commit(ctx context.Context, name string, size int64) error {
	return m.target.Put(ctx, name, m.Buffer, size)
}

// Discard is part of spool.
func (m memorySpool) Discard() error { return nil }
