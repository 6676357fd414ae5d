package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/target"
)

// replicaNames returns the locations in --replica, those of the profile, or those in
// $QSNAP_REPLICAS. An empty variable holds none.
func (p *program) replicaNames(c *cli.Context) []string {
	if p.profile != nil && !p.explicit("replica") {
		var names []string
		for _, at := range p.profile.replicas {
			names = append(names, at.shown)
		}
		return names
	}
	return slices.DeleteFunc(slices.Clone(c.StringSlice("replica")), func(name string) bool { return name == "" })
}

// replicas returns the given replicas, which are opened when they are needed.
func (p *program) replicas(c *cli.Context) (out []repo.Replica) {
	for _, name := range p.replicaNames(c) {
		out = append(out, repo.Replica{Name: name, Open: func(context.Context) (target.Target, error) {
			return p.openReplica(c, name, false)
		}})
	}
	return out
}

// openReplica opens the target of a replica. Create makes one that doesn't exist.
func (p *program) openReplica(c *cli.Context, name string, create bool) (target.Target, error) {
	at, err := p.refTo(name)
	if err != nil {
		return nil, err
	}
	t, err := p.openTarget(c, at, create)
	if err != nil {
		return nil, err
	}
	return t, nil
}

// updateReplicas brings the given replicas up to date after a command has changed the
// repository. It reports a replica where that fails; the next command tries again.
func (p *program) updateReplicas(c *cli.Context, r *repo.Repo) error {
	var failed error
	for _, name := range p.replicaNames(c) {
		if c.Context.Err() != nil {
			return c.Context.Err()
		}
		if err := p.replicateTo(c, r, name, repo.ReplicateOptions{}, true); err != nil {
			p.warn("replica %s: %s: the next run, or \"qsnap replicate\", catches up", name, term.OneLine(err))
			failed = errBehind
		}
	}
	return failed
}

// finish brings the replicas up to date after a command that changed the repository, and
// returns the errors of both.
func (p *program) finish(c *cli.Context, r *repo.Repo, done error) error {
	if done != nil && !one(errPartial, errNotWhole)(done) {
		return done
	}
	return errors.Join(done, p.updateReplicas(c, r))
}

// pruneAll prunes, and brings the replicas up to date before and after that. A prune removes
// the records of forgotten snapshots, by which a replica may delete these.
func (p *program) pruneAll(c *cli.Context, r *repo.Repo, o repo.PruneOptions) error {
	if o.DryRun || len(p.replicaNames(c)) == 0 {
		return p.runPrune(c, r, o)
	}
	before := p.updateReplicas(c, r)
	if err := p.runPrune(c, r, o); err != nil {
		return err
	}
	return errors.Join(before, p.updateReplicas(c, r))
}

// replicateTo brings one replica up to date, and prints what it copied. If brief, it prints
// nothing when there was nothing to copy.
func (p *program) replicateTo(c *cli.Context, r *repo.Repo, name string, o repo.ReplicateOptions, brief bool) error {
	t, err := p.openReplica(c, name, true)
	if err != nil {
		return err
	}
	v := p.newView()
	o.Progress = func(u repo.Progress) {
		if v.Due() {
			v.Show(u.Done, u.Total, u.Elapsed, fmt.Sprintf("%s: %s to %s", u.Phase, term.Size(u.Done), name), "")
		}
	}
	start := time.Now()
	result, err := r.Replicate(c.Context, t, o)
	v.Clear()
	if e := p.replicaSummary(name, result, time.Since(start), err == nil, brief); err == nil {
		err = e
	}
	return err
}

