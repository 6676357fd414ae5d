package write

import (
	"context"
	"time"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/capture"
	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/snapshot"
)

// Interrupted looks for other runs of the same source, which were interrupted or are still
// under way. If there are any, it adds to the index the packs that no delta lists, and returns
// the last checkpoint of the run that began last, or nil.
func (s *Session) Interrupted(ctx context.Context, m *snapshot.Manifest) (*capture.Resume, error) {
	if n, err := s.e.Runs.Count(ctx); err != nil || n < 2 {
		return nil, err
	}
	live := s.e.Runs.Liveness()
	if err := live.Refresh(ctx); err != nil {
		return nil, err
	}
	var last *runs.Record
	consider := func(run seal.Run, record *runs.Record) bool {
		if run == s.Run || !record.IsOf(m.Hostname, m.Paths) {
			return false
		}
		if last == nil || record.Begun > last.Begun {
			last = record
		}
		return true
	}
	for _, run := range live.Living() {
		record, _ := live.Alive(run)
		consider(run, record)
	}
	for _, d := range live.Dead() {
		if consider(d.Run, d.Record) {
			s.predecessors = append(s.predecessors, d.Name)
		}
	}
	if last == nil {
		return nil, nil
	}
	if err := s.indexUnlisted(ctx); err != nil || len(last.Trees) == 0 {
		return nil, err
	}
	resume := &capture.Resume{Start: time.Unix(0, last.Begun), Trees: map[string]chunk.ID{}, Stored: s.Has}
	for _, t := range last.Trees {
		if len(t[1]) == chunk.IDSize {
			resume.Trees[string(t[0])] = chunk.ID(t[1])
		}
	}
	return resume, nil
}

// RetirePredecessors removes the leases of the dead runs whose packs this one has used. It is
// called after the manifest is published.
func (s *Session) RetirePredecessors(ctx context.Context) {
	for _, name := range s.predecessors {
		_ = s.e.Store.Delete(ctx, name) // if it stays, a prune removes it
	}
}

// AddPredecessors makes the session use the packs of dead runs, whose leases it names. It adds
// to the index the packs that no delta lists. RetirePredecessors removes the leases.
func (s *Session) AddPredecessors(ctx context.Context, leases []string) error {
	s.predecessors = append(s.predecessors, leases...)
	if err := s.refresh(ctx); err != nil {
		return err
	}
	return s.indexUnlisted(ctx)
}

// ProtectRuns makes the session's lease protect the packs and manifests of other runs.
func (s *Session) ProtectRuns(ctx context.Context, runs map[seal.Run]bool) error {
	return s.lease.ProtectRuns(ctx, runs)
}

// indexUnlisted adds the packs that no delta lists to the index, and to the packs that the
// session's next delta lists.
func (s *Session) indexUnlisted(ctx context.Context) error {
	packs, err := s.e.Blobs.IndexUnlisted(ctx, s.index)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range packs {
		if !s.isAbsent(p.ID) {
			s.unlisted = append(s.unlisted, p)
		}
	}
	return nil
}
