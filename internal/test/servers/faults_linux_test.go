package servers_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/qsnap/qsnap/internal/test/servers"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

// A state is what may be under a name: one of these bodies, or nothing if one is nil.
// A request that failed may come to pass later; so what was unclear once, and then
// looked clear, is not.
type state [][]byte

func (s state) has(body []byte) bool {
	for _, b := range s {
		if (b == nil) == (body == nil) && bytes.Equal(b, body) {
			return true
		}
	}
	return false
}

// with returns the state with one more possibility.
func (s state) with(body []byte) state {
	if s.has(body) {
		return s
	}
	return append(s[:len(s):len(s)], body)
}

// without returns the state without the possibility that there is nothing.
func (s state) without() (out state) {
	for _, b := range s {
		if b != nil {
			out = append(out, b)
		}
	}
	return out
}

// A user does random things to a target and knows what may have come of them.
type user struct {
	t      *testing.T
	tgt    target.Target
	r      *rand.Rand
	prefix string
	strict bool // all is tried again: nothing may fail
	states map[string]state
	doomed map[string]bool // a delete may come to pass
	names  int
	failed int
}

func (u *user) bad(format string, args ...any) {
	u.t.Helper()
	u.t.Errorf(format, args...)
}

// unclear takes note of an error other than those that say what is there.
func (u *user) unclear(err error) {
	u.t.Helper()
	oneLine(u.t, err)
	if u.failed++; u.strict {
		u.bad("in spite of retries: %v", err)
	}
}

// name returns a new name, or one that was used.
func (u *user) name(fresh float64) string {
	if u.names == 0 || u.r.Float64() < fresh {
		u.names++
		name := fmt.Sprintf("%s%d/%d", u.prefix, u.names%3, u.names)
		u.states[name] = state{nil}
		return name
	}
	n := 1 + u.r.IntN(u.names)
	return fmt.Sprintf("%s%d/%d", u.prefix, n%3, n)
}

func (u *user) body() []byte {
	size := u.r.IntN(100)
	if u.r.IntN(3) == 0 {
		size = u.r.IntN(200_000)
	}
	b := make([]byte, size+8)
	for i := range b {
		b[i] = byte(u.r.Uint32())
	}
	return b
}

func (u *user) step() {
	switch u.r.IntN(10) {
	case 0, 1, 2, 3:
		u.put(u.name(0.7), u.body())
	case 4, 5, 6:
		u.get(u.name(0.1))
	case 7:
		u.stat(u.name(0.1))
	case 8:
		u.list()
	case 9:
		u.delete(u.name(0.1))
	}
}

func (u *user) put(name string, body []byte) {
	if u.doomed[name] {
		return
	}
	s := u.states[name]
	err := u.tgt.Put(u.t.Context(), name, bytes.NewReader(body), int64(len(body)))
	switch {
	case err == nil && !s.has(nil):
		u.bad("%s was put twice", name)
	case err == nil:
		u.states[name] = state{body}
	case errors.Is(err, fs.ErrExist):
		if s = s.without(); len(s) == 0 {
			u.bad("%s: nothing can be there: %v", name, err)
		}
		u.states[name] = s
	default:
		u.unclear(err)
		if s.has(nil) {
			u.states[name] = s.with(body)
		}
	}
}

// read returns what is under a name, or nil.
func read(ctx context.Context, tgt target.Target, name string, off, n int64) ([]byte, error) {
	r, err := tgt.Get(ctx, name, off, n)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, err
	}
	return append([]byte{}, b...), nil
}

func (u *user) get(name string) {
	off, n := int64(0), int64(-1)
	if u.r.IntN(2) == 0 {
		off, n = int64(u.r.IntN(4)), int64(u.r.IntN(5))
	}
	got, err := read(u.t.Context(), u.tgt, name, off, n)
	if err != nil {
		u.unclear(err)
		return
	}
	for _, b := range u.states[name] {
		want := b
		if b != nil && n >= 0 {
			want = b[off : off+n]
		} else if b != nil {
			want = b[off:]
		}
		if (got == nil) == (b == nil) && bytes.Equal(got, want) {
			return
		}
	}
	u.bad("%s: %d bytes at %d: read %d that were never put", name, n, off, len(got))
}

func (u *user) stat(name string) {
	info, err := u.tgt.Stat(u.t.Context(), name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if !u.states[name].has(nil) {
			u.bad("%s was put, and is gone", name)
		}
	case err != nil:
		u.unclear(err)
	default:
		u.sized(info)
	}
}

