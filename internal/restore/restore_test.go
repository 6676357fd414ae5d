package restore_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/extract"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/outcome"
	"github.com/qsnap/qsnap/internal/restore"
	"github.com/qsnap/qsnap/internal/take"
	"github.com/qsnap/qsnap/internal/test/enginetest"
	"github.com/qsnap/qsnap/internal/test/fixture"
	"github.com/qsnap/qsnap/internal/view"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target/targettest"
)

func file(text string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte(text), Mode: 0o644, ModTime: time.Unix(1e9, 0)}
}

// A stage is a repository in memory.
type stage struct {
	*testing.T
	mem   *targettest.Memory
	clock *fixture.Clock
	e     *engine.Engine
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{T: t, mem: &targettest.Memory{}, clock: &fixture.Clock{}}
	s.e = enginetest.Create(t, s.mem, s.clock)
	return s
}

// take takes a snapshot a minute after the last one.
func (s *stage) take(files fstest.MapFS, o take.Options) *snapshot.Manifest {
	s.Helper()
	s.clock.Advance(time.Minute)
	m, err := take.Run(s.Context(), s.e, take.FS(files, "/x"), o)
	if err != nil {
		s.Fatal(err)
	}
	return m
}

// restore restores, which must succeed.
func (s *stage) restore(m *snapshot.Manifest, o restore.Options) restore.Report {
	s.Helper()
	o.NoSync = true
	report, err := restore.Run(s.Context(), s.e, m, o)
	if err != nil {
		s.Fatal(err)
	}
	return report
}

