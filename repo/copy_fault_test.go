package repo_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

// copied fails the test unless a repository has each snapshot of the source, in
// order of their versions, once and whole.
func copied(t *testing.T, f, g *fixture, all []*snapshot.Manifest, what string) {
	t.Helper()
	count := map[snapshot.ID]int{}
	there, err := g.Snapshots(t.Context(), repo.Filter{})
	if err != nil && !strings.HasPrefix(what, "torn") {
		t.Fatalf("%s: %v", what, err)
	}
	for _, m := range there {
		from := m.Original
		if from.IsZero() {
			from = m.ID
		}
		count[from]++
		for v, was := range all {
			if was.ID == from {
				sameTree(t, g.Repo, m, smallTree(v))
			}
		}
	}
	for v, m := range all {
		if count[m.ID] != 1 {
			t.Errorf("%s: version %d is there %d times", what, v, count[m.ID])
		}
	}
	g.damageless(what)
}

// damageless fails the test if anything is damaged that matters: a torn object that
// nothing needs doesn't.
func (f *fixture) damageless(what string) {
	f.t.Helper()
	report, err := f.Check(f.t.Context(), repo.CheckOptions{ReadData: true})
	if err != nil && !errors.Is(err, repo.ErrDamaged) {
		f.t.Fatalf("%s: %v", what, err)
	}
	for _, finding := range report.Findings {
		if finding.IsDamage() && (!strings.HasPrefix(what, "torn") || finding.Total > 0) {
			f.t.Errorf("%s: %+v", what, finding)
		}
	}
}

// The process dies at, or one fault happens to, every operation on either end in
// turn. The next copy brings what is missing.
func TestAnInterruptedCopyIsCompletedByTheNext(t *testing.T) {
	f := newSmallFixture(t, &targettest.Memory{})
	f.versions(1)
	twin, other := &targettest.Memory{}, &targettest.Memory{}
	f.copyTo(f.twin(twin))
	g := newSmallFixture(t, other)
	f.copyTo(g)
	f.snapshot(repo.FromFS(smallTree(1), "/x"), repo.SnapshotOptions{})
	all := f.all()
	source := f.target.(*targettest.Memory)
	walk := newWalk(t)
	for name, end := range map[string]struct {
		mem *targettest.Memory
		key repo.Secret
	}{"a twin": {twin, f.key}, "elsewhere": {other, g.key}} {
		for _, fault := range []targettest.Fault{targettest.Fail, targettest.FailAfter, targettest.Crash, targettest.CrashAfter, targettest.CrashTear} {
			for _, breakSource := range []bool{false, true} {
				if breakSource && fault != targettest.Fail && fault != targettest.Crash {
					continue // it is only read
				}
				for n, done := 1, false; !done; n++ {
					if !walk.takes() {
						continue
					}
					what := fmt.Sprintf("%s, fault %d at operation %d, of the source: %v", name, fault, n, breakSource)
					done = true
					from := &targettest.Faulty{Memory: source.Clone()}
					to := &targettest.Faulty{Memory: end.mem.Clone()}
					a := (&fixture{t: t, key: f.key, cache: t.TempDir()}).at(from)
					b := (&fixture{t: t, key: end.key, cache: t.TempDir()}).at(to)
					broken := to
					if breakSource {
						broken = from
					}
					before := broken.Ops()
					broken.Decide = func(op targettest.Op) targettest.Fault {
						if op.N-before != n {
							return targettest.None
						}
						done = false
						if fault == targettest.CrashTear {
							what = "torn " + what
						}
						return fault
					}
					_, err := a.Copy(t.Context(), b.Repo, all, repo.CopyOptions{Workers: 1})
					if done && err != nil {
						t.Fatalf("%s: %v", what, err)
					}
					a.Close()
					b.Close()
					a = (&fixture{t: t, key: f.key, cache: a.cache}).at(from.Memory)
					b = (&fixture{t: t, key: end.key, cache: b.cache}).at(to.Memory)
					if _, err := a.Copy(t.Context(), b.Repo, all, repo.CopyOptions{}); err != nil {
						t.Fatalf("%s: the next: %v", what, err)
					}
					copied(t, a, b, all, what)
				}
			}
		}
	}
}

