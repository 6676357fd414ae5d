package local

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/qsnap/qsnap/target/targettest"
)

func TestWhatLiesBesideObjectsIsTold(t *testing.T) {
	for _, thing := range targettest.Things {
		dir := t.TempDir()
		p := filepath.Join(dir, filepath.FromSlash(thing.Name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.MkdirAll(filepath.Join(dir, "Empty", "too"), 0o755), os.WriteFile(p, []byte("x"), 0o644)); err != nil {
			t.Fatal(err)
		}
		tgt, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := targettest.CheckBeside(t.Context(), tgt, thing); err != nil {
			t.Error(err)
		}
	}
}
