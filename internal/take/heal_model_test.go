package take_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/prune"
	"github.com/qsnap/qsnap/internal/take"
	"github.com/qsnap/qsnap/internal/test/enginetest"
	"github.com/qsnap/qsnap/internal/test/fixture"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target/targettest"
)

// readable returns which files of snapshots can be read.
func readable(t *testing.T, e *engine.Engine, of map[*snapshot.Manifest]fstest.MapFS) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for m, files := range of {
		for name, f := range files {
			got, err := content(t, e, m, name)
			if err == nil && got != string(f.Data) {
				t.Fatalf("%v: %s has other bytes", m, name)
			}
			if err == nil {
				out[fmt.Sprint(m.ID.Short(), " ", name)] = true
			}
		}
	}
	return out
}

// Whatever is damaged, and in whatever order full snapshots, others and prunes follow: what
// could be read can be read afterwards, and each source is whole after a full snapshot.
func TestHealingNeverMakesAnythingWorse(t *testing.T) {
	for seed := range uint64(25) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 7))
			clock := &fixture.Clock{}
			mem := &targettest.Memory{}
			enginetest.Create(t, mem, clock)
			sources := []fstest.MapFS{{}, {}, {}}
			taken := map[*snapshot.Manifest]fstest.MapFS{}
			kinds := slices.Sorted(maps.Keys(damages))
			for range 12 {
				e := enginetest.Open(t, mem, clock)
				n := r.IntN(len(sources))
				for range r.IntN(4) { // sources share files, and change
					i := r.IntN(9)
					sources[n][fmt.Sprintf("d%d/f%d", i%3, i)] = file(random(uint64(i+10*r.IntN(2)), 4000))
				}
				sources[n]["kept"] = file("kept")
				switch r.IntN(6) {
				case 0, 1:
					names := slices.Sorted(func(yield func(string) bool) {
						for name := range mem.Objects() {
							if len(name) > 6 && name[:6] == "packs/" && !yield(name) {
								return
							}
						}
					})
					if len(names) > 0 {
						name := names[r.IntN(len(names))]
						if b := mem.Objects()[name]; len(b) > 100 {
							mem.Set(name, damages[kinds[r.IntN(len(kinds))]](b))
						}
					}
					continue
				case 2:
					before := readable(t, enginetest.Open(t, mem, clock), taken)
					_, _ = prune.Run(t.Context(), e, prune.Options{MaxUnused: new(0.0)}) // it leaves alone what it can't read
					noWorse(t, "prune", before, readable(t, enginetest.Open(t, mem, clock), taken))
					continue
				}
				level := []snapshot.Level{snapshot.LevelIncremental, snapshot.LevelFull}[r.IntN(2)]
				before := readable(t, enginetest.Open(t, mem, clock), taken)
				m := run(t, e, clock, take.FS(sources[n], fmt.Sprintf("/%d", n)), take.Options{Level: level})
				fresh := enginetest.Open(t, mem, clock)
				noWorse(t, level.String(), before, readable(t, fresh, taken))
				now := maps.Clone(sources[n])
				if all := readable(t, fresh, map[*snapshot.Manifest]fstest.MapFS{m: now}); level == snapshot.LevelFull && len(all) != len(now) {
					t.Fatalf("after a full one, %d of %d files can be read", len(all), len(now))
				}
				taken[m] = now
			}
		})
	}
}

// noWorse fails if something can't be read any more.
func noWorse(t *testing.T, what string, before, after map[string]bool) {
	t.Helper()
	for name := range before {
		if !after[name] {
			t.Fatalf("%s: %s can't be read any more", what, name)
		}
	}
}