// Both ends are pruned all the time, while snapshots come and go in both.
func TestCopyingGoesOnWhileBothEndsArePruned(t *testing.T) {
	for _, twin := range []bool{true, false} {
		f := newSmallFixture(t, &targettest.Memory{})
		f.versions(1)
		var g *fixture
		if twin {
			g = f.twin(&targettest.Memory{})
		} else {
			g = newSmallFixture(t, &targettest.Memory{})
		}
		ctx, stop := context.WithCancel(t.Context())
		var pruners sync.WaitGroup
		for _, end := range []*fixture{f, g} {
			other := end.at(end.target)
			pruners.Go(func() {
				for ctx.Err() == nil {
					if _, err := other.Prune(ctx, repo.PruneOptions{MaxUnused: new(1e-9)}); err != nil && ctx.Err() == nil {
						t.Errorf("prune: %v", err)
						return
					}
				}
			})
		}
		for v := 1; v < 12; v++ {
			f.snapshot(repo.FromFS(smallTree(v), "/x"), repo.SnapshotOptions{})
			if _, err := f.Copy(t.Context(), g.Repo, f.all(), repo.CopyOptions{}); err != nil {
				t.Errorf("twin %v, version %d: %v", twin, v, err)
			}
			for _, end := range []*fixture{f, g} {
				if all := end.all(); len(all) > 2+v%2 {
					if err := end.Forget(t.Context(), []snapshot.ID{all[0].ID}); err != nil {
						t.Error(err)
					}
				}
			}
		}
		stop()
		pruners.Wait()
		for _, end := range []*fixture{f, g} {
			end.damageless("")
			for _, m := range end.all() {
				v := 0
				for ; v < 12 && !isVersion(end.Repo, m, v); v++ {
				}
				if v == 12 {
					t.Errorf("twin %v: snapshot %s is of no version", twin, m.ID.Short())
				}
			}
		}
	}
}

// isVersion reports whether a snapshot is that version of the small tree.
func isVersion(r *repo.Repo, m *snapshot.Manifest, v int) bool {
	fsys := r.View(m).FS(context.Background())
	for name, file := range smallTree(v) {
		if b, err := fs.ReadFile(fsys, name); err != nil || !bytes.Equal(b, file.Data) {
			return false
		}
	}
	return true
}

// A stalling target holds up the first operation of a sort until it is let go.
type stalling struct {
	target.Target
	method, prefix string // "put" or "delete", and what the name begins with
	reached, goOn  chan struct{}
	once           sync.Once
}

func stall(t target.Target, method, prefix string) *stalling {
	return &stalling{Target: t, method: method, prefix: prefix, reached: make(chan struct{}), goOn: make(chan struct{})}
}

func (s *stalling) Unwrap() target.Target { return s.Target }

func (s *stalling) pass(method, name string) {
	if method == s.method && strings.HasPrefix(name, s.prefix) {
		s.once.Do(func() {
			close(s.reached)
			<-s.goOn
		})
	}
}

func (s *stalling) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	s.pass("put", name)
	return s.Target.Put(ctx, name, body, size)
}

func (s *stalling) Delete(ctx context.Context, name string) error {
	s.pass("delete", name)
	return s.Target.Delete(ctx, name)
}

