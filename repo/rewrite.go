package repo

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/place"
	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/internal/write"
	"github.com/qsnap/qsnap/snapshot"
)

// RewriteOptions say what a rewritten snapshot leaves out.
type RewriteOptions struct {
	Exclude []string // patterns as of gitignore(5), relative to the snapshot's root
	Forget  bool     // forget the snapshot that is rewritten
	DryRun  bool     // change nothing
	// Dropped is called for each file and directory that is left out. It may be nil.
	Dropped func(path string, e *snapshot.Entry)
}

// errExcluded is why a rewritten snapshot lacks an entry.
var errExcluded = errors.New("excluded")

func rewriteSnapshot(ctx context.Context, e *engine.Engine, m *snapshot.Manifest, o RewriteOptions) (*snapshot.Manifest, error) {
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
	return remake(ctx, e, m, b, remaking{what: "rewrite", intact: true, dryRun: o.DryRun, forget: o.Forget, edit: func(next *snapshot.Manifest) {
		next.Excludes = slices.Concat(next.Excludes, o.Exclude)
		if next.Rules != nil {
			rules := *next.Rules
			for _, p := range set.Records() {
				if !strings.HasPrefix(p.Text, "!") { // which would take back what the snapshot's own patterns say
					rules.Patterns = append(slices.Clip(rules.Patterns), snapshot.Pattern{Source: "rewrite " + p.Source, Text: p.Text})
				}
			}
			next.Rules = &rules
		}
	}})
}

// A remaking says how a snapshot is made of another.
type remaking struct {
	what   string // that is done
	edit   func(*snapshot.Manifest)
	intact bool // all that the other reaches is there
	dryRun bool
	forget bool // the other
}

// remake publishes what a rebuilder makes of a snapshot, and returns it, or the
// snapshot itself if that is the same.
func remake(ctx context.Context, e *engine.Engine, m *snapshot.Manifest, b *rebuilder, o remaking) (*snapshot.Manifest, error) {
	next := *m
	next.Original, next.Pin = m.ID, nil
	if o.dryRun {
		b.pages = nowhere{e}
		_, err := b.root(ctx, &next)
		return m, err
	}
	s, within, err := write.Begin(ctx, e, runs.Writing, runs.Record{What: o.what}, CompressionAuto, 1)
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
	o.edit(&next)
	if err := s.Publish(within, &next, write.Publication{Proven: o.intact, Vouchers: []snapshot.ID{m.ID}}); err != nil {
		return nil, err
	}
	if o.forget {
		if _, err := e.Catalog.ForgetAll(ctx, []snapshot.ID{m.ID}); err != nil {
			return &next, err
		}
	}
	return &next, nil
}
