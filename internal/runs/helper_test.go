package runs_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/internal/test/fixture"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

// A house is a repository on a target in memory that runs work on.
type house struct {
	*runs.Runs
	t      *testing.T
	mem    *targettest.Memory
	sealer *seal.Sealer
	clock  *fixture.Clock
	warned []error
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, mem: &targettest.Memory{}, sealer: fixture.Sealer(fixture.Ring(t, 1)), clock: new(fixture.Clock)}
	h.Runs = h.on(h.mem, "")
	return h
}

// on returns the runs as another process sees them, through another view of the target.
func (h *house) on(tgt target.Target, dir string) *runs.Runs {
	return runs.New(object.On(tgt, object.Options{}), h.sealer, runs.Options{
		Dir: dir, Now: h.clock.Now, Hostname: "host", User: "user", Warn: func(err error) { h.warned = append(h.warned, err) },
	})
}

// begin begins a run. Its process counts as one of another machine, about which only the
// lease tells something.
func (h *house) begin(kind runs.Kind, what string) (seal.Run, *runs.Lease) {
	h.t.Helper()
	run := fixture.Run(h.t, h.sealer)
	l, err := h.Begin(h.t.Context(), run, kind, runs.Record{What: what})
	if err != nil {
		h.t.Fatal(err)
	}
	return run, l
}

func (h *house) renew(l *runs.Lease) {
	h.t.Helper()
	if err := l.Renew(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

// leases returns the names of the leases on the target.
func (h *house) leases() (names []string) {
	for name := range h.mem.Objects() {
		if object.Leases.Has(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func leaseName(kind runs.Kind, run seal.Run, beat int) string {
	return fmt.Sprintf("leases/%s-%x-%08d", kind, run[:], beat)
}
