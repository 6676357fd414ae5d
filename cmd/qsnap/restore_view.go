package main

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
)

// A restoreView shows the progress of a restore.
type restoreView struct {
	p *program
	*view
	verbose  bool           // print every action, and what is spared
	mounts   map[string]int // mount points with spared paths, and how many
	reason   string         // for which all was spared, or empty if there are several
	json     time.Time      // of the last status
	withheld []string       // some of the files that were restored without their privileges
}

func (v *restoreView) update(u repo.RestoreProgress) {
	switch {
	case u.Problem != nil:
		v.problem(u)
		return
	case u.Elsewhere != nil:
		v.elsewhere(u)
		return
	case u.Notice != nil:
		v.notice(u)
		return
	case u.Leftover != "":
		v.leftover(u)
		return
	case u.Spared != "":
		v.spared(u)
		return
	case u.Action != "":
		v.action(u)
		return
	case u.Finished:
		return
	}
	if v.p.json && !v.p.quiet && time.Since(v.json) > jsonInterval {
		v.json = time.Now()
		_ = v.p.emit(report.NewRestoreStatus(u))
	}
	if v.Due() {
		what := term.Plural(u.Report.Files, "file", "files") + ", " + term.Size(u.Report.Bytes)
		if u.Total > 0 {
			what += " of " + term.Size(u.Total)
		}
		v.Show(u.Done, u.Total, u.Elapsed, what, "")
	}
}

func (v *restoreView) problem(u repo.RestoreProgress) {
	v.Clear()
	if v.p.json {
		_ = v.p.emit(report.NewError(u.Problem, "restore", u.Path))
		return
	}
	v.p.warn("%s: %s", v.p.path(u.Path), term.OneLine(u.Problem))
}

func (v *restoreView) action(u repo.RestoreProgress) {
	v.Clear()
	if v.p.json {
		_ = v.p.emit(report.NewRestoreAction(u))
		return
	}
	slash := ""
	if u.Entry.Type == snapshot.Dir {
		slash = "/"
	}
	fmt.Fprintf(v.p.stdout, "%-8s %s%s\n", u.Action, v.p.path(u.Path), slash)
}

// namedAtMost is how many paths a line of the summary names.
const namedAtMost = 3

func (v *restoreView) notice(u repo.RestoreProgress) {
	if unknown, ok := errors.AsType[*repo.NamesUnknown](u.Notice); ok {
		v.Clear()
		if v.p.json {
			_ = v.p.emit(report.NewNotice(unknown, "", u.Path))
		} else {
			v.p.warn("%s", term.OneLine(unknown))
		}
		return
	}
	if len(v.withheld) < namedAtMost {
		v.withheld = append(v.withheld, v.p.path(u.Path))
	}
	if v.verbose {
		v.Clear()
		v.p.warn("%s: %s", v.p.path(u.Path), term.OneLine(u.Notice))
	}
}

// sayWithheld names files that were restored without their privileges.
func (v *restoreView) sayWithheld(n int64) {
	if n == 0 || v.p.json {
		return
	}
	more := ""
	if n > int64(len(v.withheld)) {
		more = fmt.Sprintf(" and %s more (-v names all)", term.Count(n-int64(len(v.withheld))))
	}
	v.p.warn("%s restored without set-ID bits or capabilities, because their owner or group was not: %s%s",
		term.Plural(n, "file was", "files were"), strings.Join(v.withheld, ", "), more)
}

// elsewhere names a snapshot that has what this one has lost.
func (v *restoreView) elsewhere(u repo.RestoreProgress) {
	v.Clear()
	if v.p.json {
		_ = v.p.emit(report.NewElsewhere(u))
		return
	}
	v.p.warn("%s: snapshot %s of %s has it intact", v.p.path(u.Path), u.Elsewhere.ID.Short(), term.LocalTime(u.Elsewhere.Start))
}

// leftover reports what an interrupted restore has moved aside.
func (v *restoreView) leftover(u repo.RestoreProgress) {
	v.Clear()
	if v.p.json {
		_ = v.p.emit(report.NewLeftover(u))
		return
	}
	v.p.warn("%s: %s", v.p.path(u.Path), u.Leftover)
}

// spared counts a path that deletion has spared, and prints it with --verbose.
func (v *restoreView) spared(u repo.RestoreProgress) {
	if v.reason == "" && u.Report.Spared == 1 {
		v.reason = u.Spared
	} else if v.reason != u.Spared {
		v.reason = ""
	}
	if u.Mount != "" {
		if v.mounts == nil {
			v.mounts = map[string]int{}
		}
		v.mounts[u.Mount]++
	}
	switch {
	case !v.verbose:
	case v.p.json:
		_ = v.p.emit(report.NewRestoreAction(u))
	default:
		v.Clear()
		fmt.Fprintf(v.p.stdout, "%-8s %s: %s\n", "spare", v.p.path(u.Path), term.OneLine(errors.New(u.Spared)))
	}
}

// sparedSummary prints how many paths deletion has spared, and how to delete those on other
// file systems.
func (v *restoreView) sparedSummary(m *snapshot.Manifest, o repo.RestoreOptions, r repo.RestoreReport) {
	if r.Spared == 0 || v.p.json {
		return
	}
	named := ""
	if !v.verbose {
		named = "; -v names them"
	}
	v.p.say("  not deleted: %s that the snapshot doesn't cover%s", term.Plural(r.Spared, "path", "paths"), named)
	if v.reason != "" && !v.verbose {
		v.p.say("  all for the same reason: %s", v.reason)
	}
	for _, mount := range slices.Sorted(maps.Keys(v.mounts)) {
		v.p.say("  %s on the file system mounted at %s: to delete them, run qsnap restore %s --target %s --delete", term.Plural(v.mounts[mount], "path is", "paths are"),
			v.p.path(mount), shellWord(m.ID.Short()+":"+path.Join(o.Path, mount)), shellWord(filepath.Join(o.To, mount)))
	}
}

// shellWord returns a word quoted for a shell, if it needs that.
func shellWord(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// ownFiles returns the files and directories on this machine that qsnap itself uses.
func (p *program) ownFiles(c *cli.Context) (out []string) {
	if at, err := p.repository(c); err == nil {
		out = append(out, at.location.Directory(), at.keyFile)
	}
	for _, name := range p.replicaNames(c) {
		if at, err := p.refTo(name); err == nil {
			out = append(out, at.location.Directory())
		}
	}
	out = append(out, c.String("cache-dir"), c.String("key-file"), c.String("password-file"), p.getenv("QSNAP_KEY_FILE"), p.getenv("QSNAP_PASSWORD_FILE"))
	return slices.DeleteFunc(out, func(path string) bool { return path == "" })
}
