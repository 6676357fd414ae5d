package take

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestASourceInADirectoryToAvoidIsRefused(t *testing.T) {
	dir := t.TempDir()
	repository, beside := filepath.Join(dir, "repo"), filepath.Join(dir, "repository")
	for _, d := range []string{filepath.Join(repository, "packs"), beside} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(filepath.Join(repository, "packs"), link); err != nil {
		t.Fatal(err)
	}
	avoid := []string{filepath.Join(dir, "not-there"), repository}
	for _, in := range []string{repository, filepath.Join(repository, "packs"), link} {
		if err := avoided([]string{beside, in}, avoid); !errors.Is(err, ErrAvoided) {
			t.Errorf("%s: %v", in, err)
		}
	}
	for _, out := range []string{dir, beside, filepath.Join(dir, "gone")} {
		if err := avoided([]string{out}, avoid); err != nil {
			t.Errorf("%s: %v", out, err)
		}
	}
}
