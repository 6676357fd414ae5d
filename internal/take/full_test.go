package take_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/qsnap/qsnap/internal/check"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/outcome"
	"github.com/qsnap/qsnap/internal/prune"
	"github.com/qsnap/qsnap/internal/take"
	"github.com/qsnap/qsnap/internal/test/enginetest"
	"github.com/qsnap/qsnap/internal/test/fixture"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target/local"
	"github.com/qsnap/qsnap/target/targettest"
)

// random returns bytes that can't be compressed, which are the same for the same seed.
func random(seed uint64, size int) string {
	b := make([]byte, size)
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	r.Read(b)
	return string(b)
}

// packs returns the names of the packs of one kind, and of all that are newer than others.
func packs(t *testing.T, e *engine.Engine, mem *targettest.Memory, trees bool) (names []string) {
	t.Helper()
	for name, b := range mem.Objects() {
		id, ok := object.Packs.ID(name)
		if !ok {
			continue
		}
		info, err := e.Blobs.PackInfo(t.Context(), id, int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		if info.IsTree() == trees {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// flip flips a bit in the middle of a pack, which is in a segment.
func flip(b []byte) []byte {
	b = bytes.Clone(b)
	b[len(b)/3] ^= 4
	return b
}

// damages are what can happen to a pack.
var damages = map[string]func([]byte) []byte{
	"missing":   func([]byte) []byte { return nil },
	"emptied":   func([]byte) []byte { return []byte{} },
	"cut":       func(b []byte) []byte { return b[:len(b)/2] },
	"flipped":   flip,
	"no footer": func(b []byte) []byte { b = bytes.Clone(b); b[len(b)-40] ^= 1; return b },
	"no header": func(b []byte) []byte { b = bytes.Clone(b); b[20] ^= 1; return b },
}

// whole fails unless a check finds nothing.
func whole(t *testing.T, e *engine.Engine, what string) {
	t.Helper()
	report, err := check.Run(t.Context(), e, check.Options{ReadData: true})
	if err != nil || len(report.Findings) > 0 {
		t.Errorf("%s: %v: %+v", what, err, report.Findings)
	}
}

func TestAFullSnapshotHealsWhatItReuses(t *testing.T) {
	for what, damage := range damages {
		for _, size := range []int{40_000, 9 << 20} { // packs that are read at once, and segment by segment
			t.Run(what, func(t *testing.T) {
				clock := &fixture.Clock{}
				mem := &targettest.Memory{}
				e := enginetest.Create(t, mem, clock)
				src := take.FS(fstest.MapFS{"a": file(random(1, size)), "d/b": file(random(2, 40_000))}, "/x")
				old := run(t, e, clock, src, take.Options{})
				names := append(packs(t, e, mem, false), packs(t, e, mem, true)...)
				for _, name := range names {
					mem.Set(name, damage(mem.Objects()[name]))
				}

				full := run(t, e, clock, src, take.Options{Level: snapshot.LevelFull})
				if s := full.Stats; s.Healed == 0 || s.Healed+s.Verified < uint64(size) || s.DataAdded != 0 || s.TreeAdded != 0 {
					t.Errorf("%d bytes are healed, %d and %d new", full.Stats.Healed, full.Stats.DataAdded, full.Stats.TreeAdded)
				}
				e = enginetest.Open(t, mem, clock)
				for _, m := range []*snapshot.Manifest{old, full} {
					if got, err := content(t, e, m, "a"); got != random(1, size) || err != nil {
						t.Errorf("a has %d bytes, %v", len(got), err)
					}
				}
				whole(t, e, "after it")
				for _, name := range names {
					if _, there := mem.Objects()[name]; there {
						t.Errorf("%s is there", name)
					}
				}
				if again := run(t, e, clock, src, take.Options{Level: snapshot.LevelFull}); again.Stats.Healed != 0 || again.Stats.Verified < uint64(size) {
					t.Errorf("the next one: %d bytes healed, %d verified", again.Stats.Healed, again.Stats.Verified)
				}
			})
		}
	}
}

func TestAFullSnapshotVerifiesEachSegmentOnceAndStoresNothing(t *testing.T) {
	clock := &fixture.Clock{}
	mem := &targettest.Memory{}
	e := enginetest.Create(t, mem, clock)
	files := fstest.MapFS{"a": file(random(1, 20<<20)), "same": file(random(1, 20<<20)), "b": file("1")}
	first := run(t, e, clock, take.FS(files, "/x"), take.Options{})
	full := run(t, e, clock, take.FS(files, "/x"), take.Options{Level: snapshot.LevelFull})
	if s := full.Stats; s.DataStored+s.TreeStored+s.IndexStored+s.Healed != 0 || s.Verified != first.Stats.DataAdded+first.Stats.TreeAdded {
		t.Errorf("%+v, not %d bytes verified", s, first.Stats.DataAdded+first.Stats.TreeAdded)
	}
	if full.Root.Subtree != first.Root.Subtree {
		t.Error("its tree is another")
	}
	forced := run(t, e, clock, take.FS(files, "/x"), take.Options{ReadAll: true})
	if forced.Stats.Verified != 0 || forced.Level != snapshot.LevelIncremental {
		t.Errorf("reading all verifies %d bytes", forced.Stats.Verified)
	}
}

func TestAStreamHealsWhatItReuses(t *testing.T) {
	clock := &fixture.Clock{}
	mem := &targettest.Memory{}
	e := enginetest.Create(t, mem, clock)
	stream := func(level snapshot.Level) *snapshot.Manifest {
		return run(t, e, clock, take.Stream("a", strings.NewReader(random(1, 3<<20))), take.Options{Level: level})
	}
	old := stream(snapshot.LevelIncremental)
	for _, name := range packs(t, e, mem, false) {
		mem.Set(name, flip(mem.Objects()[name]))
	}
	if m := stream(snapshot.LevelFull); m.Stats.Healed == 0 || m.Stats.Healed > 3<<20 {
		t.Errorf("%d bytes are healed", m.Stats.Healed)
	}
	e = enginetest.Open(t, mem, clock)
	if got, err := content(t, e, old, "a"); got != random(1, 3<<20) || err != nil {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	whole(t, e, "after it")
}

// What a damaged pack holds for other snapshots is moved, as far as it can be read.
func TestADamagedPackStaysOnlyIfAnotherSnapshotNeedsWhatIsLost(t *testing.T) {
	for _, lost := range []bool{false, true} {
		clock := &fixture.Clock{}
		mem := &targettest.Memory{}
		e := enginetest.Create(t, mem, clock)
		both := fstest.MapFS{"a": file(random(1, 5<<20)), "b": file(random(2, 5<<20))}
		older := run(t, e, clock, take.FS(both, "/x"), take.Options{Workers: 1})
		name := packs(t, e, mem, false)[0]
		b := bytes.Clone(mem.Objects()[name])
		mine, other := "a", "b"
		b[1000] ^= 1 // in a
		if lost {
			b[len(b)-100_000] ^= 1 // in b
		}
		mem.Set(name, b)

		var said []string
		var damage error
		o := take.Options{Level: snapshot.LevelFull, Progress: func(p take.Progress) {
			if p.Notice != nil {
				said = append(said, p.Notice.Error())
				if errors.Is(p.Notice, outcome.ErrDamaged) {
					damage = p.Notice
				}
			}
		}}
		run(t, e, clock, take.FS(fstest.MapFS{mine: both[mine]}, "/x"), o)
		if len(said) == 0 || !strings.Contains(said[0], name+" is damaged") {
			t.Errorf("lost %v: notices are %q", lost, said)
		}
		e = enginetest.Open(t, mem, clock)
		_, err := content(t, e, older, other)
		_, there := mem.Objects()[name]
		if (err != nil) != lost || there != lost || (damage != nil) != lost {
			t.Errorf("lost %v: %v; the pack is there: %v; %q", lost, err, there, said)
		}
		if got, err := content(t, e, older, mine); got != string(both[mine].Data) || err != nil {
			t.Errorf("lost %v: %s has %d bytes, %v", lost, mine, len(got), err)
		}
		if !lost {
			whole(t, e, "after it")
		}
	}
}

// While a damaged pack can't be deleted, readers find the good copy, and prune keeps it.
func TestPruneKeepsTheGoodCopyBesideADamagedOne(t *testing.T) {
	clock := &fixture.Clock{}
	mem := &targettest.Memory{}
	e := enginetest.Create(t, mem, clock)
	src := take.FS(fstest.MapFS{"a": file(random(1, 40_000)), "d/b": file(random(2, 40_000))}, "/x")
	old := run(t, e, clock, src, take.Options{})
	for _, name := range append(packs(t, e, mem, false), packs(t, e, mem, true)...) {
		mem.Set(name, flip(mem.Objects()[name]))
	}
	e = enginetest.Open(t, noDelete{mem}, clock)
	run(t, e, clock, src, take.Options{Level: snapshot.LevelFull})
	for range 2 {
		e = enginetest.Open(t, mem, clock)
		if _, err := prune.Run(t.Context(), e, prune.Options{MaxUnused: new(0.0)}); err != nil {
			t.Error(err)
		}
		if got, err := content(t, enginetest.Open(t, mem, clock), old, "a"); got != random(1, 40_000) || err != nil {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
	}
	// The next full snapshot verifies both copies, and deletes the damaged one.
	if m := run(t, e, clock, src, take.Options{Level: snapshot.LevelFull}); m.Stats.Healed != 0 {
		t.Errorf("%d bytes are healed again", m.Stats.Healed)
	}
	whole(t, e, "after the next full snapshot")
}

// noDelete is a target that deletes no packs.
type noDelete struct{ *targettest.Memory }

func (n noDelete) Delete(ctx context.Context, name string) error {
	if strings.HasPrefix(name, "packs/") || strings.HasPrefix(name, "quarantine/") {
		return context.DeadlineExceeded
	}
	return n.Memory.Delete(ctx, name)
}

// Verifying costs two requests for each pack that is reused, and one for a small pack.
func TestAFullSnapshotAsksTwiceForEachPackThatItReuses(t *testing.T) {
	clock := &fixture.Clock{}
	mem := &targettest.Memory{}
	var gets, bytesRead atomic.Int64
	counting := &targettest.Faulty{Memory: mem, Decide: func(op targettest.Op) targettest.Fault {
		if op.Method == "get" && strings.HasPrefix(op.Name, "packs/") {
			gets.Add(1)
			bytesRead.Add(op.Len)
		}
		return targettest.None
	}}
	e := enginetest.Create(t, counting, clock)
	files := fstest.MapFS{}
	for i := range 40 {
		files[fmt.Sprintf("f%02d", i)] = file(random(uint64(i), 1<<20))
	}
	first := run(t, e, clock, take.FS(files, "/x"), take.Options{})
	small, large := packs(t, e, mem, true), packs(t, e, mem, false)
	gets.Store(0)
	bytesRead.Store(0)
	run(t, e, clock, take.FS(files, "/x"), take.Options{Level: snapshot.LevelFull})
	stored := int64(first.Stats.DataStored + first.Stats.TreeStored)
	if most := int64(2*len(large) + len(small)); len(large) < 3 || gets.Load() > most || bytesRead.Load() > stored+stored/50 {
		t.Errorf("%d requests of %d bytes for %d and %d packs of %d bytes", gets.Load(), bytesRead.Load(), len(large), len(small), stored)
	}
}

// A disk that can't read a pack, or a pack that this user may not read, fails no snapshot. What
// may not be read may be whole, so it isn't deleted.
func TestAPackThatCannotBeReadIsStoredAgain(t *testing.T) {
	for cause, stays := range map[error]bool{syscall.EIO: false, fs.ErrPermission: true} {
		clock := &fixture.Clock{}
		disk, err := local.Create(filepath.Join(t.TempDir(), "r"))
		if err != nil {
			t.Fatal(err)
		}
		e := enginetest.Create(t, disk, clock)
		files := take.FS(fstest.MapFS{"a": file(random(1, 3<<20))}, "/x")
		old := run(t, e, clock, files, take.Options{})
		names := map[string]int64{}
		for info, err := range disk.List(t.Context(), "packs/") {
			if err != nil {
				t.Fatal(err)
			}
			names[info.Name] = info.Size
		}
		for name, size := range names {
			if size < 1<<20 {
				continue // of trees
			}
			bad := enginetest.Open(t, &fixture.BadSector{Target: disk, Name: name, Err: cause}, clock)
			m := run(t, bad, clock, files, take.Options{Level: snapshot.LevelFull})
			_, err := disk.Stat(t.Context(), name)
			if m.Stats.Healed != 3<<20 || (err == nil) != stays {
				t.Errorf("%v: %d bytes are healed; the pack: %v", cause, m.Stats.Healed, err)
			}
		}
		e = enginetest.Open(t, disk, clock)
		if got, err := content(t, e, old, "a"); got != random(1, 3<<20) || err != nil {
			t.Errorf("%v: %d bytes, %v", cause, len(got), err)
		}
		whole(t, e, cause.Error())
	}
}
