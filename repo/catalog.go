package repo

import (
	"context"
	"time"

	"github.com/qsnap/qsnap/internal/catalog"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/retain"
	"github.com/qsnap/qsnap/internal/usage"
	"github.com/qsnap/qsnap/snapshot"
)

// A Catalog is what a repository knows of its snapshots beside their content: sources, tags,
// pins, which were forgotten, and which take how much. It is safe for concurrent use.
type Catalog struct{ e *engine.Engine }

// Catalog returns the catalog of the repository. It reads nothing yet.
func (r *Repo) Catalog() *Catalog { return &Catalog{r.e} }

// SourceVersions are the versions of one source that a filter selects.
type SourceVersions struct {
	snapshot.Source
	Versions int
	Newest   *snapshot.Manifest
}

// Sources returns the sources of the snapshots that a filter selects, sorted by host and
// paths. If there are several, Repo.Latest returns a version of just one of them. Manifests
// that can't be read are left out, and named by the error that then comes with the others.
func (c *Catalog) Sources(ctx context.Context, f Filter) ([]SourceVersions, error) {
	all, err := c.e.Catalog.Sources(ctx, catalog.Filter(f))
	var out []SourceVersions
	for _, s := range all {
		out = append(out, SourceVersions(s))
	}
	return out, err
}

// Pin keeps a snapshot from being forgotten until a time, or for ever if that is zero. If
// there is no snapshot with the id, the error of Pin, Unpin and Tag is ErrNoSnapshot.
func (c *Catalog) Pin(ctx context.Context, id snapshot.ID, until time.Time) error {
	return c.e.Catalog.Pin(ctx, id, until)
}

// Unpin removes the pin of a snapshot. To unpin one that isn't pinned is no error.
func (c *Catalog) Unpin(ctx context.Context, id snapshot.ID) error {
	return c.e.Catalog.Unpin(ctx, id)
}

// Tag replaces the tags of a snapshot, none of which may be empty. To add one, give the old
// ones (Manifest.Tags), too.
func (c *Catalog) Tag(ctx context.Context, id snapshot.ID, tags []string) error {
	return c.e.Catalog.Tag(ctx, id, tags)
}

// Forgotten returns the forgotten snapshots that Undelete can bring back, the oldest first.
// Records that can't be read are left out, and named by the error that then comes with the
// others.
func (c *Catalog) Forgotten(ctx context.Context) ([]*snapshot.Manifest, error) {
	return retain.Forgotten(ctx, c.e)
}

// WasForgotten reports whether a snapshot whose id begins with a prefix was forgotten. It may
// say no of one whose record Prune has deleted.
func (c *Catalog) WasForgotten(ctx context.Context, prefix string) (bool, error) {
	return c.e.Catalog.WasForgotten(ctx, prefix)
}

// Undelete brings back a forgotten snapshot and returns it, if everything that it reaches is
// still there, even if that is in quarantine. The snapshot gets another id, and the forgotten
// one is its Original. An id is used once: a run that counts as dead might still remove what
// has the old one.
func (c *Catalog) Undelete(ctx context.Context, id snapshot.ID) (*snapshot.Manifest, error) {
	return retain.Undelete(ctx, c.e, id)
}

// An Amount is a part of what a repository stores. Each chunk and each page counts once.
type Amount struct {
	Chunks     int64 `json:"chunks"` // of files
	ChunkBytes int64 `json:"chunk_bytes"`
	Trees      int64 `json:"trees"` // pages of directories and of lists of chunks
	TreeBytes  int64 `json:"tree_bytes"`
	// Stored is the bytes that these take in packs. A blob has a share of its segment, by its
	// length.
	Stored int64 `json:"stored_bytes"`
}

// Growth is what one snapshot contributes to the size of a repository, as it is now: what was
// forgotten or pruned doesn't count.
type Growth struct {
	Snapshot *snapshot.Manifest `json:"-"`
	// New is what is in this snapshot and in no older one.
	New Amount `json:"new"`
	// Total is the sum of New over this snapshot and those before it in the list.
	Total Amount `json:"total"`
	// Only is what is in this snapshot and in no other, older or newer: what can be removed
	// after it alone was forgotten.
	Only Amount `json:"only"`
}

// Growth returns the growth of the snapshots that a filter selects, the oldest first. New and
// Only compare a snapshot with all others, even those that are not selected.
//
// It reads each page of a tree at most twice, however many snapshots share it, and no data. It
// takes about 40 bytes of memory for each chunk and page. The result is exact: a manifest or
// page that can't be read is an error, and so is a chunk that is in no known pack.
func (c *Catalog) Growth(ctx context.Context, f Filter) ([]Growth, error) {
	all, err := usage.GrowthOf(ctx, c.e, catalog.Filter(f))
	var out []Growth
	for _, g := range all {
		out = append(out, Growth{g.Snapshot, Amount(g.New), Amount(g.Total), Amount(g.Only)})
	}
	return out, err
}
