package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"

	"github.com/qsnap/qsnap/internal/unit"
	"github.com/qsnap/qsnap/repo/report"
)

// systemd is the scheduler of that name: a service and a timer for each profile.
type systemd struct {
	dir  string // of units
	user bool
}

// systemdRuns reports whether systemd has started this system.
func systemdRuns() bool {
	info, err := os.Stat("/run/systemd/system")
	return err == nil && info.IsDir()
}

func newSystemd(getenv func(string) string, ofUser bool) (systemd, error) {
	if !ofUser {
		return systemd{"/etc/systemd/system", false}, nil
	}
	config := getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(config) {
		home := getenv("HOME")
		if !filepath.IsAbs(home) {
			return systemd{}, usage(errors.New("nobody knows where your units are: set HOME"))
		}
		config = filepath.Join(home, ".config")
	}
	return systemd{filepath.Join(config, "systemd", "user"), true}, nil
}

func (d systemd) plan(j unit.Job) (report.Scheduled, error) {
	name, service, timer, err := j.Systemd()
	if err != nil {
		return report.Scheduled{}, err
	}
	return d.scheduled(name, service, timer), nil
}

// scheduled returns what there is for a name of units. The text holds both files.
func (d systemd) scheduled(name, service, timer string) report.Scheduled {
	files := []string{filepath.Join(d.dir, name+".service"), filepath.Join(d.dir, name+".timer")}
	return report.Scheduled{Files: files, Text: titled(files[0]) + service + titled(files[1]) + timer}
}

// titled returns the line above a file in a text.
func titled(file string) string { return "## " + file + "\n" }

func (d systemd) installed(_ context.Context, profile string) (report.Scheduled, error) {
	name := unit.SystemdName(profile)
	s := d.scheduled(name, "", "")
	var texts []string
	for _, file := range s.Files {
		b, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return s, err
		}
		texts = append(texts, string(b))
	}
	if texts[0]+texts[1] == "" {
		return report.Scheduled{}, nil
	}
	return d.scheduled(name, texts[0], texts[1]), nil
}

func (d systemd) install(ctx context.Context, s report.Scheduled) (todo []string, err error) {
	service, timer, _ := strings.Cut(strings.TrimPrefix(s.Text, titled(s.Files[0])), titled(s.Files[1]))
	for i, text := range []string{service, timer} {
		if err := writeUnit(s.Files[i], text); err != nil {
			return nil, err
		}
	}
	todo, err = d.tell(ctx, []string{"daemon-reload"}, []string{"enable", "--now", filepath.Base(s.Files[1])})
	if d.user {
		who := "$USER"
		if u, err := user.Current(); err == nil {
			who = u.Username
		}
		todo = append(todo, "loginctl enable-linger "+who+"   # so that it runs while you are not logged in")
	}
	return todo, err
}

func (d systemd) remove(ctx context.Context, s report.Scheduled) (todo []string, err error) {
	for _, file := range s.Files {
		if err := ours(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	if todo, err = d.tell(ctx, []string{"disable", "--now", filepath.Base(s.Files[1])}); err != nil {
		return nil, err
	}
	if !systemdRuns() { // nothing has to know
		todo = nil
	}
	for _, file := range s.Files {
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	if systemdRuns() {
		_, err = d.tell(ctx, []string{"daemon-reload"})
	}
	return todo, err
}

// tell runs systemctl with each of the lists of arguments. Where systemd doesn't run, it
// returns the command lines.
func (d systemd) tell(ctx context.Context, commands ...[]string) (todo []string, err error) {
	for _, args := range commands {
		if d.user {
			args = append([]string{"--user"}, args...)
		}
		if !systemdRuns() {
			todo = append(todo, "systemctl "+strings.Join(args, " "))
			continue
		}
		if out, err := exec.CommandContext(ctx, "systemctl", args...).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("systemctl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
		}
	}
	return todo, nil
}
