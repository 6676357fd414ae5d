package repo_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/qsnap/qsnap/repo"
)

// Where files can't have several names, each name is restored as a file of its own, and is
// named.
func TestWithoutHardLinksEachNameIsAFileOfItsOwn(t *testing.T) {
	src := t.TempDir()
	makeTree(t, src, map[string]string{"a": "text", "dir/d": "text of another", "alone": "alone"})
	must(t, os.Link(filepath.Join(src, "a"), filepath.Join(src, "b")), os.Link(filepath.Join(src, "a"), filepath.Join(src, "dir/c")), os.Link(filepath.Join(src, "dir/d"), filepath.Join(src, "e")))
	f := newFixture(t)
	m := f.snapshot(repo.Paths(src), repo.SnapshotOptions{})
	to := mountFolding(t, folding{key: func(_, name string) string { return name }})
	must(t, os.Mkdir(filepath.Join(to, "dir"), 0o755))
	named, err := f.named(m, repo.RestoreOptions{To: to, Verify: true}, new(*repo.NamesUnknown))
	if !slices.Equal(named, []string{"b", "dir/c", "e"}) && !slices.Equal(named, []string{"b", "dir/c", "dir/d"}) {
		t.Errorf("%q are named", named)
	}
	if !errors.Is(err, repo.ErrIncomplete) || errors.Is(err, repo.ErrVerification) {
		t.Error(err)
	}
	for name, want := range map[string]string{"a": "text", "b": "text", "dir/c": "text", "dir/d": "text of another", "e": "text of another", "alone": "alone"} {
		info, err := os.Stat(filepath.Join(to, name))
		if err != nil {
			t.Error(err)
			continue
		}
		if text, err := os.ReadFile(filepath.Join(to, name)); string(text) != want || info.Sys().(*syscall.Stat_t).Nlink != 1 {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
}

// A name that the destination can't have is named, with the reason; all else is restored,
// and nothing is left of what can't be.
func TestNamesThatTheDestinationCanNotHaveAreNamed(t *testing.T) {
	refused := []string{"a:b", "d:d/x", "q?"}
	f := newFixture(t)
	m := f.snapshot(repo.FromFS(filesOf(append(refused, "a", "b", "d/x", "q")...), "/x"), repo.SnapshotOptions{})
	for _, errno := range []syscall.Errno{syscall.EINVAL, syscall.EILSEQ, syscall.ENOENT, syscall.EPERM} {
		to := mountFolding(t, folding{key: func(_, name string) string { return name }, refuse: func(name string) syscall.Errno {
			if strings.ContainsAny(name, ":?") {
				return errno
			}
			return 0
		}})
		var said []string
		o := repo.RestoreOptions{To: to, Delete: true, Verify: true, NoOwner: true, NoSync: true, Progress: func(u repo.RestoreProgress) {
			if u.Problem != nil {
				said = append(said, u.Problem.Error())
			}
		}}
		for range 2 {
			said = nil
			if _, err := f.Restore(t.Context(), m, o); !errors.Is(err, repo.ErrIncomplete) || errors.Is(err, repo.ErrVerification) || len(said) != 3 {
				t.Errorf("%v: %v, %q", errno, err, said)
			}
			for _, text := range said {
				if errno != syscall.EPERM && !strings.Contains(text, "such a name") {
					t.Errorf("%v: %s", errno, text)
				}
			}
			if left := pathsIn(t, to); !slices.Equal(left, []string{"a", "b", "d/x", "q"}) {
				t.Errorf("%q are there", left)
			}
		}
	}
}
