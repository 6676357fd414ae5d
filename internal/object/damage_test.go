package object_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/internal/test/fixture"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/target/local"
	"github.com/qsnap/qsnap/target/targettest"
)

func TestADamageErrorNamesItsObjectAndItsCause(t *testing.T) {
	cause := errors.New("cause")
	err := fmt.Errorf("read: %w", &object.DamageError{Object: "index/a", Err: cause})
	if !strings.Contains(err.Error(), "index/a: cause") {
		t.Errorf("%v", err)
	}
	if !errors.Is(err, cause) || !errors.Is(err, chunk.ErrDamaged) || !object.IsDamage(err) {
		t.Error("its cause or its meaning is lost")
	}
	if !object.IsDamage(&pack.DamageError{}) || object.IsDamage(cause) || object.IsDamage(nil) {
		t.Error("other errors are judged wrongly")
	}
}

// An object whose first half can be read fails in the middle of reading it, another at once.
func TestWhatADiskCantReadIsDamageAndNamed(t *testing.T) {
	disk := newLocal(t)
	whole := object.On(disk, object.Options{})
	name, _ := put(t, whole, object.Deltas, make([]byte, 100))
	packName, packID := put(t, whole, object.Packs, make([]byte, 100))
	for _, from := range []int64{0, 50} {
		bad := &fixture.BadSector{Target: disk, Name: name, From: from, Err: syscall.EIO}
		_, err := object.On(bad, object.Options{}).ReadAll(t.Context(), name, 100)
		damage, ok := errors.AsType[*object.DamageError](err)
		if !ok || damage.Object != name || !errors.Is(err, syscall.EIO) {
			t.Errorf("unreadable from byte %d: %v", from, err)
		}
		bad.Name = packName
		_, err = object.On(bad, object.Options{}).ReadAll(t.Context(), packName, 100)
		if damage, ok := errors.AsType[*pack.DamageError](err); !ok || damage.Pack != packID {
			t.Errorf("a pack that is unreadable from byte %d: %v", from, err)
		}
		bad.Err = syscall.ECONNRESET
		if _, err := object.On(bad, object.Options{}).ReadAll(t.Context(), packName, 100); err == nil || object.IsDamage(err) {
			t.Errorf("a connection that breaks: %v", err)
		}
	}
}

// On a local file system, permissions of one file are changed by mistake or by damage. A
// server says the same to a user who may not read at all.
func TestARefusalIsDamageOnALocalTargetOnly(t *testing.T) {
	disk, mem := newLocal(t), &targettest.Memory{}
	near, remote := object.On(disk, object.Options{}), object.On(mem, object.Options{})
	name, _ := put(t, near, object.Deltas, []byte("a"))
	put(t, remote, object.Deltas, []byte("a"))
	refused := func(s *object.Store) error { return second(s.ReadAll(t.Context(), name, 9)) }
	err := refused(object.On(&fixture.BadSector{Target: disk, Name: name, Err: os.ErrPermission}, object.Options{}))
	if !object.IsDamage(err) {
		t.Errorf("local: %v", err)
	}
	err = refused(object.On(&fixture.BadSector{Target: mem, Name: name, Err: os.ErrPermission}, object.Options{}))
	if object.IsDamage(err) || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("remote: %v", err)
	}
}

