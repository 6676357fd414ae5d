package repo_test

import (
	"math/rand/v2"
	"testing"

	"github.com/qsnap/qsnap/repo"
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
