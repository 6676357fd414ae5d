package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/report"
)

func (p *program) checkCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:  "check",
		Usage: "look for damage in the repository",
		Description: "Verifies that everything snapshots refer to exists and can be read. The data of files\n" +
			"is read only with --read-data. Damage is reported with the files that it affects.\n\n" +
			"Each replica given by --replica is compared with the repository: by name and size or,\n" +
			"with --read-data, by hash. --no-key does nothing else, and needs no password.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "read-data", Usage: "read and verify every byte, the data of files included"},
			&cli.StringFlag{Name: "read-data-subset", Usage: "read `PART` of the data: 5% for a random sample, or 1/12 for the first of twelve parts"},
			&cli.BoolFlag{Name: "no-key", Usage: "compare only the replicas, without a password"},
		},
		Action: p.check,
	})
}

func (p *program) check(c *cli.Context) error {
	o := repo.CheckOptions{ReadData: c.Bool("read-data")}
	if err := parseSubset(c.String("read-data-subset"), &o); err != nil {
		return err
	}
	if c.Bool("no-key") {
		return p.checkReplicas(c, nil)
	}
	r, err := p.open(c)
	if err != nil {
		return err
	}
	defer p.close(c, r)
	v := p.newView()
	o.Progress = func(u repo.Progress) {
		if v.Due() {
			what := fmt.Sprintf("%s: %s of %s", u.Phase, term.Count(u.Done), term.Count(u.Total))
			done := u.Done
			if u.Unit == repo.UnitBytes {
				what = fmt.Sprintf("%s: %s of %s", u.Phase, term.Size(u.Done), term.Size(u.Total))
			} else {
				done = 0
			}
			v.Show(done, u.Total, u.Elapsed, what, "")
		}
	}
	start := time.Now()
	result, err := r.Check(c.Context, o)
	v.Clear()
	if err != nil && !(errors.Is(err, repo.ErrDamaged) && result.Damaged()) {
		return err
	}
	return p.checkReplicas(c, p.checkSummary(result, time.Since(start)))
}

// checkReplicas compares the repository with the given replicas. Found is the result of the
// check before that.
func (p *program) checkReplicas(c *cli.Context, found error) error {
	if len(p.replicaNames(c)) == 0 {
		if c.Bool("no-key") {
			return hint{errors.New("--no-key: no replica given"), "name one with --replica or $QSNAP_REPLICAS"}
		}
		return found
	}
	at, err := p.repository(c)
	if err != nil {
		return err
	}
	here, err := p.openTarget(c, at, false)
	if err == nil {
		err = repo.Probe(c.Context, here)
	}
	if err != nil {
		return p.explain(at, err)
	}
	n, as, err := p.compareReplicas(c, here, c.Bool("read-data"))
	switch {
	case err != nil:
		return errors.Join(found, err)
	case n > 0 && found == nil:
		return judged{hint{errors.New(term.Plural(n, "object differs", "objects differ")), "\"qsnap replicate\" copies new objects, \"qsnap heal\" repairs damaged ones"}, as}
	}
	return found
}

func parseSubset(s string, o *repo.CheckOptions) error {
	if s == "" {
		return nil
	}
	bad := fmt.Errorf("--read-data-subset %q: want a percentage such as 5%%, or a part such as 1/12", s)
	o.ReadData = true
	if percent, ok := strings.CutSuffix(s, "%"); ok {
		v, err := strconv.ParseFloat(percent, 64)
		if err != nil || v <= 0 || v > 100 {
			return bad
		}
		o.Percent = v
		return nil
	}
	part, of, ok := strings.Cut(s, "/")
	var err1, err2 error
	o.Part, err1 = strconv.Atoi(part)
	o.Of, err2 = strconv.Atoi(of)
	if !ok || err1 != nil || err2 != nil || o.Part < 1 || o.Part > o.Of {
		return bad
	}
	return nil
}

