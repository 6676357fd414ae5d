// Package runlog keeps a log of each run that the service of a host makes.
//
// The state directory has them: logs/PROFILE_ID.log, with the profile as state.FileName writes
// it. Each line is an object of JSON, as package slog writes it. What must stay true: a log
// that can't be written costs nothing else, and all logs together stay within a bound.
package runlog

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

	"github.com/qsnap/qsnap/internal/state"
)

// Dir is the directory of a state directory that has the logs.
const Dir = "logs"

// The logs of runs that are kept, and how long each may be.
const (
	keptLogs   = 500
	longestLog = 1 << 20
)

// A Log is the log of one run. It embeds the logger that writes it.
type Log struct {
	*slog.Logger
	file *os.File // nil: it could not be made
	left int
}

// Begin begins the log of a run in a directory, and removes the oldest logs if there are too
// many. With an error, there is a log that keeps nothing.
func Begin(dir, profile, id string) (*Log, error) {
	l := &Log{left: longestLog}
	l.Logger = slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{ReplaceAttr: LeaveOutEmpty}))
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		l.file, err = os.OpenFile(filepath.Join(dir, state.FileName(profile)+"_"+id+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	}
	if err != nil {
		return l, err
	}
	logs := byAge(dir, func(string) bool { return true })
	for _, name := range logs[min(keptLogs, len(logs)):] {
		_ = os.Remove(name) // the next run tries it again
	}
	return l, nil
}

// Write adds a line, as long as there is room.
func (l *Log) Write(line []byte) (int, error) {
	if l.file == nil || l.left < len(line) {
		return len(line), nil
	}
	l.left -= len(line)
	return l.file.Write(line)
}

// Close ends the log.
func (l *Log) Close() {
	if l.file != nil {
		_ = l.file.Close()
	}
}

// byAge returns the logs whose names match, the newest first.
func byAge(dir string, match func(name string) bool) []string {
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

// A NoLog error says that there is no log of a run or profile.
type NoLog struct{ Name, Dir string }

// Error returns one line.
func (e *NoLog) Error() string {
	return fmt.Sprintf("there is no log of a run or profile %q in %s", e.Name, e.Dir)
}

// Find returns the log of the run with an id, or of the newest run of a profile. The error is a
// *NoLog if there is none.
func Find(dir, name string) (string, error) {
	file := state.FileName(name)
	for _, match := range []func(string) bool{
		func(log string) bool { return strings.HasSuffix(log, "_"+file) },
		func(log string) bool { return strings.HasPrefix(log, file+"_") },
	} {
		if found := byAge(dir, match); len(found) > 0 {
			return found[0], nil
		}
	}
	return "", &NoLog{name, dir}
}

// ID returns the id of the run of a log.
func ID(path string) string {
	_, id, _ := strings.Cut(strings.TrimSuffix(filepath.Base(path), ".log"), "_")
	return id
}

// followInterval is how often a log is looked at that goes on.
const followInterval = 200 * time.Millisecond

// Copy copies a log, and what is added to it as long as its run goes on. A nil function says
// that it doesn't.
func Copy(ctx context.Context, path string, goesOn func() bool, to io.Writer) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for {
		last := goesOn == nil || !goesOn() // what it wrote before it ended is read below
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
