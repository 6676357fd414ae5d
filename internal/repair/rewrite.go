package repair

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/ignore"
	"github.com/qsnap/qsnap/internal/place"
	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/internal/write"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
)

// RewriteOptions say what a rewritten snapshot leaves out.
type RewriteOptions struct {
	Exclude []string // patterns, relative to the snapshot's root
	Forget  bool     // forget the snapshot that is rewritten
	DryRun  bool     // change nothing
	// Dropped is called for each file and directory that is left out. It may be nil.
	Dropped func(path string, e *snapshot.Entry)
}

// errExcluded is why a rewritten snapshot lacks an entry.
var errExcluded = errors.New("excluded")

// Rewrite makes a snapshot of another, without what is excluded, and returns it: or the
// other snapshot if it holds nothing that is excluded.
func Rewrite(ctx context.Context, e *engine.Engine, id snapshot.ID, o RewriteOptions) (*snapshot.Manifest, error) {
	m, err := e.Catalog.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	set, err := place.Set(m, "", o.Exclude, "--exclude")
	if err != nil {
		return nil, err
	}
	b := &rebuilder{
		e: e,
		drop: func(_ context.Context, path string, e *snapshot.Entry) (why, err error) {
			if _, excluded := set.Match(path, e.Type == snapshot.Dir); excluded {
				return errExcluded, nil
			}
			return nil, nil
		},
		dropped: func(path string, e *snapshot.Entry, why error) {
			if o.Dropped != nil {
				o.Dropped(path, e)
			}
		},
	}
	return republish(ctx, e, m, b, change{what: "rewrite", intact: true, dryRun: o.DryRun, forget: o.Forget, edit: func(next *snapshot.Manifest) error {
		next.Excludes = slices.Concat(next.Excludes, o.Exclude)
		next.Rules = withExcludes(next.Rules, set)
		return nil
	}})
}

// withExcludes returns rules with the patterns of a rewrite, or nil for nil. It leaves out
// negations, which would include again what the snapshot's own patterns exclude.
func withExcludes(rules *snapshot.Rules, set *ignore.Set) *snapshot.Rules {
	if rules == nil {
		return nil
	}
	out := *rules
	for _, p := range set.Records() {
		if !strings.HasPrefix(p.Text, "!") {
			out.Patterns = append(slices.Clip(out.Patterns), snapshot.Pattern{Source: "rewrite " + p.Source, Text: p.Text})
		}
	}
	return &out
}

// A change says how a snapshot is made of another.
type change struct {
	what   string // the run does
	edit   func(*snapshot.Manifest) error
	intact bool // all that the other snapshot reaches is there
	dryRun bool
	forget bool // the other snapshot
}

// republish publishes what a rebuilder makes of a snapshot, and returns it, or the snapshot
// itself if that is the same.
func republish(ctx context.Context, e *engine.Engine, m *snapshot.Manifest, b *rebuilder, c change) (*snapshot.Manifest, error) {
	next := *m
	next.Original, next.Pin = m.ID, nil
	if c.dryRun {
		b.pages = unstored{e}
		_, err := b.root(ctx, &next)
		return m, err
	}
	s, within, err := write.Begin(ctx, e, runs.Writing, runs.Record{What: c.what}, pack.Auto, 1)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	b.pages = s
	changed, err := b.root(within, &next)
	if err != nil || !changed {
		return m, err
	}
	if err := s.Flush(); err != nil {
		return nil, err
	}
	if err := c.edit(&next); err != nil {
		return nil, err
	}
	if err := s.Publish(within, &next, write.Publication{Proven: c.intact, Vouchers: []snapshot.ID{m.ID}}); err != nil {
		return nil, err
	}
	if c.forget {
		if _, err := e.Catalog.ForgetAll(ctx, []snapshot.ID{m.ID}); err != nil {
			return &next, err
		}
	}
	return &next, nil
}