func TestAnAbsentObjectIsNoDamage(t *testing.T) {
	s := object.On(newLocal(t), object.Options{})
	if _, err := s.ReadAll(t.Context(), "index/a", 9); object.IsDamage(err) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	name, _ := put(t, s, object.Deltas, []byte("a"))
	rc, err := s.Get(t.Context(), name, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	if b, err := io.ReadAll(rc); err != nil || string(b) != "a" {
		t.Errorf("%q, %v: the end of an object is taken for a failure", b, err)
	}
}

func TestWhatDoesntOpenIsDamagedUnlessItsKeyIsMissing(t *testing.T) {
	err := object.OpenError("index/a", seal.ErrDamaged)
	if damage, ok := errors.AsType[*object.DamageError](err); !ok || damage.Object != "index/a" || !errors.Is(err, seal.ErrDamaged) {
		t.Errorf("damaged: %v", err)
	}
	err = object.OpenError("index/a", fmt.Errorf("epoch 2: %w", seal.ErrNoKey))
	if object.IsDamage(err) || !errors.Is(err, seal.ErrNoKey) || !strings.Contains(err.Error(), "index/a") {
		t.Errorf("without its key: %v", err)
	}
}

func TestJoinReportsBothInOneLine(t *testing.T) {
	a, b := errors.New("a"), errors.New("b")
	if object.Join(nil, nil) != nil || object.Join(a, nil) != a || object.Join(nil, b) != b {
		t.Error("one error or none isn't left as it is")
	}
	both := object.Join(a, b)
	if !errors.Is(both, a) || !errors.Is(both, b) || strings.Contains(both.Error(), "\n") {
		t.Errorf("%q", both)
	}
}

// rot makes a disk that can't read some bytes of an object.
func rot(disk *local.Target, name string, from, to int64) *object.Store {
	return object.On(&fixture.BadSector{Target: disk, Name: name, From: from, To: to, Err: syscall.EIO}, object.Options{})
}

func TestRemainsKeepWhatCanBeReadInItsPlace(t *testing.T) {
	disk := newLocal(t)
	const size = 3 << 20
	whole := make([]byte, size)
	if _, err := io.ReadFull(fixture.Random(1), whole); err != nil {
		t.Fatal(err)
	}
	name, _ := put(t, object.On(disk, object.Options{}), object.Packs, whole)
	for _, c := range []struct{ from, to int64 }{
		{0, 0}, {0, 1}, {0, 5000}, {100, 101}, {100_000, 1_500_000}, {size - 1, 0}, {size / 2, 0}, {size, 0},
	} {
		r := rot(disk, name, c.from, c.to).Salvage(t.Context(), name, size)
		got := bytes.Repeat([]byte{0xaa}, size+1)
		if n, err := io.ReadFull(r, got); err != io.ErrUnexpectedEOF || n != size {
			t.Fatalf("bad from %d to %d: %d bytes, %v", c.from, c.to, n, err)
		}
		got = got[:size]
		end := c.to
		if end == 0 {
			end = size
		}
		zeros := 0
		for i, b := range got {
			switch bad := int64(i) >= c.from && int64(i) < end; {
			case b == 0 && whole[i] != 0:
				zeros++
			case b != whole[i] || bad && b != 0:
				t.Fatalf("bad from %d to %d: byte %d is %d, was %d", c.from, c.to, i, b, whole[i])
			}
		}
		if r.ReadBytes+r.Unread != size || int64(zeros) > r.Unread || r.Unread < end-c.from {
			t.Errorf("bad from %d to %d: %d bytes are zeros; counted are %d read and %d unread", c.from, c.to, zeros, r.ReadBytes, r.Unread)
		}
		if lost := r.Unread - (end - c.from); lost > 2<<20 || end-c.from <= 1 && lost > 8<<10 {
			t.Errorf("bad from %d to %d: %d bytes beside it are given up", c.from, c.to, lost)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestASmallGapAfterALargeOneCostsLittle(t *testing.T) {
	const size = 8 << 20
	mem := &targettest.Memory{}
	mem.Set("packs/a", make([]byte, size))
	large := &fixture.BadSector{Target: mem, Name: "packs/a", From: 0, To: 3 << 20, Err: syscall.EIO}
	both := object.On(twoGaps{large, 6 << 20}, object.Options{})
	r := both.Salvage(t.Context(), "packs/a", size)
	if n, err := io.Copy(io.Discard, r); n != size || err != nil {
		t.Fatalf("%d bytes, %v", n, err)
	}
	if r.Unread > 4<<20+8<<10 {
		t.Errorf("%d bytes are given up for 3 MiB and a byte", r.Unread)
	}
}

// twoGaps adds one bad byte to a disk.
type twoGaps struct {
	*fixture.BadSector
	at int64
}

func (g twoGaps) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	one := &fixture.BadSector{Target: g.BadSector, Name: g.Name, From: g.at, To: g.at + 1, Err: g.Err}
	return one.Get(ctx, name, off, n)
}

// Each try may take seconds.
func TestADiskIsSeldomAskedForWhatItCantRead(t *testing.T) {
	const size = 64 << 20
	tries := 0
	f := &targettest.Faulty{Memory: &targettest.Memory{}}
	f.Set("packs/a", make([]byte, size))
	f.Decide = func(targettest.Op) targettest.Fault { tries++; return targettest.None }
	bad := object.On(&fixture.BadSector{Target: f, Name: "packs/a", Err: syscall.EIO}, object.Options{})
	r := bad.Salvage(t.Context(), "packs/a", size)
	if n, err := io.Copy(io.Discard, r); n != size || err != nil || r.Unread != size {
		t.Errorf("%d bytes, %d of them unread, %v", n, r.Unread, err)
	}
	if tries > 100 {
		t.Errorf("%d tries", tries)
	}
}

func TestRemainsReportATargetThatFails(t *testing.T) {
	mem := &targettest.Memory{}
	mem.Set("packs/a", make([]byte, 100))
	bad := object.On(&fixture.BadSector{Target: mem, Name: "packs/a", From: 10, Err: syscall.ECONNRESET}, object.Options{})
	if _, err := io.ReadAll(bad.Salvage(t.Context(), "packs/a", 100)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("%v", err)
	}
}
