package repo

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"testing/fstest"

	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

// A snapshot costs what its dry run said: the same requests, and almost the same bytes,
// which random salts and times change a little.
func TestASnapshotCostsWhatItsDryRunSaid(t *testing.T) {
	many, random := fstest.MapFS{}, rand.NewChaCha8([32]byte{})
	for i := range 30 {
		b := make([]byte, 200_000)
		random.Read(b)
		many[fmt.Sprintf("d%d/f%d", i%3, i)] = &fstest.MapFile{Data: b, Mode: 0o644, ModTime: old}
	}
	more := maps.Clone(many)
	more["d1/new"] = &fstest.MapFile{Data: []byte("new"), Mode: 0o644, ModTime: old}
	memory := &targettest.Memory{}
	meter := target.NewMeter(memory)
	c := newCounted(t)
	cache := t.TempDir()
	r, err := Init(t.Context(), meter, c.key, InitOptions{Options: Options{CacheDir: cache}, PackSize: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	open := func(do func(r *Repo) error) {
		t.Helper()
		r, err := Open(t.Context(), meter, c.key, Options{CacheDir: cache})
		if err == nil {
			err = do(r)
		}
		if err == nil {
			err = r.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		what  string
		files fstest.MapFS
	}{{"the first", many}, {"an unchanged one", many}, {"one with a new file", more}, {"one of nothing", fstest.MapFS{}}} {
		o := SnapshotOptions{Hostname: "h", Workers: 1, AllowEmptySource: true}
		source := func() Source { return FromFS(step.files, "/x") }
		var said Cost
		var would *snapshot.Manifest
		objects := memory.Objects()
		open(func(r *Repo) (err error) {
			o := o
			o.DryRun = &said
			would, err = r.Snapshot(context.Background(), source(), o)
			return err
		})
		if after := memory.Objects(); !maps.EqualFunc(objects, after, func(a, b []byte) bool { return string(a) == string(b) }) {
			t.Fatalf("%s: a dry run has changed the target", step.what)
		}
		open(func(r *Repo) error {
			before := meter.Counts()
			m, err := r.Snapshot(t.Context(), source(), o)
			if err != nil {
				return err
			}
			cost := meter.Counts().Since(before)
			t.Logf("%s: said %+v, costs %d requests, %d bytes up, %d down", step.what, said, cost.Requests(), cost.BytesUp, cost.BytesDown)
			if int64(cost.Requests()) != said.Requests {
				t.Errorf("%s takes %d requests; said were %d", step.what, cost.Requests(), said.Requests)
			}
			if diff := int64(cost.BytesUp) - int64(said.BytesUp); max(diff, -diff) > 200+int64(said.BytesUp)/100 {
				t.Errorf("%s sends %d bytes; said were %d", step.what, cost.BytesUp, said.BytesUp)
			}
			if int64(cost.BytesDown) > said.BytesDown {
				t.Errorf("%s fetches %d bytes; said were %d", step.what, cost.BytesDown, said.BytesDown)
			}
			if m.Root.Subtree != would.Root.Subtree || !would.ID.IsZero() {
				t.Errorf("%s: the dry run has another tree than the snapshot, or it has an id: %v", step.what, would.ID)
			}
			return nil
		})
	}
}
