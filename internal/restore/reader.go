package restore

import (
	"bytes"
	"context"
	"fmt"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/view"
	"github.com/qsnap/qsnap/snapshot"
)

// A reader reads what a restore needs. It implements extract.Source.
type reader struct {
	*blob.Source
	e      *engine.Engine
	page   []byte // of the tree that root makes, which is not stored
	pageID chunk.ID
}

// Tree implements snapshot.Loader.
func (r *reader) Tree(ctx context.Context, id chunk.ID) ([]byte, error) {
	if r.page != nil && id == r.pageID {
		return r.page, nil
	}
	return r.Source.Tree(ctx, id)
}

// root returns the directory to restore: the one at a path of the snapshot, or a bare one
// that holds only the file at that path.
func (r *reader) root(ctx context.Context, m *snapshot.Manifest, path string) (root snapshot.Entry, bare bool, err error) {
	e, err := view.Entry(ctx, r.e.Blobs, m, path)
	if err != nil {
		return snapshot.Entry{}, false, err
	}
	if e.Type == snapshot.Dir {
		if e.Problem != "" {
			return snapshot.Entry{}, false, fmt.Errorf("%s is not in the snapshot: when that was made: %s", path, e.Problem)
		}
		return *e, false, nil
	}
	w := snapshot.NewTreeWriter(func(page []byte) (chunk.ID, error) {
		r.page, r.pageID = bytes.Clone(page), r.e.Tree.ID(page)
		return r.pageID, nil
	})
	if err := w.Add(e); err != nil {
		return snapshot.Entry{}, false, err
	}
	id, err := w.Finish()
	return snapshot.Entry{Type: snapshot.Dir, Subtree: id}, true, err
}
