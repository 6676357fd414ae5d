package write

import (
	"bytes"
	"context"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/capture"
	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/snapshot"
)

// maxCheckpoint bounds the directories that a checkpoint names.
const maxCheckpoint = 10_000

// A checkpoint is the directories that a running capture has completed, but for
// those in others of them. Its lease carries it, for the run that follows if this
// one is interrupted.
type checkpoint struct {
	mu    sync.Mutex
	trees map[string]chunk.ID
	below map[string][]string // those directly in a directory that isn't completed
}

func newCheckpoint() *checkpoint {
	return &checkpoint{trees: map[string]chunk.ID{}, below: map[string][]string{}}
}

func (c *checkpoint) add(dir string, tree chunk.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, sub := range c.below[dir] {
		delete(c.trees, sub)
	}
	delete(c.below, dir)
	if dir == "" || len(c.trees) >= maxCheckpoint {
		return
	}
	c.trees[dir] = tree
	parent := path.Dir(dir)
	if parent == "." {
		parent = ""
	}
	c.below[parent] = append(c.below[parent], dir)
}

func (c *checkpoint) list() [][2][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out [][2][]byte
	for dir, tree := range c.trees {
		out = append(out, [2][]byte{[]byte(dir), bytes.Clone(tree[:])})
	}
	slices.SortFunc(out, func(a, b [2][]byte) int { return bytes.Compare(a[0], b[0]) })
	return out
}

// save stores the trees that are completed and lists what is stored, so that a run
// that follows finds both. Data that is still being gathered is left to it.
func (s *Session) save(ctx context.Context, c *checkpoint) ([][2][]byte, error) {
	if err := s.cutMu.Lock(ctx); err != nil {
		return nil, err
	}
	defer s.cutMu.Unlock()
	trees := c.list()
	if err := s.flushPages(ctx); err != nil {
		return nil, err
	}
	p, err := s.tree.cut(ctx)
	if err != nil {
		return nil, err
	}
	if p != nil {
		select {
		case <-p.stored:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return trees, s.list()
}

// Interrupted finds what an earlier run of the same source left that didn't come to
// its end, or still runs: it makes the index know its packs, and returns its last
// checkpoint, or nil.
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
	if err := s.adopt(ctx); err != nil || len(last.Trees) == 0 {
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

// RetirePredecessors removes the leases of the dead runs that this one has taken up, once it has
// published what they had begun.
func (s *Session) RetirePredecessors(ctx context.Context) {
	for _, name := range s.predecessors {
		_ = s.e.Store.Delete(ctx, name) // else prune removes it
	}
}

// AddPredecessors takes over what dead runs with these leases have left: it makes the index know
// their packs, and RetirePredecessors removes the leases.
func (s *Session) AddPredecessors(ctx context.Context, leases []string) error {
	s.predecessors = append(s.predecessors, leases...)
	err := s.e.Blobs.Refresh(ctx, s.index, false) // it may have been read long ago
	if index.IsDamaged(err) {
		err = s.e.Blobs.Refresh(ctx, s.index, true)
	}
	if err != nil {
		return err
	}
	return s.adopt(ctx)
}

// ProtectRuns has the lease say that what is of these runs is to be left alone.
func (s *Session) ProtectRuns(ctx context.Context, runs map[seal.Run]bool) error {
	return s.lease.ProtectRuns(ctx, runs)
}

// Completed notes a directory whose tree is stored, for the checkpoint.
func (s *Session) Completed(dir string, tree chunk.ID) { s.completed.add(dir, tree) }

// adopt makes the index know the packs that no delta lists, and has the session
// list them.
func (s *Session) adopt(ctx context.Context) error {
	packs, err := s.e.Blobs.IndexUnlisted(ctx, s.index)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range packs {
		if !s.absent(p.ID) {
			s.loose = append(s.loose, p)
		}
	}
	return nil
}
