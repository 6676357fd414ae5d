package repair_test

import (
	"strings"
	"testing"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/repair"
)

func TestTheIndexIsMadeFromThePacksAlone(t *testing.T) {
	r := newRoom(t)
	m := r.take("abc")
	packs := int64(0)
	for name := range r.mem.Objects() {
		if object.Deltas.Has(name) {
			r.flip(name, 60)
		} else if object.Packs.Has(name) {
			packs++
		}
	}
	report, err := repair.Index(t.Context(), r.Engine)
	if err != nil || report.Packs != packs || report.Replaced != 1 || report.Lost != 0 || len(report.Damaged) != 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	r.reopen()
	if f := r.findings(); len(f) > 0 {
		t.Errorf("%+v", f)
	}
	if got := r.names(m); got != "abc" {
		t.Errorf("the snapshot has %q", got)
	}
}

func TestAPackThatDoesNotTellWhatItHoldsIsReportedAndStays(t *testing.T) {
	r := newRoom(t)
	r.take("a")
	name := object.Packs.Name(r.dataPacks()[0])
	r.mem.Set(name, r.mem.Objects()[name][:200])
	report, err := repair.Index(t.Context(), r.Engine)
	if err != nil || len(report.Damaged) != 1 || report.Lost == 0 || !r.has(name) {
		t.Errorf("%+v, %v; it is there: %v", report, err, r.has(name))
	}
}

// What is lost is stored, so that the next snapshot stores it again; then it is no loss.
func TestTheNextSnapshotStoresAgainWhatWasLost(t *testing.T) {
	r := newRoom(t)
	first := r.take("ab")
	r.mem.Set(object.Packs.Name(r.dataPacks()[0]), nil)
	report, err := repair.Index(t.Context(), r.Engine)
	if err != nil || report.Lost == 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	losses := func() (n int) {
		for name := range r.mem.Objects() {
			if strings.HasPrefix(name, string(object.Losses)) {
				n++
			}
		}
		return n
	}
	if losses() != 1 {
		t.Errorf("there are %d losses", losses())
	}
	r.reopen()
	r.take("ab")
	r.reopen()
	if f := r.findings(); len(f) > 0 || losses() != 0 {
		t.Errorf("%d losses are left; check finds %+v", losses(), f)
	}
	if got := r.names(first); got != "ab" {
		t.Errorf("the first snapshot has %q", got)
	}
}
