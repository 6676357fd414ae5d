package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/report"
)

func (p *program) replicateCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:  "replicate",
		Usage: "make a replica of the repository, or bring one up to date",
		Description: "A replica is the same repository on a further target, object by object. --repo reads it.\n" +
			"If the repository is lost, \"qsnap promote\" puts the replica in its place.\n\n" +
			"Without --to, all replicas given by --replica or $QSNAP_REPLICAS are brought up to date.\n" +
			"With these, \"snapshot\", \"forget\" and \"prune\" replicate, too. Objects that can no longer be\n" +
			"read from the repository are read from a replica, and repaired.",
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "to", Usage: "replicate to `REPLICA`; may be repeated"},
			&cli.BoolFlag{Name: "keep-deleted", Usage: "leave on the replica what was deleted from the repository"},
			&cli.BoolFlag{Name: "delete", Usage: "delete from the replica even snapshots that are gone from the repository without a record that they were forgotten"},
		},
		Action: p.replicate,
	})
}

func (p *program) replicate(c *cli.Context) error {
	names := c.StringSlice("to")
	if len(names) == 0 {
		names = p.replicaNames(c)
	}
	if len(names) == 0 {
		return hint{errors.New("no replica given"), "name one with --to, --replica or $QSNAP_REPLICAS"}
	}
	r, err := p.open(c)
	if err != nil {
		return err
	}
	defer r.Close()
	o := repo.ReplicateOptions{KeepDeleted: c.Bool("keep-deleted"), DeleteUnexplained: c.Bool("delete")}
	var failed error
	some := false
	for _, name := range names {
		err := p.replicateTo(c, r, name, o, false)
		switch {
		case errors.Is(err, fs.ErrExist):
			err = hint{err, "name another location"}
		case errors.Is(err, repo.ErrLookLost):
			err = hint{err, "\"qsnap heal --snapshots\" brings them back"}
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", name, err))
		} else {
			some = true
		}
	}
	if failed != nil && some {
		p.warn("%s", term.OneLine(failed))
		return judged{reported{failed}, errBehind}
	}
	return failed
}

func (p *program) promoteCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:  "promote",
		Usage: "turn a replica into a repository of its own",
		Description: "When the repository is lost, run \"qsnap --repo REPLICA promote\". From then on the replica\n" +
			"can be changed, and nothing replicates to it any more. This needs no password.",
		Flags:  []cli.Flag{&cli.BoolFlag{Name: "force", Usage: "promote even though a replication to the replica has not ended, because its machine is gone for good"}},
		Action: p.promote,
	})
}

func (p *program) promote(c *cli.Context) error {
	at, err := p.repository(c)
	if err != nil {
		return err
	}
	t, err := p.openTarget(c, at, false)
	if err == nil {
		err = repo.Promote(c.Context, t, repo.PromoteOptions{Force: c.Bool("force")})
	}
	if errors.Is(err, repo.ErrReplicating) {
		return hint{fmt.Errorf("%s: %w", at.shown, err), "wait until it ends, or use --force if its machine is gone for good"}
	}
	if err != nil {
		return p.explain(at, err)
	}
	if p.json {
		return p.emit(report.NewPromoted(at.shown))
	}
	p.say("%s is now a repository of its own", at.shown)
	return nil
}

func (p *program) healCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:  "heal",
		Usage: "repair the repository and its replicas from each other",
		Description: "Finds objects that are missing in the repository or on a replica given by --replica, and\n" +
			"with --read-data also damaged ones. Repairs each from the side where it is sound. The\n" +
			"repository stores repaired data in new packs.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "read-data", Usage: "read every byte on both sides"},
			&cli.BoolFlag{Name: "snapshots", Usage: "bring back all snapshots that only a replica has, forgotten or not"},
		},
		Action: p.heal,
	})
}

func (p *program) heal(c *cli.Context) error {
	names := p.replicaNames(c)
	if len(names) == 0 {
		return hint{errors.New("no replica given"), "name one with --replica or $QSNAP_REPLICAS"}
	}
	r, err := p.open(c)
	if err != nil {
		return err
	}
	defer r.Close()
	lost := 0
	for _, name := range names {
		n, err := p.healFrom(c, r, name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		lost += n
	}
	if lost > 0 {
		return judged{hint{fmt.Errorf("%s can't be repaired from a replica", term.Plural(lost, "object", "objects")), "\"qsnap check --read-data\" names the affected files, \"qsnap repair\" salvages the rest"}, errDamage}
	}
	return nil
}

func (p *program) healFrom(c *cli.Context, r *repo.Repo, name string) (lost int, err error) {
	t, err := p.openReplica(c, name, false)
	if err != nil {
		return 0, err
	}
	v := p.newView()
	o := repo.HealOptions{ReadData: c.Bool("read-data"), Snapshots: c.Bool("snapshots"), Progress: func(u repo.Progress) {
		if v.Due() {
			v.Show(u.Done, u.Total, u.Elapsed, fmt.Sprintf("%s: %s of %s", u.Phase, term.Size(u.Done), term.Size(u.Total)), "")
		}
	}}
	result, err := r.Maintenance().Heal(c.Context, t, o)
	v.Clear()
	if err != nil && !result.Complete {
		return 0, err
	}
	for _, err := range result.Lost {
		p.warn("%v", err)
	}
	if p.json {
		return len(result.Lost), p.emit(report.NewHealed(name, result))
	}
	p.say("compared %s with %s: %s", term.Plural(result.Compared.Objects, "object", "objects"), name, term.Plural(len(result.Compared.Differences), "difference", "differences"))
	if result.Packs > 0 {
		p.say("repaired here: %s; their %s are now in new packs", term.Plural(result.Packs, "pack", "packs"), term.Plural(result.Blobs, "chunk or tree", "chunks and trees"))
	}
	if n := result.Deltas + result.Objects; n > 0 {
		p.say("repaired here: %s", term.Plural(n, "index delta or other object", "index deltas and other objects"))
	}
	if result.Snapshots > 0 {
		p.say("brought back here: %s", term.Plural(result.Snapshots, "snapshot", "snapshots"))
	}
	return len(result.Lost), p.replicaSummary(name, result.Replica, 0, true, true)
}
