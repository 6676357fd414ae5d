package object_test

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/target/local"
	"github.com/qsnap/qsnap/target/targettest"
)

// spooling is a store whose spools lie on the target, or in memory.
type spooling struct {
	*object.Store
	left func() int // how many files or objects there are
}

func spoolings(t *testing.T) map[string]spooling {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "target")
	near, err := local.Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := func() (n int) {
		err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				n++
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	mem := &targettest.Memory{}
	return map[string]spooling{
		"staged":    {object.On(near, object.Options{}), files},
		"in memory": {object.On(mem, object.Options{}), func() int { return len(mem.Objects()) }},
	}
}

func begin(t *testing.T, s spooling, b *pack.Buffer, text string) object.Spool {
	t.Helper()
	spool, err := s.Spool(t.Context(), b)
	if err == nil {
		_, err = spool.WriteAt([]byte(text), 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	return spool
}

func TestACommittedSpoolIsOneObject(t *testing.T) {
	for what, s := range spoolings(t) {
		spool := begin(t, s, new(pack.Buffer), "0123456789")
		if err := spool.Commit(t.Context(), "packs/aa/a", 4); err != nil {
			t.Fatal(err)
		}
		if err := spool.Discard(); err != nil {
			t.Error(err)
		}
		if b, err := s.ReadAll(t.Context(), "packs/aa/a", 99); err != nil || string(b) != "0123" {
			t.Errorf("%s: %q, %v", what, b, err)
		}
		if n := s.left(); n != 1 {
			t.Errorf("%s: %d files or objects are left", what, n)
		}
	}
}

func TestADiscardedSpoolLeavesNothingBehind(t *testing.T) {
	for what, s := range spoolings(t) {
		b := new(pack.Buffer)
		if err := begin(t, s, b, "0123456789").Discard(); err != nil {
			t.Error(err)
		}
		if n, _ := b.ReadAt(make([]byte, 10), 0); (n > 0) != (what == "in memory") {
			t.Errorf("%s: the buffer has %d bytes", what, n)
		}
		if n := s.left(); n != 0 {
			t.Errorf("%s: %d files or objects are left", what, n)
		}
	}
}

func TestASpoolIsCommittedOnceMoreAfterAFailure(t *testing.T) {
	for what, s := range spoolings(t) {
		put(t, s.Store, object.Packs, []byte("there"))
		taken := object.Packs.HashName([]byte("there"))
		spool := begin(t, s, new(pack.Buffer), "0123456789")
		if err := spool.Commit(t.Context(), taken, 10); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: under a name that is taken: %v", what, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := spool.Commit(ctx, "packs/aa/a", 10); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: cancelled: %v", what, err)
		}
		if err := spool.Commit(t.Context(), "packs/aa/a", 10); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if err := spool.Discard(); err != nil {
			t.Error(err)
		}
		if b, err := s.ReadAll(t.Context(), taken, 99); err != nil || string(b) != "there" {
			t.Errorf("%s: the other object is %q, %v", what, b, err)
		}
		if n := s.left(); n != 2 {
			t.Errorf("%s: %d files or objects are left", what, n)
		}
	}
}

func TestABufferIsEmptyForTheNextSpool(t *testing.T) {
	s := spoolings(t)["in memory"]
	b := new(pack.Buffer)
	if err := begin(t, s, b, "0123456789").Discard(); err != nil {
		t.Error(err)
	}
	spool := begin(t, s, b, "01")
	if err := spool.Commit(t.Context(), "packs/aa/a", 10); err == nil {
		t.Error("bytes of the spool before are stored")
	}
}
