package repo

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

// A mark says what was said of a snapshot after it was taken: tags in place of its
// own, and whether it is pinned. Manifests never change; marks are objects beside
// them,
//
//	marks/<snapshot, 64 digits>-<number, 8 digits>
//
// of which the one with the highest number counts. Create-only Put decides between
// two that are written at once; the second is then written again on top.
type mark struct {
	Tags   [][]byte `cbor:"1,keyasint"`
	Tagged bool     `cbor:"2,keyasint"` // Tags count
	Pinned bool     `cbor:"3,keyasint"`
	Until  int64    `cbor:"4,keyasint"` // seconds since 1970 that the pin lasts, or 0 for ever
	// What its name says, so that it can't pass for another.
	Snapshot []byte `cbor:"5,keyasint"`
	Number   uint64 `cbor:"6,keyasint"`
}

// ErrPinned means that a snapshot is pinned and can't be forgotten.
var ErrPinned = errors.New("it is pinned")

const maxMark = 1 << 20

func markName(id snapshot.ID, number uint64) string {
	return fmt.Sprintf("%s%s-%08d", string(object.Marks), id, number)
}

func parseMarkName(name string) (id snapshot.ID, number uint64, ok bool) {
	first, second, _ := strings.Cut(object.Marks.Rest(name), "-")
	id, err := snapshot.ParseID(first)
	number, err2 := strconv.ParseUint(second, 10, 64)
	return id, number, err == nil && err2 == nil && markName(id, number) == name
}

// pinned reports whether a snapshot is pinned. It is safe on nil.
func (m *mark) pinned(now time.Time) bool {
	return m != nil && m.Pinned && (m.Until == 0 || now.Unix() <= m.Until)
}

// readMarks returns the marks of all snapshots that have any. One that can't be
// read counts as a pin, which harms nobody.
func (r *Repo) readMarks(ctx context.Context) (map[snapshot.ID]*mark, error) {
	newest := map[snapshot.ID]uint64{}
	for info, err := range r.store.List(ctx, object.Marks) {
		if err != nil {
			return nil, err
		}
		if id, number, ok := parseMarkName(info.Name); ok {
			newest[id] = max(newest[id], number)
		}
	}
	out := map[snapshot.ID]*mark{}
	for _, id := range slices.SortedFunc(maps.Keys(newest), object.Compare) {
		m, err := r.readMark(ctx, id, newest[id])
		if errors.Is(err, fs.ErrNotExist) {
			continue // replaced or removed since
		}
		if err != nil {
			return nil, err
		}
		out[id] = m
	}
	return out, nil
}

func (r *Repo) readMark(ctx context.Context, id snapshot.ID, number uint64) (*mark, error) {
	sealed, err := r.store.ReadAll(ctx, markName(id, number), maxMark)
	if object.IsDamage(err) {
		return &mark{Number: number, Pinned: true}, nil // as one that doesn't open
	}
	if err != nil {
		return nil, err
	}
	m, err := r.openMark(markName(id, number), sealed)
	if errors.Is(err, ErrNewerKey) {
		return nil, object.Unopened(markName(id, number), err)
	}
	if err != nil {
		return &mark{Number: number, Pinned: true}, nil
	}
	return m, nil
}

// openMark opens the mark of that name.
func (r *Repo) openMark(name string, sealed []byte) (*mark, error) {
	body, err := r.box.Open(seal.Mark, sealed)
	if err != nil {
		return nil, err
	}
	m := new(mark)
	if err := cbor.Unmarshal(body, m); err != nil {
		return nil, err
	}
	if len(m.Snapshot) != len(snapshot.ID{}) || markName(snapshot.ID(m.Snapshot), m.Number) != name {
		return nil, object.ErrHash
	}
	return m, nil
}

// setMark changes what is said of a snapshot.
func (r *Repo) setMark(ctx context.Context, id snapshot.ID, change func(*mark)) error {
	if err := r.keys.Current(ctx); err != nil {
		return err
	}
	for {
		all, err := r.readMarks(ctx)
		if err != nil {
			return err
		}
		m := mark{}
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
		sealed, err := r.box.Seal(seal.Mark, body)
		if err != nil {
			return err
		}
		err = r.store.Create(ctx, markName(id, m.Number), sealed)
		if errors.Is(err, fs.ErrExist) {
			continue // another was quicker
		}
		if err != nil {
			return err
		}
		if m.Number > 1 {
			_ = r.store.Delete(ctx, markName(id, m.Number-1)) // else it is passed over
		}
		return nil
	}
}

// Pin keeps a snapshot from being forgotten up to a time, or for ever if that is
// zero.
func (r *Repo) Pin(ctx context.Context, id snapshot.ID, until time.Time) error {
	return r.setMark(ctx, id, func(m *mark) {
		m.Pinned, m.Until = true, 0
		if !until.IsZero() {
			m.Until = until.Unix()
		}
	})
}

// Unpin takes back what Pin did.
func (r *Repo) Unpin(ctx context.Context, id snapshot.ID) error {
	return r.setMark(ctx, id, func(m *mark) { m.Pinned, m.Until = false, 0 })
}

// Tag replaces the tags of a snapshot.
func (r *Repo) Tag(ctx context.Context, id snapshot.ID, tags []string) error {
	return r.setMark(ctx, id, func(m *mark) {
		m.Tagged, m.Tags = true, nil
		for _, tag := range sortedUnique(tags) {
			m.Tags = append(m.Tags, []byte(tag))
		}
	})
}

// marked returns manifests as what was said of them makes them.
func (r *Repo) marked(ctx context.Context, all []*snapshot.Manifest) error {
	marks, err := r.readMarks(ctx)
	if errors.Is(err, ErrNewerKey) {
		return nil // they are shown as they were stored
	}
	if err != nil || len(marks) == 0 {
		return err
	}
	for i, m := range all {
		mark := marks[m.ID]
		if mark == nil {
			continue
		}
		said := *m // the cached one stays as it was stored
		if mark.Tagged {
			said.Tags = nil
			for _, tag := range mark.Tags {
				said.Tags = append(said.Tags, string(tag))
			}
			slices.Sort(said.Tags)
		}
		if mark.pinned(r.opts.Now()) {
			said.Pin = new(snapshot.Pin)
			if mark.Until != 0 {
				said.Pin.Until = time.Unix(mark.Until, 0)
			}
		}
		all[i] = &said
	}
	return nil
}
