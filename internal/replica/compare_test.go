package replica_test

import (
	"slices"
	"testing"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/replica"
)

func TestOfEqualSizesOnlySuspectsAreRead(t *testing.T) {
	p, _, _ := copied(t)
	bad := names(p.there, "packs/")[0]
	flip(p.there, bad, 40)
	want := []replica.Difference{{Name: bad, Here: replica.Sound, There: replica.Damaged}}
	quick := p.compare(replica.CompareOptions{})
	if len(quick.Differences) != 0 {
		t.Errorf("by name and size: %v", quick.Differences)
	}
	suspect := p.compare(replica.CompareOptions{Suspects: []string{bad}})
	whole := p.compare(replica.CompareOptions{ReadData: true})
	for how, found := range map[string]replica.Comparison{"suspect": suspect, "whole": whole} {
		if !slices.Equal(found.Differences, want) {
			t.Errorf("%s: %v, want %v", how, found.Differences, want)
		}
	}
	if whole.BytesRead != 2*whole.Bytes {
		t.Errorf("read %d bytes of twice %d", whole.BytesRead, whole.Bytes)
	}
	if size := int64(len(p.here.Objects()[bad])); suspect.BytesRead != quick.BytesRead+2*size {
		t.Errorf("read %d bytes for a suspect of %d, and %d without it", suspect.BytesRead, size, quick.BytesRead)
	}
}

func TestEachStateOfAnObjectIsFound(t *testing.T) {
	p, first, second := copied(t)
	missing, gone := object.Snapshots.Name(first.ID), object.Snapshots.Name(second.ID)
	p.there.Set(missing, nil)
	p.here.Set(gone, nil)
	p.there.Set(object.ConfigName, []byte("another"))
	slot := names(p.here, "keys/")[0]
	flip(p.here, slot, 3)
	flip(p.there, slot, 5)
	got := p.compare(replica.CompareOptions{ReadData: true}).Differences
	want := []replica.Difference{
		{Name: object.ConfigName, Here: replica.Differs, There: replica.Differs},
		{Name: slot, Here: replica.Damaged, There: replica.Damaged},
		{Name: missing, Here: replica.Sound, There: replica.Missing},
		{Name: gone, Here: replica.Missing, There: replica.Sound},
	}
	byName := func(a, b replica.Difference) int { return slices.Compare([]byte(a.Name), []byte(b.Name)) }
	slices.SortFunc(want, byName)
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
