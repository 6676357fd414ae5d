package sftp

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
		s := newServer(t)
		s.dir = dir
		tgt := s.start().open()
		if err := targettest.CheckForeign(t.Context(), tgt, thing); err != nil {
			t.Error(err)
		}
	}
}