func (p *program) checkSummary(r repo.CheckReport, took time.Duration) error {
	errorCount := 0
	for _, f := range r.Findings {
		if f.IsDamage() {
			errorCount++
		}
		if err := p.showFinding(f); err != nil {
			return err
		}
	}
	var damage error
	if errorCount > 0 {
		damage = judged{errors.New(term.Plural(errorCount, "object is", "objects are") + " damaged or missing, as listed above"), errDamage}
	}
	if p.json {
		return errors.Join(damage, p.emit(report.NewCheckSummary(r, errorCount, took)))
	}
	what := "not read: use --read-data"
	if r.BytesRead > 0 {
		what = term.Size(uint64(r.BytesRead)) + " read"
	}
	p.say("checked %s, %s and %s of %s (%s) in %s", term.Plural(r.Snapshots, "snapshot", "snapshots"),
		term.Plural(r.Trees, "directory", "directories"), term.Plural(r.Packs, "pack", "packs"), term.Size(uint64(r.PackBytes)), what, term.Duration(took))
	if damage != nil {
		return damage
	}
	p.say("no damage found")
	return nil
}

func (p *program) showFinding(f repo.Finding) error {
	if p.json {
		return p.emit(report.NewFinding(f, nextStep(f)))
	}
	if !f.IsDamage() {
		p.say("note: %s: %s", f.Object, f.What)
		return nil
	}
	fmt.Fprintf(p.stdout, "damaged: %s: %s\n", f.Object, f.What)
	if f.Total > 0 {
		fmt.Fprintf(p.stdout, "  affects %s:\n", term.Plural(f.Total, "file", "files"))
	}
	for _, a := range f.Files {
		slash := ""
		if a.Dir {
			slash = "/ and everything in it"
		}
		fmt.Fprintf(p.stdout, "    %s  %s%s\n", a.Snapshot.Short(), p.path(a.Path), slash)
	}
	if more := f.Total - len(f.Files); more > 0 {
		fmt.Fprintf(p.stdout, "    and %s more\n", term.Count(more))
	}
	if next := nextStep(f); next != "" {
		fmt.Fprintf(p.stdout, "  next: %s\n", next)
	}
	return nil
}

// nextStep says what to do about a finding.
func nextStep(f repo.Finding) string {
	if strings.HasSuffix(f.What, ": "+fs.ErrPermission.Error()) {
		return "it may be intact: fix its permissions, or run this command as a user who may read it"
	}
	switch f.Kind {
	case repo.FindingBadConfig:
		if f.Object == "twin" || f.Object == "replica" {
			return "nothing is lost: only its existence matters"
		}
		return "nothing is lost: qsnap uses the other copy"
	case repo.FindingBadKey:
		return "if another password or key opens the repository, \"qsnap key add\" adds a new one; \"qsnap key export\" prints a recovery sheet"
	case repo.FindingBadDelta:
		return "nothing is lost: \"qsnap repair index\" rebuilds the index from the packs"
	case repo.FindingBadPack:
		return fmt.Sprintf("\"qsnap repair packs %s\" salvages what can be read", f.Object[strings.LastIndexByte(f.Object, '/')+1:])
	case repo.FindingHidden:
		return "\"qsnap target unhide\" brings it back; find out who deleted or replaced it"
	case repo.FindingMissingPack, repo.FindingLost:
		return "run \"qsnap repair index\"; the next \"qsnap snapshot\" then stores again what the source still has, and \"qsnap repair snapshots\" gives up the rest"
	case repo.FindingBadManifest:
		return fmt.Sprintf("\"qsnap repair snapshots --forget %s\" removes it", f.Object[strings.LastIndexByte(f.Object, '/')+1:])
	case repo.FindingBadRecord:
		return "no snapshot needs it; if it holds tags or a pin, \"qsnap tag\" and \"qsnap pin\" replace it, and its snapshot counts as pinned until then"
	case repo.FindingMissingManifest:
		return "\"qsnap snapshots\" lists the remaining snapshots"
	}
	return ""
}
