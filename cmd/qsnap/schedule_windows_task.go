package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/qsnap/qsnap/internal/unit"
	"github.com/qsnap/qsnap/repo/report"
)

// windowsTasks is the task scheduler of Windows: a task for each profile.
type windowsTasks struct{}

func (windowsTasks) plan(j unit.Job) (report.Scheduled, error) {
	path, task, err := j.WindowsTask()
	return report.Scheduled{Files: []string{path}, Text: task}, err
}

func (windowsTasks) installed(ctx context.Context, profile string) (report.Scheduled, error) {
	s := report.Scheduled{Files: []string{unit.WindowsName(profile)}}
	if runtime.GOOS != "windows" {
		return s, errSystem("the task scheduler of Windows")
	}
	out, err := exec.CommandContext(ctx, "schtasks", "/Query", "/TN", s.Files[0], "/XML").Output()
	if err == nil {
		s.Text = string(out)
	}
	return s, nil
}

func (windowsTasks) install(ctx context.Context, s report.Scheduled) ([]string, error) {
	if runtime.GOOS != "windows" {
		return nil, errSystem("the task scheduler of Windows")
	}
	dir, err := os.MkdirTemp("", "qsnap-task-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "task.xml")
	if err := os.WriteFile(file, []byte(s.Text), 0o600); err != nil {
		return nil, err
	}
	return nil, schtasks(ctx, "/Create", "/F", "/TN", s.Files[0], "/XML", file)
}

func (windowsTasks) remove(ctx context.Context, s report.Scheduled) ([]string, error) {
	return nil, schtasks(ctx, "/Delete", "/F", "/TN", s.Files[0])
}

func schtasks(ctx context.Context, args ...string) error {
	out, err := exec.CommandContext(ctx, "schtasks", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("schtasks %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
