package repo_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/qsnap/qsnap/internal/test/treetest"
	"github.com/qsnap/qsnap/repo"
)

// A dry run writes nothing, not even to find out which names meet: it goes by what is there,
// and says what it can't know.
func TestADryRunNamesTheNamesThatMeetAsFarAsCanBeKnown(t *testing.T) {
	case1, case2, composed, decomposed := "A", "a", "caf\u00e9", "cafe\u0301"
	for name, c := range map[string]struct {
		key     func(dir, name string) string
		there   []string
		files   []string
		named   []string
		unknown bool
		dir     string // to restore to, below the mount
	}{
		"one of them is there":           {key: foldsCase, there: []string{"a"}, files: []string{case1, case2}, named: []string{"A"}},
		"one spelling is there":          {key: composes, there: []string{decomposed}, files: []string{composed, decomposed}, named: []string{composed}},
		"another name is there":          {key: foldsCase, there: []string{"x"}, files: []string{case1, case2, "new/" + case1, "new/" + case2}, named: []string{"a", "new/a"}},
		"the destination is to be made":  {key: foldsCase, there: []string{"x"}, files: []string{case1, case2}, named: []string{"a"}, dir: "new/er"},
		"a directory tells them apart":   {key: func(_, name string) string { return name }, there: []string{"x"}, files: []string{case1, case2}},
		"both are there":                 {key: composes, there: []string{case1, case2}, files: []string{case1, case2}},
		"nothing is there":               {key: foldsCase, files: []string{case1, case2}, unknown: true},
		"letters, and nothing is there":  {key: composes, files: []string{composed, decomposed}, unknown: true},
		"letters of which one is enough": {key: composes, files: []string{composed, "\u0436", "\u044f", "\u4e2d"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			m := f.snapshot(repo.FromFS(filesOf(c.files...), "/x"), repo.SnapshotOptions{})
			to := mountFolding(t, folding{key: c.key})
			for _, path := range c.there {
				must(t, os.WriteFile(filepath.Join(to, path), []byte(path), 0o644))
			}
			before := treetest.Describe(t, to)
			var unknown *repo.NamesUnknown
			o := repo.RestoreOptions{To: filepath.Join(to, c.dir), DryRun: true}
			named, err := f.named(m, o, &unknown)
			if !slices.Equal(named, c.named) || (err != nil) != (len(c.named) > 0) || err != nil && !errors.Is(err, repo.ErrIncomplete) {
				t.Errorf("%+q are named, not %+q; %v", named, c.named, err)
			}
			if (unknown != nil) != c.unknown {
				t.Errorf("%v is said not to be known", unknown)
			}
			treetest.Equal(t, before, treetest.Describe(t, to))
		})
	}
}
