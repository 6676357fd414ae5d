package job

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/qsnap/qsnap/internal/exit"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/snapshot/retention"
)

// retainAndPrune forgets what the policy doesn't keep, and deletes what only that needed.
func (x *running) retainAndPrune(ctx context.Context) error {
	policy, err := x.p.Retention.Policy()
	if err != nil || policy.IsZero() {
		return err
	}
	forgotten := 0
	err = x.step("retention", func() error {
		o, err := x.retainOptions(policy)
		if err != nil {
			return err
		}
		groups, err := x.repo.Retain(ctx, o)
		x.record.Retained = keptOf(groups, x.p.Retention.KeepLast, err == nil)
		forgotten = x.record.Retained.Forgotten
		return err
	})
	if on := x.p.Retention.Prune; err != nil || ctx.Err() != nil || on != nil && !*on || forgotten == 0 && !x.pruneLeft() {
		return err
	}
	var late error
	if len(x.p.Replicas) > 0 { // prune deletes the records by which replicas forget
		late = x.replicate(ctx)
	}
	return errors.Join(late, x.step("prune", func() error { return x.prune(ctx) }))
}

// retainOptions returns how the policy is applied: to all versions of the profile on this
// host together, unless the profile says else.
func (x *running) retainOptions(policy retention.Policy) (o repo.RetainOptions, err error) {
	policy.KeepFull = x.levels.Differentials() // the next one is compared with it
	o = repo.RetainOptions{Policy: policy, Filter: x.filter(), Group: retention.Grouping{AnyPaths: true}, DryRun: x.o.DryRun}
	r := x.p.Retention
	o.Filter.Tags = r.Tag
	for _, path := range r.Path {
		o.Filter.Paths = append(o.Filter.Paths, string(path))
	}
	for _, word := range r.Kind {
		switch word { // which the configuration has checked
		case "any":
			o.Filter.AnyKind = true
		case snapshot.KindSource.String():
			o.Filter.Kinds = append(o.Filter.Kinds, snapshot.KindSource)
		default:
			o.Filter.Kinds = append(o.Filter.Kinds, snapshot.Kind(word))
		}
	}
	if r.GroupBy != nil {
		if o.Group, err = retention.ParseGrouping(*r.GroupBy); err != nil {
			return o, fmt.Errorf("retention.group-by: %w", err)
		}
	}
	return o, nil
}

// keptOf returns what the record says of retention.
func keptOf(groups []repo.Retained, wanted int, done bool) *report.RunKept {
	k := &report.RunKept{Wanted: max(0, wanted)}
	var kept []*snapshot.Manifest
	for _, g := range groups {
		for _, d := range g.Decisions {
			if !d.Keep && done {
				k.Forgotten++
				continue
			}
			kept = append(kept, d.Manifest)
		}
	}
	k.Kept, k.Slots = len(kept), retention.Slots(kept)
	return k
}

// prune deletes what no version needs.
func (x *running) prune(ctx context.Context) error {
	o := x.p.Prune.Options()
	o.Progress, o.Workers = x.update, x.sizes.Workers
	pending, err := x.repo.Maintenance().Pending(ctx)
	if err != nil {
		return err
	}
	for _, prefix := range x.p.Prune.DropPending {
		for _, id := range pending {
			if prefix != "" && strings.HasPrefix(id.String(), prefix) {
				o.DropPending = append(o.DropPending, id)
			}
		}
	}
	r, err := x.repo.Prune(ctx, o)
	x.record.Pruned = &report.RunPruned{Deleted: uint64(r.RemovedBytes), Repacked: uint64(r.RepackedBytes), Left: uint64(r.UnusedBytes)}
	x.leavePrune(r.WaitingPacks > 0 || err != nil)
	return err
}

// pruneLeft reports whether the last prune has left something to delete.
func (x *running) pruneLeft() bool {
	var left bool
	return x.dir.ReadValue("prune-"+x.p.Name, &left) == nil && left
}

// leavePrune remembers whether a prune has left something.
func (x *running) leavePrune(left bool) {
	err := x.dir.RemoveValue("prune-" + x.p.Name)
	if left {
		err = x.dir.WriteValue("prune-"+x.p.Name, left)
	}
	if err != nil {
		x.warn(err)
	}
}

// verify reads the day's slice of the data, once a day.
func (x *running) verify(ctx context.Context) error {
	now := x.o.Now()
	name, day, last := "verified-"+x.p.Name, now.Format(time.DateOnly), ""
	if err := x.dir.ReadValue(name, &last); err != nil && !errors.Is(err, fs.ErrNotExist) {
		x.warn(err)
	}
	if last == day {
		return nil
	}
	return x.step("verification", func() error {
		o, slice := x.p.Verify.Options(now)
		o.Progress, o.Workers = x.update, x.sizes.Workers
		verify := x.check
		if x.p.Verify.NoKey {
			verify = x.compare
		}
		err := verify(ctx, o, slice)
		if err != nil && !errors.Is(err, repo.ErrDamaged) {
			return err // it is tried again with the next run
		}
		if e := x.dir.WriteValue(name, day); e != nil {
			x.warn(e)
		}
		return err
	})
}

// errBudget is why a verification ends that takes too long.
var errBudget = errors.New("the time budget is used up")

// check verifies a slice within the time budget.
func (x *running) check(ctx context.Context, o repo.CheckOptions, slice string) error {
	limited, stop := ctx, context.CancelFunc(func() {})
	if budget := time.Duration(x.p.Verify.TimeBudget); budget > 0 {
		limited, stop = context.WithTimeoutCause(ctx, budget, errBudget)
	}
	defer stop()
	r, err := x.repo.Check(limited, o)
	proof := &report.RunProof{Depth: 1, Slice: slice, Bytes: uint64(r.BytesRead)}
	x.record.Verified = proof
	for _, f := range r.Findings {
		if f.IsDamage() {
			proof.Findings++
		}
	}
	if err != nil && proof.Findings == 0 && ctx.Err() == nil && context.Cause(limited) == errBudget {
		proof.Slice += " in part"
		x.warn(fmt.Errorf("verification of slice %s ended after %s: give it more time with verify.time-budget, or smaller slices with verify.slices", slice, x.p.Verify.TimeBudget))
		return nil
	}
	return err
}

// compare compares the replicas with the repository. One that only lacks something is behind,
// which is no finding: replication comes after verification.
func (x *running) compare(ctx context.Context, o repo.CheckOptions, _ string) error {
	proof := &report.RunProof{Slice: "replicas, by name and size"}
	if o.ReadData = x.p.Verify.ReadData; o.ReadData {
		proof.Depth, proof.Slice = 1, "replicas"
	}
	x.record.Verified = proof
	for _, l := range x.p.Replicas {
		there, err := x.target(ctx, l, false)
		if err != nil {
			return isLate("replica", l, err)
		}
		c, err := repo.Compare(ctx, x.repo.Conn.Target, there, repo.CompareOptions{ReadData: o.ReadData, Progress: x.update})
		proof.Bytes += uint64(c.BytesRead)
		if err != nil {
			return isLate("replica", l, err)
		}
		for _, d := range c.Differences {
			if d.Here != repo.StateSound || d.There != repo.StateMissing {
				proof.Findings++
			}
		}
	}
	if proof.Findings > 0 {
		return exit.As(fmt.Errorf("%w: %d objects differ between the repository and its replicas: \"qsnap heal\" repairs them", repo.ErrDamaged, proof.Findings), exit.ErrDamage)
	}
	return nil
}
