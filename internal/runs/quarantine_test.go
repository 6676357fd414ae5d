package runs_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"syscall"
	"testing"

	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/internal/test/fixture"
	"github.com/qsnap/qsnap/pack"
)

func quarantineName(id pack.ID, run seal.Run) string {
	return fmt.Sprintf("quarantine/%x-%x", id[:], run[:])
}

func TestAPackIsInQuarantineUntilEveryRunReleasesIt(t *testing.T) {
	h := newHouse(t)
	id, other := pack.ID{1}, pack.ID{2}
	one, two := fixture.Run(t, h.sealer), fixture.Run(t, h.sealer)
	wants := func(what string, want bool) {
		t.Helper()
		set, err := h.Quarantined(t.Context())
		if err != nil || set.Has(id) != want || set.Has(other) {
			t.Errorf("%s: %v, %v", what, set, err)
		}
	}
	wants("before", false)
	for _, run := range []seal.Run{one, two} {
		if err := h.Quarantine(t.Context(), id, run, []seal.Run{{7}, {8}}); err != nil {
			t.Fatal(err)
		}
		wants("put there", true)
	}
	for name, b := range h.mem.Objects() {
		if !runs.IsQuarantineName(name) || h.CheckQuarantine(name, b) != nil {
			t.Errorf("%s isn't sound: %v", name, h.CheckQuarantine(name, b))
		}
	}
	if h.mem.Objects()[quarantineName(id, one)] == nil {
		t.Errorf("it has another name than %s", quarantineName(id, one))
	}
	for i, run := range []seal.Run{one, one, two} {
		if err := h.Release(t.Context(), id, run); err != nil {
			t.Error(err)
		}
		wants("released", i < 2)
	}
}

func TestAQuarantineSaysWhoWasAliveBefore(t *testing.T) {
	h := newHouse(t)
	id, run := pack.ID{1}, fixture.Run(t, h.sealer)
	wants := func(what string, on *runs.Runs, ok bool) {
		t.Helper()
		got, said, err := on.AliveBefore(t.Context(), id, run)
		if err != nil || said != ok || ok && !maps.Equal(got, map[seal.Run]bool{{7}: true, {8}: true}) {
			t.Errorf("%s: %v, %v, %v", what, got, said, err)
		}
	}
	wants("absent", h.Runs, false)
	if err := h.Quarantine(t.Context(), id, run, []seal.Run{{7}, {8}}); err != nil {
		t.Fatal(err)
	}
	wants("sound", h.Runs, true)
	if err := h.Quarantine(t.Context(), pack.ID{2}, run, []seal.Run{{7}, {8}}); err != nil {
		t.Fatal(err)
	}
	name := quarantineName(id, run)
	whole := h.mem.Objects()[name]
	for what, b := range map[string][]byte{"garbage": []byte("x"), "empty": {}, "another pack's": h.mem.Objects()[quarantineName(pack.ID{2}, run)]} {
		h.mem.Set(name, b)
		wants(what, h.Runs, false)
		if h.CheckQuarantine(name, b) == nil {
			t.Errorf("%s: nothing is wrong", what)
		}
		if set, err := h.Quarantined(t.Context()); err != nil || !set.Has(id) {
			t.Errorf("%s: the pack isn't in quarantine: %v", what, err)
		}
	}
	h.mem.Set(name, whole)
	bad := &fixture.BadSector{Target: h.mem, Name: name, Err: syscall.EIO}
	wants("unreadable", h.on(bad, ""), false)
	bad.Err = syscall.ECONNRESET
	if _, _, err := h.on(bad, "").AliveBefore(t.Context(), id, run); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a connection that breaks: %v", err)
	}
}

func TestStrangersAreInNoQuarantine(t *testing.T) {
	h := newHouse(t)
	name := quarantineName(pack.ID{0xab}, seal.Run{0xcd})
	for _, other := range []string{"quarantine/notes", name + "00", name[:len(name)-2], strings.Replace(name, "ab", "AB", 1), strings.Replace(name, "cd", "CD", 1), name + "-0", strings.Replace(name, "quarantine/", "leases/", 1)} {
		if runs.IsQuarantineName(other) {
			t.Errorf("%q is one", other)
		}
		h.mem.Set(other, []byte("x"))
	}
	if set, err := h.Quarantined(t.Context()); err != nil || len(set) > 0 {
		t.Errorf("%v, %v", set, err)
	}
	h.mem.Set(name, nil)
	h.mem.Set(name, []byte("x"))
	set, err := h.Quarantined(t.Context())
	if err != nil || len(set) != 1 || set[pack.ID{0xab}][0] != (seal.Run{0xcd}) {
		t.Errorf("%v, %v", set, err)
	}
}
