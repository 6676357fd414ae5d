package catalog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/snapshot"
)

// An AmbiguousError means that the ids of several snapshots begin with the same digits.
type AmbiguousError struct {
	Prefix     string
	Candidates []snapshot.ID
}

// Error names the prefix, and says how many snapshots have it.
func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("%q is ambiguous: %d snapshots have an id that begins so: give more digits", e.Prefix, len(e.Candidates))
}

// Get returns the snapshot with an id, or ErrNoSnapshot.
func (c *Catalog) Get(ctx context.Context, id snapshot.ID) (*snapshot.Manifest, error) {
	m, sealed, err := c.ReadAs(ctx, object.Snapshots.Name(id), id)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", ErrNoSnapshot, id)
	}
	if err != nil {
		return nil, err
	}
	c.Cache(m, sealed)
	return c.annotated(ctx, m)
}

// Find returns the snapshot whose id begins with a prefix. The error is ErrNoSnapshot if there
// is none, and an *AmbiguousError if there are several.
func (c *Catalog) Find(ctx context.Context, prefix string) (*snapshot.Manifest, error) {
	all, err := c.List(ctx)
	if err != nil {
		return nil, err
	}
	var found []Listing
	for _, l := range all {
		if prefix != "" && strings.HasPrefix(l.ID.String(), prefix) {
			found = append(found, l)
		}
	}
	if len(found) > 1 {
		if found, err = c.withoutTombstones(ctx, found); err != nil {
			return nil, err
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("%w: %q is not the beginning of a snapshot's id", ErrNoSnapshot, prefix)
	case 1:
		m, err := c.Manifest(ctx, found[0])
		if err != nil {
			return nil, err
		}
		return c.annotated(ctx, m)
	}
	ambiguous := &AmbiguousError{Prefix: prefix}
	for _, l := range found {
		ambiguous.Candidates = append(ambiguous.Candidates, l.ID)
	}
	return nil, ambiguous
}

// annotated returns a manifest with the tags and the pin of its mark.
func (c *Catalog) annotated(ctx context.Context, m *snapshot.Manifest) (*snapshot.Manifest, error) {
	one := []*snapshot.Manifest{m}
	err := c.Annotated(ctx, one)
	return one[0], err
}

// withoutTombstones returns the listings without those of tombstones.
func (c *Catalog) withoutTombstones(ctx context.Context, all []Listing) ([]Listing, error) {
	var out []Listing
	for _, l := range all {
		_, err := c.Manifest(ctx, l)
		_, damaged := errors.AsType[*object.DamageError](err)
		switch {
		case err == nil, damaged:
			out = append(out, l)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
	}
	return out, nil
}
