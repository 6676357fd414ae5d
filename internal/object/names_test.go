package object_test

import (
	"strings"
	"testing"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/target"
)

func TestANameIsMadeOfItsKindAndId(t *testing.T) {
	id := [32]byte{0xab, 0xcd}
	digits := "abcd" + strings.Repeat("0", 60)
	if got := object.Snapshots.Name(id); got != "snapshots/"+digits {
		t.Errorf("a snapshot's name is %s", got)
	}
	if got := object.Packs.Name(id); got != "packs/ab/"+digits {
		t.Errorf("a pack's name is %s", got)
	}
}

func TestEveryKindReadsItsOwnNamesOnly(t *testing.T) {
	id := [32]byte{1, 2, 3, 31: 0xff}
	for _, k := range object.Kinds {
		name := k.Name(id)
		if err := target.ValidName(name); err != nil {
			t.Error(err)
		}
		if err := target.ValidPrefix(string(k)); err != nil {
			t.Error(err)
		}
		if got, ok := k.ID(name); !ok || got != id {
			t.Errorf("%s: the id is %x, %v", name, got, ok)
		}
		if got, ok := object.KindOf(name); !ok || got != k {
			t.Errorf("%s is of kind %q", name, got)
		}
		if !object.IsObjectName(name) || !k.Has(name) || k.Under(k.Rest(name)) != name {
			t.Errorf("%s isn't below %s", name, k)
		}
		for _, other := range object.Kinds {
			if _, ok := other.ID(name); ok && other != k {
				t.Errorf("%s is a name of %s, too", name, other)
			}
		}
	}
}

func TestOtherNamesAreNoIds(t *testing.T) {
	digits := strings.Repeat("ab", 32)
	for _, name := range []string{
		"", "snapshots/", digits, "snapshots/" + digits[2:], "snapshots/" + digits + "ab", "snapshots/" + strings.ToUpper(digits),
		"snapshots/x/" + digits, "snapshots/" + digits + ".tmp", "snapshots/g" + digits[1:], "index/" + digits,
	} {
		if _, ok := object.Snapshots.ID(name); ok {
			t.Errorf("%q is taken for a snapshot's name", name)
		}
	}
	for _, name := range []string{"packs/" + digits, "packs/cd/" + digits, "packs/ab/" + digits[2:]} {
		if _, ok := object.Packs.ID(name); ok {
			t.Errorf("%q is taken for a pack's name", name)
		}
	}
}

func TestARepositorysOwnNamesAreKnown(t *testing.T) {
	for _, name := range []string{object.ConfigName, object.ConfigCopyName, object.TwinName, object.ReplicaName, object.ReserveName, "keys/x"} {
		if !object.IsObjectName(name) {
			t.Errorf("%q is called foreign", name)
		}
	}
	for _, name := range []string{"", "notes", "config/x", "config-copy2", "keys", "snapshot/x", "x/keys/y"} {
		if object.IsObjectName(name) {
			t.Errorf("%q is called a repository's", name)
		}
	}
}

func TestIdsAreOrderedByTheirBytes(t *testing.T) {
	low, high := [32]byte{1, 31: 9}, [32]byte{2}
	if object.Compare(low, high) >= 0 || object.Compare(high, low) <= 0 || object.Compare(low, low) != 0 {
		t.Error("they are not")
	}
}
