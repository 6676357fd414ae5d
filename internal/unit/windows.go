package unit

import (
	"encoding/xml"
	"fmt"
	"strings"
	"time"
)

// mostTriggers is how many triggers a task of Windows may have.
const mostTriggers = 48

// WindowsName returns the path of a profile's task. It has no characters that a file of
// Windows can't have.
func WindowsName(profile string) string {
	name := strings.TrimPrefix(SystemdName(profile), "qsnap-")
	return `\qsnap\` + strings.NewReplacer(`\x`, "%", ":", "%3a").Replace(name)
}

// WindowsTask returns the path of a job's task and its XML.
func (j Job) WindowsTask() (path, task string, err error) {
	if err := j.check(); err != nil {
		return "", "", err
	}
	if j.Schedule.Period()%time.Minute != 0 {
		return "", "", fmt.Errorf("profile %s, %s: Windows starts tasks at whole minutes; use whole minutes, or qsnapd", j.Profile, j.Schedule)
	}
	triggers := timesOf(j.Schedule, j.Jitter.Truncate(time.Minute), time.UTC, j.Now).triggers(j.Now)
	principal := "<UserId>S-1-5-18</UserId><RunLevel>HighestAvailable</RunLevel>" // the system
	if j.User {
		principal = "<LogonType>InteractiveToken</LogonType>"
	}
	var b strings.Builder
	b.WriteString(xml.Header)
	fmt.Fprintf(&b, "<!-- %s -->\n", Written)
	b.WriteString(`<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">` + "\n")
	fmt.Fprintf(&b, "\t<RegistrationInfo><Description>qsnap: runs of profile %s, %s</Description></RegistrationInfo>\n", escapeXML(j.Profile), escapeXML(j.Schedule.String()))
	fmt.Fprintf(&b, "\t<Triggers>\n%s\t</Triggers>\n", triggers)
	fmt.Fprintf(&b, "\t<Principals><Principal id=\"Author\">%s</Principal></Principals>\n", principal)
	b.WriteString("\t<Settings>\n\t\t<MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>\n" +
		"\t\t<DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>\n\t\t<StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>\n" +
		"\t\t<StartWhenAvailable>true</StartWhenAvailable>\n\t\t<ExecutionTimeLimit>PT0S</ExecutionTimeLimit>\n\t\t<Priority>7</Priority>\n\t</Settings>\n")
	var arguments []string
	for _, word := range j.Command[1:] {
		arguments = append(arguments, windowsWord(word))
	}
	fmt.Fprintf(&b, "\t<Actions Context=\"Author\"><Exec><Command>%s</Command><Arguments>%s</Arguments></Exec></Actions>\n</Task>\n",
		escapeXML(windowsWord(j.Command[0])), escapeXML(strings.Join(arguments, " ")))
	return WindowsName(j.Profile), b.String(), nil
}

// triggers returns the triggers of a task: one for each time of the day, or one that is
// repeated if these would be too many. On days without a slot, a run finds its slot done.
func (t times) triggers(now time.Time) string {
	day := now.UTC().Truncate(24 * time.Hour)
	trigger := func(second int, repetition string) string {
		at := day.Add(time.Duration(second) * time.Second)
		return fmt.Sprintf("\t\t<CalendarTrigger>%s<StartBoundary>%s</StartBoundary><Enabled>true</Enabled><ScheduleByDay><DaysInterval>1</DaysInterval></ScheduleByDay></CalendarTrigger>\n",
			repetition, at.Format(time.RFC3339))
	}
	if step := t.step(); len(t.seconds) > mostTriggers || len(t.seconds) > 1 && len(t.seconds) == daySeconds/step {
		return trigger(t.seconds[0]%step, fmt.Sprintf("<Repetition><Interval>PT%dM</Interval><Duration>P1D</Duration></Repetition>", step/60))
	}
	var b strings.Builder
	for _, second := range t.seconds {
		b.WriteString(trigger(second, ""))
	}
	return b.String()
}

// windowsWord quotes a word of a command line, as programs that are written in C and Go read
// it.
func windowsWord(s string) string {
	if s != "" && !strings.ContainsAny(s, " \t\"") {
		return s
	}
	var b strings.Builder
	b.WriteByte('"')
	slashes := 0
	for _, c := range []byte(s) {
		switch c {
		case '\\':
			slashes++
		case '"':
			b.WriteString(strings.Repeat(`\`, slashes+1))
			slashes = 0
		default:
			slashes = 0
		}
		b.WriteByte(c)
	}
	b.WriteString(strings.Repeat(`\`, slashes) + `"`)
	return b.String()
}
