//go:build unix

package job

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qsnap/qsnap/internal/exit"
)

func TestRetentionFollowsGoodVersionsOnly(t *testing.T) {
	s := newSite(t, true)
	o := s.options("sources: [ROOT/src, ROOT/db]\nschedule: {every: 1h}\nretention: {keep-last: 2, keep-extra: 0}\n")
	s.write("db/b", "rows")
	for i := range 4 {
		s.write("src/a", fmt.Sprint("version ", i))
		s.run(o, 0)
		s.now = s.now.Add(time.Hour)
	}
	if n := len(s.versions("repo")); n != 2 {
		t.Errorf("%d versions", n)
	}
	if err := os.RemoveAll(s.path("db")); err != nil {
		t.Fatal(err)
	}
	got := s.run(o, exit.NotWhole)
	if slices.Contains(stepsOf(got), "retention") || !slices.Equal(got.Snapshot.Missing, []string{s.path("db")}) || got.Snapshot.Good {
		t.Errorf("%+v", got)
	}
	if n := len(s.versions("repo")); n != 3 {
		t.Errorf("%d versions", n)
	}
	o.Scheduled = true
	if got := s.run(o, 0); !strings.HasPrefix(got.Skipped, "slot") {
		t.Errorf("an incomplete version is done for its slot: %+v", got)
	}
}

func TestAReplicaThatIsOutOfReachIsLate(t *testing.T) {
	s := newSite(t, true)
	s.makeRepo("copy")
	s.write("blocked", "a file, where a directory should be")
	got := s.run(s.options("replicas: [ROOT/blocked/x, ROOT/replica]\ncopies: [{repo: ROOT/copy, key-file: ROOT/key}]\n"+noted), exit.Behind)
	if len(got.Copies) != 3 || got.Copies[0].Message == "" || got.Copies[1].Message != "" || got.Copies[1].Bytes == 0 || got.Copies[2].Message != "" {
		t.Errorf("%+v", got.Copies)
	}
	if len(s.versions("replica")) != 1 || len(s.versions("copy")) != 1 || !strings.HasSuffix(s.read("log"), "on-success 4\n") {
		t.Errorf("%q", s.read("log"))
	}
}

func TestEachDayReadsItsSlice(t *testing.T) {
	s := newSite(t, true)
	o := s.options("verify: {slices: 2}")
	slices := map[string]int{}
	for range 4 {
		if got := s.run(o, 0); got.Verified != nil {
			slices[got.Verified.Slice]++
		}
		if got := s.run(o, 0); got.Verified != nil {
			t.Errorf("a second time on one day: %+v", got.Verified)
		}
		s.now = s.now.Add(24 * time.Hour)
	}
	if slices["1/2"] != 2 || slices["2/2"] != 2 {
		t.Errorf("%v", slices)
	}
}

func TestDamageIsFoundByTheDaysSlice(t *testing.T) {
	s := newSite(t, true)
	o := s.options("verify: {slices: 1}\n" + noted)
	s.write("src/a", strings.Repeat("what will be damaged ", 1000))
	s.run(o, 0)
	packs, err := filepath.Glob(s.path("repo/packs/*/*"))
	if err != nil || len(packs) == 0 {
		packs, err = filepath.Glob(s.path("repo/pack*/*"))
	}
	if err != nil || len(packs) == 0 {
		t.Fatal("no packs", err)
	}
	for _, name := range packs {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)/3] ^= 1
		if err := os.Chmod(name, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.now = s.now.Add(24 * time.Hour)
	got, err := Run(t.Context(), o)
	if got.Code != exit.Damage || got.Verified == nil || got.Verified.Findings == 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestReplicasAreComparedWhereThatIsAllThatIsWanted(t *testing.T) {
	s := newSite(t, true)
	o := s.options("replicas: [ROOT/replica]\nverify: {no-key: true, read-data: true}\n")
	if _, err := Run(t.Context(), o); err != nil && !errors.Is(err, ErrBehind) { // there is no replica before
		t.Fatal(err)
	}
	s.now = s.now.Add(24 * time.Hour)
	if got := s.run(o, 0); got.Verified == nil || got.Verified.Slice != "replicas" || got.Verified.Findings != 0 || got.Verified.Bytes == 0 {
		t.Errorf("%+v", got.Verified)
	}
	packs, err := filepath.Glob(s.path("replica/pack*/*/*"))
	if len(packs) == 0 {
		packs, err = filepath.Glob(s.path("replica/pack*/*"))
	}
	if err != nil || len(packs) == 0 {
		t.Fatal("no packs", err)
	}
	if err := errors.Join(os.Chmod(packs[0], 0o600), os.WriteFile(packs[0], []byte("other"), 0o600)); err != nil {
		t.Fatal(err)
	}
	s.now = s.now.Add(24 * time.Hour)
	got, err := Run(t.Context(), o)
	if got.Code != exit.Damage || got.Verified.Findings == 0 {
		t.Errorf("%+v, %v", got.Verified, err)
	}
}
