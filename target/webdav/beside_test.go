package webdav

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	dav "golang.org/x/net/webdav"

	"github.com/qsnap/qsnap/target/targettest"
)

func TestWhatLiesBesideObjectsIsTold(t *testing.T) {
	for _, thing := range targettest.Things {
		dir := t.TempDir()
		p := filepath.Join(dir, filepath.FromSlash(thing.Name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.MkdirAll(filepath.Join(dir, "Empty", "too"), 0o755), os.WriteFile(p, []byte("x"), 0o644)); err != nil {
			t.Fatal(err)
		}
		tgt := open(t, Options{URL: newServer(t, davHandler(dav.Dir(dir))).URL + "/dav"})
		if err := targettest.CheckBeside(t.Context(), tgt, thing); err != nil {
			t.Error(err)
		}
	}
}
