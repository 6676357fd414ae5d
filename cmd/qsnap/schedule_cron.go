package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/qsnap/qsnap/internal/unit"
	"github.com/qsnap/qsnap/repo/report"
)

// crontab is cron: a block for each profile in the crontab of the user.
type crontab struct{}

func (crontab) plan(j unit.Job) (report.Scheduled, error) {
	block, err := j.Crontab()
	return report.Scheduled{Files: []string{"the crontab"}, Text: block}, err
}

func (crontab) installed(ctx context.Context, profile string) (report.Scheduled, error) {
	text, err := readCrontab(ctx)
	if err != nil {
		return report.Scheduled{}, err
	}
	_, block, err := unit.OutOfCrontab(text, profile)
	return report.Scheduled{Text: block}, err
}

func (crontab) install(ctx context.Context, s report.Scheduled) ([]string, error) {
	text, err := readCrontab(ctx)
	if err == nil {
		text, err = unit.InCrontab(text, s.Profile, s.Text)
	}
	if err != nil {
		return nil, err
	}
	return nil, writeCrontab(ctx, text)
}

func (crontab) remove(ctx context.Context, s report.Scheduled) ([]string, error) {
	text, err := readCrontab(ctx)
	if err == nil {
		text, _, err = unit.OutOfCrontab(text, s.Profile)
	}
	if err != nil {
		return nil, err
	}
	return nil, writeCrontab(ctx, text)
}

// readCrontab returns the user's crontab. One that isn't there is empty.
func readCrontab(ctx context.Context) (string, error) {
	out, said, err := runCrontab(ctx, "-l")
	if err != nil && strings.Contains(said, "no crontab for") {
		return "", nil
	}
	return out, err
}

// writeCrontab replaces the user's crontab. Cron notices.
func writeCrontab(ctx context.Context, text string) error {
	dir, err := os.MkdirTemp("", "qsnap-crontab-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "crontab")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return err
	}
	_, _, err = runCrontab(ctx, file)
	return err
}

// runCrontab runs crontab and returns what it printed, and what it said to standard error.
func runCrontab(ctx context.Context, args ...string) (out, said string, err error) {
	cmd := exec.CommandContext(ctx, "crontab", args...)
	cmd.Env = append(cmd.Environ(), "LC_ALL=C")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	said = strings.TrimSpace(stderr.String())
	switch {
	case errors.Is(err, exec.ErrNotFound):
		err = hint{errors.New("there is no crontab command"), "install cron, or print the lines with --print"}
	case err != nil:
		err = fmt.Errorf("crontab %s: %w: %s", strings.Join(args, " "), err, said)
	}
	return stdout.String(), said, err
}