// names returns the paths of what is below a directory.
func names(t *testing.T, dir string) (out []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && p != dir {
			p, err = filepath.Rel(dir, p)
			out = append(out, filepath.ToSlash(p))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// put writes files below a directory.
func put(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		p := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, []byte("live"), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
}

// lose deletes the packs that hold the data of a file.
func (s *stage) lose(m *snapshot.Manifest, path string) {
	s.Helper()
	entry, err := view.Entry(s.Context(), s.e.Blobs, m, path)
	if err != nil {
		s.Fatal(err)
	}
	for c, err := range snapshot.Chunks(s.Context(), s.e.Blobs, entry, 0) {
		if err != nil {
			s.Fatal(err)
		}
		at, err := s.e.Blobs.Source(1).Locate(s.Context(), c.ID)
		if err == nil {
			err = s.mem.Delete(s.Context(), object.Packs.Name(at.Pack.ID))
		}
		if err != nil {
			s.Fatal(err)
		}
	}
}

func TestAPartOfASnapshotIsRestored(t *testing.T) {
	s := newStage(t)
	m := s.take(fstest.MapFS{"a": file("1"), "d/b.c": file("2"), "d/e/f": file("3"), "d/g.c": file("4")}, take.Options{})
	for _, c := range []struct {
		what  string
		o     restore.Options
		want  string
		files int64
	}{
		{"everything", restore.Options{}, "a d d/b.c d/e d/e/f d/g.c", 4},
		{"a directory", restore.Options{Path: "d"}, "b.c e e/f g.c", 3},
		{"a file", restore.Options{Path: "/d/g.c"}, "g.c", 1},
		{"a file by its whole path", restore.Options{Path: "d/b.c", Include: []string{"/x/d/b.c"}}, "b.c", 1},
		{"what matches", restore.Options{Path: "d", Include: []string{"*.c"}}, "b.c g.c", 2},
		{"what doesn't match", restore.Options{Exclude: []string{"/d/*.c"}}, "a d d/e d/e/f", 2},
		{"a whole path of the source", restore.Options{Path: "d", Include: []string{"/x/d/e/f"}}, "e e/f", 1},
	} {
		c.o.To = filepath.Join(t.TempDir(), "new", "out")
		report := s.restore(m, c.o)
		if got := strings.Join(names(t, c.o.To), " "); got != c.want {
			t.Errorf("%s: %q is restored, not %q", c.what, got, c.want)
		}
		if report.Files != c.files || report.Created < c.files {
			t.Errorf("%s: the report is %+v, want %d files", c.what, report, c.files)
		}
	}
}

func TestAPatternThatSelectsNothingMakesARestoreIncomplete(t *testing.T) {
	s := newStage(t)
	m := s.take(fstest.MapFS{"a": file("1"), "b": file("2")}, take.Options{})
	to := t.TempDir()
	report, err := restore.Run(t.Context(), s.e, m, restore.Options{To: to, Include: []string{"a", "none"}, Exclude: []string{"nor"}})
	incomplete, ok := errors.AsType[*outcome.IncompleteError](err)
	if !ok || !slices.Equal(incomplete.Unmatched, []string{`--include "none"`}) {
		t.Errorf("%v", err)
	}
	if !slices.Equal(report.Unmatched, []string{`--include "none"`, `--exclude "nor"`}) || !slices.Equal(names(t, to), []string{"a"}) {
		t.Errorf("%q are restored; %+v", names(t, to), report)
	}
	if report := s.restore(m, restore.Options{To: t.TempDir(), Exclude: []string{"nor"}}); !slices.Equal(report.Unmatched, []string{`--exclude "nor"`}) {
		t.Errorf("an exclusion alone: %+v", report)
	}
}

func TestOnlyWhatTheSnapshotCoversIsDeleted(t *testing.T) {
	s := newStage(t)
	files := fstest.MapFS{"a": file("1"), "d/b": file("2"), "d/x.o": file("3"), ".qsnapignore": file("*.tmp\n"), "big": file("123456789")}
	limit := int64(8)
	m := s.take(files, take.Options{Excludes: []string{"*.o"}, MaxFileSize: &limit})
	to := t.TempDir()
	put(t, to, "a", "extra", "d/b", "d/extra", "d/x.o", "y.tmp", "big", "more/extra")
	if err := os.WriteFile(filepath.Join(to, "huge"), make([]byte, limit+1), 0o644); err != nil {
		t.Fatal(err)
	}
	var spared []string
	var plan extract.Plan
	report := s.restore(m, restore.Options{To: to, Delete: true,
		Confirm:  func(p extract.Plan) error { plan = p; return nil },
		Progress: func(p restore.Progress) { spared = append(spared, p.Path[:len(p.Path)*min(1, len(p.Spared))]) },
	})
	if got, want := strings.Join(names(t, to), " "), ".qsnapignore a big d d/b d/x.o huge y.tmp"; got != want {
		t.Errorf("%q are left, not %q", got, want)
	}
	spared = slices.DeleteFunc(spared, func(p string) bool { return p == "" })
	slices.Sort(spared)
	if report.Deleted != 4 || plan.Delete != 4 || report.Spared != 4 || !slices.Equal(spared, []string{"big", "d/x.o", "huge", "y.tmp"}) {
		t.Errorf("spared are %q; the plan was %+v; the report is %+v", spared, plan, report)
	}
}

// An old manifest has no rules. If its lists of what it left out are cut short, nobody knows
// what else it left out.
func TestNothingIsDeletedIfItIsNotKnownWhatWasLeftOut(t *testing.T) {
	s := newStage(t)
	m := s.take(fstest.MapFS{"a": file("1"), "x.o": file("2")}, take.Options{Excludes: []string{"*.o"}})
	old := *m
	old.Rules, old.Notes = nil, [32]byte{}
	for _, c := range []struct {
		skipped snapshot.Remarks
		want    string
	}{
		{snapshot.Remarks{Total: 1, List: []snapshot.Remark{{Path: "listed", Text: "by a rule"}}}, "a listed x.o"},
		{snapshot.Remarks{Total: 3, List: []snapshot.Remark{{Path: "listed", Text: "by a rule"}}}, "a extra listed x.o"},
	} {
		to := t.TempDir()
		put(t, to, "a", "extra", "listed", "x.o")
		old.Skipped = c.skipped
		s.restore(&old, restore.Options{To: to, Delete: true})
		if got := strings.Join(names(t, to), " "); got != c.want {
			t.Errorf("%d were left out: %q are left, not %q", c.skipped.Total, got, c.want)
		}
	}
}

// Of several paths a snapshot holds nothing beside them.
func TestNeighboursOfTheSourcesStay(t *testing.T) {
	s := newStage(t)
	src := t.TempDir()
	put(t, src, "p/a/1", "p/b/2")
	m, err := take.Run(t.Context(), s.e, take.Paths(filepath.Join(src, "p", "a"), filepath.Join(src, "p", "b")), take.Options{})
	if err != nil {
		t.Fatal(err)
	}
	put(t, src, "p/c/3", "p/a/extra")
	s.restore(m, restore.Options{To: src, Path: strings.TrimPrefix(filepath.ToSlash(src), "/"), Delete: true, InPlace: true})
	if got, want := strings.Join(names(t, src), " "), "p p/a p/a/1 p/b p/b/2 p/c p/c/3"; got != want {
		t.Errorf("%q are left, not %q", got, want)
	}
}

func TestAFileThatIsLostIsNamedWithASnapshotThatHasIt(t *testing.T) {
	s := newStage(t)
	s.take(fstest.MapFS{"d/f": file("older"), "d/g": file("g")}, take.Options{})
	older := s.take(fstest.MapFS{"d/f": file("old"), "d/g": file("g")}, take.Options{})
	m := s.take(fstest.MapFS{"d/f": file("new"), "d/g": file("g")}, take.Options{})
	s.take(fstest.MapFS{"d/f": file("other"), "d/g": file("g")}, take.Options{Hostname: "another"})
	s.lose(m, "d/f")
	for _, c := range []struct{ path, lost, left string }{{"", "d/f", "d d/g"}, {"d", "f", "g"}, {"d/f", "f", ""}} {
		to := t.TempDir()
		var named []string
		found := map[string]*snapshot.Manifest{}
		report, err := restore.Run(t.Context(), s.e, m, restore.Options{To: to, Path: c.path, Progress: func(p restore.Progress) {
			switch {
			case p.Problem != nil:
				named = append(named, p.Path)
			case p.Elsewhere != nil:
				found[p.Path] = p.Elsewhere
			}
		}})
		if !errors.Is(err, outcome.ErrDamaged) || !errors.Is(err, outcome.ErrIncomplete) || report.Problems != 1 || !slices.Equal(named, []string{c.lost}) {
			t.Errorf("of %q %q failed; %+v; %v", c.path, named, report, err)
		}
		if len(found) != 1 || found[c.lost] == nil || found[c.lost].ID != older.ID {
			t.Errorf("of %q: elsewhere are %v, want %s in %s", c.path, found, c.lost, older.ID.Short())
		}
		if got := strings.Join(names(t, to), " "); got != c.left {
			t.Errorf("of %q: %q are restored, not %q", c.path, got, c.left)
		}
	}
}
