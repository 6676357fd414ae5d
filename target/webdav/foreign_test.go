package webdav

import (
	"testing"

	dav "golang.org/x/net/webdav"

	"github.com/qsnap/qsnap/target/targettest"
)

func TestWhatLiesBesideObjectsIsTold(t *testing.T) {
	for _, thing := range targettest.Things {
		dir := t.TempDir()
		if err := thing.Lay(dir); err != nil {
			t.Fatal(err)
		}
		tgt := open(t, Options{URL: newServer(t, davHandler(dav.Dir(dir))).URL + "/dav"})
		if err := targettest.CheckForeign(t.Context(), tgt, thing); err != nil {
			t.Error(err)
		}
	}
}
