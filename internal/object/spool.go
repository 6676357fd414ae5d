package object

import (
	"context"

	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/target"
)

// A Spool holds an object, mostly a pack, until it is stored.
type Spool interface {
	pack.Spool
	// Commit stores the first size bytes under a name. If the name is taken, the error is
	// fs.ErrExist.
	Commit(ctx context.Context, name string, size int64) error
	// Discard releases the spool, before or after Commit.
	Discard() error
}

// Spool returns a spool on the target if the target can stage objects, or else one in the
// buffer.
func (s *Store) Spool(ctx context.Context, b *pack.Buffer) (Spool, error) {
	if stager, ok := target.As[target.Stager](s.target); ok {
		return stager.Stage(ctx)
	}
	b.Reset()
	return memorySpool{b, s.target}, nil
}

// A memorySpool is a buffer whose bytes Commit puts on the target.
type memorySpool struct {
	*pack.Buffer
	target target.Target
}

// Commit is part of Spool.
func (m memorySpool) Commit(ctx context.Context, name string, size int64) error {
	return m.target.Put(ctx, name, m.Buffer, size)
}

// Discard is part of Spool.
func (m memorySpool) Discard() error { return nil }
