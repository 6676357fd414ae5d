package unit

import (
	"encoding/xml"
	"fmt"
	"strings"
	"time"
)

// mostIntervals is how many times a property list has at most. Beyond it, launchd starts a
// run each minute.
const mostIntervals = 500

// LaunchdName returns the label of a profile's job.
func LaunchdName(profile string) string {
	return "com.github.qsnap." + strings.TrimPrefix(SystemdName(profile), "qsnap-")
}

// Launchd returns the label of a job and its property list.
func (j Job) Launchd() (label, plist string, err error) {
	if err := j.check(); err != nil {
		return "", "", err
	}
	if j.Schedule.Period()%time.Minute != 0 {
		return "", "", fmt.Errorf("profile %s, %s: launchd starts at whole minutes; use whole minutes, or qsnapd", j.Profile, j.Schedule)
	}
	label = LaunchdName(j.Profile)
	var b strings.Builder
	b.WriteString(xml.Header)
	b.WriteString(`<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">` + "\n")
	fmt.Fprintf(&b, "<!-- %s -->\n<plist version=\"1.0\">\n<dict>\n", Written)
	fmt.Fprintf(&b, "\t<key>Label</key>\n\t<string>%s</string>\n\t<key>ProgramArguments</key>\n\t<array>\n", escapeXML(label))
	for _, word := range j.Command {
		fmt.Fprintf(&b, "\t\t<string>%s</string>\n", escapeXML(word))
	}
	b.WriteString("\t</array>\n\t<key>StartCalendarInterval</key>\n\t<array>\n")
	for _, interval := range timesOf(j.Schedule, j.Jitter.Truncate(time.Minute), j.Zone, j.Now).intervals() {
		fmt.Fprintf(&b, "\t\t<dict>%s</dict>\n", interval)
	}
	b.WriteString("\t</array>\n\t<key>ProcessType</key>\n\t<string>Background</string>\n</dict>\n</plist>\n")
	return label, b.String(), nil
}

// intervals returns the contents of the dictionaries of StartCalendarInterval. Launchd starts
// what it has missed while the machine slept when it wakes up.
func (t times) intervals() (all []string) {
	for _, g := range t.groups() {
		hours, minutes := keys([]string{""}, "Hour", g.hours, 24), keys([]string{""}, "Minute", g.minutes, 60)
		for _, h := range hours {
			for _, m := range minutes {
				all = append(all, h+m)
			}
		}
	}
	if len(all) > mostIntervals {
		return []string{""}
	}
	for _, days := range []struct {
		key    string
		values []int
		all    int
	}{{"Weekday", t.weekdays, 7}, {"Day", t.days, 31}, {"Month", t.months, 12}} {
		if more := keys(all, days.key, days.values, days.all); len(more) <= mostIntervals {
			all = more
		}
	}
	return all
}

// keys returns each of the dictionaries with each of the values of a key, or as they are if
// all values are meant.
func keys(dictionaries []string, key string, values []int, all int) (out []string) {
	if len(values) == 0 || len(values) == all {
		return dictionaries
	}
	for _, d := range dictionaries {
		for _, v := range values {
			out = append(out, fmt.Sprintf("%s<key>%s</key><integer>%d</integer>", d, key, v))
		}
	}
	return out
}

func escapeXML(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // writing to a Builder doesn't fail
	return b.String()
}
