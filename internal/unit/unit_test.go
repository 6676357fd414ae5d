package unit

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qsnap/qsnap/repo/job/calendar"
)

var update = flag.Bool("update", false, "write the golden files again")

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	l, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// schedule reads "every 1h" or "cron 0 3 * * * Europe/Berlin".
func schedule(t *testing.T, s string) calendar.Schedule {
	t.Helper()
	if text, is := strings.CutPrefix(s, "every "); is {
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		out, err := calendar.Every(d)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	s = strings.TrimPrefix(s, "cron ")
	at := strings.LastIndex(s, " ")
	out, err := calendar.Cron(s[:at], zone(t, s[at+1:]))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func job(t *testing.T, s string) Job {
	return Job{
		Profile: "app", Command: []string{"/usr/bin/qsnap", "--config", "/etc/qsnap/config.yaml", "run", "--scheduled", "-p", "app"},
		Schedule: schedule(t, s), Now: time.Date(2026, 11, 30, 14, 59, 0, 0, time.UTC), Zone: zone(t, "Europe/Berlin"),
	}
}

// golden compares a text with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs: go test ./internal/unit -update writes it again\n got:\n%s\nwant:\n%s", file, got, want)
	}
}

// hard is a job with names that need quotes.
func hard(t *testing.T) Job {
	j := job(t, "cron 30 2 * * * Europe/Berlin")
	j.Profile = `a "b" 50%/ü$HOME'`
	j.Command = []string{"/opt/my tools/qsnap", "run", "--scheduled", "-p", j.Profile, `C:\dir\`, ""}
	j.Home = "/home/the operator"
	j.Writes = []string{"/srv/my backups", "/var/100%"}
	j.Credentials = map[string]string{"key": "/etc/qsnap/app 1.key", "b": "/b"}
	j.OnFailure = "mail@%n.service"
	return j
}

func TestWhatIsWrittenForEachScheduler(t *testing.T) {
	for name, j := range map[string]Job{"hourly": job(t, "cron 0 * * * * Europe/Berlin"), "hard": hard(t)} {
		unit, service, timer, err := j.Systemd()
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name+".service", service)
		golden(t, name+".timer", timer)
		block, err := j.Crontab()
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name+".crontab", block)
		label, plist, err := j.Launchd()
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name+".plist", plist)
		path, task, err := j.WindowsTask()
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name+".xml", task)
		golden(t, name+".names", strings.Join([]string{unit, label, path, ""}, "\n"))
	}
}

func TestASchedulerThatCannotStartAJobSaysWhatToDo(t *testing.T) {
	nothing := job(t, "every 1h")
	nothing.Schedule = calendar.Schedule{}
	broken := job(t, "every 1h")
	broken.Profile = "a\nb"
	for want, j := range map[string]Job{
		"profile app has no schedule: add one, such as schedule: {every: 1h}": nothing,
		`"a\nb" has a line break, which a scheduler can't have`:               broken,
	} {
		for name, err := range map[string]error{"systemd": systemdError(j), "cron": second(j.Crontab()), "launchd": third(j.Launchd()), "windows": third(j.WindowsTask())} {
			if err == nil || err.Error() != want {
				t.Errorf("%s: %v, want %s", name, err, want)
			}
		}
	}
	if err := systemdError(job(t, "every 11s")); err == nil || !strings.Contains(err.Error(), "each 1 s; use an interval that divides a day, or qsnapd") {
		t.Errorf("systemd, every 11 s: %v", err)
	}
	if err := systemdError(job(t, "every 10s")); err != nil {
		t.Errorf("systemd, every 10 s: %v", err)
	}
	tenSeconds := job(t, "every 10s")
	for name, err := range map[string]error{"cron": second(tenSeconds.Crontab()), "launchd": third(tenSeconds.Launchd()), "windows": third(tenSeconds.WindowsTask())} {
		if err == nil || !strings.Contains(err.Error(), "use whole minutes, or qsnapd") {
			t.Errorf("%s, every 10 s: %v", name, err)
		}
	}
}

func systemdError(j Job) error {
	_, _, _, err := j.Systemd()
	return err
}

func second(_ string, err error) error { return err }

func third(_, _ string, err error) error { return err }
