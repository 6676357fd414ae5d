package repo_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/snapshot/retention"
	"github.com/qsnap/qsnap/target/targettest"
)

const day = 24 * time.Hour

// A lockedFixture is a repository on a target that locks, and the clock of both.
type lockedFixture struct {
	*fixture
	vault *targettest.Vault
	now   time.Time
}

func newLockedFixture(t testing.TB, lock time.Duration) *lockedFixture {
	t.Helper()
	l := &lockedFixture{now: time.Date(2026, 3, 1, 4, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return l.now }
	l.vault = &targettest.Vault{Now: clock, For: lock, Prefixes: []string{"packs/", "snapshots/", "keys/", "config"}}
	l.fixture = &fixture{t: t, target: l.vault, key: testKey(t), cache: t.TempDir()}
	r, err := repo.Init(t.Context(), l.vault, l.key, repo.InitOptions{Options: repo.Options{CacheDir: l.cache, Now: clock}})
	if err != nil {
		t.Fatal(err)
	}
	l.Repo = r
	t.Cleanup(func() { l.Repo.Close() })
	return l
}

func (l *lockedFixture) take(files fstest.MapFS) *snapshot.Manifest {
	l.t.Helper()
	return l.snapshot(repo.FromFS(files, "/x"), repo.SnapshotOptions{Workers: 1})
}

// lockedAt returns a target that has what is locked at a time, and nothing else.
func (l *lockedFixture) lockedAt(at time.Time) *targettest.Memory {
	l.t.Helper()
	left := &targettest.Memory{}
	for name, b := range l.vault.Objects() {
		until, err := l.vault.Locked(l.t.Context(), name)
		if err != nil {
			l.t.Fatal(err)
		}
		if until.After(at) {
			left.Set(name, b)
		}
	}
	return left
}

// Until the retention of a snapshot has ended, nobody can delete an object that the
// snapshot needs: neither those that were stored for it, nor older ones that it shares with
// earlier snapshots.
func TestALockedSnapshotOutlivesWhoeverMayDelete(t *testing.T) {
	const lock = 8 * day
	l := newLockedFixture(t, lock)
	for v := range 40 {
		files := rollingTree(v)
		m := l.take(files)
		if v%3 == 2 {
			if _, err := l.Retain(t.Context(), repo.RetainOptions{Policy: retention.Policy{KeepLast: 2}}); err != nil {
				t.Fatal(err)
			}
			l.prune(repo.PruneOptions{})
		}
		left := l.lockedAt(l.now.Add(lock - time.Second))
		r, err := repo.Open(t.Context(), left, l.key, repo.Options{CacheDir: t.TempDir()})
		if err != nil {
			t.Fatalf("version %d: %v", v, err)
		}
		sameTree(t, r, m, files)
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		l.now = l.now.Add(19 * time.Hour)
	}
	l.clean()
}

// Locks end at a few dates, so that an hourly snapshot of what hasn't changed asks for
// none but its own, though it has packs in common with all before.
func TestAnUnchangedSnapshotLocksOnlyItself(t *testing.T) {
	l := newLockedFixture(t, 8*day)
	for v := range 12 {
		l.take(rollingTree(3 * v))
	}
	packs, _ := stored(&l.vault.Memory, "packs/")
	often := 0
	for range 48 {
		l.now = l.now.Add(time.Hour)
		before := l.vault.Asked()
		l.take(rollingTree(33))
		if asked := l.vault.Asked() - before; asked > 1 {
			t.Logf("%v: %d of %d packs and more", l.now, asked, packs)
			often++
		}
	}
	if often != 1 { // in two days a new quarter of eight begins once
		t.Errorf("locked packs %d times", often)
	}
	before := l.vault.Asked()
	l.cache = t.TempDir() // as another host
	other, err := repo.Open(t.Context(), l.vault, l.key, repo.Options{CacheDir: l.cache, Now: l.vault.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.Snapshot(t.Context(), repo.FromFS(rollingTree(33), "/x"), repo.SnapshotOptions{}); err != nil {
		t.Fatal(err)
	}
	if asked := l.vault.Asked() - before; asked < 10 {
		t.Errorf("who doesn't know what is locked asked %d times", asked)
	}
}

func TestWhatIsLockedIsNotForgotten(t *testing.T) {
	l := newLockedFixture(t, 8*day)
	var ids []snapshot.ID
	for v := range 4 {
		ids = append(ids, l.take(rollingTree(v)).ID)
		l.now = l.now.Add(3 * day)
	}
	if err := l.Forget(t.Context(), []snapshot.ID{ids[0], ids[3]}); !errors.Is(err, repo.ErrLocked) || !strings.Contains(err.Error(), "locked until 2026-03-") {
		t.Errorf("forget: %v", err)
	}
	groups, err := l.Retain(t.Context(), repo.RetainOptions{Policy: retention.Policy{KeepLast: 1}})
	if err != nil || len(groups) != 1 {
		t.Fatal(groups, err)
	}
	for i, d := range groups[0].Decisions { // the newest first
		locked := len(d.Reasons) > 0 && strings.Contains(d.Reasons[0], "locked until")
		if keep := i < 3; d.Keep != keep || locked != (i == 1 || i == 2) {
			t.Errorf("%d: %+v", i, d)
		}
	}
	if all, err := l.Snapshots(t.Context(), repo.Filter{}); err != nil || len(all) != 3 {
		t.Errorf("%d snapshots, %v", len(all), err)
	}
	l.now = l.now.Add(20 * day)
	if err := l.Forget(t.Context(), []snapshot.ID{ids[1], ids[2]}); err != nil {
		t.Error(err)
	}
}

// A prune says until when it waits, leaves nothing in quarantine for that long, and
// is in nobody's way; when the time has come it deletes.
func TestAPruneWaitsForLocks(t *testing.T) {
	l := newLockedFixture(t, 8*day)
	first := l.take(rollingTree(0))
	l.now = l.now.Add(time.Hour)
	kept := l.take(fstest.MapFS{"other": &fstest.MapFile{Data: randomBytes(1, 300_000), Mode: 0o600}})
	l.override(first.ID)
	l.reopenAt()
	begun := l.now
	for range 3 {
		report := l.prune(repo.PruneOptions{})
		if report.LockedPacks == 0 || report.LockedBytes == 0 || report.Removed != 0 || report.Repacked != 0 ||
			report.LockedFirst.Before(begun.Add(7*day)) || report.LockedLast.After(begun.Add(11*day)) {
			t.Fatalf("%+v", report)
		}
		if n, _ := stored(&l.vault.Memory, "quarantine/"); n > 0 {
			t.Errorf("%d packs in quarantine", n)
		}
		l.now = l.now.Add(2 * day)
	}
	before, _ := stored(&l.vault.Memory, "packs/")
	asked := l.vault.Asked()
	l.prune(repo.PruneOptions{})
	if n := l.vault.Asked() - asked; n > 0 {
		t.Errorf("asked %d times for locks that are known", n)
	}
	again := l.take(rollingTree(0))
	if after, _ := stored(&l.vault.Memory, "packs/"); after > before {
		t.Errorf("%d packs were stored again", after-before)
	}
	sameTree(t, l.Repo, again, rollingTree(0))
	l.override(again.ID)
	l.reopenAt()
	l.now = l.now.Add(14 * day)
	if report := l.prune(repo.PruneOptions{}); report.LockedPacks != 0 || report.Removed == 0 {
		t.Errorf("%+v", report)
	}
	l.clean()
	all, err := l.Snapshots(t.Context(), repo.Filter{})
	if err != nil || len(all) != 1 || all[0].ID != kept.ID {
		t.Errorf("%d snapshots, %v", len(all), err)
	}
}

// override forgets a snapshot as one could who may override locks.
func (l *lockedFixture) override(id snapshot.ID) {
	name := "snapshots/" + id.String()
	l.vault.Set("forgotten/"+id.String(), l.vault.Objects()[name])
	l.vault.Set(name, nil)
}

// reopenAt opens the repository as another process on this host would.
func (l *lockedFixture) reopenAt() {
	l.t.Helper()
	l.Repo.Close()
	r, err := repo.Open(context.Background(), l.vault, l.key, repo.Options{CacheDir: l.cache, Now: l.vault.Now})
	if err != nil {
		l.t.Fatal(err)
	}
	l.Repo = r
}

// Snapshots that go on relying on old packs lock them again and again. What is mostly
// dead in them is won back all the same.
func TestLocksThatAreMadeLongerKeepNoSpaceForEver(t *testing.T) {
	const lock, versions, each = 8 * day, 60, 600_000
	l := newLockedFixture(t, lock)
	files := func(v int) fstest.MapFS {
		m := fstest.MapFS{}
		file := func(name string, seed, version, size int) {
			m[name] = &fstest.MapFile{Data: randomBytes(uint64(seed), size), Mode: 0o644, ModTime: time.Unix(int64(version)+1e9, 0)}
		}
		for i := range v + 1 { // of each version a little stays
			file(fmt.Sprintf("d/stays-%d", i), 10_000+i, i, 5000)
		}
		for i := range 12 {
			file(fmt.Sprintf("goes-%d", i), 20_000+100*v+i, v, each/12)
		}
		return m
	}
	for v := range versions {
		m := l.take(files(v))
		if _, err := l.Retain(t.Context(), repo.RetainOptions{Policy: retention.Policy{KeepLast: 2}}); err != nil {
			t.Fatal(err)
		}
		l.prune(repo.PruneOptions{})
		if n, _ := stored(&l.vault.Memory, "quarantine/"); n > 0 {
			t.Errorf("version %d: %d packs in quarantine", v, n)
		}
		if v%20 == 19 {
			l.clean()
			sameTree(t, l.Repo, m, files(v))
		}
		l.now = l.now.Add(day)
	}
	// A version is locked for ten days at most, and its packs for as many after they
	// were relied on last.
	_, used := stored(&l.vault.Memory, "packs/")
	if most := int64(26 * each); used > most {
		t.Errorf("packs take %d bytes, of %d versions with %d each", used, versions, each)
	}
	for range 3 {
		l.now = l.now.Add(11 * day)
		if _, err := l.Retain(t.Context(), repo.RetainOptions{Policy: retention.Policy{KeepLast: 1}}); err != nil {
			t.Fatal(err)
		}
		l.prune(repo.PruneOptions{})
	}
	l.clean()
	_, used = stored(&l.vault.Memory, "packs/")
	fresh := newFixture(t)
	fresh.snapshot(repo.FromFS(files(versions-1), "/x"), repo.SnapshotOptions{Workers: 1})
	_, want := stored(fresh.target.(*targettest.Memory), "packs/")
	if float64(used) > 1.06*float64(want) {
		t.Errorf("packs take %d bytes, in a fresh repository %d", used, want)
	}
}

// A snapshot shares chunks with snapshots of another source, and not with its parent. These
// are locked as long as the snapshot itself.
func TestWhatOnlyAnotherSourceHadIsLockedToo(t *testing.T) {
	const lock = 8 * day
	l := newLockedFixture(t, lock)
	l.take(rollingTree(0))
	l.now = l.now.Add(5 * day)
	mine := fstest.MapFS{"own": &fstest.MapFile{Data: randomBytes(1, 30_000), Mode: 0o644}}
	at := func() *snapshot.Manifest { return l.snapshot(repo.FromFS(mine, "/y"), repo.SnapshotOptions{}) }
	at()
	mine["d/common"] = rollingTree(0)["d0/f0"]
	m := at()
	r, err := repo.Open(t.Context(), l.lockedAt(l.now.Add(lock-time.Second)), l.key, repo.Options{CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	sameTree(t, r, m, mine)
}

// A late locker locks all packs when one of them is put in quarantine, as a writer
// may that has read the quarantine just before.
type lateLocker struct{ *targettest.Vault }

func (l lateLocker) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	if strings.HasPrefix(name, "quarantine/") {
		for pack := range l.Objects() {
			if strings.HasPrefix(pack, "packs/") {
				if err := l.Lock(ctx, pack, l.Now().Add(8*day)); err != nil {
					return err
				}
			}
		}
	}
	return l.Vault.Put(ctx, name, body, size)
}

func TestAPruneGivesWayToALockThatComesLate(t *testing.T) {
	l := newLockedFixture(t, 8*day)
	first := l.take(rollingTree(0))
	kept := l.take(rollingTree(60))
	l.now = l.now.Add(30 * day)
	if err := l.Forget(t.Context(), []snapshot.ID{first.ID}); err != nil {
		t.Fatal(err)
	}
	r, err := repo.Open(t.Context(), lateLocker{l.vault}, l.key, repo.Options{CacheDir: t.TempDir(), Now: l.vault.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	report, err := r.Prune(t.Context(), repo.PruneOptions{})
	if err != nil || report.LockedPacks == 0 || report.Removed > 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	if n, _ := stored(&l.vault.Memory, "quarantine/"); n > 0 {
		t.Errorf("%d packs in quarantine", n)
	}
	l.clean()
	before := l.vault.Objects()
	l.prune(repo.PruneOptions{})
	for name := range l.vault.Objects() {
		if _, known := before[name]; !known && strings.HasPrefix(name, "index/") {
			t.Error("packs that nobody is to rely on any more are listed again")
		}
	}
	sameTree(t, l.Repo, kept, rollingTree(60))
	l.now = l.now.Add(30 * day)
	if report := l.prune(repo.PruneOptions{}); report.LockedPacks > 0 || report.Removed == 0 {
		t.Errorf("%+v", report)
	}
	l.clean()
	sameTree(t, l.Repo, kept, rollingTree(60))
}

// A pack is gone just when it is to be locked, though the parent vouched for it: the
// snapshot stores again what was in it.
func TestAPackThatIsGoneWhenItIsToBeLockedIsStoredAgain(t *testing.T) {
	l := newLockedFixture(t, 8*day)
	l.take(rollingTree(0))
	l.now = l.now.Add(5 * day) // so that locks have to be made longer
	largest, size := "", 0
	for name, b := range l.vault.Objects() {
		if strings.HasPrefix(name, "packs/") && len(b) > size {
			largest, size = name, len(b)
		}
	}
	l.vault.Set(largest, nil)
	l.reopenAt()
	m := l.take(rollingTree(0))
	sameTree(t, l.Repo, m, rollingTree(0))
}

// On a target that replaces objects, Warn is called once, and the pending manifest of a
// dead run is kept until a person says that the run is dead.
func TestWhereObjectsAreReplacedAStalePendingManifestIsKept(t *testing.T) {
	mem := &targettest.Replacing{}
	var notices []error
	o := repo.Options{CacheDir: t.TempDir(), Warn: func(err error) { notices = append(notices, err) }}
	key := testKey(t)
	r, err := repo.Init(t.Context(), mem, key, repo.InitOptions{Options: o})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	m, err := r.Snapshot(t.Context(), repo.FromFS(rollingTree(0), "/x"), repo.SnapshotOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(notices) != 1 || !errors.Is(notices[0], repo.ErrNotCreateOnly) {
		t.Errorf("told: %v", notices)
	}
	object := mem.Objects()["snapshots/"+m.ID.String()]
	pending := "pending/" + m.ID.String()
	mem.Set(pending, object)
	mem.Set("snapshots/"+m.ID.String(), nil) // its run died before it published

	for range 2 {
		report, err := r.Prune(t.Context(), repo.PruneOptions{})
		if err != nil || len(report.Stale) != 1 || report.Stale[0].ID != m.ID || report.Removed > 0 {
			t.Fatalf("%+v, %v", report, err)
		}
	}
	if !bytes.Equal(mem.Objects()[pending], object) {
		t.Error("the pending manifest is gone")
	}
	if _, err := r.Prune(t.Context(), repo.PruneOptions{DropPending: []snapshot.ID{{1}}}); !errors.Is(err, repo.ErrNoSnapshot) {
		t.Errorf("drop what isn't there: %v", err)
	}
	left, err := r.Maintenance().Pending(t.Context())
	if err != nil || !slices.Equal(left, []snapshot.ID{m.ID}) {
		t.Fatalf("pending: %v, %v", left, err)
	}
	report, err := r.Prune(t.Context(), repo.PruneOptions{AllowNoSnapshots: true, DropPending: left})
	if err != nil || len(report.Stale) > 0 || report.Removed == 0 {
		t.Errorf("%+v, %v", report, err)
	}
	if _, there := mem.Objects()[pending]; there {
		t.Error("the pending manifest is still there")
	}
	if _, there := mem.Objects()["snapshots/"+m.ID.String()]; !there {
		t.Error("no tombstone")
	}
	if len(notices) != 1 {
		t.Errorf("told %d times", len(notices))
	}
}

// A locked object that somebody hid is found, and is whole when it is brought back.
func TestCheckFindsWhatIsHidden(t *testing.T) {
	l := newLockedFixture(t, 8*day)
	m := l.take(rollingTree(0))
	for name := range l.vault.Objects() {
		if strings.HasPrefix(name, "packs/") || strings.HasPrefix(name, "snapshots/") {
			l.vault.Hide(name)
		}
	}
	report, err := l.Check(t.Context(), repo.CheckOptions{})
	if !errors.Is(err, repo.ErrDamaged) || !report.Damaged() {
		t.Fatalf("%+v, %v", report, err)
	}
	for _, f := range report.Findings {
		if f.Kind != repo.FindingHidden {
			t.Errorf("%+v", f)
		}
		if err := l.vault.RestoreHidden(t.Context(), f.Object); err != nil {
			t.Error(err)
		}
	}
	l.clean()
	sameTree(t, l.Repo, m, rollingTree(0))
}
