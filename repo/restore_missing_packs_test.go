package repo_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/target/targettest"
)

// packsOf returns the names of the packs of some target.
func packsOf(mem *targettest.Memory) map[string]bool {
	out := map[string]bool{}
	for name := range mem.Objects() {
		if strings.HasPrefix(name, "packs/") {
			out[name] = true
		}
	}
	return out
}

// The ways in which a pack isn't there as it was.
func missingPacks() map[string]func(t *testing.T, mem *targettest.Memory, name string) {
	return map[string]func(t *testing.T, mem *targettest.Memory, name string){
		"deleted": func(t *testing.T, mem *targettest.Memory, name string) {
			if err := mem.Delete(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		},
		"empty": func(t *testing.T, mem *targettest.Memory, name string) {
			if err := mem.Delete(t.Context(), name); err != nil {
				t.Fatal(err)
			}
			putBytes(t, mem, name, "")
		},
		"cut short": func(t *testing.T, mem *targettest.Memory, name string) {
			b := mem.Objects()[name]
			if err := mem.Delete(t.Context(), name); err != nil {
				t.Fatal(err)
			}
			putBytes(t, mem, name, string(b[:50]))
		},
	}
}

// A missing pack costs only its own files. A dry run reports it before. All other files are
// restored, the live versions of the missing ones stay, nothing is deleted, and the files
// are reported, with another snapshot that has them.
func TestAMissingPackCostsOnlyItsOwnFiles(t *testing.T) {
	for how, spoil := range missingPacks() {
		t.Run(how, func(t *testing.T) {
			mem := &targettest.Memory{}
			f := newFixtureOn(t, mem)
			tree := func(lost string) fstest.MapFS {
				return fstest.MapFS{"kept": {Data: []byte("kept"), Mode: 0o644}, "lost": {Data: []byte(lost), Mode: 0o644}}
			}
			f.snapshot(repo.FromFS(fstest.MapFS{"kept": tree("")["kept"]}, "/x"), repo.SnapshotOptions{})
			before := packsOf(mem)
			m := f.snapshot(repo.FromFS(tree("the first "+how), "/x"), repo.SnapshotOptions{})
			after := packsOf(mem)
			later := f.snapshot(repo.FromFS(tree("the second "+how), "/x"), repo.SnapshotOptions{})
			spoilData(t, mem, before, after, spoil)
			f.reopen()

			out := t.TempDir()
			for name, text := range map[string]string{"lost": "live", "extra": "live", "kept": "other"} {
				if err := os.WriteFile(filepath.Join(out, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			for _, dry := range []bool{true, false} {
				var named, done []string
				var has *string
				report, err := f.Restore(t.Context(), m, repo.RestoreOptions{To: out, Delete: true, DryRun: dry, NoSync: true, Actions: true, Progress: func(u repo.RestoreProgress) {
					switch {
					case u.Problem != nil:
						named = append(named, u.Path)
					case u.Elsewhere != nil:
						id := u.Path + " " + u.Elsewhere.ID.String()
						has = &id
					case u.Action != "" && u.Path != "":
						done = append(done, string(u.Action)+" "+u.Path)
					}
				}})
				if !errors.Is(err, repo.ErrDamaged) || !errors.Is(err, repo.ErrIncomplete) || !slices.Equal(named, []string{"lost"}) {
					t.Errorf("dry run %v: %q named, %v", dry, named, err)
				}
				if report.Replaced != 1 || report.Deleted != 0 || report.Files != 1 || !slices.Contains(done, "replace kept") || slices.Contains(done, "replace lost") {
					t.Errorf("dry run %v: %+v, %q", dry, report, done)
				}
				if has == nil || *has != "lost "+later.ID.String() {
					t.Errorf("dry run %v: the file is elsewhere: %v", dry, has)
				}
			}
			for name, text := range map[string]string{"lost": "live", "extra": "live", "kept": "kept"} {
				if b, err := os.ReadFile(filepath.Join(out, name)); err != nil || string(b) != text {
					t.Errorf("%s: %q, %v", name, b, err)
				}
			}
		})
	}
}

// Files whose packs only a replica has are restored from the replica. A dry run names the
// files and the replica.
func TestADryRunNamesTheReplicaThatHasWhatIsMissing(t *testing.T) {
	mem, copied := &targettest.Memory{}, &targettest.Memory{}
	f := newFixtureOn(t, mem)
	tree := fstest.MapFS{"here": {Data: []byte("here"), Mode: 0o644}}
	f.snapshot(repo.FromFS(tree, "/x"), repo.SnapshotOptions{})
	before := packsOf(mem)
	tree["gone"] = &fstest.MapFile{Data: []byte("gone"), Mode: 0o644}
	m := f.snapshot(repo.FromFS(tree, "/x"), repo.SnapshotOptions{})
	for name, data := range mem.Objects() {
		putBytes(t, copied, name, string(data))
	}
	spoilData(t, mem, before, packsOf(mem), missingPacks()["deleted"])
	f.Repo.Close()
	var err error
	f.Repo, err = repo.Open(t.Context(), mem, f.key, repo.Options{CacheDir: f.cache, Replicas: []repo.Replica{repo.ReplicaOn("the copy", copied)}})
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	for _, dry := range []bool{true, false} {
		var notices []string
		report, err := f.Restore(t.Context(), m, repo.RestoreOptions{To: out, DryRun: dry, Delete: true, NoSync: true, Progress: func(u repo.RestoreProgress) {
			if u.Notice != nil {
				notices = append(notices, u.Path+": "+u.Notice.Error())
			}
		}})
		if err != nil || report.Created != 2 {
			t.Errorf("dry run %v: %+v, %v", dry, report, err)
		}
		if named := len(notices) == 1 && strings.HasPrefix(notices[0], "gone: ") && strings.HasSuffix(notices[0], " the copy"); named != dry || len(notices) > 1 {
			t.Errorf("dry run %v: %q", dry, notices)
		}
	}
	if b, err := os.ReadFile(filepath.Join(out, "gone")); err != nil || string(b) != "gone" {
		t.Errorf("%q, %v", b, err)
	}
}

// The rules of a snapshot are read before anything is deleted. If one of its ignore files
// is lost, nothing is deleted in other directories either.
func TestNothingIsDeletedIfAnIgnoreFileIsLost(t *testing.T) {
	mem := &targettest.Memory{}
	f := newFixtureOn(t, mem)
	tree := fstest.MapFS{"a/kept": {Data: []byte("kept"), Mode: 0o644}}
	f.snapshot(repo.FromFS(tree, "/x"), repo.SnapshotOptions{})
	before := packsOf(mem)
	tree["z/.qsnapignore"] = &fstest.MapFile{Data: []byte("*.o\n"), Mode: 0o644}
	m := f.snapshot(repo.FromFS(tree, "/x"), repo.SnapshotOptions{})
	out := t.TempDir()
	f.restore(m, repo.RestoreOptions{To: out})
	spoilData(t, mem, before, packsOf(mem), missingPacks()["deleted"])
	f.reopen()
	for _, name := range []string{"a/extra", "z/extra"} {
		if err := os.WriteFile(filepath.Join(out, name), []byte("live"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	agree := func(repo.DeletionPlan) error { return nil }
	for _, o := range []repo.RestoreOptions{{DryRun: true}, {}, {Confirm: agree}, {DeleteFirst: true}} {
		o.To, o.Delete, o.NoSync = out, true, true
		report, err := f.Restore(t.Context(), m, o)
		if !errors.Is(err, repo.ErrDamaged) || report.Deleted != 0 || report.Problems != 1 {
			t.Errorf("%+v: %+v, %v", o, report, err)
		}
		for _, name := range []string{"a/extra", "z/extra"} {
			if _, err := os.Lstat(filepath.Join(out, name)); err != nil {
				t.Errorf("%+v: %v", o, err)
			}
		}
	}
}

// spoilData spoils the packs of data among those that are new.
func spoilData(t *testing.T, mem *targettest.Memory, before, after map[string]bool, spoil func(*testing.T, *targettest.Memory, string)) {
	t.Helper()
	spoiled := 0
	for name := range after {
		if before[name] {
			continue
		}
		if mem.Objects()[name][5] == 'D' { // as package internal/seal describes
			spoil(t, mem, name)
			spoiled++
		}
	}
	if spoiled == 0 {
		t.Fatal("there is no new pack of data")
	}
}
