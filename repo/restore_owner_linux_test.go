package repo_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/qsnap/qsnap/repo"
)

// A program of a user's that root restores without owners runs as nobody else. Doing it
// again changes nothing, and a restore with owners gives it back what it lacks.
func TestARestoreWithoutOwnersLeavesOutTheirPrivileges(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can set owners")
	}
	f := newFixture(t)
	src, to := t.TempDir(), t.TempDir()
	program := filepath.Join(src, "program")
	if err := os.WriteFile(program, []byte("x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Chown(program, 1000, 1000), unix.Chmod(program, 0o6755)); err != nil {
		t.Fatal(err)
	}
	m := f.snapshot(repo.Paths(src), repo.SnapshotOptions{})
	notices := 0
	check := func(noOwner bool, mode, uid uint32, withheld, touched int64) {
		t.Helper()
		notices = 0
		report := f.restore(m, repo.RestoreOptions{To: to, NoOwner: noOwner, Progress: func(u repo.RestoreProgress) {
			if u.Notice != nil && u.Path == "program" && strings.Contains(u.Notice.Error(), "set-user-ID") {
				notices++
			}
		}})
		var st unix.Stat_t
		if err := unix.Lstat(filepath.Join(to, "program"), &st); err != nil || st.Mode&0o7777 != mode || st.Uid != uid {
			t.Errorf("mode %o of user %d, want %o of %d: %v", st.Mode&0o7777, st.Uid, mode, uid, err)
		}
		if report.Withheld != withheld || int64(notices) != withheld || report.Touched != touched {
			t.Errorf("%d withheld, %d notices, %d touched; want %d, %d, %d", report.Withheld, notices, report.Touched, withheld, withheld, touched)
		}
	}
	check(true, 0o755, 0, 1, 0)
	check(true, 0o755, 0, 0, 0)
	check(false, 0o6755, 1000, 0, 1)
	if err := errors.Join(os.Chown(filepath.Join(to, "program"), 0, 0), unix.Chmod(filepath.Join(to, "program"), 0o6755)); err != nil {
		t.Fatal(err)
	}
	check(true, 0o755, 0, 1, 1)
}
