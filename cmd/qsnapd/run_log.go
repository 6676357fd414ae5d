package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/qsnap/qsnap/internal/control"
	"github.com/qsnap/qsnap/internal/state"
)

// logDir is where the state directory has the logs of runs: PROFILE_ID.log, with the profile
// as state.FileName writes it. Each line is an object of JSON, as package slog writes it.
const logDir = "logs"

// The logs of runs that are kept, and how long each may be.
const (
	keptLogs   = 500
	longestLog = 1 << 20
)

// A runLog is the log of one run.
type runLog struct {
	log  *slog.Logger
	file *os.File // nil: it could not be made
	left int
}

// openLog begins the log of a run, and removes the oldest logs if there are too many. A log
// that can't be written costs nothing else.
func openLog(dir, profile, id string, service *slog.Logger) *runLog {
	l := &runLog{left: longestLog}
	l.log = slog.New(slog.NewJSONHandler(l, nil))
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		l.file, err = os.OpenFile(filepath.Join(dir, state.FileName(profile)+"_"+id+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	}
	if err != nil {
		service.Warn("a run has no log", "err", err)
		return l
	}
	logs := logsByAge(dir, func(string) bool { return true })
	for _, name := range logs[min(keptLogs, len(logs)):] {
		_ = os.Remove(name) // the next run tries it again
	}
	return l
}

// Write adds a line, as long as there is room.
func (l *runLog) Write(line []byte) (int, error) {
	if l.file == nil || l.left < len(line) {
		return len(line), nil
	}
	l.left -= len(line)
	return l.file.Write(line)
}

func (l *runLog) close() {
	if l.file != nil {
		_ = l.file.Close()
	}
}

// logsByAge returns the logs whose names match, the newest first.
func logsByAge(dir string, match func(name string) bool) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var names []string
	age := map[string]time.Time{}
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && strings.HasSuffix(e.Name(), ".log") && match(strings.TrimSuffix(e.Name(), ".log")) {
			name := filepath.Join(dir, e.Name())
			names, age[name] = append(names, name), info.ModTime()
		}
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(age[b].Compare(age[a]), strings.Compare(a, b)) })
	return names
}

// findLog returns the log of the run with an id, or of the newest run of a profile.
func findLog(dir, name string) (string, error) {
	file := state.FileName(name)
	for _, match := range []func(string) bool{
		func(log string) bool { return strings.HasSuffix(log, "_"+file) },
		func(log string) bool { return strings.HasPrefix(log, file+"_") },
	} {
		if found := logsByAge(dir, match); len(found) > 0 {
			return found[0], nil
		}
	}
	return "", fmt.Errorf("run or profile %q: %w to the logs in %s", name, control.ErrUnknown, dir)
}

// logID returns the id in the name of a log.
func logID(name string) string {
	_, id, _ := strings.Cut(strings.TrimSuffix(name, ".log"), "_")
	return id
}

// followInterval is how often a log is looked at that goes on.
const followInterval = 200 * time.Millisecond

// copyFile copies a log. With follow it goes on as long as its run does.
func copyFile(ctx context.Context, path string, follow bool, goesOn func() bool, to io.Writer) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for {
		last := !follow || !goesOn() // what it wrote before it ended is read below
		if _, err := io.Copy(to, f); err != nil {
			return err
		}
		if last {
			return nil
		}
		select {
		case <-time.After(followInterval):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
