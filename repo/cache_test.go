package repo

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/local"
	"github.com/qsnap/qsnap/target/targettest"
)

func (c *counted) objects() map[string][]byte { return c.log.Target.(*targettest.Memory).Objects() }

// readAll lists the snapshots and reads the trees of all.
func readAll(t *testing.T, want int) func(r *Repo) error {
	return func(r *Repo) error {
		all, err := r.Snapshots(t.Context(), Filter{})
		if err == nil && len(all) != want {
			err = fmt.Errorf("%d snapshots are listed, want %d", len(all), want)
		}
		for _, m := range all {
			if err == nil {
				_, err = r.Restore(t.Context(), m, RestoreOptions{To: t.TempDir(), NoSync: true})
			}
		}
		return err
	}
}

// cached returns the files of the cache.
func cached(t *testing.T, cache string) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(cache, "*", "objects", "*"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, name := range names {
		if out[name], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestTheCacheHoldsWhatTheTargetHolds(t *testing.T) {
	c := newCounted(t)
	stored, read := t.TempDir(), t.TempDir()
	c.open(stored, takeVersion(t.Context(), 1))
	c.open(stored, takeVersion(t.Context(), 2))
	c.open(read, readAll(t, 2))
	for _, cache := range []string{stored, read} {
		kinds := map[string]int{}
		for name, b := range cached(t, cache) {
			base := filepath.Base(name)
			kind, _, _ := strings.Cut(base, "-")
			kinds[kind]++
			found := false
			for sealed, there := range c.objects() {
				if kind == "packs" {
					id := strings.Split(base, "-")[1]
					found = found || strings.HasSuffix(sealed, id) && bytes.Contains(there, b)
				} else {
					found = found || object.CacheName(sealed) == base && bytes.Equal(there, b)
				}
			}
			if !found {
				t.Errorf("%s is no object of the target, nor a part of one", base)
			}
		}
		if kinds["snapshots"] != 2 || kinds["index"] != 2 || kinds["packs"] < 2 || len(kinds) != 3 {
			t.Errorf("cached are %v", kinds)
		}
	}
}

func TestADamagedCacheHeals(t *testing.T) {
	c := newCounted(t)
	cache := t.TempDir()
	c.open(cache, takeVersion(t.Context(), 1))
	c.open(cache, takeVersion(t.Context(), 2))
	whole := cached(t, cache)
	for what, damage := range map[string]func(b []byte) []byte{
		"a bit is flipped": func(b []byte) []byte { b = bytes.Clone(b); b[len(b)/2] ^= 4; return b },
		"it is cut":        func(b []byte) []byte { return b[:len(b)-1] },
		"it is empty":      func([]byte) []byte { return nil },
		"it is longer":     func(b []byte) []byte { return append(bytes.Clone(b), 0) },
		"it is another": func(b []byte) []byte {
			for _, other := range whole {
				if !bytes.Equal(other, b) {
					return other
				}
			}
			return nil
		},
	} {
		for name, b := range whole {
			if err := os.WriteFile(name, damage(b), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		c.open(cache, readAll(t, 2))
		after := cached(t, cache)
		for name, b := range whole {
			if !bytes.Equal(after[name], b) {
				t.Errorf("%s: %s isn't what it was", what, filepath.Base(name))
			}
		}
	}
}

func TestTheCacheMayGoWhileItIsUsed(t *testing.T) {
	c := newCounted(t)
	cache := t.TempDir()
	c.open(cache, takeVersion(t.Context(), 1))
	c.open(cache, func(r *Repo) error {
		for name := range cached(t, cache) {
			if err := os.RemoveAll(filepath.Dir(name)); err != nil {
				return err
			}
		}
		return errors.Join(readAll(t, 1)(r), takeVersion(t.Context(), 2)(r), readAll(t, 2)(r))
	})
}

func TestTheCacheIsBounded(t *testing.T) {
	c := newCounted(t)
	cache := t.TempDir()
	limit := int64(64 << 10)
	for n := range 40 {
		r, err := Open(t.Context(), c.log, c.key, Options{CacheDir: cache, CacheSize: &limit})
		if err == nil {
			err = errors.Join(takeVersion(t.Context(), n)(r), r.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
		size := int64(0)
		for _, b := range cached(t, cache) {
			size += int64(len(b))
		}
		if size > limit || n == 39 && size < limit/2 {
			t.Fatalf("after %d snapshots %d bytes are cached; the limit is %d", n+1, size, limit)
		}
	}
}

// A run dies when it has just published; the snapshot is forgotten, and its pending
// manifest given up by a prune: under the manifest's name there is a tombstone.
func TestATombstoneIsNotTakenForTheManifestThatIsCached(t *testing.T) {
	c := newCounted(t)
	cache := t.TempDir()
	var gone snapshot.ID
	c.open(cache, takeVersion(t.Context(), 1))
	c.open(cache, takeVersion(t.Context(), 2))
	early, err := Open(t.Context(), c.log, c.key, Options{CacheDir: cache})
	if err != nil {
		t.Fatal(err)
	}
	defer early.Close()
	if err := readAll(t, 2)(early); err != nil {
		t.Fatal(err)
	}
	c.open(t.TempDir(), func(r *Repo) error { // elsewhere
		all, err := r.Snapshots(t.Context(), Filter{})
		if err != nil {
			return err
		}
		gone = all[1].ID
		return errors.Join(r.Forget(t.Context(), []snapshot.ID{gone}), r.e.Catalog.PutTombstone(t.Context(), gone))
	})
	if c.objects()[object.Snapshots.Name(gone)] == nil {
		t.Fatal("there is no tombstone")
	}
	c.open(cache, readAll(t, 1))
	if err := readAll(t, 1)(early); err != nil {
		t.Errorf("who has it in memory: %v", err)
	}
	c.open(cache, func(r *Repo) error {
		if _, err := r.Find(t.Context(), gone.String()); err == nil {
			t.Error("a tombstone is found as a snapshot")
		}
		if _, err := r.Get(t.Context(), gone); !errors.Is(err, ErrNoSnapshot) {
			t.Errorf("getting a tombstone: %v", err)
		}
		m, err := r.Snapshot(t.Context(), FromFS(tree(3), "/app"), SnapshotOptions{Hostname: "h"})
		if err == nil && m.Parent == gone {
			t.Error("it is taken for the parent")
		}
		return err
	})
}

func TestAForgottenSnapshotComesBackThroughACacheThatKnewIt(t *testing.T) {
	c := newCounted(t)
	cache := t.TempDir()
	c.open(cache, takeVersion(t.Context(), 1))
	c.open(cache, takeVersion(t.Context(), 2))
	var back *snapshot.Manifest
	c.open(t.TempDir(), func(r *Repo) error {
		all, err := r.Snapshots(t.Context(), Filter{})
		if err == nil {
			err = r.Forget(t.Context(), []snapshot.ID{all[0].ID})
		}
		if err == nil {
			back, err = r.Catalog().Undelete(t.Context(), all[0].ID)
		}
		return err
	})
	c.open(cache, readAll(t, 2))
	c.open(cache, func(r *Repo) error { _, err := r.Find(t.Context(), back.ID.String()); return err })
}

// damageTrees flips a bit in every pack of trees.
func (c *counted) damageTrees() {
	memory := c.log.Target.(*targettest.Memory)
	c.open(c.t.TempDir(), func(r *Repo) error {
		x, err := r.e.Blobs.Index(c.t.Context())
		if err != nil {
			return err
		}
		for item, err := range x.All() {
			if err != nil {
				return err
			}
			if name := object.Packs.Name(item.Pack.ID); item.Pack.IsTree() {
				b := bytes.Clone(c.objects()[name])
				b[item.Pack.Segments[0].Offset] ^= 1
				memory.Set(name, b)
			}
		}
		return nil
	})
}

func TestWhatChecksAndDeletesDoesNotAskTheCache(t *testing.T) {
	c := newCounted(t)
	cache := t.TempDir()
	c.open(cache, takeVersion(t.Context(), 1))
	c.open(cache, readAll(t, 1))
	c.damageTrees()
	c.open(cache, readAll(t, 1)) // whoever only reads is glad of what is cached
	c.open(cache, func(r *Repo) error {
		report, err := r.Check(t.Context(), CheckOptions{})
		if !errors.Is(err, ErrDamaged) || !report.Damaged() {
			t.Errorf("a check doesn't find what is damaged on the target: %v", err)
		}
		return nil
	})
	c.open(cache, func(r *Repo) error {
		if _, err := r.Prune(t.Context(), PruneOptions{}); !errors.Is(err, ErrUnreadable) {
			t.Errorf("a prune goes by what is cached: %v", err)
		}
		repairs, err := r.Maintenance().RepairSnapshots(t.Context(), nil, SnapshotRepairOptions{DryRun: true})
		if err == nil && len(repairs) != 1 {
			t.Errorf("a repair finds %d snapshots that aren't whole", len(repairs))
		}
		return err
	})
}

func TestALocalTargetHasNoCache(t *testing.T) {
	dir := t.TempDir()
	at, err := local.Create(filepath.Join(dir, "repo"))
	if err != nil {
		t.Fatal(err)
	}
	c := newCounted(t)
	for what, far := range map[target.Target]bool{at: false, target.NewThrottle(at, 1<<30, 1<<30): false, c.log: true} {
		if object.On(what, object.Options{}).Remote() != far {
			t.Errorf("%T is far: %v", what, !far)
		}
	}
	r, err := Init(t.Context(), at, c.key, InitOptions{Options: Options{CacheDir: filepath.Join(dir, "cache")}})
	if err == nil {
		err = errors.Join(takeVersion(t.Context(), 1)(r), r.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	if n := len(cached(t, filepath.Join(dir, "cache"))); n > 0 {
		t.Errorf("%d objects are cached", n)
	}
}
