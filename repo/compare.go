package repo

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
	"github.com/qsnap/qsnap/target"
)

// CompareOptions say how a repository and a replica are compared. The zero value
// compares names and sizes, and the bytes of what is small and not named by them.
type CompareOptions struct {
	ReadData bool     // read every byte on both, and compare its hash with the name
	Suspects []string // or do so with the objects of these names
	Workers  int      // objects that are read at the same time: 8 if zero

	// Progress is called now and then, by one goroutine at a time.
	Progress func(Progress)
}

// A State is how an object is on a target.
type State string

// The states. What wasn't read is Sound if it is as large as the other.
const (
	Sound   State = "sound"
	Missing State = "missing"
	Damaged State = "damaged" // its bytes are not those its name says, or can't be read
	Differs State = "differs" // from the other, and only a key could tell which is right
)

// A Difference is an object that isn't the same on both, or is damaged on both.
type Difference struct {
	Name  string `json:"object"`
	Here  State  `json:"here"`
	There State  `json:"there"`
}

// A Comparison is how a repository and a replica differ.
type Comparison struct {
	Objects     int          `json:"objects"`    // that were compared
	Bytes       int64        `json:"bytes"`      // of these, on the repository
	BytesRead   int64        `json:"bytes_read"` // on both
	Differences []Difference `json:"-"`
}

// Compare compares a repository and its replica, name by name. It takes no key, and
// changes nothing. What others add or remove meanwhile may look like a difference.
func Compare(ctx context.Context, here, there target.Target, o CompareOptions) (*Comparison, error) {
	return compare(ctx, object.On(here, object.Options{}), object.On(there, object.Options{}), o)
}

func compare(ctx context.Context, here, there *object.Store, o CompareOptions) (*Comparison, error) {
	if o.Workers <= 0 {
		o.Workers = 8
	}
	c := &comparer{here: here, there: there, o: o, start: time.Now()}
	if err := c.run(ctx); err != nil {
		return nil, err
	}
	slices.SortFunc(c.out.Differences, func(a, b Difference) int { return strings.Compare(a.Name, b.Name) })
	return &c.out, nil
}

type comparer struct {
	here, there *object.Store
	o           CompareOptions
	start       time.Time

	mu          sync.Mutex
	out         Comparison
	done, total int64
}

func (c *comparer) run(ctx context.Context) error {
	// In this order what is new on the replica is on the repository, too.
	there, err := listReplicated(ctx, c.there)
	if err != nil {
		return err
	}
	here, err := listReplicated(ctx, c.here)
	if err != nil {
		return err
	}
	names := maps.Clone(there)
	for name, size := range here {
		c.out.Bytes += size
		names[name] = max(names[name], size)
	}
	c.out.Objects = len(names)
	for _, size := range names {
		c.total += size
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(c.o.Workers)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if gctx.Err() != nil {
			break
		}
		a, isHere := here[name]
		b, isThere := there[name]
		if !c.isRead(name, isHere && isThere && a == b) {
			c.show(names[name])
			continue
		}
		g.Go(func() error {
			err := c.compare(gctx, name)
			c.show(names[name])
			return err
		})
	}
	return cmp.Or(g.Wait(), ctx.Err())
}

// isRead reports whether the bytes of an object are to be compared.
func (c *comparer) isRead(name string, alike bool) bool {
	return c.o.ReadData || slices.Contains(c.o.Suspects, name) || !alike || !isHashNamed(name) && !object.Marks.Has(name)
}

func (c *comparer) show(size int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done += size
	if c.o.Progress != nil {
		c.o.Progress(Progress{"comparing", c.done, c.total, Bytes, time.Since(c.start)})
	}
}

// compare reads an object on both.
func (c *comparer) compare(ctx context.Context, name string) error {
	d := Difference{Name: name}
	var a, b content
	var err error
	if d.Here, a, err = c.look(ctx, c.here, name); err != nil {
		return err
	}
	if d.There, b, err = c.look(ctx, c.there, name); err != nil {
		return err
	}
	if d.Here == Sound && d.There == Sound {
		if a.hash == b.hash {
			return nil
		}
		d.Here, d.There = Differs, Differs
	}
	if d.Here == Missing && d.There == Missing {
		return nil // it was removed meanwhile
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out.Differences = append(c.out.Differences, d)
	return nil
}

// look reads an object. A tombstone is none.
func (c *comparer) look(ctx context.Context, store *object.Store, name string) (State, content, error) {
	read, err := readContent(ctx, store, name, io.Discard)
	c.mu.Lock()
	c.out.BytesRead += read.size
	c.mu.Unlock()
	if err == nil {
		err = read.verdict(name)
	}
	switch {
	case err == nil:
		return Sound, read, nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, errTombstone):
		return Missing, read, nil
	case object.IsDamage(err):
		return Damaged, read, nil
	}
	return "", read, err
}
