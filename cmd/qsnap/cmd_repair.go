package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
)

func (p *program) repairCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:  "repair",
		Usage: "repair damage that \"qsnap check\" has found",
		Description: "Repair in this order:\n" +
			"1. \"repair packs\" moves out of damaged packs what can be read.\n" +
			"2. \"repair index\" rebuilds the index.\n" +
			"3. A snapshot of the same source stores again what the source still has.\n" +
			"4. \"repair snapshots\" makes snapshots without what is lost.",
		Subcommands: []*cli.Command{
			p.command(&cli.Command{Name: "index", Usage: "rebuild the index from the packs", Action: p.repairIndex}),
			p.command(&cli.Command{
				Name: "packs", Usage: "salvage what can be read from damaged packs", ArgsUsage: "[PACK...]",
				Description: "Without PACK, all packs are read to find the damaged ones.",
				Flags: []cli.Flag{&cli.StringFlag{Name: "save-to", Usage: "keep a copy of each damaged pack in `DIR`", Value: "."},
					&cli.BoolFlag{Name: "no-save", Usage: "do not keep copies"}},
				Action: p.repairPacks,
			}),
			p.command(&cli.Command{
				Name: "snapshots", Usage: "make snapshots without what is lost", ArgsUsage: "[SNAPSHOT...]",
				Description: "For each damaged snapshot, makes a new one without what is lost. The damaged one stays\n" +
					"unless --forget is given.",
				Flags: []cli.Flag{&cli.BoolFlag{Name: "forget", Usage: "forget the damaged snapshots, and remove those that cannot be read"},
					&cli.BoolFlag{Name: "dry-run", Aliases: []string{"n"}, Usage: "print what is lost, but do nothing"}},
				Action: p.repairSnapshots,
			}),
		},
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				return hint{fmt.Errorf("unknown command \"repair %s\"", c.Args().First()), "\"qsnap repair --help\" lists the commands"}
			}
			return cli.ShowSubcommandHelp(c)
		},
	})
}

func (p *program) repairIndex(c *cli.Context) error {
	r, err := p.open(c)
	if err != nil {
		return err
	}
	defer p.close(c, r)
	result, err := r.Maintenance().RepairIndex(c.Context)
	if err != nil {
		return err
	}
	for _, err := range result.Damaged {
		p.warn("%v: \"qsnap repair packs\" salvages what can be read", err)
	}
	if p.json {
		return p.emit(report.NewIndexRepaired(result))
	}
	p.say("rebuilt the index: listed %s, in place of %s", term.Plural(result.Packs, "pack", "packs"), term.Plural(result.Replaced, "index delta", "index deltas"))
	p.sayLost(result.Lost)
	return nil
}

// sayLost prints how much is lost, and what to do about it.
func (p *program) sayLost(lost int64) {
	if lost == 0 {
		p.say("nothing that snapshots need is lost")
		return
	}
	p.say("snapshots need %s that no pack holds; the next \"qsnap snapshot\" of the same source stores\n"+
		"again what the source still has, and \"qsnap repair snapshots\" makes snapshots without the rest", term.Plural(lost, "chunk or tree", "chunks and trees"))
}

func (p *program) repairPacks(c *cli.Context) error {
	r, err := p.open(c)
	if err != nil {
		return err
	}
	defer p.close(c, r)
	o, saved := repo.PackRepairOptions{}, map[pack.ID]bool{}
	if o.Packs, err = packsNamed(c.Args().Slice()); err != nil {
		return err
	}
	if !c.Bool("no-save") {
		o.Save = func(id pack.ID, bytes io.Reader) error {
			saved[id] = true
			return p.savePack(c.String("save-to"), id, bytes)
		}
	}
	v := p.newView()
	o.Progress = func(u repo.Progress) {
		if v.Due() {
			v.Show(u.Done, u.Total, u.Elapsed, fmt.Sprintf("%s: %s of %s", u.Phase, term.Size(u.Done), term.Size(u.Total)), "")
		}
	}
	result, err := r.Maintenance().RepairPacks(c.Context, o)
	v.Clear()
	if err != nil {
		return err
	}
	var denied error
	if n := len(result.Denied); n > 0 {
		denied = judged{hint{errors.New("no permission to read " + term.Plural(n, "pack", "packs") + ", as listed above"), "run the repair as a user who may read them, or fix their permissions"}, errDamage}
	}
	if p.json {
		return errors.Join(denied, p.emit(report.NewPacksRepaired(result)))
	}
	p.showRepairedPacks(result, saved)
	return denied
}

