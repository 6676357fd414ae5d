package repo_test

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

// everyKind is a twin that has an object of every kind but "replica", by its prefix or
// name, and two versions of a tree that are to stay whole.
type everyKind struct {
	key      repo.Secret
	objects  map[string][]byte
	kinds    []string
	versions map[snapshot.ID]fstest.MapFS
}

func newEveryKind(t *testing.T) *everyKind {
	t.Helper()
	first := newFixture(t)
	if _, err := first.Keys().Rotate(t.Context(), first.key); err != nil {
		t.Fatal(err)
	}
	first.reopen()
	if _, err := first.Keys().Add(t.Context(), testKey(t), "second"); err != nil {
		t.Fatal(err)
	}
	mem := &targettest.Memory{}
	f := first.twin(mem)
	e := &everyKind{key: f.key, versions: map[snapshot.ID]fstest.MapFS{}}
	old := f.snapshot(repo.FromFS(smallTree(0), "/x"), repo.SnapshotOptions{Workers: 1})
	mem.Set(largest(mem, "packs/"), nil) // so that something is noted as lost, and stored again
	f.reopen()
	if report, err := f.Maintenance().RepairIndex(t.Context()); err != nil || report.Lost == 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	f.reopen()
	lost := withPrefix(mem.Objects(), "losses/")
	e.versions[old.ID] = smallTree(0)
	for v := range 2 {
		m := f.snapshot(repo.FromFS(smallTree(v), "/x"), repo.SnapshotOptions{Workers: 1})
		e.versions[m.ID] = smallTree(v)
		if v == 1 {
			if err := errors.Join(f.Catalog().Pin(t.Context(), m.ID, time.Time{}), f.Catalog().Tag(t.Context(), old.ID, []string{"x"})); err != nil {
				t.Fatal(err)
			}
		}
	}
	gone := f.snapshot(repo.FromFS(smallTree(7), "/gone"), repo.SnapshotOptions{Workers: 1})
	if err := f.Forget(t.Context(), []snapshot.ID{gone.ID}); err != nil {
		t.Fatal(err)
	}
	f.Repo.Close()
	// A prune died when it was about to delete, and a snapshot when it was to be published.
	e.dies(t, mem, "delete", "packs/", func(r *repo.Repo) error {
		_, err := r.Prune(t.Context(), repo.PruneOptions{Workers: 1})
		return err
	})
	e.dies(t, mem, "put", "snapshots/", func(r *repo.Repo) error {
		_, err := r.Snapshot(t.Context(), repo.FromFS(smallTree(1), "/pending"), repo.SnapshotOptions{Workers: 1})
		return err
	})
	for name, b := range lost {
		mem.Set(name, b)
	}
	e.objects = mem.Objects()
	e.kinds = []string{"config", "config-copy", "keys/", "epochs/", "packs/", "index/", "snapshots/", "pending/", "forgotten/",
		"marks/", "leases/", "quarantine/", "losses/", "reserve", "twin", "names/"}
	for _, kind := range e.kinds {
		if len(withPrefix(e.objects, kind)) == 0 {
			t.Fatalf("there is no %s", kind)
		}
	}
	return e
}

