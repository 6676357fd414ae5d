package repo_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/local"
	"github.com/qsnap/qsnap/target/targettest"
)

// A badSector is a target on a disk that can't read one object, from some byte on, or up to
// another.
type badSector struct {
	*local.Target
	name     string
	from, to int64 // to is 0 for no end
	err      error
	mended   atomic.Bool // it was deleted, and what comes after lies elsewhere on the disk
}

func (b *badSector) Delete(ctx context.Context, name string) error {
	err := b.Target.Delete(ctx, name)
	if err == nil && name == b.name {
		b.mended.Store(true)
	}
	return err
}

func (b *badSector) Unwrap() target.Target { return b.Target }

func (b *badSector) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	rc, err := b.Target.Get(ctx, name, off, n)
	if err != nil || name != b.name || b.mended.Load() {
		return rc, err
	}
	if b.to > 0 && off >= b.to {
		return rc, nil
	}
	failed := &fs.PathError{Op: "read", Path: name, Err: b.err}
	if b.from <= off {
		rc.Close()
		return nil, failed
	}
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(io.LimitReader(rc, b.from-off), failing{failed}), rc}, nil
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// readErrors are the ways in which a near target can't read an object.
var readErrors = map[string]func(size int) *badSector{
	"can't be read at all": func(int) *badSector { return &badSector{err: syscall.EIO} },
	"can't be read in the middle": func(size int) *badSector {
		return &badSector{err: syscall.EIO, from: int64(size) / 2}
	},
	"isn't ours to read":  func(int) *badSector { return &badSector{err: syscall.EACCES} },
	"fails its check sum": func(int) *badSector { return &badSector{err: syscall.EBADMSG} },
}