// A prune leaves alone what a copy under way has moved, though nothing needs it yet.
func TestAPruneLeavesAloneWhatACopyMoves(t *testing.T) {
	for _, at := range []string{"pending/", "snapshots/", "index/"} {
		f := newSmallFixture(t, &targettest.Memory{})
		all := f.versions(1)
		mem := &targettest.Memory{}
		g := f.twin(mem)
		s := stall(mem, "put", at)
		to := f.at(s)
		ended := make(chan error)
		var report repo.CopyReport
		go func() {
			var err error
			report, err = f.Copy(context.Background(), to.Repo, all, repo.CopyOptions{})
			ended <- err
		}()
		<-s.reached
		if r := g.prune(repo.PruneOptions{AllowNoSnapshots: true}); r.Removed != 0 || r.WaitingPacks != 0 {
			t.Errorf("before %s: %+v", at, r)
		}
		close(s.goOn)
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		if g.reopen(); report.PacksMoved == 0 || report.Blobs != 0 || g.all()[0].ID != all[0].ID {
			t.Errorf("before %s: %+v", at, report)
		}
		g.clean()
	}
}

// Packs in quarantine may be deleted at any moment. A copy neither relies on them nor
// stores them again: it packs the blobs that it needs of them again.
func TestACopyReliesOnNothingThatIsInQuarantine(t *testing.T) {
	f := newSmallFixture(t, &targettest.Memory{})
	f.versions(1)
	mem := &targettest.Memory{}
	g := f.twin(mem)
	f.copyTo(g)
	if err := g.Forget(t.Context(), []snapshot.ID{g.all()[0].ID}); err != nil {
		t.Fatal(err)
	}
	// A snapshot under way, for which prune waits.
	in, out := io.Pipe()
	ended := make(chan error)
	go func() {
		_, err := f.at(mem).Snapshot(context.Background(), repo.Stream("stream", in), repo.SnapshotOptions{})
		ended <- err
	}()
	if _, err := out.Write([]byte("it has begun")); err != nil {
		t.Fatal(err)
	}
	if r := g.prune(repo.PruneOptions{AllowNoSnapshots: true}); r.Removed != 0 || r.WaitingPacks == 0 {
		t.Fatalf("%+v", r)
	}
	if report := f.copyTo(g); report.Copied != 1 || report.PacksMoved != 0 || report.Blobs == 0 {
		t.Errorf("%+v", report)
	}
	out.Close()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if r := g.prune(repo.PruneOptions{AllowNoSnapshots: true}); r.Removed == 0 {
		t.Errorf("%+v", r)
	}
	g.clean()
	for _, m := range g.all() {
		if !m.Original.IsZero() {
			sameTree(t, g.Repo, m, smallTree(0))
		}
	}
}

// A prune stops for hours when it is about to delete a pack, and counts as dead. Another
// prune deletes the pack. The snapshot is copied again, and then the first prune goes on.
func TestAPruneThatWasGivenUpForDeadDeletesNothingThatWasCopiedSince(t *testing.T) {
	f := newSmallFixture(t, &targettest.Memory{})
	f.versions(1)
	mem := &targettest.Memory{}
	g := f.twin(mem)
	f.copyTo(g)
	if err := g.Forget(t.Context(), []snapshot.ID{g.all()[0].ID}); err != nil {
		t.Fatal(err)
	}
	s := stall(mem, "delete", "packs/")
	slow := f.at(s)
	ended := make(chan error)
	go func() {
		_, err := slow.Prune(context.Background(), repo.PruneOptions{AllowNoSnapshots: true})
		ended <- err
	}()
	<-s.reached
	cache := t.TempDir()
	for _, hours := range []time.Duration{0, 1} {
		r, err := repo.Open(t.Context(), mem, f.key, repo.Options{CacheDir: cache, Now: func() time.Time { return time.Now().Add(hours * time.Hour) }})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Prune(t.Context(), repo.PruneOptions{AllowNoSnapshots: true}); err != nil {
			t.Fatal(err)
		}
		r.Close()
	}
	if packs, _ := stored(mem, "packs/"); packs != 0 {
		t.Fatalf("%d packs are left", packs)
	}
	g.reopen()
	if report := f.copyTo(g); report.Copied != 1 {
		t.Fatalf("%+v", report)
	}
	close(s.goOn)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	g.clean()
	sameTree(t, g.Repo, g.all()[0], smallTree(0))
}
