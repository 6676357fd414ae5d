package repo

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/qsnap/qsnap/internal/config"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/target"
)

// ReplicateOptions say how a replica is brought up to date. The zero value is useful.
type ReplicateOptions struct {
	// KeepDeleted leaves on the replica all that the repository has no more.
	KeepDeleted bool
	// DeleteUnexplained removes snapshots from the replica, too, that are gone from the
	// repository without a record that they were forgotten.
	DeleteUnexplained bool

	// Progress is called now and then, by one goroutine at a time.
	Progress func(Progress)
}

// A ReplicateReport says what a replication did.
type ReplicateReport struct {
	Snapshots        int   `json:"snapshots"` // that were copied
	Packs            int   `json:"packs"`     // the same
	Objects          int   `json:"objects"`   // all that were copied, with these
	Bytes            int64 `json:"bytes"`     // of all objects
	RemovedSnapshots int   `json:"snapshots_removed"`
	RemovedPacks     int   `json:"packs_removed"`
	RemovedObjects   int   `json:"objects_removed"` // all, with these
	RemovedBytes     int64 `json:"bytes_removed"`
	// Damaged are objects of the repository that can't be copied, because their bytes
	// are not what their name says, or can't be read.
	Damaged []error `json:"-"`
	// Unexplained are snapshots that only the replica has, and no record says that they
	// were forgotten: they may be lost here. They are kept, with all they need.
	Unexplained []string `json:"unexplained"`
	// Kept says why nothing that the repository has no more was removed, if so.
	Kept error `json:"-"`
}

// Replicate makes a target a replica of the repository on another one, or brings it up
// to date: it copies what isn't there. It takes no key, and so removes nothing; the
// method of Repo does.
//
// At any moment what is on the replica is a repository by itself, whose snapshots are
// whole as far as they are here: it can be opened, checked, restored from, and be
// promoted to take the place of a lost one. What was interrupted is completed by the
// next call. Others may change the repository meanwhile. Every object is checked
// against its name as it is copied.
//
// The errors are fs.ErrExist if the target holds a repository that isn't a replica of
// this one, and ErrPromoted, beside those of the targets.
func Replicate(ctx context.Context, from, to target.Target, o ReplicateOptions) (*ReplicateReport, error) {
	c := newReplication(object.On(from, object.Options{}), object.On(to, object.Options{}), o)
	err := c.during(ctx, c.copy)
	return &c.report, err
}

// A replication is one call of Replicate.
type replication struct {
	from, to *object.Store
	o        ReplicateOptions
	start    time.Time
	// byAge sorts the names of snapshots, the oldest first. It may be nil.
	byAge func(ctx context.Context, names []string) error

	have   map[string]int64 // what is on the replica
	tombs  map[string]bool  // names of snapshots that are tombstones here
	buffer chan *pack.Buffer

	mu     sync.Mutex
	report ReplicateReport
	total  int64
}

// objectsAtOnce is how many objects are copied at the same time.
const objectsAtOnce = 3

func newReplication(from, to *object.Store, o ReplicateOptions) *replication {
	c := &replication{from: from, to: to, o: o, start: time.Now(), tombs: map[string]bool{}, buffer: make(chan *pack.Buffer, objectsAtOnce)}
	for range objectsAtOnce {
		c.buffer <- new(pack.Buffer)
	}
	return c
}

// during does something to the replica, which is made one if there is nothing yet,
// and says to others that it does.
func (c *replication) during(ctx context.Context, do func(context.Context) error) error {
	if err := c.isOurs(ctx); err != nil {
		return err
	}
	w, err := beginReplicating(ctx, c.to)
	if err != nil {
		return err
	}
	// The replica is listed before the repository: what is there, and not here
	// afterwards, was here once, as no name is used twice.
	if c.have, err = listReplicated(ctx, c.to); err == nil {
		err = do(ctx)
	}
	return object.Join(err, w.end(ctx))
}

// isOurs returns an error unless the target is a replica of this repository, or free
// to become one.
func (c *replication) isOurs(ctx context.Context) error {
	here, there, err := c.configs(ctx)
	if err != nil {
		return err
	}
	if len(there) == 0 {
		if _, err := c.to.Stat(ctx, object.ConfigName); !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(fmt.Errorf("something else is here already: %w", fs.ErrExist), err)
		}
		mark, err := config.ReadSibling(ctx, c.to, object.ReplicaName)
		if err != nil || mark != "" {
			return err
		}
		if err := config.Vacant(ctx, c.to, config.Below()); err != nil {
			return err
		}
		return config.PutSibling(ctx, c.to, object.ReplicaName, rand.Reader)
	}
	if !alike(here, there) {
		return fmt.Errorf("another repository is here already: %w", fs.ErrExist)
	}
	mark, err := config.ReadSibling(ctx, c.to, object.ReplicaName)
	if err == nil && mark == "" {
		err = fmt.Errorf("this repository is here already, and is no replica, or was promoted: %w", fs.ErrExist)
	}
	return err
}

