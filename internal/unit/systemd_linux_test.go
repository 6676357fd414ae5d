package unit

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// analyze returns systemd-analyze, or skips the test where there is none. CI installs it.
func analyze(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	program, err := exec.LookPath("systemd-analyze")
	if err != nil {
		if os.Getenv("QSNAP_TEST_SCHEDULERS") == "required" {
			t.Fatal(err)
		}
		t.Skip("systemd-analyze is not installed")
	}
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "TZ=UTC", "LC_ALL=C", "SYSTEMD_COLORS=0")
	return cmd
}

func TestSystemdAcceptsTheUnits(t *testing.T) {
	free, user, plain := job(t, "every 90m"), job(t, "cron 0 3 * * sun Asia/Kolkata"), job(t, "every 1h")
	free.Free, user.User, plain.Writes = true, true, []string{"/srv/backup"}
	for name, j := range map[string]Job{"plain": plain, "with hooks": free, "of a user": user, "hard names": hard(t)} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			j.Command[0] = filepath.Join(dir, filepath.Base(j.Command[0]))
			if err := os.WriteFile(j.Command[0], []byte("#!/bin/sh\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			j.OnFailure = ""
			unit, service, timer, err := j.Systemd()
			if err != nil {
				t.Fatal(err)
			}
			args := []string{"verify", "--man=no"}
			if j.User {
				args = append(args, "--user")
				t.Setenv("XDG_RUNTIME_DIR", dir)
			}
			for ending, text := range map[string]string{".service": service, ".timer": timer} {
				file := filepath.Join(dir, unit+ending)
				if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
				args = append(args, file)
			}
			// It says in one line each what it doesn't know or ignores, and exits 0.
			out, err := analyze(t, args...).CombinedOutput()
			for line := range strings.Lines(string(out)) {
				if strings.Contains(line, unit) {
					t.Error(line)
				}
			}
			if err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

func TestSystemdSeesASettingThatIsWrong(t *testing.T) {
	file := filepath.Join(t.TempDir(), "qsnap-app.timer")
	_, _, timer, err := job(t, "every 1h").Systemd()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(timer, "Persistent=yes", "Persistant=yes", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, _ := analyze(t, "verify", "--man=no", file).CombinedOutput(); !strings.Contains(string(out), "Persistant") {
		t.Errorf("nothing is said of a setting that there isn't: %s", out)
	}
}

// The times of systemd are compared with the slots over a change of the clock.
func TestSystemdStartsARunAtEachSlot(t *testing.T) {
	for _, text := range schedules {
		j := job(t, text)
		if step := j.Schedule.Period(); step == 11*time.Minute || step > 24*time.Hour || strings.Contains(text, " 29 2 ") {
			continue // too many or too few times
		}
		now := time.Date(2026, 10, 24, 12, 0, 0, 0, time.UTC)
		due := map[time.Time]bool{}
		for _, line := range timesOf(j.Schedule, 0, time.UTC, j.Now).onCalendar() {
			out, err := analyze(t, "calendar", "--base-time=2026-10-24 12:00:00 UTC", "--iterations=300", line).Output()
			if err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			for word := range strings.Lines(string(out)) {
				_, at, _ := strings.Cut(word, ": ")
				if at, err := time.Parse("Mon 2006-01-02 15:04:05 UTC", strings.TrimSpace(at)); err == nil {
					due[at] = true
				}
			}
		}
		for slot := j.Schedule.Next(now); slot.Before(now.Add(40 * time.Hour)); slot = j.Schedule.Next(slot) {
			if !due[slot.UTC()] {
				t.Errorf("%s: systemd misses %s; it has %d times", text, slot.UTC(), len(due))
				break
			}
		}
	}
}
