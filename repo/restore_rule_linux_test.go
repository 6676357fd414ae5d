package repo_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	slash "path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/qsnap/qsnap/internal/test/treetest"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/target/targettest"
)

// Whatever the snapshot, and whatever became of its tree, of what is around it and of the
// repository since, a restore, killed or not, loses nothing that its rule doesn't give it,
// and changes nothing outside. .ci/long tries more of them.
func TestARestoreKeepsToItsRuleWhateverIsThere(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may mount")
	}
	if !inOwnMounts(t) {
		return
	}
	seeds := uint64(8)
	if wholeWalks() {
		seeds = 60
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { checkLiveWorld(t, seed) })
	}
}

func checkLiveWorld(t *testing.T, seed uint64) {
	w := newLiveWorld(t, seed)
	mem := &targettest.Memory{}
	f := newFixtureOn(t, mem)
	var packs []string // of data
	for range 4 {
		for range 10 {
			w.add(false)
		}
		w.m = f.snapshot(repo.Paths(w.live), w.options)
		for name := range packsOf(mem) {
			if mem.Objects()[name][5] == 'D' && !slices.Contains(packs, name) {
				packs = append(packs, name)
			}
		}
	}
	w.noteTaken(f)
	if len(packs) > 0 && w.rng.IntN(2) == 0 {
		w.losePack(f, mem, packs[w.rng.IntN(len(packs))])
	}
	for range 30 {
		w.add(true)
		w.disturb()
	}
	remove, first := w.rng.IntN(3) > 0, w.rng.IntN(3) == 0
	if w.left != nil {
		w.left.Store(w.rng.Int64N(40))
	}
	r := w.restore(f, remove, first)
	if r.killed {
		w.left.Store(math.MaxInt64)
		r = w.restore(f, remove, first)
	}
	if r.err != nil {
		return
	}
	if again := w.restore(f, remove, first).report; again.Created+again.Replaced+again.Touched+again.Deleted > 0 {
		t.Errorf("a restore of what is restored changes something: %+v", again)
	}
}

// A restoring is one restore, and what was there before and after it.
type restoring struct {
	*liveWorld
	remove, first bool // delete, and do it first
	killed        bool
	before, after map[string]string
	outside       map[string]string
	named         map[string]bool // of problems
	leftover      map[string]bool
	spared        map[string]string
	report        repo.RestoreReport
	err           error
}

// restore restores the snapshot to the live tree, and sees whether that kept to the rule.
func (w *liveWorld) restore(f *fixture, remove, first bool) *restoring {
	r := &restoring{liveWorld: w, remove: remove, first: first, named: map[string]bool{}, leftover: map[string]bool{}, spared: map[string]string{}}
	r.outside, r.before = treetest.Describe(w.t, w.outside), treetest.Describe(w.t, w.live)
	o := repo.RestoreOptions{To: w.live, Delete: remove, DeleteFirst: first, NoSync: true, Verify: true, Progress: func(p repo.RestoreProgress) {
		if p.Problem != nil {
			r.named[p.Path] = true
		}
		if p.Leftover != "" {
			r.leftover[p.Path] = true
		}
		if p.Spared != "" {
			r.spared[p.Path] = p.Spared
		}
	}}
	r.report, r.err = f.Restore(context.Background(), w.m, o)
	r.killed = w.left != nil && w.left.Load() < 0
	r.after = treetest.Describe(w.t, w.live)
	if r.err != nil && !errors.Is(r.err, repo.ErrIncomplete) {
		w.t.Errorf("the restore: %v", r.err)
	}
	r.checkOutside()
	r.checkGone()
	r.checkRestored()
	r.checkLeft()
	if w.t.Failed() {
		w.t.Logf("delete %v, first %v, killed %v, lost %v, %+v, report %+v, %v", remove, first, r.killed, w.lost, w.options, r.report, r.err)
	}
	return r
}

