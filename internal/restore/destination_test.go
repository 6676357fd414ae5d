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

	"github.com/qsnap/qsnap/internal/extract"
	"github.com/qsnap/qsnap/internal/outcome"
	"github.com/qsnap/qsnap/internal/restore"
	"github.com/qsnap/qsnap/internal/take"
)

func TestADryRunMakesNothing(t *testing.T) {
	s := newStage(t)
	m := s.take(fstest.MapFS{"a": file("1"), "d/b": file("2")}, take.Options{})
	parent, temporary := t.TempDir(), t.TempDir()
	t.Setenv("TMPDIR", temporary)
	dry := s.restore(m, restore.Options{To: filepath.Join(parent, "new", "out"), DryRun: true})
	if got := names(t, parent); len(got) > 0 {
		t.Errorf("%q are made", got)
	}
	if got := names(t, temporary); len(got) > 0 {
		t.Errorf("%q are left", got)
	}
	real := s.restore(m, restore.Options{To: filepath.Join(parent, "new", "out")})
	if dry.Created != real.Created || dry.Files != real.Files || real.Files != 2 {
		t.Errorf("dry %+v, real %+v", dry, real)
	}
}

func TestADestinationThatCannotBeUsedIsNamed(t *testing.T) {
	s := newStage(t)
	m := s.take(fstest.MapFS{"a": file("1")}, take.Options{})
	dir := t.TempDir()
	put(t, dir, "file")
	for to, want := range map[string]string{"": "no destination", filepath.Join(dir, "file"): "it is no directory"} {
		report, err := restore.Run(t.Context(), s.e, m, restore.Options{To: to})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), to) || report.Created != 0 {
			t.Errorf("%q: %v", to, err)
		}
	}
	if report, err := restore.Run(t.Context(), s.e, m, restore.Options{To: filepath.Join(dir, "out"), Path: "none"}); !errors.Is(err, fs.ErrNotExist) || report.Created != 0 {
		t.Errorf("a path that isn't in the snapshot: %v", err)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"file"}) {
		t.Errorf("%q are there", got)
	}
}

func TestARestoreNeitherDeletesNorEntersWhatIsProtected(t *testing.T) {
	s := newStage(t)
	m := s.take(fstest.MapFS{"a": file("1"), "b": file("2")}, take.Options{})
	top := t.TempDir()
	put(t, top, "repository/config", "secret/key", "home/key")
	if err := errors.Join(
		os.Symlink(filepath.Join(top, "repository"), filepath.Join(top, "link")),
		os.Symlink(filepath.Join(top, "secret", "key"), filepath.Join(top, "home", "linked")),
	); err != nil {
		t.Fatal(err)
	}
	protect := []string{filepath.Join(top, "repository"), filepath.Join(top, "home", "key"), filepath.Join(top, "home", "linked"), filepath.Join(top, "absent")}
	for _, to := range []string{"repository", "repository/sub/new", "link", "link/new"} {
		_, err := restore.Run(t.Context(), s.e, m, restore.Options{To: filepath.Join(top, to), Protect: protect})
		if err == nil || !strings.Contains(err.Error(), "what qsnap itself uses") {
			t.Errorf("to %s: %v", to, err)
		}
	}
	for _, to := range []string{"home", "secret"} {
		report, err := restore.Run(t.Context(), s.e, m, restore.Options{To: filepath.Join(top, to), Protect: protect, Delete: true, NoSync: true})
		if got, _ := os.ReadFile(filepath.Join(top, to, "key")); string(got) != "live" || report.Created != 2 || report.Spared == 0 {
			t.Errorf("in %s: the key is %q; %+v, %v", to, got, report, err)
		}
	}
	if _, err := os.Lstat(filepath.Join(top, "home", "linked")); err != nil {
		t.Errorf("the link is gone: %v", err)
	}
	if got := names(t, filepath.Join(top, "repository")); !slices.Equal(got, []string{"config"}) {
		t.Errorf("the repository has %q", got)
	}
}

func TestARestoreThatIsRefusedLeavesEverything(t *testing.T) {
	s := newStage(t)
	m := s.take(fstest.MapFS{"a": file("1")}, take.Options{})
	to := t.TempDir()
	put(t, to, "extra")
	refused := errors.New("no")
	report, err := restore.Run(t.Context(), s.e, m, restore.Options{To: to, Delete: true, Confirm: func(p extract.Plan) error { return refused }})
	if !errors.Is(err, refused) || errors.Is(err, outcome.ErrIncomplete) || report.Created+report.Deleted != 0 {
		t.Errorf("%+v, %v", report, err)
	}
	if got := names(t, to); !slices.Equal(got, []string{"extra"}) {
		t.Errorf("%q are there", got)
	}
}

func TestProgressEndsWithEverythingDone(t *testing.T) {
	s := newStage(t)
	m := s.take(fstest.MapFS{"a": file("123"), "d/b": file("12")}, take.Options{})
	for _, c := range []struct {
		o    restore.Options
		want outcome.Progress
	}{
		{restore.Options{}, outcome.Progress{Phase: "restore", Done: 5, Total: 5, Unit: "bytes"}},
		{restore.Options{Path: "d"}, outcome.Progress{Phase: "restore", Done: 2, Unit: "bytes"}},
	} {
		var last restore.Progress
		actions := 0
		c.o.To, c.o.Actions = t.TempDir(), true
		c.o.Progress = func(p restore.Progress) {
			if last = p; p.Action == "create" && p.Entry != nil {
				actions++
			}
		}
		report := s.restore(m, c.o)
		if last.Progress != c.want || !last.Finished || last.Report.Created != report.Created || int64(actions) != report.Created {
			t.Errorf("%q: the last progress is %+v after %d actions; the report is %+v", c.o.Path, last, actions, report)
		}
	}
}
