package repo_test

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	slash "path"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/qsnap/qsnap/internal/test/treetest"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target/targettest"
)

// A liveWorld is a live tree, random and changed at random after its snapshot, and what is
// around it.
type liveWorld struct {
	t       *testing.T
	rng     *rand.Rand
	live    string
	outside string
	left    *atomic.Int64   // changes until nothing can be changed, or nil
	mounts  map[string]bool // in the live tree, and whether something is mounted there now
	options repo.SnapshotOptions
	ignored map[string]bool // directories with rules that leave out *.log
	caches  map[string]bool // directories that are tagged as caches
	made    []string        // paths of the live tree

	m     *snapshot.Manifest
	taken map[string]string // what the snapshot has, as treetest describes it
	lost  map[string]bool   // files of it whose content is gone
	large map[string]bool   // files that it left out as too large
}

// newLiveWorld makes a world of some seed, on a file system that can die or on one that
// can't.
func newLiveWorld(t *testing.T, seed uint64) *liveWorld {
	w := &liveWorld{t: t, rng: rand.New(rand.NewPCG(seed, 1)), mounts: map[string]bool{}, ignored: map[string]bool{}, caches: map[string]bool{}}
	top := t.TempDir()
	if w.rng.IntN(2) == 0 {
		at, left, unmount := mountMortal(t, top, math.MaxInt64)
		t.Cleanup(unmount)
		top, w.left = at, left
	}
	w.live, w.outside = filepath.Join(top, "live"), filepath.Join(top, "outside")
	must(t, os.Mkdir(w.live, 0o755), os.Mkdir(w.outside, 0o755), os.WriteFile(filepath.Join(w.outside, "file"), []byte("outside"), 0o4755))
	w.options = repo.SnapshotOptions{Exclude: []string{"*.o"}, OneFileSystem: w.rng.IntN(2) == 0, SkipCaches: w.rng.IntN(2) == 0}
	if w.rng.IntN(2) == 1 {
		w.options.MaxFileSize = new(int64(500))
	}
	return w
}

var modelNames = []string{"a", "b", "c", "d", "e", "x.o", "y.log", "keep", "large", "lost+found"}

func (w *liveWorld) at(name string) string { return filepath.Join(w.live, name) }

// some returns a path that was made in the live tree, and is there and of some type, or nothing.
func (w *liveWorld) some(kind func(fs.FileMode) bool) string {
	for range 20 {
		if len(w.made) == 0 {
			break
		}
		name := w.made[w.rng.IntN(len(w.made))]
		if info, err := os.Lstat(w.at(name)); err == nil && kind(info.Mode()) {
			return name
		}
	}
	return ""
}

// add makes something at random, if its name is free.
func (w *liveWorld) add(later bool) {
	dir := ""
	if w.rng.IntN(4) > 0 {
		dir = w.some(fs.FileMode.IsDir)
	}
	name := slash.Join(dir, modelNames[w.rng.IntN(len(modelNames))])
	if _, err := os.Lstat(w.at(name)); err == nil {
		return
	}
	w.made = append(w.made, name)
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
	case n == 10:
		if first := w.some(fs.FileMode.IsRegular); first == "" || w.decides(first) || os.Link(w.at(first), w.at(name)) != nil { // on another file system
			must(w.t, os.WriteFile(w.at(name), []byte(text), 0o644))
		}
	case n == 11 && len(w.mounts) < 3:
		must(w.t, os.Mkdir(w.at(name), 0o755))
		if err := unix.Mount("tmpfs", w.at(name), "tmpfs", 0, "size=1m"); err != nil {
			w.t.Skipf("mounting isn't possible here: %v", err)
		}
		w.t.Cleanup(func() { w.unmount(name) })
		w.mounts[name] = true
		must(w.t, os.WriteFile(w.at(name+"/mounted"), []byte(text), 0o644))
	}
}

func (w *liveWorld) unmount(name string) {
	if w.mounts[name] {
		must(w.t, unix.Unmount(w.at(name), unix.MNT_DETACH))
		w.mounts[name] = false
	}
}

