package repo_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	slash "path"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/qsnap/qsnap/internal/treetest"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
)

// A liveWorld is a live tree, random and changed at random after its snapshot, and what is
// around it.
type liveWorld struct {
	t       *testing.T
	rng     *rand.Rand
	live    string
	outside string
	mounts  map[string]bool // in the live tree
	options repo.SnapshotOptions
	ignored map[string]bool // directories of the snapshot with rules that leave out *.log
	caches  map[string]bool // directories that are tagged as caches
}

var modelNames = []string{"a", "b", "c", "d", "e", "x.o", "y.log", "keep", "large", "lost+found"}

func (w *liveWorld) at(name string) string { return filepath.Join(w.live, name) }

// dirs returns the directories of the live tree that are no mount points, the root first.
func (w *liveWorld) dirs() (out []string) {
	out = []string{""}
	for _, name := range namesBelow(w.t, w.live) {
		if info, err := os.Lstat(w.at(name)); err == nil && info.IsDir() {
			out = append(out, name)
		}
	}
	return out
}

func (w *liveWorld) someDir() string {
	dirs := w.dirs()
	return dirs[w.rng.IntN(len(dirs))]
}

// add makes something at random, if its name is free.
func (w *liveWorld) add(later bool) {
	name := slash.Join(w.someDir(), modelNames[w.rng.IntN(len(modelNames))])
	if _, err := os.Lstat(w.at(name)); err == nil {
		return
	}
	text := fmt.Sprintf("%s %d", name, w.rng.IntN(1000))
	if slash.Base(name) == "large" {
		text = strings.Repeat(text, 100)
	}
	switch n := w.rng.IntN(12); {
	case n < 5:
		must(w.t, os.Mkdir(w.at(name), 0o755))
		switch w.rng.IntN(8) {
		case 0:
			must(w.t, os.WriteFile(w.at(name+"/CACHEDIR.TAG"), []byte(cacheTag), 0o644))
			w.caches[name] = true
		case 1:
			must(w.t, os.WriteFile(w.at(name+"/.qsnapignore"), []byte("*.log\n"), 0o644))
			w.ignored[name] = true
		}
	case n < 9:
		must(w.t, os.WriteFile(w.at(name), []byte(text), 0o644))
	case n == 9:
		must(w.t, os.Symlink(w.outside, w.at(name)))
	case n == 10 && later:
		w.link(name)
	case n == 11 && len(w.mounts) < 3:
		must(w.t, os.Mkdir(w.at(name), 0o755))
		if err := unix.Mount("tmpfs", w.at(name), "tmpfs", 0, "size=1m"); err != nil {
			w.t.Skipf("mounting isn't possible here: %v", err)
		}
		w.t.Cleanup(func() { must(w.t, unix.Unmount(w.at(name), unix.MNT_DETACH)) })
		w.mounts[name] = true
		must(w.t, os.WriteFile(w.at(name+"/mounted"), []byte(text), 0o644))
	}
}

// link gives the file outside a name in the live tree, or makes another file there if that
// is on another file system.
func (w *liveWorld) link(name string) {
	if os.Link(filepath.Join(w.outside, "file"), w.at(name)) != nil {
		must(w.t, os.WriteFile(w.at(name), []byte("outside"), 0o644))
	}
}

// disturb changes something that is there.
func (w *liveWorld) disturb() {
	names := namesBelow(w.t, w.live)
	if len(names) == 0 {
		return
	}
	name := names[w.rng.IntN(len(names))]
	if w.holdsMount(name) || strings.HasSuffix(name, ".qsnapignore") || strings.HasSuffix(name, "CACHEDIR.TAG") {
		return
	}
	info, err := os.Lstat(w.at(name))
	must(w.t, err)
	switch n := w.rng.IntN(4); {
	case n == 0:
		must(w.t, os.RemoveAll(w.at(name)))
	case n == 1 && info.Mode().IsRegular():
		must(w.t, os.Chmod(w.at(name), 0o600))
	case n == 2 && info.Mode().IsRegular():
		must(w.t, os.Remove(w.at(name)), os.MkdirAll(w.at(name+"/was"), 0o755), os.WriteFile(w.at(name+"/was/file"), []byte(name), 0o644))
	case n == 3 && !info.IsDir():
		must(w.t, os.Remove(w.at(name)))
		w.link(name)
	}
}

func (w *liveWorld) holdsMount(name string) bool {
	for m := range w.mounts {
		if m == name || strings.HasPrefix(m, name+"/") {
			return true
		}
	}
	return false
}

// stays says, by the rule as people are told it and by nothing of the program, why a path
// that the snapshot doesn't have must stay, or is empty.
func (w *liveWorld) stays(name string, size int64) string {
	for at := name; at != "."; at = slash.Dir(at) {
		switch {
		case w.mounts[at]:
			return "mount"
		case strings.HasSuffix(at, ".o"):
			return "pattern"
		case slash.Base(at) == "lost+found":
			return "the file system's"
		case w.options.SkipCaches && w.caches[at]:
			return "cache"
		}
		if strings.HasSuffix(at, ".log") {
			for dir := slash.Dir(at); ; dir = slash.Dir(dir) {
				if w.ignored[dir] {
					return "ignore file"
				}
				if dir == "." {
					break
				}
			}
		}
	}
	if w.options.MaxFileSize > 0 && size > w.options.MaxFileSize {
		return "size"
	}
	return ""
}

