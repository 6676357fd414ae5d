package repo

import (
	"bytes"
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

// A judge tells which runs are alive: those whose lease was replaced within
// deadAfter, by this machine's clock, and whose process, if it is one of this
// machine, hasn't ended. What it saw when it keeps in the cache directory, so that
// several short looks serve as well as a long one.
type judge struct {
	r     *Repo
	alive map[seal.Run]*lease // after a look; what can't be read is an empty one
	kinds map[seal.Run]leaseKind
	by    map[seal.Run]time.Time // when they are dead if they give no sign of life
	// Dead runs, and those of them that took or copied a snapshot, whose packs are kept
	// for a while for the next run of the same source.
	dead []deadRun
	kept map[seal.Run]bool
}

type deadRun struct {
	runningLease
	body *lease
}

// keepCrashed is how long the packs of a snapshot that was interrupted are kept
// after its lease was first seen as it is.
const keepCrashed = 24 * time.Hour

// A sighting is a lease as it was first seen with that number.
type sighting struct {
	Beat  uint64    `json:"beat"`
	Since time.Time `json:"since"`
}

// look lists the leases and judges them.
func (j *judge) look(ctx context.Context) error {
	leases, err := j.r.leases(ctx)
	if err != nil {
		return err
	}
	seen := j.load()
	now := j.r.opts.Now()
	j.alive, j.kinds, j.by = map[seal.Run]*lease{}, map[seal.Run]leaseKind{}, map[seal.Run]time.Time{}
	j.dead, j.kept = nil, map[seal.Run]bool{}
	next := map[string]sighting{}
	for _, run := range slices.SortedFunc(maps.Keys(leases), compareRuns) {
		l := leases[run]
		body, err := j.r.readLease(ctx, l)
		if err != nil {
			return err
		}
		if body == nil {
			body = new(lease)
		}
		key := fmt.Sprintf("%x", run[:])
		s, ok := seen[key]
		if !ok || s.Beat != l.beat || s.Since.After(now) {
			s = sighting{l.beat, now}
		}
		next[key] = s
		if isDead(body.Process) || now.Sub(s.Since) >= deadAfter {
			j.dead = append(j.dead, deadRun{l, body})
			j.kept[run] = l.kind == writing && (body.What == "snapshot" || body.What == "copy") && now.Sub(s.Since) < keepCrashed
			for _, other := range body.others() {
				j.kept[other] = j.kept[other] || j.kept[run]
			}
			continue
		}
		j.alive[run], j.kinds[run], j.by[run] = body, l.kind, s.Since.Add(deadAfter)
		for _, other := range body.others() {
			if j.alive[other] == nil {
				j.alive[other] = body
			}
		}
	}
	j.save(next)
	return nil
}

// keeps reports whether the packs of a run are not to be touched.
func (j *judge) keeps(run seal.Run) bool { return j.alive[run] != nil || j.kept[run] }

// writers returns how many runs are alive that store snapshots.
func (j *judge) writers() int {
	n := 0
	for _, kind := range j.kinds {
		if kind == writing {
			n++
		}
	}
	return n
}

// waitable returns the runs that are alive and worth waiting for: not those that
// delete, or two of them would wait for each other.
func (j *judge) waitable() []seal.Run {
	var out []seal.Run
	for run, kind := range j.kinds {
		if kind != pruning {
			out = append(out, run)
		}
	}
	slices.SortFunc(out, compareRuns)
	return out
}

func compareRuns(a, b seal.Run) int { return bytes.Compare(a[:], b[:]) }

// path returns where sightings are kept, or "" if there is no place.
func (j *judge) path() string {
	if j.r.dir == "" {
		return ""
	}
	return filepath.Join(j.r.dir, "leases.json")
}

// load reads what was seen before. Where that is lost, waiting begins anew.
func (j *judge) load() map[string]sighting {
	seen := map[string]sighting{}
	if path := j.path(); path != "" {
		if b, err := os.ReadFile(path); err == nil && json.Unmarshal(b, &seen) != nil {
			return map[string]sighting{}
		}
	}
	return seen
}

// save keeps what is seen. Where it can't, the next one waits longer.
func (j *judge) save(seen map[string]sighting) {
	path := j.path()
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
