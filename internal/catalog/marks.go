package catalog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/snapshot"
)

// A Mark has the tags and the pin that a snapshot was given after it was taken. Its tags
// replace the manifest's. A manifest never changes, so a mark is an object of its own. Of the
// marks of a snapshot, the one with the highest number counts. Create-only Put decides between
// two processes that store one at the same time. The slower one then repeats its change on top
// of the other's.
type Mark struct {
	Tags   [][]byte `cbor:"1,keyasint"`
	Tagged bool     `cbor:"2,keyasint"` // Tags replace the manifest's
	Pinned bool     `cbor:"3,keyasint"`
	Until  int64    `cbor:"4,keyasint"` // the end of the pin in seconds since 1970; 0 is for ever
	// The snapshot and the number in the object's name, so that no mark can replace another.
	Snapshot []byte `cbor:"5,keyasint"`
	Number   uint64 `cbor:"6,keyasint"`
}

// MaxMark bounds a mark's object, in bytes.
const MaxMark = 1 << 20

// MarkName returns the name of a snapshot's mark with a number.
func MarkName(id snapshot.ID, number uint64) string {
	return fmt.Sprintf("%s%s-%08d", string(object.Marks), id, number)
}

// ParseMarkName returns the snapshot and the number in the name of a mark.
func ParseMarkName(name string) (id snapshot.ID, number uint64, ok bool) {
	first, second, _ := strings.Cut(object.Marks.Rest(name), "-")
	id, err := snapshot.ParseID(first)
	number, err2 := strconv.ParseUint(second, 10, 64)
	return id, number, err == nil && err2 == nil && MarkName(id, number) == name
}

// IsPinned reports whether a snapshot is pinned. It is safe on nil.
func (m *Mark) IsPinned(now time.Time) bool {
	return m != nil && m.Pinned && (m.Until == 0 || now.Unix() <= m.Until)
}

// Marks returns the newest mark of each snapshot that has one. A mark that can't be
// read counts as a pin, so that its snapshot is kept. If a mark is replaced before it is
// read, Marks lists them again, because its snapshot would seem to have no pin.
func (c *Catalog) Marks(ctx context.Context) (map[snapshot.ID]*Mark, error) {
	read, gone := map[snapshot.ID]*Mark{}, map[snapshot.ID]uint64{}
	for again := true; again; {
		newest, err := c.newestMarks(ctx)
		if err != nil {
			return nil, err
		}
		again = false
		for _, id := range slices.SortedFunc(maps.Keys(newest), object.Compare) {
			if m := read[id]; m != nil && m.Number == newest[id] {
				continue
			}
			m, err := c.readMark(ctx, id, newest[id])
			if errors.Is(err, fs.ErrNotExist) {
				again = again || gone[id] != newest[id]
				gone[id] = newest[id]
				continue
			}
			if err != nil {
				return nil, err
			}
			read[id] = m
		}
	}
	return read, nil
}

// newestMarks returns the highest number of a mark of each snapshot that has any.
func (c *Catalog) newestMarks(ctx context.Context) (map[snapshot.ID]uint64, error) {
	newest := map[snapshot.ID]uint64{}
	for info, err := range c.store.List(ctx, object.Marks) {
		if err != nil {
			return nil, err
		}
		if id, number, ok := ParseMarkName(info.Name); ok {
			newest[id] = max(newest[id], number)
		}
	}
	return newest, nil
}

func (c *Catalog) readMark(ctx context.Context, id snapshot.ID, number uint64) (*Mark, error) {
	sealed, err := c.store.ReadAll(ctx, MarkName(id, number), MaxMark)
	if object.IsDamage(err) {
		return &Mark{Number: number, Pinned: true}, nil // as for a mark that can't be opened
	}
	if err != nil {
		return nil, err
	}
	m, err := c.openMark(MarkName(id, number), sealed)
	if errors.Is(err, seal.ErrNoKey) {
		return nil, object.OpenError(MarkName(id, number), err)
	}
	if err != nil {
		return &Mark{Number: number, Pinned: true}, nil
	}
	return m, nil
}

// openMark opens a mark and verifies that its body belongs to its name.
func (c *Catalog) openMark(name string, sealed []byte) (*Mark, error) {
	body, err := c.sealer.Open(seal.Mark, sealed)
	if err != nil {
		return nil, err
	}
	m := new(Mark)
	if err := cbor.Unmarshal(body, m); err != nil {
		return nil, err
	}
	if len(m.Snapshot) != len(snapshot.ID{}) || MarkName(snapshot.ID(m.Snapshot), m.Number) != name {
		return nil, object.ErrHash
	}
	return m, nil
}

