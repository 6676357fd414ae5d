package catalog_test

import (
	"errors"
	"syscall"
	"testing"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/internal/test/fixture"
)

func TestALossIsKnownUntilAllOfItIsStoredAgain(t *testing.T) {
	s := newShelf(t)
	a, b, c, other := chunk.ID{1}, chunk.ID{2}, chunk.ID{3}, chunk.ID{4}
	none, err := s.Losses(t.Context())
	if err != nil || none.Matcher() != nil {
		t.Errorf("nothing is lost: %v", err)
	}
	for _, ids := range [][]chunk.ID{{b, a}, {c}} {
		if err := s.PutLoss(t.Context(), ids); err != nil {
			t.Fatal(err)
		}
	}
	lost, err := s.Losses(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if tell := lost.Matcher(); !tell(a) || !tell(b) || !tell(c) || tell(other) {
		t.Error("lost are others")
	}
	for name, sealed := range s.mem.Objects() {
		if err := s.CheckLoss(name, sealed); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if s.CheckLoss(object.Losses.Name([32]byte{9}), sealed) == nil || s.CheckLoss(name, []byte("x")) == nil {
			t.Error("nothing is wrong with one of another name, or a damaged one")
		}
	}
	if err := s.RemoveLosses(t.Context(), lost, func(id chunk.ID) bool { return id != b }); err != nil {
		t.Fatal(err)
	}
	if lost, err = s.Losses(t.Context()); err != nil || !lost.Matcher()(a) || !lost.Matcher()(b) || lost.Matcher()(c) {
		t.Errorf("when one of two is stored again, that loss is gone, or the other isn't: %v", err)
	}
	if err := s.RemoveLosses(t.Context(), lost, func(chunk.ID) bool { return true }); err != nil || len(s.mem.Objects()) > 0 {
		t.Errorf("%d losses are left, %v", len(s.mem.Objects()), err)
	}
}

func TestALossThatCantBeReadHindersNobody(t *testing.T) {
	s := newShelf(t)
	if err := s.PutLoss(t.Context(), []chunk.ID{{1}}); err != nil {
		t.Fatal(err)
	}
	first := ""
	for name := range s.mem.Objects() {
		first = name
	}
	for what, b := range map[string][]byte{"garbage": []byte("x"), "of another kind": s.seal(seal.Mark, make([]byte, 32)), "odd": s.seal(seal.Loss, make([]byte, 33))} {
		s.mem.Set("losses/bad", b)
		lost, err := s.Losses(t.Context())
		if err != nil || !lost.Matcher()(chunk.ID{1}) {
			t.Errorf("%s: %v", what, err)
		}
	}
	s.mem.Set("losses/bad", nil)
	bad := s.on(&fixture.BadSector{Target: s.mem, Name: first, Err: syscall.EIO}, object.Options{})
	if lost, err := bad.Losses(t.Context()); err != nil || lost.Matcher() != nil {
		t.Errorf("unreadable: %v", err)
	}
	bad = s.on(&fixture.BadSector{Target: s.mem, Name: first, Err: syscall.ECONNRESET}, object.Options{})
	if _, err := bad.Losses(t.Context()); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a connection that breaks: %v", err)
	}
}
