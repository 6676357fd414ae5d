package repair_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/repair"
	"github.com/qsnap/qsnap/pack"
)

// damaged returns a repository with a pack of several segments, one of which is damaged; the
// pack, and its bytes before and after that.
func damaged(t *testing.T) (r *room, id pack.ID, before, after []byte) {
	r = newRoom(t)
	r.take("abcdef")
	id = r.dataPacks()[0]
	name := object.Packs.Name(id)
	before = r.flip(name, 200)
	return r, id, before, r.mem.Objects()[name]
}

func TestPacksMovesWhatCanBeReadAndRemovesTheDamaged(t *testing.T) {
	r, id, _, bad := damaged(t)
	var saved []byte
	report, err := repair.Packs(t.Context(), r.Engine, repair.PackOptions{Save: func(of pack.ID, in io.Reader) (err error) {
		if of != id {
			t.Errorf("pack %s is saved", of)
		}
		saved, err = io.ReadAll(in)
		return err
	}})
	if err != nil || !slices.Equal(report.Damaged, []pack.ID{id}) || report.Salvaged == 0 || report.Lost == 0 || len(report.Unread) != 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	if !bytes.Equal(saved, bad) {
		t.Errorf("%d bytes are saved of %d", len(saved), len(bad))
	}
	if r.has(object.Packs.Name(id)) {
		t.Error("the damaged pack is there")
	}
	r.reopen()
	again, err := repair.Packs(t.Context(), r.Engine, repair.PackOptions{})
	if err != nil || len(again.Damaged) != 0 || again.Salvaged != 0 {
		t.Errorf("again: %+v, %v", again, err)
	}
}

func TestOnlyTheNamedPacksAreRepaired(t *testing.T) {
	r, id, _, _ := damaged(t)
	report, err := repair.Packs(t.Context(), r.Engine, repair.PackOptions{Packs: []pack.ID{{1}}})
	if err != nil || len(report.Damaged) != 0 || !r.has(object.Packs.Name(id)) {
		t.Errorf("%+v, %v", report, err)
	}
}

// If the damaged pack can't be kept, it isn't removed, so that a later repair still has it.
func TestAPackThatCanNotBeSavedStays(t *testing.T) {
	r, id, _, bad := damaged(t)
	full := errors.New("the disk is full")
	report, err := repair.Packs(t.Context(), r.Engine, repair.PackOptions{Save: func(pack.ID, io.Reader) error { return full }})
	if !errors.Is(err, full) || len(report.Damaged) != 0 || !bytes.Equal(r.mem.Objects()[object.Packs.Name(id)], bad) {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestAPackOfAnotherRepositoryIsLeftAlone(t *testing.T) {
	r, other := newRoom(t), newRoom(t)
	r.take("a")
	other.take("b")
	id := other.dataPacks()[0]
	name := object.Packs.Name(id)
	b := other.mem.Objects()[name]
	r.mem.Set(name, b)
	report, err := repair.Packs(t.Context(), r.Engine, repair.PackOptions{})
	if err != nil || !slices.Contains(report.Whole, id) || len(report.Damaged) != 0 || !bytes.Equal(r.mem.Objects()[name], b) {
		t.Errorf("%+v, %v", report, err)
	}
}
