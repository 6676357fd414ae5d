package catalog_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/qsnap/qsnap/internal/catalog"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/internal/test/fixture"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

func TestPublishedSnapshotsAreListedOldestFirst(t *testing.T) {
	s := newShelf(t)
	for _, n := range []int{3, 1, 2} {
		s.publish(n)
	}
	s.mem.Set("snapshots/notes", []byte("x"))
	s.wants("in the order of their days", "1[]", "2[]", "3[]")
	stored, damaged, err := s.Stored(t.Context())
	if err != nil || damaged != nil || len(stored) != 3 {
		t.Fatalf("%d, damaged: %v, %v", len(stored), damaged, err)
	}
	s.Sort(stored)
	if stored[0].Number != 1 || stored[1].Number != 2 || stored[2].Number != 3 {
		t.Errorf("sorted are %d, %d, %d", stored[0].Number, stored[1].Number, stored[2].Number)
	}
	listed, err := s.List(t.Context())
	if err != nil || len(listed) != 3 {
		t.Fatalf("%d are listed, %v", len(listed), err)
	}
	for _, l := range listed {
		if m, err := s.Read(t.Context(), l.ID); err != nil || m.ID != l.ID || l.Size != int64(len(s.mem.Objects()[snapshotName(l.ID)])) {
			t.Errorf("%s of %d bytes is %v, %v", l.ID.Short(), l.Size, m, err)
		}
	}
}

func TestAManifestIsPublishedOnceAndNeverChanges(t *testing.T) {
	s := newShelf(t)
	id, b := s.sealed(1)
	for range 2 { // as after a Put that was reported as failed
		if err := s.Publish(t.Context(), id, b); err != nil {
			t.Fatal(err)
		}
	}
	_, other := s.sealed(2)
	if err := s.Publish(t.Context(), id, other); err == nil || errors.Is(err, catalog.ErrTombstone) {
		t.Errorf("another under its name: %v", err)
	}
	if err := s.PutTombstone(t.Context(), id); err != nil {
		t.Errorf("a tombstone comes late: %v", err)
	}
	if !bytes.Equal(s.mem.Objects()[snapshotName(id)], b) {
		t.Error("it is changed")
	}
	if stands, err := s.Exists(t.Context(), id); !stands || err != nil {
		t.Errorf("it stands: %v, %v", stands, err)
	}
}

