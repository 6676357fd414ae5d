package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
)

// addedSinceFull returns what was added since the last full snapshot of the source, by the id
// of each snapshot in a list for which there is one.
func (p *program) addedSinceFull(c *cli.Context, r *repo.Repo, list []*snapshot.Manifest) (map[snapshot.ID]snapshot.SinceFull, error) {
	all := list
	whole := c.NArg() == 0 && c.Int("last") == 0 && len(c.StringSlice("tag")) == 0 && p.profile == nil
	if !whole && slices.ContainsFunc(list, func(m *snapshot.Manifest) bool { return m.Level != snapshot.LevelIncremental || m.Job.Profile != "" }) {
		var err error
		if all, err = r.Snapshots(c.Context, repo.Filter{AnyKind: true}); all == nil {
			return nil, err
		}
	}
	return sinceFull(all), nil
}

// sinceFull returns what was added since the last full snapshot of the source, by the id of
// each snapshot that has one before it.
func sinceFull(all []*snapshot.Manifest) map[snapshot.ID]snapshot.SinceFull {
	chains := map[string][]*snapshot.Manifest{}
	for _, m := range all {
		key := fmt.Sprintf("%q %q %q", m.Hostname, m.Paths, m.Kind)
		chains[key] = append(chains[key], m)
	}
	out := map[snapshot.ID]snapshot.SinceFull{}
	for _, chain := range chains {
		slices.SortFunc(chain, snapshot.Compare)
		base := -1 // of the newest good full snapshot, or else of the newest full one
		for i, m := range chain {
			again := i > 0 && m.Number == chain[i-1].Number // the same snapshot, rewritten
			if m.Level == snapshot.LevelFull && !again && (base < 0 || m.Good() || !chain[base].Good()) {
				base = i
			}
			if base < 0 {
				continue
			}
			if since, ok := snapshot.AddedSinceFull(m, chain[base:i+1]); ok {
				out[m.ID] = since
			}
		}
	}
	return out
}

func (p *program) showSnapshots(c *cli.Context, list []*snapshot.Manifest, since map[snapshot.ID]snapshot.SinceFull) error {
	if p.json {
		out := []report.Snapshot{}
		for _, m := range list {
			s := report.NewSnapshot(m)
			if full, ok := since[m.ID]; ok {
				s.SinceFull = report.NewSinceFull(full)
			}
			out = append(out, s)
		}
		return p.emit(out)
	}
	if len(list) == 0 {
		p.say("there are no snapshots%s", map[bool]string{true: " that these flags select"}[c.NumFlags() > 0])
		return nil
	}
	columns := p.columns(list, since)
	rows := [][]string{nil}
	for _, column := range columns {
		rows[0] = append(rows[0], column.name)
	}
	for _, m := range list {
		var row []string
		for _, column := range columns {
			row = append(row, column.text(m))
		}
		if more := p.remarksOf(m); more != "" {
			row = append(row, more)
		}
		rows = append(rows, row)
	}
	p.table(rows)
	if hasLevels(list) {
		p.say("restores alone: yes, each of these, whatever its level")
	}
	return nil
}

// A column is one of the columns of a list of snapshots.
type column struct {
	name string
	text func(*snapshot.Manifest) string
}

// columns returns the columns that say something about any of the snapshots.
func (p *program) columns(list []*snapshot.Manifest, since map[snapshot.ID]snapshot.SinceFull) []column {
	out := []column{
		{"ID", func(m *snapshot.Manifest) string { return m.ID.Short() }},
		{"TIME", func(m *snapshot.Manifest) string { return term.LocalTime(m.End) }},
		{"HOST", func(m *snapshot.Manifest) string { return m.Hostname }},
		{"PATHS", func(m *snapshot.Manifest) string { return p.path(strings.Join(m.Paths, " ")) }},
	}
	add := func(any func(*snapshot.Manifest) bool, name string, text func(*snapshot.Manifest) string) {
		if slices.ContainsFunc(list, any) {
			out = append(out, column{name, text})
		}
	}
	always := func(*snapshot.Manifest) bool { return true }
	leveled := func(*snapshot.Manifest) bool { return hasLevels(list) }
	add(func(m *snapshot.Manifest) bool { return m.Job.Profile != "" }, "PROFILE", func(m *snapshot.Manifest) string { return p.path(m.Job.Profile) })
	add(func(m *snapshot.Manifest) bool { return !m.Job.Slot.IsZero() }, "SLOT", func(m *snapshot.Manifest) string { return slotText(m.Job.Slot) })
	add(leveled, "LEVEL", func(m *snapshot.Manifest) string { return p.path(m.Level.String()) })
	add(always, "TAGS", func(m *snapshot.Manifest) string {
		tags := strings.Join(m.Tags, ",")
		if m.Pin != nil {
			tags = strings.TrimSpace(tags + " (pinned)")
		}
		return tags
	})
	add(always, "FILES", func(m *snapshot.Manifest) string { return term.Count(m.Stats.Files) })
	add(always, "SIZE", func(m *snapshot.Manifest) string { return term.Size(m.Stats.Bytes) })
	add(leveled, "NEW", func(m *snapshot.Manifest) string { return term.Size(m.Stats.DataAdded + m.Stats.TreeAdded) })
	add(func(m *snapshot.Manifest) bool { _, ok := since[m.ID]; return ok }, "SINCE FULL", func(m *snapshot.Manifest) string { return sinceText(since, m) })
	add(always, "STORED", func(m *snapshot.Manifest) string {
		return term.Size(m.Stats.DataStored + m.Stats.TreeStored + m.Stats.IndexStored)
	})
	return out
}

// hasLevels reports whether any of the snapshots has another level than the default.
func hasLevels(list []*snapshot.Manifest) bool {
	return slices.ContainsFunc(list, func(m *snapshot.Manifest) bool { return m.Level != snapshot.LevelIncremental })
}

// slotText returns a slot in local time. Seconds are shown where there are any.
func slotText(slot time.Time) string {
	switch {
	case slot.IsZero():
		return ""
	case slot.Second() == 0:
		return slot.Local().Format("2006-01-02 15:04")
	}
	return term.LocalTime(slot)
}

// sinceText returns how much was added since the last full snapshot.
func sinceText(since map[snapshot.ID]snapshot.SinceFull, m *snapshot.Manifest) string {
	s, ok := since[m.ID]
	switch {
	case !ok:
		return ""
	case s.Missing > 0:
		return "at least " + term.Size(s.Bytes)
	}
	return term.Size(s.Bytes)
}

// remarksOf returns what is special about a snapshot, as text.
func (p *program) remarksOf(m *snapshot.Manifest) string {
	var more []string
	if m.Kind != snapshot.KindSource {
		more = append(more, m.Kind.String())
	}
	if state := stateOf(m); state != "" {
		more = append(more, p.path(state))
	}
	return strings.Join(more, "; ")
}
