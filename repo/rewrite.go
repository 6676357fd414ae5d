package repo

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/qsnap/qsnap/internal/runs"
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

// Rewrite makes a snapshot of what another holds, but for what is excluded, in its
// place in the chain of its source, and returns it: or the snapshot itself if it
// holds nothing of that sort. Where the other is forgotten, Prune makes what only it
// held unreadable, unless it is in other snapshots too.
func (r *Repo) Rewrite(ctx context.Context, m *snapshot.Manifest, o RewriteOptions) (*snapshot.Manifest, error) {
	set, err := patternsIn(m, "", o.Exclude, "--exclude")
	if err != nil {
		return nil, err
	}
	b := &rebuilder{
		r: r,
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
	return r.remake(ctx, m, b, remaking{what: "rewrite", intact: true, dryRun: o.DryRun, forget: o.Forget, edit: func(next *snapshot.Manifest) {
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
func (r *Repo) remake(ctx context.Context, m *snapshot.Manifest, b *rebuilder, o remaking) (*snapshot.Manifest, error) {
	next := *m
	next.Original, next.Pin = m.ID, nil
	if o.dryRun {
		b.pages = nowhere{r}
		_, err := b.root(ctx, &next)
		return m, err
	}
	s, err := r.newSession(ctx, runs.Writing, runs.Record{What: o.what}, CompressionAuto, 1)
	if err != nil {
		return nil, err
	}
	defer s.close()
	b.pages = s
	changed, err := b.root(s.ctx, &next)
	if err != nil || !changed {
		return m, err
	}
	if err := s.flush(); err != nil {
		return nil, err
	}
	o.edit(&next)
	p := &publication{s: s, m: &next, proven: o.intact, parent: m.ID}
	if err := p.run(s.ctx); err != nil {
		return nil, err
	}
	if o.forget {
		if _, err := r.forgetAll(ctx, []snapshot.ID{m.ID}); err != nil {
			return &next, err
		}
	}
	return &next, nil
}