// sized fails the test unless an object may have that name and size.
func (u *user) sized(info target.Info) {
	for _, b := range u.states[info.Name] {
		if b != nil && int64(len(b)) == info.Size {
			return
		}
	}
	u.bad("%s, of %d bytes, was never put", info.Name, info.Size)
}

func (u *user) list() {
	seen := map[string]bool{}
	for info, err := range u.tgt.List(u.t.Context(), u.prefix) {
		if err != nil {
			u.unclear(err)
			return
		}
		seen[info.Name] = true
		u.sized(info)
	}
	for name, s := range u.states {
		if !seen[name] && !s.has(nil) {
			u.bad("%s was put, and isn't listed", name)
		}
	}
}

func (u *user) delete(name string) {
	s := u.states[name]
	err := u.tgt.Delete(u.t.Context(), name)
	switch {
	case err == nil && len(s.without()) == 0 && !u.strict: // a Retry can't tell
		u.bad("%s: nothing was there, and it was deleted", name)
	case err == nil, errors.Is(err, fs.ErrNotExist): // that may be its own doing, if it was repeated on the way
		u.states[name] = state{nil}
		u.doomed[name] = u.doomed[name] || len(s) > 1 // an older put may come to pass
		if len(s) > 1 {
			u.states[name] = s.with(nil)
		}
	default:
		u.unclear(err)
		u.states[name], u.doomed[name] = s.with(nil), true
	}
}

// inspect looks by a good connection what has come of it.
func (u *user) inspect(clean target.Target) {
	u.tgt, u.strict = clean, true
	for name, s := range u.states {
		if got, err := read(u.t.Context(), clean, name, 0, -1); err != nil || !s.has(got) {
			u.bad("%s: %d bytes that were never put as a whole, %v", name, len(got), err)
		}
	}
	u.list()
}

func newUser(t *testing.T, tgt target.Target, seed uint64, prefix string) *user {
	return &user{t: t, tgt: tgt, r: rand.New(rand.NewPCG(seed, 7)), prefix: prefix, states: map[string]state{}, doomed: map[string]bool{}}
}

// What fails, fails cleanly: an operation does what it should or returns an error,
// after which a name is free or has all of an object.
func TestOnABadNetworkNothingIsTornOrLost(t *testing.T) {
	eachSeed(t, func(t *testing.T, s *servers.Server, seed uint64) {
		p := breaks(t, s, seed, rate{0.1, 0.9})
		u := newUser(t, reach(t, s, p.Addr()), seed, fmt.Sprintf("bare-%d/", seed))
		for range 80 {
			u.step()
		}
		t.Logf("%d names, %d faults, %d operations failed", u.names, len(p.Events()), u.failed)
		p.SetRate(0)
		clean := reach(t, s, s.Addr)
		u.inspect(clean)
		for range 20 { // the old connections serve again
			u.step()
		}
	})
}

// With retries nothing fails at all.
func TestRetriesHideABadNetwork(t *testing.T) {
	eachSeed(t, func(t *testing.T, s *servers.Server, seed uint64) {
		p := breaks(t, s, seed, rate{0.1, 0.9})
		waits := 0
		o := impatient
		o.Waiting = func(target.Wait) { waits++ }
		u := newUser(t, target.NewRetry(target.NewWatchdog(reach(t, s, p.Addr()), 0), o), seed, fmt.Sprintf("retried-%d/", seed))
		u.strict = true
		for range 80 {
			u.step()
		}
		t.Logf("%d names, %d faults, %d waits", u.names, len(p.Events()), waits)
		u.inspect(reach(t, s, s.Addr))
	})
}

// After all of it, the contract holds for those who were there and who come.
func TestTheContractHoldsAgainOnceTheNetworkIsGood(t *testing.T) {
	for _, kind := range servers.Kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			s := kind.Start(t)
			if s.Addr == "" {
				return
			}
			p := breaks(t, s, number(t, "QSNAP_FAULT_SEED", 1), rate{0.3, 1})
			tgt := reach(t, s, p.Addr())
			put := func(name string) error { return tgt.Put(t.Context(), name, strings.NewReader("x"), 1) }
			for i := range 10 {
				_ = put(fmt.Sprint("before/", i)) // as it may
			}
			p.SetDown(true)
			err := put("before/down")
			oneLine(t, err)
			if !target.Temporary(err) {
				t.Errorf("nobody would try again: %v", err)
			}
			p.SetDown(false)
			p.SetRate(0)
			if _, err := tgt.Stat(t.Context(), "none"); err == nil { // who finds that a connection is dead
				t.Error("an object that nobody put")
			}
			if err := targettest.Check(t.Context(), tgt); err != nil {
				t.Errorf("who was there: %v", err)
			}
		})
	}
}
