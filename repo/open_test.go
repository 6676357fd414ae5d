package repo_test

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target/local"
	"github.com/qsnap/qsnap/target/targettest"
)

// testdata/v1 is a repository of format 1 that was made once and is never made
// again: every later version must open, check and restore it. Its key is beside it.
func TestTheFirstRepositoryStillOpens(t *testing.T) {
	text, err := os.ReadFile("testdata/v1.key")
	if err != nil {
		t.Fatal(err)
	}
	sheet, err := os.ReadFile("testdata/v1.sheet")
	if err != nil {
		t.Fatal(err)
	}
	tgt, err := local.Open("testdata/v1")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"key file": text, "recovery sheet": sheet, "password": nil} {
		secret := repo.Passphrase("the password of the first repository")
		if text != nil {
			if secret, err = repo.ParseKey(string(text)); err != nil {
				t.Fatal(err)
			}
		}
		r, err := repo.Open(t.Context(), tgt, secret, repo.Options{CacheDir: t.TempDir()})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		report, err := r.Check(t.Context(), repo.CheckOptions{ReadData: true})
		if err != nil || report.Damaged() || report.Snapshots != 2 {
			t.Errorf("%s: check: %+v, %v", name, report, err)
		}
		m, err := r.Latest(t.Context(), repo.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		sameTree(t, r, m, firstTree())
		r.Close()
	}
}

// firstTree is what the newest snapshot of testdata/v1 holds.
func firstTree() fstest.MapFS {
	return fstest.MapFS{
		"hello.txt":     {Data: []byte("hello again\n")},
		"dir/random":    {Data: randomBytes(1, 5000)},
		"dir/text":      {Data: []byte(strings.Repeat("all work and no play\n", 300))},
		"dir/empty":     {},
		"dir/sub/chunk": {Data: randomBytes(2, 140_000)},
	}
}

func TestOpenSaysWhatIsThere(t *testing.T) {
	f := newFixture(t)
	if _, err := repo.Open(t.Context(), &targettest.Memory{}, f.key, repo.Options{}); !errors.Is(err, repo.ErrNoRepository) {
		t.Errorf("nothing: %v", err)
	}
	if _, err := repo.Open(t.Context(), f.target, testKey(t), repo.Options{}); !errors.Is(err, repo.ErrWrongSecret) {
		t.Errorf("another key: %v", err)
	}
	if _, err := repo.Open(t.Context(), f.target, repo.Passphrase("x"), repo.Options{}); !errors.Is(err, repo.ErrWrongSecret) {
		t.Errorf("a password where there is none: %v", err)
	}
	if _, err := repo.Open(t.Context(), f.target, repo.Secret{}, repo.Options{}); err == nil {
		t.Error("no secret at all: opened")
	}
	if _, err := repo.Init(t.Context(), f.target, f.key, repo.InitOptions{}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("init of what is there: %v", err)
	}
}

func TestAnAmbiguousPrefixIsNotGuessed(t *testing.T) {
	f := newFixture(t)
	byDigit := map[byte]int{}
	var twice string
	for i := range 17 { // two of which begin with the same digit
		m := f.snapshot(repo.FromFS(fstest.MapFS{"f": {Data: []byte{byte(i)}}}, "/x"), repo.SnapshotOptions{})
		if byDigit[m.ID.String()[0]]++; byDigit[m.ID.String()[0]] == 2 {
			twice = m.ID.String()[:1]
		}
	}
	m, err := f.Find(t.Context(), twice)
	ambiguous, ok := errors.AsType[*repo.AmbiguousError](err)
	if !ok || ambiguous.Prefix != twice || len(ambiguous.Candidates) != byDigit[twice[0]] || !strings.Contains(err.Error(), "ambiguous") {
		t.Fatalf("%v, %v", m, err)
	}
	for _, id := range ambiguous.Candidates {
		if m, err := f.Get(t.Context(), id); err != nil || m.ID != id || id.String()[:1] != twice {
			t.Errorf("candidate %s: %v, %v", id, m, err)
		}
	}
	if _, err := f.Get(t.Context(), snapshot.ID{1}); !errors.Is(err, repo.ErrNoSnapshot) {
		t.Errorf("an id of no snapshot: %v", err)
	}
	for _, word := range []string{"", "xyz", "LATEST"} {
		if m, err := f.Find(t.Context(), word); !errors.Is(err, repo.ErrNoSnapshot) {
			t.Errorf("%q: %v, %v", word, m, err)
		}
	}
}

