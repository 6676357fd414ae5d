package replica

import (
	"bytes"
	"context"
	"errors"
	"maps"

	"github.com/qsnap/qsnap/internal/config"
	"github.com/qsnap/qsnap/internal/object"
)

// copyRounds bounds how often packs are listed again because others have changed them
// meanwhile.
const copyRounds = 10

// copy copies the objects that the replica lacks, in the order of kinds: an object is copied
// after those that it needs.
//
// The packs that a snapshot reaches are stored before its manifest, and some pack holds each
// of its blobs for as long as the snapshot exists. But a prune may move a blob from one pack
// to another while packs are listed, so that the listing lacks both. A pack that a delta
// lists stays while the delta does. So the snapshots are listed first, then the deltas, then
// the packs; and after these are copied the deltas again, until the listing is the same as
// before. Then those of the snapshots are copied that still exist.
func (r *replication) copy(ctx context.Context) error {
	if err := r.copyKeys(ctx); err != nil {
		return err
	}
	if err := r.copyConfig(ctx); err != nil {
		return err
	}
	snapshots, err := listKind(ctx, r.from, object.Snapshots)
	if err != nil {
		return err
	}
	deltas, err := r.copyPacks(ctx)
	if err != nil {
		return err
	}
	if err := r.copyMissing(ctx, PhaseIndex, deltas); err != nil {
		return err
	}
	for _, of := range []struct {
		kind  object.Kind
		phase string
	}{{object.Losses, PhaseLosses}, {object.Forgotten, PhaseForgotten}, {object.Marks, PhaseMarks}} {
		names, err := listKind(ctx, r.from, of.kind)
		if err != nil {
			return err
		}
		if err := r.copyMissing(ctx, of.phase, names); err != nil {
			return err
		}
	}
	return r.copySnapshots(ctx, snapshots)
}

// copyKeys copies the key slots, and then the epochs. The epochs are listed first, so each of
// them has its slot.
func (r *replication) copyKeys(ctx context.Context) error {
	epochs, err := listKind(ctx, r.from, object.Epochs)
	if err != nil {
		return err
	}
	slots, err := listKind(ctx, r.from, object.Keys)
	if err != nil {
		return err
	}
	if err := r.copyMissing(ctx, PhaseKeys, slots); err != nil {
		return err
	}
	return r.copyMissing(ctx, PhaseKeys, epochs)
}

// copyConfig copies the config. If its two copies differ, the one is copied that the replica
// has already.
func (r *replication) copyConfig(ctx context.Context) error {
	here, there, err := r.configs(ctx)
	if err != nil {
		return err
	}
	body := here[object.ConfigName]
	for _, b := range here {
		switch {
		case config.Has(there, b):
			body = b
		case body == nil:
			body = b
		case len(there) == 0 && !bytes.Equal(body, b):
			return &object.DamageError{Object: object.ConfigName, Err: errors.New("its two copies differ: heal it, or name a sound one's target")}
		}
	}
	for _, name := range []string{object.ConfigName, object.ConfigCopyName} {
		if bytes.Equal(there[name], body) {
			continue
		}
		if there[name] != nil {
			if err := r.to.Remove(ctx, name); err != nil {
				return err
			}
		}
		if err := r.to.Put(ctx, name, body); err != nil {
			return err
		}
		r.count(name, int64(len(body)))
	}
	return nil
}

// copyPacks copies the packs, and returns the deltas that list no others.
func (r *replication) copyPacks(ctx context.Context) (listing, error) {
	before, err := listKind(ctx, r.from, object.Deltas)
	if err != nil {
		return nil, err
	}
	for range copyRounds {
		packs, err := listKind(ctx, r.from, object.Packs)
		if err != nil {
			return nil, err
		}
		err = r.copyMissing(ctx, PhasePacks, packs)
		vanished := errors.Is(err, errVanished)
		if err != nil && !vanished {
			return nil, err
		}
		after, err := listKind(ctx, r.from, object.Deltas)
		if err != nil {
			return nil, err
		}
		if !vanished && maps.EqualFunc(before, after, func(int64, int64) bool { return true }) {
			return before, nil
		}
		before = after
	}
	return nil, errors.New("the repository changes faster than it is copied: run it again")
}

// copySnapshots copies the manifests that were listed before and still exist, the oldest
// first. It deletes those again that were forgotten meanwhile, because another replication
// may have deleted what they need from the replica.
func (r *replication) copySnapshots(ctx context.Context, before listing) error {
	now, err := listKind(ctx, r.from, object.Snapshots)
	if err != nil {
		return err
	}
	maps.DeleteFunc(now, func(name string, _ int64) bool { return !before.has(name) })
	names := r.have.missing(now)
	if len(names) == 0 {
		return nil
	}
	if r.sort != nil {
		if err := r.sort(ctx, names); err != nil {
			return err
		}
	}
	for _, name := range names {
		if err := r.copyOne(ctx, name); err != nil && !errors.Is(err, errVanished) {
			return err
		}
	}
	if now, err = listKind(ctx, r.from, object.Snapshots); err != nil {
		return err
	}
	for _, name := range names {
		if now.has(name) {
			continue
		}
		if err := r.to.Remove(ctx, name); err != nil {
			return err
		}
		r.mu.Lock()
		delete(r.have, name)
		r.mu.Unlock()
	}
	return nil
}