func TestUnderATombstoneNothingIsPublished(t *testing.T) {
	s := newShelf(t)
	s.publish(1)
	id, b := s.sealed(2)
	if stands, err := s.Exists(t.Context(), id); stands || err != nil {
		t.Errorf("before anything is there: %v, %v", stands, err)
	}
	for range 2 {
		if err := s.PutTombstone(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Publish(t.Context(), id, b); err != catalog.ErrTombstone {
		t.Errorf("Publish: %v", err)
	}
	if _, err := s.Read(t.Context(), id); err != catalog.ErrTombstone || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Read: %v", err)
	}
	if stands, err := s.Exists(t.Context(), id); stands || err != nil {
		t.Errorf("it stands: %v, %v", stands, err)
	}
	s.wants("listed", "1[]")
	if _, err := s.Find(t.Context(), id.String()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("found by its id: %v", err)
	}
	if _, err := s.Get(t.Context(), id); !errors.Is(err, catalog.ErrNoSnapshot) {
		t.Errorf("Get: %v", err)
	}
	if tomb := s.mem.Objects()[snapshotName(id)]; !s.IsTombstone(tomb) || s.IsTombstone(b) || s.IsTombstone(nil) {
		t.Error("a tombstone and a manifest are mistaken for each other")
	}
}

// The manifest is forgotten, and then its run given up, while this process has it in memory.
func TestATombstoneIsNotTakenForAManifestThatWasRead(t *testing.T) {
	s := newShelf(t)
	id := s.publish(1)
	cached := s.on(s.mem, object.Options{Dir: t.TempDir(), CacheSize: 1 << 20})
	for _, reader := range []*shelf{s, cached} {
		reader.wants("there", "1[]")
	}
	s.mem.Set(snapshotName(id), nil)
	if err := s.PutTombstone(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	for _, reader := range []*shelf{s, cached} {
		if got := reader.all(); len(got) > 0 {
			t.Errorf("%q is there", got)
		}
	}
}

func TestAManifestIsFetchedOnce(t *testing.T) {
	s := newShelf(t)
	for n := range 5 {
		s.publish(n + 1)
	}
	f := &targettest.Faulty{Memory: s.mem}
	dir := t.TempDir()
	for i, want := range []int{6, 1} { // a listing and each manifest; then a listing
		reader := s.on(f, object.Options{Dir: dir, CacheSize: 1 << 20})
		for range 3 {
			before := f.Ops()
			if all, _, err := reader.Stored(t.Context()); err != nil || len(all) != 5 {
				t.Fatalf("%d, %v", len(all), err)
			}
			if n := f.Ops() - before; n != want {
				t.Errorf("process %d: %d requests, want %d", i, n, want)
			}
			want = 1
		}
	}
}

// damagedShelf is one with a damaged manifest of three.
func damagedShelf(t *testing.T, how func(b []byte) []byte) (*shelf, snapshot.ID) {
	s := newShelf(t)
	s.publish(1)
	id := s.publish(2)
	s.publish(3)
	s.mem.Set(snapshotName(id), how(bytes.Clone(s.mem.Objects()[snapshotName(id)])))
	return s, id
}

func TestADamagedManifestIsNamedAndTheOthersAreListed(t *testing.T) {
	for what, how := range map[string]func([]byte) []byte{
		"a bit": func(b []byte) []byte { b[70] ^= 1; return b }, "cut": func(b []byte) []byte { return b[:40] }, "empty": func([]byte) []byte { return []byte{} },
		"its kind": func(b []byte) []byte { b[5] ^= 1; return b }, "longer": func(b []byte) []byte { return append(b, 0) },
	} {
		s, id := damagedShelf(t, how)
		all, damaged, err := s.All(t.Context())
		if err != nil || len(all) != 2 || !object.IsDamage(damaged) || !strings.Contains(damaged.Error(), snapshotName(id)) {
			t.Errorf("%s: %d are listed, damaged: %v, %v", what, len(all), damaged, err)
		}
		_, err = s.Read(t.Context(), id)
		if damage, ok := errors.AsType[*object.DamageError](err); !ok || damage.Object != snapshotName(id) {
			t.Errorf("%s: %v", what, err)
		}
		if err := s.Forget(t.Context(), id); !object.IsDamage(err) || s.mem.Objects()[snapshotName(id)] == nil {
			t.Errorf("%s: forgotten: %v", what, err)
		}
	}
}

// Its name is the hash of its bytes, so that they open, and hold no manifest.
func TestWhatIsNoManifestIsDamage(t *testing.T) {
	s := newShelf(t)
	for _, b := range [][]byte{s.seal(seal.Manifest, nil), s.seal(seal.Manifest, []byte("x")), s.seal(seal.Loss, []byte("x")), []byte("not sealed")} {
		name := object.Snapshots.HashName(b)
		s.mem.Set(name, b)
		id, err := snapshot.ParseID(object.Snapshots.Rest(name))
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Read(t.Context(), id)
		if damage, ok := errors.AsType[*object.DamageError](err); !ok || damage.Object != name {
			t.Errorf("%v", err)
		}
	}
}

func TestADamagedManifestIsReadFromAReplica(t *testing.T) {
	s, id := damagedShelf(t, func(b []byte) []byte { b[70] ^= 1; return b })
	whole := s.mem.Clone()
	good := bytes.Clone(s.mem.Objects()[snapshotName(id)])
	good[70] ^= 1
	whole.Set(snapshotName(id), good)
	with := func(tgt target.Target) *shelf {
		return s.on(tgt, object.Options{Replicas: []object.Replica{{Name: "b", Open: func(context.Context) (target.Target, error) { return whole, nil }}}})
	}
	reader := with(s.mem)
	reader.wants("with a replica", "1[]", "2[]", "3[]")
	if got := reader.store.Served(); !slices.Equal(got, []string{snapshotName(id)}) {
		t.Errorf("served by it are %q", got)
	}
	with(&fixture.BadSector{Target: s.mem, Name: snapshotName(id), Err: syscall.EIO}).wants("unreadable", "1[]", "2[]", "3[]")
}

func TestATargetThatFailsListsNothing(t *testing.T) {
	s := newShelf(t)
	id := s.publish(1)
	bad := s.on(&fixture.BadSector{Target: s.mem, Name: snapshotName(id), Err: syscall.ECONNRESET}, object.Options{})
	if all, damaged, err := bad.All(t.Context()); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("%d are listed, damaged: %v, %v", len(all), damaged, err)
	}
	if _, err := bad.Exists(t.Context(), id); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("Stands: %v", err)
	}
}

