package catalog_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"iter"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/qsnap/qsnap/internal/catalog"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/internal/test/fixture"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

func (s *shelf) pin(id snapshot.ID, until time.Time) {
	s.t.Helper()
	err := s.Annotate(s.t.Context(), id, func(m *catalog.Mark) {
		if m.Pinned = true; !until.IsZero() {
			m.Until = until.Unix()
		}
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *shelf) tag(id snapshot.ID, tags ...string) error {
	return s.Annotate(s.t.Context(), id, func(m *catalog.Mark) {
		m.Tagged = true
		for _, tag := range tags {
			m.Tags = append(m.Tags, []byte(tag))
		}
	})
}

func (s *shelf) wants(what string, want ...string) {
	s.t.Helper()
	if got := s.all(); !slices.Equal(got, want) {
		s.t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// Names and bytes are part of the format.
func TestTheNameAndBytesOfAMarkStayTheSame(t *testing.T) {
	id := snapshot.ID{0xab, 31: 0xcd}
	name := "marks/ab" + strings.Repeat("00", 30) + "cd-00000012"
	if got := catalog.MarkName(id, 12); got != name {
		t.Errorf("the name is %s", got)
	}
	if got, n, ok := catalog.ParseMarkName(name); got != id || n != 12 || !ok {
		t.Errorf("it says %s, %d, %v", got, n, ok)
	}
	for _, other := range []string{"", "marks/", name[:len(name)-1], name + "0", strings.ToUpper(name), "marks/x-00000012", strings.Replace(name, "-0", "-+", 1)} {
		if _, _, ok := catalog.ParseMarkName(other); ok {
			t.Errorf("%q is taken for a mark's name", other)
		}
	}
	b, err := object.Encode(catalog.Mark{Tags: [][]byte{[]byte("a")}, Tagged: true, Pinned: true, Until: 9, Snapshot: id[:2], Number: 12})
	if got := hex.EncodeToString(b); err != nil || got != "a601814161"+"02f5"+"03f5"+"0409"+"0542ab00"+"060c" {
		t.Errorf("the body is %s, %v", got, err)
	}
}

func TestTagsTakeThePlaceOfTheManifests(t *testing.T) {
	s := newShelf(t)
	id := s.publish(1, "own")
	s.publish(2, "other")
	s.wants("as it was stored", "1[own]", "2[other]")
	if err := s.tag(id, "b", "a"); err != nil {
		t.Fatal(err)
	}
	s.wants("tagged", "1[a b]", "2[other]")
	if stored, _, err := s.Stored(t.Context()); err != nil || len(stored) != 2 || slices.Contains(append(stored[0].Tags, stored[1].Tags...), "a") {
		t.Errorf("the manifest is changed: %v", err)
	}
	if m, err := s.Find(t.Context(), id.String()[:40]); err != nil || !slices.Equal(m.Tags, []string{"a", "b"}) {
		t.Errorf("found by its id: %v, %v", m, err)
	}
	if err := s.Annotate(t.Context(), id, func(m *catalog.Mark) { m.Tagged, m.Tags = true, nil }); err != nil {
		t.Fatal(err)
	}
	s.wants("without tags", "1[]", "2[other]")
	if n := len(s.mem.Objects()); n != 3 {
		t.Errorf("%d objects are left of 2 snapshots and a mark", n)
	}
}

func TestAPinLastsUntilItsEnd(t *testing.T) {
	s := newShelf(t)
	forever, short := s.publish(1), s.publish(2)
	s.pin(forever, time.Time{})
	s.pin(short, s.clock.Now().Add(time.Hour))
	s.wants("both", "1[] pinned", "2[] pinned")
	s.clock.Advance(time.Hour)
	s.wants("in the last second", "1[] pinned", "2[] pinned")
	s.clock.Advance(time.Second)
	s.wants("after that", "1[] pinned", "2[]")
	if (*catalog.Mark)(nil).IsPinned(s.clock.Now()) {
		t.Error("without a mark it is pinned")
	}
}

func TestTheMarkWithTheHighestNumberCounts(t *testing.T) {
	s := newShelf(t)
	id := s.publish(1)
	s.pin(id, time.Time{})
	old := s.mem.Objects()
	if err := s.tag(id, "a"); err != nil {
		t.Fatal(err)
	}
	for name, b := range old { // as where the older one couldn't be removed
		s.mem.Set(name, b)
	}
	s.mem.Set("marks/notes", []byte("x"))
	s.wants("both are there", "1[a] pinned")
	if err := s.tag(id, "b"); err != nil {
		t.Fatal(err)
	}
	s.wants("changed again", "1[a b] pinned")
	if s.mem.Objects()[catalog.MarkName(id, 3)] == nil {
		t.Error("the third mark has another number")
	}
}

// Another writes a mark of the same number when this one has read what there is.
func TestOfTwoMarksAtOnceBothChangesStay(t *testing.T) {
	for _, before := range []int{0, 1, 3} {
		s := newShelf(t)
		id := s.publish(1)
		for range before {
			if err := s.tag(id, "x"); err != nil {
				t.Fatal(err)
			}
		}
		late := s.during("put", object.Marks, func() { s.pin(id, time.Time{}) })
		if err := late.tag(id, "zz"); err != nil {
			t.Fatal(err)
		}
		s.wants("both", "1["+strings.Repeat("x ", before)+"zz] pinned")
	}
}

func TestAMarkThatCantBeReadCountsAsAPin(t *testing.T) {
	s := newShelf(t)
	id, other := s.publish(1, "own"), s.publish(2)
	if err := s.tag(other, "a"); err != nil {
		t.Fatal(err)
	}
	name := catalog.MarkName(id, 7)
	short, err := object.Encode(catalog.Mark{Snapshot: id[:2], Number: 7})
	if err != nil {
		t.Fatal(err)
	}
	for what, b := range map[string][]byte{
		"garbage": []byte("garbage"), "empty": {}, "another snapshot's": s.mem.Objects()[catalog.MarkName(other, 1)],
		"no body": s.seal(seal.Mark, nil), "of another kind": s.seal(seal.Loss, nil), "without its id": s.seal(seal.Mark, short),
	} {
		s.mem.Set(name, b)
		s.wants(what, "1[own] pinned", "2[a]")
		if s.CheckMark(name, b) == nil {
			t.Errorf("%s: nothing is wrong with it", what)
		}
	}
	bad := s.on(&fixture.BadSector{Target: s.mem, Name: name, Err: syscall.EIO}, object.Options{})
	bad.wants("unreadable", "1[own] pinned", "2[a]")
	bad = s.on(&fixture.BadSector{Target: s.mem, Name: name, Err: syscall.ECONNRESET}, object.Options{})
	if _, err := bad.Marks(t.Context()); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a connection that breaks: %v", err)
	}
	if err := s.tag(id, "new"); err != nil {
		t.Fatal(err)
	}
	s.wants("written again", "1[new] pinned", "2[a]")
	if b := s.mem.Objects()[catalog.MarkName(id, 8)]; s.CheckMark(catalog.MarkName(id, 8), bytes.Clone(b)) != nil {
		t.Error("the new one isn't sound")
	}
}

// newer returns what seals with a key of the next epoch.
func newer(t *testing.T) *seal.Sealer {
	t.Helper()
	ring, err := fixture.Ring(t, 1).Rotated(fixture.Random(9))
	if err != nil {
		t.Fatal(err)
	}
	return fixture.Sealer(ring)
}

func TestAMarkUnderANewerKeyIsNotReplaced(t *testing.T) {
	s := newShelf(t)
	id := s.publish(1, "own")
	later := *s
	later.sealer = newer(t)
	other := later.on(s.mem, object.Options{})
	if err := other.tag(id, "newer"); err != nil {
		t.Fatal(err)
	}
	if err := s.tag(id, "a"); !errors.Is(err, seal.ErrNoKey) || !strings.Contains(err.Error(), "marks/") {
		t.Errorf("%v", err)
	}
	s.wants("shown as it was stored", "1[own]")
	other.wants("with the newer key", "1[newer]")
}

func TestAnOutdatedKeyMarksNothing(t *testing.T) {
	s := newShelf(t)
	id := s.publish(1)
	s.mem.Set("epochs/00000002", []byte("x"))
	if err := s.tag(id, "a"); !errors.Is(err, seal.ErrNoKey) || len(s.mem.Objects()) != 2 {
		t.Errorf("%v", err)
	}
}

func TestAMarkThatCantBeStoredIsReported(t *testing.T) {
	s := newShelf(t)
	id := s.publish(1)
	f := &targettest.Faulty{Memory: s.mem, Decide: func(op targettest.Op) targettest.Fault {
		if op.Method == "put" {
			return targettest.Fail
		}
		return targettest.None
	}}
	if err := s.on(f, object.Options{}).tag(id, "a"); !errors.Is(err, targettest.ErrFault) {
		t.Errorf("%v", err)
	}
}

// Another replaces a mark when this one has listed it and reads it.
func TestAMarkThatIsReplacedMeanwhileIsReadAsItIsNow(t *testing.T) {
	s := newShelf(t)
	id, other := s.publish(1), s.publish(2)
	s.pin(id, time.Time{})
	s.pin(other, time.Time{})
	replace := func() {
		if err := s.tag(id, "a"); err != nil {
			t.Error(err)
		}
	}
	s.during("get", object.Marks, replace).wants("read meanwhile", "1[a] pinned", "2[] pinned")
	if _, err := s.during("get", object.Marks, replace).ForgetAll(t.Context(), []snapshot.ID{id}); !errors.Is(err, catalog.ErrPinned) {
		t.Errorf("a pinned snapshot is forgotten: %v", err)
	}
	if err := s.during("get", object.Marks, replace).tag(id, "zz"); err != nil {
		t.Fatal(err)
	}
	s.wants("changed meanwhile", "1[a a a zz] pinned", "2[] pinned")
}

func TestAMarkThatIsRemovedMeanwhileIsNone(t *testing.T) {
	s := newShelf(t)
	id, other := s.publish(1), s.publish(2)
	s.pin(id, time.Time{})
	s.pin(other, time.Time{})
	remove := func() { s.mem.Set(catalog.MarkName(id, 1), nil) }
	s.during("get", object.Marks, remove).wants("removed", "1[]", "2[] pinned")
}

// A stale target lists an object that is gone.
type stale struct {
	*targettest.Memory
	gone string
}

func (s *stale) List(ctx context.Context, prefix string) iter.Seq2[target.Info, error] {
	return func(yield func(target.Info, error) bool) {
		if strings.HasPrefix(s.gone, prefix) && !yield(target.Info{Name: s.gone}, nil) {
			return
		}
		s.Memory.List(ctx, prefix)(yield)
	}
}

func TestAMarkThatIsListedAndGoneIsNone(t *testing.T) {
	s := newShelf(t)
	id := s.publish(1)
	s.on(&stale{s.mem, catalog.MarkName(id, 3)}, object.Options{}).wants("a stale listing", "1[]")
}
