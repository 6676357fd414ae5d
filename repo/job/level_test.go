//go:build unix

package job

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qsnap/qsnap/snapshot"
)

// damage flips a bit in each pack of the repository.
func (s *site) damage() {
	s.t.Helper()
	err := filepath.WalkDir(s.path("repo/packs"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err == nil {
			b[len(b)/2] ^= 1
			err = os.Chmod(path, 0o600)
		}
		if err == nil {
			err = os.WriteFile(path, b, 0o600)
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

func TestAFullRunHealsAndSaysWhatItCouldNotHeal(t *testing.T) {
	s := newSite(t, true)
	s.write("src/b", "same")
	s.run(s.options(""), 0)
	s.damage()
	o := s.options("")
	o.Level = new(snapshot.LevelFull)
	if r := s.run(o, 0); r.Level != "full" || r.Snapshot.Healed == 0 || r.Snapshot.New != 0 {
		t.Errorf("%+v", r.Snapshot)
	}
	if r := s.run(o, 0); r.Snapshot.Healed != 0 || r.Snapshot.Verified == 0 {
		t.Errorf("the next one: %+v", r.Snapshot)
	}
	s.write("src/a", "second") // the first is only in older versions now
	s.damage()
	r := s.run(o, 7)
	if r.Snapshot == nil || !r.Snapshot.Good || !strings.Contains(r.Message, "other versions are damaged") {
		t.Errorf("%+v, %q", r.Snapshot, r.Message)
	}
}
