package repo

import (
	"context"

	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/snapshot"
)

// A Cost is what something asks of a target, once the repository is open. A request is
// a call of a method of target.Target; a server may need several exchanges for one.
type Cost struct {
	Requests  uint64 `json:"requests"`
	BytesUp   uint64 `json:"bytes_to_send"`
	BytesDown uint64 `json:"bytes_to_fetch"`
}

// EstimateSnapshot does all that Snapshot does, but stores nothing. It returns the
// manifest that would be stored, which has no id, and what Snapshot would cost if
// nothing changes until then. It reads and compresses what Snapshot would.
func (r *Repo) EstimateSnapshot(ctx context.Context, src Source, o SnapshotOptions) (*snapshot.Manifest, Cost, error) {
	store, meter := r.store.Dry()
	dry, err := repoOn(store, r.keys.On(store), r.dir, r.opts, r.config, r.ring)
	if err != nil {
		return nil, Cost{}, err
	}
	defer dry.Close()
	dry.dry = meter
	m, err := dry.Snapshot(ctx, src, o)
	return m, Cost{meter.Requests.Load(), meter.Up.Load(), meter.Down.Load()}, err
}

// estimate counts what publishing would ask of the target (see publication), and
// returns without.
func (t *taking) estimate() error {
	body, err := t.m.Marshal()
	if err != nil {
		return err
	}
	sealed, err := t.r.box.SealIn(t.session.run, seal.Manifest, body)
	if err != nil {
		return err
	}
	c := t.r.dry
	c.Up.Add(2 * uint64(len(sealed))) // pending and final
	c.Requests.Add(4)                 // both, the quarantine, and the removal of the pending one
	if !t.m.Parent.IsZero() {
		c.Requests.Add(1) // whether it stands
		c.Down.Add(seal.HeaderSize)
	}
	t.session.mu.Lock()
	relied := len(t.session.relied)
	t.session.mu.Unlock()
	if relied > fewPacks || t.resume != nil {
		relied = 1 // a listing tells of all
	}
	c.Requests.Add(uint64(relied))
	return nil
}