// configs returns the copies of the config here and there, where there may be none.
func (c *replication) configs(ctx context.Context) (here, there map[string][]byte, err error) {
	if here, err = config.Read(ctx, c.from, true); err != nil {
		return nil, nil, err
	}
	there, err = config.Read(ctx, c.to, true)
	if errors.Is(err, ErrNoRepository) {
		err = nil
	}
	return here, there, err
}

// alike reports whether two repositories have any copy of the config in common.
func alike(a, b map[string][]byte) bool {
	for _, body := range a {
		if config.Has(b, body) {
			return true
		}
	}
	return false
}

// listReplicated returns the objects that a replica has of its repository, and their
// sizes.
func listReplicated(ctx context.Context, store *object.Store) (map[string]int64, error) {
	out := map[string]int64{}
	for _, kind := range replicatedKinds {
		if err := addListed(ctx, store, kind, out); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{object.ConfigName, object.ConfigCopyName} {
		info, err := store.Stat(ctx, name)
		if err == nil {
			out[name] = info.Size
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return out, nil
}

// addListed adds the objects of a kind.
func addListed(ctx context.Context, store *object.Store, kind object.Kind, out map[string]int64) error {
	for info, err := range store.List(ctx, kind) {
		if err != nil {
			return err
		}
		out[info.Name] = info.Size
	}
	return nil
}

func listOf(ctx context.Context, store *object.Store, kind object.Kind) (map[string]int64, error) {
	out := map[string]int64{}
	return out, addListed(ctx, store, kind, out)
}

// copyAll copies those of the objects that aren't there. One that has vanished
// meanwhile is errVanished, after all others were copied.
func (c *replication) copyAll(ctx context.Context, phase Phase, objects map[string]int64) error {
	names := missingFrom(c.have, objects)
	var bytes int64
	for _, name := range names {
		bytes += objects[name]
	}
	c.mu.Lock()
	c.total = c.report.Bytes + bytes
	c.mu.Unlock()
	var vanished error
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(objectsAtOnce)
	for _, name := range names {
		if gctx.Err() != nil {
			break
		}
		g.Go(func() error {
			err := c.copyOne(gctx, name)
			c.mu.Lock()
			defer c.mu.Unlock()
			if errors.Is(err, errVanished) {
				vanished, err = err, nil
			}
			c.progress(phase)
			return err
		})
	}
	if err := cmp.Or(g.Wait(), ctx.Err()); err != nil {
		return err
	}
	return vanished
}

// progress is called with mu held.
func (c *replication) progress(phase Phase) {
	if c.o.Progress != nil {
		c.o.Progress(Progress{phase, c.report.Bytes, c.total, Bytes, time.Since(c.start)})
	}
}

// count notes what was copied.
func (c *replication) count(name string, size int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.report.Objects++
	c.report.Bytes += size
	switch kind, _ := object.KindOf(name); kind {
	case object.Packs:
		c.report.Packs++
	case object.Snapshots:
		c.report.Snapshots++
	}
	c.have[name] = size
}

// copyOne copies an object. One that is damaged here is noted, and a tombstone
// passed over.
func (c *replication) copyOne(ctx context.Context, name string) error {
	buffer := <-c.buffer
	defer func() { c.buffer <- buffer }()
	c.mu.Lock()
	_, replace := c.have[name]
	c.mu.Unlock()
	if replace && object.Marks.Has(name) {
		return nil // which of the two is damaged takes a key to tell: see Heal
	}
	size, err := transfer(ctx, c.from, c.to, name, buffer, replace)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: %w", name, errVanished)
	case errors.Is(err, errTombstone):
		c.mu.Lock()
		defer c.mu.Unlock()
		c.tombs[name] = true
		return nil
	case object.IsDamage(err):
		c.mu.Lock()
		defer c.mu.Unlock()
		c.report.Damaged = append(c.report.Damaged, err)
		return nil
	case err != nil:
		return fmt.Errorf("replicate %s: %w", name, err)
	}
	c.count(name, size)
	return nil
}

var errTombstone = errors.New("it is a tombstone")

// isTombstoneHeader reports whether what begins so says it is a tombstone.
func isTombstoneHeader(front []byte) bool {
	h, err := seal.ParseHeader(front)
	return err == nil && h.Kind() == seal.Tombstone
}
