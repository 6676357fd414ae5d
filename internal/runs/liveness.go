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

// Liveness tells which runs are alive: those whose lease was replaced within DeadAfter, by
// this machine's clock, and whose process, if it is one of this machine, hasn't ended. It
// keeps in the local directory when it first saw a lease, so that several short looks
// serve as well as a long one. It knows nothing before the first Refresh, and is not safe
// for concurrent use.
type Liveness struct {
	runs  *Runs
	alive map[seal.Run]*Record // a lease that can't be read is an empty one
	kinds map[seal.Run]Kind
	by    map[seal.Run]time.Time // when they are dead if they give no sign of life
	dead  []Dead
	seen  map[string]sighting // by the last Refresh, for where there is no local directory
	// kept are the dead runs that took or copied a snapshot. Their packs stay for a while,
	// for the next run of the same source.
	kept map[seal.Run]bool
}

// Liveness returns what tells which runs are alive.
func (r *Runs) Liveness() *Liveness { return &Liveness{runs: r} }

// Dead is the lease of a run that has ended without removing it.
type Dead struct {
	Run    seal.Run
	Name   string // of the lease
	Record *Record
}

// keepCrashed is how long the packs of a snapshot that was interrupted are kept
// after its lease was first seen as it is.
const keepCrashed = 24 * time.Hour

// A sighting is a lease as it was first seen with that number.
type sighting struct {
	Beat  uint64    `json:"beat"`
	Since time.Time `json:"since"`
}

// Refresh lists the leases and judges them.
func (v *Liveness) Refresh(ctx context.Context) error {
	leases, _, err := v.runs.list(ctx)
	if err != nil {
		return err
	}
	seen := v.load()
	now := v.runs.o.Now()
	v.alive, v.kinds, v.by = map[seal.Run]*Record{}, map[seal.Run]Kind{}, map[seal.Run]time.Time{}
	v.dead, v.kept = nil, map[seal.Run]bool{}
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
		if !ok || s.Beat != l.beat {
			s, ok = v.seen[key]
		}
		if !ok || s.Beat != l.beat || s.Since.After(now) {
			s = sighting{l.beat, now}
		}
		next[key] = s
		v.judge(l, record, now, s.Since)
	}
	v.seen = next
	v.save(next)
	return nil
}

// judge decides whether a run is alive whose lease was first seen, as it is, at some time.
func (v *Liveness) judge(l leaseName, record *Record, now, since time.Time) {
	if HasEnded(record.Process) || now.Sub(since) >= DeadAfter {
		v.dead = append(v.dead, Dead{l.run, l.name, record})
		v.kept[l.run] = l.kind == Writing && (record.What == "snapshot" || record.What == "copy") && now.Sub(since) < keepCrashed
		for _, other := range record.others() {
			v.kept[other] = v.kept[other] || v.kept[l.run]
		}
		return
	}
	v.alive[l.run], v.kinds[l.run], v.by[l.run] = record, l.kind, since.Add(DeadAfter)
	for _, other := range record.others() {
		if v.alive[other] == nil {
			v.alive[other] = record
		}
	}
}

// IsAlive reports whether a run is alive.
func (v *Liveness) IsAlive(run seal.Run) bool { return v.alive[run] != nil }

// Alive returns what the lease of a run that is alive says, and when the run counts as dead
// unless it renews its lease; or nil.
func (v *Liveness) Alive(run seal.Run) (*Record, time.Time) { return v.alive[run], v.by[run] }

// Living returns the runs that are alive, in order.
func (v *Liveness) Living() []seal.Run { return slices.SortedFunc(maps.Keys(v.alive), Compare) }

// Dead returns the leases of dead runs.
func (v *Liveness) Dead() []Dead { return v.dead }

// Protects reports whether the packs of a run are not to be touched: it is alive, or was
// interrupted not long ago.
func (v *Liveness) Protects(run seal.Run) bool { return v.alive[run] != nil || v.kept[run] }

// IsKept reports whether a run is dead, and its packs are kept for the next run of its
// source.
func (v *Liveness) IsResumable(run seal.Run) bool { return v.kept[run] }

// Writers returns how many runs are alive that store snapshots.
func (v *Liveness) Writers() int {
	n := 0
	for _, kind := range v.kinds {
		if kind == Writing {
			n++
		}
	}
	return n
}

// Waitable returns the runs that are alive and worth waiting for: not those that
// delete, or two of them would wait for each other.
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

// path returns where sightings are kept, or "" if there is no place.
func (v *Liveness) path() string {
	if v.runs.o.Dir == "" {
		return ""
	}
	return filepath.Join(v.runs.o.Dir, "leases.json")
}

// load reads what was seen before. Where that is lost, waiting begins again.
func (v *Liveness) load() map[string]sighting {
	seen := map[string]sighting{}
	if path := v.path(); path != "" {
		if b, err := os.ReadFile(path); err == nil && json.Unmarshal(b, &seen) != nil {
			return map[string]sighting{}
		}
	}
	return seen
}

// save keeps what is seen. Where it can't, the next look waits longer.
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
