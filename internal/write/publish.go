package write

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/zeebo/blake3"

	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/catalog"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
)

// A publication makes a manifest a snapshot while other runs may delete packs. It begins when
// everything that the manifest reaches should be stored, and does this in order:
//
//   - It stores the manifest as pending. From then on, no run deletes blobs that the manifest
//     reaches.
//   - It lists the quarantine, and then the packs that the session relies on. It stores again
//     the blobs of packs that are in quarantine or gone.
//   - If the target locks objects, it locks the packs that the session relies on.
//   - It stores the manifest under its final name. Create-only Put decides between the manifest
//     and a tombstone, which a pruner puts if the run counts as dead. If the tombstone wins,
//     the publication begins again under another name.
//   - It removes the pending manifest.
type publication struct {
	s      *Session
	m      *snapshot.Manifest
	sealed []byte // nil to seal the manifest now
	Publication
}

// A Publication says what the caller knows about a manifest to be published. With the zero
// value, Publish checks everything that the manifest reaches.
type Publication struct {
	// Proven says that each blob which the manifest reaches is reached by one of the Vouchers,
	// or is in a pack that the session relies on.
	Proven   bool
	Vouchers []snapshot.ID // snapshots; a zero ID is ignored

	// Supply stores the blobs that the manifest reaches and that can't be read from this
	// repository any more. It may be nil.
	Supply func() error
	// Recapture fills the manifest from its source again, if stored blobs are lost. It may be
	// nil. If Supply is set, Recapture is not called.
	Recapture func() error

	// Sealed is the manifest as another repository sealed it. It is stored so if its name was
	// never used in this one. It may be nil.
	Sealed []byte
}

// ErrGone means that data was deleted which can't be stored again.
var ErrGone = errors.New("data that the snapshot relies on was deleted meanwhile: run the command again")

// publishTries bounds how often a run that counts as dead begins again.
const publishTries = 10

// Publish makes a manifest a snapshot and sets its id.
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
		if err := p.s.lease.Renew(ctx); err != nil { // so that the run counts as alive
			return err
		}
	}
	return fmt.Errorf("publish snapshot: the run counted as dead %d times: run the command again", publishTries)
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
		changed, err := p.ensureStored(ctx)
		if err == nil && !changed {
			if err = p.lock(ctx); err == nil {
				break
			}
			if isGone(err) && p.Proven { // the vouchers don't reach everything after all
				p.Proven, err = false, nil
			}
		}
		// Nothing was put under the final name, so the pending manifest can go.
		err = object.Join(err, e.Catalog.RemovePending(ctx, p.m.ID))
		if err != nil {
			return err
		}
		p.sealed = nil
	}
	err := e.Catalog.Publish(ctx, p.m.ID, p.sealed)
	if err != nil && !errors.Is(err, catalog.ErrTombstone) {
		// The target may still store the manifest, so the pending one has to stay.
		return fmt.Errorf("publish snapshot: %w", err)
	}
	if left := e.Catalog.RemovePending(ctx, p.m.ID); left != nil && err == nil {
		return p.lockFinal(ctx) // the snapshot is published; prune removes the pending manifest
	}
	if err == nil {
		e.Catalog.Cache(p.m, p.sealed)
		err = p.lockFinal(ctx)
	}
	return err
}

// isGone reports whether an error means that a pack or a blob is gone.
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

// ensureStored ensures that all blobs which the manifest reaches are in packs that exist and
// are not in quarantine. It reports whether it changed the manifest.
func (p *publication) ensureStored(ctx context.Context) (changed bool, err error) {
	e := p.s.e
	for {
		quarantine, err := e.Runs.Quarantined(ctx) // before anything else is looked at
		if err != nil {
			return false, err
		}
		vouched := p.Proven && len(quarantine) == 0
		for _, id := range p.Vouchers {
			if !vouched || id.IsZero() {
				continue
			}
			if vouched, err = e.Catalog.Exists(ctx, id); err != nil {
				return false, err
			}
		}
		gone, exists, err := p.s.missingPacks(ctx, quarantine, !vouched)
		if err != nil || vouched && !gone {
			return false, err
		}
		p.s.TreatAsAbsent(func(id pack.ID) bool { return quarantine.Has(id) || !exists(id) })
		lost, err := p.unreliable(ctx)
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
			p.s.distrust(err)
			return true, p.Recapture()
		}
		if err != nil {
			return false, err
		}
	}
}

// fewPacks is up to how many packs are checked one by one. For more, all packs are listed.
const fewPacks = 8

// missingPacks reports whether a pack that the session relies on is in quarantine or gone. It
// also returns a function that reports whether a pack exists. If list is set, the function
// knows all packs, and otherwise at least those that the session relies on.
func (s *Session) missingPacks(ctx context.Context, quarantine runs.QuarantineSet, list bool) (gone bool, exists func(pack.ID) bool, err error) {
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
	exists = func(id pack.ID) bool { _, ok := found[id]; return ok }
	for _, id := range relied {
		gone = gone || quarantine.Has(id) || !exists(id)
	}
	if gone && !list && len(relied) <= fewPacks {
		found, err = s.e.Blobs.Packs(ctx)
	}
	return gone, exists, err
}