func (r *restoring) checkOutside() {
	now := treetest.Describe(r.t, r.liveWorld.outside)
	for name, line := range r.outside {
		if unlinked(now[name]) != unlinked(line) {
			r.t.Errorf("outside %s was %s, is %s", name, line, now[name])
		}
	}
	if len(now) != len(r.outside) {
		r.t.Errorf("outside there is %q", now)
	}
}

// checkGone sees whether what is gone may be, and what stays, and isn't the snapshot's, is
// as it was.
func (r *restoring) checkGone() {
	kept := map[string]string{} // by the names that it had before it was moved aside
	for name, line := range r.after {
		if at := beforeAside(name); kept[at] == "" || at == name && r.taken[at] != "" {
			kept[at] = line
		}
	}
	for name, line := range r.before {
		at := beforeAside(name)
		known := r.taken[at] != ""
		if name == "." || strings.Contains(name, partName) {
			continue
		}
		if kept[at] != "" {
			if !known && kindOf(line) != syscall.S_IFDIR && unlinked(kept[at]) != unlinked(line) {
				r.t.Errorf("%s, which the snapshot doesn't have, was %s, is %s", name, line, kept[at])
			}
			continue
		}
		switch why := r.stays(at, sizeOf(line)); {
		case known:
			r.t.Errorf("%s is gone, which the snapshot has", name)
		case !r.remove:
			r.t.Errorf("%s is gone without deletion: %s", name, line)
		case why != "":
			r.t.Errorf("%s is gone: %s", name, why)
		case r.killed && (r.complete() || r.first && !r.blocked(name)):
		case r.err != nil:
			r.t.Errorf("%s is gone, though something failed: %v", name, r.err)
		}
	}
}

// complete reports whether all that the snapshot has is there, as it has it.
func (r *restoring) complete() bool {
	for name, line := range r.taken {
		if kindOf(r.after[name]) != kindOf(line) || kindOf(line) != syscall.S_IFDIR && unlinked(r.after[name]) != unlinked(line) {
			return false
		}
	}
	return true
}

// checkRestored sees whether what the snapshot has is there: or something was in its way,
// or it is lost, and it is named.
func (r *restoring) checkRestored() {
	for name, line := range r.taken {
		now, was := r.after[name], r.before[name]
		dir := kindOf(line) == syscall.S_IFDIR
		if kindOf(now) == kindOf(line) && (dir || unlinked(now) == unlinked(line)) {
			continue
		}
		lost := r.lost[name]
		if lost && kindOf(was) != syscall.S_IFDIR && unlinked(now) != unlinked(was) {
			r.t.Errorf("%s is lost; it was %s and is %s", name, was, now)
		}
		if r.killed {
			continue
		}
		if !lost && !r.blocked(name) {
			r.t.Errorf("%s isn't restored, and nothing was in its way: it was %s, is %s", name, was, now)
		}
		if r.err == nil || !r.isNamed(name) {
			r.t.Errorf("%s isn't restored, and isn't named: %v", name, r.err)
		}
		if lost && !r.blocked(name) && !errors.Is(r.err, repo.ErrDamaged) {
			r.t.Errorf("%s is lost: %v", name, r.err)
		}
	}
}

// blocked reports whether a path leads through something for which the snapshot has
// something else.
func (r *restoring) blocked(name string) bool {
	for at := name; at != "."; at = slash.Dir(at) {
		if was, taken := r.before[at], r.taken[at]; was != "" && taken != "" && kindOf(was) != kindOf(taken) {
			return true
		}
	}
	return false
}

func (r *restoring) isNamed(name string) bool {
	for at := name; at != "."; at = slash.Dir(at) {
		if r.named[at] {
			return true
		}
	}
	return false
}

// checkLeft sees whether anything is left that should have gone.
func (r *restoring) checkLeft() {
	if r.killed {
		return
	}
	for name, line := range r.after {
		switch at := beforeAside(name); {
		case strings.Contains(name, partName):
			r.t.Errorf("%s is left", name)
		case at != name:
			aside := name[:asideName.FindStringIndex(name)[1]]
			aside += strings.Split(name[len(aside):], "/")[0]
			if r.err == nil && !(r.before[name] != "" && r.leftover[aside] && r.after[beforeAside(aside)] != "") {
				r.t.Errorf("%s is left", name)
			}
		case !r.remove || r.err != nil || r.taken[name] != "" || name == ".":
		case r.stays(name, sizeOf(line)) == "" && !r.holdsStaying(name):
			r.t.Errorf("%s stays, and the rule doesn't say why; the restore says: %q", name, r.spared[name])
		}
	}
}

