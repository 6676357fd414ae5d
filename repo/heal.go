package repo

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/qsnap/qsnap/internal/catalog"
	"github.com/qsnap/qsnap/internal/config"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/outcome"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target"
)

// HealOptions say how a repository and a replica are mended from each other. The zero
// value finds what is missing, or of another size.
type HealOptions struct {
	ReadData bool // read every byte on both to find damage
	// Suspects are names of objects, such as Served returns. If there are any, these are
	// read, and packs, index deltas and snapshots are mended here; the replica stays as
	// it is, and needn't be writable.
	Suspects []string
	// Snapshots brings back all snapshots that only the replica has, not only those
	// that were surely lost.
	Snapshots bool
	Workers   int // 0 is as many as processors

	// Progress is called now and then, by one goroutine at a time.
	Progress func(Progress)
}

// A HealReport says what Heal did.
type HealReport struct {
	Compared Comparison `json:"-"` // as it was before
	// What was mended here: packs, and the chunks and trees of them that are stored in
	// new ones; index deltas whose packs are listed anew; snapshots, brought back under
	// another id; and other objects.
	Packs     int `json:"packs"`
	Blobs     int `json:"blobs"`
	Deltas    int `json:"deltas"`
	Snapshots int `json:"snapshots"`
	Objects   int `json:"objects"`
	// What was mended on the replica, or put there; nil if there were Suspects.
	Replica *ReplicateReport `json:"-"`
	// What can't be mended: on both it is damaged or missing. Heal's error says so, too.
	Lost []error `json:"-"`
	// Unexplained are snapshots that only the replica has, and that may have been
	// forgotten here: they are left where they are.
	Unexplained []string `json:"unexplained"`
}

