package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/unit"
	"github.com/qsnap/qsnap/repo/job/profile"
	"github.com/qsnap/qsnap/repo/report"
)

// A scheduler is a program that starts the runs of profiles. The caller adds the names of the
// profile and of the scheduler to what it returns.
type scheduler interface {
	// plan returns what would be installed for a job.
	plan(j unit.Job) (report.Scheduled, error)
	// installed returns what is installed for a profile. Without a text, nothing is.
	installed(ctx context.Context, profile string) (report.Scheduled, error)
	// install does what plan returned, and returns what is left to do.
	install(ctx context.Context, s report.Scheduled) (todo []string, err error)
	// remove removes what installed returned.
	remove(ctx context.Context, s report.Scheduled) (todo []string, err error)
}

// schedulerNames are the flags that choose a scheduler.
var schedulerNames = []string{"systemd", "cron", "launchd", "windows-task"}

// schedulerFlags returns the flags that choose a scheduler. Their help says what is done.
func schedulerFlags(what, does string) []cli.Flag {
	shown := map[string]string{"systemd": "systemd", "cron": "the user's crontab", "launchd": "launchd of macOS", "windows-task": "the task scheduler of Windows"}
	flags := []cli.Flag{&cli.BoolFlag{Name: "user", Usage: "use the user's systemd or launchd, not the system's, which only root can"}}
	for _, name := range schedulerNames {
		flags = append(flags, &cli.BoolFlag{Name: name, Usage: strings.TrimSpace(what + " " + shown[name] + " " + does)})
	}
	return flags
}

// schedulerOf returns the scheduler that is chosen, or nothing.
func schedulerOf(c *cli.Context) (name string, err error) {
	for _, one := range schedulerNames {
		switch {
		case !c.Bool(one):
		case name != "":
			return "", usage(fmt.Errorf("--%s and --%s exclude each other", name, one))
		default:
			name = one
		}
	}
	return name, nil
}

// usualScheduler returns the scheduler of this system.
func usualScheduler() string {
	switch {
	case runtime.GOOS == "windows":
		return "windows-task"
	case runtime.GOOS == "darwin":
		return "launchd"
	case systemdRuns():
		return "systemd"
	}
	return "cron"
}

// scheduler returns the scheduler with a name, for the system or for the user.
func (p *program) scheduler(name string, user bool) (scheduler, error) {
	switch name {
	case "systemd":
		return newSystemd(p.getenv, user)
	case "cron":
		return crontab{}, nil
	case "launchd":
		return newLaunchd(p.getenv, user)
	}
	return windowsTasks{}, nil
}

func ofUser(c *cli.Context) bool { return c.Bool("user") || os.Geteuid() > 0 }

// scheduledJob returns what a scheduler starts for a profile.
func (p *program) scheduledJob(c *cli.Context, one profile.Profile, scheduler string) (unit.Job, error) {
	s, err := p.planOf(one)
	if err != nil {
		return unit.Job{}, usage(err)
	}
	command, err := p.scheduledCommand(c, one.Name, scheduler)
	if err != nil {
		return unit.Job{}, err
	}
	home, _ := os.UserHomeDir() // it is not needed
	j := unit.Job{
		Profile: one.Name, Command: command, Schedule: s.due, Jitter: s.jitter, Now: time.Now(), Zone: time.Local,
		User: ofUser(c), Home: home, OnFailure: c.String("on-failure"), Free: runsPrograms(one), Credentials: map[string]string{},
	}
	secrets := []profile.Secret{one.Secret}
	written := append([]profile.Location{one.Repo}, one.Replicas...)
	for _, to := range one.Copies {
		secrets, written = append(secrets, to.Secret), append(written, to.Repo)
	}
	for _, secret := range secrets {
		if secret.Credential == "" {
			continue
		}
		if scheduler != "systemd" {
			return j, usage(hint{fmt.Errorf("profile %s: only systemd has the credential %s", one.Name, secret.Credential), "use --systemd, or key-file in the profile"})
		}
		j.Credentials[secret.Credential] = ""
	}
	for _, l := range written {
		if dir := l.Connect().Directory(); dir != "" {
			j.Writes = append(j.Writes, dir)
		}
	}
	switch cache, err := os.UserCacheDir(); {
	case one.CacheDir != "":
		j.Writes = append(j.Writes, string(one.CacheDir))
	case err == nil:
		j.Writes = append(j.Writes, filepath.Join(cache, "qsnap"))
	}
	return j, nil
}

// scheduledCommand returns the command line of a profile's runs.
func (p *program) scheduledCommand(c *cli.Context, name, scheduler string) ([]string, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if strings.Contains(exe, string(filepath.Separator)+"go-build") {
		return nil, usage(hint{fmt.Errorf("%s is a temporary file", exe), "install qsnap first: go build -o /usr/local/bin/qsnap ./cmd/qsnap"})
	}
	config, err := profile.Locate(p.getenv, c.String("config"))
	if err != nil {
		return nil, usage(err)
	}
	command := []string{exe, "--config", config, "run", "--scheduled", "-p", name}
	if scheduler == "cron" { // which sends all that is printed
		command = append(command, "--quiet")
	}
	return command, nil
}

// runsPrograms reports whether runs of a profile start other programs.
func runsPrograms(one profile.Profile) bool {
	h := one.Hooks
	programs := len(h.Before)+len(h.After)+len(h.OnSuccess)+len(h.OnFailure)+len(h.OnOverdue) > 0 || one.PasswordCommand != ""
	locations := append([]profile.Location{one.Repo}, one.Replicas...)
	for _, to := range one.Copies {
		programs = programs || to.PasswordCommand != ""
		locations = append(locations, to.Repo)
	}
	for _, l := range locations {
		programs = programs || strings.HasPrefix(string(l.Connect()), "rclone:")
	}
	return programs
}

// errSystem says that a scheduler isn't that of this system.
func errSystem(name string) error {
	return usage(hint{fmt.Errorf("%s is not on this system", name), "print what it reads with --print"})
}

// writeUnit writes a file of a scheduler. It replaces only what qsnap has written.
func writeUnit(file, text string) error {
	if err := ours(file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	part := file + ".qsnap-part"
	if err := os.WriteFile(part, []byte(text), 0o644); err != nil {
		return err
	}
	return os.Rename(part, file)
}

// ours returns an error if qsnap has not written a file.
func ours(file string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if !strings.Contains(string(b), unit.Written) {
		return hint{fmt.Errorf("%s was not written by qsnap", file), "remove it yourself if it is not needed"}
	}
	return nil
}