// decides reports whether a file says what is left out.
func (w *liveWorld) decides(name string) bool {
	return strings.HasSuffix(name, ".qsnapignore") || strings.HasSuffix(name, "CACHEDIR.TAG")
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
	name := w.some(func(fs.FileMode) bool { return true })
	if w.mounts[name] && w.rng.IntN(3) == 0 && !w.holdsMount(name+"/") {
		w.unmount(name)
		if w.taken[name] == "" { // nobody knows that it ever was one
			delete(w.mounts, name)
		}
		return
	}
	if name == "" || w.holdsMount(name) || w.decides(name) {
		return
	}
	info, err := os.Lstat(w.at(name))
	must(w.t, err)
	switch n := w.rng.IntN(5); {
	case n == 0:
		w.remove(name)
	case n == 1 && info.Mode().IsRegular():
		must(w.t, os.Chmod(w.at(name), 0o600))
	case n == 2 && info.Mode().IsRegular():
		must(w.t, os.Remove(w.at(name)), os.MkdirAll(w.at(name+"/was"), 0o755), os.WriteFile(w.at(name+"/was/file"), []byte(name), 0o644))
	case n == 3 && !info.IsDir():
		must(w.t, os.Remove(w.at(name)))
		w.link(name)
	case n == 4 && info.Mode().IsRegular():
		out := filepath.Join(w.outside, strings.ReplaceAll(name, "/", "-"))
		if os.Link(w.at(name), out) == nil && w.rng.IntN(2) == 0 {
			must(w.t, os.Chmod(out, 0o4711))
		}
	}
}

// remove removes something, and what is known of it unless the snapshot knows that.
func (w *liveWorld) remove(name string) {
	must(w.t, os.RemoveAll(w.at(name)))
	for _, known := range []map[string]bool{w.ignored, w.caches} {
		for dir := range known {
			if (dir == name || strings.HasPrefix(dir, name+"/")) && w.taken[dir] == "" {
				delete(known, dir)
			}
		}
	}
}

// holdsMount reports whether something is, or was, a mount point or holds one.
func (w *liveWorld) holdsMount(name string) bool {
	for m := range w.mounts {
		if m == name || strings.HasPrefix(m, strings.TrimSuffix(name, "/")+"/") {
			return true
		}
	}
	return false
}

// noteTaken notes what the snapshot has.
func (w *liveWorld) noteTaken(f *fixture) {
	w.taken, w.lost, w.large = map[string]string{}, map[string]bool{}, map[string]bool{}
	all := treetest.Describe(w.t, w.live)
	for _, e := range f.entries(w.m) {
		if w.taken[e.path] = all[e.path]; all[e.path] == "" {
			w.t.Fatalf("the snapshot has %s, which isn't there", e.path)
		}
	}
	for name, line := range all {
		w.large[name] = w.taken[name] == "" && w.tooLarge(sizeOf(line))
	}
}

// losePack spoils a pack, and notes which files it costs.
func (w *liveWorld) losePack(f *fixture, mem *targettest.Memory, pack string) {
	spoil := missingPacks()
	ways := slices.Sorted(maps.Keys(spoil))
	spoil[ways[w.rng.IntN(len(ways))]](w.t, mem, pack)
	f.reopen()
	view := f.View(w.m).FS(w.t.Context())
	for name, line := range w.taken {
		if kindOf(line) != syscall.S_IFREG {
			continue
		}
		_, err := fs.ReadFile(view, name)
		if w.lost[name] = err != nil; err != nil && !errors.Is(err, repo.ErrDamaged) {
			w.t.Fatal(err)
		}
	}
}

// stays returns why a path must stay that the snapshot doesn't have, or an empty text. It
// follows the documented rule and uses no code of the program.
func (w *liveWorld) stays(name string, size int64) string {
	for at := name; at != "."; at = slash.Dir(at) {
		_, mount := w.mounts[at]
		switch {
		case mount:
			return "mount"
		case w.large[at]:
			return "size"
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
	if w.tooLarge(size) {
		return "size"
	}
	return ""
}

// tooLarge reports whether the snapshot leaves out a file of that size.
func (w *liveWorld) tooLarge(size int64) bool {
	return w.options.MaxFileSize != nil && size > *w.options.MaxFileSize
}
