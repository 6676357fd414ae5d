package local

import (
	"testing"

	"github.com/qsnap/qsnap/target/targettest"
)

func TestWhatLiesBesideObjectsIsTold(t *testing.T) {
	for _, thing := range targettest.Things {
		dir := t.TempDir()
		if err := thing.Lay(dir); err != nil {
			t.Fatal(err)
		}
		tgt, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := targettest.CheckForeign(t.Context(), tgt, thing); err != nil {
			t.Error(err)
		}
	}
}
