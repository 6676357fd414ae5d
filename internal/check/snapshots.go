package check

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/outcome"
	"github.com/qsnap/qsnap/snapshot"
)

// listSnapshots lists the snapshots to check.
func (c *checker) listSnapshots(ctx context.Context) error {
	for info, err := range c.e.Store.List(ctx, object.Snapshots) {
		if err != nil {
			return err
		}
		id, ok := object.Snapshots.ID(info.Name)
		if !ok {
			c.add(Foreign, info.Name, "its name is not that of a snapshot")
			continue
		}
		c.ids = append(c.ids, id)
	}
	return nil
}

// checkSnapshots reads every manifest and all that it reaches.
func (c *checker) checkSnapshots(ctx context.Context) error {
	present := map[snapshot.ID]bool{}
	for i, id := range c.ids {
		c.progress(PhaseSnapshots, int64(i), int64(len(c.ids)), outcome.Snapshots)
		m, err := c.e.Catalog.Read(ctx, id)
		damage, damaged := errors.AsType[*object.DamageError](err)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // forgotten meanwhile
		case damaged:
			present[id] = true
			c.add(BadManifest, damage.Object, damage.Err.Error())
			continue
		case err != nil:
			return err
		}
		present[id], present[m.Original] = true, true
		c.report.Snapshots++
		c.manifests = append(c.manifests, m)
		for _, dir := range m.Dirs() {
			if _, err := c.walk(ctx, dir); err != nil {
				return err
			}
		}
	}
	c.report.Trees = len(c.trees)
	return c.checkPrevious(ctx, present)
}

// checkPrevious finds snapshots that a later one follows, and that are neither present nor
// forgotten.
func (c *checker) checkPrevious(ctx context.Context, present map[snapshot.ID]bool) error {
	forgotten := map[snapshot.ID]bool{}
	for l, err := range c.e.Store.IDs(ctx, object.Forgotten) {
		if err != nil {
			return err
		}
		forgotten[l.ID] = true
	}
	for _, m := range c.manifests {
		if !m.Previous.IsZero() && !present[m.Previous] && !forgotten[m.Previous] {
			c.add(MissingManifest, object.Snapshots.Name(m.Previous), fmt.Sprintf("snapshot %s of %s, number %d, follows it", m.ID.Short(), m.Hostname, m.Number))
		}
	}
	return nil
}
