package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
)

// selectFlags pick snapshots.
func selectFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "host", Usage: "only snapshots of `HOST`"},
		&cli.StringSliceFlag{Name: "path", Usage: "only snapshots that hold `PATH`; may be repeated"},
		&cli.StringSliceFlag{Name: "tag", Usage: "only snapshots with `TAG`; may be repeated"},
	}
}

func atFlag() cli.Flag {
	return &cli.StringFlag{Name: "at", Usage: "the newest snapshot at or before `TIME`, such as \"2026-03-29 14:30\", 2026-03-29, 14:30 or \"3h ago\""}
}

// selection returns what the flags pick.
func (p *program) selection(c *cli.Context) (repo.Select, error) {
	s := repo.Select{Hostname: c.String("host"), Tags: c.StringSlice("tag")}
	for _, path := range c.StringSlice("path") {
		abs, err := filepath.Abs(path)
		if err != nil {
			return s, usage(err)
		}
		s.Paths = append(s.Paths, abs)
	}
	if at := c.String("at"); at != "" {
		var err error
		if s.Before, err = parseTime(at, time.Now()); err != nil {
			return s, usage(err)
		}
	}
	return s, nil
}

// parseTime reads a time as people write it. A day without a time is its end, and
// a minute without seconds, too: the newest snapshot of then is meant.
func parseTime(s string, now time.Time) (time.Time, error) {
	if ago, ok := strings.CutSuffix(strings.TrimSpace(s), "ago"); ok {
		if d, ok := parseSpan(strings.TrimSpace(ago)); ok {
			return now.Add(-d), nil
		}
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t, nil
	}
	for _, layout := range []struct {
		text string
		plus time.Duration
	}{
		{"2006-01-02 15:04:05", time.Second}, {"2006-01-02T15:04:05", time.Second},
		{"2006-01-02 15:04", time.Minute}, {"2006-01-02T15:04", time.Minute},
	} {
		if t, err := time.ParseInLocation(layout.text, s, now.Location()); err == nil {
			return t.Add(layout.plus - 1), nil
		}
	}
	if t, err := time.ParseInLocation("2006-01-02", s, now.Location()); err == nil {
		return t.AddDate(0, 0, 1).Add(-1), nil
	}
	if t, err := time.ParseInLocation("15:04", s, now.Location()); err == nil {
		return time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), 59, 999999999, now.Location()), nil
	}
	return time.Time{}, fmt.Errorf("time %q: write it as 2026-03-29, \"2026-03-29 14:30\", 14:30 or \"3h ago\"", s)
}

// parseSpan reads a duration such as 90m, 3h, 2d or 1w.
func parseSpan(s string) (time.Duration, bool) {
	units := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}
	if s == "" {
		return 0, false
	}
	unit, ok := units[s[len(s)-1]]
	n, err := strconv.ParseFloat(strings.TrimSpace(s[:len(s)-1]), 64)
	if !ok || err != nil || n < 0 || n*float64(unit) > float64(1<<62) {
		return 0, false
	}
	return time.Duration(n * float64(unit)), true
}

// find returns the snapshot that a word names.
func (p *program) find(c *cli.Context, r *repo.Repo, word string, s repo.Select) (*snapshot.Manifest, error) {
	m, err := r.Find(c.Context, word, s)
	if errors.Is(err, repo.ErrNoSnapshot) {
		return nil, hint{err, "\"qsnap snapshots\" lists them"}
	}
	return m, err
}

// picked returns the snapshots that the arguments name, or else those that the flags
// pick, and which of these can't be read.
func (p *program) picked(c *cli.Context, r *repo.Repo) (list []*snapshot.Manifest, damaged, err error) {
	s, err := p.selection(c)
	if err != nil {
		return nil, nil, err
	}
	s.Last = c.Int("last")
	if c.NArg() == 0 {
		list, damaged = r.Snapshots(c.Context, s)
		if list == nil {
			return nil, nil, damaged
		}
		return list, damaged, nil
	}
	for _, word := range c.Args().Slice() {
		m, err := p.find(c, r, word, s)
		if err != nil {
			return nil, nil, err
		}
		list = append(list, m)
	}
	return list, nil, nil
}

// snapshotAndPath returns the snapshot and path that SNAPSHOT:PATH names. Without a
// word, it is the newest that the flags pick, if they pick by time.
func (p *program) snapshotAndPath(c *cli.Context, r *repo.Repo, word string) (*snapshot.Manifest, string, error) {
	s, err := p.selection(c)
	if err != nil {
		return nil, "", err
	}
	if word == "" {
		word = "latest"
	}
	name, path, _ := strings.Cut(word, ":")
	if name != "latest" && !s.Before.IsZero() {
		return nil, "", usage(errors.New("--at picks a snapshot by its time: use it without an id"))
	}
	m, err := p.find(c, r, name, s)
	return m, path, err
}

// oneArgument returns the only argument.
func oneArgument(c *cli.Context, what string) (string, error) {
	if c.NArg() != 1 {
		return "", hint{fmt.Errorf("%s takes one argument: %s", c.Command.Name, what), fmt.Sprintf("see \"qsnap %s --help\"", c.Command.Name)}
	}
	return c.Args().First(), nil
}