// showRepairedPacks prints what became of the packs. Saved holds the ids of those with a
// copy.
func (p *program) showRepairedPacks(result repo.PackRepair, saved map[pack.ID]bool) {
	for _, id := range result.Whole {
		p.warn("pack %s: left alone: it is intact, but this repository's keys don't open it", id)
	}
	for _, id := range result.Denied {
		p.warn("pack %s: left alone: no permission to read it, and it may be intact", id)
	}
	for _, id := range slices.SortedFunc(maps.Keys(result.Unread), func(a, b pack.ID) int { return bytes.Compare(a[:], b[:]) }) {
		rest := ", and no copy was kept"
		if saved[id] {
			rest = "; its copy has zeros there"
		}
		p.warn("pack %s: %s can't be read%s", id, term.Size(uint64(result.Unread[id])), rest)
	}
	if len(result.Damaged) == 0 && len(result.Denied) == 0 {
		p.say("no pack is damaged")
	}
	if len(result.Damaged) == 0 {
		return
	}
	p.say("removed %s after moving %s out of %s", term.Plural(len(result.Damaged), "damaged pack", "damaged packs"),
		term.Plural(result.Salvaged, "chunk or tree", "chunks and trees"), map[bool]string{true: "it", false: "them"}[len(result.Damaged) == 1])
	p.sayLost(result.Lost)
}

// packsNamed returns the packs of which a person has given the ids, or the names on the target.
func packsNamed(words []string) (ids []pack.ID, err error) {
	for _, word := range words {
		id, err := pack.ParseID(word[strings.LastIndexByte(word, '/')+1:])
		if err != nil {
			return nil, fmt.Errorf("%q is not the id of a pack", word)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// savePack keeps a copy of a damaged pack.
func (p *program) savePack(dir string, id pack.ID, bytes io.Reader) (err error) {
	name := filepath.Join(dir, id.String()+".damaged-pack")
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return hint{err, "name another directory with --save-to, or use --no-save"}
	}
	_, err = io.Copy(f, bytes)
	if err = errors.Join(err, f.Close()); err == nil {
		p.say("kept a copy of the damaged pack in %s", name)
	}
	return err
}

func (p *program) repairSnapshots(c *cli.Context) error {
	r, err := p.open(c)
	if err != nil {
		return err
	}
	defer p.close(c, r)
	var ids []snapshot.ID
	for _, word := range c.Args().Slice() {
		id, err := snapshot.ParseID(word)
		if err != nil { // not a whole id, which may also name a manifest that can't be read
			m, err := p.find(c, r, word, repo.Filter{})
			if err != nil {
				return err
			}
			id = m.ID
		}
		ids = append(ids, id)
	}
	repairs, err := r.Maintenance().RepairSnapshots(c.Context, ids, repo.SnapshotRepairOptions{
		Forget: c.Bool("forget"), DryRun: c.Bool("dry-run"),
		Lost: func(m *snapshot.Manifest, path string, e *snapshot.Entry, why error) {
			if p.json {
				_ = p.emit(report.NewLostPath(m, path, e, why))
				return
			}
			p.say("lost: %s  %s", m.ID.Short(), p.path("/"+path))
		},
	})
	for _, one := range repairs {
		p.showRepair(one, c.Bool("forget") && !c.Bool("dry-run"))
	}
	if err == nil && len(repairs) == 0 {
		p.say("no snapshot lacks anything, as far as the index shows")
	}
	return err
}

// showRepair prints what became of one snapshot, and whether it was forgotten.
func (p *program) showRepair(one repo.SnapshotRepair, forgotten bool) {
	gone := ""
	if forgotten {
		gone = "; the damaged one is forgotten"
	}
	switch {
	case p.json:
		_ = p.emit(report.NewSnapshotRepaired(one))
	case one.Kept:
		p.warn("%v: left alone, as it may be intact", one.Err)
	case one.Err != nil && gone != "":
		p.say("removed what can't be read: %v", one.Err)
	case one.Err != nil:
		p.say("can't be read: %v; --forget removes it", one.Err)
	case one.Repaired == nil:
		p.say("snapshot %s lacks %s", one.Snapshot.Short(), term.Plural(one.Lost, "file or directory", "files and directories"))
	default:
		p.say("made snapshot %s: it is %s without %s%s", one.Repaired.ID.Short(), one.Snapshot.Short(), term.Plural(one.Lost, "file or directory", "files and directories"), gone)
	}
}

func (p *program) rewriteCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:      "rewrite",
		Usage:     "rewrite snapshots without some of their files",
		ArgsUsage: "SNAPSHOT...",
		Description: "To remove a captured secret, run \"qsnap rewrite --exclude secret.key --forget SNAPSHOT...\"\n" +
			"for all snapshots that hold it, then \"qsnap prune --max-unused 0\".",
		Flags: append(selectFlags(),
			&cli.StringSliceFlag{Name: "exclude", Aliases: []string{"e"}, Usage: "leave out what matches `PATTERN`; may be repeated"},
			&cli.BoolFlag{Name: "all", Usage: "rewrite all snapshots that the flags select"},
			&cli.BoolFlag{Name: "forget", Usage: "forget the original snapshots"},
			&cli.BoolFlag{Name: "dry-run", Aliases: []string{"n"}, Usage: "print what would be left out, but do nothing"}),
		Action: p.rewrite,
	})
}

