package repo

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/qsnap/qsnap/internal/config"
	"github.com/qsnap/qsnap/internal/object"
)

// copyRounds bounds how often packs are listed anew because others have changed them
// meanwhile.
const copyRounds = 10

// copy copies what isn't on the replica. The order is that of sorts: what something
// needs is there before it.
//
// What a snapshot reaches is in packs that were there before it, and stays in some
// pack as long as the snapshot stands; but a prune may move it from one to another
// while packs are listed, and both be missed. A pack that is listed by a delta stays
// while that one does. So the snapshots are listed first, then the deltas, then the
// packs, and when these are copied the deltas again, until none has come or gone. The
// snapshots that still stand then are copied.
func (c *replication) copy(ctx context.Context) error {
	for _, step := range []func(context.Context) error{c.copyKeys, c.copyConfig} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	snapshots, err := listOf(ctx, c.from, object.Snapshots)
	if err != nil {
		return err
	}
	deltas, err := c.copyPacks(ctx)
	if err != nil {
		return err
	}
	if err := c.copyAll(ctx, "index", deltas); err != nil {
		return err
	}
	for _, kind := range []object.Kind{object.Losses, object.Forgotten, object.Marks} {
		names, err := listOf(ctx, c.from, kind)
		if err != nil {
			return err
		}
		if err := c.copyAll(ctx, Phase(strings.TrimSuffix(string(kind), "/")), names); err != nil {
			return err
		}
	}
	return c.copySnapshots(ctx, snapshots)
}

// copyKeys copies the key slots, and then what makes their epochs count: an epoch
// that was listed first has its slot.
func (c *replication) copyKeys(ctx context.Context) error {
	epochs, err := listOf(ctx, c.from, object.Epochs)
	if err != nil {
		return err
	}
	keys, err := listOf(ctx, c.from, object.Keys)
	if err == nil {
		err = c.copyAll(ctx, "keys", keys)
	}
	if err != nil {
		return err
	}
	return c.copyAll(ctx, "keys", epochs)
}

// copyConfig copies the config. Where its two copies differ, that is copied which the
// replica has already.
func (c *replication) copyConfig(ctx context.Context) error {
	here, there, err := c.configs(ctx)
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
			return &DamageError{Object: object.ConfigName, Err: errors.New("its two copies differ: heal it, or name a sound one's target")}
		}
	}
	for _, name := range []string{object.ConfigName, object.ConfigCopyName} {
		if bytes.Equal(there[name], body) {
			continue
		}
		if there[name] != nil {
			if err := c.to.Remove(ctx, name); err != nil {
				return err
			}
		}
		if err := c.to.Put(ctx, name, body); err != nil {
			return err
		}
		c.count(name, int64(len(body)))
	}
	return nil
}

// copyPacks copies the packs, and returns the deltas that list none but these.
func (c *replication) copyPacks(ctx context.Context) (map[string]int64, error) {
	before, err := listOf(ctx, c.from, object.Deltas)
	for round := 1; err == nil; round++ {
		var packs, after map[string]int64
		if packs, err = listOf(ctx, c.from, object.Packs); err != nil {
			break
		}
		vanished := false
		err = c.copyAll(ctx, "packs", packs)
		if errors.Is(err, errVanished) {
			vanished, err = true, nil
		}
		if err == nil {
			after, err = listOf(ctx, c.from, object.Deltas)
		}
		if err != nil {
			break
		}
		same, kept := !vanished && len(before) == len(after), map[string]int64{}
		for name, size := range before {
			if _, ok := after[name]; ok {
				kept[name] = size
			}
		}
		if same && len(kept) == len(before) {
			return kept, nil
		}
		if round == copyRounds {
			return nil, errors.New("the repository changes faster than it is copied: run it again")
		}
		before = after
	}
	return nil, err
}

// copySnapshots copies the snapshots that still stand, the oldest first, and takes
// back those that were forgotten while this was done: somebody else may have removed
// what they need from the replica meanwhile.
func (c *replication) copySnapshots(ctx context.Context, before map[string]int64) error {
	now, err := listOf(ctx, c.from, object.Snapshots)
	if err != nil {
		return err
	}
	var names []string
	for _, name := range missingFrom(c.have, now) {
		if _, ok := before[name]; ok {
			names = append(names, name)
		}
	}
	if c.byAge != nil {
		if err := c.byAge(ctx, names); err != nil {
			return err
		}
	}
	for _, name := range names {
		if err := c.copyOne(ctx, name); err != nil && !errors.Is(err, errVanished) {
			return err
		}
	}
	if len(names) == 0 {
		return nil
	}
	if now, err = listOf(ctx, c.from, object.Snapshots); err != nil {
		return err
	}
	for _, name := range names {
		if _, stands := now[name]; stands {
			continue
		}
		if err := c.to.Remove(ctx, name); err != nil {
			return err
		}
		c.mu.Lock()
		delete(c.have, name)
		c.mu.Unlock()
	}
	return nil
}

// missingFrom returns what isn't there, or is of another size, in order.
func missingFrom(have, want map[string]int64) (names []string) {
	for name, size := range want {
		if there, ok := have[name]; !ok || there != size {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// errVanished means that an object was removed before it was copied.
var errVanished = errors.New("it was forgotten meanwhile")
