package repo_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/target/targettest"
)

// A run whose lease can't be replaced for a while leaves none when it ends: nobody
// waits for the one that it wrote before.
func TestALeaseThatCouldNotBeReplacedEndsWithItsRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := &targettest.Memory{}
		failed := 0
		f := &targettest.Faulty{Memory: mem, Decide: func(op targettest.Op) targettest.Fault {
			if op.Method == "put" && strings.HasPrefix(op.Name, "leases/") && !strings.HasSuffix(op.Name, "-00000001") {
				failed++
				return targettest.Fail
			}
			return targettest.None
		}}
		r, err := repo.Init(t.Context(), f, testKey(t), crashInit(t.TempDir()))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		src := slowSource{fstest.MapFS{"dir/file": {Data: []byte("content")}}, 4 * time.Minute}
		if _, err := r.Snapshot(t.Context(), repo.FromFS(src, "/x"), repo.SnapshotOptions{Workers: 1}); err != nil {
			t.Fatal(err)
		}
		if failed == 0 {
			t.Error("the lease was never to be replaced")
		}
		if n, _ := stored(mem, "leases/"); n > 0 {
			t.Errorf("%d leases are left", n)
		}
	})
}

// A slowSource takes long to open each of its files.
type slowSource struct {
	fstest.MapFS
	delay time.Duration
}

func (s slowSource) Open(name string) (fs.File, error) {
	if f := s.MapFS[name]; f != nil && !f.Mode.IsDir() {
		time.Sleep(s.delay)
	}
	return s.MapFS.Open(name)
}