func (p *program) rewrite(c *cli.Context) error {
	if len(c.StringSlice("exclude")) == 0 {
		return hint{errors.New("no pattern given"), "say what to leave out with --exclude"}
	}
	if c.NArg() == 0 && !c.Bool("all") {
		return hint{errors.New("no snapshot given"), "name snapshots, or use --all"}
	}
	r, err := p.open(c)
	if err != nil {
		return err
	}
	defer p.close(c, r)
	s, err := p.selection(c, r)
	if err != nil {
		return err
	}
	var all []*snapshot.Manifest
	if c.Bool("all") {
		if all, err = r.Snapshots(c.Context, s); err != nil {
			return err
		}
	}
	find := p.find
	if c.Bool("forget") {
		find = p.findOne
	}
	for _, word := range c.Args().Slice() {
		m, err := find(c, r, word, s)
		if err != nil {
			return err
		}
		all = append(all, m)
	}
	for _, m := range all {
		if err := p.rewriteOne(c, r, m); err != nil {
			return err
		}
	}
	return nil
}

func (p *program) rewriteOne(c *cli.Context, r *repo.Repo, m *snapshot.Manifest) error {
	dropped := 0
	o := repo.RewriteOptions{Exclude: c.StringSlice("exclude"), Forget: c.Bool("forget"), DryRun: c.Bool("dry-run")}
	o.Dropped = func(path string, e *snapshot.Entry) {
		dropped++
		if o.DryRun {
			p.say("%s  %s", m.ID.Short(), p.path("/"+path))
		}
	}
	next, err := r.Maintenance().Rewrite(c.Context, m.ID, o)
	if err != nil {
		if errors.Is(err, repo.ErrPinned) {
			return hint{err, "use \"qsnap pin --remove\""}
		}
		return err
	}
	if p.json {
		return p.emit(report.NewRewritten(m.ID, next.ID, dropped, o.DryRun))
	}
	switch {
	case dropped == 0:
		p.say("snapshot %s holds nothing that matches", m.ID.Short())
	case o.DryRun:
	case o.Forget:
		p.say("made snapshot %s: it is %s without %s; the original is forgotten, and \"qsnap prune --max-unused 0\" deletes its data", next.ID.Short(), m.ID.Short(), term.Plural(dropped, "entry", "entries"))
	default:
		p.say("made snapshot %s: it is %s without %s; the original is kept", next.ID.Short(), m.ID.Short(), term.Plural(dropped, "entry", "entries"))
	}
	return nil
}