func (p *program) replicaSummary(name string, r repo.ReplicateReport, took time.Duration, done, brief bool) error {
	for _, err := range r.Damaged {
		p.warn("%v: not copied: \"qsnap heal\" repairs it if %s has it", err, name)
	}
	if len(r.Unexplained) > 0 {
		p.warn("%s: %s only there, and no record says that they were forgotten: \"qsnap heal --snapshots\" brings them back, \"qsnap replicate --delete\" removes them",
			name, term.Plural(len(r.Unexplained), "snapshot is", "snapshots are"))
	}
	if r.Kept != nil {
		p.warn("%s: what the repository no longer has is kept there: %s: \"qsnap heal\" may repair that", name, term.OneLine(r.Kept))
	}
	if p.json {
		return p.emit(report.NewReplicated(name, r, took, done))
	}
	if r.Objects+r.RemovedObjects == 0 {
		if !brief && done {
			p.say("%s is up to date", name)
		}
		return nil
	}
	gone := ""
	if r.RemovedObjects > 0 {
		gone = fmt.Sprintf("; removed %s and %s, %s", term.Plural(r.RemovedSnapshots, "snapshot", "snapshots"), term.Plural(r.RemovedPacks, "pack", "packs"), term.Size(uint64(r.RemovedBytes)))
	}
	p.say("replicated %s and %s, %s, to %s in %s%s", term.Plural(r.Snapshots, "snapshot", "snapshots"), term.Plural(r.Packs, "pack", "packs"), term.Size(uint64(r.Bytes)), name, term.Duration(took), gone)
	return nil
}

// close closes a repository. First it repairs what had to be read from replicas.
func (p *program) close(c *cli.Context, r *repo.Repo) {
	defer r.Close()
	objects := r.Maintenance().Served()
	if len(objects) == 0 {
		return
	}
	served := term.Plural(len(objects), "object", "objects") + " could not be read here and came from a replica"
	if c.Context.Err() != nil || c.Bool("dry-run") {
		p.warn("%s: \"qsnap heal\" repairs that", served)
		return
	}
	for _, name := range p.replicaNames(c) {
		err := p.repairFrom(c, r, name, objects)
		if err == nil {
			p.warn("%s: repaired from %s", served, name)
			return
		}
		p.warn("%s: repair from %s: %s: \"qsnap heal\" tries again", served, name, term.OneLine(err))
	}
}

// repairFrom repairs the named objects of the repository from a replica.
func (p *program) repairFrom(c *cli.Context, r *repo.Repo, name string, objects []string) error {
	t, err := p.openReplica(c, name, false)
	if err != nil {
		return err
	}
	_, err = r.Maintenance().Heal(c.Context, t, repo.HealOptions{Suspects: objects})
	return err
}

// compareReplicas compares the repository with its replicas. It returns the number of
// differences, and their outcome: errDamage, or errBehind if replicas are only behind.
func (p *program) compareReplicas(c *cli.Context, here target.Target, readData bool) (differences int, as, err error) {
	as = errBehind
	for _, name := range p.replicaNames(c) {
		there, err := p.openReplica(c, name, false)
		if err != nil {
			return differences, as, fmt.Errorf("replica %s: %w", name, err)
		}
		v := p.newView()
		o := repo.CompareOptions{ReadData: readData, Progress: func(u repo.Progress) {
			if v.Due() {
				v.Show(u.Done, u.Total, u.Elapsed, fmt.Sprintf("%s: %s of %s", u.Phase, term.Size(u.Done), term.Size(u.Total)), "")
			}
		}}
		compared, err := repo.Compare(c.Context, here, there, o)
		v.Clear()
		if err != nil {
			return differences, as, fmt.Errorf("replica %s: %w", name, err)
		}
		differences += len(compared.Differences)
		if slices.ContainsFunc(compared.Differences, isOfDamage) {
			as = errDamage
		}
		if err := p.showComparison(name, compared, readData); err != nil {
			return differences, as, err
		}
	}
	return differences, as, nil
}

// isOfDamage reports whether a difference may be more than a replica that is behind.
func isOfDamage(d repo.Difference) bool {
	return d.Here != repo.StateSound || d.There != repo.StateMissing
}

func (p *program) showComparison(name string, compared repo.Comparison, readData bool) error {
	for _, d := range compared.Differences {
		if p.json {
			if err := p.emit(report.NewDifference(name, d)); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(p.stdout, "differs: %s: here %s, on %s %s\n", d.Name, d.Here, name, d.There)
	}
	if p.json {
		return p.emit(report.NewCompared(name, compared))
	}
	how := "by name and size"
	if readData {
		how = "by name and hash"
	}
	what := "no difference"
	if n := len(compared.Differences); n > 0 {
		what = term.Plural(n, "difference", "differences")
	}
	p.say("compared %s with %s, %s: %s", term.Plural(compared.Objects, "object", "objects"), name, how, what)
	return nil
}