// dies does something that ends where an object is to be stored or deleted.
func (e *everyKind) dies(t *testing.T, mem *targettest.Memory, method, prefix string, do func(*repo.Repo) error) {
	t.Helper()
	dying := &targettest.Faulty{Memory: mem, Decide: func(op targettest.Op) targettest.Fault {
		if op.Method == method && strings.HasPrefix(op.Name, prefix) {
			return targettest.Crash
		}
		return targettest.None
	}}
	r, err := repo.Open(t.Context(), dying, e.key, repo.Options{CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := do(r); !errors.Is(err, targettest.ErrCrash) {
		t.Fatalf("%s %s: %v", method, prefix, err)
	}
}

// Whichever object a disk can't read, every command does what it can beside it, says
// ErrDamaged where it needs the object, and deletes nothing that the object protects: once
// the disk reads again, all is whole.
func TestEveryCommandGoesOnBesideAnyObjectThatCannotBeRead(t *testing.T) {
	e := newEveryKind(t)
	walk := newWalk(t)
	for _, kind := range e.kinds {
		for n, object := range slices.Sorted(maps.Keys(withPrefix(e.objects, kind))) {
			for i, errno := range []error{syscall.EIO, syscall.EACCES} {
				if n+i > 0 && !walk.takes() {
					continue
				}
				t.Run(shortName(object)+" "+errno.Error(), func(t *testing.T) { e.beside(t, object, errno) })
			}
		}
	}
}

func (e *everyKind) beside(t *testing.T, object string, errno error) {
	tgt := localCopy(t, e.objects)
	r, err := repo.Open(t.Context(), &badSector{Target: tgt, name: object, err: errno}, e.key, repo.Options{CacheDir: memoryDir(t)})
	if strings.HasPrefix(object, "keys/") && errors.Is(err, repo.ErrWrongSecret) && errors.Is(err, errno) {
		return // the slot of this very key
	}
	if err != nil {
		t.Fatal("open:", err)
	}
	isPack, isManifest := strings.HasPrefix(object, "packs/"), strings.HasPrefix(object, "snapshots/")
	sound := func(what string, err error, may bool) {
		t.Helper()
		if err != nil && !(may && (errors.Is(err, repo.ErrDamaged) || errors.Is(err, repo.ErrUnreadable))) {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err = r.Snapshots(t.Context(), repo.Filter{})
	sound("list", err, isManifest)
	for id := range e.versions {
		m, err := r.Find(t.Context(), id.String())
		sound("find", err, object == "snapshots/"+id.String())
		if err == nil {
			_, err = r.Restore(t.Context(), m, repo.RestoreOptions{To: memoryDir(t), NoSync: true})
			sound("restore", err, isPack)
		}
	}
	report, err := r.Check(t.Context(), repo.CheckOptions{ReadData: true})
	sound("check", err, true)
	named := slices.ContainsFunc(report.Findings, func(f repo.Finding) bool { return f.Object == object })
	if named == strings.HasPrefix(object, "names/") { // whose bytes nobody reads
		t.Errorf("check names it: %v", named)
	}
	m, err := r.Snapshot(t.Context(), repo.FromFS(smallTree(9), "/x"), repo.SnapshotOptions{Workers: 1})
	sound("snapshot", err, false)
	if _, err := tgt.Stat(t.Context(), "names/"+m.ID.String()); err != nil {
		t.Errorf("its name isn't taken in the twin: %v", err)
	}
	sound("tag", r.Catalog().Tag(t.Context(), m.ID, []string{"y"}), false)
	gone, err := r.Snapshot(t.Context(), repo.FromFS(smallTree(11), "/also gone"), repo.SnapshotOptions{Workers: 1})
	sound("snapshot", err, false)
	sound("forget", r.Forget(t.Context(), []snapshot.ID{gone.ID}), false)
	_, err = r.Prune(t.Context(), repo.PruneOptions{Workers: 1, MaxUnused: new(0.0)})
	sound("prune", err, isManifest || isPack || strings.HasPrefix(object, "pending/"))
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	e.whole(t, tgt, m.ID)
}

// whole fails the test unless all versions are whole, and one of smallTree(9).
func (e *everyKind) whole(t *testing.T, tgt target.Target, nine snapshot.ID) {
	t.Helper()
	r, err := repo.Open(t.Context(), tgt, e.key, repo.Options{CacheDir: memoryDir(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	want := maps.Clone(e.versions)
	want[nine] = smallTree(9)
	for id, files := range want {
		m, err := r.Find(t.Context(), id.String())
		if err != nil {
			t.Fatal("afterwards:", err)
		}
		sameTree(t, r, m, files)
	}
	if report, err := r.Check(t.Context(), repo.CheckOptions{ReadData: true}); err != nil {
		t.Errorf("afterwards: %v %+v", err, report)
	}
}

// A replica is one for as long as the object is there that says so: what would change it
// stays ErrReplica, and it is brought up to date and promoted as any other.
func TestAReplicaWhoseObjectCannotBeReadIsOneAllTheSame(t *testing.T) {
	for _, errno := range []error{syscall.EIO, syscall.EACCES} {
		mem := &targettest.Memory{}
		f := newFixtureOn(t, mem)
		f.snapshot(repo.FromFS(smallTree(0), "/x"), repo.SnapshotOptions{})
		tgt := &badSector{Target: localCopy(t, nil), name: "replica", err: errno}
		for v := range 2 {
			m := f.snapshot(repo.FromFS(smallTree(v), "/x"), repo.SnapshotOptions{})
			if _, err := repo.ReplicateKeyless(t.Context(), mem, tgt, repo.KeylessOptions{}); err != nil {
				t.Fatal(err)
			}
			g := f.at(tgt)
			sameTree(t, g.Repo, m, smallTree(v))
			_, err := g.Snapshot(t.Context(), repo.FromFS(smallTree(3), "/x"), repo.SnapshotOptions{})
			_, pruned := g.Prune(t.Context(), repo.PruneOptions{})
			if !errors.Is(err, repo.ErrReplica) || !errors.Is(pruned, repo.ErrReplica) || !errors.Is(g.Forget(t.Context(), []snapshot.ID{m.ID}), repo.ErrReplica) {
				t.Errorf("%v: snapshot: %v, prune: %v, forget", errno, err, pruned)
			}
			report, err := g.Check(t.Context(), repo.CheckOptions{})
			if len(report.Findings) == 0 || report.Findings[0].Object != "replica" || !errors.Is(err, repo.ErrDamaged) {
				t.Errorf("%v: check: %v, %+v", errno, err, report)
			}
		}
		if err := repo.Promote(t.Context(), tgt, repo.PromoteOptions{}); err != nil {
			t.Error(err)
		}
		g := f.at(tgt)
		g.snapshot(repo.FromFS(smallTree(4), "/x"), repo.SnapshotOptions{})
		g.prune(repo.PruneOptions{})
		g.clean()
	}
}

// An object that a disk can't read isn't copied to a replica, and all others are. Where the
// replica has it already, it is mended from there.
func TestReplicasGoOnBesideAnyObjectThatCannotBeRead(t *testing.T) {
	e := newEveryKind(t)
	before := &targettest.Memory{}
	for name, b := range e.objects {
		before.Set(name, b)
	}
	whole := &targettest.Memory{}
	if _, err := repo.ReplicateKeyless(t.Context(), before, whole, repo.KeylessOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, kind := range replicated {
		errno := []error{syscall.EIO, syscall.EACCES}[len(kind)%2]
		object := slices.Sorted(maps.Keys(withPrefix(e.objects, kind)))[0]
		bad := &badSector{Target: localCopy(t, e.objects), name: object, err: errno}
		rep := &targettest.Memory{}
		report, err := repo.ReplicateKeyless(t.Context(), bad, rep, repo.KeylessOptions{})
		if err != nil {
			t.Errorf("%s: replicate: %v", object, err)
			continue
		}
		isConfig := kind == "config" // of which a copy is read
		if (len(report.Damaged) == 1) == isConfig {
			t.Errorf("%s: damaged: %v", object, report.Damaged)
		}
		for name, b := range replicatedOf(whole) {
			if got := rep.Objects()[name]; !bytes.Equal(got, b) && (name != object || got != nil) {
				t.Errorf("%s: %s is not on the replica", object, name)
			}
		}
		compared, err := repo.Compare(t.Context(), bad, whole, repo.CompareOptions{ReadData: true})
		if err != nil || len(compared.Differences) != 1 || compared.Differences[0] != (repo.Difference{Name: object, Here: repo.StateDamaged, There: repo.StateSound}) {
			t.Errorf("%s: compare: %v, %+v", object, err, compared)
		}
		r, err := repo.Open(t.Context(), bad, e.key, repo.Options{CacheDir: memoryDir(t)})
		if err != nil {
			if kind != "keys/" {
				t.Errorf("%s: open: %v", object, err)
			}
			continue
		}
		healed, err := r.Maintenance().Heal(t.Context(), whole.Clone(), repo.HealOptions{ReadData: true})
		if err != nil || len(healed.Lost) > 0 {
			t.Errorf("%s: heal: %v, %+v", object, err, healed)
		}
		if check, err := r.Check(t.Context(), repo.CheckOptions{ReadData: true}); err != nil {
			t.Errorf("%s: after it was healed: %v, %+v", object, err, check)
		}
		r.Close()
	}
}

// Heal replaces objects that the replica's disk can't read by those of the repository.
func TestHealReplacesWhatAReplicaCannotRead(t *testing.T) {
	e := newEveryKind(t)
	here := &targettest.Memory{}
	for name, b := range e.objects {
		here.Set(name, b)
	}
	whole := &targettest.Memory{}
	if _, err := repo.ReplicateKeyless(t.Context(), here, whole, repo.KeylessOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, kind := range replicated {
		object := slices.Sorted(maps.Keys(withPrefix(whole.Objects(), kind)))[0]
		bad := &badSector{Target: localCopy(t, whole.Objects()), name: object, err: syscall.EIO}
		r, err := repo.Open(t.Context(), here.Clone(), e.key, repo.Options{CacheDir: memoryDir(t)})
		if err != nil {
			t.Fatal(err)
		}
		if healed, err := r.Maintenance().Heal(t.Context(), bad, repo.HealOptions{ReadData: true}); err != nil {
			t.Errorf("%s: heal: %v, %+v", object, err, healed)
		}
		r.Close()
		compared, err := repo.Compare(t.Context(), here, bad, repo.CompareOptions{ReadData: true})
		if err != nil || len(compared.Differences) > 0 {
			t.Errorf("%s: afterwards: %v, %+v", object, err, compared)
		}
	}
}
