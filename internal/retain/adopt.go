package retain

import (
	"context"
	"errors"
	"fmt"

	"github.com/qsnap/qsnap/internal/catalog"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/internal/write"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
)

// AdoptOptions say which snapshots a host takes over from another, or an installation from
// another one of the same host.
type AdoptOptions struct {
	From, To string // hosts; the same to take over from other installations
	// Profile and ProfilePaths select snapshots as in a catalog.Filter.
	Profile      string
	ProfilePaths []string
	// Installation is the one that takes over. Zero keeps those of the snapshots.
	Installation snapshot.Installation
	DryRun       bool // change nothing
}

// An Adopted is a snapshot that was taken over.
type Adopted struct {
	Old, New *snapshot.Manifest // New is nil in a dry run
	Left     error              // why Old is not forgotten, or nil
}

// Adopt takes snapshots over, the oldest first. A manifest never changes, and a record beside
// it would be unknown to older programs. So Adopt publishes each snapshot again under the other
// host, with the old one as its Original, and then forgets the old one. Tags and pins go with
// it. Undelete brings the old one back until a prune has deleted its record. An interrupted
// Adopt leaves snapshots that are there twice; the next one forgets the old ones.
func Adopt(ctx context.Context, e *engine.Engine, o AdoptOptions) ([]Adopted, error) {
	if o.From == "" || o.To == "" {
		return nil, errors.New("adopt: name the host that had the snapshots, and the one that takes them over")
	}
	if o.From == o.To && o.Installation.IsZero() {
		return nil, fmt.Errorf("adopt: host %s has its snapshots already: name another host or an installation", o.To)
	}
	all, damaged, err := e.Catalog.All(ctx)
	if err != nil {
		return nil, err
	}
	a := &adoption{
		e: e, AdoptOptions: o, chains: map[string][]snapshot.Placed{},
		made: map[snapshot.ID]*snapshot.Manifest{}, ids: map[snapshot.ID]snapshot.ID{},
	}
	chosen := a.choose(all)
	if len(chosen) == 0 || o.DryRun {
		return a.out, damaged
	}
	s, within, err := write.Begin(ctx, e, runs.Writing, runs.Record{What: "adopt", Hostname: []byte(o.To)}, pack.Auto, 1)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	for i, p := range chosen {
		if err := a.publish(within, s, &a.out[i], p); err != nil {
			return a.out[:i], errors.Join(fmt.Errorf("adopt snapshot %s: %w", p.ID.Short(), err), damaged)
		}
		if err := a.forget(ctx, &a.out[i]); err != nil {
			return a.out[:i], errors.Join(fmt.Errorf("forget adopted snapshot %s: %w", p.ID.Short(), err), damaged)
		}
	}
	return a.out, damaged
}

// An adoption is a call of Adopt.
type adoption struct {
	e *engine.Engine
	AdoptOptions
	chains map[string][]snapshot.Placed       // of the host that takes over, by chainOf
	made   map[snapshot.ID]*snapshot.Manifest // by an Adopt that was interrupted: by the id of the old one
	ids    map[snapshot.ID]snapshot.ID        // of the new ones, by those of the old ones
	out    []Adopted
}

// choose returns the snapshots to take over, and finds what the host has already.
func (a *adoption) choose(all []snapshot.Placed) (chosen []snapshot.Placed) {
	f := catalog.Filter{Hostname: a.From, Profile: a.Profile, ProfilePaths: a.ProfilePaths, AnyKind: true}
	for _, p := range f.Select(all) {
		if a.From != a.To || !p.Job.Installation.IsZero() && p.Job.Installation != a.Installation {
			chosen = append(chosen, p)
			a.out = append(a.out, Adopted{Old: p.Manifest})
		}
	}
	for _, p := range all {
		if p.Hostname != a.To || a.From == a.To && p.Job.Installation != a.Installation {
			continue
		}
		a.chains[chainOf(p.Manifest)] = append(a.chains[chainOf(p.Manifest)], p)
		if !p.Original.IsZero() {
			a.made[p.Original] = p.Manifest
		}
	}
	return chosen
}

func chainOf(m *snapshot.Manifest) string { return fmt.Sprintf("%q %q", m.Paths, m.Kind) }

// publish publishes a snapshot again, unless that was done before.
func (a *adoption) publish(ctx context.Context, s *write.Session, out *Adopted, p snapshot.Placed) error {
	if out.New = a.made[p.ID]; out.New == nil {
		next := a.adopted(p)
		if err := s.Publish(ctx, next, write.Publication{Proven: true, Vouchers: []snapshot.ID{p.ID}}); err != nil {
			return err
		}
		out.New = next
	}
	a.ids[p.ID] = out.New.ID
	if p.Pin == nil {
		return nil
	}
	out.New.Pin = p.Pin
	return a.e.Catalog.Pin(ctx, out.New.ID, p.Pin.Until)
}

// adopted returns the manifest of a snapshot that is taken over.
func (a *adoption) adopted(p snapshot.Placed) *snapshot.Manifest {
	next := *p.Manifest
	next.Hostname, next.Original, next.Pin = a.To, p.ID, nil
	if j := next.Job; !a.Installation.IsZero() && (j.Profile != "" || !j.Installation.IsZero()) {
		next.Job.Installation = a.Installation
	}
	for _, id := range []*snapshot.ID{&next.Parent, &next.Previous} {
		if mapped, ok := a.ids[*id]; ok {
			*id = mapped
		}
	}
	if a.From != a.To {
		next.Number = a.numberOf(p)
	}
	return &next
}

// numberOf returns the number of a snapshot among those that the host has already: that of
// the one that ended before it, because snapshots with one number are in the order of their
// ends. Where the host has none, the snapshot keeps its number.
func (a *adoption) numberOf(p snapshot.Placed) uint64 {
	chain := a.chains[chainOf(p.Manifest)]
	if len(chain) == 0 {
		return p.Number
	}
	var number uint64
	for _, have := range chain {
		if !have.Time.After(p.Time) {
			number = max(number, have.Number)
		}
	}
	return number
}

// forget forgets the old snapshot, unless the target has locked it.
func (a *adoption) forget(ctx context.Context, out *Adopted) error {
	if out.Old.Pin != nil {
		if err := a.e.Catalog.Unpin(ctx, out.Old.ID); err != nil {
			return err
		}
	}
	_, err := a.e.Catalog.ForgetAll(ctx, []snapshot.ID{out.Old.ID})
	if errors.Is(err, object.ErrLocked) {
		out.Left, err = err, nil
	}
	return err
}
