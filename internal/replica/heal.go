package replica

import (
	"context"
	"errors"
	"runtime"

	"github.com/qsnap/qsnap/internal/config"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/outcome"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target"
)

// HealOptions say how a repository and a replica are repaired from each other.
type HealOptions struct {
	ReadData bool // read every byte on both to find damage
	// Suspects are names of objects. If there are any, only these are read, and only the
	// repository is repaired.
	Suspects  []string
	Snapshots bool // bring back all snapshots that only the replica has
	Workers   int  // 0 is as many as processors
	Progress  func(outcome.Progress)
}

// A HealReport says what Heal did.
type HealReport struct {
	Compared Comparison // as it was before

	// Repaired in the repository.
	Packs, Blobs, Deltas, Snapshots, Objects int64

	Replica     Report        // what was copied to the replica, and deleted there
	Lost        []error       // objects and blobs that can't be repaired
	Unexplained []snapshot.ID // that only the replica has, and may have been forgotten here
	Complete    bool          // Heal came to its end: all but Lost is repaired
}

// Heal repairs a repository and its replica from each other. If something can't be repaired,
// the error matches outcome.ErrDamaged.
func Heal(ctx context.Context, e *engine.Engine, to target.Target, o HealOptions) (HealReport, error) {
	if err := e.Keys.Current(ctx); err != nil {
		return HealReport{}, err
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	store := object.On(to, object.Options{})
	h := &healer{replica: store, target: to, o: o, copier: newReplication(e, store, Options{})}
	var err error
	if h.here, err = engine.Fresh(e); err != nil {
		return HealReport{}, err
	}
	defer engine.Close(h.here)
	if h.there, err = engine.FreshOn(e, store.ReadOnly(config.ErrReplica)); err != nil {
		return HealReport{}, err
	}
	defer engine.Close(h.there)
	if len(o.Suspects) > 0 {
		err = h.repair(ctx, h.repairDeltas, h.repairPacks, h.repairSnapshots)
	} else {
		err = h.repairBoth(ctx, e)
	}
	if err == nil {
		h.report.Complete = true
		err = outcome.Damage("not everything could be repaired", h.report.Lost)
	}
	return h.report, err
}

// A healer is one call of Heal.
type healer struct {
	here, there *engine.Engine // each with an index of its own, and without replicas
	replica     *object.Store
	target      target.Target // the replica's
	o           HealOptions
	copier      *replication

	states map[string]Difference // by the name of the object
	report HealReport
}

// repairBoth repairs both, and then replicates: the replica receives the new packs, and the
// packs that these replace are deleted there.
func (h *healer) repairBoth(ctx context.Context, e *engine.Engine) error {
	err := h.copier.run(ctx, func(ctx context.Context) error {
		// The keys and the config come first: without them nothing is read from the replica.
		return h.repair(ctx, h.repairSmall, h.repairReplica, h.repairDeltas, h.repairPacks, h.repairSnapshots)
	})
	h.report.Replica = h.copier.report
	if err != nil {
		return err
	}
	after, err := Replicate(ctx, e, h.target, Options{})
	after.Objects += h.copier.report.Objects
	after.Bytes += h.copier.report.Bytes
	after.Packs += h.copier.report.Packs
	after.Snapshots += h.copier.report.Snapshots
	h.report.Replica, h.report.Unexplained = after, after.Unexplained
	return err
}

// repair compares the two and takes some steps to repair them.
func (h *healer) repair(ctx context.Context, steps ...func(context.Context) error) error {
	o := CompareOptions{ReadData: h.o.ReadData, Suspects: h.o.Suspects, Workers: h.o.Workers, Now: h.here.Now, Progress: h.o.Progress}
	var err error
	if h.report.Compared, err = compare(ctx, h.here.Store, h.replica, o); err != nil {
		return err
	}
	h.states = map[string]Difference{}
	for _, d := range h.report.Compared.Differences {
		h.states[d.Name] = d
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// differences returns the differences of a kind.
func (h *healer) differences(kind object.Kind) (out []Difference) {
	for _, d := range h.report.Compared.Differences {
		if kind.Has(d.Name) {
			out = append(out, d)
		}
	}
	return out
}

// reportLost reports an object that can't be repaired.
func (h *healer) reportLost(name string) {
	h.report.Lost = append(h.report.Lost, &object.DamageError{Object: name, Err: errors.New("it is damaged or missing on the replica, too")})
}

// repairReplica replaces the damaged objects of the replica, and then copies the missing
// ones.
func (h *healer) repairReplica(ctx context.Context) error {
	for _, d := range h.report.Compared.Differences {
		if d.There != Damaged {
			continue
		}
		switch d.Here {
		case Sound:
			if err := h.copier.copyOne(ctx, d.Name); err != nil && !errors.Is(err, errVanished) {
				return err
			}
		case Missing: // garbage; or lost, which is reported where something needs it
			if err := h.replica.Remove(ctx, d.Name); err != nil {
				return err
			}
			delete(h.copier.have, d.Name)
		}
	}
	return h.copier.copy(ctx)
}

// Served returns the names of the objects that couldn't be read here and were read from a
// replica instead.
func Served(e *engine.Engine) []string { return e.Store.Served() }
