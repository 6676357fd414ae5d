package sim

import (
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/qsnap/qsnap/repo"
)

// When a lease is renewed, compared with what else its run draws, must not decide what
// either draws: runs would not be repeatable.
func TestAHeartbeatDrawsFromASourceOfItsOwn(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	synctest.Test(t, func(t *testing.T) {
		beats := &countingReader{Reader: seeded("beats")}
		r, err := repo.Open(t.Context(), s.mem.Clone(), s.key, repo.Options{
			CacheDir: s.cacheRoot, Rand: actorRandom{beats, seeded("rest")},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if _, err := takeSnapshot(t.Context(), r, newSource(t.Context(), "X", slowly(time.Hour, "X"))); err != nil {
			t.Fatal(err)
		}
		if beats.reads == 0 {
			t.Error("no lease was renewed from the source for that: see renewsLeases")
		}
	})
}

type countingReader struct {
	io.Reader
	reads int
}

func (c *countingReader) Read(p []byte) (int, error) {
	c.reads++
	return c.Reader.Read(p)
}