func TestASnapshotUnderANewerKeyIsCountedAsUnread(t *testing.T) {
	s := newShelf(t)
	s.publish(1)
	later := *s
	later.sealer = newer(t)
	id := later.on(s.mem, object.Options{}).publish(2)
	all, damaged, err := s.All(t.Context())
	if err != nil || len(all) != 1 || !errors.Is(damaged, seal.ErrNoKey) || object.IsDamage(damaged) || !strings.Contains(damaged.Error(), "1 of 2") {
		t.Errorf("%d are listed, damaged: %v, %v", len(all), damaged, err)
	}
	if _, err := s.Read(t.Context(), id); !errors.Is(err, seal.ErrNoKey) || object.IsDamage(err) {
		t.Errorf("%v", err)
	}
	if err := s.Forget(t.Context(), id); !errors.Is(err, seal.ErrNoKey) {
		t.Errorf("forgotten: %v", err)
	}
}

func TestASnapshotIsFoundByTheBeginningOfItsId(t *testing.T) {
	s := newShelf(t)
	digits := map[string][]snapshot.ID{}
	var ids []snapshot.ID
	for n := range 17 { // so that two begin with the same digit
		id := s.publish(n + 1)
		ids = append(ids, id)
		digits[id.String()[:1]] = append(digits[id.String()[:1]], id)
	}
	for _, id := range ids {
		if m, err := s.Find(t.Context(), id.String()[:30]); err != nil || m.ID != id {
			t.Errorf("%s: %v, %v", id.Short(), m, err)
		}
		if m, err := s.Get(t.Context(), id); err != nil || m.ID != id {
			t.Errorf("get %s: %v, %v", id.Short(), m, err)
		}
	}
	for _, none := range []string{"", "x", ids[0].String()[1:], ids[0].String() + "0"} {
		if _, err := s.Find(t.Context(), none); !errors.Is(err, catalog.ErrNoSnapshot) {
			t.Errorf("%q: %v", none, err)
		}
	}
	for d, same := range digits {
		if len(same) < 2 {
			continue
		}
		_, err := s.Find(t.Context(), d)
		ambiguous, ok := errors.AsType[*catalog.AmbiguousError](err)
		if !ok || ambiguous.Prefix != d || len(ambiguous.Candidates) != len(same) || !strings.Contains(err.Error(), "ambiguous") {
			t.Errorf("%s: %v", d, err)
		}
		for _, id := range same[1:] {
			s.mem.Set(snapshotName(id), nil)
			if err := s.PutTombstone(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
		if m, err := s.Find(t.Context(), d); err != nil || m.ID != same[0] {
			t.Errorf("%s, beside tombstones: %v", d, err)
		}
	}
}

func TestAPendingManifestIsRemovedIfItIsThere(t *testing.T) {
	s := newShelf(t)
	id, b := s.sealed(1)
	s.mem.Set(object.Pending.Name(id), b)
	for range 2 {
		if err := s.RemovePending(t.Context(), id); err != nil {
			t.Error(err)
		}
	}
	if len(s.mem.Objects()) > 0 {
		t.Error("it is still there")
	}
}
