package repo_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/local"
	"github.com/qsnap/qsnap/target/targettest"
)

func putBytes(t *testing.T, tgt target.Target, name, text string) {
	t.Helper()
	if err := tgt.Put(t.Context(), name, strings.NewReader(text), int64(len(text))); err != nil {
		t.Fatal(err)
	}
}

// Whatever is left of a repository, none is made over it, and opening it says that the
// config is damaged, not that there is no repository.
func TestNoRepositoryIsMadeOverTheRestOfOne(t *testing.T) {
	mem := &targettest.Memory{}
	f := newFixtureOn(t, mem)
	f.snapshot(repo.FromFS(rollingTree(0), "/x"), repo.SnapshotOptions{})
	whole := mem.Objects()
	sorts := map[string]bool{}
	for name := range whole {
		dir, _, below := strings.Cut(name, "/")
		if below {
			dir += "/"
		}
		sorts[dir] = true
	}
	for _, only := range append(slices.Sorted(maps.Keys(sorts)), "all but the config") {
		rest := &targettest.Memory{}
		for name, b := range whole {
			isConfig := name == "config" || name == "config-copy"
			if strings.HasPrefix(name, only) || only == "all but the config" && !isConfig {
				putBytes(t, rest, name, string(b))
			}
		}
		before := rest.Objects()
		_, err := repo.Init(t.Context(), rest, testKey(t), repo.InitOptions{Options: repo.Options{CacheDir: t.TempDir()}})
		if err == nil || !maps.EqualFunc(before, rest.Objects(), bytes.Equal) {
			t.Errorf("%s: Init: %v", only, err)
		}
		twin := f.Maintenance().MakeTwin(t.Context(), rest)
		_, replica := repo.ReplicateKeyless(t.Context(), mem, rest, repo.KeylessOptions{})
		if strings.HasPrefix(only, "config") {
			continue // that is one: the same, of which a config's copy may be put back
		}
		if replica == nil || twin == nil && only != "keys/" {
			t.Errorf("%s: Twin: %v, Replicate: %v", only, twin, replica)
		}
		_, err = repo.Open(t.Context(), &targettest.Memory{}, f.key, repo.Options{})
		if !errors.Is(err, repo.ErrNoRepository) {
			t.Errorf("nothing is opened: %v", err)
		}
		if only == "leases/" || only == "keys/" { // which come and go
			continue
		}
		_, err = repo.Open(t.Context(), rest, f.key, repo.Options{})
		damage := (*repo.DamageError)(nil)
		if isDamage := errors.As(err, &damage) && errors.Is(err, repo.ErrNoConfig); !isDamage || errors.Is(err, repo.ErrNoRepository) {
			t.Errorf("%s: Open: %v", only, err)
		}
		if err := repo.Probe(t.Context(), rest); !errors.Is(err, repo.ErrNoConfig) {
			t.Errorf("%s: Probe: %v", only, err)
		}
	}
}

// A full target takes the first objects, and then no more.
type fullAfter struct {
	target.Target
	puts int
}

func (t *fullAfter) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	if t.puts--; t.puts < 0 {
		return errors.New("no space")
	}
	return t.Target.Put(ctx, name, body, size)
}

func (t *fullAfter) Delete(context.Context, string) error { return errors.New("it is dead") }

