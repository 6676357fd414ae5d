package repo_test

import (
	"strings"
	"testing"
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
		src := newSource(t.Context(), "X", eachTakes(4*time.Minute, "x"))
		if _, err := takeSnapshot(t.Context(), r, src); err != nil {
			t.Fatal(err)
		}
		if failed == 0 {
			t.Error("the lease was never to be replaced")
		}
		if n := count(mem, "leases/"); n > 0 {
			t.Errorf("%d leases are left", n)
		}
	})
}
