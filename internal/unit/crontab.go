package unit

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/qsnap/qsnap/repo/job/calendar"
)

// A block of a crontab lies between these lines, which end with the profile's name.
const (
	beginBlock = "# BEGIN qsnap profile "
	endBlock   = "# END qsnap profile "
)

// Crontab returns the block of a crontab that starts the job.
func (j Job) Crontab() (string, error) {
	if err := j.check(); err != nil {
		return "", err
	}
	lines, err := j.cronTimes()
	if err != nil {
		return "", err
	}
	var words []string
	for _, word := range j.Command {
		words = append(words, shellWord(word))
	}
	command := strings.ReplaceAll(strings.Join(words, " "), "%", `\%`) // else it would be a line break
	var b strings.Builder
	fmt.Fprintf(&b, "%s%s\n# %s\n", beginBlock, j.Profile, Written)
	for _, times := range lines {
		fmt.Fprintf(&b, "%s %s\n", times, command)
	}
	fmt.Fprintf(&b, "%s%s\n", endBlock, j.Profile)
	return b.String(), nil
}

// cronTimes returns the first five fields of the lines of a crontab. A cron expression stays
// as it is if it has the same slots in the zone of the host.
func (j Job) cronTimes() (lines []string, err error) {
	if expr := j.Schedule.Expression(); expr != "" {
		if here, err := calendar.Cron(expr, j.Zone); err == nil && same(here, j.Schedule, j.Now) {
			return []string{expr}, nil
		}
	}
	if j.Schedule.Period()%time.Minute != 0 {
		return nil, fmt.Errorf("profile %s, %s: cron starts at whole minutes; use whole minutes, or qsnapd", j.Profile, j.Schedule)
	}
	t := timesOf(j.Schedule, j.Jitter.Truncate(time.Minute), j.Zone, j.Now)
	day := fmt.Sprintf("%s %s %s", list(t.days, 1, 31), list(t.months, 1, 12), list(t.weekdays, 1, 7))
	if len(t.days) > 0 && len(t.weekdays) > 0 { // cron would take either
		day = fmt.Sprintf("* %s %s", list(t.months, 1, 12), list(t.weekdays, 1, 7))
	}
	for _, g := range t.groups() {
		lines = append(lines, fmt.Sprintf("%s %s %s", list(g.minutes, 1, 60), list(g.hours, 1, 24), day))
	}
	return lines, nil
}

// same reports whether two schedules have the same slots for some years.
func same(a, b calendar.Schedule, now time.Time) bool {
	x, y := now, now
	for n := 0; n < few || n < enough && x.Before(now.AddDate(longest, 0, 0)); n++ {
		if x, y = a.Next(x), b.Next(y); !x.Equal(y) {
			return false
		}
	}
	return true
}

// InCrontab returns a crontab with the block of a profile, in the place of an older one. All
// other lines stay.
func InCrontab(crontab, profile, block string) (string, error) {
	before, _, after, err := cutBlock(crontab, profile)
	if err != nil {
		return "", err
	}
	if before != "" && !strings.HasSuffix(before, "\n") {
		before += "\n"
	}
	return before + block + after, nil
}

// OutOfCrontab returns a crontab without the block of a profile, and the block, which is
// empty if there is none.
func OutOfCrontab(crontab, profile string) (rest, block string, err error) {
	before, block, after, err := cutBlock(crontab, profile)
	return before + after, block, err
}

// CrontabProfiles returns the profiles that have a block in a crontab.
func CrontabProfiles(crontab string) (profiles []string) {
	for line := range strings.Lines(crontab) {
		if name, is := strings.CutPrefix(strings.TrimRight(line, "\r\n"), beginBlock); is && !slices.Contains(profiles, name) {
			profiles = append(profiles, name)
		}
	}
	return profiles
}

// cutBlock returns a profile's block and what is around it. A block that has lost its end
// could hold lines of others, so that is an error.
func cutBlock(crontab, profile string) (before, block, after string, err error) {
	at, open := 0, -1
	for line := range strings.Lines(crontab) {
		start := at
		at += len(line)
		switch text := strings.TrimRight(line, "\r\n"); {
		case text == beginBlock+profile && open < 0:
			open = start
		case text == endBlock+profile && open >= 0:
			return crontab[:open], crontab[open:at], crontab[at:], nil
		case open >= 0 && strings.HasPrefix(text, beginBlock):
			return "", "", "", unclosed(profile)
		}
	}
	if open >= 0 {
		return "", "", "", unclosed(profile)
	}
	return crontab, "", "", nil
}

func unclosed(profile string) error {
	return fmt.Errorf("the crontab has %q without %q: repair it with crontab -e", beginBlock+profile, endBlock+profile)
}

// shellWord quotes a word for sh.
func shellWord(s string) string {
	if s != "" && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./:=@,+") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
