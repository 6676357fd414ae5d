package write

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/zeebo/blake3"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/catalog"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
)

// A publication makes a manifest a snapshot, beside others who delete. In this
// order, after all that the manifest reaches is thought to be stored:
//
//   - the manifest is stored as pending, which keeps what it reaches from being
//     deleted from then on;
//   - the quarantine is read, then whether the packs relied on are there; what is
//     in quarantine or gone is stored again;
//   - where the target locks objects, those relied on are locked;
//   - the manifest is stored under its final name. Create-only Put decides between
//     this and a tombstone, by which others give up the run for dead; the
//     publication then begins again under another name;
//   - the pending manifest is removed.
type publication struct {
	s      *Session
	m      *snapshot.Manifest
	sealed []byte // nil to seal the manifest now
	Publication
}

// A Publication says what is known of a manifest that is published. The zero value knows
// nothing, so that all is looked at that the manifest reaches.
type Publication struct {
	// Proven says that each blob that the manifest reaches is reached by one of the
	// Vouchers, or is in a pack that the session noted.
	Proven   bool
	Vouchers []snapshot.ID // snapshots; a zero ID is none

	// Supply stores what the manifest reaches and can't be read here any more. It may be
	// nil.
	Supply func() error
	// Recapture fills the manifest from its source again, where what was stored is lost.
	// It may be nil; it is not used where Supply is.
	Recapture func() error

	// Sealed is the manifest as it was sealed before. It is stored so if its name was
	// never used here.
	Sealed []byte
}

// ErrGone means that data was deleted that can't be stored again.
var ErrGone = errors.New("data it relies on was deleted meanwhile: run it again")

// publishTries bounds how often a run begins again that is given up for dead.
const publishTries = 10

// Publish makes a manifest a snapshot, and gives it its id.
func (s *Session) Publish(ctx context.Context, m *snapshot.Manifest, what Publication) error {
	p := &publication{s: s, m: m, sealed: what.Sealed, Publication: what}
	return p.run(ctx)
}

func (p *publication) run(ctx context.Context) error {
	for range publishTries {
		err := p.try(ctx)
		if !errors.Is(err, catalog.ErrTombstone) {
			return err
		}
		p.sealed = nil
		if err := p.s.lease.Renew(ctx); err != nil { // so that it looks alive
			return err
		}
	}
	return fmt.Errorf("publish snapshot: given up for dead %d times", publishTries)
}

// try publishes under one name.
func (p *publication) try(ctx context.Context) error {
	e := p.s.e
	for {
		if err := p.name(ctx); err != nil {
			return err
		}
		if err := e.Store.Put(ctx, object.Pending.Name(p.m.ID), p.sealed); err != nil {
			return fmt.Errorf("publish snapshot: %w", err)
		}
		changed, err := p.secure(ctx)
		if err == nil && !changed {
			if err = p.lock(ctx); err == nil {
				break
			}
			if isGone(err) && p.Proven { // what was taken for granted isn't so
				p.Proven, err = false, nil
			}
		}
		// The final name was never tried, so nothing can come of this one.
		err = object.Join(err, e.Catalog.RemovePending(ctx, p.m.ID))
		if err != nil {
			return err
		}
		p.sealed = nil
	}
	err := e.Catalog.Publish(ctx, p.m.ID, p.sealed)
	if err != nil && !errors.Is(err, catalog.ErrTombstone) {
		// Perhaps it will still come to be: the pending manifest has to stay.
		return fmt.Errorf("publish snapshot: %w", err)
	}
	if left := e.Catalog.RemovePending(ctx, p.m.ID); left != nil && err == nil {
		return p.lockFinal(ctx) // published all the same; prune removes what is pending
	}
	if err == nil {
		e.Catalog.Cache(p.m, p.sealed)
		err = p.lockFinal(ctx)
	}
	return err
}

// isGone reports whether an error says that data isn't there.
func isGone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || blob.IsLost(err)
}

func (p *publication) seal() error {
	if p.sealed == nil {
		body, err := p.m.Marshal()
		if err == nil {
			p.sealed, err = p.s.e.Sealer.SealIn(p.s.Run, seal.Manifest, body)
		}
		if err != nil {
			return err
		}
	}
	p.m.ID = blake3.Sum256(p.sealed)
	return nil
}

