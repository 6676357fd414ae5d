package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/qsnap/qsnap/internal/catalog"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/internal/write"
	"github.com/qsnap/qsnap/snapshot"
)

var (
	errSame      = errors.New("copy: both ends are the same repository")
	errForgotten = errors.New("forgotten meanwhile")
)

// compare reports whether the two repositories have the same ids, and fails if they
// are one.
func (c *copier) compare(ctx context.Context) (twins bool, err error) {
	if c.from.Config.ID() != c.to.Config.ID() {
		return false, nil
	}
	if same, err := c.from.Runs.Has(ctx, c.s.Run); err != nil {
		return false, err
	} else if same {
		return false, errSame
	}
	return c.from.Ring.Common(c.to.Ring) > 0, nil
}

// lineOf names the chain that a snapshot belongs to.
func lineOf(m *snapshot.Manifest) string {
	return m.Hostname + "\x00" + string(m.Kind) + "\x00" + strings.Join(m.Paths, "\x00")
}

// look notes what the destination has. Manifests there that can't be read count as
// absent.
func (c *copier) look(ctx context.Context) error {
	standing := map[snapshot.ID]catalog.Listing{}
	all, err := c.from.Catalog.List(ctx)
	if err != nil {
		return err
	}
	for _, l := range all {
		standing[l.ID] = l
	}
	if all, err = c.to.Catalog.List(ctx); err != nil {
		return err
	}
	for _, l := range all {
		m, err := c.to.Catalog.Manifest(ctx, l)
		var damage *DamageError
		if errors.As(err, &damage) || errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if n := c.newest[lineOf(m)]; n == nil || n.Number <= m.Number {
			c.newest[lineOf(m)] = m
		}
		in := m.Original
		if _, ok := standing[l.ID]; ok || in.IsZero() { // what it was made from there is another matter
			in = l.ID
		}
		c.have[in] = m
		there, ok := standing[in]
		if !ok {
			continue
		}
		if from, err := c.from.Catalog.Manifest(ctx, there); err == nil { // else there is nothing to compare with
			c.follow(version{from, m})
		}
	}
	return nil
}

// follow notes a snapshot that both have, as what newer ones are compared with.
func (c *copier) follow(v version) {
	if last, ok := c.lines[lineOf(v.from)]; !ok || snapshot.Compare(last.from, v.from) < 0 {
		c.lines[lineOf(v.from)] = v
	}
}

// pick returns what is to be copied, the oldest first.
func (c *copier) pick(snapshots []*snapshot.Manifest) (todo []*snapshot.Manifest) {
	picked := map[snapshot.ID]bool{}
	for _, m := range snapshots {
		switch {
		case picked[m.ID]:
		case c.have[m.ID] != nil:
			c.report.Skipped++
		default:
			todo = append(todo, m)
		}
		picked[m.ID] = true
	}
	c.from.Catalog.Sort(todo)
	c.total = len(todo)
	return todo
}

// takeUp finds what copies have left that didn't come to their end.
func (c *copier) takeUp(ctx context.Context) error {
	j := c.to.Runs.Liveness()
	if err := j.Refresh(ctx); err != nil {
		return err
	}
	var leases []string
	for _, d := range j.Dead() {
		if d.Record.What == "copy" {
			leases = append(leases, d.Name)
		}
	}
	return c.s.AddPredecessors(ctx, leases)
}

// one copies one snapshot.
func (c *copier) one(ctx context.Context, said *snapshot.Manifest) (*snapshot.Manifest, error) {
	m, sealed, err := c.from.Catalog.ReadAs(ctx, object.Snapshots.Name(said.ID), said.ID)
	if damage := (*DamageError)(nil); errors.As(err, &damage) {
		return nil, fmt.Errorf("%w: %w", ErrNotCopied, err)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errForgotten
	}
	if err != nil {
		return nil, err
	}
	quarantine, err := c.to.Runs.Quarantined(ctx)
	if err != nil {
		return nil, err
	}
	c.s.TreatAsAbsent(quarantine.Has)
	var base *version
	if v, ok := c.lines[lineOf(m)]; ok {
		base = &v
		if !slices.Contains(c.bases, v.to.ID) {
			c.bases = append(c.bases, v.to.ID)
		}
	}
	if sealed, err = c.asItIs(ctx, sealed); err != nil {
		return nil, err
	}
	ids, err := c.bring(ctx, m, base)
	if err != nil {
		return nil, err
	}
	made := c.manifest(m, said, ids)
	if err := c.explain(ctx, made.Previous); err != nil {
		return nil, err
	}
	if made, err = c.publish(ctx, m, made, sealed); err != nil {
		return nil, err
	}
	if !slices.Equal(made.Tags, said.Tags) {
		return made, c.to.Catalog.Tag(ctx, made.ID, said.Tags)
	}
	return made, nil
}

