package transfer

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/qsnap/qsnap/internal/catalog"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/snapshot"
)

// areTwins reports whether the two repositories have the same ids, and fails if they
// are one.
func (c *copier) areTwins(ctx context.Context) (bool, error) {
	if c.from.Config.ID() != c.to.Config.ID() {
		return false, nil
	}
	// The run of this copy has its lease in the destination.
	if same, err := c.from.Runs.Has(ctx, c.s.Run); err != nil {
		return false, err
	} else if same {
		return false, errSame
	}
	return c.from.Ring.Common(c.to.Ring) > 0, nil
}

// chainOf names the chain that a snapshot belongs to: the snapshots of one source, of one
// kind.
func chainOf(m *snapshot.Manifest) string {
	return m.Hostname + "\x00" + string(m.Kind) + "\x00" + strings.Join(m.Paths, "\x00")
}

// readDestination records which snapshots the destination has. Manifests there that can't
// be read count as absent.
func (c *copier) readDestination(ctx context.Context) error {
	listed, err := c.from.Catalog.List(ctx)
	if err != nil {
		return err
	}
	inOrigin := map[snapshot.ID]catalog.Listing{}
	for _, l := range listed {
		inOrigin[l.ID] = l
	}
	if listed, err = c.to.Catalog.List(ctx); err != nil {
		return err
	}
	for _, l := range listed {
		m, err := c.to.Catalog.Manifest(ctx, l)
		if _, damaged := errors.AsType[*object.DamageError](err); damaged || errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if n := c.newest[chainOf(m)]; n == nil || n.Number <= m.Number {
			c.newest[chainOf(m)] = m
		}
		// A snapshot that has the same id in both is the same, whatever its Original is.
		id := m.Original
		if _, same := inOrigin[l.ID]; same || id.IsZero() {
			id = l.ID
		}
		c.copies[id] = m
		original, ok := inOrigin[id]
		if !ok {
			continue
		}
		if from, err := c.from.Catalog.Manifest(ctx, original); err == nil { // else there is nothing to compare with
			c.addBase(version{from, m})
		}
	}
	return nil
}

// addBase records a snapshot that both have. Newer snapshots of its chain are compared with it.
func (c *copier) addBase(v version) {
	if last, ok := c.bases[chainOf(v.from)]; !ok || snapshot.Compare(last.from, v.from) < 0 {
		c.bases[chainOf(v.from)] = v
	}
}

// choose returns the snapshots that the destination lacks, the oldest first, and how many are
// skipped because it has them.
func (c *copier) choose(snapshots []*snapshot.Manifest) (todo []*snapshot.Manifest, skipped int) {
	seen := map[snapshot.ID]bool{}
	for _, m := range snapshots {
		switch {
		case seen[m.ID]:
		case c.copies[m.ID] != nil:
			skipped++
		default:
			todo = append(todo, m)
		}
		seen[m.ID] = true
	}
	c.from.Catalog.Sort(todo)
	return todo, skipped
}

// resume takes over what interrupted copies have stored.
func (c *copier) resume(ctx context.Context) error {
	liveness := c.to.Runs.Liveness()
	if err := liveness.Refresh(ctx); err != nil {
		return err
	}
	var leases []string
	for _, d := range liveness.Dead() {
		if d.Record.What == "copy" {
			leases = append(leases, d.Name)
		}
	}
	return c.s.AddPredecessors(ctx, leases)
}