// secure sees to it that all the manifest reaches is in packs that are there and
// not about to be deleted. It reports whether the manifest has changed by it.
func (p *publication) secure(ctx context.Context) (changed bool, err error) {
	e := p.s.e
	for {
		quarantine, err := e.Runs.Quarantined(ctx) // before anything else is looked at
		if err != nil {
			return false, err
		}
		simple := p.Proven && len(quarantine) == 0
		for _, id := range p.Vouchers {
			if !simple || id.IsZero() {
				continue
			}
			if simple, err = e.Catalog.Exists(ctx, id); err != nil {
				return false, err
			}
		}
		gone, there, err := p.s.missing(ctx, quarantine, !simple)
		if err != nil || simple && !gone {
			return false, err
		}
		p.s.TreatAsAbsent(func(id pack.ID) bool { return quarantine.Has(id) || !there(id) })
		lost, err := p.lost(ctx)
		if err == nil && len(lost) == 0 {
			return false, nil
		}
		if err == nil {
			err = p.s.storeAgain(ctx, lost)
		}
		if blob.IsLost(err) && p.Supply != nil {
			if err := p.Supply(); err != nil {
				return false, err
			}
			continue
		}
		if blob.IsLost(err) {
			if p.Recapture == nil {
				return false, fmt.Errorf("%w: %w", ErrGone, err)
			}
			p.Proven = false
			return true, p.Recapture()
		}
		if err != nil {
			return false, err
		}
	}
}

// fewPacks is how many packs are looked at one by one rather than by a listing.
const fewPacks = 8

// missing reports whether any pack that is relied on is in quarantine or gone. It
// returns what tells which packs are there: all of them if list is set, else those
// relied on at least.
func (s *Session) missing(ctx context.Context, quarantine runs.QuarantineSet, list bool) (gone bool, there func(pack.ID) bool, err error) {
	s.mu.Lock()
	relied := slices.SortedFunc(maps.Keys(s.relied), object.Compare)
	s.mu.Unlock()
	found := map[pack.ID]int64{}
	if list || len(relied) > fewPacks {
		found, err = s.e.Blobs.Packs(ctx)
	} else {
		for _, id := range relied {
			info, e := s.e.Store.Stat(ctx, object.Packs.Name(id))
			if e == nil {
				found[id] = info.Size
			} else if !errors.Is(e, fs.ErrNotExist) {
				err = e
			}
		}
	}
	if err != nil {
		return false, nil, err
	}
	there = func(id pack.ID) bool { _, ok := found[id]; return ok }
	for _, id := range relied {
		gone = gone || quarantine.Has(id) || !there(id)
	}
	if gone && !list && len(relied) <= fewPacks {
		found, err = s.e.Blobs.Packs(ctx)
	}
	return gone, there, err
}

// TreatAsAbsent says which packs count as absent.
func (s *Session) TreatAsAbsent(absent func(pack.ID) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.absent = absent
}

// IsAbsent reports whether a pack counts as absent.
func (s *Session) IsAbsent(id pack.ID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.absent(id)
}

// lost returns the blobs that the manifest reaches and that are in no pack that
// can be relied on. Trees among them are true. A tree that can't be read at all is
// a *blob.LostError.
func (p *publication) lost(ctx context.Context) (map[chunk.ID]bool, error) {
	s := p.s
	err := s.e.Blobs.Refresh(ctx, s.index, false)
	if index.IsDamaged(err) {
		err = s.e.Blobs.Refresh(ctx, s.index, true)
	}
	if err != nil {
		return nil, err
	}
	lost, seen := map[chunk.ID]bool{}, map[chunk.ID]bool{}
	err = snapshot.ReachAll(ctx, s.e.Blobs, p.m, func(id chunk.ID, tree bool) (bool, error) {
		if seen[id] {
			return false, nil
		}
		seen[id] = true
		if !s.Has(id) {
			lost[id] = tree
		}
		return true, nil
	})
	return lost, err
}

// ForceStore has a blob stored when it is put next, though it is there.
func (s *Session) ForceStore(id chunk.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forced[id] = struct{}{}
}

// storeAgain stores blobs anew, from whatever copies can be read.
func (s *Session) storeAgain(ctx context.Context, lost map[chunk.ID]bool) error {
	data := s.ChunkWriter()
	for _, id := range slices.SortedFunc(maps.Keys(lost), object.Compare) {
		tree := lost[id]
		b, err := s.e.Blobs.Blob(ctx, id, tree)
		if err != nil {
			return err
		}
		s.ForceStore(id)
		if tree {
			_, err = s.PutTree(ctx, b)
		} else {
			_, err = data.Put(ctx, b)
		}
		if err != nil {
			return err
		}
	}
	if err := data.Flush(ctx); err != nil {
		return err
	}
	return s.Flush()
}