// publish publishes a copy, as sealed before if it may be, and notes it.
func (c *copier) publish(ctx context.Context, m, made *snapshot.Manifest, sealed []byte) (*snapshot.Manifest, error) {
	supply := func() error {
		c.fetcher.forget()
		ids, err := c.bring(ctx, m, nil)
		if err == nil && ids != treesOf(made) {
			err = write.ErrGone
		}
		return err
	}
	if err := c.s.Publish(ctx, made, write.Publication{Proven: true, Vouchers: c.bases, Supply: supply, Sealed: sealed}); err != nil {
		return nil, err
	}
	if made.ID == m.ID { // it is the very same
		same := *made
		same.Original = snapshot.ID{}
		made = &same
		c.to.Catalog.Cache(made, sealed)
	}
	c.have[m.ID], c.newest[lineOf(m)] = made, made
	c.follow(version{m, made})
	return made, nil
}

// asItIs returns a manifest as sealed if it may be stored just so, and else nil.
func (c *copier) asItIs(ctx context.Context, sealed []byte) ([]byte, error) {
	header, err := seal.ParseHeader(sealed)
	if err != nil || !c.whole(header) {
		return nil, err
	}
	return sealed, c.answerFor(ctx, header.Run())
}

// whole reports whether objects with a header can be opened in the destination, and
// may be taken over as they are.
func (c *copier) whole(h seal.Header) bool {
	return c.to.Config.Twin != "" && c.from.Config.ID() == c.to.Config.ID() && h.Epoch() <= c.from.Ring.Common(c.to.Ring)
}

// bring has stored all that a snapshot reaches.
func (c *copier) bring(ctx context.Context, m *snapshot.Manifest, base *version) (treeIDs, error) {
	ids, err := c.fetcher.fetch(ctx, m, base)
	if err == nil {
		return ids, c.flush(ctx)
	}
	var h *halt
	switch {
	case ctx.Err() != nil:
		return ids, context.Cause(ctx)
	case errors.As(err, &h):
		return ids, h.error
	}
	if there, e := c.from.Catalog.Exists(ctx, m.ID); e == nil && !there {
		return ids, errForgotten
	}
	if where := c.culprit(ctx, m, err); where != "" {
		err = fmt.Errorf("%s: %w", where, err)
	}
	return ids, fmt.Errorf("snapshot %s %w: %w", m.ID.Short(), ErrNotCopied, err)
}

// culprit returns the path of what can't be read for want of what is lost.
func (c *copier) culprit(ctx context.Context, m *snapshot.Manifest, err error) string {
	var lost *LostError
	if !errors.As(err, &lost) {
		return ""
	}
	path := ""
	_ = snapshot.Walk(ctx, c.from.Blobs, &m.Root, func(at string, e *snapshot.Entry, err error) error {
		if err != nil && lost.Tree {
			path = "/" + at
			return fs.SkipAll
		}
		if err != nil || e.Type != snapshot.File || lost.Tree && e.List.IsZero() {
			return nil
		}
		for piece, err := range snapshot.Chunks(ctx, c.from.Blobs, e, 0) {
			if err != nil || piece.ID == lost.ID {
				path = "/" + at
				return fs.SkipAll
			}
		}
		return nil
	})
	return path
}

// manifest returns a snapshot's manifest for the destination.
func (c *copier) manifest(m, said *snapshot.Manifest, ids treeIDs) *snapshot.Manifest {
	made := *m
	made.ID, made.Root.Subtree, made.Notes, made.Original = snapshot.ID{}, ids.root, ids.notes, m.ID
	if c.from.Config.ID() == c.to.Config.ID() {
		return &made // whether or not it is sealed anew, it stands for the same
	}
	made.Tags = said.Tags
	made.Parent, made.Previous, made.Number = snapshot.ID{}, snapshot.ID{}, 1
	if parent := c.have[m.Parent]; parent != nil {
		made.Parent = parent.ID
	}
	if n := c.newest[lineOf(m)]; n != nil {
		made.Previous, made.Number = n.ID, n.Number+1
	}
	return &made
}

// explain leaves in a twin a record of the snapshot before the one that was copied,
// if that isn't copied itself, so that it doesn't seem to be lost.
func (c *copier) explain(ctx context.Context, id snapshot.ID) error {
	if id.IsZero() || c.have[id] != nil || c.from.Config.ID() != c.to.Config.ID() {
		return nil
	}
	for _, name := range []string{object.Snapshots.Name(id), object.Forgotten.Name(id)} {
		_, sealed, err := c.from.Catalog.ReadAs(ctx, name, id)
		var damage *DamageError
		if errors.Is(err, fs.ErrNotExist) || errors.As(err, &damage) || errors.Is(err, ErrNewerKey) {
			continue
		}
		if err != nil {
			return err
		}
		if header, err := seal.ParseHeader(sealed); err != nil || header.Epoch() > c.from.Ring.Common(c.to.Ring) {
			return nil // it couldn't be read there
		}
		return c.to.Store.Put(ctx, object.Forgotten.Name(id), sealed)
	}
	return nil
}
