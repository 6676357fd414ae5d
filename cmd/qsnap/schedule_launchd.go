package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/qsnap/qsnap/internal/unit"
	"github.com/qsnap/qsnap/repo/report"
)

// launchd is the scheduler of macOS: a property list for each profile.
type launchd struct {
	dir    string // of property lists
	domain string
}

func newLaunchd(getenv func(string) string, ofUser bool) (launchd, error) {
	if !ofUser {
		return launchd{"/Library/LaunchDaemons", "system"}, nil
	}
	home := getenv("HOME")
	if !filepath.IsAbs(home) {
		return launchd{}, usage(errors.New("nobody knows where your agents are: set HOME"))
	}
	return launchd{filepath.Join(home, "Library", "LaunchAgents"), fmt.Sprintf("gui/%d", os.Getuid())}, nil
}

func (d launchd) plan(j unit.Job) (report.Scheduled, error) {
	label, plist, err := j.Launchd()
	return report.Scheduled{Files: []string{filepath.Join(d.dir, label+".plist")}, Text: plist}, err
}

func (d launchd) installed(_ context.Context, profile string) (report.Scheduled, error) {
	file := filepath.Join(d.dir, unit.LaunchdName(profile)+".plist")
	b, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return report.Scheduled{Files: []string{file}, Text: string(b)}, err
}

func (d launchd) install(ctx context.Context, s report.Scheduled) ([]string, error) {
	if runtime.GOOS != "darwin" {
		return nil, errSystem("launchd")
	}
	if err := writeUnit(s.Files[0], s.Text); err != nil {
		return nil, err
	}
	_ = launchctl(ctx, "bootout", d.domain, s.Files[0]) // it may not be there yet
	return nil, launchctl(ctx, "bootstrap", d.domain, s.Files[0])
}

func (d launchd) remove(ctx context.Context, s report.Scheduled) ([]string, error) {
	if err := ours(s.Files[0]); err != nil {
		return nil, err
	}
	if runtime.GOOS == "darwin" {
		_ = launchctl(ctx, "bootout", d.domain, s.Files[0]) // it may not be loaded
	}
	return nil, os.Remove(s.Files[0])
}

func launchctl(ctx context.Context, args ...string) error {
	out, err := exec.CommandContext(ctx, "launchctl", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("launchctl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