// Pin keeps a snapshot from being forgotten until a time, or for ever if that is zero. One
// that is not there is ErrNoSnapshot.
func (c *Catalog) Pin(ctx context.Context, id snapshot.ID, until time.Time) error {
	if err := c.listed(ctx, id); err != nil {
		return err
	}
	return c.Annotate(ctx, id, func(m *Mark) {
		m.Pinned, m.Until = true, 0
		if !until.IsZero() {
			m.Until = until.Unix()
		}
	})
}

// Unpin removes the pin of a snapshot. One that is not there is ErrNoSnapshot.
func (c *Catalog) Unpin(ctx context.Context, id snapshot.ID) error {
	if err := c.listed(ctx, id); err != nil {
		return err
	}
	return c.Annotate(ctx, id, func(m *Mark) { m.Pinned, m.Until = false, 0 })
}

// listed returns ErrNoSnapshot for a snapshot that is not there. One whose manifest is
// damaged is there.
func (c *Catalog) listed(ctx context.Context, id snapshot.ID) error {
	_, err := c.store.Stat(ctx, object.Snapshots.Name(id))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", id.Short(), ErrNoSnapshot)
	}
	return err
}

// Tag replaces the tags of a snapshot, none of which may be empty. One that is not there is
// ErrNoSnapshot.
func (c *Catalog) Tag(ctx context.Context, id snapshot.ID, tags []string) error {
	if slices.Contains(tags, "") {
		return errors.New("a tag is empty: leave it out")
	}
	if err := c.listed(ctx, id); err != nil {
		return err
	}
	tags = slices.Compact(slices.Sorted(slices.Values(tags)))
	return c.Annotate(ctx, id, func(m *Mark) {
		m.Tagged, m.Tags = true, nil
		for _, tag := range tags {
			m.Tags = append(m.Tags, []byte(tag))
		}
	})
}

// Annotate changes the mark of a snapshot. change may be called several times.
func (c *Catalog) Annotate(ctx context.Context, id snapshot.ID, change func(*Mark)) error {
	if err := c.keys.Current(ctx); err != nil {
		return err
	}
	for {
		all, err := c.Marks(ctx)
		if err != nil {
			return err
		}
		m := Mark{}
		if old := all[id]; old != nil {
			m = *old
		}
		change(&m)
		m.Number++
		m.Snapshot = id[:]
		body, err := object.Encode(m)
		if err != nil {
			return err
		}
		sealed, err := c.sealer.Seal(seal.Mark, body)
		if err != nil {
			return err
		}
		err = c.store.Create(ctx, MarkName(id, m.Number), sealed)
		if errors.Is(err, fs.ErrExist) {
			continue // another process was faster
		}
		if err != nil {
			return err
		}
		if m.Number > 1 {
			_ = c.store.Delete(ctx, MarkName(id, m.Number-1)) // if it stays, Marks ignores it
		}
		return nil
	}
}

// Annotated gives manifests the tags and pins of their marks. It replaces the elements of all
// that have a mark.
func (c *Catalog) Annotated(ctx context.Context, all []*snapshot.Manifest) error {
	marks, err := c.Marks(ctx)
	if errors.Is(err, seal.ErrNoKey) {
		return nil // the manifests stay as they were stored
	}
	if err != nil || len(marks) == 0 {
		return err
	}
	for i, m := range all {
		mark := marks[m.ID]
		if mark == nil {
			continue
		}
		changed := *m // the cached manifest stays as it was stored
		if mark.Tagged {
			changed.Tags = nil
			for _, tag := range mark.Tags {
				changed.Tags = append(changed.Tags, string(tag))
			}
			slices.Sort(changed.Tags)
		}
		if mark.IsPinned(c.now()) {
			changed.Pin = new(snapshot.Pin)
			if mark.Until != 0 {
				changed.Pin.Until = time.Unix(mark.Until, 0)
			}
		}
		all[i] = &changed
	}
	return nil
}

// CheckMark returns an error if a mark is damaged.
func (c *Catalog) CheckMark(name string, sealed []byte) error {
	_, err := c.openMark(name, sealed)
	return err
}
