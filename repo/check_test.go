package repo_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

// bytesOfASample checks about half of the packs, with randomness from a seed, and returns how
// many bytes were read.
func bytesOfASample(f *fixture, seed byte) int64 {
	f.t.Helper()
	r, err := repo.Open(f.t.Context(), f.target, f.key, repo.Options{CacheDir: f.t.TempDir(), Rand: rand.NewChaCha8([32]byte{seed})})
	if err != nil {
		f.t.Fatal(err)
	}
	defer r.Close()
	report, err := r.Check(f.t.Context(), repo.CheckOptions{ReadData: true, Percent: 50})
	if err != nil {
		f.t.Fatal(err)
	}
	if report.BytesRead > report.PackBytes {
		f.t.Errorf("%d of %d bytes read", report.BytesRead, report.PackBytes)
	}
	return report.BytesRead
}

func TestARandomSampleOfPacksIsChosenByTheRandomnessOfTheRepository(t *testing.T) {
	f, _, _ := damageFixture(t)
	sizes := map[int64]bool{}
	for seed := range byte(8) {
		n := bytesOfASample(f, seed)
		if again := bytesOfASample(f, seed); again != n {
			t.Errorf("seed %d: %d bytes, then %d", seed, n, again)
		}
		sizes[n] = true
	}
	if len(sizes) < 2 {
		t.Errorf("eight seeds all chose %v bytes", sizes)
	}
}

func TestTheNumberedPartsOfACheckAreAllOfIt(t *testing.T) {
	f, _, _ := damageFixture(t)
	var sum, all int64
	for part := range 3 {
		report, err := f.Check(t.Context(), repo.CheckOptions{ReadData: true, Part: part + 1, Of: 3})
		if err != nil {
			t.Fatal(err)
		}
		sum, all = sum+report.BytesRead, report.PackBytes
	}
	if sum != all {
		t.Errorf("three parts have %d bytes, all packs %d", sum, all)
	}
}

func TestACheckRefusesPartsThatAreNone(t *testing.T) {
	f, _, _ := damageFixture(t)
	for _, o := range []repo.CheckOptions{{Part: 1}, {Of: 2}, {Part: 3, Of: 2}, {Part: -1, Of: -1}, {Percent: -1}, {Percent: 101}} {
		if report, err := f.Check(t.Context(), o); err == nil || report.Packs != 0 {
			t.Errorf("%+v: %+v, %v", o, report, err)
		}
	}
}

// unlisted removes all index deltas of a fixture, and returns the names of its packs.
func unlisted(f *fixture) (packs []string) {
	mem := f.target.(*targettest.Memory)
	for name := range mem.Objects() {
		switch {
		case strings.HasPrefix(name, "index/"):
			mem.Set(name, nil)
		case strings.HasPrefix(name, "packs/"):
			packs = append(packs, name)
		}
	}
	return packs
}

func TestDamageOfAPackThatNoDeltaListsIsDamage(t *testing.T) {
	for _, readData := range []bool{false, true} {
		f := newSmallFixture(t, &targettest.Memory{})
		f.versions(1)
		mem := f.target.(*targettest.Memory)
		for _, name := range unlisted(f) {
			b := bytes.Clone(mem.Objects()[name])
			if trees := len(b) < 100_000; trees != readData { // trees are read in any case
				b[len(b)/2] ^= 1
				mem.Set(name, b)
			}
		}
		report, err := f.Check(t.Context(), repo.CheckOptions{ReadData: readData})
		if !errors.Is(err, repo.ErrDamaged) || !report.Damaged() {
			t.Errorf("read data %v: %v, %+v", readData, err, report)
		}
		affected := 0
		for _, finding := range report.Findings {
			if finding.Kind == repo.FindingBadPack {
				affected += finding.Total
			} else if finding.Total > 0 {
				t.Errorf("read data %v: %+v", readData, finding)
			}
		}
		if affected == 0 {
			t.Errorf("read data %v: no file is affected: %+v", readData, report.Findings)
		}
	}
}

// A vanishing target deletes an object when it is read for the n-th time.
type vanishing struct {
	target.Target
	mu   sync.Mutex
	name string
	n    int
}

// Get implements target.Target.
func (v *vanishing) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if name == v.name {
		if v.n--; v.n == 0 {
			if err := v.Target.Delete(ctx, name); err != nil {
				return nil, err
			}
		}
	}
	return v.Target.Get(ctx, name, off, n)
}

func TestAPackThatAPruneDeletesDuringACheckIsNoDamage(t *testing.T) {
	f := newSmallFixture(t, &targettest.Memory{})
	if err := f.Forget(t.Context(), []snapshot.ID{f.versions(1)[0].ID}); err != nil {
		t.Fatal(err)
	}
	gone := unlisted(f)[0] // as a prune leaves it right before it deletes it
	for n := 1; ; n++ {
		v := &vanishing{Target: f.target.(*targettest.Memory).Clone(), name: gone, n: n}
		r, err := repo.Open(t.Context(), v, f.key, repo.Options{CacheDir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		report, err := r.Check(t.Context(), repo.CheckOptions{ReadData: true})
		if err != nil || report.Damaged() {
			t.Errorf("deleted at read %d: %v, %+v", n, err, report.Findings)
		}
		r.Close()
		if v.n > 0 {
			if n < 3 {
				t.Errorf("the pack was read only %d times", n-1)
			}
			return
		}
	}
}