// Whatever the snapshot, and whatever became of its tree and what is around it since, a
// restore loses nothing that its rule doesn't give it, and changes nothing outside.
func TestARestoreKeepsToItsRuleWhateverIsThere(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may mount")
	}
	seeds := uint64(8)
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { checkLiveWorld(t, seed) })
	}
}

func checkLiveWorld(t *testing.T, seed uint64) {
	w := &liveWorld{t: t, rng: rand.New(rand.NewPCG(seed, 1)), live: t.TempDir(), outside: t.TempDir(), mounts: map[string]bool{}, ignored: map[string]bool{}, caches: map[string]bool{}}
	must(t, os.WriteFile(filepath.Join(w.outside, "file"), []byte("outside"), 0o4755))
	w.options = repo.SnapshotOptions{Excludes: []string{"*.o"}, OneFileSystem: w.rng.IntN(2) == 0, SkipCaches: w.rng.IntN(2) == 0, MaxFileSize: int64(w.rng.IntN(2)) * 500}
	for range 40 {
		w.add(false)
	}
	f := newFixture(t)
	m := f.snapshot(repo.Paths(w.live), w.options)
	in := map[string]snapshot.Type{}
	for e, err := range f.Walk(t.Context(), &m.Root) {
		must(t, err)
		in[e.Path] = e.Type
	}
	for range 30 {
		w.add(true)
		w.disturb()
	}
	outside, before := treetest.Describe(t, w.outside), treetest.Describe(t, w.live)
	sizes := map[string]int64{}
	for name := range before {
		info, err := os.Lstat(w.at(name))
		must(t, err)
		if info.Mode().IsRegular() {
			sizes[name] = info.Size()
		}
	}
	remove := w.rng.IntN(3) > 0
	report, err := f.Restore(t.Context(), m, repo.RestoreOptions{To: w.live, Delete: remove, NoSync: true, Verify: true})
	if got, want := fileLine(treetest.Describe(t, w.outside)), fileLine(outside); got != want {
		t.Errorf("outside there is %q, was %q", got, want)
	}
	after := treetest.Describe(t, w.live)
	for name, line := range before {
		if name == "." || after[name] != "" {
			continue
		}
		_, known := in[name]
		// What is in a directory for which the snapshot has a file goes with that.
		why := w.stays(name, sizes[name])
		switch {
		case known:
			t.Errorf("%s is gone, which the snapshot has", name)
		case !remove && !strings.HasPrefix(line, "mode 4"):
			t.Errorf("%s is gone without deletion: %s", name, line)
		case !remove:
			if len(sizes) > 0 && hasBelow(before, name) {
				t.Errorf("%s, which isn't empty, is gone without deletion", name)
			}
		case why != "":
			t.Errorf("%s is gone: %s", name, why)
		case err != nil:
			if !replaced(in, name) {
				t.Errorf("%s is gone, though something failed: %v", name, err)
			}
		}
	}
	for name := range after {
		if strings.Contains(name, ".qsnap-part-") || strings.Contains(name, ".qsnap-aside-") && err == nil {
			t.Errorf("%s is left", name)
		}
		if _, known := in[name]; remove && err == nil && !known && name != "." && w.stays(name, sizes[name]) == "" && !w.holdsStaying(after, sizes, in, name) {
			t.Errorf("%s stays, and nothing says why", name)
		}
	}
	if t.Failed() {
		t.Logf("delete %v, %+v, report %+v, %v", remove, w.options, report, err)
	}
}

func hasBelow(all map[string]string, dir string) bool {
	for name := range all {
		if strings.HasPrefix(name, dir+"/") {
			return true
		}
	}
	return false
}

// replaced reports whether a path lies in what the snapshot has as something else.
func replaced(in map[string]snapshot.Type, name string) bool {
	for at := slash.Dir(name); at != "."; at = slash.Dir(at) {
		if kind, known := in[at]; known && kind != snapshot.Dir {
			return true
		}
	}
	return false
}

// holdsStaying reports whether something that has to stay is in a directory.
func (w *liveWorld) holdsStaying(all map[string]string, sizes map[string]int64, in map[string]snapshot.Type, dir string) bool {
	for name := range all {
		if _, known := in[name]; strings.HasPrefix(name, dir+"/") && !known && w.stays(name, sizes[name]) != "" {
			return true
		}
	}
	return false
}

// fileLine is the line of the file outside, but for the names that it has elsewhere.
func fileLine(all map[string]string) string {
	line, _, _ := strings.Cut(all["file"], " links ")
	return fmt.Sprint(len(all), line)
}
