package repo_test

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/qsnap/qsnap/internal/test/treetest"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/target/local"
)

func TestOddTreesComeBackAsTheyWere(t *testing.T) {
	src := filepath.Join(t.TempDir(), "src")
	treetest.Odd(t, src)
	dir, err := local.Create(filepath.Join(t.TempDir(), "repo"))
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]*fixture{"memory": newFixture(t), "local": newFixtureOn(t, dir)} {
		m := f.snapshot(repo.Paths(src), repo.SnapshotOptions{})
		for _, p := range m.Problems.List {
			t.Errorf("%s: %q: %s", name, p.Path, p.Text)
		}
		out := filepath.Join(t.TempDir(), "out")
		f.restore(m, repo.RestoreOptions{To: out, Verify: true})
		treetest.Same(t, src, out)

		// Another process, another snapshot: nothing is read or stored again.
		f.reopen()
		again := f.snapshot(repo.Paths(src), repo.SnapshotOptions{})
		if again.Root.Subtree != m.Root.Subtree {
			t.Errorf("%s: an unchanged tree got another id", name)
		}
		// Files that had just been made were read again, see capture's racyTime; the third
		// run is quiet.
		third := f.snapshot(repo.Paths(src), repo.SnapshotOptions{})
		if s := third.Stats; s.DataBlobs+s.TreeBlobs != 0 || s.Files != m.Stats.Files || s.Bytes != m.Stats.Bytes {
			t.Errorf("%s: stats of an unchanged snapshot %+v, first %+v", name, s, m.Stats)
		}
		f.restore(third, repo.RestoreOptions{To: out})
		treetest.Same(t, src, out)
	}
}

// Onto an existing tree only what differs is written, and the result is the same
// from wherever it began.
func TestRestoreOntoAnythingGivesTheSnapshot(t *testing.T) {
	src := filepath.Join(t.TempDir(), "src")
	treetest.Odd(t, src)
	f := newFixture(t)
	m := f.snapshot(repo.Paths(src), repo.SnapshotOptions{})
	out := filepath.Join(t.TempDir(), "out")
	f.restore(m, repo.RestoreOptions{To: out})
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	at := func(name string) string { return filepath.Join(out, name) }
	check(os.WriteFile(at("plain.txt"), []byte("other"), 0o600))
	check(os.WriteFile(at("two-chunks"), make([]byte, 128<<10+1), 0o640)) // same size
	check(os.Remove(at("links/hard-2")))
	check(os.WriteFile(at("links/hard-2"), treetest.Bytes(4, 300<<10), 0o644)) // same bytes, no link
	check(os.Remove(at("links/relative")))
	check(os.Mkdir(at("links/relative"), 0o755))
	check(os.WriteFile(at("links/relative/foreign"), nil, 0o644))
	check(os.RemoveAll(at("mode")))
	check(os.WriteFile(at("mode"), []byte("a file in place of a directory"), 0o644))
	check(os.Chmod(at("one-chunk"), 0o777))
	check(os.WriteFile(at("foreign"), []byte("x"), 0o644))
	check(os.MkdirAll(at("foreign-dir/sub"), 0o755))
	check(os.RemoveAll(at("special")))
	check(os.Symlink("nowhere", at("special")))

	dry := f.restore(m, repo.RestoreOptions{To: out, InPlace: true, Delete: true, DryRun: true})
	before := treetest.Describe(t, out)
	report := f.restore(m, repo.RestoreOptions{To: out, InPlace: true, Delete: true, Verify: true})
	if before["foreign"] == "" {
		t.Error("the dry run deleted something")
	}
	treetest.Same(t, src, out)
	if report.Deleted != 3 || report.Created != dry.Created || report.Replaced != dry.Replaced || report.Deleted != dry.Deleted || report.Touched != dry.Touched {
		t.Errorf("report %+v, dry run %+v", report, dry)
	}
	quiet := f.restore(m, repo.RestoreOptions{To: out, InPlace: true, Delete: true})
	if quiet.Created+quiet.Replaced+quiet.Touched+quiet.Deleted+quiet.BytesWritten != 0 {
		t.Errorf("the second restore changed something: %+v", quiet)
	}
}

// Attributes of a directory in which nothing else changed are noticed when they change,
// and stay known when they don't.
func TestAttributesOfADirectoryAreThoseItHas(t *testing.T) {
	src := t.TempDir()
	dir := filepath.Join(src, "dir")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	f := newFixture(t)
	for i, value := range []string{"one", "one", "two", "two", "two"} {
		if i == 0 || i == 2 {
			if err := unix.Setxattr(dir, "user.qsnap", []byte(value), 0); err != nil {
				t.Fatal(err)
			}
		}
		m := f.snapshot(repo.Paths(src), repo.SnapshotOptions{})
		out := filepath.Join(t.TempDir(), "out")
		f.restore(m, repo.RestoreOptions{To: out})
		got := make([]byte, 100)
		n, err := unix.Getxattr(filepath.Join(out, "dir"), "user.qsnap", got)
		if err != nil || string(got[:n]) != value {
			t.Errorf("snapshot %d: %q, %v; want %q", i, got[:max(n, 0)], err, value)
		}
	}
}