// memoryDir returns a temporary directory that is in memory where there is a place for it,
// so that no test waits for a disk.
func memoryDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "qsnap-test-*")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// localCopy puts objects on a target in a directory.
func localCopy(t *testing.T, objects map[string][]byte) *local.Target {
	t.Helper()
	tgt, err := local.Create(memoryDir(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range objects {
		if err := tgt.Put(t.Context(), name, bytes.NewReader(b), int64(len(b))); err != nil {
			t.Fatal(err)
		}
	}
	return tgt
}

// Whatever object can't be read: it is as damaged as one with other bytes, and all else is
// read, checked and restored.
func TestWhatCannotBeReadIsDamageOfThatObjectOnly(t *testing.T) {
	f, versions, snapshots := damageFixture(t)
	objects := f.target.(*targettest.Memory).Objects()
	tgt := localCopy(t, objects)
	walk := newWalk(t)
	for _, object := range slices.Sorted(maps.Keys(objects)) {
		for what, spoil := range readErrors {
			if !walk.takes() {
				continue
			}
			t.Run(shortName(object)+" "+what, func(t *testing.T) {
				bad := spoil(len(objects[object]))
				bad.Target, bad.name = tgt, object
				testDamage(t, bad, f.key, t.TempDir(), object, "unreadable", versions, snapshots)
			})
		}
	}
}

// Hourly jobs go on though one object, whichever it is, can't be read.
func TestSnapshotsGoOnBesideAnObjectThatCannotBeRead(t *testing.T) {
	f, versions, _ := damageFixture(t)
	objects := f.target.(*targettest.Memory).Objects()
	done := map[string]int{} // of a sort, how many are tried
	for _, object := range slices.Sorted(maps.Keys(objects)) {
		sort, _, _ := strings.Cut(object, "/")
		if sort == "keys" || done[sort] == 2 {
			continue
		}
		done[sort]++
		tgt := localCopy(t, objects)
		r, err := repo.Open(t.Context(), &badSector{Target: tgt, name: object, err: syscall.EIO}, f.key, repo.Options{CacheDir: t.TempDir()})
		if err != nil {
			t.Errorf("%s: open: %v", object, err)
			continue
		}
		if _, err := r.Snapshots(t.Context(), repo.Filter{}); err != nil && !errors.Is(err, repo.ErrDamaged) {
			t.Errorf("%s: list: %v", object, err)
		}
		m, err := r.Snapshot(t.Context(), repo.FromFS(versions[2], "/x"), repo.SnapshotOptions{})
		if err != nil {
			t.Errorf("%s: snapshot: %v", object, err)
		} else if err := r.Catalog().Tag(t.Context(), m.ID, []string{"x"}); err != nil {
			t.Errorf("%s: tag: %v", object, err)
		}
		if _, err := r.Prune(t.Context(), repo.PruneOptions{}); err != nil && !errors.Is(err, repo.ErrDamaged) && !errors.Is(err, repo.ErrUnreadable) {
			t.Errorf("%s: prune: %v", object, err)
		}
		r.Close()
	}
}

// Where neither copy of the config can be read, that is said, and not that it is damaged.
func TestAConfigThatMayNotBeReadIsNoRepositoryLost(t *testing.T) {
	f := newFixture(t)
	tgt := localCopy(t, f.target.(*targettest.Memory).Objects())
	one := &badSector{Target: tgt, name: "config", err: syscall.EACCES}
	r, err := repo.Open(t.Context(), one, f.key, repo.Options{CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	if err := tgt.Delete(t.Context(), "config-copy"); err != nil {
		t.Fatal(err)
	}
	_, err = repo.Open(t.Context(), one, f.key, repo.Options{CacheDir: t.TempDir()})
	if !errors.Is(err, fs.ErrPermission) || errors.Is(err, repo.ErrNoRepository) {
		t.Errorf("%v", err)
	}
}

// If a disk can read a part of a pack, that part is saved and its blobs are salvaged, and
// the number of missing bytes is reported. If it can read nothing, no copy is made.
func TestRepairPacksSavesWhatADiskStillReads(t *testing.T) {
	for _, from := range []int64{0, 1 << 20} {
		f := newFixture(t)
		files := fstest.MapFS{}
		for i := range 40 {
			files[fmt.Sprintf("f%d", i)] = &fstest.MapFile{Data: randomBytes(uint64(i), 120_000)}
		}
		f.snapshot(repo.FromFS(files, "/x"), repo.SnapshotOptions{Workers: 1})
		mem := f.target.(*targettest.Memory)
		name := largest(mem, "packs/")
		whole := mem.Objects()[name]
		bad := &badSector{Target: localCopy(t, mem.Objects()), name: name, from: from, to: 3 << 20, err: syscall.EIO}
		if from == 0 {
			bad.to = 0
		}
		g := f.at(bad)
		saved := map[pack.ID][]byte{}
		report, err := g.Maintenance().RepairPacks(t.Context(), repo.PackRepairOptions{Save: func(id pack.ID, r io.Reader) (err error) {
			saved[id], err = io.ReadAll(r)
			return err
		}})
		if err != nil || len(report.Damaged) != 1 || report.Lost+report.Salvaged != int64(len(files)) || report.Lost == 0 {
			t.Fatalf("from %d: %v, %+v", from, err, report)
		}
		unread, kept := report.Unread[report.Damaged[0]], saved[report.Damaged[0]]
		if from == 0 {
			if unread != int64(len(whole)) || kept != nil || report.Salvaged > 0 {
				t.Errorf("%d bytes can't be read, saved %d: %+v", unread, len(kept), report)
			}
			continue
		}
		// Each failed read is followed by a longer skip, so a part of the readable bytes is
		// skipped.
		want := bytes.Clone(whole)
		clear(want[from:min(from+unread, int64(len(want)))])
		if !bytes.Equal(kept, want) || unread < bad.to-from || report.Salvaged == 0 {
			t.Errorf("%d bytes can't be read, saved %d of %d: %+v", unread, len(kept), len(whole), report)
		}
		if _, err := bad.Stat(t.Context(), name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the damaged pack stays: %v", err)
		}
	}
}

// A pack without permission to read may be whole, so no repair removes it.
func TestNoRepairRemovesWhatMayNotBeRead(t *testing.T) {
	f := newFixture(t)
	m := f.snapshot(repo.FromFS(smallTree(0), "/x"), repo.SnapshotOptions{})
	mem := f.target.(*targettest.Memory)
	for _, name := range []string{largest(mem, "packs/"), "snapshots/" + m.ID.String()} {
		tgt := localCopy(t, mem.Objects())
		g := f.at(&badSector{Target: tgt, name: name, err: syscall.EACCES})
		report, err := g.Maintenance().RepairPacks(t.Context(), repo.PackRepairOptions{})
		if err != nil || len(report.Damaged) > 0 || (len(report.Denied) == 1) != strings.HasPrefix(name, "packs/") {
			t.Errorf("%s: %v, %+v", name, err, report)
		}
		if repairs, err := g.Maintenance().RepairSnapshots(t.Context(), []snapshot.ID{m.ID}, repo.SnapshotRepairOptions{Forget: true}); err != nil {
			t.Errorf("%s: %v, %+v", name, err, repairs)
		}
		h := f.at(tgt)
		sameTree(t, h.Repo, m, smallTree(0))
		h.clean()
	}
}
