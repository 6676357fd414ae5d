package runs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/qsnap/qsnap/internal/seal"
)

// Liveness decides which runs are alive. A run is alive if its lease was replaced within
// DeadAfter, by this machine's clock, unless its process is one of this machine and has
// ended. The local directory keeps the time at which each lease was first seen, so several
// short runs detect a dead one as well as a long run does. A Liveness knows no runs before the
// first Refresh. It is not safe for concurrent use.
type Liveness struct {
	runs     *Runs
	alive    map[seal.Run]*Record // the record is empty if the lease can't be read
	kinds    map[seal.Run]Kind
	deadline map[seal.Run]time.Time // when a run counts as dead unless it renews its lease
	dead     []Dead
	seen     map[string]sighting // of the last Refresh, in case there is no local directory
	// resumable are the dead runs that took or copied a snapshot. Their packs stay for a
	// while, for the next run of the same source.
	resumable map[seal.Run]bool
}

// Liveness returns a Liveness of the runs.
func (r *Runs) Liveness() *Liveness { return &Liveness{runs: r} }

// Dead is the lease of a dead run.
type Dead struct {
	Run    seal.Run
	Name   string // of the lease
	Record *Record
}

// keepInterrupted is how long the packs of an interrupted run stay, after the last version of
// its lease was first seen.
const keepInterrupted = 24 * time.Hour

// A sighting is the time at which a version of a lease was first seen.
type sighting struct {
	Number uint64    `json:"beat"`
	Since  time.Time `json:"since"`
}

// Refresh lists the leases and decides which runs are alive.
func (v *Liveness) Refresh(ctx context.Context) error {
	leases, _, err := v.runs.list(ctx)
	if err != nil {
		return err
	}
	seen := v.load()
	now := v.runs.o.Now()
	v.alive, v.kinds, v.deadline = map[seal.Run]*Record{}, map[seal.Run]Kind{}, map[seal.Run]time.Time{}
	v.dead, v.resumable = nil, map[seal.Run]bool{}
	next := map[string]sighting{}
	for _, run := range slices.SortedFunc(maps.Keys(leases), Compare) {
		l := leases[run]
		record, err := v.runs.read(ctx, l)
		if err != nil {
			return err
		}
		if record == nil {
			record = new(Record)
		}
		key := fmt.Sprintf("%x", run[:])
		s, ok := seen[key]
		if !ok || s.Number != l.number {
			s, ok = v.seen[key]
		}
		if !ok || s.Number != l.number || s.Since.After(now) {
			s = sighting{l.number, now}
		}
		next[key] = s
		v.classify(l, record, now, s.Since)
	}
	v.seen = next
	v.save(next)
	return nil
}

// classify decides whether a run is alive. The newest version of its lease was first seen at
// since.
func (v *Liveness) classify(l leaseName, record *Record, now, since time.Time) {
	if HasEnded(record.Process) || now.Sub(since) >= DeadAfter {
		v.dead = append(v.dead, Dead{l.run, l.name, record})
		v.resumable[l.run] = l.kind == Writing && (record.What == "snapshot" || record.What == "copy") && now.Sub(since) < keepInterrupted
		for _, other := range record.others() {
			v.resumable[other] = v.resumable[other] || v.resumable[l.run]
		}
		return
	}
	v.alive[l.run], v.kinds[l.run], v.deadline[l.run] = record, l.kind, since.Add(DeadAfter)
	for _, other := range record.others() {
		if v.alive[other] == nil {
			v.alive[other] = record
		}
	}
}

// IsAlive reports whether a run is alive.
func (v *Liveness) IsAlive(run seal.Run) bool { return v.alive[run] != nil }

// Alive returns the record of a run that is alive, and the time at which the run counts as
// dead unless it renews its lease. If the run isn't alive, the record is nil.
func (v *Liveness) Alive(run seal.Run) (*Record, time.Time) { return v.alive[run], v.deadline[run] }

// Living returns the runs that are alive, ordered by Compare.
func (v *Liveness) Living() []seal.Run { return slices.SortedFunc(maps.Keys(v.alive), Compare) }

// Dead returns the leases of dead runs.
func (v *Liveness) Dead() []Dead { return v.dead }

// Protects reports whether the packs of a run must not be deleted, because the run is alive or
// resumable.
func (v *Liveness) Protects(run seal.Run) bool { return v.alive[run] != nil || v.resumable[run] }

// IsResumable reports whether a run is dead and the next run of its source may use its packs.
func (v *Liveness) IsResumable(run seal.Run) bool { return v.resumable[run] }

// Writers returns how many of the runs that are alive store snapshots.
func (v *Liveness) Writers() int {
	n := 0
	for _, kind := range v.kinds {
		if kind == Writing {
			n++
		}
	}
	return n
}

// Waitable returns the runs for which a prune waits: those that are alive, except other
// prunes, because two prunes would wait for each other.
func (v *Liveness) Waitable() []seal.Run {
	var out []seal.Run
	for run, kind := range v.kinds {
		if kind != Pruning {
			out = append(out, run)
		}
	}
	slices.SortFunc(out, Compare)
	return out
}

// path returns the file of sightings, or "" if there is no local directory.
func (v *Liveness) path() string {
	if v.runs.o.Dir == "" {
		return ""
	}
	return filepath.Join(v.runs.o.Dir, "leases.json")
}

// load reads the sightings of earlier runs. If they are lost, DeadAfter begins again for each
// lease.
func (v *Liveness) load() map[string]sighting {
	seen := map[string]sighting{}
	if path := v.path(); path != "" {
		if b, err := os.ReadFile(path); err == nil && json.Unmarshal(b, &seen) != nil {
			return map[string]sighting{}
		}
	}
	return seen
}

// save writes the sightings. If it can't, the next run waits longer.
func (v *Liveness) save(seen map[string]sighting) {
	path := v.path()
	if path == "" {
		return
	}
	if len(seen) == 0 {
		if err := os.Remove(path); err == nil || errors.Is(err, fs.ErrNotExist) {
			return
		}
	}
	b, err := json.Marshal(seen)
	if err == nil && os.MkdirAll(filepath.Dir(path), 0o700) == nil {
		_ = os.WriteFile(path, b, 0o600)
	}
}
