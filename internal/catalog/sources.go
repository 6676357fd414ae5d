package catalog

import (
	"cmp"
	"context"
	"slices"

	"github.com/qsnap/qsnap/snapshot"
)

// SourceVersions are the versions of one source that a filter selects.
type SourceVersions struct {
	snapshot.Source
	Versions int
	Newest   *snapshot.Manifest
}

// Sources returns the sources of the snapshots that a filter selects, sorted by host and
// paths. It leaves out manifests that can't be read, and the error names them.
func (c *Catalog) Sources(ctx context.Context, f Filter) ([]SourceVersions, error) {
	all, damaged, err := c.All(ctx)
	if err != nil {
		return nil, err
	}
	return sourcesOf(f.Select(all)), damaged
}

func sourcesOf(selected []snapshot.Placed) (out []SourceVersions) {
	position := map[string]int{}
	for _, p := range selected {
		source := p.Source()
		i, ok := position[source.String()]
		if !ok {
			i = len(out)
			position[source.String()] = i
			out = append(out, SourceVersions{Source: source})
		}
		out[i].Versions++
		out[i].Newest = p.Manifest
	}
	slices.SortFunc(out, func(a, b SourceVersions) int {
		return cmp.Or(cmp.Compare(a.Hostname, b.Hostname), slices.Compare(a.Paths, b.Paths))
	})
	return out
}
