package replica

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/outcome"
	"github.com/qsnap/qsnap/target"
)

// CompareOptions say how a repository and a replica are compared.
type CompareOptions struct {
	ReadData bool     // read every object on both, and compare its hash with its name
	Suspects []string // names of objects that are read in any case
	Workers  int      // objects that are read at the same time: defaultWorkers if zero
	Now      func() time.Time
	Progress func(outcome.Progress)
}

// PhaseComparing is the phase of a comparison.
const PhaseComparing = "comparing"

// defaultWorkers is how many objects are read at the same time unless options say otherwise.
const defaultWorkers = 8

// A State is how an object is on a target.
type State string

// The states. An object that wasn't read is Sound if it has the same size on both.
const (
	Sound   State = "sound"
	Missing State = "missing"
	Damaged State = "damaged" // its bytes don't match its name, or can't be read
	Differs State = "differs" // from the other; only a key could tell which is right
)

// A Difference is an object that isn't the same on both, or is damaged on both.
type Difference struct {
	Name  string
	Here  State
	There State
}

// A Comparison is how a repository and a replica differ.
type Comparison struct {
	Objects     int64 // that were compared
	Bytes       int64 // of these, in the repository
	BytesRead   int64 // on both
	Differences []Difference
}

// Compare compares a repository and its replica. It takes no key, and changes nothing.
func Compare(ctx context.Context, here, there target.Target, o CompareOptions) (Comparison, error) {
	return compare(ctx, object.On(here, object.Options{}), object.On(there, object.Options{}), o)
}

func compare(ctx context.Context, here, there *object.Store, o CompareOptions) (Comparison, error) {
	if o.Workers <= 0 {
		o.Workers = defaultWorkers
	}
	c := &comparison{here: here, there: there, o: o, start: o.Now()}
	err := c.run(ctx)
	slices.SortFunc(c.found.Differences, func(a, b Difference) int { return strings.Compare(a.Name, b.Name) })
	return c.found, err
}

// A comparison is one call of Compare.
type comparison struct {
	here, there *object.Store
	o           CompareOptions
	start       time.Time

	mu          sync.Mutex
	found       Comparison
	done, total int64 // bytes of objects, the larger where sizes differ
}

func (c *comparison) run(ctx context.Context) error {
	// In this order an object that was just copied to the replica is listed in the
	// repository, too.
	there, err := listAll(ctx, c.there)
	if err != nil {
		return err
	}
	here, err := listAll(ctx, c.here)
	if err != nil {
		return err
	}
	all := maps.Clone(there)
	for name, size := range here {
		c.found.Bytes += size
		all[name] = max(all[name], size)
	}
	for _, size := range all {
		c.total += size
	}
	c.found.Objects = int64(len(all))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(c.o.Workers)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if gctx.Err() != nil {
			break
		}
		sameSize := here.has(name) && there.has(name) && here[name] == there[name]
		if sameSize && !c.mustRead(name) {
			c.showProgress(all[name])
			continue
		}
		g.Go(func() error {
			err := c.compare(gctx, name)
			c.showProgress(all[name])
			return err
		})
	}
	return cmp.Or(g.Wait(), ctx.Err())
}

// mustRead reports whether an object is read on both although it has the same size.
func (c *comparison) mustRead(name string) bool {
	return c.o.ReadData || slices.Contains(c.o.Suspects, name) || !isHashNamed(name) && !object.Marks.Has(name)
}

// showProgress reports the progress, after an object of that size.
func (c *comparison) showProgress(size int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done += size
	if c.o.Progress != nil {
		c.o.Progress(outcome.Progress{Phase: PhaseComparing, Done: c.done, Total: c.total, Unit: "bytes", Elapsed: c.o.Now().Sub(c.start)})
	}
}

// compare reads an object on both.
func (c *comparison) compare(ctx context.Context, name string) error {
	here, a, err := c.read(ctx, c.here, name)
	if err != nil {
		return err
	}
	there, b, err := c.read(ctx, c.there, name)
	if err != nil {
		return err
	}
	if here == Sound && there == Sound {
		if a.hash == b.hash {
			return nil
		}
		here, there = Differs, Differs
	}
	if here == Missing && there == Missing {
		return nil // it was deleted meanwhile
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.found.Differences = append(c.found.Differences, Difference{name, here, there})
	return nil
}

// read reads an object, and returns its state. A tombstone is Missing.
func (c *comparison) read(ctx context.Context, store *object.Store, name string) (State, content, error) {
	found, err := readContent(ctx, store, name, io.Discard)
	c.mu.Lock()
	c.found.BytesRead += found.size
	c.mu.Unlock()
	if err == nil {
		err = found.check(name)
	}
	switch {
	case err == nil:
		return Sound, found, nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, errTombstone):
		return Missing, found, nil
	case object.IsDamage(err):
		return Damaged, found, nil
	}
	return "", found, err
}
