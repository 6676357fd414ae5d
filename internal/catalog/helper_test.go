package catalog_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/zeebo/blake3"

	"github.com/qsnap/qsnap/internal/catalog"
	"github.com/qsnap/qsnap/internal/keys"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/internal/test/fixture"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

// A shelf is the catalog of a repository on a target in memory.
type shelf struct {
	*catalog.Catalog
	t      *testing.T
	mem    *targettest.Memory
	store  *object.Store
	sealer *seal.Sealer
	clock  *fixture.Clock
}

func newShelf(t *testing.T) *shelf {
	t.Helper()
	s := &shelf{t: t, mem: &targettest.Memory{}, sealer: fixture.Sealer(fixture.Ring(t, 1)), clock: new(fixture.Clock)}
	return s.on(s.mem, object.Options{})
}

// on returns the catalog as another process sees it, through another view of the target.
func (s *shelf) on(tgt target.Target, o object.Options) *shelf {
	s.t.Helper()
	other := *s
	other.store = object.On(tgt, o)
	k := keys.New(other.store, fixture.Ring(s.t, 1), "", keys.Options{Now: s.clock.Now})
	other.Catalog = catalog.New(other.store, k, s.sealer, s.clock.Now)
	return &other
}

// during returns the catalog on a target that does something before one operation.
func (s *shelf) during(method string, kind object.Kind, do func()) *shelf {
	done := false
	return s.on(&targettest.Faulty{Memory: s.mem, Decide: func(op targettest.Op) targettest.Fault {
		if op.Method == method && kind.Has(op.Name) && !done {
			done = true
			do()
		}
		return targettest.None
	}}, object.Options{})
}

// sealed returns a manifest of the n-th day as it is stored, and its id.
func (s *shelf) sealed(n int, tags ...string) (snapshot.ID, []byte) {
	s.t.Helper()
	at := s.clock.Now().Add(time.Duration(n-1000) * 24 * time.Hour)
	m := &snapshot.Manifest{
		Start: at.Add(-time.Hour), End: at, Hostname: "host", Paths: []string{"/srv"}, Tags: tags, Number: uint64(n),
		Root: snapshot.Entry{Type: snapshot.Dir}, Rules: &snapshot.Rules{},
	}
	body, err := m.Marshal()
	if err != nil {
		s.t.Fatal(err)
	}
	b := s.seal(seal.Manifest, body)
	return blake3.Sum256(b), b
}

func (s *shelf) seal(kind seal.Kind, body []byte) []byte {
	s.t.Helper()
	b, err := s.sealer.Seal(kind, body)
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

// publish stores a manifest of the n-th day.
func (s *shelf) publish(n int, tags ...string) snapshot.ID {
	s.t.Helper()
	id, b := s.sealed(n, tags...)
	if err := s.Publish(s.t.Context(), id, b); err != nil {
		s.t.Fatal(err)
	}
	return id
}

// all returns the snapshots in their order as text: the number, tags and pin of each.
func (s *shelf) all() (out []string) {
	s.t.Helper()
	all, damaged, err := s.All(s.t.Context())
	if err != nil || damaged != nil {
		s.t.Fatalf("damaged: %v; %v", damaged, err)
	}
	for _, p := range all {
		text := fmt.Sprintf("%d%v", p.Number, p.Tags)
		if p.Pin != nil {
			text += " pinned"
		}
		out = append(out, text)
	}
	return out
}

func snapshotName(id snapshot.ID) string { return object.Snapshots.Name(id) }