// Init that died between two objects is completed by the same secret, and by no other.
func TestAnInterruptedInitIsCompletedByTheSameSecret(t *testing.T) {
	for puts := range 4 {
		mem := &targettest.Memory{}
		mine, other := testKey(t), testKey(t)
		o := repo.InitOptions{Options: repo.Options{CacheDir: t.TempDir()}}
		r, err := repo.Init(t.Context(), &fullAfter{mem, puts}, mine, o)
		if r != nil {
			r.Close()
		}
		if err == nil {
			t.Fatalf("%d objects: Init succeeded", puts)
		}
		config := mem.Objects()["config"] != nil
		if _, err := repo.Init(t.Context(), mem, other, o); puts > 0 && err == nil {
			t.Fatalf("%d objects: another secret took it over", puts)
		} else if puts == 0 {
			continue
		}
		if err := repo.Probe(t.Context(), mem); !config && !errors.Is(err, repo.ErrUnfinished) {
			t.Errorf("%d objects: Probe: %v", puts, err)
		}
		r, err = repo.Init(t.Context(), mem, mine, o)
		if config { // it was there from then on
			if !errors.Is(err, fs.ErrExist) {
				t.Errorf("%d objects: %v", puts, err)
			}
		} else if err != nil {
			t.Fatalf("%d objects: %v", puts, err)
		} else if keys, err := r.Keys().List(t.Context()); err != nil || len(keys) != 1 || !keys[0].Current {
			t.Errorf("%d objects: keys %v, %v", puts, keys, err)
		}
		if r != nil {
			r.Close()
		}
		if r, err = repo.Open(t.Context(), mem, mine, o.Options); err != nil {
			t.Errorf("%d objects: %v", puts, err)
		} else {
			r.Close()
		}
	}
}

// A directory that has something else in it is left alone; what systems leave there by
// themselves doesn't count.
func TestARepositoryIsMadeOnlyWhereNothingElseIs(t *testing.T) {
	for _, c := range []struct {
		name string // ends in a slash if it is a directory
		free bool
	}{
		{"lost+found/", true}, {"lost+found/#12345", true}, {".bashrc", true}, {".ssh/id", true}, {"empty/", true}, {"empty/EMPTY/x/", true},
		{"System Volume Information/x", true}, {".Trash-1000/files/Report.PDF", true}, {"tmp/put-1", true}, {"Photos/.DS_Store", true},
		{"Report.PDF", false}, {"notes", false}, {"Photos/2024/a", false}, {"photos/2024/IMG_1.JPG", false}, {"x/lost+found.txt", false},
		{"packs/", true}, {"packs/Foreign", false}, {"link -> /etc", false},
	} {
		dir := t.TempDir()
		p := filepath.Join(dir, c.name)
		var err error
		if link, to, ok := strings.Cut(c.name, " -> "); ok {
			err = os.Symlink(to, filepath.Join(dir, link))
		} else if strings.HasSuffix(c.name, "/") {
			err = os.MkdirAll(p, 0o755)
		} else {
			err = errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, []byte("x"), 0o644))
		}
		if err != nil {
			t.Fatal(err)
		}
		tgt, err := local.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		r, err := repo.Init(t.Context(), tgt, testKey(t), repo.InitOptions{Options: repo.Options{CacheDir: t.TempDir()}})
		if r != nil {
			r.Close()
		}
		if (err == nil) != c.free || !c.free && !errors.Is(err, repo.ErrOccupied) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// A pack or manifest of another repository, whole as it is, is nothing to be removed by
// a repair.
func TestRepairLeavesWholeObjectsOfAnotherRepositoryAlone(t *testing.T) {
	mine, others := &targettest.Memory{}, &targettest.Memory{}
	f, g := newFixtureOn(t, mine), newFixtureOn(t, others)
	f.snapshot(repo.FromFS(rollingTree(0), "/x"), repo.SnapshotOptions{})
	g.snapshot(repo.FromFS(rollingTree(1), "/x"), repo.SnapshotOptions{})
	var foreign []string
	for name, b := range others.Objects() {
		if strings.HasPrefix(name, "packs/") || strings.HasPrefix(name, "snapshots/") {
			putBytes(t, mine, name, string(b))
			foreign = append(foreign, name)
		}
	}
	r, err := f.Maintenance().RepairPacks(t.Context(), repo.PackRepairOptions{})
	if err != nil || len(r.Damaged) > 0 || len(r.Whole) != len(foreign)-1 {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := f.Maintenance().RepairSnapshots(t.Context(), nil, repo.SnapshotRepairOptions{Forget: true}); err != nil {
		t.Error(err)
	}
	for _, name := range foreign {
		if mine.Objects()[name] == nil {
			t.Errorf("%s was removed", name)
		}
	}
}
