package capture

import (
	"io/fs"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/source"
	"github.com/qsnap/qsnap/snapshot"
)

// A tree in which only the root changed last needs no other stamp.
func TestTheRootsOwnStampCounts(t *testing.T) {
	day := time.Date(2000, 1, 1, 0, 0, 0, 1, time.UTC)
	files := fstest.MapFS{
		".": {Mode: fs.ModeDir | 0o755, ModTime: day.AddDate(0, 0, 2)},
		"a": {Data: []byte("a"), ModTime: day},
	}
	sink := &memorySink{chunks: map[chunk.ID][]byte{}}
	first, err := Run(t.Context(), source.FS(files, "/x"), Options{Sink: sink, Loader: sink, Params: chainParams})
	if err != nil {
		t.Fatal(err)
	}
	if want := (snapshot.Settled{Before: earlier(snapshot.TimeOf(day.AddDate(0, 0, 2)), coarseTick)}); !slices.Equal(first.Settled, []snapshot.Settled{want}) {
		t.Errorf("%v is settled instead of %v", first.Settled, want)
	}
}
