package governor

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func openTestShare(t *testing.T, dir string) *Share {
	t.Helper()
	s, err := join(dir, WithHost, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

var wants = demand{CPU: 0.9, IO: 0.9, MoreCPU: true, MoreIO: true}

func TestRunsThatWaitShareTheBudgetUntilOneEnds(t *testing.T) {
	dir := t.TempDir()
	a, b := openTestShare(t, dir), openTestShare(t, dir)
	a.look(wants)
	b.look(wants)
	a.look(wants)
	if half := (share{0.5, 0.5}); a.part != half || b.part != half {
		t.Errorf("two runs get %v and %v", a.part, b.part)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if a.look(wants); a.part != (share{1, 1}) {
		t.Errorf("the run that is left gets %v", a.part)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("%d files are left of one run", len(left))
	}
}

func TestARunWhoseProcessIsDeadCountsForNothing(t *testing.T) {
	dir := t.TempDir()
	a, b := openTestShare(t, dir), openTestShare(t, dir)
	b.look(wants)
	path := b.own.Name()
	b.own.Close() // as when the process dies: the lock goes, the file stays
	if a.look(wants); a.part != (share{1, 1}) {
		t.Errorf("beside a dead run it gets %v", a.part)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the file of a run that may just begin was removed: %v", err)
	}
	old := time.Now().Add(-2 * abandonedAfter)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	a.look(wants)
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the file of a dead run stays: %v", err)
	}
	b.own = nil
}

func TestFilesThatAreNoRunsAreLeftAlone(t *testing.T) {
	dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "outside")
	a, b := openTestShare(t, dir), openTestShare(t, dir)
	b.look(wants)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile(outside, wants.line(), 0o644))
	must(os.Symlink(outside, filepath.Join(dir, "link")))
	must(os.Link(b.own.Name(), filepath.Join(dir, "second-name")))
	must(os.Link(a.own.Name(), filepath.Join(dir, "own-second-name")))
	must(unix.Mkfifo(filepath.Join(dir, "fifo"), 0o644))
	must(os.Mkdir(filepath.Join(dir, "dir"), 0o755))
	must(os.WriteFile(filepath.Join(dir, "unlocked"), wants.line(), 0o644))
	reader, err := os.Open(filepath.Join(dir, "unlocked"))
	must(err)
	defer reader.Close()
	must(unix.Flock(int(reader.Fd()), unix.LOCK_SH)) // another user can take a lock for reading
	if a.look(wants); a.part != (share{0.5, 0.5}) {
		t.Errorf("beside one run it gets %v", a.part)
	}
	if b, err := os.ReadFile(outside); err != nil || string(b) != string(wants.line()) {
		t.Errorf("a file outside was changed: %q, %v", b, err)
	}
}

func TestADirectoryThatOthersCouldHaveMadeIsNotTheHosts(t *testing.T) {
	run := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	dir := func(name string, mode os.FileMode) string {
		path := filepath.Join(run, name)
		must(os.Mkdir(path, 0o755))
		must(os.Chmod(path, mode))
		return path
	}
	open := dir("open", 0o777)
	must(os.Mkdir(filepath.Join(open, "budget"), 0o755))
	must(os.Chmod(filepath.Join(open, "budget"), 0o777|os.ModeSticky))
	elsewhere := dir("elsewhere", 0o777|os.ModeSticky)
	must(os.Symlink(elsewhere, filepath.Join(run, "link")))
	for path, want := range map[string]string{
		filepath.Join(open, "budget"): "can be changed by others",
		dir("plain", 0o777):           "needs the mode 1777",
		dir("private", 0o700):         "needs the mode 1777",
		filepath.Join(run, "link"):    "is no directory",
	} {
		if err := openHostShare(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error with %q", path, err, want)
		}
	}
	if err := openHostShare(dir("right", 0o777|os.ModeSticky)); err != nil {
		t.Errorf("the right mode is refused: %v", err)
	}
}

func TestWithoutTheHostsDirectoryTheBudgetIsTheUsers(t *testing.T) {
	host := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(host, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	user := filepath.Join(t.TempDir(), "state", "budget")
	s := OpenShare(host, user, rand.Reader)
	defer s.Close()
	if s.With != WithUser || s.Why == nil {
		t.Errorf("the budget is shared with %q, because %v", s.With, s.Why)
	}
	if s.look(wants); s.part != (share{1, 1}) {
		t.Errorf("alone it gets %v", s.part)
	}
}

func TestTheHostsDirectoryIsMadeWhenRootOpensIt(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root makes it")
	}
	host := filepath.Join(t.TempDir(), "qsnap", "budget")
	defer unix.Umask(unix.Umask(0o077)) // as of a service
	s := OpenShare(host, t.TempDir(), rand.Reader)
	defer s.Close()
	info, err := os.Stat(host)
	if err != nil || info.Mode().Perm() != 0o777 || info.Mode()&os.ModeSticky == 0 {
		t.Errorf("the directory has mode %v: %v", info.Mode(), err)
	}
	if info, err := os.Stat(filepath.Dir(host)); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("the directory above has mode %v: %v", info.Mode(), err)
	}
	if info, err := s.own.Stat(); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("the file of the run has mode %v: %v", info.Mode(), err)
	}
	if s.With != WithHost || s.Why != nil {
		t.Errorf("the budget is shared with %q, because %v", s.With, s.Why)
	}
}