func heal(ctx context.Context, e *engine.Engine, to target.Target, o HealOptions) (*HealReport, error) {
	if err := e.Keys.Current(ctx); err != nil {
		return nil, err
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	replica := object.On(to, object.Options{})
	h := &healer{to: replica, target: to, o: o, c: newReplication(e.Store, replica, ReplicateOptions{})}
	h.c.byAge = func(ctx context.Context, names []string) error { return byAge(ctx, e, names) }
	var err error
	if h.e, err = engine.Fresh(e); err != nil {
		return nil, err
	}
	defer engine.Close(h.e)
	if h.there, err = engine.FreshOn(e, replica.ReadOnly(ErrReplica)); err != nil {
		return nil, err
	}
	defer engine.Close(h.there)
	if len(o.Suspects) > 0 {
		if err := h.run(ctx, h.mendDeltas, h.mendPacks, h.mendSnapshots); err != nil {
			return &h.report, err
		}
		return &h.report, h.lost()
	}
	err = h.c.during(ctx, func(ctx context.Context) error {
		// The keys and the config come first: without them there is no replica to mend from.
		return h.run(ctx, h.mendSmall, h.mendThere, h.mendDeltas, h.mendPacks, h.mendSnapshots)
	})
	if err != nil {
		return nil, err
	}
	// What was mended here goes to the replica, and what that replaces leaves it.
	h.report.Replica, err = replicateSnapshots(ctx, e, to, ReplicateOptions{})
	if h.report.Replica != nil {
		first := &h.c.report
		h.report.Replica.Objects += first.Objects
		h.report.Replica.Bytes += first.Bytes
		h.report.Replica.Packs += first.Packs
		h.report.Replica.Snapshots += first.Snapshots
		h.report.Unexplained = h.report.Replica.Unexplained
	}
	if err == nil {
		err = h.lost()
	}
	return &h.report, err
}

// lost returns an error if anything can't be mended.
func (h *healer) lost() error {
	return outcome.Damage("not everything could be mended", h.report.Lost)
}

// A healer is one call of Heal.
type healer struct {
	e      *engine.Engine // here, with an index of its own and without replicas
	there  *engine.Engine // on the replica, likewise
	to     *object.Store
	target target.Target // the replica's
	o      HealOptions
	c      *replication

	states map[string]Difference
	report HealReport
}

// run compares the two and takes some steps to mend them.
func (h *healer) run(ctx context.Context, steps ...func(context.Context) error) error {
	compared, err := compare(ctx, h.e.Store, h.to, CompareOptions{ReadData: h.o.ReadData, Suspects: h.o.Suspects, Workers: h.o.Workers, Progress: h.o.Progress})
	if err != nil {
		return err
	}
	h.report.Compared = *compared
	h.states = map[string]Difference{}
	for _, d := range compared.Differences {
		h.states[d.Name] = d
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// of returns the differences of a sort.
func (h *healer) of(kind object.Kind) (out []Difference) {
	for _, d := range h.report.Compared.Differences {
		if kind.Has(d.Name) {
			out = append(out, d)
		}
	}
	return out
}

// lose notes what can't be mended.
func (h *healer) lose(name string) {
	h.report.Lost = append(h.report.Lost, &DamageError{Object: name, Err: errors.New("it is damaged or missing on the replica, too")})
}

// mendThere puts on the replica what is damaged there, and then what is missing.
func (h *healer) mendThere(ctx context.Context) error {
	for _, d := range h.report.Compared.Differences {
		if d.There != Damaged {
			continue
		}
		if d.Here == Sound {
			if err := h.c.copyOne(ctx, d.Name); err != nil && !errors.Is(err, errVanished) {
				return err
			}
		} else if d.Here == Missing { // of no use: it is garbage, or its loss is told by its users
			if err := h.to.Remove(ctx, d.Name); err != nil {
				return err
			}
			delete(h.c.have, d.Name)
		}
	}
	return h.c.copy(ctx)
}

// mendSmall replaces here what no run deletes beside others: the config, the keys and
// their epochs, marks and records.
func (h *healer) mendSmall(ctx context.Context) error {
	if err := h.mendConfig(ctx); err != nil {
		return err
	}
	for _, d := range h.report.Compared.Differences {
		kind, _ := object.KindOf(d.Name)
		var err error
		switch kind {
		case object.Keys, object.Forgotten, object.Losses: // what is missing was removed
			if d.Here == Damaged && d.There == Sound {
				err = h.fetch(ctx, d.Name)
			} else if d.Here == Damaged && d.There != Sound {
				h.lose(d.Name)
			}
		case object.Epochs: // which are never removed
			if d.Here != Sound && d.There == Sound {
				err = h.fetch(ctx, d.Name)
			}
		case object.Marks:
			err = h.mendMark(ctx, d)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fetch replaces an object here by what the replica has.
func (h *healer) fetch(ctx context.Context, name string) error {
	_, err := transfer(ctx, h.to, h.e.Store, name, new(pack.Buffer), true)
	if err != nil {
		return fmt.Errorf("mend %s: %w", name, err)
	}
	h.report.Objects++
	return nil
}

// mendConfig makes all copies of the config, here and there, what the sound ones are.
func (h *healer) mendConfig(ctx context.Context) error {
	if len(h.of(object.ConfigName)) == 0 {
		return nil
	}
	sound, err := config.ReadSound(ctx, h.e.Store, h.e.Ring)
	if damage := (*DamageError)(nil); errors.As(err, &damage) {
		sound, err = config.ReadSound(ctx, h.there.Store, h.there.Ring)
	}
	if err != nil {
		return err
	}
	for _, t := range []*object.Store{h.e.Store, h.to} {
		copies, err := config.Read(ctx, t, true)
		if err != nil && !errors.Is(err, ErrNoRepository) && !errors.Is(err, seal.ErrDamaged) {
			return err
		}
		for _, name := range []string{object.ConfigName, object.ConfigCopyName} {
			b, ok := copies[name]
			if ok && string(b) == string(sound) {
				continue
			}
			if err := t.Remove(ctx, name); err != nil {
				return err
			}
			if err := t.Put(ctx, name, sound); err != nil {
				return err
			}
			if t == h.to {
				h.c.count(name, int64(len(sound)))
			} else {
				h.report.Objects++
			}
		}
	}
	return nil
}

// mendMark replaces, of a mark that differs, the one that can't be read.
func (h *healer) mendMark(ctx context.Context, d Difference) error {
	if d.Here == Missing || d.Here == Sound && d.There == Missing {
		return nil
	}
	isSound := func(t *object.Store) bool {
		b, err := t.ReadAll(ctx, d.Name, catalog.MaxMark)
		if err == nil {
			err = h.e.Catalog.CheckMark(d.Name, b)
		}
		return err == nil
	}
	switch {
	case isSound(h.e.Store):
		_, err := transfer(ctx, h.e.Store, h.to, d.Name, new(pack.Buffer), true)
		return err
	case isSound(h.to):
		return h.fetch(ctx, d.Name)
	}
	h.lose(d.Name)
	return nil
}

// mendSnapshots brings back the snapshots that are damaged here, and those that are
// gone and that others follow, which none does that was forgotten but for a record;
// or all that only the replica has, if the options say so.
func (h *healer) mendSnapshots(ctx context.Context) error {
	followed := map[string]bool{}
	recorded := map[string]bool{}
	for info, err := range h.e.Store.List(ctx, object.Forgotten) {
		if err != nil {
			return err
		}
		recorded[object.Forgotten.Rest(info.Name)] = true
	}
	all, err := everySnapshot(ctx, h.e)
	if all == nil && err != nil {
		return err
	}
	for _, m := range all {
		followed[m.Previous.String()] = true
		recorded[m.Original.String()] = true // it was brought back
	}
	var back []*snapshot.Manifest
	var names, damaged []string
	for _, d := range h.of(object.Snapshots) {
		names = append(names, d.Name)
	}
	brought, err := broughtBack(ctx, h.there, names) // by a heal that was interrupted
	if err != nil {
		return err
	}
	for _, d := range h.of(object.Snapshots) {
		id := object.Snapshots.Rest(d.Name)
		if d.Here == Sound || d.Here == Missing && (recorded[id] || !followed[id] && !h.o.Snapshots) {
			continue
		}
		if d.There != Sound {
			h.lose(d.Name)
			continue
		}
		if d.Here == Damaged {
			damaged = append(damaged, d.Name)
		}
		if brought[d.Name] {
			continue
		}
		sid, err := snapshot.ParseID(id)
		if err != nil {
			continue
		}
		m, err := h.there.Catalog.Read(ctx, sid)
		if err != nil {
			return err
		}
		back = append(back, m)
	}
	if len(back) > 0 {
		if err := h.bring(ctx, back); err != nil {
			return err
		}
	}
	for _, name := range damaged {
		if err := h.e.Store.Remove(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// bring copies snapshots from the replica, as Copy does.
func (h *healer) bring(ctx context.Context, back []*snapshot.Manifest) error {
	if err := h.there.Blobs.Update(ctx, h.there.Index); err != nil {
		return err
	}
	if err := h.e.Blobs.Update(ctx, h.e.Index); err != nil {
		return err
	}
	h.e.Catalog.Sort(back)
	copied, err := copySnapshots(ctx, h.there, h.e, back, CopyOptions{Workers: h.o.Workers})
	h.report.Snapshots += copied.Copied
	return err
}
