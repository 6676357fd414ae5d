package unit

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// shortestTimer is how often a timer may start a process.
const shortestTimer = 10 // seconds

// Systemd returns the names of a job's service and timer, without their endings, and what is
// in them.
func (j Job) Systemd() (name, service, timer string, err error) {
	if err := j.check(); err != nil {
		return "", "", "", err
	}
	t := timesOf(j.Schedule, j.Jitter, time.UTC, j.Now)
	if step := t.step(); step < shortestTimer {
		return "", "", "", fmt.Errorf("profile %s, %s: a timer would have to start each %d s; use an interval that divides a day, or qsnapd", j.Profile, j.Schedule, step)
	}
	return SystemdName(j.Profile), j.service(), j.timer(t), nil
}

// SystemdName returns the name of the units of a profile, without their endings.
func SystemdName(profile string) string {
	var b strings.Builder
	b.WriteString("qsnap-")
	for _, c := range []byte(profile) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(":_.-", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, `\x%02x`, c)
		}
	}
	return b.String()
}

// timer returns the timer of the job.
func (j Job) timer(t times) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n", Written)
	fmt.Fprintf(&b, "[Unit]\nDescription=qsnap: when profile %s is due, %s\n\n", specifiers(j.Profile), specifiers(j.Schedule.String()))
	b.WriteString("# The times of all slots in UTC, because systemd leaves out an hour when clocks are put\n" +
		"# back. At the times that are no slot, the run finds its slot done, and ends.\n[Timer]\n")
	for _, line := range t.onCalendar() {
		fmt.Fprintf(&b, "OnCalendar=%s\n", line)
	}
	b.WriteString("AccuracySec=1s\nPersistent=yes\n\n[Install]\nWantedBy=timers.target\n")
	return b.String()
}

var weekdayNames = [...]string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"}

// onCalendar returns the times as systemd.time(7) has them, in UTC.
func (t times) onCalendar() (lines []string) {
	var weekdays []string
	for _, d := range t.weekdays {
		weekdays = append(weekdays, weekdayNames[d])
	}
	day := fmt.Sprintf("*-%s-%s", list(t.months, 2, 12), list(t.days, 2, 31))
	if len(weekdays) > 0 {
		day = strings.Join(weekdays, ",") + " " + day
	}
	for _, g := range t.groups() {
		lines = append(lines, fmt.Sprintf("%s %s:%s:%s UTC", day, list(g.hours, 2, 24), list(g.minutes, 2, 60), list(g.seconds, 2, 60)))
	}
	return lines
}

// service returns the service of the job.
func (j Job) service() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n[Unit]\nDescription=qsnap: a run of profile %s\n", Written, specifiers(j.Profile))
	if !j.User {
		b.WriteString("Wants=network-online.target\nAfter=network-online.target\n")
	}
	if j.OnFailure != "" {
		fmt.Fprintf(&b, "OnFailure=%s\n", specifiers(j.OnFailure))
	}
	b.WriteString("\n[Service]\nType=oneshot\n")
	var words []string
	for _, word := range j.Command {
		words = append(words, systemdWord(strings.ReplaceAll(word, "$", "$$")))
	}
	if j.Home != "" && !j.User {
		fmt.Fprintf(&b, "Environment=%s\n", systemdWord("HOME="+j.Home))
	}
	fmt.Fprintf(&b, "ExecStart=%s\n", strings.Join(words, " "))
	b.WriteString("# Single files were unread, a replica is late, or another run is under way.\nSuccessExitStatus=3 4 6\n")
	for _, name := range slices.Sorted(maps.Keys(j.Credentials)) {
		from := ""
		if file := j.Credentials[name]; file != "" {
			from = ":" + file
		}
		fmt.Fprintf(&b, "LoadCredential=%s\n", specifiers(name+from)) // not quoted
	}
	b.WriteString("# The run ends what it does, and the hook \"after\" runs.\nKillMode=mixed\nTimeoutStopSec=5min\n")
	b.WriteString(j.hardening())
	return b.String()
}

// hardening returns what the service must not do. Hooks may have to do anything, so with them
// there are only the settings that hinder nobody.
func (j Job) hardening() string {
	lines := []string{"LockPersonality=yes", "RestrictRealtime=yes", "KeyringMode=private"}
	if j.Free {
		return "\n# Hooks and commands of the profile may do anything, so this is all.\n" + strings.Join(lines, "\n") + "\n"
	}
	lines = append(lines,
		"NoNewPrivileges=yes", "MemoryDenyWriteExecute=yes", "RestrictNamespaces=yes", "RestrictSUIDSGID=yes",
		"SystemCallArchitectures=native", "SystemCallFilter=@system-service", "SystemCallErrorNumber=EPERM", "UMask=0077")
	if j.User { // the rest needs privileges
		return "\n" + strings.Join(lines, "\n") + "\n"
	}
	lines = append(lines,
		"RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
		"# Files of any owner are read with all their attributes, and written to the repository.",
		"CapabilityBoundingSet=CAP_DAC_READ_SEARCH CAP_DAC_OVERRIDE CAP_FOWNER CAP_CHOWN CAP_LEASE CAP_SYS_NICE CAP_SYS_RESOURCE CAP_SYS_ADMIN",
		"DevicePolicy=closed", "ProtectClock=yes", "ProtectControlGroups=yes", "ProtectHostname=yes", "ProtectKernelLogs=yes",
		"ProtectKernelModules=yes", "ProtectKernelTunables=yes",
		"# Only these directories are written to.",
		"ProtectSystem=strict", "ProtectHome=read-only",
		"StateDirectory=qsnap", "StateDirectoryMode=0700", "RuntimeDirectory=qsnap", "RuntimeDirectoryPreserve=yes",
		"ReadWritePaths=/tmp /var/tmp") // not PrivateTmp, which would hide sources there
	for _, dir := range j.Writes {
		lines = append(lines, "ReadWritePaths="+systemdWord("-"+dir))
	}
	return "\n" + strings.Join(lines, "\n") + "\n"
}

// systemdWord quotes a word of a setting.
func systemdWord(s string) string {
	s = specifiers(s)
	if s != "" && !strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c == 0x7f || strings.ContainsRune(`"'\;`, c) }) {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\t", `\t`).Replace(s) + `"`
}

// specifiers escapes what systemd would replace.
func specifiers(s string) string { return strings.ReplaceAll(s, "%", "%%") }