// holdsStaying reports whether something that has to stay is in a directory, or is left out
// by an ignore file.
func (r *restoring) holdsStaying(name string) bool {
	dir, kinds := name, ""
	if slash.Base(name) == ".qsnapignore" {
		dir, kinds = slash.Dir(name), "ignore file"
	}
	for at, line := range r.after {
		if r.taken[at] == "" && (dir == "." || strings.HasPrefix(at, dir+"/")) && at != name && at != "." {
			if why := r.stays(at, sizeOf(line)); why == kinds || why != "" && kinds == "" {
				return true
			}
		}
	}
	return false
}

const partName = ".qsnap-part-"

var asideName = regexp.MustCompile(`\.qsnap-aside-[^-/]*-`)

// beforeAside returns the path that something had before it was moved aside.
func beforeAside(name string) string { return asideName.ReplaceAllString(name, "") }

// unlinked returns a line without the names of the file.
func unlinked(line string) string {
	line, _, _ = strings.Cut(line, " links ")
	return line
}

// kindOf returns the type that a line tells, or 0 for none.
func kindOf(line string) uint32 {
	var mode uint32
	fmt.Sscanf(line, "mode %o", &mode)
	return mode & syscall.S_IFMT
}

func sizeOf(line string) int64 {
	_, size, _ := strings.Cut(line, " size ")
	size, _, _ = strings.Cut(size, " ")
	n, _ := strconv.ParseInt(size, 10, 64)
	return n
}

// Put back in its place, each named path is a root of its own: also on a file system that
// was mounted when the snapshot was taken, but on no other.
func TestInPlaceDeletionReachesNamedPathsOnTheirOwnFileSystems(t *testing.T) {
	for _, c := range []struct {
		name  string
		then  func(t *testing.T, w string) // after the snapshot of w/a, w/m/x/b and w/n
		stays string
	}{
		{"all as it was", func(*testing.T, string) {}, "m/beside"},
		{"mounted later", func(t *testing.T, w string) { mountTmpfs(t, w+"/a"); makeTree(t, w, map[string]string{"a/new": ""}) }, "a/new m/beside"},
		{"mounted in a named path", func(t *testing.T, w string) {
			mountTmpfs(t, w+"/n/y")
			makeTree(t, w, map[string]string{"n/y/new": ""})
		}, "m/beside n/y n/y/new"},
		{"no longer mounted", func(t *testing.T, w string) {
			unmount(t, w+"/m")
			makeTree(t, w, map[string]string{"m/x/b/new": "", "m/beside": ""})
		}, "m/beside m/x/b/new"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := t.TempDir()
			mountTmpfs(t, w+"/m")
			mountTmpfs(t, w+"/n")
			makeTree(t, w, map[string]string{"a/1": "1", "m/x/b/2": "2", "n/3": "3", "m/beside": ""})
			f := newFixture(t)
			m := f.snapshot(repo.Paths(w+"/a", w+"/m/x/b", w+"/n"), repo.SnapshotOptions{})
			makeTree(t, w, map[string]string{"a/new": "", "m/x/b/new": "", "n/new": ""})
			c.then(t, w)
			f.restore(m, repo.RestoreOptions{To: "/", InPlace: true, Delete: true})
			var more []string
			for _, name := range namesBelow(t, w) {
				if !slices.Contains([]string{"a", "a/1", "m", "m/x", "m/x/b", "m/x/b/2", "n", "n/3"}, name) {
					more = append(more, name)
				}
			}
			if got := strings.Join(sorted(more), " "); got != c.stays {
				t.Errorf("%q stays, want %q", got, c.stays)
			}
		})
	}
}