func TestEveryCallEndsWhenItsContextIsCancelled(t *testing.T) {
	f := newFixture(t)
	m := f.snapshot(repo.FromFS(testMapFS(), "/x"), repo.SnapshotOptions{})
	f.reopen()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	results := map[string]error{}
	_, results["snapshot"] = f.Snapshot(ctx, repo.FromFS(testMapFS(), "/x"), repo.SnapshotOptions{})
	_, results["snapshots"] = f.Snapshots(ctx, repo.Filter{})
	_, results["latest"] = f.Latest(ctx, repo.Filter{})
	_, results["get"] = f.Get(ctx, m.ID)
	_, results["find"] = f.Find(ctx, m.ID.String())
	_, results["restore"] = f.Restore(ctx, m, repo.RestoreOptions{To: t.TempDir()})
	_, results["check"] = f.Check(ctx, repo.CheckOptions{})
	_, results["stats"] = f.Stats(ctx)
	_, results["growth"] = f.Catalog().Growth(ctx, repo.Filter{})
	_, results["lookup"] = f.View(m).Lookup(ctx, &m.Root, "a.txt")
	_, results["entry"] = f.View(m).Entry(ctx, "a.txt")
	_, results["keys"] = f.Keys().List(ctx)
	_, results["fs"] = fs.ReadFile(f.View(m).FS(ctx), "a.txt")
	results["walk"] = f.View(m).Walk(ctx, &m.Root, func(_ string, _ *snapshot.Entry, err error) error { return nil })
	for _, err := range f.View(m).ReadDir(ctx, &m.Root) {
		results["list"] = err
	}
	for name, err := range results {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(results) != 15 {
		t.Errorf("%d results", len(results))
	}
}

// Whatever becomes of the cache between runs, and during one, costs time only.
func TestADamagedCacheCostsTimeOnly(t *testing.T) {
	f := newFixture(t)
	files := fstest.MapFS{}
	for i := range 20_000 { // enough for a table
		files[filepath.Join("d", string(rune('a'+i%26)), string(rune(0x4e00+i)))] = &fstest.MapFile{Data: randomBytes(uint64(i), 20)}
	}
	m := f.snapshot(repo.FromFS(files, "/x"), repo.SnapshotOptions{})
	r := rand.New(rand.NewPCG(1, 1))
	for round := range 8 {
		f.reopen()
		if _, err := f.Stats(t.Context()); err != nil { // makes the cache
			t.Fatal(err)
		}
		damaged := 0
		err := filepath.WalkDir(f.cache, func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			damaged++
			switch round % 4 {
			case 0:
				return os.Remove(p)
			case 1:
				return os.Truncate(p, r.Int64N(100_000))
			}
			b, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			for range 200 {
				b[r.IntN(len(b))] ^= byte(1 + r.IntN(255))
			}
			return os.WriteFile(p, b, 0o600)
		})
		if err != nil || damaged == 0 {
			t.Fatalf("round %d: damaged %d files, %v", round, damaged, err)
		}
		if round < 4 { // or else while it is open
			f.reopen()
		}
		again := f.snapshot(repo.FromFS(files, "/x"), repo.SnapshotOptions{})
		if again.Root.Subtree != m.Root.Subtree {
			t.Fatalf("round %d: another tree", round)
		}
		if b, err := fs.ReadFile(f.View(again).FS(t.Context()), "d/a/"+string(rune(0x4e00))); err != nil || string(b) != string(randomBytes(0, 20)) {
			t.Fatalf("round %d: %q, %v", round, b, err)
		}
	}
	report, err := f.Check(t.Context(), repo.CheckOptions{ReadData: true})
	if err != nil || report.Damaged() {
		t.Errorf("%+v, %v", report, err)
	}
}
