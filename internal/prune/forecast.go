package prune

import (
	"slices"

	"github.com/qsnap/qsnap/internal/outcome"
	"github.com/qsnap/qsnap/pack"
)

// quarantineSize is about how many bytes a quarantine object has.
const quarantineSize = 160

// forecast reports what a plan would do.
func (p *pruner) forecast(plan plan) {
	for _, n := range plan.drop {
		p.report.Removed++
		p.report.RemovedBytes += p.packs[n].info.Size
	}
	for _, n := range plan.repack {
		p.report.Removed++
		p.report.Repacked++
		p.report.RemovedBytes += p.packs[n].info.Size
		p.report.RepackedBytes += p.packs[n].usedSize()
	}
	p.report.Cost = p.cost(plan)
}

// cost returns about what a plan asks of the target: three requests for each pack (put in
// quarantine, deleted, taken out), segments that are read for repacking, packs that are
// stored for it, and deltas that are replaced because they list a deleted pack.
func (p *pruner) cost(plan plan) (c outcome.Cost) {
	doomed := map[pack.ID]bool{}
	for _, n := range slices.Concat(plan.drop, plan.repack) {
		doomed[p.packs[n].info.ID] = true
	}
	deltas := 0
	for _, packs := range p.deltas {
		if slices.ContainsFunc(packs, func(id pack.ID) bool { return doomed[id] }) {
			deltas++
		}
	}
	bytes := p.report.RepackedBytes
	read, written := bytes/int64(p.e.Config.SegmentSize)+int64(len(plan.repack)), bytes/int64(p.e.Config.PackSize)
	if bytes > 0 {
		written++
	}
	c.Requests = 3*int64(len(doomed)) + 2*int64(deltas) + read + written
	c.BytesUp, c.BytesDown = bytes+int64(len(doomed))*quarantineSize, bytes
	return c
}

// usedSize returns about how many bytes of the pack its live blobs take.
func (s *packState) usedSize() int64 {
	if s.plain == 0 {
		return 0
	}
	return int64(float64(s.info.Size) * (float64(s.used) / float64(s.plain)))
}

// candidates returns what the plan is made from.
func (p *pruner) candidates() []candidate {
	out := make([]candidate, len(p.packs))
	for i := range p.packs {
		s := &p.packs[i]
		out[i] = candidate{
			id: s.info.ID, tree: s.info.IsTree(), size: s.info.Size, used: s.usedSize(),
			leave: p.liveness.Protects(s.info.Header.Run()), quarantined: p.quarantine.Has(s.info.ID),
			oldKey: s.info.Header.Epoch() < p.e.Ring.Epoch(), locked: !s.until.IsZero(),
		}
		if s.used > 0 {
			out[i].used = max(1, out[i].used)
		}
	}
	return out
}
