package s3_test

import (
	"bytes"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/s3"
	"github.com/qsnap/qsnap/target/targettest"
)

func newLockingGateway(t *testing.T) *gateway {
	g := newGateway(t)
	g.makeBucket("locked", minio.MakeBucketOptions{ObjectLocking: true})
	g.options.Bucket = "locked"
	return g
}

func TestALockedPackOutlivesItsDeletion(t *testing.T) {
	for _, mode := range []string{"governance", "compliance"} {
		g := newLockingGateway(t)
		const lock = 3 * time.Second
		g.options.ObjectLock, g.options.LockMode, g.options.DeleteVersions = lock, mode, true
		target := g.open()
		began := time.Now()
		for _, name := range []string{"packs/aa/1", "leases/1"} {
			if err := put(t.Context(), target, name, 1000, 1); err != nil {
				t.Fatalf("%s: %v", mode, err)
			}
		}
		if err := target.Delete(t.Context(), "leases/1"); err != nil {
			t.Errorf("%s: what isn't locked: %v", mode, err)
		}
		var locked *s3.LockedError
		err := target.Delete(t.Context(), "packs/aa/1")
		if !errors.As(err, &locked) || !strings.Contains(err.Error(), "s3://locked/packs/aa/1: the object is locked until ") {
			t.Fatalf("%s: delete: %v", mode, err)
		}
		if d := locked.LockedUntil().Sub(began); d < lock-time.Second || d > lock+5*time.Second {
			t.Errorf("%s: locked for %v", mode, d)
		}
		if until, err := target.Locked(t.Context(), "packs/aa/1"); err != nil || !until.Equal(locked.Until) {
			t.Errorf("%s: locked until %v, %v; the error says %v", mode, until, err, locked.Until)
		}
		g.refusesToRemove("packs/aa/1")
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for ; errors.As(err, &locked); err = target.Delete(t.Context(), "packs/aa/1") {
			<-tick.C
		}
		if err != nil || time.Now().Before(locked.Until.Add(-time.Second)) {
			t.Errorf("%s: deleted at %v: %v", mode, time.Now(), err)
		}
	}
}

// refusesToRemove fails the test if the store lets go of an object's version.
func (g *gateway) refusesToRemove(key string) {
	g.t.Helper()
	o, err := g.admin().StatObject(g.t.Context(), g.options.Bucket, key, statOptions)
	if err != nil || o.VersionID == "" {
		g.t.Fatalf("version %q, %v", o.VersionID, err)
	}
	if err := g.admin().RemoveObject(g.t.Context(), g.options.Bucket, key, minio.RemoveObjectOptions{VersionID: o.VersionID}); err == nil {
		g.t.Error("the store removes what is locked")
	}
}

func TestALockIsMadeLongerAndNeverShorter(t *testing.T) {
	g := newLockingGateway(t)
	target := g.open()
	if err := put(t.Context(), target, "packs/aa/1", 1000, 1); err != nil {
		t.Fatal(err)
	}
	until := func() time.Time {
		t.Helper()
		u, err := target.Locked(t.Context(), "packs/aa/1")
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	if u := until(); !u.IsZero() {
		t.Errorf("locked until %v", u)
	}
	long := time.Now().Add(24 * time.Hour).Truncate(time.Second)
	for _, u := range []time.Time{time.Now().Add(time.Hour), long, time.Now().Add(2 * time.Hour)} {
		if err := target.Lock(t.Context(), "packs/aa/1", u); err != nil {
			t.Fatal(err)
		}
	}
	if u := until(); !u.Equal(long) {
		t.Errorf("locked until %v, want %v", u, long)
	}
	var locked *s3.LockedError
	if err := target.Delete(t.Context(), "packs/aa/1"); !errors.As(err, &locked) {
		t.Errorf("delete: %v", err)
	}
	g.refusesToRemove("packs/aa/1")
}

func TestLegalHoldHasNoEnd(t *testing.T) {
	g := newLockingGateway(t)
	target := g.open()
	if err := put(t.Context(), target, "packs/aa/1", 1000, 1); err != nil {
		t.Fatal(err)
	}
	on := minio.LegalHoldEnabled
	if err := g.admin().PutObjectLegalHold(t.Context(), "locked", "packs/aa/1", minio.PutObjectLegalHoldOptions{Status: &on}); err != nil {
		t.Fatal(err)
	}
	var locked *s3.LockedError
	if err := target.Delete(t.Context(), "packs/aa/1"); !errors.As(err, &locked) || locked.Until.Year() != 9999 {
		t.Errorf("delete: %v", err)
	}
	if until, err := target.Locked(t.Context(), "packs/aa/1"); err != nil || until.Year() != 9999 {
		t.Errorf("locked until: %v, %v", until, err)
	}
}

func TestABucketWithoutObjectLockIsRefusedForLocking(t *testing.T) {
	g := newGateway(t)
	g.options.ObjectLock = time.Hour
	_, err := s3.Open(t.Context(), g.options)
	if err == nil || !strings.Contains(err.Error(), "has no object lock") {
		t.Errorf("got %v", err)
	}
}

func TestTheContractHoldsWhereEverythingCanBeLocked(t *testing.T) {
	g := startGateway(t, false)
	g.makeBucket("locked", minio.MakeBucketOptions{ObjectLocking: true})
	g.options.Bucket, g.options.ObjectLock, g.options.DeleteVersions = "locked", time.Hour, true
	if err := targettest.Check(t.Context(), g.open()); err != nil {
		t.Error(err)
	}
}

// What others hide, by a marker or by other bytes, though it is locked, is told and
// brought back; what was deleted by right isn't.
func TestWhatIsHiddenIsBroughtBack(t *testing.T) {
	g := newLockingGateway(t)
	g.options.ObjectLock, g.options.Prefix = time.Hour, "some"
	store := g.open()
	names := []string{"packs/aa/1", "packs/aa/2", "packs/aa/3"}
	for _, name := range append(names, "leases/1") {
		if err := put(t.Context(), store, name, 1000, 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Delete(t.Context(), "leases/1"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := g.admin().RemoveObject(t.Context(), "locked", "some/packs/aa/1", minio.RemoveObjectOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := g.admin().PutObject(t.Context(), "locked", "some/packs/aa/2", strings.NewReader("other"), 5, minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	var hidden []string
	if err := store.Hidden(t.Context(), "", func(i target.Info) error { hidden = append(hidden, i.Name); return nil }); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(hidden, names[:2]) {
		t.Errorf("hidden: %q", hidden)
	}
	for _, name := range names[:2] {
		if err := store.RestoreHidden(t.Context(), name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range names {
		if b, err := read(t.Context(), store, name, 0, -1); err != nil || !bytes.Equal(b, contentOf(name, 1000, 1)) {
			t.Errorf("%s: %d bytes, %v", name, len(b), err)
		}
	}
	for _, name := range []string{"packs/aa/1", "packs/aa/3", "none"} {
		if err := store.RestoreHidden(t.Context(), name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s, again: %v", name, err)
		}
	}
}
